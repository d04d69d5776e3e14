"""Tags as exports write them: an object, parallel lists of keys and values, or either as JSON in a text.

Belongs here: SQL for formats that share these shapes. What a tag is, and which are dropped, is `sql/tags.sql`.
"""


def list_of(text: str) -> str:
    """SQL of a list of texts from a JSON list; NULL where it holds none."""
    return f"case when starts_with({text}, '[') then try(from_json({text}, '[\"VARCHAR\"]')) end"


def object_tags(text: str) -> str:
    """SQL of the tags in a JSON object; a member that is no name or number is left out."""
    parsed = f"llm_map({text})"
    return f"case when starts_with({text}, '{{') and {parsed} is not null then llm_object_tags({text}, {parsed}) end"


def paired_tags(keys: str, values: str) -> str:
    """SQL of the tags in two lists of one length; of a key that comes twice the first is kept."""
    # An absent list is a NULL of no type, of which DuckDB would make another kind of map.
    keys, values = f"cast({keys} as varchar[])", f"cast({values} as varchar[])"
    entries = (
        f"list_transform(list_zip({keys}, {values}), lambda e, i: "
        f"case when list_position({keys}, e[1]) = i then struct_pack(key := e[1], value := e[2]) end)"
    )
    known = f"list_filter({entries}, lambda e: e is not null and llm_scalar(e.key) is not null)"
    return f"case when len({keys}) = len({values}) then llm_clean_tags(map_from_entries({known})) end"
