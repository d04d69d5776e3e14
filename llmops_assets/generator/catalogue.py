"""The made-up world of the example: tenants, models, failures and how often each occurs.

Belongs here: names and numbers. Prices are what the example's producers *claim*, in US dollars per
million tokens; the pipeline prices calls from its own book and is free to disagree.
"""

from dataclasses import dataclass
from typing import Final

CANARY: Final = "zebra-canary-7391"
"""Part of every made-up prompt and answer: found anywhere in a lake, message text has leaked."""


@dataclass(frozen=True)
class Model:
    """A model, who serves it, how much it is used, how fast it is and what its producer thinks it costs."""

    name: str
    provider: str
    share: float
    latency_ms: float
    input_usd: float
    output_usd: float
    cached_usd: float
    context: int = 128_000
    reasons: bool = False


MODELS: Final = (
    Model("gpt-4o-mini", "openai", 0.26, 900, 0.15, 0.6, 0.075),
    Model("gpt-4o", "openai", 0.17, 1700, 2.5, 10, 1.25),
    Model("claude-sonnet-4-5", "anthropic", 0.14, 2900, 3, 15, 0.3, 200_000),
    Model("claude-haiku-4-5", "anthropic", 0.11, 1100, 1, 5, 0.1, 200_000),
    Model("gemini-2.5-flash", "google", 0.13, 800, 0.3, 2.5, 0.03, 1_000_000),
    Model("gemini-2.5-pro", "google", 0.05, 5200, 1.25, 10, 0.125, 1_000_000, reasons=True),
    Model("deepseek-chat", "deepseek", 0.06, 3400, 0.27, 1.1, 0.07),
    Model("mistral-large-latest", "mistral", 0.03, 1900, 2, 6, 2),
    Model("llama-3.3-70b-versatile", "groq", 0.02, 500, 0.59, 0.79, 0.59),
    Model("gpt-3.5-turbo", "openai", 0.03, 700, 0.5, 1.5, 0.5, 16_000),
)
UNKNOWN_MODELS: Final = ("nimbus-internal-9b", "orbit-chat-preview", "quill-legal-ft-2")
"""Nobody publishes a price for these."""

TENANTS: Final = (
    "acme-corp",
    "globex-inc",
    "initech",
    "umbrella-health",
    "hooli",
    "stark-logistics",
    "wayne-insurance",
    "soylent-foods",
    "fjordbank-ås",
    "tyrell-robotics",
    "wonka-retail",
    "pied-piper",
)
FEATURES: Final = ("chat", "summarize", "customer-support", "search", "extract", "code-review")
ENVIRONMENTS: Final = ("production", "production", "production", "staging")
PEOPLE: Final = ("alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi", "ivan", "judy")
ZIPF_EXPONENT: Final = 1.15


@dataclass(frozen=True)
class Failure:
    """A way in which a call goes wrong, in the words of each shape."""

    name: str
    share: float
    status_code: int
    code: str
    error_class: str
    message: str


OK: Final = "ok"
FAILURES: Final = (
    Failure("rate_limit", 0.026, 429, "rate_limit_error", "RateLimitError", "Rate limit reached for requests"),
    Failure("timeout", 0.009, 504, "timeout", "Timeout", "Request timed out after 60 seconds"),
    Failure("server", 0.007, 500, "server_error", "InternalServerError", "The server had an error"),
    Failure("overflow", 0.004, 400, "context_overflow", "ContextWindowExceededError",
            "This model's maximum context length is exceeded by the messages"),
    Failure("cancelled", 0.004, 499, "cancelled", "ClientDisconnected", "Client closed the connection"),
)  # fmt: skip
FAILURE_BY_NAME: Final = {failure.name: failure for failure in FAILURES}

FINISH_REASONS: Final = ("stop", "length", "tool_calls", "content_filter")
FINISH_SHARES: Final = (0.885, 0.07, 0.035, 0.01)

UNKNOWN_MODEL_RATE: Final = 0.004
USAGE_MISSING_RATE: Final = 0.003
LATE_RATE: Final = 0.005
RETRY_RATE: Final = 0.6
CACHE_HIT_RATE: Final = 0.05
CACHED_PROMPT_RATE: Final = 0.3
STREAMING_RATE: Final = 0.45
