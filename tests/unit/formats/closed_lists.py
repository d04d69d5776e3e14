"""The closed lists of reasons and flags; what a file's splitter or the tables alone find is left out."""

REASONS = {
    "malformed_json", "not_an_object", "unknown_format", "missing_timestamp", "implausible_timestamp", "bad_type",
    "future_timestamp", "negative_tokens", "token_overflow", "parts_exceed_total", "duplicate_key",
}  # fmt: skip
FLAGS = {
    "usage_missing", "reported_cost_zero_is_missing", "negative_cost", "non_usd_cost", "naive_timestamp_assumed_utc",
    "negative_latency", "zero_output", "inferred_provider", "derived_event_id", "cached_tokens_unreported",
    "hidden_reasoning_from_total",
}  # fmt: skip
