"""Topics behind passwords, TLS and permissions: who may read does, and who may not is told what to change."""

import time

import pytest
from confluent_kafka.admin import AclOperation
from kafka_broker import PASSWORD, USER
from kafka_records import Make, Pipeline, record

from llmops_assets.sources import SourceError

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

SECURITY = {"SASL": "SASL_PLAINTEXT", "TLS": "SSL", "BOTH": "SASL_SSL"}


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUS_USER", USER)
    monkeypatch.setenv("BUS_PASSWORD", PASSWORD)


def _speak(bus: Pipeline, listener: str, **options: str) -> None:
    """Let the source come in by a listener."""
    authority = {} if listener == "SASL" else {"ca_file": bus.broker.file("authority.pem")}
    user = {} if listener == "TLS" else {"username_env": "BUS_USER", "password_env": "BUS_PASSWORD"}
    place = {"bootstrap_servers": bus.broker.address(listener), "security": SECURITY[listener]}
    bus.options |= place | authority | user | options


def _refusal(bus: Pipeline) -> str:
    """What a refresh is refused with, in seconds and without the password."""
    began = time.monotonic()
    with pytest.raises(SourceError) as error:
        bus.refresh()
    assert time.monotonic() - began < 8
    assert PASSWORD not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize(
    ("listener", "options"),
    [
        ("SASL", {"sasl_mechanism": "SCRAM-SHA-512"}),
        ("SASL", {"sasl_mechanism": "PLAIN"}),
        ("BOTH", {"sasl_mechanism": "SCRAM-SHA-512"}),
        ("BOTH", {"sasl_mechanism": "PLAIN"}),
        ("TLS", {}),
    ],
)
def test_the_right_password_and_authority_read(make: Make, listener: str, options: dict[str, str]) -> None:
    bus = make()
    bus.broker.produce(bus.topic, [record("a")])
    _speak(bus, listener, **options)
    assert bus.refresh().outcomes == {"accepted": 1}


def test_a_certificate_of_its_own_says_who_the_client_is(make: Make) -> None:
    bus = make()
    bus.broker.produce(bus.topic, [record("a")])
    bus.broker.allow(bus.topic, "CN=somebody", AclOperation.READ)
    _speak(bus, "TLS", certificate_file=bus.broker.file("client.crt"), key_file=bus.broker.file("client.key"))
    assert f"topic {bus.topic} does not exist" in _refusal(bus)
    bus.broker.allow(bus.topic, "CN=client", AclOperation.READ)
    assert bus.refresh().outcomes == {"accepted": 1}


def test_a_secret_that_is_not_set_or_wrong_is_named_without_its_value(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    bus = make()
    _speak(bus, "SASL")
    monkeypatch.delenv("BUS_PASSWORD")
    assert "password_env names BUS_PASSWORD, which is not set" in _refusal(bus)
    monkeypatch.setenv("BUS_PASSWORD", "wrong-password")
    for listener in ("SASL", "BOTH"):
        _speak(bus, listener)
        refusal = _refusal(bus)
        assert "refused: " in refusal
        assert refusal.endswith("check the values of username_env and password_env, and sasl_mechanism")
        assert "wrong-password" not in refusal


@pytest.mark.parametrize("listener", ["TLS", "BOTH"])
def test_brokers_of_a_strange_authority_are_refused_with_the_setting_to_change(make: Make, listener: str) -> None:
    bus = make()
    cure = "set ca_file to the PEM file of the authority that signed the brokers' certificates"
    _speak(bus, listener, ca_file=bus.broker.file("stranger.pem"))
    assert _refusal(bus).endswith(cure)
    del bus.options["ca_file"]
    assert _refusal(bus).endswith(cure)
    _speak(bus, listener, ca_file="/not/there.pem")
    assert _refusal(bus) == "source bus: ca_file names /not/there.pem, which is no file; correct it"


def test_who_may_describe_but_not_read_is_told_so_and_nothing_is_recorded_as_read(make: Make) -> None:
    bus = make()
    bus.broker.produce(bus.topic, [record("a")])
    bus.broker.allow(bus.topic, USER, AclOperation.DESCRIBE)
    _speak(bus, "SASL")
    refusal = _refusal(bus)
    assert refusal.startswith(f"source bus: topic {bus.topic} partition 0: ")
    assert refusal.endswith("Topic authorization failed; grant Read on it to the user")
    assert bus.ranges("start_offset", "end_offset", "state", "records") == [(0, 1, "planned", None)]
    assert bus.offsets() == []
    bus.broker.allow(bus.topic, USER, AclOperation.READ)
    bus.broker.produce(bus.topic, [record("b")])
    assert bus.refresh().outcomes == {"accepted": 2}
    assert bus.ranges() == [(0, 0, 1, "complete"), (0, 1, 2, "complete")]
