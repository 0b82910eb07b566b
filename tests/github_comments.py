"""A stand-in of GitHub's API for the comments of one pull request."""

from __future__ import annotations

import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class GitHub:
    """Comments of a pull request, as GitHub's API gives and takes them. `refusal` is a status that it answers with."""

    def __init__(self) -> None:
        self.comments: list[tuple[str, str]] = []  # body, kind of author
        self.tokens: set[str | None] = set()
        self.refusal: int | None = None
        github = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                github.tokens.add(self.headers["Authorization"])
                text = self.rfile.read(int(self.headers["Content-Length"] or 0))
                status, content = github.answer(self.command, self.path, json.loads(text or "null"))
                self.send_response(status)
                self.end_headers()
                self.wfile.write(json.dumps(content).encode())

            do_GET = do_POST = do_PATCH = answer

            def log_message(self, *_: object) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self._server.server_port}"

    def answer(self, method: str, path: str, sent: Any) -> tuple[int, Any]:
        if self.refusal:
            return self.refusal, {"message": "not with this token"}
        if method == "GET":
            asked = re.fullmatch(r"/repos/me/mine/issues/7/comments\?per_page=100&page=(\d+)", path)
            assert asked
            return 200, [self._shown(number) for number in range(len(self.comments))][100 * int(asked[1]) - 100 :][:100]
        if method == "POST":
            assert path == "/repos/me/mine/issues/7/comments"
            self.comments.append((sent["body"], "Bot"))
            return 201, self._shown(len(self.comments) - 1)
        number = int(path.removeprefix("/repos/me/mine/issues/comments/"))
        self.comments[number] = (sent["body"], self.comments[number][1])
        return 200, self._shown(number)

    def _shown(self, number: int) -> dict[str, Any]:
        body, kind = self.comments[number]
        return {"id": number, "body": body, "user": {"type": kind}, "html_url": f"https://example.org/{number}"}

    def __enter__(self) -> GitHub:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
