"""Everything a site can set: one class, one file (`llmops.toml`), one environment prefix (`LLMOPS_`).

Belongs here: names, defaults, what is allowed, and where a relative path points to. Does not belong
here: reading secrets (settings hold the *names* of variables), or what a setting makes a part do.
"""

import os
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from llmops_assets.config_file import ConfigError, describe, find_config, merge_source_overrides, read_toml
from llmops_assets.intake_settings import IntakeSettings
from llmops_assets.orchestration_settings import AutomationSettings, FreshnessSettings, UiSettings
from llmops_assets.prices_settings import PricesSettings
from llmops_assets.quality_settings import QualitySettings
from llmops_assets.section import Section
from llmops_assets.source_settings import AnySource, SourceSettings, TaggedSource

# How far from an hour other attempts of its requests are looked for; `attempt_reach` of the dbt project is the same.
ATTEMPT_REACH = timedelta(minutes=5)
_REFERENCE = re.compile(r"\$\{(\w+)\}")


class CatalogSettings(Section):
    """The Iceberg catalog: whatever PyIceberg can load by these properties."""

    name: str = Field("lake", description="Catalog name; Spark must use the same one.", min_length=1)
    namespace: str = Field("llmops", description="Namespace of all tables.", pattern=r"^[A-Za-z0-9_]+$")
    properties: dict[str, str] = Field(
        default_factory=dict,
        repr=False,
        description="PyIceberg catalog properties; ${NAME} takes a value from the environment. "
        "Empty: SQLite and a local folder under home.",
    )

    def resolved(self, home: Path) -> "CatalogSettings":
        """The same catalog with its defaults filled in and `${NAME}` read from the environment."""
        properties = {key: _dereference(key, value) for key, value in self.properties.items()}
        defaults = {
            "type": "sql",
            "uri": f"sqlite:///{home / 'catalog.db'}",
            "warehouse": (home / "lake").as_uri(),
        }
        return self.model_copy(update={"properties": properties or defaults})


class DuckdbSettings(Section):
    """What a run may use of the machine."""

    memory_limit: str = Field("2GB", description="DuckDB's own memory bound.", pattern=r"^\d+(\.\d+)? ?[KMGT]i?B$")
    threads: int = Field(default_factory=lambda: os.cpu_count() or 1, description="Threads of a run.", ge=1)
    temp_directory: Path | None = Field(None, description="Where DuckDB spills; default: beside its scratch file.")


class LakeSettings(Section):
    """How long the lake remembers."""

    snapshot_retention_days: int = Field(7, description="Untagged snapshots older than this expire.", ge=1)
    orphan_age_hours: int = Field(24, description="Unreferenced files older than this are removed.", ge=0)


class IngestSettings(Section):
    """How raw records are taken in."""

    quarantine_keep_bytes: bool = Field(
        False, description="Keep the text of records that are not valid JSON. It may hold prompts."
    )
    max_line_bytes: int = Field(32 * 2**20, description="A longer line is rejected as line_too_long.", ge=1024)
    batch_bytes: int = Field(64 * 2**20, description="Decoded at a time; bounds memory.", ge=2**20)
    max_compression_ratio: int = Field(
        250, description="What grows by more when it is decompressed, beyond 64 MiB, is broken off.", ge=1
    )


class WarehouseSettings(Section):
    """How windows are built."""

    dedupe_margin_seconds: int = Field(300, description="Records of one id this close are one event.", ge=1)
    max_hours_per_run: int = Field(168, description="Longest window built at once; longer runs take several.", ge=1)
    billing_time_zone: str = Field("UTC", description="Civil time zone of billing_date.")
    max_delay_minutes: int = Field(60, description="How late a source may be before a window counts complete.", ge=0)

    @field_validator("billing_time_zone")
    @classmethod
    def _is_a_zone(cls, zone: str) -> str:
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError(f"{zone!r} is no IANA time zone, such as Europe/Oslo") from error
        return zone

    @property
    def dedupe_margin(self) -> timedelta:
        """The margin as a duration."""
        return timedelta(seconds=self.dedupe_margin_seconds)

    @property
    def reach(self) -> timedelta:
        """How far from a window records can lie that its rows depend on."""
        return self.dedupe_margin + ATTEMPT_REACH


class ReportsSettings(Section):
    """The daily reports."""

    enabled: bool = Field(True, description="Make the report of each complete day.")
    folder: Path | None = Field(None, description="Where reports are written; default: reports under home.")
    model_classes: Path | None = Field(
        None, description="CSV of models that can take each other's place, added to those of the package."
    )
    min_requests: int = Field(
        200, description="Calls of the last seven days below which a model's quality counts as unknown.", ge=1
    )


class Settings(BaseSettings):
    """All settings. `Settings.load()` is the way to get them; errors are `ConfigError`."""

    model_config = SettingsConfigDict(
        extra="forbid", frozen=True, env_prefix="LLMOPS_", env_nested_delimiter="__", validate_default=True
    )

    home: Path = Field(Path(".llmops"), description="Holds catalog, lake, scratch and reports.")
    start: datetime = Field(
        datetime(2020, 1, 1, tzinfo=UTC),
        description="First hour that can be built (UTC); earlier ones are refused.",
    )
    catalog: CatalogSettings = Field(default_factory=CatalogSettings)
    duckdb: DuckdbSettings = Field(default_factory=DuckdbSettings)
    lake: LakeSettings = Field(default_factory=LakeSettings)
    ingest: IngestSettings = Field(default_factory=IngestSettings)
    warehouse: WarehouseSettings = Field(default_factory=WarehouseSettings)
    prices: PricesSettings = Field(default_factory=PricesSettings)
    automation: AutomationSettings = Field(default_factory=AutomationSettings)
    quality: QualitySettings = Field(default_factory=QualitySettings)
    reports: ReportsSettings = Field(default_factory=ReportsSettings)
    freshness: FreshnessSettings = Field(default_factory=FreshnessSettings)
    ui: UiSettings = Field(default_factory=UiSettings)
    intake: IntakeSettings = Field(default_factory=IntakeSettings)
    source: tuple[TaggedSource, ...] = Field((), description="Where raw records arrive.")

    file_values: ClassVar[dict[str, Any]] = {}

    @classmethod
    def load(cls, path: Path | None = None) -> "Settings":
        """Read `path`, else `LLMOPS_CONFIG`, else `./llmops.toml` or `./example/llmops.toml`, and the environment.

        Raises:
            ConfigError: naming file, key, value and what is allowed.
        """
        file = find_config(path)
        values = merge_source_overrides(read_toml(file), cls)
        try:
            settings = _from_file(values)()
        except ValidationError as error:
            raise ConfigError(describe(error, file, cls)) from None
        except SettingsError as error:  # the variable's text is not repeated: it may hold a secret
            raise ConfigError(
                f"environment: {error}; write JSON, or one variable per key, such as LLMOPS_DUCKDB__THREADS"
            ) from None
        return settings.anchored((file.parent if file else Path.cwd()).resolve())

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the signature is pydantic's
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment wins over the file."""
        return _Environment(settings_cls), init_settings, _FileValues(settings_cls)

    @field_validator("start")
    @classmethod
    def _starts_on_an_hour(cls, start: datetime) -> datetime:
        start = (start if start.tzinfo else start.replace(tzinfo=UTC)).astimezone(UTC)
        if start != start.replace(minute=0, second=0, microsecond=0):
            raise ValueError(f"{start.isoformat()} is not a full hour in UTC")
        return start

    @field_validator("source")
    @classmethod
    def _names_differ(cls, sources: tuple[AnySource, ...]) -> tuple[AnySource, ...]:
        names = [source.name for source in sources]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"two sources are named {', '.join(twice)}: give each its own name")
        return sources

    def anchored(self, folder: Path) -> "Settings":
        """The same settings with relative paths taken from `folder`."""
        sources = tuple(_anchored(source, folder) for source in self.source)
        spill = self.duckdb.temp_directory
        duckdb = self.duckdb.model_copy(update={"temp_directory": spill and folder / spill.expanduser()})
        paths = {name: path and folder / path.expanduser() for name, path in self._report_paths.items()}
        reports = self.reports.model_copy(update=paths)
        own = {"duckdb": duckdb, "reports": reports, "intake": self.intake.anchored(folder), "source": sources}
        return self.model_copy(update={"home": folder / self.home.expanduser()} | own)

    @property
    def lake_catalog(self) -> CatalogSettings:
        """The catalog to open, with defaults and secrets resolved. Never log it."""
        return self.catalog.resolved(self.home)

    @property
    def _report_paths(self) -> dict[str, Path | None]:
        return {"folder": self.reports.folder, "model_classes": self.reports.model_classes}

    @property
    def reports_folder(self) -> Path:
        """Where reports are written."""
        return self.reports.folder or self.home / "reports"

    @property
    def intake_folder(self) -> Path:
        """Where events wait for their upload."""
        return self.intake.folder or self.home / "intake"

    @property
    def scratch(self) -> Path:
        """Where runs keep their scratch databases."""
        return self.home / "scratch"

    @property
    def running(self) -> Path:
        """Where runs that are at work on this machine leave their marks."""
        return self.home / "running"


class _Environment(EnvSettingsSource):
    """The environment, less the overrides of single sources, which were merged into the file's values."""

    def __call__(self) -> dict[str, Any]:
        values = super().__call__()
        return {key: value for key, value in values.items() if not (key == "source" and isinstance(value, dict))}


class _FileValues(PydanticBaseSettingsSource):
    """Values of the file, below the environment."""

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:  # noqa: ARG002
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        values: dict[str, Any] = getattr(self.settings_cls, "file_values", {})
        return values


def _from_file(values: dict[str, Any]) -> type[Settings]:
    """A `Settings` class that reads `values` as its file; a class of its own, so that nothing is global."""

    class FileSettings(Settings):
        file_values: ClassVar[dict[str, Any]] = values

    return FileSettings


def _anchored(source: AnySource, folder: Path) -> AnySource:
    """The source with its places taken from `folder`."""
    topic = source.notifications if isinstance(source, SourceSettings) else None
    own = {} if topic is None else {"notifications": topic.model_copy(update=_places(topic, folder))}
    return source.model_copy(update=_places(source, folder) | own)


def _places(section: Section, folder: Path) -> dict[str, str]:
    places = ("uri", "manifest", "ca_file", "certificate_file", "key_file")
    given = {name: place for name in places if (place := getattr(section, name, None)) is not None}
    return {name: _anchor(place, folder) for name, place in given.items()}


def _anchor(uri: str, folder: Path) -> str:
    return uri if "://" in uri else str(folder / Path(uri).expanduser())


def _dereference(key: str, value: str) -> str:
    def lookup(match: re.Match[str]) -> str:
        name = match.group(1)
        if name not in os.environ:
            raise ConfigError(f"catalog.properties.{key} refers to ${{{name}}}, which is not set in the environment")
        return os.environ[name]

    return _REFERENCE.sub(lookup, value)
