"""A provider on the loopback: fixed replies in OpenAI's and Anthropic's shapes, whole and streamed, with usage.

The usage is what tests count on: OpenAI 1,500 in (1,400 cached) and 100 out (40 reasoning), Anthropic 20 in
beside 1,000 read from and 300 written to the cache, and 60 out. The model `broken` answers 429.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

OPENAI_USAGE = {
    "prompt_tokens": 1500,
    "completion_tokens": 100,
    "total_tokens": 1600,
    "prompt_tokens_details": {"cached_tokens": 1400, "audio_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 40, "audio_tokens": 0},
}
ANTHROPIC_USAGE = {
    "input_tokens": 20,
    "cache_read_input_tokens": 1000,
    "cache_creation_input_tokens": 300,
    "output_tokens": 60,
}


def _chat(model: str) -> dict[str, object]:
    message = {"role": "assistant", "content": "Hej."}
    choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}
    head = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1795187045, "model": f"{model}-2024-07-18"}
    return {**head, "choices": [choice], "usage": OPENAI_USAGE}


def _chat_events(model: str) -> Iterator[str]:
    head = {
        "id": "chatcmpl-2",
        "object": "chat.completion.chunk",
        "created": 1795187045,
        "model": f"{model}-2024-07-18",
    }
    for delta, reason in (({"role": "assistant", "content": "He"}, None), ({"content": "j."}, None), ({}, "stop")):
        choice = {"index": 0, "delta": delta, "finish_reason": reason, "logprobs": None}
        yield f"data: {json.dumps({**head, 'choices': [choice], 'usage': None})}\n\n"
    yield f"data: {json.dumps({**head, 'choices': [], 'usage': OPENAI_USAGE})}\n\n"
    yield "data: [DONE]\n\n"


def _embedding(model: str) -> dict[str, object]:
    usage = {"prompt_tokens": 7, "total_tokens": 7}
    data = [{"object": "embedding", "index": 0, "embedding": [0.1, 0.2]}]
    return {"object": "list", "data": data, "model": model, "usage": usage}


def _message(model: str) -> dict[str, object]:
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [{"type": "text", "text": "Hej."}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": ANTHROPIC_USAGE,
    }


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        model = body["model"]
        if model == "broken":
            error = {"message": "Rate limit reached", "type": "requests", "code": "rate_limit_exceeded"}
            self._send(429, "application/json", json.dumps({"error": error}))
        elif self.path.endswith("/embeddings"):
            self._send(200, "application/json", json.dumps(_embedding(model)))
        elif self.path.endswith("/messages"):
            self._send(200, "application/json", json.dumps(_message(model)))
        elif body.get("stream"):
            self._send(200, "text/event-stream", "".join(_chat_events(model)))
        else:
            self._send(200, "application/json", json.dumps(_chat(model)))

    def _send(self, status: int, kind: str, text: str) -> None:
        content = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def provider() -> Iterator[str]:
    """The provider's address, while it answers."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
