"""Typed values of a record and the reason to reject it, if any.

A present value that does not cast is told from an absent one by comparing text and value; only rows where
the two differ are looked at closely. Blank text is absent (CSV has no other way to say so).
"""

from collections.abc import Collection, Iterable

from llmops_assets.formats import format as vocabulary

MONEY_OF = {"cost": "llm_money", "saved_cost": "llm_money", "cost_micro": "llm_micro_money"}
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


def typed_stage(known: Collection[str]) -> str:
    """Every typed field as `<field>`, NULL where absent or of another type."""
    values = {
        **{name: (f"llm_count({name}_text, {name}_d)", "bigint") for name in vocabulary.COUNTS},
        **{name: (f"llm_finite({name}_d)", "double") for name in vocabulary.NUMBERS},
        **{name: (f"llm_boolean({name}_text)", "boolean") for name in vocabulary.BOOLEANS},
        **{name: (f"{MONEY_OF[name]}({name}_text)", "decimal(38, 12)") for name in vocabulary.MONEY},
        **{name: (f"llm_time({name}_text, {name}_d)", "timestamptz") for name in vocabulary.TIMES},
    }
    columns = (f"{sql if name in known else f'cast(null as {kind})'} as {name}" for name, (sql, kind) in values.items())
    return "\n    select\n        *,\n        " + ",\n        ".join(columns) + "\n    from previous"


def checked_stage(known: Collection[str]) -> str:
    """The reason to reject the record as `reason`, NULL for a good one."""
    typed = [name for name in ALL_TYPED if name in known]
    counts = [name for name in vocabulary.COUNTS if name in known]
    return f"""
    select
        *,
        case
            when not is_call then null
            when has_repeated_tag then 'duplicate_key'
            when started_at is null and (started_at_text is null or trim(started_at_text) = '')
                then 'missing_timestamp'
            when started_at < {PLAUSIBLE_FROM} then 'implausible_timestamp'
            when started_at > latest_start then 'future_timestamp'
            when ({_differs(typed)}) and ({_is_bad_type(typed)}) then 'bad_type'
            when {_least_count(counts)} < 0 then 'negative_tokens'
            when ({_differs(counts)}) and ({_overflows(counts)}) then 'token_overflow'
            when {_parts_exceed_total(counts)} then 'parts_exceed_total'
        end as reason
    from previous"""


def _differs(names: Iterable[str]) -> str:
    return _any(f"({name}_text is null) <> ({name} is null)" for name in names)


def _is_bad_type(names: Iterable[str]) -> str:
    """Present, not blank and no value; a count too large for its column is another reason."""
    missing = {name: f"{name} is null and {name}_text is not null and trim({name}_text) <> ''" for name in names}
    return _any(
        f"({test} and not coalesce(llm_overflows({name}_text, {name}_d), false))"
        if name in vocabulary.COUNTS
        else f"({test})"
        for name, test in missing.items()
    )


def _overflows(counts: Iterable[str]) -> str:
    return _any(f"({name} is null and llm_overflows({name}_text, {name}_d))" for name in counts)


def _least_count(counts: Iterable[str]) -> str:
    """Negative if any count is; by the doubles, because a very negative one has no bigint."""
    names = [f"{name}_d" for name in counts if name not in ("attempt", "status_code")]
    return f"least({', '.join(names)})" if names else "0"


def _parts_exceed_total(counts: Collection[str]) -> str:
    tests = [f"{part} > {total}" for part, total in PARTS.items() if part in counts and total in counts]
    # A difference, because the sum of two great counts has no bigint.
    # A producer may state only the part of the writes that lasts an hour.
    cached = ("tokens_cache_read", "tokens_cache_write", "tokens_cache_write_1h")
    if "tokens_input" in counts and any(name in counts for name in cached):
        written = "coalesce(tokens_cache_write, tokens_cache_write_1h, 0)"
        tests.append(f"coalesce(tokens_cache_read, 0) > tokens_input - {written}")
    return _any(tests)


def _any(tests: Iterable[str]) -> str:
    return " or ".join(tests) or "false"
