"""The settings `[quality]`: how far values may be off, and how grave it is.

Apart from the other settings because it is the longest table. What the expectations are is
`llmops_assets.expectations`.
"""

from typing import Literal

from pydantic import Field, field_validator

from llmops_assets.section import Section


class QualitySettings(Section):
    """What is expected of raw batches and of metrics, and how grave it is if they are otherwise."""

    enabled: bool = Field(True, description="Declare and evaluate expectations; false: the library is never loaded.")
    history_weeks: int = Field(4, description="Earlier weeks whose same hours are compared.", ge=1, le=52)
    min_history: int = Field(3, description="Fewer earlier observations than this: not judged.", ge=1)
    mad_factor: float = Field(6.0, description="Bounds are the median and this many median absolute deviations.", gt=0)
    volume_margin: float = Field(0.5, description="Bounds of volume are at least this share of the median.", ge=0)
    rate_margin: float = Field(
        0.1, description="Bounds of null rates and rejects: at least this above the median.", ge=0
    )
    min_records: int = Field(100, description="Rates and distributions of fewer records are not judged.", ge=1)
    max_tokens: int = Field(20_000_000, description="Most tokens that one call can have.", ge=1)
    max_latency_minutes: int = Field(120, description="Longest time that one call can take.", ge=1)
    max_future_share: float = Field(0.01, description="Share of calls that may lie after their arrival.", ge=0, le=1)
    old_days: int = Field(7, description="A call this long before its arrival is old.", ge=1)
    max_old_share: float = Field(0.1, description="Share of calls that may be old.", ge=0, le=1)
    max_distance: float = Field(0.3, description="Distance of two distributions: the share that moved.", ge=0, le=1)
    cost_factor: float = Field(10.0, description="How far claimed costs may be off the price book.", ge=1)
    partition_checks: int = Field(
        72, description="Runs of more partitions record passed checks once for all of them, unless a backfill.", ge=1
    )
    timeout_seconds: float = Field(120.0, description="Longest wait for one judgement.", gt=0)
    severities: dict[str, Literal["error", "warn", "off"]] = Field(
        default_factory=dict, description="Severity by name of the expectation, where it differs from its own."
    )

    @field_validator("severities")
    @classmethod
    def _names_expectations(cls, severities: dict[str, str]) -> dict[str, str]:
        if not severities:
            return severities
        from llmops_assets.expectations.catalogue import CATALOGUE

        known = [one.name for one in CATALOGUE]
        unknown = sorted(set(severities) - set(known))
        if unknown:
            raise ValueError(f"no expectation is named {', '.join(unknown)}; there are {', '.join(known)}")
        return severities
