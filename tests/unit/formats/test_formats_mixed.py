"""Records of every gateway in one batch, and every reason to reject one of them."""

import json

from decoding import Decoder, Row, some
from sampled import sample

GATEWAYS = (
    "aider_analytics", "azure_diagnostic", "bedrock_invocation", "helicone", "litellm_spend", "openrouter_activity",
    "openrouter_generation", "portkey", "provider_usage_reports",
)  # fmt: skip
CALL, *_ = sample("bedrock_invocation")
LINE = json.dumps(CALL)


def changed(before: str, after: str) -> str:
    """The sample with another text somewhere in it."""
    assert LINE.count(before) == 1
    return LINE.replace(before, after)


REASONS: dict[str, Row | str] = {
    "malformed_json": LINE[:-40],
    "not_an_object": json.dumps(LINE),
    "duplicate_key": changed('"accountId":', '"accountId": "2", "accountId":'),
    "unknown_format": {name: value for name, value in CALL.items() if name != "modelId"},
    "missing_timestamp": CALL | {"timestamp": None},
    "implausible_timestamp": CALL | {"timestamp": "1970-01-21T18:13:09Z"},
    "future_timestamp": CALL | {"timestamp": "2062-11-20T15:10:17Z"},
    "bad_type": changed('"inputTokenCount": 35', '"inputTokenCount": "35 tokens"'),
    "negative_tokens": changed('"outputTokenCount": 446', '"outputTokenCount": -446'),
    "token_overflow": changed('"outputTokenCount": 446', '"outputTokenCount": 18446744073709551615'),
    "parts_exceed_total": sample("openrouter_activity")[0] | {"tokens_cached": "10390"},
}


def test_every_reason_to_reject_is_found_in_a_record_of_a_gateway(decoder: Decoder) -> None:
    rows = decoder.rows(*REASONS.values())
    assert [some(row, "outcome", "reject_reason") for row in rows] == [("rejected", reason) for reason in REASONS]


def test_one_batch_may_hold_records_of_every_gateway(decoder: Decoder) -> None:
    records = [(name, record) for name in GATEWAYS for record in sample(name)]
    rows = decoder.rows(*(record for _, record in records))
    assert [row["format"] for row in rows] == [name for name, _ in records]
    assert "rejected" not in {row["outcome"] for row in rows}
