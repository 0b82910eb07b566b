"""The scripts of `.ci`, in a copy, with stand-ins for isogloss, gh and GitHub that note what they are asked."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
STAND_IN = """\
#!/bin/sh
{ printf '%s\\0' "${MLFLOW_TRACKING_URI-}" "$@"; printf '\\0\\n'; } >> "$CALLS"
[ ! -f "$0.out" ] || cat "$0.out"
[ ! -f "$0.code" ] || exit "$(cat "$0.code")"
"""


class Checkout:
    """A copy of the scripts and pipelines. `bin` holds the stand-ins."""

    def __init__(self, place: Path) -> None:
        self.place, self.bin, self.notes = place, place / ".venv" / "bin", place / "calls"
        for name in (".ci", "pipelines"):
            shutil.copytree(ROOT / name, place / name)
        self.bin.mkdir(parents=True)
        for name in ("isogloss", "gh"):
            (self.bin / name).write_text(STAND_IN)
            (self.bin / name).chmod(0o755)
        (self.bin / "python").symlink_to(sys.executable)
        self.before = self.files()

    def files(self) -> set[str]:
        return {path.relative_to(self.place).as_posix() for path in self.place.rglob("*")}

    def step(self, command: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """A step's command, with GitHub's shell and files."""
        path = {"PATH": f"{self.bin}:{os.environ['PATH']}", "CALLS": str(self.notes)}
        return subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", command],
            cwd=self.place,
            env={**path, "GITHUB_STEP_SUMMARY": str(self.place / "step-summary.md"), **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )

    def calls(self) -> list[list[str]]:
        """Tracking server and arguments of each call."""
        return [line.split("\0") for line in self.notes.read_text().split("\0\0\n")[:-1]]


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path / "checkout")


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        ("", []),
        ("data.test=20 | seed=1", ["--set=data.test=20", "--set=seed=1"]),
        ("data.languages=[en, ko]\r\na=*\n", ["--set=data.languages=[en, ko]", "--set=a=*"]),
        ("name=x; touch pwned|$(touch pwned)", ["--set=name=x; touch pwned", "--set=$(touch pwned)"]),
        ("a='b' && touch pwned #|--json", ["--set=a='b' && touch pwned #", "--set=--json"]),
    ],
)
def test_overrides_are_arguments_whatever_they_hold(checkout: Checkout, overrides: str, expected: list[str]) -> None:
    ended = checkout.step(".ci/pipeline plan", PIPELINE="smoke", OVERRIDES=overrides)
    assert ended.returncode == 0, ended.stderr
    assert checkout.calls() == [["", "plan", "pipelines/smoke.yaml", *expected]]
    assert checkout.files() - checkout.before == {"calls", "step-summary.md"}


@pytest.mark.parametrize("name", ["", "nothing", "../pipelines/smoke", "$(touch pwned)", "launch/..", "-x", "smoke\nx"])
def test_a_pipeline_that_does_not_exist_is_refused(checkout: Checkout, name: str) -> None:
    ended = checkout.step(".ci/pipeline run", PIPELINE=name)
    assert ended.returncode == 2
    assert "embedded\n" in ended.stderr
    assert checkout.files() == checkout.before


def test_a_run_registers_nothing_and_promoting_is_its_own_verb(checkout: Checkout) -> None:
    for verb in ("run", "promote"):
        assert checkout.step(f".ci/pipeline {verb}", PIPELINE="smoke", OVERRIDES="promote.name=mine").returncode == 0
    run, promote = checkout.calls()
    assert run[1:] == ["run", "pipelines/smoke.yaml", "--set=promote.name=mine", "--set=promote.name=null"]
    assert promote[1:] == ["promote", "pipelines/smoke.yaml", "--set=promote.name=mine"]


def test_the_summary_goes_to_the_step_and_a_failure_says_why_there(checkout: Checkout) -> None:
    (checkout.place / "summary.md").write_text("## smoke\n")  # as the real command leaves it
    assert checkout.step(".ci/pipeline summary", PIPELINE="smoke", CHAMPION="models:/m@champion").stdout == "## smoke\n"
    assert checkout.calls()[0][3:] == ["--champion=models:/m@champion", "--out=summary.md"]
    (checkout.bin / "isogloss.code").write_text("3")
    (checkout.bin / "isogloss.out").write_text("not promoted\n")
    assert checkout.step(".ci/pipeline promote", PIPELINE="smoke").returncode == 3
    assert (checkout.place / "step-summary.md").read_text() == "## smoke\n```\nnot promoted\n```\n"


def test_a_recheck_makes_the_questions_without_the_server_and_asks_it_for_the_champion(checkout: Checkout) -> None:
    (checkout.bin / "isogloss.out").write_text(json.dumps({"stages": {"data": "mlruns/stages/data-1"}}))
    champion = {"CHAMPION": "models:/m@champion", "MLFLOW_TRACKING_URI": "http://team"}
    assert checkout.step(".ci/pipeline recheck", PIPELINE="smoke", **champion).returncode == 0
    data, recheck = checkout.calls()
    assert data == ["", "run", "pipelines/smoke.yaml", "--until=data", "--json"]
    assert recheck == ["http://team", "recheck", "models:/m@champion", "mlruns/stages/data-1/choices.jsonl"]
    assert checkout.step(".ci/pipeline recheck", PIPELINE="smoke").returncode != 0


@pytest.mark.parametrize(
    ("script", "verbs"), [("pipeline", "plan|run|summary|promote|recheck"), ("versions", "lowest|latest")]
)
def test_a_verb_that_does_not_exist_is_refused(checkout: Checkout, script: str, verbs: str) -> None:
    ended = checkout.step(f".ci/{script} destroy", PIPELINE="smoke")
    assert ended.returncode == 2
    assert verbs in ended.stderr


@pytest.mark.parametrize(("number", "verb"), [("", "create"), ("12", "comment")])
def test_the_alarm_opens_one_issue_and_adds_to_it(checkout: Checkout, number: str, verb: str) -> None:
    (checkout.bin / "gh").write_text(STAND_IN + f'[ "$2" != list ] || printf "%s" "{number}"\n')
    assert checkout.step('.ci/alarm "It drifted"', RUN_URL="https://example.org/1").returncode == 0
    listed, told = checkout.calls()
    assert listed[1:3] == ["issue", "list"]
    assert told[1:3] == ["issue", verb]
    assert (number or "It drifted") in told


class GitHub(BaseHTTPRequestHandler):
    """GitHub's comments of pull request 7: (body, kind of author) each. `refusal` is a status to answer with."""

    comments: list[tuple[str, str]]
    refusal: int | None

    def _comment(self, number: int) -> dict[str, object]:
        body, kind = self.comments[number]
        return {"id": number, "body": body, "user": {"type": kind}, "html_url": f"https://example.org/{number}"}

    def _answer(self) -> None:
        sent = json.loads(self.rfile.read(int(self.headers["Content-Length"] or 0)) or "null")
        path, _, page = self.path.partition("?per_page=100&page=")
        if self.refusal or self.headers["Authorization"] != "Bearer secret":
            return self._send(self.refusal or 401, {"message": "not with this token"})
        if self.command == "PATCH":
            number = int(path.rpartition("/")[2])
            self.comments[number] = (sent["body"], self.comments[number][1])
            return self._send(200, self._comment(number))
        assert path == "/repos/me/mine/issues/7/comments"
        if self.command == "POST":
            self.comments.append((sent["body"], "Bot"))
            return self._send(201, self._comment(len(self.comments) - 1))
        shown = [self._comment(number) for number in range(len(self.comments))]
        self._send(200, shown[100 * int(page) - 100 :][:100])

    do_GET = do_POST = do_PATCH = _answer

    def _send(self, status: int, content: object) -> None:
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(content).encode())

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def github() -> Iterator[tuple[type[GitHub], str]]:
    """The comments, and the address that serves them."""
    if shutil.which("jq") is None or shutil.which("curl") is None:
        pytest.skip("needs curl and jq, which CI's machines have")
    handler = type("Handler", (GitHub,), {"comments": [], "refusal": None})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield handler, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def comment(checkout: Checkout, address: str, text: str, number: str = "7") -> subprocess.CompletedProcess[str]:
    (checkout.place / "summary.md").write_text(text)
    given = {"PULL_REQUEST": number, "PIPELINE": "smoke", "GH_TOKEN": "secret", "GH_REPO": "me/mine"}
    return checkout.step(".ci/comment summary.md", GITHUB_API_URL=address, **given)


def test_a_pipeline_has_one_comment_brought_up_to_date_and_others_are_left(
    checkout: Checkout, github: tuple[type[GitHub], str]
) -> None:
    pull, address = github
    mark = "<!-- isogloss pipeline smoke -->"
    others = [
        *((f"comment {number}", "User") for number in range(150)),
        (f"{mark}\nquoted", "User"),
        ("<!-- other -->", "Bot"),
    ]
    pull.comments += others
    assert comment(checkout, address, "## first\n").returncode == 0
    assert comment(checkout, address, '## again, `$(touch pwned)` "quoted"\n').stdout == "https://example.org/152\n"
    assert pull.comments == [*others, (f'{mark}\n## again, `$(touch pwned)` "quoted"\n', "Bot")]
    assert not (checkout.place / "pwned").exists()
    assert comment(checkout, address, "a" + "ä€" * 40_000).returncode == 0
    assert pull.comments[-1][0].startswith(f"{mark}\na" + "ä€" * 29_999 + "ä\n\n… cut here")


def test_a_refused_comment_says_what_github_said_and_keeps_the_token(
    checkout: Checkout, github: tuple[type[GitHub], str]
) -> None:
    pull, address = github
    pull.refusal = 403
    ended = comment(checkout, address, "## smoke\n")
    assert ended.returncode == 1
    assert "403 not with this token" in ended.stderr
    assert "secret" not in ended.stderr


@pytest.mark.parametrize(("number", "text"), [("", "x"), ("7; touch pwned", "x"), ("7\n8", "x"), ("7", "")])
def test_a_comment_needs_a_number_and_a_summary(checkout: Checkout, number: str, text: str) -> None:
    assert comment(checkout, "http://127.0.0.1:1", text, number=number).returncode == 2
    assert not (checkout.place / "pwned").exists()
