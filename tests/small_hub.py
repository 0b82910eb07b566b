"""A Hugging Face Hub of one data set on this machine, for `HF_ENDPOINT`: its pages, its files, and its refusals."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import unquote, urlsplit


class SmallHub(ThreadingHTTPServer):
    """Serves `folder` as the repository `repo` at `commit`, which `main` stands for; `asked` are the paths asked for."""

    daemon_threads = True

    def __init__(self, folder: Path, *, repo: str, commit: str, gated: bool = False) -> None:
        self.folder, self.repo, self.commit, self.gated = folder, repo, commit, gated
        self.asked: list[str] = []
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def url(self) -> str:
        """What HF_ENDPOINT has to be."""
        return f"http://127.0.0.1:{self.server_port}"

    def files(self) -> dict[str, bytes]:
        """Contents by name."""
        return {
            path.relative_to(self.folder).as_posix(): path.read_bytes()
            for path in sorted(self.folder.rglob("*"))
            if path.is_file()
        }


class _Handler(BaseHTTPRequestHandler):
    server: SmallHub
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the tests look at `asked`."""

    def do_GET(self) -> None:
        self._answer(body=True)

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def _answer(self, *, body: bool) -> None:
        hub, path = self.server, unquote(urlsplit(self.path).path)
        hub.asked.append(path)
        api, resolve = f"/api/datasets/{hub.repo}", f"/datasets/{hub.repo}/resolve/"
        if not path.startswith((api, resolve)):
            return self._refuse(404, "RepoNotFound", body=body)
        parts = path.removeprefix(resolve if path.startswith(resolve) else f"{api}/").split("/")
        if path.startswith(api):
            kind, revision = (parts[0], parts[1]) if len(parts) > 1 else ("revision", "main")
        else:
            kind, revision = "resolve", parts[0]
        if revision not in ("main", hub.commit):
            return self._refuse(404, "RevisionNotFound", body=body)
        files = hub.files()
        if kind == "revision":
            siblings = [{"rfilename": name, "size": len(content)} for name, content in files.items()]
            return self._json({"id": hub.repo, "sha": hub.commit, "siblings": siblings, "tags": []}, body=body)
        if kind == "tree":
            entries = [
                {"type": "file", "path": name, "size": len(content), "oid": hashlib.sha1(content).hexdigest()}
                for name, content in files.items()
            ]
            return self._json(entries, body=body)
        if hub.gated:
            return self._refuse(403, "GatedRepo", body=body)
        content = files.get("/".join(parts[1:]))
        if content is None:
            return self._refuse(404, "EntryNotFound", body=body)
        return self._send(200, content, {"ETag": f'"{hashlib.sha1(content).hexdigest()}"'}, body=body)

    def _json(self, value: object, *, body: bool) -> None:
        self._send(200, json.dumps(value).encode(), {"Content-Type": "application/json"}, body=body)

    def _refuse(self, status: int, code: str, *, body: bool) -> None:
        self._send(status, b"{}", {"X-Error-Code": code, "X-Error-Message": code}, body=body)

    def _send(self, status: int, content: bytes, headers: dict[str, str], *, body: bool) -> None:
        self.send_response(status)
        for name, value in {
            **headers,
            "X-Repo-Commit": self.server.commit,
            "Content-Length": str(len(content)),
        }.items():
            self.send_header(name, value)
        self.end_headers()
        if body:
            self.wfile.write(content)


@contextmanager
def small_hub(folder: Path, *, repo: str, commit: str, gated: bool = False) -> Iterator[SmallHub]:
    """The Hub while it runs."""
    with SmallHub(folder, repo=repo, commit=commit, gated=gated) as hub:
        thread = Thread(target=hub.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield hub
        finally:
            hub.shutdown()
            thread.join()
