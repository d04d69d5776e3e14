"""The platform's tables by one hand-written DuckDB script: the yardstick of the benchmark.

What a good engineer writes for one known shape of records and a folder of files: the same tables with the same
columns as the platform, for speed, and nothing else. No lake, no refresh, no audit, no other formats.
"""

import argparse
from pathlib import Path

import duckdb

from benchmarks.hand_decode import decode, write_ledger
from benchmarks.hand_events import EVENT_CONFLICTS, EVENT_CONSERVATION, PRICES, REPEATED, REQUESTS
from benchmarks.hand_marts import MARTS

IN_DATABASE = ("ingest_ledger", "event_conflicts", "event_conservation")


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
        decode(connection, records, out, threads=threads)
        write_ledger(connection)
        _make_requests(connection, book, out)
        for name, query in MARTS.items():
            connection.execute(f"copy ({query}) to '{out}/{name}.parquet' (format parquet)")
        for name in IN_DATABASE:
            connection.execute(f"copy {name} to '{out}/{name}.parquet' (format parquet)")


def _make_requests(connection: duckdb.DuckDBPyConnection, book: Path, out: Path) -> None:
    connection.execute("create view accepted as select * from raw where outcome = 'accepted'")
    connection.execute(PRICES, {"book": str(book)})
    connection.execute(REPEATED)
    connection.execute(EVENT_CONFLICTS)
    connection.execute(EVENT_CONSERVATION)
    connection.execute(REQUESTS.format(out=out), {"version": book.stem})
    connection.execute(f"create view requests as select * from '{out}/llm_requests/*/*.parquet'")


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
