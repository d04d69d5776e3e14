"""Usage and cost reports of providers: what OpenAI's and Anthropic's APIs tell an organisation of its usage.

Conventions. A record is a page of buckets, one bucket, or OpenAI's own description of its API, where each path has
a page as its example. It is never a call: its outcome is `report`, and each result in it becomes a row of the
table `provider_usage_reports`, to hold calls against. A bucket is the half-open time from its start to its end,
in seconds of the epoch (OpenAI) or ISO 8601 (Anthropic). Of a result its numbers are kept and the names that it
is grouped by; nothing else is. A count that is none or negative, an amount that is none, and a bucket without a
start reject the record. What counts and amounts mean is said in `llmops_assets/ingest/usage_reports.py`.
"""

from llmops_assets.formats.format import Format, Structure, parsed, texts
from llmops_assets.formats.pairs import list_of

BUCKET = texts("start_time", "end_time", "starting_at", "ending_at", "results")
PAGE: Structure = {"data": [BUCKET], **BUCKET}
# Paths of OpenAI's description.
PATHS = (
    "/organization/costs",
    "/organization/usage/audio_speeches",
    "/organization/usage/audio_transcriptions",
    "/organization/usage/code_interpreter_sessions",
    "/organization/usage/completions",
    "/organization/usage/embeddings",
    "/organization/usage/file_search_calls",
    "/organization/usage/images",
    "/organization/usage/moderations",
    "/organization/usage/vector_stores",
    "/organization/usage/web_search_calls",
)
# What results are grouped by, and what they say of themselves.
DIMENSIONS = (
    "object",
    "project_id",
    "workspace_id",
    "user_id",
    "account_id",
    "api_key_id",
    "service_account_id",
    "model",
    "batch",
    "service_tier",
    "line_item",
    "description",
    "currency",
    "amount.currency",
    "context_window",
    "context_level",
    "cost_type",
    "token_type",
    "inference_geo",
    "speed",
    "size",
    "source",
    "vector_store_id",
    "quantity_unit",
)
# Members of a result that are objects: theirs are written as `amount.value`.
NESTED = ("amount", "cache_creation", "server_tool_use")
LONGEST = 256

_REPORT = "provider_usage_reports"
_EXAMPLES = ", ".join(parsed(f'{_REPORT}."{path}".example', PAGE) for path in PATHS)
_OWN = ", ".join(f"{name} := {_REPORT}.{name}" for name in PAGE)
_IS_OWN = " or ".join(f"{_REPORT}.{name} is not null" for name in ("data", "has_more", *BUCKET))
_IS_DESCRIBED = " or ".join(f'{_REPORT}."{path}".example is not null' for path in PATHS)
_START = "coalesce(b.start_time, b.starting_at)"
_IS_COUNT = "regexp_matches(e.key, '^(num_.*|.*_tokens|.*_requests|characters|images|usage_bytes)$')"
_IS_AMOUNT = "(e.key = 'amount.value' or (e.key = 'amount' and not starts_with(e.value, '{')))"
_IS_KEPT = (
    f"length(e.key) <= {LONGEST} and length(e.value) <= {LONGEST} and (isfinite(try_cast(e.value as double)) "
    f"or (list_contains({list(DIMENSIONS)}, e.key) and llm_scalar(e.value) is not null))"
)
_IS_REPEATED = " or ".join(
    f"(starts_with({text}, '{{') and llm_map({text}) is null)"
    for text in ("r.given", *(f"r.members['{name}']" for name in NESTED))
)
_REPEATED_IN_BUCKETS = (
    "list_filter(json_extract(text, '$.data[*]'), lambda b: json_type(b) = 'OBJECT' "
    "and list_unique(json_keys(b)) <> len(json_keys(b)))"
)


def _buckets(page: str) -> str:
    """SQL of the buckets of a page, or of the bucket that it is itself."""
    own = ", ".join(f"{name} := {page}.{name}" for name in BUCKET)
    return f"coalesce({page}.data, [struct_pack({own})])"


def _members(result: str) -> str:
    """SQL of what a result states, as entries, with the members of its objects."""
    nested = ", ".join(
        f"coalesce(list_transform(map_entries(llm_map({result}['{name}'])), "
        f"lambda e: struct_pack(key := '{name}.' || e.key, value := e.value)), [])"
        for name in NESTED
    )
    return f"list_filter(list_concat(map_entries({result}), flatten([{nested}])), lambda e: e.value is not null)"


def _of_results(entry: str) -> str:
    """SQL of the texts of all entries for which something holds."""
    entries = f"flatten(list_transform({_REPORT}_stated, lambda r: r.entries))"
    return f"list_transform(list_filter({entries}, lambda e: {entry}), lambda e: e.value)"


FORMAT = Format(
    name="provider_usage_reports",
    rank=35,
    detect="(list_contains(keys, 'data') and list_contains(keys, 'has_more') and list_contains(keys, 'next_page')) "
    "or (list_contains(keys, 'results') and (list_contains(keys, 'start_time') or list_contains(keys, 'starting_at'))) "
    "or len(list_filter(keys, lambda key: starts_with(key, '/organization/'))) > 0",
    struct={**PAGE, "has_more": "VARCHAR", **{path: texts("example") for path in PATHS}},
    steps=(
        {
            # NULL where there is no page at all; what is no page beside others is left out.
            "pages": f"case when {_IS_OWN} or {_IS_DESCRIBED} then list_filter("
            f"[case when {_IS_OWN} then struct_pack({_OWN}) end, {_EXAMPLES}], lambda p: p is not null) end",
        },
        {"buckets": f"flatten(list_transform({_REPORT}_pages, lambda p: {_buckets('p')}))"},
        {
            "starts": f"list_transform({_REPORT}_buckets, lambda b: {_START})",
            "ends": f"list_transform({_REPORT}_buckets, lambda b: coalesce(b.end_time, b.ending_at))",
            "read": f"list_transform({_REPORT}_buckets, lambda b: struct_pack(start := {_START}, "
            f'"end" := coalesce(b.end_time, b.ending_at), given := b.results, listed := {list_of("b.results")}))',
        },
        {
            "results": f"flatten(list_transform({_REPORT}_read, lambda b: list_transform(coalesce(b.listed, []), "
            'lambda r: struct_pack(start := b.start, "end" := b."end", given := r, members := llm_map(r)))))',
            "strays": f"list_filter({_REPORT}_read, lambda b: b.given is not null and b.listed is null)",
        },
        {
            "stated": f'list_transform({_REPORT}_results, lambda r: struct_pack(start := r.start, "end" := r."end", '
            f"entries := {_members('r.members')}))",
            "repeated": f"list_filter({_REPORT}_results, lambda r: {_IS_REPEATED})",
            "odd": f"list_filter({_REPORT}_results, lambda r: r.members is null and not starts_with(r.given, '{{'))",
        },
        {"counts": _of_results(_IS_COUNT), "amounts": _of_results(_IS_AMOUNT)},
    ),
    columns={
        # Only to be checked, since a report has no column of an event: what is wrong in it, else nothing.
        "started_at": f"case when len({_REPORT}_starts) = len(list_filter({_REPORT}_starts, lambda s: s is not null)) "
        f"then coalesce(list_filter({_REPORT}_starts, lambda s: llm_time(s, try_cast(s as double)) is null)[1], "
        f"list_max({_REPORT}_starts)) end",
        "ended_at": f"list_filter({_REPORT}_ends, lambda s: llm_time(s, try_cast(s as double)) is null)[1]",
        "tokens_total": f"coalesce(list_filter({_REPORT}_counts, lambda c: "
        "llm_count(c, try_cast(c as double)) is null or try_cast(c as double) < 0)[1], "
        f"case when len({_REPORT}_strays) + len({_REPORT}_odd) > 0 then 'no result' end)",
        "cost": f"list_filter({_REPORT}_amounts, lambda a: llm_money(a) is null)[1]",
        "has_repeated_tag": f"coalesce(len({_REPORT}_repeated) > 0, false) or len({_REPEATED_IN_BUCKETS}) > 0",
        # A page may be empty, and then has no time to check.
        "is_call": f"coalesce(len({_REPORT}_buckets) > 0, true)",
        "report": f"cast(to_json(list_transform({_REPORT}_stated, lambda r: struct_pack(start := r.start, "
        f'"end" := r."end", members := map_from_entries(list_filter(r.entries, lambda e: {_IS_KEPT}))))) as varchar)',
    },
)
