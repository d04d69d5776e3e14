"""What a wire format states about itself, and the fields that it maps its records to.

Belongs here: the vocabulary that formats and the decoder share. A field is still text where the decoder
shall cast it, so that a value of the wrong type is told apart from an absent one in one place.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

Structure = Mapping[str, object]

IDENTIFIERS = (
    "event_id",
    "request_id",
    "trace_id",
    "tenant_id",
    "user_id",
    "end_user_id",
    "session_id",
    "api_key_id",
    "feature",
    "environment",
    "config_id",
    "variant_id",
    "provider",
    "upstream_provider",
    "model",
    "requested_model",
    "operation",
    "service_tier",
    "status",
    "error_code",
    "finish_reason",
    "cost_currency",
)
TOKENS = (
    "tokens_input",
    "tokens_cache_read",
    "tokens_cache_write",
    "tokens_cache_write_1h",
    "tokens_output",
    "tokens_reasoning",
    "tokens_audio_input",
    "tokens_audio_output",
    "tokens_image_input",
)
COUNTS = (*TOKENS, "tokens_total", "web_search_requests", "attempt", "status_code")
NUMBERS = ("latency_ms", "time_to_first_token_ms", "temperature")
BOOLEANS = ("streaming", "cache_hit", "success")
MONEY = ("cost", "cost_micro", "saved_cost")
TIMES = ("started_at", "ended_at", "first_token_at")
OTHER_TEXTS = ("error_message", "error_detail")
# report: of a provider's report, which is no call, its results as JSON without contents.
# cost_kind: billed or estimated. event_is_request: the request id is the event's id. zero_cost_is_missing:
# a cost of 0 beside tokens, success and no cache hit is no price. has_repeated_tag: a key of the tags
# comes twice. is_call: false for well-formed records of something else. is_cache_unreported: the producer
# never says how much of the input came from a cache. has_hidden_reasoning: the output has reasoning that only
# the producer's total shows.
TYPED = {
    "tags": "map(varchar, varchar)",
    "report": "varchar",
    "cost_kind": "varchar",
    "event_is_request": "boolean",
    "zero_cost_is_missing": "boolean",
    "has_repeated_tag": "boolean",
    "is_call": "boolean",
    "is_cache_unreported": "boolean",
    "has_hidden_reasoning": "boolean",
}
FIELDS: dict[str, str] = {
    **dict.fromkeys((*IDENTIFIERS, *COUNTS, *NUMBERS, *BOOLEANS, *MONEY, *TIMES, *OTHER_TEXTS), "varchar"),
    **TYPED,
}
# Texts that the meaning of a record is made of whether or not they are known.
ALWAYS = (*OTHER_TEXTS, "started_at")
DEFAULTS = {
    "tags": "null",
    "report": "null",
    "cost_kind": "'estimated'",
    "event_is_request": "false",
    "zero_cost_is_missing": "false",
    "has_repeated_tag": "false",
    "is_call": "true",
    "is_cache_unreported": "false",
    "has_hidden_reasoning": "false",
}


@dataclass(frozen=True)
class Envelope:
    """What makes a line that holds many records, and how they are taken out, each to become a row of its own.

    `detect` is a predicate over `keys`, the top-level keys of the line. `records` is a query over the relation
    `opened`, with a row for each such line and the columns `place` (a number) and `text`; it gives `place`,
    `record_index` (from 0, within the place) and `text`, which must be JSON, of every record. What came twice
    in a record must come twice in its text, else it would be lost in silence. `reason` is SQL over the text of
    a line: why it cannot be opened, one of the reasons to reject, or NULL. A line in which there is no record
    is none of a call.
    """

    name: str
    detect: str
    records: str
    reason: str = "null"


def listed(records: str) -> str:
    """The `records` of an envelope from SQL over `text` that is a list of JSON."""
    return (
        "select place, unnest(range(len(records))) as record_index, unnest(records) as text "
        f"from (select place, cast({records} as varchar[]) as records from opened)"
    )


@dataclass(frozen=True)
class Format:
    """One wire format: how to recognise a record, what to read of it, and what that means.

    `detect` is a predicate over `keys`, the list of the record's top-level keys; the claim of the format
    with the lowest `rank` wins. `struct` names what is read, every leaf VARCHAR (an object read as VARCHAR
    is its JSON text). `steps` and `columns` are SQL over the struct, which bears the format's name; each
    step may use the steps before it and is named `<format>_<step>`; columns may use all steps, and those of
    DEFAULTS also `text` and `request_id_is_unique` of the source. What `columns` leaves out is unknown. A
    step or column is NULL, DEFAULTS apart, where all that it reads is absent: it is left out there. With an
    `envelope`, records come many to a line, and `detect` is asked about each of them.
    """

    name: str
    detect: str
    struct: Structure
    columns: Mapping[str, str]
    steps: tuple[Mapping[str, str], ...] = field(default=())
    rank: int = 50
    envelope: Envelope | None = None

    def __post_init__(self) -> None:
        unknown = sorted(self.columns.keys() - FIELDS.keys())
        if unknown:
            raise ValueError(f"format {self.name}: no such columns: {', '.join(unknown)}; see format.FIELDS")


def texts(*names: str) -> dict[str, object]:
    """A struct of VARCHAR leaves."""
    return dict.fromkeys(names, "VARCHAR")


def first_of(record: str, *names: str) -> str:
    """SQL of the first known of `names` in the struct `record`."""
    members = ", ".join(f'{record}."{name}"' for name in names)
    return members if len(names) == 1 else f"coalesce({members})"


def parsed(text: str, structure: Structure) -> str:
    """SQL that reads a text with a JSON object in it; NULL where it holds none."""
    shape = json.dumps(structure)
    return f"case when starts_with({text}, '{{') then try(json_transform({text}, '{shape}')) end"


def unquoted(text: str) -> str:
    """SQL of a text without the quotes of a JSON string, where JSON was written into JSON twice."""
    return f"case when starts_with({text}, '\"') then try(json_extract_string({text}, '$')) else {text} end"


def total(first: str, *others: str) -> str:
    """SQL of a count that does not include the `others`, with them; as it stands where it is none itself."""
    added = "".join(f" + coalesce({counted(other)}, 0)" for other in others)
    return f"coalesce(cast(try({counted(first)}{added}) as varchar), {first})"


def counted(text: str) -> str:
    """SQL of a count, wide enough to be added to others; NULL where a text is none."""
    return f"cast(llm_count({text}, try_cast({text} as double)) as hugeint)"
