"""A load of any size: one stream's calls of a day as NDJSON in hour folders, about 425 bytes a line.

DuckDB makes the lines, so that two million take seconds. Everything follows from a hash of the line's
number: equal arguments give equal lines. One line in a hundred is delivered twice, one in two thousand
twice with another latency, one in a thousand is cut short.
"""

import argparse
import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb

START = datetime(2026, 11, 1, tzinfo=UTC)
PARTS_PER_HOUR = 4

# provider, model, share of a thousand, input and output price per token as its producer believes
MODELS = (
    ("openai", "gpt-4o-mini", 295, 0.15e-6, 0.6e-6),
    ("openai", "gpt-4o", 200, 2.5e-6, 10e-6),
    ("anthropic", "claude-sonnet-4-5", 150, 3e-6, 15e-6),
    ("anthropic", "claude-haiku-4-5", 120, 1e-6, 5e-6),
    ("google", "gemini-2.5-flash", 130, 0.3e-6, 2.5e-6),
    ("google", "gemini-2.5-pro", 45, 1.25e-6, 10e-6),
    ("deepseek", "deepseek-chat", 50, 0.27e-6, 1.1e-6),
    ("mistral", "mistral-large", 5, 2e-6, 6e-6),
    ("internal", "nimbus-internal-9b", 5, 0.0, 0.0),
)

_LINES = """
with numbered as (
    select
        range as number,
        hash(range, 1) % 10000 as dice,
        -- a repeated line tells the call of the line before it once more
        case when dice < 105 and range > {low} then range - 1 else range end as call
    from range({low}, {high})
),
drawn as (
    select
        numbered.*,
        hash(call, 2) % 1000 as model_dice,
        pow((hash(call, 3) % 1000000) / 1e6, 3) as tenant_dice,
        hash(call, 4) % 1000 as outcome_dice,
        cast(20 + 6000 * pow((hash(call, 5) % 1000000) / 1e6, 3) as integer) as tokens_input,
        cast(1 + 900 * pow((hash(call, 6) % 1000000) / 1e6, 2) as integer) as tokens_output,
        cast(200 + 5000 * pow((hash(call, 7) % 1000000) / 1e6, 4) as integer) as latency_ms,
        hash(call, 8) % 100 as cache_dice,
        make_timestamp({start_us} + (call - {first}) * {step_us} + case when dice < 5 then 1000 else 0 end) as called_at
    from numbered
),
lines as (
    select
        number,
        dice,
        printf(
            '{{"event_id":"evt_%016x","request_id":"req_%016x","tenant_id":"tenant-%03d",'
            '"user_id":"user_%05d","provider":"%s","model":"%s","event_type":"chat",',
            hash(call, 9)::ubigint, hash(call, 10)::ubigint, cast(tenant_dice * 40 as integer),
            cast(tenant_dice * 5000 as integer), models.provider, models.model
        )
        || printf(
            '"cache_hit":%s,"streaming":%s,"tokens_input":%d,"tokens_output":%d,"tokens_cache_read":%d,'
            '"latency_ms":%d,"cost_usd":%.9f,',
            cache_dice < 4 and outcome_dice >= 40, outcome_dice % 2 = 0, tokens_input,
            case when outcome_dice < 40 then 0 else tokens_output end,
            case when cache_dice > 80 and tokens_input > 1024 and outcome_dice >= 40 then tokens_input // 2 else 0 end,
            latency_ms + case when dice < 5 then 13 else 0 end,
            case
                when cache_dice < 4 and outcome_dice >= 40 then 0
                else tokens_input * models.input_usd
                    + case when outcome_dice < 40 then 0 else tokens_output end * models.output_usd
            end
        )
        || printf(
            '"success":%s,"status_code":%d,"error_code":%s,"finish_reason":%s',
            outcome_dice >= 40,
            case when outcome_dice < 25 then 429 when outcome_dice < 40 then 504 else 200 end,
            case
                when outcome_dice < 25 then '"rate_limit_error"' when outcome_dice < 40 then '"timeout"' else 'null'
            end,
            case when outcome_dice < 40 then 'null' when outcome_dice < 100 then '"length"' else '"stop"' end
        )
        || strftime(called_at, ',"timestamp":"%Y-%m-%dT%H:%M:%S.%gZ"}}') as line
    from drawn
    inner join models on model_dice >= models.low and model_dice < models.high
)
select case when dice >= 9990 then substr(line, 1, 150) else line end as line
from lines
order by number
"""


@dataclass(frozen=True)
class Part:
    """Lines `low` to `high` of an hour whose lines begin at `first`, as one object."""

    hour: int
    name: str
    first: int
    low: int
    high: int
    step_us: int

    def path(self, folder: Path) -> Path:
        """Where the object goes."""
        return folder / f"{START + timedelta(hours=self.hour):%Y-%m-%d/%H}" / self.name


def generate_load(folder: Path, events: int, *, hours: int = 24, threads: int = 2) -> int:
    """Write `events` lines below `folder`, evenly over `hours` hours; returns the bytes written."""
    parts = [
        part for hour in range(hours) for part in _parts(hour, events * hour // hours, events * (hour + 1) // hours)
    ]
    return _write(folder, parts, threads)


def append_load(folder: Path, first: int, events: int, *, hour: int = 23, threads: int = 2) -> int:
    """Write `events` more lines, numbered from `first`, as one new object of `hour`."""
    part = Part(hour, f"part-{first:09d}.ndjson", first, first, first + events, 3_600_000_000 // events)
    return _write(folder, [part], threads)


def _parts(hour: int, low: int, high: int) -> list[Part]:
    step_us = 3_600_000_000 // max(high - low, 1)
    edges = [low + (high - low) * number // PARTS_PER_HOUR for number in range(PARTS_PER_HOUR + 1)]
    return [
        Part(hour, f"part-{number:02d}.ndjson", low, edges[number], edges[number + 1], step_us)
        for number in range(PARTS_PER_HOUR)
        if edges[number] < edges[number + 1]
    ]


def _write(folder: Path, parts: list[Part], threads: int) -> int:
    written = 0
    with duckdb.connect(config={"threads": threads, "preserve_insertion_order": True}) as connection:
        connection.execute("set timezone = 'UTC'")
        _create_models(connection)
        for part in parts:
            written += _write_part(connection, part, part.path(folder))
    return written


def _create_models(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute(
        "create table models "
        "(provider text, model text, low integer, high integer, input_usd double, output_usd double)"
    )
    low = 0
    for provider, model, share, input_usd, output_usd in MODELS:
        connection.execute(
            "insert into models values (?, ?, ?, ?, ?, ?)", [provider, model, low, low + share, input_usd, output_usd]
        )
        low += share


def _write_part(connection: duckdb.DuckDBPyConnection, part: Part, path: Path) -> int:
    start = START + timedelta(hours=part.hour)
    query = _LINES.format(
        low=part.low,
        high=part.high,
        first=part.first,
        step_us=part.step_us,
        start_us=int(start.timestamp()) * 1_000_000,
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    connection.execute(f"copy ({query}) to '{path}' (format csv, header false, quote '', escape '', delimiter '\x01')")
    arrived = int((start + timedelta(hours=1, seconds=5)).timestamp())
    os.utime(path, (arrived, arrived))
    return path.stat().st_size


def main() -> None:
    """Write a load from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--events", type=int, default=2_000_000)
    parser.add_argument("--hours", type=int, default=24)
    arguments = parser.parse_args()
    size = generate_load(arguments.folder, arguments.events, hours=arguments.hours)
    print(f"{arguments.events:,} lines, {size / 1e6:,.0f} MB below {arguments.folder}")


if __name__ == "__main__":
    main()
