"""The settings `[prices]`: names that only this site has, and prices that only it pays.

Belongs here: `[[prices.alias]]` and `[[prices.model]]`, and what makes them contradict each other. How they get
into the price book is `llmops_assets.prices.configured`.
"""

from datetime import UTC, datetime
from decimal import Decimal
from itertools import combinations
from typing import Self

from pydantic import Field, field_validator, model_validator

from llmops_assets.section import Section

MOST_PER_MILLION = Decimal(10**9)


class Dated(Section):
    """A name of this site at a provider, for calls of some time, half-open."""

    provider: str = Field(description="Provider of the calls, as tables show it.", min_length=1)
    name: str = Field(
        description="Model, deployment or profile, as tables show it; in any case.", pattern=r"^\S(.*\S)?$"
    )
    valid_from: datetime | None = Field(None, description="First call (UTC); none is from the beginning.")
    valid_to: datetime | None = Field(None, description="End, exclusive (UTC); none is for ever.")

    @field_validator("valid_from", "valid_to")
    @classmethod
    def _is_utc(cls, at: datetime | None) -> datetime | None:
        return at if at is None else (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> Self:
        if self.valid_from and self.valid_to and self.valid_to <= self.valid_from:
            raise ValueError(f"valid_to {self.valid_to.isoformat()} is not after valid_from")
        return self

    @property
    def key(self) -> tuple[str, str]:
        """What is named."""
        return self.provider, self.name.lower()

    def overlaps(self, other: "Dated") -> bool:
        """Whether some call could mean both."""
        begins, ends = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
        return self.key == other.key and (
            (self.valid_from or begins) < (other.valid_to or ends)
            and (other.valid_from or begins) < (self.valid_to or ends)
        )


class Alias(Dated):
    """A deployment, profile or other name that stands for a model of the price book."""

    model: str = Field(description="The model whose prices hold, by any name that the book knows.", min_length=1)
    model_provider: str | None = Field(None, description="Provider under which the book has it, if another.")


class ModelPrices(Dated):
    """A model with prices of this site's own, such as a self-hosted one."""

    usd_per_million: dict[str, Decimal] = Field(description="USD per million units, by meter; text is exact.")
    context_window: int | None = Field(None, description="Most input tokens.", ge=1)

    @field_validator("usd_per_million")
    @classmethod
    def _prices_meters(cls, prices: dict[str, Decimal]) -> dict[str, Decimal]:
        from llmops_assets.prices.book import METERS

        unknown = sorted(set(prices) - set(METERS))
        if unknown or not prices:
            raise ValueError(f"{', '.join(unknown) or 'nothing'} is no meter; there are {', '.join(METERS)}")
        odd = [meter for meter, usd in prices.items() if not 0 <= usd <= MOST_PER_MILLION or usd != round(usd, 9)]
        if odd:
            raise ValueError(f"{', '.join(odd)}: prices lie between 0 and {MOST_PER_MILLION} and have 9 places at most")
        return prices


class PricesSettings(Section):
    """Names and prices of this site, in front of the price book."""

    alias: tuple[Alias, ...] = Field((), description="Deployments and profiles: which model they stand for.")
    model: tuple[ModelPrices, ...] = Field((), description="Models with prices of your own.")
    max_unpriced_share: float = Field(
        0.01, description="Share of a week's calls without a list price above which a check warns.", ge=0, le=1
    )

    @model_validator(mode="after")
    def _names_mean_one_thing(self) -> Self:
        for one, other in combinations((*self.alias, *self.model), 2):
            if one.overlaps(other):
                raise ValueError(
                    f"{one.provider} {one.name} is given twice for the same time: end one with valid_to where the "
                    "other has valid_from"
                )
        return self
