"""The workflows: actions pinned by digest, the least rights, and nothing that a person types in a command.

`make check` reads the same files with actionlint and zizmor.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
WORKFLOWS = {
    path.stem: yaml.safe_load(path.read_text(encoding="utf-8"))
    for path in sorted((ROOT / ".github" / "workflows").glob("*.yml"))
}
SETUP = yaml.safe_load((ROOT / ".github" / "actions" / "setup" / "action.yml").read_text(encoding="utf-8"))
JOBS = {(name, job): content for name, workflow in WORKFLOWS.items() for job, content in workflow["jobs"].items()}
STEPS: list[dict[str, Any]] = [*(step for job in JOBS.values() for step in job["steps"]), *SETUP["runs"]["steps"]]
#: Rights beyond reading, by workflow and job.
WRITES = {("pipeline", "comment"): "pull-requests", ("nightly", "alarm"): "issues"}


def test_actions_are_pinned_by_digest_in_one_version_or_are_the_project_s_setup() -> None:
    used = {step["uses"] for step in STEPS if "uses" in step} - {"./.github/actions/setup"}
    assert all(re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", action) for action in used)
    assert len({action.split("@")[0] for action in used}) == len(used)
    checkouts = [step for step in STEPS if step.get("uses", "").startswith("actions/checkout@")]
    assert all(step["with"] == {"persist-credentials": False} for step in checkouts)


def test_a_command_is_a_target_or_a_script_and_holds_no_expression() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
    targets |= (
        {'"$TARGET"'}
        if {row["target"] for row in JOBS["nightly", "versions"]["strategy"]["matrix"]["include"]} <= targets
        else set()
    )
    commands = [step["run"] for step in STEPS if "run" in step]
    assert commands
    for command in commands:
        assert "${{" not in command  # an expression in a command is text that the shell would read
        program, *arguments = command.split()
        assert set(arguments) <= targets if program == "make" else os.access(ROOT / program, os.X_OK), command


def test_rights_are_the_least() -> None:
    assert all(workflow["permissions"] == {"contents": "read"} for workflow in WORKFLOWS.values())
    for key, job in JOBS.items():
        assert job.get("permissions", {}) == ({"contents": "read", WRITES[key]: "write"} if key in WRITES else {}), key
        assert "timeout-minutes" in job, key


def test_a_pipeline_takes_the_same_inputs_by_hand_and_by_call() -> None:
    triggers = WORKFLOWS["pipeline"][True]  # YAML reads the key `on` as a truth value
    assert triggers["workflow_dispatch"]["inputs"] == triggers["workflow_call"]["inputs"]


def test_caches_are_keyed_by_the_lock_and_by_files_that_exist() -> None:
    python, model = SETUP["runs"]["steps"]
    assert "constraints.txt" in python["with"]["cache-dependency-path"].split()
    assert all((ROOT / name).is_file() for name in re.findall(r"'([^']+)'", model["with"]["key"]))
