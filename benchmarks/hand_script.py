"""The platform's tables by one hand-written DuckDB script: the yardstick of the benchmark.

What a good engineer writes for one known shape of records and a folder of files: strict decoding with
rejects, deduplication, pricing, hour-partitioned requests and the marts. No lake, no refresh, no audit.
"""

import argparse
from pathlib import Path

import duckdb

from benchmarks.hand_marts import MARTS

TEXTS = (
    "event_id", "request_id", "tenant_id", "user_id", "provider", "model", "event_type", "error_code",
    "finish_reason",
)  # fmt: skip
COUNTS = ("tokens_input", "tokens_output", "tokens_cache_read", "status_code")
FLAGS = ("cache_hit", "streaming", "success")
FIELDS = (*TEXTS, *COUNTS, *FLAGS, "latency_ms", "cost_usd", "timestamp")

_STRUCTURE = "{" + ", ".join(f'"{name}": "VARCHAR"' for name in FIELDS) + "}"
_COUNTS_OK = " and ".join(
    f"(r.{name} is null or (try_cast(r.{name} as bigint) is not null and not contains(r.{name}, '.')))"
    for name in COUNTS
)
_FLAGS_OK = " and ".join(f"(r.{name} is null or r.{name} in ('true', 'false'))" for name in FLAGS)

DECODE = f"""
copy (
    with lines as (
        select filename as uri, line
        from read_csv(
            $files, columns = {{'line': 'VARCHAR'}}, delim = '\x01', quote = '', escape = '', header = false,
            auto_detect = false, filename = true, max_line_size = 33554432
        )
    ),
    parsed as (
        select uri, line, json_valid(line) as is_valid,
            case when json_valid(line) then try(json_transform(line, '{_STRUCTURE}')) end as r
        from lines
    ),
    typed as (
        select
            uri,
            case
                when not is_valid then 'malformed_json'
                when r.event_id is null or r.model is null then 'unknown_format'
                when r."timestamp" is null then 'missing_timestamp'
                when try_cast(r."timestamp" as timestamptz) is null then 'implausible_timestamp'
                when not ({_COUNTS_OK} and {_FLAGS_OK}) then 'bad_type'
                when try_cast(r.tokens_input as bigint) < 0 or try_cast(r.tokens_output as bigint) < 0
                    then 'negative_tokens'
                when try_cast(r.tokens_cache_read as bigint) > try_cast(r.tokens_input as bigint)
                    then 'parts_exceed_total'
            end as reject_reason,
            {", ".join(f"nullif(trim(r.{name}), '') as {name}" for name in TEXTS)},
            {", ".join(f"try_cast(r.{name} as bigint) as {name}" for name in COUNTS)},
            {", ".join(f"try_cast(r.{name} as boolean) as {name}" for name in FLAGS)},
            try_cast(r.latency_ms as double) as latency_ms,
            try_cast(r.cost_usd as decimal(38, 12)) as reported_cost_usd,
            try_cast(r."timestamp" as timestamptz) as event_time,
            case when not is_valid then sha256(line) end as payload_sha256
        from parsed
    )
    select *, case when reject_reason is null then 'accepted' else 'rejected' end as outcome,
        tokens_input + tokens_output as tokens_total,
        case
            when success then null
            when status_code = 429 then 'rate_limit'
            when status_code in (408, 504) then 'timeout'
            when status_code >= 500 then 'provider_outage'
            when status_code in (401, 403) then 'authentication'
            when error_code = 'context_overflow' then 'context_overflow'
            when status_code >= 400 then 'invalid_request'
            else 'other'
        end as error_type
    from typed
) to '{{out}}/raw' (format parquet, per_thread_output true)
"""

PRICES = """
create table prices as
select
    provider, model, context_window, coalesce(valid_from::timestamptz, '-infinity') as valid_from,
    coalesce(valid_to::timestamptz, 'infinity') as valid_to, coalesce(daily_from::time, '00:00:00') as daily_from,
    coalesce(daily_to::time, '24:00:00') as daily_to, tier_start::bigint as tier_start,
    coalesce(tier_end::bigint, 9223372036854775807) as tier_end,
    input_uncached::decimal(18, 12) as input_usd, cache_read::decimal(18, 12) as cache_read_usd,
    output_text::decimal(18, 12) as output_usd
from read_csv($book, header = true, all_varchar = true)
where service_tier is null
"""

REPEATED = """
create table repeated as
with ids as (select event_id from raw group by event_id having count(*) > 1)
select raw.*, coalesce(
    event_time - lag(event_time) over (partition by event_id order by event_time, uri) > interval 5 minute, true
) as is_head
from raw
semi join ids using (event_id)
"""

REQUESTS = """
copy (
    with events as (
        select * from raw anti join (select distinct event_id from repeated) as ids using (event_id)
        union all
        select * exclude (is_head) from repeated where is_head
    ),
    metered as (
        select events.*, tokens_input - coalesce(tokens_cache_read, 0) as meter_input_uncached,
            coalesce(tokens_cache_read, 0) as meter_cache_read, tokens_output as meter_output_text
        from events
    ),
    priced as (
        select metered.*, prices.model as price_model,
            (meter_input_uncached * input_usd + meter_cache_read * cache_read_usd)::decimal(38, 12) as input_cost_usd,
            (meter_output_text * output_usd)::decimal(38, 12) as output_cost_usd
        from metered
        left join prices
            on metered.provider = prices.provider and metered.model = prices.model
            and event_time >= valid_from and event_time < valid_to
            and event_time::timestamp::time >= daily_from and event_time::timestamp::time < daily_to
            and tokens_input >= tier_start and tokens_input < tier_end
    ),
    listed as (
        select * exclude (input_cost_usd, output_cost_usd),
            case when cache_hit then 0 else input_cost_usd end as input_cost_usd,
            case when cache_hit then 0 else output_cost_usd end as output_cost_usd,
            case when cache_hit then 0 else input_cost_usd + output_cost_usd end as list_cost_usd
        from priced
    )
    select *,
        case
            when cache_hit then 'free'
            when status_code in (400, 401, 403, 404, 413, 422, 429) and tokens_input is null then 'free'
            when list_cost_usd is not null then 'list'
            when reported_cost_usd > 0 then 'estimated'
            else 'unpriced'
        end as cost_source,
        case cost_source
            when 'free' then 0 when 'list' then list_cost_usd when 'estimated' then reported_cost_usd
        end::decimal(38, 12) as cost_usd,
        cost_source = 'unpriced' as is_unpriced,
        date_trunc('hour', event_time) as hour
    from listed
) to '{out}/llm_requests' (format parquet, partition_by (hour))
"""


def run(records: Path, book: Path, out: Path, *, threads: int, memory_limit: str) -> None:
    """Make all tables of the records below `records` as Parquet below `out`."""
    out.mkdir(parents=True)
    config: dict[str, str | bool | int | float | list[str]] = {
        "threads": threads,
        "memory_limit": memory_limit,
        "preserve_insertion_order": False,
        "temp_directory": str(out / "spill"),
    }
    with duckdb.connect(config=config) as connection:
        connection.execute("set timezone = 'UTC'")
        connection.execute(DECODE.replace("{out}", str(out)), {"files": f"{records}/**/*.ndjson"})
        connection.execute(f"create view raw as select * from '{out}/raw/*.parquet' where outcome = 'accepted'")
        connection.execute(PRICES, {"book": str(book)})
        connection.execute(REPEATED)
        connection.execute(REQUESTS.replace("{out}", str(out)))
        connection.execute(f"create view requests as select * from '{out}/llm_requests/*/*.parquet'")
        for name, query in MARTS.items():
            connection.execute(f"copy ({query}) to '{out}/{name}.parquet' (format parquet)")


def main() -> None:
    """Run the script from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("records", type=Path)
    parser.add_argument("book", type=Path, help="the price book as CSV")
    parser.add_argument("out", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--memory-limit", default="2GB")
    arguments = parser.parse_args()
    run(
        arguments.records,
        arguments.book,
        arguments.out,
        threads=arguments.threads,
        memory_limit=arguments.memory_limit,
    )


if __name__ == "__main__":
    main()
