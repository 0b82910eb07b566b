"""The command line starts at once: nothing heavy is imported for `--help`, `--version` or a typing mistake."""

import json
import os
import subprocess
import sys

import pytest

HEAVY = (
    "torch",
    "transformers",
    "mlflow",
    "optuna",
    "matplotlib",
    "scipy",
    "pandas",
    "sqlalchemy",
    "evaluate",
    "numpy",
    "altair",
    "rich",
)

SCRIPT = """
import json, sys
sys.argv = ["isogloss", *json.loads(sys.argv[1])]
from isogloss.cli import main
try:
    main()
except SystemExit as end:
    print(json.dumps([end.code, sorted(name for name in sys.modules if "." not in name)]), file=sys.stderr)
"""


def loaded(*arguments):
    """Exit code, stdout, and the top-level modules imported by a command."""
    ended = subprocess.run(
        [sys.executable, "-c", SCRIPT, json.dumps(arguments)], capture_output=True, text=True, check=True, timeout=60
    )
    code, modules = json.loads(ended.stderr.splitlines()[-1])
    return code, ended.stdout, set(modules)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--help"], 0),
        (["--version"], 0),
        (["run", "--help"], 0),
        (["evaluate", "--help"], 0),
        ([], 2),
        (["evalute"], 2),
        (["evaluate", "embedded", "f.jsonl", "--split", "train"], 2),
    ],
)
def test_nothing_heavy_is_imported(arguments, code):
    ended, out, modules = loaded(*arguments)
    assert ended == code
    assert modules.isdisjoint(HEAVY)
    assert out or code


def test_importing_the_package_is_light():
    script = "import sys, isogloss, isogloss.cli, isogloss.spec, isogloss.files; print(*sys.modules)"
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert set(ended.stdout.split()).isdisjoint(HEAVY)


def test_help_takes_well_under_a_second():
    """Processor time of the child, which other work on the machine does not lengthen."""
    before = os.times()
    subprocess.run(
        [sys.executable, "-c", "from isogloss.cli import main; main()", "--help"], check=True, capture_output=True
    )
    after = os.times()
    assert after.children_user + after.children_system - before.children_user - before.children_system < 1


def test_help_names_every_verb_and_the_exit_codes():
    _, out, _ = loaded("--help")
    for word in ("run", "plan", "status", "evaluate", "vectors", "ui", "doctor"):
        assert f"  {word} " in out
    for words in ("0 done", "1 a bug", "2 your input", "3 refused", "4 interrupted"):
        assert words in " ".join(out.split())


def test_a_mistyped_verb_is_suggested():
    ended = subprocess.run(
        [sys.executable, "-c", "from isogloss.cli import main; main()", "evalute"], capture_output=True, text=True
    )
    assert ended.returncode == 2
    assert "evaluate" in ended.stderr
    assert "Traceback" not in ended.stderr
