"""Batches are bounded, in order, and account for every stored byte; an object that changed is noticed."""

import gzip
from collections.abc import Iterator
from pathlib import Path

import pytest

from llmops_assets.source_settings import SourceSettings
from llmops_assets.sources import (
    LINES_SCHEMA,
    Batch,
    ObjectChanged,
    ObjectGone,
    ObjectRef,
    SourceError,
    list_objects,
    read_batches,
    store_of,
)
from llmops_assets.sources import ahead as ahead_module
from llmops_assets.sources.local import LocalFolder


def refs_of(folder: Path) -> list[ObjectRef]:
    source = SourceSettings(name="calls", uri=str(folder))
    return list(list_objects(source, store_of(source), None, {}))


def read(folder: Path, refs: list[ObjectRef] | None = None, batch_bytes: int = 10**6) -> list[Batch]:
    store = store_of(SourceSettings(name="calls", uri=str(folder)))
    refs = refs_of(folder) if refs is None else refs
    return list(read_batches(refs, store, batch_bytes=batch_bytes, max_line_bytes=10**6))


def test_lines_have_exactly_the_columns_that_decoders_read(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b"1\n")
    (batch,) = read(tmp_path)
    assert batch.lines.schema == LINES_SCHEMA
    assert batch.lines.to_pylist() == [
        {
            "object_id": 0,
            "line": 1,
            "record_index": None,
            "text": "1",
            "bytes": 1,
            "reject_reason": None,
            "sha256": None,
            "arrived_at": None,
            "record_key": None,
            "record_headers": None,
        }
    ]


def test_a_batch_ends_with_the_record_that_fills_it(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b"12345\n67\n890\n1\n2\n")
    texts = [batch.lines["text"].to_pylist() for batch in read(tmp_path, batch_bytes=7)]
    assert texts == [["12345", "67"], ["890", "1", "2"]]


def test_a_big_object_spans_batches_and_small_ones_share_one(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b"aaaa\nbbbb\n")
    (tmp_path / "b.json").write_bytes(b"c\n")
    (tmp_path / "c.json").write_bytes(b"ddd\n")
    batches = read(tmp_path, batch_bytes=4)
    assert [batch.lines["object_id"].to_pylist() for batch in batches] == [[0], [0], [1, 2]]
    assert [batch.lines["line"].to_pylist() for batch in batches] == [[1], [2], [1, 1]]
    assert [(one.object_id, one.share) for one in batches[2].objects] == [(1, 0.25), (2, 0.75)]


def test_every_stored_byte_is_accounted_for_once(tmp_path: Path) -> None:
    (tmp_path / "a.json.gz").write_bytes(gzip.compress(b"x" * 50 + b"\n" + b"y" * 50 + b"\n"))
    (tmp_path / "b.json").write_bytes(b"")
    (tmp_path / "c.json").write_bytes(b"z\n")
    batches = read(tmp_path, batch_bytes=50)
    size = (tmp_path / "a.json.gz").stat().st_size
    stored = [[(one.object_id, one.bytes) for one in batch.objects] for batch in batches]
    assert stored == [[(0, size)], [(0, 0)], [(1, 0), (2, 2)]]
    assert all(sum(one.share for one in batch.objects) == pytest.approx(1) for batch in batches)


def test_rejects_count_in_the_share_even_without_a_byte(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b"\xff\xff\xff\n1\n")
    (tmp_path / "b.json").write_bytes(gzip.compress(b"")[:5])
    (both,) = read(tmp_path)
    assert [one.share for one in both.objects] == [1.0, 0.0]
    (only,) = read(tmp_path, [ref for ref in refs_of(tmp_path) if ref.key == "b.json"])
    assert [one.share for one in only.objects] == [1.0]


def test_very_short_lines_are_bounded_by_rows(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b"1\n" * 150_000)
    assert [batch.lines.num_rows for batch in read(tmp_path)] == [65_536, 65_536, 18_928]


def test_many_small_objects_make_one_contiguous_batch(tmp_path: Path) -> None:
    for number in range(200):
        (tmp_path / f"{number:03}.json").write_bytes(b'{"n":%d}\n' % number)
    (batch,) = read(tmp_path)
    assert batch.lines["object_id"].to_pylist() == list(range(200))
    assert batch.lines["text"].num_chunks == 1


def test_no_objects_or_only_empty_ones_make_no_batch(tmp_path: Path) -> None:
    assert read(tmp_path) == []
    (tmp_path / "a.json").write_bytes(b"\n\n")
    assert read(tmp_path) == []


def test_a_file_changed_since_it_was_listed_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "a b.json"
    path.write_bytes(b"1\n")
    refs = refs_of(tmp_path)
    path.write_bytes(b"12\n")
    with pytest.raises(ObjectChanged, match=r"file://.*/a b\.json changed after it was listed"):
        read(tmp_path, refs)


def test_a_file_that_grows_while_it_is_read_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("llmops_assets.sources.local.CHUNK_BYTES", 2)
    path = tmp_path / "a.json"
    path.write_bytes(b"1\n2\n")
    store = store_of(SourceSettings(name="calls", uri=str(tmp_path)))
    reads = read_batches(refs_of(tmp_path), store, batch_bytes=1, max_line_bytes=10)
    next(reads)
    with path.open("ab") as file:
        file.write(b"3\n")
    with pytest.raises(ObjectChanged):
        list(reads)


def test_a_file_deleted_since_it_was_listed_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(b"1\n")
    refs = refs_of(tmp_path)
    path.unlink()
    with pytest.raises(ObjectGone, match=r"a\.json was deleted after it was listed"):
        read(tmp_path, refs)


def test_both_are_source_errors_with_the_uri() -> None:
    for kind in (ObjectChanged, ObjectGone):
        assert isinstance(kind("s3://b/k"), SourceError)
        assert kind("s3://b/k").uri == "s3://b/k"


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(b"1\n")
    refs = refs_of(tmp_path)
    path.unlink()
    path.mkdir()
    with pytest.raises(SourceError, match=r"source calls: cannot read file://.*a\.json: Is a directory; check"):
        read(tmp_path, refs)


class Remote(LocalFolder):
    """A folder that is read like a bucket, and tells what was fetched how."""

    concurrency = 4

    def __init__(self, folder: Path) -> None:
        super().__init__("calls", str(folder))
        self.fetched: list[str] = []
        self.streamed: list[str] = []

    def fetch(self, ref: ObjectRef) -> bytes:
        self.fetched.append(ref.key)
        return (Path(self.folder) / ref.key).read_bytes()

    def stream(self, ref: ObjectRef) -> Iterator[bytes]:
        self.streamed.append(ref.key)
        return super().stream(ref)


def test_small_remote_objects_are_fetched_ahead_and_come_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ahead_module, "SMALL_BYTES", 20)
    for number in range(50):
        (tmp_path / f"{number:02}.json").write_bytes(b'{"n":%d}\n' % number)
    (tmp_path / "25.json").write_bytes(b'{"n":25,"long":"xxxxxxxxxxxxxxx"}\n')
    store = Remote(tmp_path)
    reads = read_batches(refs_of(tmp_path), store, batch_bytes=1, max_line_bytes=100)
    assert next(reads).lines["text"].to_pylist() == ['{"n":0}']
    assert len(store.fetched) <= 5
    rest = [batch.lines["object_id"].to_pylist() for batch in reads]
    assert rest == [[number] for number in range(1, 50)]
    assert store.streamed == ["25.json"]
    assert sorted(store.fetched) == sorted(f"{number:02}.json" for number in range(50) if number != 25)


def test_what_is_fetched_ahead_is_bounded_in_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ahead_module, "AHEAD_BYTES", 10)
    for number in range(9):
        (tmp_path / f"{number}.json").write_bytes(b"12345678\n")
    store = Remote(tmp_path)
    reads = read_batches(refs_of(tmp_path), store, batch_bytes=1, max_line_bytes=100)
    next(reads)
    reads.close()
    assert len(store.fetched) <= 2
