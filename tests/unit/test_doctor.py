"""What `isogloss doctor` finds in a container: folders of someone else, packages that are missing, and no long reading."""

from __future__ import annotations

import importlib.metadata
import json
from pathlib import Path

import pytest
import typer

from isogloss.cli import doctor
from isogloss.files import seal


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ISOGLOSS_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


def found(capsys: pytest.CaptureFixture[str], *, quick: bool = True) -> tuple[int, dict[str, str]]:
    """The exit code, and what was found that is wrong, by what it says, with how to mend it."""
    with pytest.raises(typer.Exit) as end:
        doctor.doctor(as_json=True, quick=quick)
    findings = json.loads(capsys.readouterr().out)["findings"]
    return end.value.exit_code, {one["what"]: one["how_to_mend"] for one in findings if one["severity"] == "error"}


def test_a_volume_of_someone_else_is_an_error_that_names_the_user(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mlruns").mkdir()
    assert found(capsys) == (0, {})
    monkeypatch.setattr(doctor.os, "access", lambda place, mode: Path(place) != tmp_path / "mlruns")
    monkeypatch.setattr(doctor.os, "getuid", lambda: 1000)
    code, wrong = found(capsys)
    assert code == 2
    ((what, mend),) = wrong.items()
    assert what.startswith(f"{tmp_path / 'mlruns'}: results cannot be written")
    assert "chown -R 1000:" in mend


def test_every_package_that_isogloss_asks_for_is_looked_for(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = ["numpy>=2", "no-such-package>=1", 'other-missing; extra == "dev"', "pkg-of_dots.x (>=1)"]
    monkeypatch.setattr(importlib.metadata, "requires", lambda name: asked)
    code, wrong = found(capsys)
    assert code == 2
    assert list(wrong) == ["no-such-package is not installed", "pkg-of_dots.x is not installed"]


def test_quick_compares_sizes_and_the_whole_check_contents(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stage = tmp_path / "mlruns" / "stages" / "data-0123456789abcdef"
    stage.mkdir(parents=True)
    (stage / "choices.jsonl").write_text("abc")
    seal(stage)
    (stage / "choices.jsonl").write_text("abd")

    def damaged(quick: bool) -> bool:
        with pytest.raises(typer.Exit):
            doctor.doctor(quick=quick)
        return "damaged stage" in capsys.readouterr().out

    assert damaged(quick=False)
    assert not damaged(quick=True)
    (stage / "choices.jsonl").write_text("abcd")
    assert damaged(quick=True)
