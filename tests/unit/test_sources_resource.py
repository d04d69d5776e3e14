"""What a source takes from a `dagster_aws` `S3Resource`."""

import sys
from types import ModuleType

import dagster as dg
import pytest
from dagster_aws.s3 import S3Resource

from llmops_assets.source_settings import SourceSettings
from llmops_assets.sources import SourceError
from llmops_assets.sources.credentials import signer_of
from llmops_assets.sources.resource import completed


def source(**settings: object) -> SourceSettings:
    known = {"name": "calls", "uri": "s3://logs/in", "s3_resource": "acme_resources:s3"}
    return SourceSettings.model_validate(known | settings)


@pytest.fixture
def resources(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A site's module of resources."""
    module = ModuleType("acme_resources")
    monkeypatch.setitem(sys.modules, "acme_resources", module)
    return module


def test_what_the_source_does_not_say_is_the_resources(resources: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACME_SECRET", "from the environment")
    resources.__dict__["s3"] = S3Resource(
        endpoint_url="https://s3.acme.example",
        region_name="eu-north-1",
        aws_access_key_id="AKIA",
        aws_secret_access_key=dg.EnvVar("ACME_SECRET"),
    )
    found, keys = completed(source(region="eu-west-1"))
    assert (found.endpoint, found.region, found.anonymous) == ("https://s3.acme.example", "eu-west-1", False)
    signer = signer_of(found, keys)
    assert signer.provider is not None
    assert dict(signer.provider()) == {
        "access_key_id": "AKIA",
        "secret_access_key": "from the environment",
        "token": None,
        "expires_at": None,
    }
    assert signer.redact("AKIA said from the environment") == "*** said ***"
    assert "from the environment" not in repr(signer)


def test_keys_that_the_source_names_come_before_those_of_the_resource(
    resources: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OWN_ID", "own id")
    monkeypatch.setenv("OWN_SECRET", "own secret")
    resources.__dict__["s3"] = S3Resource(aws_access_key_id="AKIA", aws_secret_access_key="theirs")
    found, keys = completed(source(access_key_id_env="OWN_ID", secret_access_key_env="OWN_SECRET"))
    signer = signer_of(found, keys)
    assert signer.provider is not None
    assert signer.provider()["access_key_id"] == "own id"


def test_an_unsigned_resource_signs_nothing(resources: ModuleType) -> None:
    resources.__dict__["s3"] = S3Resource(use_unsigned_session=True)
    found, keys = completed(source())
    assert signer_of(found, keys).provider is None


def test_a_resource_that_is_not_there_is_named_with_the_cure(resources: ModuleType) -> None:
    with pytest.raises(SourceError, match=r"source calls: s3_resource acme_resources:s3 cannot be imported"):
        completed(source())
    resources.__dict__["s3"] = "a text"
    with pytest.raises(SourceError, match=r"acme_resources:s3 is a str; name an S3Resource"):
        completed(source())


def test_a_source_without_a_resource_is_as_it_is() -> None:
    plain = source(s3_resource=None)
    assert completed(plain) == (plain, None)
