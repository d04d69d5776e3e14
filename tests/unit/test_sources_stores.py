"""Stores are opened from settings; what is missing is named, and no secret ever shows."""

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import Message
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from llmops_assets.source_settings import SourceSettings
from llmops_assets.sources import SourceError, store_of
from llmops_assets.sources.bucket import Bucket
from llmops_assets.sources.credentials import signer_of
from llmops_assets.sources.local import LocalFolder

SECRET = "wJalrXUtnFEMI-never-show"


@pytest.fixture(autouse=True)
def no_aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither AWS variables nor a home with AWS files, nor a machine that gives credentials."""
    import os

    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))


def s3(**settings: Any) -> SourceSettings:
    return SourceSettings(name="calls", **({"uri": "s3://bucket/a b/c=d"} | settings))


def keys(**settings: Any) -> SourceSettings:
    return s3(access_key_id_env="CALLS_KEY", secret_access_key_env="CALLS_SECRET", **settings)


def test_a_path_and_a_file_uri_are_folders_and_s3_is_a_bucket(tmp_path: Path) -> None:
    assert isinstance(store_of(SourceSettings(name="calls", uri=str(tmp_path))), LocalFolder)
    assert isinstance(store_of(SourceSettings(name="calls", uri=tmp_path.as_uri())), LocalFolder)
    assert isinstance(store_of(s3(anonymous=True)), Bucket)


@pytest.mark.parametrize("uri", ["s3://bucket/a b/c=d", "s3://bucket/a b/c=d/"])
def test_the_prefix_of_a_bucket_is_taken_verbatim(uri: str) -> None:
    store = store_of(s3(uri=uri, anonymous=True))
    assert store.root == "a b/c=d/"
    assert store.uri("a b/c=d/x%20.json") == "s3://bucket/a b/c=d/x%20.json"


def test_a_uri_without_a_bucket_is_refused() -> None:
    with pytest.raises(SourceError, match="source calls: s3:// names no bucket; write s3://bucket/prefix"):
        store_of(s3(uri="s3://", anonymous=True))


def test_a_missing_variable_is_named_with_its_source(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALLS_KEY", "AKIA")
    expected = "source calls: secret_access_key_env names the environment variable CALLS_SECRET, which is not set"
    with pytest.raises(SourceError, match=expected):
        store_of(keys())


def test_no_secret_shows_in_a_repr_or_in_redacted_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALLS_KEY", "AKIAEXAMPLE")
    monkeypatch.setenv("CALLS_SECRET", SECRET)
    monkeypatch.setenv("CALLS_TOKEN", "token-text")
    source = keys(session_token_env="CALLS_TOKEN")
    store, signer = store_of(source), signer_of(source)
    assert isinstance(store, Bucket)
    for shown in (repr(store), repr(signer), repr(store._inner), repr(vars(store))):
        assert SECRET not in shown
        assert "AKIAEXAMPLE" not in shown
    assert signer.redact(f"key AKIAEXAMPLE secret {SECRET} token token-text") == "key *** secret *** token ***"


def test_keys_by_reference_are_not_mixed_with_the_variables_of_aws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALLS_KEY", "AKIA")
    monkeypatch.setenv("CALLS_SECRET", SECRET)
    monkeypatch.setenv("AWS_SESSION_TOKEN", "of another identity")
    provider = signer_of(keys()).provider
    assert provider is not None
    assert dict(provider()) == {
        "access_key_id": "AKIA",
        "secret_access_key": SECRET,
        "token": None,
        "expires_at": None,
    }


def test_a_profile_gives_keys_and_region(tmp_path: Path) -> None:
    (tmp_path / "config").write_text("[profile llm]\nregion = eu-north-1\n")
    (tmp_path / "credentials").write_text(f"[llm]\naws_access_key_id = AK\naws_secret_access_key = {SECRET}\n")
    signer = signer_of(s3(profile="llm"))
    assert signer.region == "eu-north-1"
    assert signer.provider is not None
    assert signer.provider()["secret_access_key"] == SECRET
    assert signer_of(s3(profile="llm", region="us-west-2")).region == "us-west-2"


def test_the_region_falls_back_to_us_east_1(monkeypatch: pytest.MonkeyPatch) -> None:
    assert signer_of(s3(anonymous=True)).region == "us-east-1"
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    assert signer_of(s3(anonymous=True)).region == "eu-west-1"
    assert signer_of(s3(anonymous=True, region="eu-west-3")).region == "eu-west-3"


def test_an_unknown_profile_is_named() -> None:
    with pytest.raises(SourceError, match="source calls: AWS profile nobody cannot be used"):
        store_of(s3(profile="nobody"))


def test_no_credentials_at_all_is_an_error_with_the_cure() -> None:
    with pytest.raises(SourceError, match="source calls: no AWS credentials were found; set access_key_id_env"):
        store_of(s3())


def test_the_endpoint_decides_on_http_and_addresses_are_path_style() -> None:
    def config(**settings: Any) -> tuple[Any, Any]:
        store = store_of(s3(anonymous=True, **settings))
        assert isinstance(store, Bucket)
        return store._inner.config, store._inner.client_options

    inner, client = config(endpoint="http://127.0.0.1:9000/")
    assert inner["endpoint"] == "http://127.0.0.1:9000"
    assert (inner["virtual_hosted_style_request"], client["allow_http"]) == ("false", "true")
    inner, client = config(endpoint="https://s3.example.com")
    assert (inner["virtual_hosted_style_request"], client["allow_http"]) == ("false", "false")


@contextmanager
def listening() -> Iterator[tuple[str, list[Message]]]:
    """A server that answers nothing useful, and the headers of what it was asked."""
    heard: list[Message] = []

    class Deaf(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            heard.append(self.headers)
            self.send_error(404)

        do_HEAD = do_GET

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    with HTTPServer(("127.0.0.1", 0), Deaf) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", heard
        server.shutdown()
        thread.join()


def test_who_pays_and_the_key_of_encryption_are_said_with_every_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALLS_KEY", "AKIA")
    monkeypatch.setenv("CALLS_SECRET", SECRET)
    monkeypatch.setenv("CALLS_SSE", base64.b64encode(b"k" * 32).decode())
    with listening() as (endpoint, heard):
        store = store_of(keys(endpoint=endpoint, requester_pays=True, sse_customer_key_env="CALLS_SSE"))
        assert store.look("a b/c=d/x") is None
        assert store_of(keys(endpoint=endpoint)).look("a b/c=d/x") is None
    asked, plain = heard
    assert asked["x-amz-request-payer"] == "requester"
    assert asked["x-amz-server-side-encryption-customer-algorithm"] == "AES256"
    assert asked["x-amz-server-side-encryption-customer-key"] == "a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s="
    assert "x-amz-request-payer" in asked["authorization"], "it is signed"
    assert not [name for name in plain if name.startswith(("x-amz-request-payer", "x-amz-server"))]


def test_the_key_of_encryption_never_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    key = base64.b64encode(b"k" * 32).decode()
    monkeypatch.setenv("CALLS_KEY", "AKIA")
    monkeypatch.setenv("CALLS_SECRET", SECRET)
    monkeypatch.setenv("CALLS_SSE", key)
    source = keys(sse_customer_key_env="CALLS_SSE")
    store, signer = store_of(source), signer_of(source)
    assert isinstance(store, Bucket)
    assert not [shown for shown in (repr(store), repr(signer), repr(store._inner), repr(vars(store))) if key in shown]
    assert signer.redact(f"bad key {key}") == "bad key ***"


def test_buckets_of_google_and_azure_are_opened_by_their_uris(monkeypatch: pytest.MonkeyPatch) -> None:
    google = store_of(SourceSettings(name="calls", uri="gs://bucket/logs", anonymous=True))
    assert (repr(google), google.uri("logs/a")) == ("Bucket('gs://bucket/logs/')", "gs://bucket/logs/a")
    azure = store_of(SourceSettings(name="calls", uri="az://box/logs", account="acme", anonymous=True))
    assert (repr(azure), azure.uri("logs/a")) == ("Bucket('az://box/logs/')", "az://box/logs/a")
    monkeypatch.setenv("AZURE_KEY", base64.b64encode(SECRET.encode()).decode())
    with_key = SourceSettings(name="calls", uri="az://box", account="acme", secret_access_key_env="AZURE_KEY")
    assert SECRET not in repr(vars(store_of(with_key)))
