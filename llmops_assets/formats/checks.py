"""Typed values of a record and the reason to reject it, if any.

A present value that does not cast is told from an absent one by comparing text and value; only rows where
the two differ are looked at closely. Blank text is absent (CSV has no other way to say so).
"""

from llmops_assets.formats import format as vocabulary

PLAUSIBLE_FROM = "timestamptz '2015-01-01 00:00:00+00'"
PARTS = {
    "tokens_cache_write_1h": "tokens_cache_write",
    "tokens_audio_input": "tokens_input",
    "tokens_image_input": "tokens_input",
    "tokens_reasoning": "tokens_output",
    "tokens_audio_output": "tokens_output",
}
ALL_TYPED = (
    *vocabulary.COUNTS,
    *vocabulary.NUMBERS,
    *vocabulary.BOOLEANS,
    *vocabulary.MONEY,
    *vocabulary.TIMES,
)


def typed_stage() -> str:
    """Every typed field as `<field>`, NULL where absent or of another type; money as `<field>_usd`."""
    columns = [
        *(f"llm_count(f.{name}, {name}_d) as {name}" for name in vocabulary.COUNTS),
        *(f"llm_finite({name}_d) as {name}" for name in vocabulary.NUMBERS),
        *(f"llm_boolean(f.{name}) as {name}" for name in vocabulary.BOOLEANS),
        *(f"llm_money(f.{name}) as {name}" for name in ("cost", "saved_cost")),
        "llm_micro_money(f.cost_micro) as cost_micro",
        *(f"llm_time(f.{name}, {name}_d) as {name}" for name in vocabulary.TIMES),
    ]
    return "\n    select\n        *,\n        " + ",\n        ".join(columns) + "\n    from previous"


def checked_stage() -> str:
    """The reason to reject the record as `reason`, NULL for a good one."""
    return f"""
    select
        *,
        case
            when format_reason is not null then format_reason
            when not f.is_call then null
            when f.has_repeated_tag then 'duplicate_key'
            when started_at is null and (f.started_at is null or trim(f.started_at) = '') then 'missing_timestamp'
            when started_at < {PLAUSIBLE_FROM} then 'implausible_timestamp'
            when started_at > greatest(arrived_at, arrival_hour + interval 1 hour) + interval 1 day
                then 'future_timestamp'
            when {_differs()} and ({_is_bad_type()}) then 'bad_type'
            when {_least_count()} < 0 then 'negative_tokens'
            when {_differs()} and ({_overflows()}) then 'token_overflow'
            when {_parts_exceed_total()} then 'parts_exceed_total'
        end as reason
    from previous"""


def _differs() -> str:
    return "(" + " or ".join(f"(f.{name} is null) <> ({name} is null)" for name in ALL_TYPED) + ")"


def _is_bad_type() -> str:
    """Present, not blank and no value; a count too large for its column is another reason."""
    plain = (
        f"({name} is null and f.{name} is not null and trim(f.{name}) <> '')"
        for name in ALL_TYPED
        if name not in vocabulary.COUNTS
    )
    counts = (
        f"({name} is null and f.{name} is not null and trim(f.{name}) <> '' "
        f"and not coalesce(llm_overflows(f.{name}, {name}_d), false))"
        for name in vocabulary.COUNTS
    )
    return " or ".join((*plain, *counts))


def _overflows() -> str:
    return " or ".join(f"({name} is null and llm_overflows(f.{name}, {name}_d))" for name in vocabulary.COUNTS)


def _least_count() -> str:
    """Negative if any count is; by the doubles, because a very negative one has no bigint."""
    names = (*vocabulary.TOKENS, "tokens_total", "web_search_requests")
    return "least(" + ", ".join(f"{name}_d" for name in names) + ")"


def _parts_exceed_total() -> str:
    parts = (f"{part} > {total}" for part, total in PARTS.items())
    # A difference, because the sum of two great counts has no bigint.
    cache = "coalesce(tokens_cache_read, 0) > tokens_input - coalesce(tokens_cache_write, 0)"
    return " or ".join((cache, *parts))
