"""Columns of the table of what providers say that was used and charged: for reconciliation, never calls."""

from llmops_assets.lake import TableSpec, columns_of
from llmops_assets.tables import POSITION_COLUMNS

USAGE_REPORTS = "provider_usage_reports"

USAGE_REPORTS_SPEC = TableSpec(
    name=USAGE_REPORTS,
    columns=(
        *POSITION_COLUMNS[:7],
        *columns_of("""
result_index          | bigint         | 0-based place of the result in the record.
provider              | varchar        | Whose report: openai or anthropic.
kind                  | varchar        | costs, or usage. and what was used, such as usage.completions.
bucket_start          | timestamptz    | Start of the time that the result sums up.
bucket_end            | timestamptz    | Its end, exclusive.
project_id            | varchar        | OpenAI project; NULL in this and what follows: not grouped by it.
workspace_id          | varchar        | Anthropic workspace.
user_id               | varchar        | User or account.
api_key_id            | varchar        | Id of the key.
model                 | varchar        | Model as the provider names it.
service_tier          | varchar        | Tier; batch also where OpenAI says batch.
line_item             | varchar        | What an amount is for.
requests              | bigint         | Requests to models, or of a tool.
tokens_input          | bigint         | Input tokens, cache and media included.
tokens_cache_read     | bigint         | Part of input read from cache.
tokens_cache_write    | bigint         | Part of input written to cache, the 1 h part included.
tokens_cache_write_1h | bigint         | Part of the cache write kept for an hour.
tokens_output         | bigint         | Output tokens, reasoning and audio included.
tokens_audio_input    | bigint         | Part of the input that was not cached.
tokens_image_input    | bigint         | Part of the input that was not cached.
tokens_audio_output   | bigint         | Part of output.
web_search_requests   | bigint         | Web searches.
amount                | decimal(38,12) | Amount in units of the currency, such as dollars.
currency              | varchar        | Currency of the amount, such as USD.
dimensions            | map(varchar, varchar) | Other names that the result is grouped by.
meters                | map(varchar, decimal(38,12)) | Every number of the result but amounts, by its own name.
"""),
    ),
    window_column="arrival_hour",
    partition=(),
)
