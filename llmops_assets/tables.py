"""Columns of the lake tables that Python writes: the raw records and the control tables.

Belongs here: names, types and meanings. The marts' columns are the dbt project's contracts, and the
lake tables made of them follow those.
"""

from llmops_assets.lake import TableSpec
from llmops_assets.lake import columns_of as _columns
from llmops_assets.price_tables import PRICE_BOOK_SPEC, UNPRICED_SPEC

RAW = "raw_llm_events"
LEDGER = "ingest_ledger"
KAFKA = "kafka_snapshots"
NAMED = "object_notifications"
TOUCHED = "touched_hours"
PUBLISHED = "published_windows"
QUALITY = "data_quality_windows"
COVERAGE = "source_coverage"
REQUESTS = "llm_requests"
CONSERVATION = "event_conservation"
REPORT_DAYS = "report_days"

OF_PRICES = (PRICE_BOOK_SPEC, UNPRICED_SPEC)
"""Tables of which `price_tables` has the columns."""

POSITION_COLUMNS = _columns("""
source         | varchar     | Configured source that delivered the record.
arrival_hour   | timestamptz | Hour under which the source files the record; with source, the window of a refresh.
uri            | varchar     | Object, or range of offsets, that holds the record.
version        | varchar     | Version of that object; of a range its topic's id, start and end.
line           | bigint      | 1-based line (or row) in the object; in a topic the record's offset.
record_index   | bigint      | 0-based place inside a line or document that holds many; else NULL.
arrived_at     | timestamptz | Last-modified time of the object; the record's own timestamp in a topic.
format         | varchar     | Wire format that claimed the record.
outcome        | varchar     | accepted, rejected, not_a_call or report.
reject_reason  | varchar     | Why, from a closed list; NULL unless rejected.
payload        | varchar     | The rejected record without its contents, or the results of a report; NULL otherwise.
payload_bytes  | bigint      | Length of the record; NULL unless rejected.
payload_sha256 | varchar     | SHA-256 of the record; NULL unless rejected.
topic          | varchar     | Kafka topic; NULL for records of objects.
partition      | integer     | Partition of the topic.
record_offset  | bigint      | Offset in the partition.
record_key     | varchar     | Key of the record.
record_headers | map(varchar, varchar) | Headers of the record, of the configured names only.
""")

EVENT_COLUMNS = _columns("""
event_id               | varchar     | The producer's id of this attempt, else derived from the position.
request_id             | varchar     | The logical request; retries share it.
trace_id               | varchar     | Trace the call belongs to.
attempt                | integer     | 1-based attempt of the request, where the producer says so.
event_time             | timestamptz | When the call started.
tenant_id              | varchar     | Who the call is attributed to; NULL is reported as unattributed.
user_id                | varchar     | User of the tenant.
end_user_id            | varchar     | The tenant's own customer.
session_id             | varchar     | Conversation.
api_key_id             | varchar     | Id (never the value) of the key used.
feature                | varchar     | Product feature.
environment            | varchar     | Deployment environment.
config_id              | varchar     | Gateway configuration.
variant_id             | varchar     | Variant of the configuration.
tags                   | map(varchar, varchar) | Free tags.
provider               | varchar     | Who served the call.
upstream_provider      | varchar     | Provider behind a router.
model                  | varchar     | Model as served.
requested_model        | varchar     | Model as asked for.
region_scope           | varchar     | us, eu, global … of a cross-region profile.
operation              | varchar     | chat, embedding, image …
streaming              | boolean     | Whether the answer was streamed.
cache_hit              | boolean     | Whether the gateway answered without the provider.
service_tier           | varchar     | standard, batch, flex, priority.
tokens_input           | bigint      | Input tokens, cache and audio included.
tokens_cache_read      | bigint      | Part of input read from cache.
tokens_cache_write     | bigint      | Part of input written to cache, the 1 h part included.
tokens_cache_write_1h  | bigint      | Part of the cache write kept for an hour.
tokens_output          | bigint      | Output tokens, reasoning and audio included.
tokens_reasoning       | bigint      | Part of output.
tokens_audio_input     | bigint      | Part of input.
tokens_audio_output    | bigint      | Part of output.
tokens_image_input     | bigint      | Part of input.
web_search_requests    | bigint      | Web searches charged apart from tokens.
tokens_total           | bigint      | Input plus output.
latency_ms             | double      | Duration of the call in milliseconds.
time_to_first_token_ms | double      | Milliseconds until the first token.
temperature            | double      | Sampling temperature.
status                 | varchar     | success, error or cancelled.
success                | boolean     | Whether the call succeeded.
status_code            | integer     | HTTP status.
error_code             | varchar     | The producer's error code.
error_type             | varchar     | Class of the error, from a closed list.
error_message          | varchar     | At most 500 characters of the message.
finish_reason          | varchar     | stop, length, content_filter, tool_calls, guardrail_intervened, error, other.
reported_cost_usd      | decimal(38,12) | Cost the producer claimed, zero included.
reported_cost_kind     | varchar     | billed or estimated.
saved_cost_usd         | decimal(38,12) | What a cache hit avoided.
flags                  | varchar[]   | Facts about quality, from a closed list.
""")

RAW_SPEC = TableSpec(
    name=RAW,
    columns=POSITION_COLUMNS + EVENT_COLUMNS,
    window_column="arrival_hour",
    partition=("source", "hour(arrival_hour)"),
)

LEDGER_SPEC = TableSpec(
    name=LEDGER,
    columns=_columns("""
source            | varchar     | Configured source.
arrival_hour      | timestamptz | Arrival hour.
uri               | varchar     | Object; NULL for the one row of an hour that had none.
version           | varchar     | Version of the object.
bytes             | bigint      | Size of the object as stored.
records           | bigint      | Raw records it held.
accepted          | bigint      | Records that became candidates for events.
rejected          | bigint      | Records kept as rejects.
not_a_call        | bigint      | Well-formed records that are no LLM call.
report            | bigint      | Provider usage or cost buckets.
rejects           | map(varchar, bigint) | Rejected records by reason.
tokens_input      | bigint      | Sum over accepted records that state it.
tokens_output     | bigint      | Sum over accepted records that state it.
reported_cost_usd | decimal(38,12) | Sum over accepted records that state it.
first_event_time  | timestamptz | Earliest accepted event.
last_event_time   | timestamptz | Latest accepted event.
duration_ms       | double      | Time spent on the batch that held the object, shared by bytes; NULL if not known.
ingested_at       | timestamptz | When this version was taken in; NULL if it could not be read.
checked_at        | timestamptz | Start of the run that last listed the hour and had something to write.
run_id            | varchar     | Run that wrote the row.
failure           | varchar     | Why this version could not be read; nothing of it is counted. NULL if it was read.
deleted_since     | timestamptz | Start of the run that first missed the object, whose rows stay; NULL if it is there.
replayed_at       | timestamptz | Start of the run that last decoded its rejects once more; NULL if none did.
rejects_before_replay | map(varchar, bigint) | Its rejected records by reason before that run.
"""),
    window_column="arrival_hour",
    partition=(),
)

KAFKA_SPEC = TableSpec(
    name=KAFKA,
    columns=_columns("""
source             | varchar     | Configured source.
arrival_hour       | timestamptz | Arrival hour of the range: the hour of the snapshot that planned it.
topic              | varchar     | Topic.
topic_id           | varchar     | Id of the topic, which a topic created again does not share.
partition          | integer     | Partition of the topic.
era                | integer     | 0-based; a topic that was created again or shrank begins the next.
start_offset       | bigint      | First offset of the range.
end_offset         | bigint      | Offset behind its last; the next range begins here.
state              | varchar     | planned, complete when its rows are in the lake, or gap accepted.
low_watermark      | bigint      | First offset that the partition had at planning.
high_watermark     | bigint      | Offset behind its last at planning.
last_stable_offset | bigint      | Offset behind the last that could be read: no open transaction begins before it.
leader_epoch       | integer     | Epoch of the partition's leader at planning.
records            | bigint      | Records with a value; NULL until complete.
tombstones         | bigint      | Records without a value, which make no row.
bytes              | bigint      | Bytes of the values.
first_timestamp    | timestamptz | Earliest record's own time.
last_timestamp     | timestamptz | Latest record's own time.
planned_at         | timestamptz | Start of the run that planned the range.
completed_at       | timestamptz | When its rows were in the lake, or the gap was accepted.
run_id             | varchar     | Run that planned it, then the one that completed it.
reason             | varchar     | Why a gap was accepted.
accepted_by        | varchar     | Who accepted it.
"""),
    window_column="arrival_hour",
    partition=("source", "day(arrival_hour)"),
)

NAMED_SPEC = TableSpec(
    name=NAMED,
    columns=_columns("""
source         | varchar     | Source whose objects are named, with .notifications behind it.
arrival_hour   | timestamptz | Arrival hour of the range of offsets.
uri            | varchar     | Range of offsets that holds the notification.
version        | varchar     | Topic's id, start and end of that range.
record_offset  | bigint      | Offset of the notification.
arrived_at     | timestamptz | The notification's own time.
object_bucket  | varchar     | Bucket that it names, if it names one.
object_key     | varchar     | Key that it names.
object_version | varchar     | ETag that it names, if it names one.
"""),
    window_column="arrival_hour",
    partition=("source", "day(arrival_hour)"),
)

# Over the ledger's rows of a source and an arrival hour: was all of it taken in after its end? An object that
# could not be read counts until it was read or is no longer there.
HOUR_IS_CLOSED = (
    "bool_or(checked_at >= arrival_hour + interval 1 hour) "
    "and not bool_or(failure is not null and deleted_since is null)"
)

TOUCHED_SPEC = TableSpec(
    name=TOUCHED,
    columns=_columns("""
raw_sequence_number | bigint      | Sequence number of the raw commit.
source              | varchar     | Source of the commit.
window_start        | timestamptz | First event hour touched.
window_end          | timestamptz | End of the touched range of hours.
committed_at        | timestamptz | When the rows were committed.
"""),
    window_column="window_start",
    partition=(),
)

PUBLISHED_SPEC = TableSpec(
    name=PUBLISHED,
    columns=_columns("""
scope                    | varchar     | hour, day or report by the tables' kind; report_file for a report's page.
window_start             | timestamptz | Start of the window.
window_end               | timestamptz | End of the window.
state                    | varchar     | publishing while its tables are replaced, then published.
run_id                   | varchar     | Run that published it.
snapshots                | varchar     | JSON: table name to the snapshot id that holds the window.
price_version            | varchar     | Price book of the window, kept from its first publish.
raw_sequence_number      | bigint      | Raw commits up to this one are in the window.
requests_sequence_number | bigint      | Commit of llm_requests that was written (hour) or read (the others).
first_published_at       | timestamptz | First publish of the window.
published_at             | timestamptz | Latest publish of the window.
audit                    | varchar     | JSON: table name to its rows and the checks that passed, failed or warned.
requests                 | bigint      | Calls in the window as published; NULL while it is being published.
late_requests            | bigint      | Calls whose record arrived after the end of their hour and the allowed delay.
max_lateness_s           | double      | Longest time from a call to its record's arrival, in seconds.
"""),
    window_column="window_start",
    partition=(),
)

QUALITY_SPEC = TableSpec(
    name=QUALITY,
    columns=_columns("""
table_name       | varchar     | Table of the lake.
scope            | varchar     | hour for the event-time tables, day for the daily ones.
window_start     | timestamptz | Start of the window; midnight in UTC of a billing date.
window_end       | timestamptz | Its end.
is_complete      | boolean     | Whether all arrivals of every source up to its end and delay were taken in.
is_published     | boolean     | Whether the table shows all raw records that touch the window.
row_count        | bigint      | Rows of the table in the window, as published; NULL if published by an older version.
checks_passed    | bigint      | Checks of the table that passed at the publish; NULL as row_count.
checks_failed    | bigint      | Checks that failed without forbidding the publish.
checks_warned    | bigint      | Checks that warned of the window.
requests         | bigint      | Calls in the window.
late_requests    | bigint      | Calls whose record arrived after the end of their hour and the allowed delay.
max_lateness_s   | double      | Longest time from a call to its record's arrival, in seconds.
last_restated_at | timestamptz | Latest publish after the first; NULL if never restated.
"""),
    window_column="window_start",
    partition=(),
)

COVERAGE_SPEC = TableSpec(
    name=COVERAGE,
    columns=_columns("""
source                      | varchar     | Configured source.
arrival_hour                | timestamptz | Hour of arrival.
unit                        | varchar     | What is expected and read: object, or offset of a topic.
expected                    | bigint      | Units that were listed, or planned in kafka_snapshots, under the hour.
read                        | bigint      | Units that were taken in.
lost                        | bigint      | Offsets accepted as lost, and objects that went before they could be read.
bytes                       | bigint      | Their bytes as stored.
records                     | bigint      | Records they held: accepted + rejected + not_a_call + report.
accepted                    | bigint      | Records that became candidates for calls.
rejected                    | bigint      | Records kept as rejects.
not_a_call                  | bigint      | Well-formed records that are no LLM call.
report                      | bigint      | Provider usage or cost buckets.
rejects                     | map(varchar, bigint) | Rejected records by reason.
events                      | bigint      | Accepted records that head a call.
exact_duplicates            | bigint      | Accepted records that say again what another one said.
conflicts                   | bigint      | Accepted records that contradict another one of their call.
duplicates_of_other_sources | bigint      | The part of both that another source had delivered.
reconciliation_records      | bigint      | Accepted records of a source that only reconciles; they make no calls.
unbuilt                     | bigint      | Accepted records of which the published hours know nothing yet.
is_settled                  | boolean     | Whether no event hour of its calls waits to be built; then unbuilt is 0.
is_complete                 | boolean     | Whether all but what is lost was read after the hour had ended.
complete_since              | timestamptz | Start of the run that found it so; NULL if it is not complete.
"""),
    window_column="arrival_hour",
    partition=(),
)
