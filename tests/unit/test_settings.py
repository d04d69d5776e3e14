"""Settings: where values come from, and what the message says when one of them is wrong.

A message names the file (or the environment), the key, the value and what is allowed, and never a secret.
"""

import json
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest

from llmops_assets.config_file import ConfigError
from llmops_assets.lake import Column, Lake, TableSpec
from llmops_assets.settings import Settings
from llmops_assets.sources import SourceError, store_of

SECRET = "hunter2-very-secret"
SOURCE = '[[source]]\nname = "gateway"\nuri = "records"\n'


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No llmops.toml of the checkout is found."""
    monkeypatch.chdir(tmp_path)


def written(folder: Path, text: str, name: str = "llmops.toml") -> Path:
    """A configuration file of that text."""
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


def refusal(file: Path | None = None) -> str:
    """The message with which loading stops."""
    with pytest.raises(ConfigError) as stopped:
        Settings.load(file)
    return str(stopped.value)


# Defaults and where values come from


def test_without_a_file_the_defaults_hold_below_the_working_folder(tmp_path: Path) -> None:
    settings = Settings.load()
    assert settings.home == tmp_path / ".llmops"
    assert settings.source == ()
    assert (settings.catalog.name, settings.catalog.namespace) == ("lake", "llmops")
    assert settings.lake_catalog.properties == {
        "type": "sql",
        "uri": f"sqlite:///{tmp_path}/.llmops/catalog.db",
        "warehouse": f"file://{tmp_path}/.llmops/lake",
    }


def test_the_file_in_the_working_folder_is_found_before_that_of_the_example(tmp_path: Path) -> None:
    (tmp_path / "example").mkdir()
    written(tmp_path / "example", 'home = "of-the-example"')
    assert Settings.load().home == tmp_path / "example" / "of-the-example"
    written(tmp_path, 'home = "of-the-folder"')
    assert Settings.load().home == tmp_path / "of-the-folder"


def test_llmops_config_names_another_file_and_an_argument_wins_over_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path, 'home = "found"')
    named = written(tmp_path, 'home = "named"', "prod.toml")
    given = written(tmp_path, 'home = "given"', "given.toml")
    monkeypatch.setenv("LLMOPS_CONFIG", str(named))
    assert Settings.load().home == tmp_path / "named"
    assert Settings.load(given).home == tmp_path / "given"


def test_relative_paths_start_at_the_file_and_not_at_the_working_folder(tmp_path: Path) -> None:
    folder = tmp_path / "site"
    folder.mkdir()
    file = written(folder, f'home = "state"\n{SOURCE}manifest = "named"\n')
    settings = Settings.load(file)
    assert settings.source[0].manifest == str(folder / "named")
    assert settings.home == folder / "state"
    assert settings.scratch == folder / "state" / "scratch"
    assert settings.source[0].uri == str(folder / "records")


def test_absolute_paths_and_addresses_stay_as_they_are(tmp_path: Path) -> None:
    records = tmp_path / "elsewhere"
    uris = (str(records), records.as_uri(), "s3://bucket/prefix")
    text = "\n".join(f'[[source]]\nname = "s{number}"\nuri = "{uri}"' for number, uri in enumerate(uris))
    settings = Settings.load(written(tmp_path, text))
    assert tuple(source.uri for source in settings.source) == uris


def test_the_environment_wins_over_the_file_and_two_underscores_go_into_a_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = written(tmp_path, 'home = "file"\n[duckdb]\nthreads = 3\nmemory_limit = "1GB"')
    monkeypatch.setenv("LLMOPS_DUCKDB__THREADS", "5")
    monkeypatch.setenv("LLMOPS_HOME", str(tmp_path / "environment"))
    settings = Settings.load(file)
    assert settings.home == tmp_path / "environment"
    assert (settings.duckdb.threads, settings.duckdb.memory_limit) == (5, "1GB")


def test_a_variable_changes_one_key_of_one_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = '[[source]]\nname = "other_app"\nuri = "other"\nformat = "flat"\n'
    monkeypatch.setenv("LLMOPS_SOURCE__OTHER_APP__URI", "s3://bucket/other")
    monkeypatch.setenv("LLMOPS_SOURCE__GATEWAY__REQUEST_ID_IS_UNIQUE", "true")
    gateway, app = Settings.load(written(tmp_path, SOURCE + other)).source
    assert (gateway.uri, gateway.request_id_is_unique) == (str(tmp_path / "records"), True)
    assert (app.uri, app.format, app.request_id_is_unique) == ("s3://bucket/other", "flat", False)


def test_all_sources_can_come_from_the_environment_as_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLMOPS_SOURCE", json.dumps([{"name": "a", "uri": "s3://bucket/a"}]))
    assert [source.uri for source in Settings.load().source] == ["s3://bucket/a"]


def test_a_start_without_an_offset_is_utc_and_another_offset_is_turned_into_utc(tmp_path: Path) -> None:
    expected = datetime(2026, 11, 1, tzinfo=UTC)
    for text in ("2026-11-01T00:00:00", "2026-11-01T00:00:00Z", "2026-11-01T02:00:00+02:00"):
        assert Settings.load(written(tmp_path, f"start = {text}")).start == expected


# What is wrong, and what is allowed


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (
            'hom = "x"',
            [
                "llmops.toml",
                "hom: unknown key",
                "did you mean home?",
                "allowed: automation, catalog, duckdb, freshness, home",
            ],
        ),
        (
            "[duckdb]\nthread = 2",
            ["llmops.toml", "duckdb.thread: unknown key", "did you mean threads?", "memory_limit"],
        ),
        (
            SOURCE + 'layuot = "%H"',
            ["llmops.toml", "source[1].layuot: unknown key", "did you mean layout?", "endpoint", "format", "kind"],
        ),
        ("[duckdb]\nthreads = 0", ["llmops.toml", "duckdb.threads = 0", "greater than or equal to 1"]),
        ('[duckdb]\nmemory_limit = "lots"', ["llmops.toml", "duckdb.memory_limit = 'lots'", "[KMGT]i?B"]),
        (SOURCE + 'cost = "guessed"', ["llmops.toml", "source[1].cost = 'guessed'", "'computed' or 'reported'"]),
        (SOURCE + 'kind = "topic"', ["llmops.toml", "source[1].kind = 'topic'", "'objects'"]),
        (SOURCE + 'endpoint = "host:9000"', ["llmops.toml", "source[1].endpoint = 'host:9000'", "https?://"]),
        (SOURCE.replace("gateway", "A b"), ["llmops.toml", "source[1].name = 'A b'", "[a-z][a-z0-9_]*"]),
        (SOURCE.replace("records", "hdfs://b"), ["llmops.toml", "source[1].uri", "hdfs://", "allowed: file://, s3://"]),
        ('[[source]]\nname = "a"', ["llmops.toml", "source[1].uri", "required"]),
        (SOURCE + 'listing = "manifest"', ["llmops.toml", "source[1]", "needs manifest, the folder of the files"]),
        (SOURCE + 'manifest = "hdfs://b"', ["llmops.toml", "source[1].manifest", "hdfs://", "allowed: file://"]),
        (
            SOURCE + '[source.attribution]\ntenant = ["tags.team", "tags."]',
            ["llmops.toml", "source[1].attribution.tenant[2] = 'tags.'", "'tags.' names no place", "tags.<name>"],
        ),
        (
            SOURCE + '[source.attribution]\ntennant = "tags.team"',
            ["llmops.toml", "source[1].attribution.tennant: unknown key", "did you mean tenant?"],
        ),
        (
            SOURCE + '[source.attribution]\nuser = "messages.author"',
            ["source[1].attribution.user", "'messages.author' leads to messages", "never kept"],
        ),
        (
            SOURCE + '[source.attribution]\nuser = "event.user"',
            ["source[1].attribution.user", "'event.user': no such column", "event.user_id"],
        ),
        (
            SOURCE + 'tenant = "acme"\n[source.attribution]\ntenant = "tags.team"',
            ["source[1]", "attribution.tenant is never asked: give one of them"],
        ),
        (
            SOURCE + '[source.attribution]\ntenant = "headers.x-tenant"',
            ["source[1]", "headers x-tenant, which are not kept", "only records of a topic have headers"],
        ),
        (SOURCE + SOURCE, ["llmops.toml", "source", "two sources are named gateway", "its own name"]),
        (
            '[warehouse]\nbilling_time_zone = "Mars/Base"',
            ["llmops.toml", "warehouse.billing_time_zone = 'Mars/Base'", "IANA time zone, such as"],
        ),
        ("start = 2026-11-01T00:30:00Z", ["llmops.toml", "start", "2026-11-01T00:30:00+00:00", "full hour"]),
        ('start = "yesterday"', ["llmops.toml", "start = 'yesterday'", "valid datetime"]),
        (SOURCE + 'access_key_id_env = "KEY"', ["llmops.toml", "source[1]", "secret_access_key_env", "together"]),
        ('[ui]\nowner = "us"', ["llmops.toml", "ui.owner = 'us'", "team:"]),
        ('[ui.owners]\nmoney = "us"', ["llmops.toml", "ui.owners", "money = 'us'", "team:<name> or a mail address"]),
        ("[freshness]\nhourly_hours = 1", ["llmops.toml", "freshness.hourly_hours = 1", "greater than or equal to 2"]),
        ("home = [", ["llmops.toml", "not valid TOML"]),
    ],
)
def test_a_wrong_file_stops_with_file_key_value_and_what_is_allowed(
    tmp_path: Path, text: str, parts: list[str]
) -> None:
    message = refusal(written(tmp_path, text))
    assert [part for part in parts if part not in message] == [], message


def test_every_problem_of_a_file_is_told_at_once(tmp_path: Path) -> None:
    message = refusal(written(tmp_path, 'hom = "x"\n[duckdb]\nthreads = 0'))
    assert len(message.splitlines()) == 2


def test_a_variable_that_sets_nothing_is_refused_with_the_nearest_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLMOPS_DUKDB__THREADS", "2")
    message = refusal()
    assert "environment: LLMOPS_DUKDB__THREADS" in message
    assert "did you mean duckdb?" in message
    assert "allowed: automation, catalog, duckdb, freshness, home" in message


def test_a_variable_with_a_wrong_value_is_told_from_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = written(tmp_path, "[duckdb]\nthreads = 2")
    monkeypatch.setenv("LLMOPS_DUCKDB__THREADS", "many")
    message = refusal(file)
    assert message.startswith("environment: ")
    assert "duckdb.threads = 'many'" in message
    assert "valid integer" in message


def test_a_variable_with_broken_json_is_refused_without_its_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLMOPS_CATALOG__PROPERTIES", '{"uri": "postgresql://user:' + SECRET)
    message = refusal()
    assert "environment" in message
    assert "catalog" in message
    assert SECRET not in message


def test_a_variable_of_an_unknown_key_of_a_source_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLMOPS_SOURCE__GATEWAY__FORMATT", "flat")
    message = refusal(written(tmp_path, SOURCE))
    assert "did you mean format?" in message


def test_a_variable_of_a_source_that_is_not_configured_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLMOPS_SOURCE__GATEWAI__FORMAT", "flat")
    message = refusal(written(tmp_path, SOURCE))
    assert "LLMOPS_SOURCE__GATEWAI__FORMAT" in message
    assert "gateway" in message


def test_a_format_that_does_not_exist_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    message = refusal(written(tmp_path, SOURCE + 'format = "litelm"'))
    assert "source[1].format = 'litelm'" in message
    assert "auto" in message
    assert "litellm_payload" in message


def test_a_missing_file_is_named_with_who_must_name_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLMOPS_CONFIG", "nowhere.toml")
    assert refusal() == "nowhere.toml: no such file; LLMOPS_CONFIG or --config must name an llmops.toml"
    assert "absent.toml: no such file" in refusal(tmp_path / "absent.toml")


def test_variables_that_a_run_sets_for_its_dbt_are_no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LLMOPS_SCRATCH", "LLMOPS_STAGING", "LLMOPS_MEMORY_LIMIT", "LLMOPS_THREADS"):
        monkeypatch.setenv(name, "x")
    Settings.load()


# Secrets


def test_catalog_properties_take_values_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = written(tmp_path, '[catalog.properties]\ntype = "sql"\nuri = "postgresql://llmops:${LAKE_PASSWORD}@db/lake"')
    monkeypatch.setenv("LAKE_PASSWORD", SECRET)
    settings = Settings.load(file)
    assert settings.lake_catalog.properties["uri"] == f"postgresql://llmops:{SECRET}@db/lake"
    assert settings.catalog.properties["uri"] == "postgresql://llmops:${LAKE_PASSWORD}@db/lake"


def test_a_reference_to_an_unset_variable_names_the_property_and_the_variable(tmp_path: Path) -> None:
    settings = Settings.load(written(tmp_path, '[catalog.properties]\nuri = "postgresql://u:${LAKE_PASSWORD}@db/x"'))
    with pytest.raises(ConfigError, match=r"catalog\.properties\.uri refers to \$\{LAKE_PASSWORD\}, which is not set"):
        _ = settings.lake_catalog


def test_no_secret_is_in_the_repr_of_settings_or_of_the_catalog_to_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAKE_PASSWORD", SECRET)
    file = written(tmp_path, '[catalog.properties]\nuri = "postgresql://u:${LAKE_PASSWORD}@db/x"\ntoken = "' + SECRET)
    file.write_text(file.read_text() + '"\n' + SOURCE)
    settings = Settings.load(file)
    for shown in (settings, settings.catalog, settings.lake_catalog, settings.source):
        assert SECRET not in repr(shown)
        assert SECRET not in str(shown)


@pytest.mark.parametrize(
    "text",
    [
        f'[catalog.properties]\nuri = ["postgresql://u:{SECRET}@db/x"]',
        f'[catalog]\nproperties = "postgresql://u:{SECRET}@db/x"',
        f'catalog = "postgresql://u:{SECRET}@db/x"',
        f'{SOURCE}secret_access_key = "{SECRET}"',
        f'{SOURCE}access_key_id_env = "KEY"\nsession_token_env = ["{SECRET}"]',
        f'[[source]]\nname = "a"\nuri = "hdfs://user:{SECRET}@bucket"',
        f'{SOURCE}manifest = "hdfs://user:{SECRET}@bucket"',
    ],
)
def test_no_secret_is_in_a_refusal(tmp_path: Path, text: str) -> None:
    assert SECRET not in refusal(written(tmp_path, text))


def test_a_missing_key_variable_is_named_when_the_source_is_opened(tmp_path: Path) -> None:
    keys = 'access_key_id_env = "RECORDS_KEY"\nsecret_access_key_env = "RECORDS_SECRET"\n'
    settings = Settings.load(written(tmp_path, SOURCE.replace("records", "s3://bucket") + keys))
    with pytest.raises(SourceError, match="access_key_id_env names the environment variable RECORDS_KEY"):
        store_of(settings.source[0])


# The Flink seed's catalog

METRICS = TableSpec(
    "llm_operations_metrics",
    (
        Column("window_start", "timestamptz"),
        Column("window_end", "timestamptz"),
        Column("tenant_id", "varchar"),
        Column("provider", "varchar"),
        Column("model", "varchar"),
        Column("total_requests", "bigint"),
        Column("total_cost_usd", "decimal(38,12)"),
    ),
    "window_start",
    ("hour(window_start)",),
)


def test_the_flink_seeds_table_is_reached_under_its_own_catalog_and_namespace(tmp_path: Path) -> None:
    database = tmp_path / "polaris.db"
    text = f"""
[catalog]
name = "polaris"
namespace = "matih_analytics"
[catalog.properties]
type = "sql"
uri = "sqlite:///{database}"
warehouse = "{(tmp_path / "warehouse").as_uri()}"
"""
    lake = Lake.open(Settings.load(written(tmp_path, text)).lake_catalog)
    lake.ensure(METRICS)
    assert lake.catalog.name == "polaris"
    assert lake.catalog.list_tables("matih_analytics") == [("matih_analytics", "llm_operations_metrics")]
    with sqlite3.connect(database) as connection:
        rows = connection.execute("select catalog_name, table_namespace, table_name from iceberg_tables").fetchall()
    assert rows == [("polaris", "matih_analytics", "llm_operations_metrics")]


def test_the_flink_seeds_catalog_can_be_named_by_variables_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLMOPS_CATALOG__NAME", "polaris")
    monkeypatch.setenv("LLMOPS_CATALOG__NAMESPACE", "matih_analytics")
    lake = Lake.open(Settings.load().lake_catalog)
    lake.ensure(METRICS)
    assert (lake.catalog.name, lake.namespace, lake.tables()) == (
        "polaris",
        "matih_analytics",
        ["llm_operations_metrics"],
    )
    assert (tmp_path / ".llmops" / "catalog.db").is_file()


def test_an_expectation_that_does_not_exist_is_refused_with_those_that_do(tmp_path: Path) -> None:
    message = refusal(written(tmp_path, '[quality]\nseverities = { volume = "off" }\n'))
    assert "no expectation is named volume" in message
    assert "volume_is_as_in_weeks_before" in message


KAFKA = '[[source]]\nname = "bus"\nkind = "kafka"\nbootstrap_servers = "broker.example:9092"\n'
BUCKET = '[[source]]\nname = "logs"\nuri = "in"\n[source.notifications]\nbootstrap_servers = "broker.example:9092"\n'


def test_notifications_are_topics_of_an_object_source_with_places_of_the_files_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (source,) = Settings.load(written(tmp_path, BUCKET + 'topics = ["told"]\nca_file = "ca.pem"\n')).source
    topic = source.notifications.of(source.name)
    assert (topic.name, topic.topics, topic.ca_file) == ("logs.notifications", ("told",), str(tmp_path / "ca.pem"))
    monkeypatch.setenv("LLMOPS_SOURCE__LOGS__NOTIFICATIONS", '{"bootstrap_servers": "b:1", "topics": "x, y"}')
    (source,) = Settings.load(written(tmp_path, BUCKET)).source
    assert source.notifications.topics == ("x", "y")


def test_a_kafka_source_reads_named_topics_from_their_beginning_unless_told_otherwise(tmp_path: Path) -> None:
    (source,) = Settings.load(written(tmp_path, KAFKA + 'topics = ["calls"]')).source
    assert (source.topics, source.isolation, source.start) == (("calls",), "read_committed", "earliest")


def test_rules_of_attribution_may_come_from_the_environment_and_read_headers_of_a_topic(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLMOPS_SOURCE__BUS__ATTRIBUTION", '{"tenant": ["headers.x-tenant", "default"]}')
    text = KAFKA + 'topics = ["calls"]\nheaders = ["x-tenant"]\n'
    (source,) = Settings.load(written(tmp_path, text)).source
    assert source.attribution.rules == {"tenant_id": ("headers.x-tenant", "default")}
    monkeypatch.setenv("LLMOPS_SOURCE__BUS__ATTRIBUTION", "tags.team")
    with pytest.raises(ConfigError, match=r'write JSON, such as \{"tenant"'):
        Settings.load(written(tmp_path, text))


def test_topics_and_properties_of_a_kafka_source_may_come_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLMOPS_SOURCE__BUS__TOPICS", "calls, replies")
    monkeypatch.setenv("LLMOPS_SOURCE__BUS__PROPERTIES", '{"client.rack": "a"}')
    (source,) = Settings.load(written(tmp_path, KAFKA)).source
    assert (source.topics, source.properties) == (("calls", "replies"), {"client.rack": "a"})


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (KAFKA, ["source[1]", "topics or topics_pattern"]),
        (KAFKA + 'topics = ["a"]\nuri = "b"', ["source[1].uri: unknown key", "topics_pattern"]),
        (KAFKA + 'topics = ["a"]\nsecurity = "SASL_SSL"', ["source[1]", "username_env and password_env"]),
        (KAFKA + 'topics_pattern = "("', ["source[1].topics_pattern = '('", "no regular expression"]),
        (KAFKA + 'topics = ["a"]\nstart = "soon"', ["source[1].start = 'soon'", "earliest, latest, or a time"]),
        (KAFKA + 'topics = ["a"]\nproperties = {"group.id" = "x"}', ["source[1].properties", "group.id is set by"]),
        (KAFKA + 'topics = ["a"]\ncertificate_file = "c.pem"', ["source[1]", "certificate_file and key_file"]),
        (BUCKET + 'topics = ["a"]\nhost = "b"', ["source[1].notifications.host: unknown key", "bootstrap_servers"]),
        (BUCKET, ["source[1].notifications", "topics or topics_pattern"]),
        (BUCKET + 'topics = ["a"]\nheaders = ["b"]', ["source[1].notifications", "headers: of no effect"]),
    ],
)
def test_a_wrong_kafka_source_is_refused_with_its_key_and_what_is_allowed(
    tmp_path: Path, text: str, parts: list[str]
) -> None:
    message = refusal(written(tmp_path, text))
    assert [part for part in parts if part not in message] == [], message
