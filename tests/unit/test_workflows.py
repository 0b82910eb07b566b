"""The workflows: what they may do, what they run, and that what a person types into them stays data."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from github_comments import GitHub

ROOT = Path(__file__).parents[2]
WORKFLOWS = {
    path.stem: yaml.safe_load(path.read_text(encoding="utf-8"))
    for path in sorted((ROOT / ".github" / "workflows").glob("*.yml"))
}
ACTIONS = sorted((ROOT / ".github" / "actions").glob("*/action.yml"))
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
#: Rights beyond reading, by workflow and job.
WRITES = {("pipeline", "comment"): "pull-requests", ("nightly", "alarm"): "issues"}
PINNED = re.compile(r"[\w./-]+@[0-9a-f]{40}")


def triggers(workflow: dict[Any, Any]) -> dict[str, Any]:
    return workflow[True]  # YAML reads the key `on` as a truth value


def jobs() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for name, workflow in WORKFLOWS.items():
        for job, content in workflow["jobs"].items():
            yield name, job, content


def steps() -> Iterator[dict[str, Any]]:
    for _, _, job in jobs():
        yield from job["steps"]
    for action in ACTIONS:
        yield from yaml.safe_load(action.read_text(encoding="utf-8"))["runs"]["steps"]


def test_the_three_workflows_are_there_with_their_triggers() -> None:
    assert set(WORKFLOWS) == {"ci", "pipeline", "nightly"}
    assert set(triggers(WORKFLOWS["ci"])) == {"push", "pull_request"}
    assert set(triggers(WORKFLOWS["pipeline"])) == {"workflow_dispatch", "workflow_call"}
    assert set(triggers(WORKFLOWS["nightly"])) == {"schedule", "workflow_dispatch"}


def test_ci_checks_tests_on_every_python_and_runs_a_pipeline() -> None:
    ci = WORKFLOWS["ci"]["jobs"]
    assert ci["test"]["strategy"]["matrix"]["python"] == ["3.11", "3.12", "3.13"]
    assert [step["run"] for step in ci["test"]["steps"] if "run" in step] == [".ci/run"]
    assert [step["run"] for step in ci["check"]["steps"] if "run" in step] == ["make check"]
    assert [step["run"] for step in ci["smoke"]["steps"] if "run" in step] == ["make smoke", ".ci/pipeline summary"]


def test_a_pipeline_takes_the_same_inputs_by_hand_and_by_call() -> None:
    by = triggers(WORKFLOWS["pipeline"])
    assert by["workflow_dispatch"]["inputs"] == by["workflow_call"]["inputs"]
    assert {"pipeline", "overrides", "runner", "plan_only", "promote", "pull_request"} <= set(
        by["workflow_call"]["inputs"]
    )


def test_rights_are_the_least() -> None:
    for workflow in WORKFLOWS.values():
        assert workflow["permissions"] == {"contents": "read"}
        assert workflow["concurrency"]["group"]
    # By itself GitHub keeps one run waiting, and cancels it for the next.
    assert WORKFLOWS["pipeline"]["concurrency"]["queue"] == "max"
    for name, job, content in jobs():
        writes = WRITES.get((name, job))
        expected = None if writes is None else {"contents": "read", writes: "write"}
        assert content.get("permissions") == expected, f"{name}: {job}"
        assert "timeout-minutes" in content


def test_actions_are_pinned_by_digest_and_leave_no_token_behind() -> None:
    used = [step for step in steps() if "uses" in step]
    assert used
    for step in used:
        assert step["uses"] == "./.github/actions/setup" or PINNED.fullmatch(step["uses"]), step["uses"]
        if step["uses"].startswith("actions/checkout@"):
            assert step["with"] == {"persist-credentials": False}
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / ".github").rglob("*.yml")]
    digests = set(re.findall(r"uses: ([\w./-]+)@([0-9a-f]{40}) # v[\d.]+", "\n".join(texts)))
    assert len(digests) == len({name for name, _ in digests}), "one version of each action"


def test_caches_are_keyed_by_the_lock() -> None:
    (action,) = ACTIONS
    python, model = yaml.safe_load(action.read_text(encoding="utf-8"))["runs"]["steps"]
    assert "constraints.txt" in python["with"]["cache-dependency-path"].split()
    named = re.findall(r"'([^']+)'", model["with"]["key"])
    assert "constraints.txt" in named
    assert all((ROOT / name).is_file() for name in named)


def test_what_runs_is_a_target_or_a_script_and_holds_no_expression() -> None:
    commands = [step["run"] for step in steps() if "run" in step]
    matrix = WORKFLOWS["nightly"]["jobs"]["versions"]["strategy"]["matrix"]["include"]
    assert len(commands) > 10
    for command in commands:
        # An expression in a command is text that the shell would read.
        assert "${{" not in command
        program, *arguments = command.split(maxsplit=1)
        if program == "make":
            named = {one["target"] for one in matrix} if arguments == ['"$TARGET"'] else set(arguments)
            assert named <= TARGETS, command
        else:
            assert re.fullmatch(r"\.ci/[a-z]+", program), command
            assert os.access(ROOT / program, os.X_OK), command
        if program == ".ci/pipeline":
            assert f"\n{arguments[0]})" in (ROOT / ".ci" / "pipeline").read_text(encoding="utf-8")


def test_inputs_reach_the_steps_by_the_environment_alone() -> None:
    pipeline = WORKFLOWS["pipeline"]
    environment = pipeline["jobs"]["run"]["env"]
    assert environment["PIPELINE"] == "${{ inputs.pipeline }}"
    assert environment["OVERRIDES"] == "${{ inputs.overrides }}"
    plan_only = {step["name"]: step.get("if", "") for step in pipeline["jobs"]["run"]["steps"] if "name" in step}
    assert plan_only["plan"] == ""
    assert all("!inputs.plan_only" in condition for name, condition in plan_only.items() if name != "plan")
    assert "inputs.promote &&" in plan_only["promote"]


def test_the_workflows_pass_their_linters() -> None:
    """With what `make check` runs, which is an error where one of them is missing on CI's kind of machine."""
    bin_ = Path(sys.executable).parent
    if shutil.which("actionlint", path=bin_) is None:
        pytest.skip("actionlint has no package for this machine")
    ended = subprocess.run([ROOT / ".ci" / "lint", bin_], capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert ".ci/lint $(BIN)" in (ROOT / "Makefile").read_text(encoding="utf-8")


# The scripts, as GitHub runs them: in a copy, with programs that note what they were called with.

STUB = """\
#!/bin/sh
{ printf '%s\\0' "$0" "${MLFLOW_TRACKING_URI-}" "$@"; printf '\\0\\n'; } >> "$CALLS"
[ ! -f "$0.out" ] || cat "$0.out"
[ ! -f "$0.code" ] || exit "$(cat "$0.code")"
"""


class Checkout:
    """A copy of the scripts and pipelines. `bin` holds stand-ins for isogloss and gh."""

    def __init__(self, place: Path) -> None:
        self.place, self.bin, self.notes = place, place / ".venv" / "bin", place / "calls"
        shutil.copytree(ROOT / ".ci", place / ".ci")
        shutil.copytree(ROOT / "pipelines", place / "pipelines")
        self.bin.mkdir(parents=True)
        for name in ("isogloss", "gh"):
            (self.bin / name).write_text(STUB)
            (self.bin / name).chmod(0o755)
        (self.bin / "python").symlink_to(sys.executable)
        self.before = self.files()

    def files(self) -> set[str]:
        return {path.relative_to(self.place).as_posix() for path in self.place.rglob("*")}

    def step(self, command: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """A step's command, with GitHub's shell and files."""
        return subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", command],
            cwd=self.place,
            env={
                "PATH": f"{self.bin}:{os.environ['PATH']}",
                "CALLS": str(self.notes),
                "GITHUB_STEP_SUMMARY": str(self.place / "step-summary.md"),
                **environment,
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )

    def calls(self) -> list[list[str]]:
        """Program, tracking server, and arguments of each call."""
        lines = self.notes.read_text().split("\0\0\n")[:-1] if self.notes.exists() else []
        return [[Path(program).name, *rest] for program, *rest in (line.split("\0") for line in lines)]


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path / "checkout")


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        ("", []),
        ("data.test=20 | seed=1", ["--set=data.test=20", "--set=seed=1"]),
        ("data.test=20\r\nseed=1\n", ["--set=data.test=20", "--set=seed=1"]),
        ("data.languages=[en, ko]", ["--set=data.languages=[en, ko]"]),
        ("name=x; touch pwned", ["--set=name=x; touch pwned"]),
        ("$(touch pwned)|`touch pwned`", ["--set=$(touch pwned)", "--set=`touch pwned`"]),
        ("a='b' && touch pwned #", ["--set=a='b' && touch pwned #"]),
        ("--json", ["--set=--json"]),
        ("a=*", ["--set=a=*"]),
    ],
)
def test_overrides_are_arguments_whatever_they_hold(checkout: Checkout, overrides: str, expected: list[str]) -> None:
    ended = checkout.step(".ci/pipeline plan", PIPELINE="smoke", OVERRIDES=overrides)
    assert ended.returncode == 0, ended.stderr
    assert checkout.calls() == [["isogloss", "", "plan", "pipelines/smoke.yaml", *expected]]
    assert checkout.files() - checkout.before == {"calls", "step-summary.md"}


@pytest.mark.parametrize(
    "name", ["", "nothing", "../pipelines/smoke", "smoke; touch pwned", "$(touch pwned)", "launch/..", "-x", "smoke\nx"]
)
def test_a_pipeline_that_is_not_there_is_refused_with_those_that_are(checkout: Checkout, name: str) -> None:
    ended = checkout.step(".ci/pipeline run", PIPELINE=name)
    assert ended.returncode == 2
    assert "embedded\n" in ended.stderr
    assert checkout.files() == checkout.before


def test_a_run_registers_nothing_and_promoting_is_its_own_verb(checkout: Checkout) -> None:
    for verb in ("run", "promote"):
        assert checkout.step(f".ci/pipeline {verb}", PIPELINE="smoke", OVERRIDES="promote.name=mine").returncode == 0
    run, promote = checkout.calls()
    assert run[2:] == ["run", "pipelines/smoke.yaml", "--set=promote.name=mine", "--set=promote.name=null"]
    assert promote[2:] == ["promote", "pipelines/smoke.yaml", "--set=promote.name=mine"]


def test_the_summary_goes_to_the_step_and_names_the_champion(checkout: Checkout) -> None:
    (checkout.place / "summary.md").write_text("## smoke\n")  # as the real command leaves it
    ended = checkout.step(".ci/pipeline summary", PIPELINE="smoke", CHAMPION="models:/m@champion")
    assert ended.returncode == 0
    assert checkout.calls()[0][4:] == ["--champion=models:/m@champion", "--out=summary.md"]
    assert (checkout.place / "step-summary.md").read_text() == ended.stdout == "## smoke\n"


def test_a_failing_command_fails_its_step_and_says_why_in_the_summary(checkout: Checkout) -> None:
    (checkout.bin / "isogloss.code").write_text("3")
    (checkout.bin / "isogloss.out").write_text("not promoted\n")
    assert checkout.step(".ci/pipeline promote", PIPELINE="smoke").returncode == 3
    assert (checkout.place / "step-summary.md").read_text() == "```\nnot promoted\n```\n"


def test_a_recheck_makes_the_questions_without_the_server_and_asks_it_for_the_champion(checkout: Checkout) -> None:
    (checkout.bin / "isogloss.out").write_text(json.dumps({"stages": {"data": "mlruns/stages/data-1"}}))
    ended = checkout.step(
        ".ci/pipeline recheck", PIPELINE="smoke", CHAMPION="models:/m@champion", MLFLOW_TRACKING_URI="http://team"
    )
    assert ended.returncode == 0, ended.stderr
    data, recheck = checkout.calls()
    assert data[1:] == ["", "run", "pipelines/smoke.yaml", "--until=data", "--json"]
    assert recheck[1:] == ["http://team", "recheck", "models:/m@champion", "mlruns/stages/data-1/choices.jsonl"]


def test_a_recheck_without_a_champion_or_a_verb_that_is_none_does_not_pass(checkout: Checkout) -> None:
    (checkout.bin / "isogloss.out").write_text(json.dumps({"stages": {"data": "d"}}))
    assert checkout.step(".ci/pipeline recheck", PIPELINE="smoke").returncode != 0
    ended = checkout.step(".ci/pipeline destroy", PIPELINE="smoke")
    assert ended.returncode == 2
    assert "plan|run|summary|promote|recheck" in ended.stderr


@pytest.fixture
def github() -> Iterator[GitHub]:
    if shutil.which("jq") is None or shutil.which("curl") is None:
        pytest.skip("needs curl and jq, which CI's machines have")
    with GitHub() as github:
        yield github


def comment(checkout: Checkout, github: GitHub, **environment: str) -> subprocess.CompletedProcess[str]:
    if not (checkout.place / "summary.md").exists():
        (checkout.place / "summary.md").write_text("## smoke\n")
    given = {"PULL_REQUEST": "7", "PIPELINE": "smoke", "GH_TOKEN": "secret", "GH_REPO": "me/mine"} | environment
    return checkout.step(".ci/comment summary.md", GITHUB_API_URL=github.address, **given)


def test_a_comment_is_one_a_pipeline_brought_up_to_date_on_any_page_of_comments(
    checkout: Checkout, github: GitHub
) -> None:
    github.comments += [(f"comment {number}", "User") for number in range(150)]
    assert comment(checkout, github).returncode == 0
    (checkout.place / "summary.md").write_text('## again, `$(touch pwned)` "quoted"\n')
    ended = comment(checkout, github)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout == "https://example.org/150\n"
    mark = "<!-- isogloss pipeline smoke -->"
    assert github.comments[150:] == [(f'{mark}\n## again, `$(touch pwned)` "quoted"\n', "Bot")]
    assert github.tokens == {"Bearer secret"}
    assert not (checkout.place / "pwned").exists()


def test_a_comment_leaves_what_others_wrote(checkout: Checkout, github: GitHub) -> None:
    """Also other workflows of the same account, other pipelines, and a person who quotes the mark."""
    others = [
        ("<!-- coverage -->\n90 %", "Bot"),
        ("<!-- isogloss pipeline smoke-2 -->\n", "Bot"),
        ("<!-- isogloss pipeline smoke -->\nmine", "User"),
    ]
    github.comments += others
    assert comment(checkout, github).returncode == 0
    assert github.comments[:3] == others
    assert len(github.comments) == 4


def test_a_long_comment_is_cut_between_characters_and_says_so(checkout: Checkout, github: GitHub) -> None:
    (checkout.place / "summary.md").write_text("a" + "ä€" * 40_000)
    ended = comment(checkout, github)
    assert ended.returncode == 0, ended.stderr
    (body, _), *_ = github.comments
    assert body.startswith("<!-- isogloss pipeline smoke -->\na" + "ä€" * 29_999 + "ä\n\n… cut here")
    assert len(body) < 65_536


def test_a_refused_comment_says_what_github_said_and_which_right_is_missing(checkout: Checkout, github: GitHub) -> None:
    github.refusal = 403
    ended = comment(checkout, github)
    assert ended.returncode == 1
    assert "403 not with this token" in ended.stderr
    assert "pull-requests: write" in ended.stderr
    assert "secret" not in ended.stderr


@pytest.mark.parametrize("number", ["", "7; touch pwned", "$(touch pwned)", "-1", "7\n8"])
def test_a_comment_goes_to_a_number_alone(checkout: Checkout, github: GitHub, number: str) -> None:
    assert comment(checkout, github, PULL_REQUEST=number).returncode == 2
    assert github.comments == []
    assert not (checkout.place / "pwned").exists()


def test_a_comment_without_a_summary_says_so(checkout: Checkout, github: GitHub) -> None:
    (checkout.place / "summary.md").touch()
    ended = comment(checkout, github)
    assert ended.returncode == 2
    assert "no summary in 'summary.md'" in ended.stderr


@pytest.mark.parametrize(("open_", "verb"), [("", "create"), ("12", "comment")])
def test_the_alarm_opens_one_issue_and_adds_to_it(checkout: Checkout, open_: str, verb: str) -> None:
    (checkout.bin / "gh").write_text(STUB + f'[ "$2" != list ] || printf "%s" "{open_}"\n')
    ended = checkout.step('.ci/alarm "It drifted"', RUN_URL="https://example.org/1")
    assert ended.returncode == 0, ended.stderr
    asked, said = checkout.calls()
    assert asked[2:4] == ["issue", "list"]
    assert said[2:4] == ["issue", verb]
    assert ("It drifted" if verb == "create" else open_) in said


def test_versions_other_than_the_two_are_refused(checkout: Checkout) -> None:
    ended = checkout.step(".ci/versions oldest")
    assert ended.returncode == 2
    assert "lowest|latest" in ended.stderr
    assert checkout.files() == checkout.before


def test_an_override_is_a_setting_s_value_to_the_real_reader_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from isogloss.errors import UserError
    from isogloss.spec import load_spec

    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="name: string should match pattern"):
        load_spec(ROOT / "pipelines" / "smoke.yaml", ["name=x; touch pwned"])
    assert list(tmp_path.iterdir()) == []
