"""What Langfuse's observations mean, whether they come over its SDK's wire or out of an export.

Belongs here: usage and cost details, whose keys decide what they include. OpenAI's keys stay OpenAI's: input includes
the cache, output includes reasoning. Under Langfuse's own (`input`, `input_cached_tokens`, …) and Anthropic's, every
key is a part, and the parts add up. The functions are SQL over a step `<record>_usage`, `<record>_cost`.
"""

from llmops_assets.formats.format import texts

_READ = ("input_cached_tokens", "cache_read_input_tokens", "input_cache_read", "input_cache_read_tokens")
_WRITTEN = (
    "cache_creation_input_tokens", "cache_write_input_tokens", "input_cache_creation", "input_cache_write",
    "input_cache_creation_5m", "input_cache_creation_1h",
)  # fmt: skip
_AUDIO_INPUT = ("input_audio_tokens", "input_audio")
_REASONING = ("output_reasoning_tokens", "output_reasoning")
_AUDIO_OUTPUT = ("output_audio_tokens", "output_audio")
_PREDICTED = ("output_accepted_prediction_tokens", "output_rejected_prediction_tokens")
_DETAILS = {
    "prompt_tokens_details": texts("cached_tokens", "audio_tokens"),
    "input_tokens_details": texts("cached_tokens", "audio_tokens"),
    "completion_tokens_details": texts("reasoning_tokens", "audio_tokens"),
    "output_tokens_details": texts("reasoning_tokens", "audio_tokens"),
}
USAGE: dict[str, object] = {
    **texts("input", "output", "total", "input_tokens", "output_tokens", "total_tokens"),
    **texts("prompt_tokens", "completion_tokens"),
    **texts(*_READ, *_WRITTEN, *_AUDIO_INPUT, *_REASONING, *_AUDIO_OUTPUT, *_PREDICTED),
    **_DETAILS,
}
COST = texts("input", "output", "total")
CALLS = "^(GENERATION|EMBEDDING)$"


def _sum(usage: str, *names: str) -> str:
    return f"llm_sum_of_counts([{', '.join(f'{usage}.{name}' for name in names)}])"


def _first(usage: str, *names: str) -> str:
    return f"coalesce({', '.join(f'{usage}.{name}' for name in names)})"


def usage_columns(usage: str) -> dict[str, str]:
    """The counts from the struct `usage`."""
    is_whole = f"coalesce({usage}.input_tokens_details, {usage}.output_tokens_details) is not null"
    read = _first(usage, "prompt_tokens_details.cached_tokens", "input_tokens_details.cached_tokens")
    return {
        "tokens_input": f"coalesce({usage}.prompt_tokens, case when {is_whole} then {usage}.input_tokens end, "
        f"{_sum(usage, 'input', 'input_tokens', *_READ, *_WRITTEN, *_AUDIO_INPUT)})",
        "tokens_cache_read": f"coalesce({read}, {_sum(usage, *_READ)})",
        "tokens_cache_write": _sum(usage, *_WRITTEN),
        "tokens_cache_write_1h": f"{usage}.input_cache_creation_1h",
        "tokens_audio_input": "coalesce("
        + _first(usage, "prompt_tokens_details.audio_tokens", "input_tokens_details.audio_tokens", *_AUDIO_INPUT)
        + ")",
        "tokens_output": f"coalesce({usage}.completion_tokens, case when {is_whole} then {usage}.output_tokens end, "
        f"{_sum(usage, 'output', 'output_tokens', *_REASONING, *_AUDIO_OUTPUT, *_PREDICTED)})",
        "tokens_reasoning": _first(
            usage, "completion_tokens_details.reasoning_tokens", "output_tokens_details.reasoning_tokens", *_REASONING
        ),
        "tokens_audio_output": _first(
            usage, "completion_tokens_details.audio_tokens", "output_tokens_details.audio_tokens", *_AUDIO_OUTPUT
        ),
        "tokens_total": _first(usage, "total_tokens", "total"),
    }


def total_cost(cost: str) -> str:
    """SQL of the total, which Langfuse makes up from the parts where it was not given."""
    parts = f"try_cast({cost}.input as decimal(38, 12)) + try_cast({cost}.output as decimal(38, 12))"
    return f"coalesce({cost}.total, cast({parts} as varchar))"
