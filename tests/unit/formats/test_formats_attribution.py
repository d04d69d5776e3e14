"""Whose calls a source's are, by rules of its own."""

import json
from typing import Any

import pytest
from decoding import Decoder, Row, flat, line_of, some
from payloads import payload

from llmops_assets.attribution_settings import AttributionSettings


def attributed(decoder: Decoder, rules: dict[str, Any], *records: Row, **source: Any) -> list[Row]:
    return decoder.rows(*records, attribution=AttributionSettings(**rules).text, **source)


def test_the_first_place_that_is_known_counts_and_nothing_else_is_asked(decoder: Decoder) -> None:
    rules = {"tenant": ["tags.team", "metadata.org"]}
    rows = attributed(
        decoder,
        rules,
        flat(tags={"team": "growth"}, metadata={"org": "acme"}),
        flat(tags={"team": "None"}, metadata={"org": "acme"}),
        flat(tags={"team": " \u200b"}, metadata={"org": " acme "}),
        flat(tags={"team": {"id": 1}}, metadata={"org": ["acme"]}),
        flat(tags={"other": "x"}),
        flat(),
    )
    # The records' own tenant_id, acme, is not in the rule; the last three name no team and no organisation.
    assert [row["tenant_id"] for row in rows] == ["growth", "acme", "acme", None, None, None]


def test_default_stands_for_what_the_format_says(decoder: Decoder) -> None:
    rules = {"tenant": ["tags.team", "default"], "user": "default"}
    rows = attributed(decoder, rules, flat(user="ann", tags={"team": "growth"}), flat(user="bob"), flat(tenant_id=None))
    assert [some(row, "tenant_id", "user_id") for row in rows] == [("growth", "ann"), ("acme", "bob"), (None, None)]


def test_every_field_can_be_taken_from_anywhere_in_a_record(decoder: Decoder) -> None:
    record = flat(
        owner={"team": {"id": 42}},
        labels={"app.kubernetes.io/name": "search"},
        tags={"cost.center": "cc-7", "env": "prod"},
        caller="ann",
        api_key_id="key-1",
    )
    rules = {
        "tenant": "owner.team.id",
        "user": "record.caller",
        "end_user": 'tags."cost.center"',
        "session": "trace_id",
        "api_key": "default",
        "feature": 'labels."app.kubernetes.io/name"',
        "environment": "tags.env",
        "config": "event.api_key_id",
        "variant": "tags.cost.center",
    }
    (row,) = attributed(decoder, rules, record | {"trace_id": "t-1"})
    columns = ("tenant_id", "user_id", "end_user_id", "session_id", "api_key_id", "feature", "environment", "config_id")
    assert some(row, *columns) == ("42", "ann", "cc-7", "t-1", "key-1", "search", "prod", "key-1")
    assert row["variant_id"] == "cc-7"


def test_tags_are_those_of_the_event_however_the_format_writes_them(decoder: Decoder) -> None:
    record = payload(request_tags=["team:growth", "beta"])
    (row,) = attributed(decoder, {"tenant": "tags.team", "feature": ["metadata.user_api_key_team_id"]}, record)
    assert row["tenant_id"] == "growth"
    assert row["feature"] == record["metadata"]["user_api_key_team_id"]


def test_a_rule_never_lets_contents_in(decoder: Decoder) -> None:
    (row,) = attributed(decoder, {"feature": "note"}, flat(note="a secret " * 40))
    assert row["feature"].startswith("length:359 sha256:")


def test_a_header_of_a_topics_record_may_tell(decoder: Decoder) -> None:
    text = json.dumps(flat())
    lines = [line_of(1, text, record_headers=[("x-tenant", "globex")]), line_of(2, text)]
    rules = AttributionSettings(tenant=("headers.x-tenant", "default")).text
    assert [row["tenant_id"] for row in decoder.decode(lines, attribution=rules)] == ["globex", "acme"]


def test_the_tenant_of_the_source_is_that_of_every_record(decoder: Decoder) -> None:
    (row,) = attributed(decoder, {"user": "tags.who"}, flat(tags={"who": "ann"}), source_tenant="globex")
    assert some(row, "tenant_id", "user_id") == ("globex", "ann")


@pytest.mark.parametrize("place", ["", "tags", "tags.", "a..b", 'a."b', "a b", "[0]", "$.a", "headers", "event"])
def test_a_text_that_names_no_place_is_refused_with_what_is_allowed(place: str) -> None:
    with pytest.raises(ValueError, match=r"names no place; allowed: default, tags"):
        AttributionSettings(tenant=(place,))


def test_what_may_hold_contents_is_refused() -> None:
    with pytest.raises(ValueError, match=r"'messages.author' leads to messages, which may hold contents"):
        AttributionSettings(user=("messages.author",))
