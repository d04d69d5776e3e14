"""Files that name objects, in every shape that stores and people write them."""

import json
from typing import Any

import pytest

from llmops_assets.sources import SourceError
from llmops_assets.sources.naming import Name, names_in


def named(text: str, file: str = "s3://b/manifest/1.json") -> list[Name]:
    return list(names_in(file, text.encode()))


def notification(key: str, event: str = "ObjectCreated:Put", **more: Any) -> dict[str, Any]:
    """As Amazon documents the message of S3: the key is escaped, with + for a space."""
    about = {"bucket": {"name": "b", "arn": "arn:aws:s3:::b"}, "object": {"key": key, "size": 5} | more}
    return {"eventVersion": "2.1", "eventSource": "aws:s3", "eventName": event, "s3": about}


def test_a_line_that_is_no_json_is_a_key_verbatim() -> None:
    assert named("in/a b%20+c.json\r\n\nin/ä.json\n") == [Name("in/a b%20+c.json"), Name("in/ä.json")]
    assert named("") == []


def test_json_names_keys_as_texts_or_objects_by_line_or_in_a_list() -> None:
    lines = '"in/a"\n{"key": "in/b+c%20", "bucket": "b", "etag": "\\"abc\\""}\n'
    assert named(lines) == [Name("in/a"), Name("in/b+c%20", "b", "abc")]
    assert named('[\n  "in/a",\n  {"key": "in/b"}\n]\n') == [Name("in/a"), Name("in/b")]


def test_a_notification_of_s3_is_unescaped_and_only_what_was_created_counts() -> None:
    records = [
        notification("in/a+b%26c.json", eTag="abc"),
        notification("in/gone.json", "ObjectRemoved:Delete"),
        notification("in/copied.json", "s3:ObjectCreated:Copy"),
    ]
    expected = [Name("in/a b&c.json", "b", "abc"), Name("in/copied.json", "b")]
    assert named(json.dumps({"Records": records}, indent=2)) == expected
    assert named("".join(json.dumps(record) + "\n" for record in records)) == expected
    assert named(json.dumps({"Type": "Notification", "Message": json.dumps({"Records": records})})) == expected


def test_a_notification_with_a_key_that_no_escaping_leaves_is_verbatim() -> None:
    keys = {
        "in/a b+c": "in/a b+c",
        "in/50%+x": "in/50%+x",
        "in/ü+": "in/ü+",
        "in/a%2Bb+c": "in/a+b c",
        "in/=+": "in/= ",
    }
    assert [one.key for key in keys for one in named(json.dumps(notification(key)))] == list(keys.values())


def test_a_test_message_names_nothing() -> None:
    assert named('{"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "b"}') == []


def test_an_event_of_the_event_bridge_is_not_escaped() -> None:
    detail = {"bucket": {"name": "b"}, "object": {"key": "in/a+b c.json", "etag": "abc"}}
    assert named(json.dumps({"detail-type": "Object Created", "detail": detail})) == [Name("in/a+b c.json", "b", "abc")]
    assert named(json.dumps({"detail-type": "Object Deleted", "detail": detail})) == []


def test_a_table_with_a_header_is_verbatim_and_an_inventory_without_is_unescaped() -> None:
    table = 'size,Key,etag\n5,"in/a,b+c.json",abc\n\n5,in/d.json,\n'
    assert named(table, "s3://b/m/keys.csv") == [Name("in/a,b+c.json", None, "abc"), Name("in/d.json")]
    inventory = '"b","in/a%20b%2Bc.json","5","2026-11-01T10:00:00.000Z"\n"b","in/d.json","5",""\n'
    assert named(inventory, "s3://b/m/0aef.csv.gz") == [Name("in/a b+c.json", "b"), Name("in/d.json", "b")]
    assert named("", "s3://b/m/keys.csv") == []


@pytest.mark.parametrize(
    ("text", "file", "where"),
    [
        ('{"key": "in/a"}\n{"path": "in/b"}\n', "m.json", "line 2"),
        ('{"key": "in/a"}\n{"key": \n', "m.json", "line 2"),
        ("in/a\n[1]\n", "m.json", "line 2"),
        ("key\n,x\n", "m.csv", "line 2"),
        ("in/a\nin/b\n", "m.csv", "line 1"),
    ],
)
def test_a_line_that_names_nothing_is_an_error_with_its_place_and_what_is_allowed(
    text: str, file: str, where: str
) -> None:
    with pytest.raises(SourceError, match=f"s3://b/{file}: {where} names no object; allowed: a key per line"):
        named(text, f"s3://b/{file}")


def test_bytes_that_are_no_text_are_an_error() -> None:
    with pytest.raises(SourceError, match="byte 1 is no UTF-8"):
        list(names_in("s3://b/m.json", b"a\xff"))
