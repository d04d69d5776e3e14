"""Calls through litellm: its standard logging payload of each, one a line on standard output."""

import json
import sys
import time
from contextlib import suppress

import litellm
from litellm.integrations.custom_logger import CustomLogger
from provider import provider

payloads: list[dict[str, object]] = []


class Keep(CustomLogger):
    """Keeps what litellm would send to a logger."""

    def log_success_event(self, kwargs, response_obj, start_time, end_time) -> None:
        """A finished call."""
        payloads.append(kwargs["standard_logging_object"])

    def log_failure_event(self, kwargs, response_obj, start_time, end_time) -> None:
        """A failed call."""
        payloads.append(kwargs["standard_logging_object"])


def ask(**arguments: object) -> None:
    """One call; a failure is logged by litellm and passed over."""
    messages = [{"role": "user", "content": "Hej?"}]
    before = len(payloads)
    with suppress(litellm.exceptions.RateLimitError):
        answer = litellm.completion(messages=messages, api_key="sk-none", max_retries=0, num_retries=0, **arguments)
        if arguments.get("stream"):
            list(answer)
    end = time.monotonic() + 20  # it logs in a thread
    while len(payloads) == before and time.monotonic() < end:
        time.sleep(0.05)


litellm.callbacks = [Keep()]
litellm.suppress_debug_info = True
with provider() as address:
    openai, anthropic = {"api_base": f"{address}/v1"}, {"api_base": address}
    ask(model="openai/gpt-4o-mini", **openai)
    ask(model="openai/gpt-4o-mini", stream=True, stream_options={"include_usage": True}, **openai)
    ask(model="anthropic/claude-sonnet-4-5-20250929", **anthropic)
    ask(model="openai/broken", **openai)
    ask(model="openai/gpt-4o-mini", mock_response="Hej.", **openai)
for payload in payloads:
    sys.stdout.write(json.dumps(payload, default=str) + "\n")
