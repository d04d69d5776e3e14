"""Calls: who called what, when, how long it took, and how it ended. Equal seeds give equal calls.

Belongs here: the load's shape (daily rhythm, skewed tenants, log-normal latencies and tokens, retries).
Does not belong here: how a call looks on the wire.
"""

import math
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import numpy as np
from numpy.typing import NDArray

from llmops_assets.generator import catalogue
from llmops_assets.generator.catalogue import FAILURES, MODELS, OK, TENANTS, Model

HOUR_US = 3_600_000_000
SOURCES = ("gateway", "apps", "platform")
SOURCE_SHARES = (0.4, 0.22, 0.38)

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(slots=True)
class Call:
    """One attempt at one LLM call; times in microseconds since 1970, tokens as the provider counts them."""

    at_us: int
    latency_ms: int
    first_token_ms: int
    tenant: str
    user: int
    session: int
    feature: str
    environment: str
    model: Model
    model_name: str
    tokens_input: int
    tokens_output: int
    tokens_cached: int
    tokens_reasoning: int
    outcome: str
    finish: str
    streaming: bool
    cache_hit: bool
    usage_missing: bool
    late: bool
    call_id: str
    request_id: str
    attempt: int = 1

    @property
    def succeeded(self) -> bool:
        """Whether the caller got an answer."""
        return self.outcome == OK

    @property
    def unknown_model(self) -> bool:
        """Whether nobody publishes a price for the model."""
        return self.model_name != self.model.name

    @property
    def provider(self) -> str | None:
        """Who served it, where the producer knows."""
        return None if self.unknown_model else self.model.provider

    @property
    def cost_usd(self) -> float | None:
        """What the producer claims the call cost; None where it has no price for the model."""
        if self.unknown_model:
            return None
        uncached = self.tokens_input - self.tokens_cached
        usd = (
            uncached * self.model.input_usd
            + self.tokens_cached * self.model.cached_usd
            + self.tokens_output * self.model.output_usd
        )
        return round(usd / 1e6, 9)


def calls_per_hour(days: int, calls: int, seed: int) -> dict[str, Integers]:
    """Calls by source and hour, adding up to `calls` exactly, with quiet nights and busy afternoons."""
    rng = np.random.default_rng([seed, 1])
    hours = np.arange(days * 24)
    rhythm = 1 + 0.75 * np.sin((hours % 24 - 8) * math.pi / 12)
    shares = np.outer(SOURCE_SHARES, rhythm / rhythm.sum()).ravel()
    counts = rng.multinomial(calls, shares / shares.sum()).reshape(len(SOURCES), -1)
    return dict(zip(SOURCES, counts, strict=True))


def start_of(start: date, hour: int) -> datetime:
    """The `hour`-th hour since midnight UTC of `start`."""
    return datetime.combine(start, time(), UTC) + timedelta(hours=hour)


def calls_of_hour(rng: np.random.Generator, start: datetime, count: int) -> list[Call]:
    """`count` calls of the hour that begins at `start`, by time; some of them happened a day earlier."""
    if count == 0:
        return []
    columns = _columns(rng, count)
    base = int(start.timestamp()) * 1_000_000
    offsets = np.sort(rng.integers(0, HOUR_US, count))
    offsets -= np.where(columns["late"], 24 * HOUR_US, 0)
    ids = rng.bytes(16 * count).hex()
    calls = [_call(columns, row, base + int(offsets[row]), ids[row * 32 : row * 32 + 32]) for row in range(count)]
    _link_retries(calls, rng.random(count), base + HOUR_US)
    return calls


def _columns(rng: np.random.Generator, count: int) -> dict[str, list[int] | list[float] | list[bool]]:
    """Everything drawn at random, a list per attribute: vectors are drawn ten times faster than values."""
    models = _choose(rng, [model.share for model in MODELS], count)
    outcomes = _choose(rng, [1 - sum(f.share for f in FAILURES), *(f.share for f in FAILURES)], count)
    medians = np.array([model.latency_ms for model in MODELS])[models]
    tokens_input = np.clip(rng.lognormal(6.6, 1.1, count), 8, 100_000).astype(np.int64)
    tokens_output = np.clip(rng.lognormal(5.2, 0.9, count), 1, 8_000).astype(np.int64)
    cached = (rng.random(count) < catalogue.CACHED_PROMPT_RATE) & (tokens_input > 1024)
    drawn: dict[str, NDArray[np.generic]] = {
        "model": models,
        "outcome": outcomes,
        "latency_ms": np.clip(rng.lognormal(0, 0.55, count) * medians, 40, 120_000).astype(np.int64),
        "first_token": rng.uniform(0.1, 0.5, count),
        "tokens_input": tokens_input,
        "tokens_output": tokens_output,
        "tokens_cached": np.where(cached, (tokens_input * rng.uniform(0.3, 0.9, count)).astype(np.int64), 0),
        "reasoning": rng.uniform(0.2, 0.7, count),
        "tenant": _choose(rng, [1 / (n + 1) ** catalogue.ZIPF_EXPONENT for n in range(len(TENANTS))], count),
        "user": np.minimum(rng.geometric(0.08, count), 60),
        "session": rng.integers(1, 4000, count),
        "feature": rng.integers(0, len(catalogue.FEATURES), count),
        "environment": rng.integers(0, len(catalogue.ENVIRONMENTS), count),
        "finish": _choose(rng, catalogue.FINISH_SHARES, count),
        "streaming": rng.random(count) < catalogue.STREAMING_RATE,
        "cache_hit": rng.random(count) < catalogue.CACHE_HIT_RATE,
        "odd": rng.random(count),
        "late": rng.random(count) < catalogue.LATE_RATE,
    }
    return {name: values.tolist() for name, values in drawn.items()}


def _choose(rng: np.random.Generator, weights: "list[float] | tuple[float, ...]", count: int) -> Integers:
    cumulative = np.cumsum(weights) / sum(weights)
    return np.searchsorted(cumulative, rng.random(count), side="right").astype(np.int64)


def _call(columns: dict[str, list[int] | list[float] | list[bool]], row: int, at_us: int, call_id: str) -> Call:
    drawn = {name: values[row] for name, values in columns.items()}
    model = MODELS[int(drawn["model"])]
    outcome = (OK, *(failure.name for failure in FAILURES))[int(drawn["outcome"])]
    succeeded = outcome == OK
    unknown = succeeded and drawn["odd"] < catalogue.UNKNOWN_MODEL_RATE
    missing = succeeded and not unknown and drawn["odd"] > 1 - catalogue.USAGE_MISSING_RATE
    cache_hit = bool(drawn["cache_hit"]) and succeeded and not unknown and not missing
    latency_ms = 20 + int(drawn["latency_ms"]) % 60 if cache_hit else int(drawn["latency_ms"])
    tokens_input, tokens_output = int(drawn["tokens_input"]), _output(drawn["tokens_output"], outcome)
    return Call(
        at_us=at_us,
        latency_ms=latency_ms,
        first_token_ms=max(1, int(latency_ms * float(drawn["first_token"]))),
        tenant=TENANTS[int(drawn["tenant"])],
        user=int(drawn["user"]),
        session=int(drawn["session"]),
        feature=catalogue.FEATURES[int(drawn["feature"])],
        environment=catalogue.ENVIRONMENTS[int(drawn["environment"])],
        model=model,
        model_name=catalogue.UNKNOWN_MODELS[int(drawn["user"]) % 3] if unknown else model.name,
        tokens_input=model.context + tokens_input if outcome == "overflow" else tokens_input,
        tokens_output=tokens_output,
        tokens_cached=int(drawn["tokens_cached"]) if succeeded else 0,
        tokens_reasoning=int(tokens_output * float(drawn["reasoning"])) if model.reasons else 0,
        outcome=outcome,
        finish=catalogue.FINISH_REASONS[int(drawn["finish"])] if succeeded else "",
        streaming=bool(drawn["streaming"]),
        cache_hit=cache_hit,
        usage_missing=missing,
        late=bool(drawn["late"]),
        call_id=call_id,
        request_id=call_id[:8] + call_id[20:],
    )


def _output(tokens: float, outcome: str) -> int:
    """Tokens of the answer: all of it, the part that a caller waited for, or none."""
    if outcome == OK:
        return int(tokens)
    return max(1, int(tokens) // 3) if outcome == "cancelled" else 0


def _link_retries(calls: list[Call], dice: Floats, end_us: int) -> None:
    """Make the call after a failure, more often than not, its next attempt a moment later."""
    for number in range(len(calls) - 1):
        failed, following = calls[number], calls[number + 1]
        at_us = failed.at_us + failed.latency_ms * 1000 + 1_200_000
        retryable = failed.outcome in ("rate_limit", "timeout", "server") and not following.late
        if not retryable or failed.late or dice[number] > catalogue.RETRY_RATE or at_us >= end_us:
            continue
        for name in ("tenant", "user", "session", "feature", "environment", "request_id"):
            setattr(following, name, getattr(failed, name))
        following.attempt = failed.attempt + 1
        following.at_us = at_us
