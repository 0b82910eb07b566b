"""A local endpoint with OpenAI's chat completions that behaves, or misbehaves as a test says; it counts what it is sent."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Sent:
    """What goes back in place of a completion: a status, a body as it is, headers; `wait` seconds before, `trickle` seconds
    after each of its bytes.
    """

    status: int = 200
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    wait: float = 0.0
    trickle: float = 0.0


#: Gets the messages and the number of the request (from 1); returns the text of the completion, or what to send instead.
Answering = Callable[[list[dict[str, str]], int], str | Sent]


@dataclass
class ChatEndpoint:
    """`url` goes into the settings; `requests` are the bodies that came, in order, `at` when."""

    url: str
    requests: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    at: list[float] = field(default_factory=list)
    most_at_once: int = 0
    _now: int = 0


@contextmanager
def chat_endpoint(answering: Answering, *, usage: tuple[int, int] | None = (100, 20)) -> Iterator[ChatEndpoint]:
    """Serve on a free port until the block ends."""
    lock = threading.Lock()
    over = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with lock:
                endpoint.requests.append(body)
                endpoint.keys.append(self.headers.get("Authorization", ""))
                endpoint.at.append(time.monotonic())
                number = len(endpoint.requests)
                endpoint._now += 1
                endpoint.most_at_once = max(endpoint.most_at_once, endpoint._now)
            try:
                answer = answering(body["messages"], number)
                self._send(answer if isinstance(answer, Sent) else Sent(body=completion(answer, usage)))
            finally:
                with lock:
                    endpoint._now -= 1

        def _send(self, sent: Sent) -> None:
            if sent.wait:
                over.wait(sent.wait)
            data = sent.body.encode()
            try:
                self.send_response(sent.status)
                self.send_header("Content-Type", "text/html" if sent.body.startswith("<") else "application/json")
                self.send_header("Content-Length", str(len(data)))
                for name, value in sent.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                for byte in data if sent.trickle else ():
                    self.wfile.write(bytes([byte]))
                    over.wait(sent.trickle)
                self.wfile.write(b"" if sent.trickle else data)
            except OSError:
                return  # whoever asked has gone: that is what some tests are about

        def log_message(self, *_: Any) -> None:
            """Nothing on stderr."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    endpoint = ChatEndpoint(f"http://127.0.0.1:{server.server_port}/v1")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield endpoint
    finally:
        over.set()
        server.shutdown()
        thread.join()
        server.server_close()


def completion(text: str, usage: tuple[int, int] | None = (100, 20)) -> str:
    """The body of a chat completion."""
    value: dict[str, Any] = {
        "id": "one",
        "object": "chat.completion",
        "created": 0,
        "model": "made-up",
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}],
    }
    if usage is not None:
        value["usage"] = {"prompt_tokens": usage[0], "completion_tokens": usage[1], "total_tokens": sum(usage)}
    return json.dumps(value)


def options_in(messages: list[dict[str, str]]) -> dict[str, str] | None:
    """The dictionary of options in a request, None where it asks for something else."""
    text = messages[1]["content"]
    start = text.find("Options:\n")
    return None if start < 0 else json.loads(text[start + len("Options:\n") :])
