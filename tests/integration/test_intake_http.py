"""The events endpoint over the wire: a real process, and every answer that it can give."""

import gzip
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import zstandard
from serving import LAYOUT, Server, lines

pytestmark = pytest.mark.integration

SOURCES = f"""
[[source]]
name = "events"
uri = "events"
layout = "{LAYOUT}"

[[source]]
name = "acme_events"
uri = "acme"
layout = "{LAYOUT}"
tenant = "acme"

[[source]]
name = "locked"
uri = "s3://bucket/without/keys"
access_key_id_env = "NOT_SET"
secret_access_key_env = "NOT_SET_EITHER"
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that finishes its objects within a tenth of a second."""
    server = Server(
        tmp_path_factory.mktemp("intake"), intake="roll_seconds = 0.1\nmax_body_bytes = 4096", sources=SOURCES
    )
    server.add_token("gateway")
    server.add_token("slow", events_per_second=5.0)
    server.add_token("acme", "acme_events", tenant="acme")
    server.start()
    yield server
    server.stop()


def numbers(server: Server, mark: str, source: str = "events") -> list[int]:
    """The numbers of the records with a mark, once the objects are finished."""
    time.sleep(0.4)
    return sorted(record["n"] for record in server.records(source) if record.get("mark") == mark)


@pytest.mark.parametrize(
    ("encoding", "pack"), [("identity", bytes), ("gzip", gzip.compress), ("zstd", zstandard.compress)]
)
def test_records_arrive_with_any_compression(server: Server, encoding: str, pack: object) -> None:
    assert callable(pack)
    body = pack(lines({"mark": encoding, "n": n} for n in range(100)))
    answer = server.post(body, server.tokens["gateway"], Content_Encoding=encoding)
    assert (answer.status, answer.body) == (200, {"successful_rows": 100, "quarantined_rows": 0})
    assert numbers(server, encoding) == list(range(100))


def test_without_wait_the_answer_is_202(server: Server) -> None:
    body = lines({"mark": "202", "n": n} for n in range(3))
    answer = server.post(body, server.tokens["gateway"], query="name=events&utm_source=DEV")
    assert (answer.status, answer.body) == (202, {"successful_rows": 3, "quarantined_rows": 0})
    assert numbers(server, "202") == [0, 1, 2]


def test_the_request_of_the_tutorial_is_understood(server: Server) -> None:
    body = b'{\n  "event_time": "2023-07-15 12:34:56",\n  "model_name": "gpt-4",\n  "mark": "tutorial", "n": 1\n}'
    headers = {"Content_Type": "application/x-www-form-urlencoded"}  # as curl -d sends it
    assert server.post(body, server.tokens["gateway"], query="name=events", **headers).status == 202
    assert numbers(server, "tutorial") == [1]


@pytest.mark.parametrize("token", [None, "wrong", "llmops.gateway.wrong", "llmops.nobody.wrong"])
def test_an_unknown_token_is_401(server: Server, token: str | None) -> None:
    answer = server.post(b"{}", token)
    assert (answer.status, answer.headers["www-authenticate"]) == (401, "Bearer")


def test_a_token_in_the_address_is_not_accepted(server: Server) -> None:
    assert server.post(b"{}", query=f"name=events&token={server.tokens['gateway']}").status == 401


def test_a_token_may_append_to_its_own_source_only(server: Server) -> None:
    answer = server.post(b"{}", server.tokens["gateway"], query="name=acme_events")
    assert (answer.status, answer.body) == (403, {"error": "the token gateway may append to events only"})
    assert server.post(b"{}", server.tokens["gateway"], query="wait=true").status == 400


def test_records_of_another_tenant_are_counted_and_not_stored(server: Server) -> None:
    records = [
        {"mark": "tenant", "n": 1},
        {"mark": "tenant", "n": 2, "tenant_id": "acme"},
        {"mark": "tenant", "n": 3, "tenant_id": "beta"},
        {"mark": "tenant", "n": 4, "metadata": {"tenantSlug": "beta"}},
    ]
    answer = server.post(lines(records), server.tokens["acme"], query="name=acme_events&wait=true")
    assert (answer.status, answer.body) == (200, {"successful_rows": 2, "quarantined_rows": 2})
    assert numbers(server, "tenant", "acme_events") == [1, 2]
    refused = server.post(lines(records[2:]), server.tokens["acme"], query="name=acme_events&wait=true")
    assert refused.status == 403
    assert "every record names another tenant than 'acme'" in refused.body["error"]
    metrics = server.get("/metrics").body
    assert 'llmops_intake_quarantined_total{source="acme_events"} 2\n' in metrics


@pytest.mark.parametrize(
    ("body", "encoding"), [(b'{"a":"' + b"x" * 5000 + b'"}', "identity"), (gzip.compress(b"x" * 10**6), "gzip")]
)
def test_a_body_that_is_too_large_is_413_sent_or_unpacked(server: Server, body: bytes, encoding: str) -> None:
    answer = server.post(body, server.tokens["gateway"], Content_Encoding=encoding)
    assert answer.status == 413
    assert "larger than 4096 bytes" in answer.body["error"]


def test_a_body_that_is_too_large_is_413_also_in_chunks(server: Server) -> None:
    import http.client

    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    headers = {"Authorization": f"Bearer {server.tokens['gateway']}"}
    connection.request("POST", "/v0/events?name=events", iter([b"x" * 3000, b"x" * 3000]), headers, encode_chunked=True)
    assert connection.getresponse().status == 413
    connection.close()


def test_a_rate_beyond_the_limit_is_429_with_the_seconds_to_wait(server: Server) -> None:
    body = lines({"mark": "rate", "n": n} for n in range(14))  # 5 are allowed at once: 9 in debt, less than 2 s
    assert server.post(body, server.tokens["slow"]).status == 200
    answer = server.post(body, server.tokens["slow"])
    assert answer.status == 429
    assert answer.headers["retry-after"] in ("1", "2")
    assert numbers(server, "rate") == list(range(14))


def test_a_malformed_line_is_named_and_nothing_of_its_body_is_stored(server: Server) -> None:
    body = b'{"mark": "malformed", "n": 1}\n{"mark": "malformed", "prompt": "do not log me\n'
    answer = server.post(body, server.tokens["gateway"])
    assert (answer.status, answer.body) == (
        400,
        {"error": "line 2: not valid JSON; nothing of the body was stored"},
    )
    assert numbers(server, "malformed") == []


def test_an_unknown_compression_is_415(server: Server) -> None:
    assert server.post(b"{}", server.tokens["gateway"], Content_Encoding="br").status == 415


def test_probes_say_how_it_is(server: Server) -> None:
    assert server.get("/healthz").body == {"status": "alive"}
    ready = server.get("/readyz")
    assert (ready.status, ready.body["status"]) == (200, "ready")
    assert 'llmops_intake_requests_total{status="200"}' in server.get("/metrics").body


def test_neither_bodies_nor_tokens_are_logged(server: Server) -> None:
    assert "do not log me" not in server.log
    assert [name for name, token in server.tokens.items() if token.split(".")[2] in server.log] == []
    assert "no events can be sent to source locked: source locked: access_key_id_env names" in server.log


def test_an_unwritable_folder_is_503_and_what_was_accepted_is_not_lost(tmp_path: Path) -> None:
    server = Server(tmp_path)
    token = server.add_token("gateway")
    (tmp_path / "events").write_text("a file where the folder should be", encoding="utf-8")
    server.start()
    assert server.post(lines([{"n": 1}]), token, query="name=events").status == 202
    answers = [server.post(lines([{"n": 2}]), token) for _ in range(3)]
    assert {(answer.status, answer.headers["retry-after"]) for answer in answers} == {(503, "2")}
    assert server.get("/readyz").status == 503
    (tmp_path / "events").unlink()
    for _ in range(100):
        if server.post(lines([{"n": 3}]), token).status == 200:
            break
        time.sleep(0.1)
    server.stop()
    assert [record["n"] for record in server.records()] == [1, 3]


def test_a_disk_that_is_full_in_the_middle_of_a_write_leaves_whole_records_only(tmp_path: Path) -> None:
    server = Server(tmp_path)
    token = server.add_token("gateway")
    server.start(largest_file=100_000)
    answers = []
    for n in range(12):
        answers.append(server.post(lines([{"n": n, "text": "x" * 30_000}]), token).status)
        while server.get("/readyz").status != 200:
            time.sleep(0.1)
    server.stop()
    # Three fit into a file of 100,000 bytes; the fourth fails, and the next goes into another file.
    assert answers == [200, 200, 200, 503] * 3
    assert sorted(record["n"] for record in server.records()) == [0, 1, 2, 4, 5, 6, 8, 9, 10]
