"""A recorded stream as one reply: what its chunks say together, in SQL over lists.

A recording is a list of chunks, each an object, its text, or an object that wraps it in `data` or `chunk`,
with the time at which it came in it or beside it; or the text of the stream, as server-sent events or one
object a line. A whole reply is read as a stream of one chunk. Of a long stream only the chunks that tell
something are parsed, because a parsed one takes kilobytes. Of several values of a name the last that is known
counts, of names and ids the first; the usage in `start` is the first one.
"""

import json
from collections.abc import Iterator

from llmops_assets.formats.format import Structure, texts

# Where the events of some families keep what a whole reply has at its top.
INNER = ("message", "response", "metadata", "messageStop", "delta", "x_groq")
# Stated once, and then empty or another for each event.
FIRST = frozenset(("id", "model", "modelVersion", "responseId", "response_id", "generation_id", "object", "type"))
FINISH = {"choices": "finish_reason", "candidates": "finishReason"}
TIMES = ("received_at", "timestamp", "time")
OFFSETS = ("elapsed_ms", "offset_ms")
MARK = texts("data", "chunk", *TIMES, *OFFSETS)


def chunk_steps(name: str, response: str, reply: Structure) -> list[dict[str, str]]:
    """Steps of the format `name` up to `folded`, the reply of which `reply` is read.

    `response` is SQL of the recorded reply's text.
    """
    return [*_recorded(name, response), *_parsed(name, reply), {"folded": _folded(name, reply)}]


def _recorded(name: str, response: str) -> list[dict[str, str]]:
    """Steps to `objects`, the texts of all chunks, and `marks`, the times beside them if there are any."""
    whole = f"({name}_begins = '{{' and json_valid({response}))"
    listed = f"({name}_begins = '[' and json_valid({response}))"
    has_marks = f"{listed} and regexp_matches({response}, '\"({'|'.join(MARK)})\"\\s*:')"
    marked = f"case when {name}_marks is null then null else {name}_marks[position] end"
    return [
        {"begins": f"left(ltrim({response}, e' \\t\\r\\n'), 1)"},
        {
            "is_stream": f"case when {response} is not null then not {whole} end",
            "marks": f"case when {has_marks} then from_json({response}, {literal([MARK])}) end",
            "pieces": f"case when {listed} then from_json({response}, '[\"VARCHAR\"]') end",
        },
        {
            "objects": f"case when {response} is null then null when {whole} then [{response}] "
            f"when {name}_pieces is null then llm_chunk_lines({response}) "
            f"when starts_with({response}, '[\"') then llm_chunk_lines(array_to_string({name}_pieces, e'\\n')) "
            f"else list_transform({name}_pieces, lambda piece, position: coalesce("
            f"llm_chunk(({marked}).data), llm_chunk(({marked}).chunk), llm_chunk(piece), 'null')) end",
        },
    ]


def _parsed(name: str, reply: Structure) -> list[dict[str, str]]:
    """Steps to the structs of the chunks that tell something, and of what is inside them.

    For a whole reply only `begin` has one; of a stream `begin` has the chunks first, `end` what is inside them.
    """
    return [
        {
            "telling": f"case when {name}_is_stream then llm_telling_chunks({name}_objects) else {name}_objects end",
            "first_delta": f"case when {name}_marks is not null and {name}_is_stream then {name}_marks[list_position("
            f"list_transform({name}_objects, lambda chunk: llm_is_piece(chunk)), true)] end",
        },
        {
            "inner_objects": f"case when {name}_is_stream then list_filter(flatten(list_transform("
            f"from_json(llm_chunk_array({name}_telling), {literal([texts(*INNER)])}), "
            f"lambda chunk: [{_inner('chunk')}])), lambda found: starts_with(found, '{{')) end",
        },
        {
            "count": f"len({name}_telling)",
            "begin": f"case when {name}_telling is not null then from_json(llm_chunk_array("
            f"list_concat({name}_telling, coalesce({name}_inner_objects, []))), {literal([reply])}) end",
        },
        {
            "end": f"case when {name}_is_stream then list_concat({name}_begin[{name}_count + 1:], "
            f"{name}_begin[:{name}_count]) end",
        },
    ]


def _inner(chunk: str) -> str:
    return ", ".join(f'{chunk}."{place}"' for place in INNER)


def _folded(name: str, reply: Structure) -> str:
    fields = [f'"{field}" := {sql}' for field, sql in _fields(name, reply)]
    start = f"case when {name}_is_stream then {_known(f'{name}_end', 'usage')}[1] end"
    packed = f"struct_pack({', '.join((*fields, f'start := {start}'))})"
    return f"case when {name}_begin is not null then {packed} end"


def _fields(name: str, reply: Structure) -> Iterator[tuple[str, str]]:
    for field, structure in reply.items():
        if field in FIRST:
            streamed = f"{_known(f'{name}_begin', field)}[1]"
        elif field in FINISH:
            known = _known(f"{name}_end", field)
            streamed = f"coalesce(list_filter({known}, lambda x: x[1].{FINISH[field]} is not null)[-1], {known}[-1])"
        else:
            streamed = f"{_known(f'{name}_end', field, is_text=structure == 'VARCHAR')}[-1]"
        yield field, f"case when {name}_is_stream then {streamed} else {name}_begin[1].{field} end"


def _known(layers: str, field: str, *, is_text: bool = False) -> str:
    test = "x <> ''" if is_text or field in FIRST else "x is not null"
    return f"list_filter(list_transform({layers}, lambda layer: layer.{field}), lambda x: {test})"


def literal(structure: object) -> str:
    return "'" + json.dumps(structure) + "'"
