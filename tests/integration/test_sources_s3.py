"""A bucket behind a real HTTP server is listed and read, and what changes underneath is noticed."""

import gzip
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import boto3
import pytest

from llmops_assets.source_settings import SourceSettings
from llmops_assets.sources import (
    ObjectChanged,
    ObjectGone,
    ObjectRef,
    ObjectUnreadable,
    SourceError,
    list_objects,
    read_batches,
    store_of,
)
from llmops_assets.sources import bucket as bucket_module
from llmops_assets.sources.credentials import signer_of
from llmops_assets.windows import Window, hour_of

pytestmark = pytest.mark.integration

ODD_KEYS = [
    "a b & c=d%20.json",
    "%41.json",
    'it\'s "quoted".json',
    "plus+at@comma,.json",
    "#h?x;.json",
    "ünï/日本 語.json",
    "dt=2026-11-20/hour=15/x.json",
]


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    environment = os.environ | {"MOTO_S3_DEFAULT_MAX_KEYS": "100"}  # small pages, so that paging is cheap to test
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        _wait_for(port)
        yield f"http://127.0.0.1:{port}"
        server.terminate()


def _wait_for(port: int) -> None:
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise TimeoutError(f"no S3 server on port {port} after 20 s")


class Remote:
    """One bucket, and a source that reads `prefix` of it."""

    def __init__(self, endpoint: str, client: Any) -> None:
        self.endpoint, self.client = endpoint, client
        self.bucket = f"bucket-{uuid4().hex}"
        client.create_bucket(Bucket=self.bucket)

    def put(self, key: str, body: bytes) -> None:
        self.client.put_object(Bucket=self.bucket, Key=key, Body=body)

    def source(self, **settings: Any) -> SourceSettings:
        return SourceSettings(
            name="calls",
            endpoint=self.endpoint,
            access_key_id_env="CALLS_KEY",
            secret_access_key_env="CALLS_SECRET",
            **({"uri": f"s3://{self.bucket}/in"} | settings),
        )

    def refs(self, window: Window | None = None, **settings: Any) -> list[ObjectRef]:
        source = self.source(**settings)
        return list(list_objects(source, store_of(source), window, {}))

    def texts(self, refs: list[ObjectRef]) -> list[str]:
        reads = read_batches(refs, store_of(self.source()), batch_bytes=10**6, max_line_bytes=10**6)
        return [text for batch in reads for text in batch.lines["text"].to_pylist()]


@pytest.fixture
def remote(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Remote]:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("CALLS_KEY", "AKIAEXAMPLE")
    monkeypatch.setenv("CALLS_SECRET", "very-secret")
    client = boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="AKIAEXAMPLE",
        aws_secret_access_key="very-secret",
    )
    yield Remote(endpoint, client)
    client.close()


def test_odd_keys_are_listed_verbatim_and_read(remote: Remote) -> None:
    for number, key in enumerate(ODD_KEYS):
        remote.put(f"in/{key}", b'{"n":%d}\n' % number)
    remote.put("input/other.json", b"not below the prefix\n")
    refs = remote.refs()
    assert {ref.uri for ref in refs} == {f"s3://{remote.bucket}/in/{key}" for key in ODD_KEYS}
    by_key = {ref.key.removeprefix("in/"): ref for ref in refs}
    assert remote.texts([by_key[key] for key in ODD_KEYS]) == [f'{{"n":{n}}}' for n in range(len(ODD_KEYS))]


def test_a_reference_has_etag_size_and_hour(remote: Remote) -> None:
    remote.put("in/a.json", b"hello")
    (ref,) = remote.refs()
    assert ref.version == "5d41402abc4b2a76b9719d911017c592"  # md5 of hello
    assert ref.size == 5
    assert ref.last_modified.utcoffset() == timedelta(0)
    assert ref.arrival_hour == hour_of(ref.last_modified)


def test_only_folders_of_the_window_are_listed(remote: Remote) -> None:
    for hour in (14, 15, 16):
        remote.put(f"in/dt=2026-11-20/hour={hour}/a.json", b"1\n")
    remote.put("in/dt=2026-11-19/hour=15/a.json", b"1\n")
    remote.put("in/stray.json", b"1\n")
    start = datetime(2026, 11, 20, 15, tzinfo=UTC)
    layout = "dt=%Y-%m-%d/hour=%H/"
    found = remote.refs(Window(start, start + timedelta(hours=1)), layout=layout)
    assert [ref.key for ref in found] == ["in/dt=2026-11-20/hour=15/a.json"]
    assert found[0].arrival_hour == start
    (stray,) = [ref for ref in remote.refs(layout=layout) if ref.key == "in/stray.json"]
    now = Window(stray.arrival_hour, stray.arrival_hour + timedelta(hours=1))
    assert [ref.key for ref in remote.refs(now, layout=layout)] == ["in/stray.json"]


def test_directory_markers_are_no_objects_but_empty_files_are(remote: Remote) -> None:
    for key in ("in/", "in/sub/", "in/empty.json", "in/sub/_SUCCESS"):
        remote.put(key, b"")
    assert [ref.key for ref in remote.refs()] == ["in/empty.json"]
    window = Window(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, 1, tzinfo=UTC))
    assert remote.refs(window, layout="%Y-%m-%d/%H/") == []
    assert remote.texts(remote.refs()) == []


def test_a_bucket_is_listed_beyond_one_page_and_read_in_order(remote: Remote) -> None:
    for number in range(250):
        remote.put(f"in/{number:04}.json", b"%d\n" % number)
    refs = remote.refs(uri=f"s3://{remote.bucket}")
    assert len(refs) == 250
    assert remote.texts(refs[70:220]) == [str(number) for number in range(70, 220)]


def test_a_big_object_is_read_by_ranges(remote: Remote, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bucket_module, "RANGE_BYTES", 1000)
    monkeypatch.setattr("llmops_assets.sources.ahead.SMALL_BYTES", 0)
    lines = b"".join(b"line %d\n" % number for number in range(20_000))
    remote.put("in/a.json.gz", gzip.compress(lines))
    assert remote.texts(remote.refs()) == lines.decode().splitlines()


@pytest.mark.parametrize("small_bytes", [0, 10**6])
def test_an_object_overwritten_after_listing_is_noticed(
    remote: Remote, monkeypatch: pytest.MonkeyPatch, small_bytes: int
) -> None:
    monkeypatch.setattr("llmops_assets.sources.ahead.SMALL_BYTES", small_bytes)
    remote.put("in/a b.json", b"old\n")
    refs = remote.refs()
    remote.put("in/a b.json", b"new\n")
    with pytest.raises(ObjectChanged, match=f"s3://{remote.bucket}/in/a b.json changed after it was listed"):
        remote.texts(refs)


def test_an_object_overwritten_while_it_is_read_is_noticed(remote: Remote, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bucket_module, "RANGE_BYTES", 10)
    monkeypatch.setattr("llmops_assets.sources.ahead.SMALL_BYTES", 0)
    remote.put("in/a.json", b"123456789\n" * 100)
    store = store_of(remote.source())
    reads = read_batches(remote.refs(), store, batch_bytes=1, max_line_bytes=100)
    assert next(reads).lines["text"].to_pylist() == ["123456789"]
    remote.put("in/a.json", b"987654321\n" * 100)
    with pytest.raises(ObjectChanged):
        list(reads)


@pytest.mark.parametrize("small_bytes", [0, 10**6])
def test_an_object_deleted_after_listing_is_noticed(
    remote: Remote, monkeypatch: pytest.MonkeyPatch, small_bytes: int
) -> None:
    monkeypatch.setattr("llmops_assets.sources.ahead.SMALL_BYTES", small_bytes)
    remote.put("in/a.json", b"1\n")
    refs = remote.refs()
    remote.client.delete_object(Bucket=remote.bucket, Key="in/a.json")
    with pytest.raises(ObjectGone, match=f"s3://{remote.bucket}/in/a.json was deleted"):
        remote.texts(refs)


@pytest.mark.parametrize("window", [None, Window(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC))])
def test_a_missing_bucket_is_named_with_the_cure_and_no_secret(remote: Remote, window: Window | None) -> None:
    with pytest.raises(SourceError) as raised:
        remote.refs(window, uri="s3://no-such-bucket/x", layout="%Y-%m-%d/%H/")
    text = str(raised.value)
    assert text.startswith(
        "source calls: cannot list s3://no-such-bucket/x/: the bucket does not exist there: create it"
    )
    assert "very-secret" not in text
    assert "AKIAEXAMPLE" not in text


EMPTY_SEGMENTS = [
    "in/2026-11-20/15//b c+%20ü.json",
    "in//d.json",
    "in/2026-11-20//15/e.json",
    "in/2026-11-20/15/../f.json",
]


def test_keys_with_empty_segments_are_listed_beside_the_others_and_read(
    remote: Remote, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bucket_module, "RANGE_BYTES", 10)
    plain = [f"in/2026-11-20/15/{name}.json" for name in ("a", "z")]
    for number, key in enumerate([*EMPTY_SEGMENTS, *plain]):
        remote.put(key, b'{"number": %d}\n' % number)
    start = datetime(2026, 11, 20, 15, tzinfo=UTC)
    refs = remote.refs(layout="%Y-%m-%d/%H/")
    assert sorted(ref.key for ref in refs) == sorted([*EMPTY_SEGMENTS, *plain])
    dated = {ref.key for ref in refs if ref.arrival_hour == start}
    assert dated == {*plain, EMPTY_SEGMENTS[0], EMPTY_SEGMENTS[3]}
    of_the_hour = remote.refs(Window(start, start + timedelta(hours=1)), layout="%Y-%m-%d/%H/")
    assert sorted(ref.key for ref in of_the_hour) == sorted(dated)
    by_key = {ref.key: ref for ref in refs}
    for small_bytes in (0, 10**6):
        monkeypatch.setattr("llmops_assets.sources.ahead.SMALL_BYTES", small_bytes)
        assert remote.texts([by_key[key] for key in EMPTY_SEGMENTS]) == [f'{{"number": {n}}}' for n in range(4)]
    looked = [store_of(remote.source()).look(f"in//{name}.json") for name in ("d", "not-there")]
    assert [one and (one.version, one.size) for one in looked] == [(by_key["in//d.json"].version, 14), None]
    remote.put("in//d.json", b"other\n")
    with pytest.raises(ObjectChanged):
        remote.texts([by_key["in//d.json"]])
    remote.client.delete_object(Bucket=remote.bucket, Key="in//d.json")
    with pytest.raises(ObjectGone):
        remote.texts([by_key["in//d.json"]])


def test_a_listing_of_many_pages_goes_on_behind_the_last_plain_key(remote: Remote) -> None:
    keys = [f"in/{number:04}{'/' * (1 + number // 240)}x.json" for number in range(250)]
    for key in keys:
        remote.put(key, b"1\n")
    assert sorted(ref.key for ref in remote.refs()) == sorted(keys)


def test_where_there_is_no_other_way_such_a_key_is_an_object_that_cannot_be_read(remote: Remote) -> None:
    remote.put("in/a//b.json", b"1\n")
    store = store_of(remote.source())
    assert isinstance(store, bucket_module.Bucket)
    store._any_keys = None
    cure = r"keys with an empty segment, \. or \.\. cannot be read here: rename that object"
    with pytest.raises(SourceError, match=f"cannot list .*{cure} .*a//b"):
        list(store.walk(""))
    with pytest.raises(ObjectUnreadable, match=cure):
        store.look("in/a//b.json")


def test_an_anonymous_source_reads_what_is_public(remote: Remote) -> None:
    remote.client.put_bucket_acl(Bucket=remote.bucket, ACL="public-read")
    remote.put("in/a.json", b"1\n")
    source = SourceSettings(name="calls", uri=f"s3://{remote.bucket}", endpoint=remote.endpoint, anonymous=True)
    assert [ref.key for ref in list_objects(source, store_of(source), None, {})] == ["in/a.json"]


def test_a_role_is_assumed_with_the_keys_of_the_source_and_its_own_are_used(remote: Remote) -> None:
    remote.put("in/a.json", b"1\n")
    role = {"role_arn": "arn:aws:iam::123456789012:role/reader", "sts_endpoint": remote.endpoint}
    provider = signer_of(remote.source(**role)).provider
    assert provider is not None
    first, second = provider(), provider()
    assert first["access_key_id"] not in (None, "AKIAEXAMPLE")
    assert first["token"]
    assert first is second, "they are kept until they expire"
    refs = remote.refs(**role)
    assert [ref.key for ref in refs] == ["in/a.json"]


def test_a_role_that_cannot_be_assumed_is_named_with_the_cure(remote: Remote) -> None:
    nowhere = {"role_arn": "arn:aws:iam::123456789012:role/reader", "sts_endpoint": "http://127.0.0.1:1"}
    expected = "source calls: cannot assume arn:aws:iam::123456789012:role/reader: .*; allow it to the keys"
    with pytest.raises(SourceError, match=expected):
        remote.refs(**nowhere)
