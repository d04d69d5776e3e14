"""The query that holds calls against a provider's report, as the guide has it, on rows made by hand."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

from llmops_assets.duck import connect

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "operations.md"
DAY = datetime(2026, 11, 20, tzinfo=UTC)
END = DAY + timedelta(days=1)
REPORTED = """
create table provider_usage_reports as select
    * from (values
        ('openai', 'usage.completions', 'gpt-4o', 90, 9, timestamptz '2026-11-21 01:00:00+00', 'p1'),
        ('openai', 'usage.completions', 'gpt-4o', 100, 10, timestamptz '2026-11-21 02:00:00+00', 'p1'),
        ('openai', 'usage.completions', 'gpt-4o', 7, 1, timestamptz '2026-11-21 01:00:00+00', 'p2'),
        ('openai', 'usage.completions', 'gpt-4.1', 5, 2, timestamptz '2026-11-21 01:00:00+00', 'p1'),
        ('openai', 'usage.embeddings', 'gpt-4o', 999, 0, timestamptz '2026-11-21 01:00:00+00', 'p1'),
        ('anthropic', 'usage.messages', 'gpt-4o', 999, 0, timestamptz '2026-11-21 01:00:00+00', 'p1')
    ) as rows (provider, kind, model, tokens_input, tokens_output, arrived_at, project_id),
    (select
        timestamptz '2026-11-20 00:00:00+00' as bucket_start, timestamptz '2026-11-21 00:00:00+00' as bucket_end,
        null::varchar as user_id, null::varchar as api_key_id, null::varchar as service_tier,
        map {'batch': 'false'} as dimensions)
"""
CALLS = """
create table llm_requests as select * from (values
    ('a', 'openai', 'gpt-4o', 60, 4, timestamptz '2026-11-20 00:00:00+00'),
    ('b', 'openai', 'gpt-4o', 47, 7, timestamptz '2026-11-20 23:59:59+00'),
    ('c', 'openai', 'gpt-4o', 500, 7, timestamptz '2026-11-21 00:00:00+00'),
    ('d', 'azure', 'gpt-4o', 500, 7, timestamptz '2026-11-20 12:00:00+00')
) as rows (event_id, provider, model, tokens_input, tokens_output, event_time)
"""


def test_the_query_of_the_guide_counts_the_last_answer_of_each_bucket_and_its_calls() -> None:
    (query,) = re.findall(r"```sql\n(with reported as .*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    with connect() as connection:
        connection.execute(REPORTED)
        connection.execute(CALLS)
        rows = connection.execute(query).fetchall()
    assert rows == [(DAY, END, "gpt-4.1", 5, 2, 0, None, None), (DAY, END, "gpt-4o", 107, 11, 2, 107, 11)]
