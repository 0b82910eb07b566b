"""Files are whole or absent; a sealed folder says what is wrong with it."""

import os

import pytest

from isogloss.files import (
    MANIFEST,
    damage,
    digest_of,
    read_json,
    read_manifest,
    seal,
    sealed_folder,
    sha256_file,
    write_atomic,
    write_json,
)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_write_replaces_whole_and_makes_its_folder(tmp_path):
    path = tmp_path / "deep" / "er" / "f.txt"
    write_atomic(path, "첫째\n")
    write_atomic(path, b"second")
    assert path.read_bytes() == b"second"
    assert path.stat().st_mode & 0o777 == 0o644
    assert names(path.parent) == ["f.txt"]


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch, error):
    path = tmp_path / "f.txt"
    write_atomic(path, "old")

    def fail(_descriptor):
        raise error

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(type(error)):
        write_atomic(path, "new")
    assert path.read_text() == "old"
    assert names(tmp_path) == ["f.txt"]


def test_json_round_trip(tmp_path):
    value = {"ko": "하나", "list": [1, 2.5, None, True]}
    write_json(tmp_path / "v.json", value)
    assert read_json(tmp_path / "v.json") == value
    assert "하나" in (tmp_path / "v.json").read_text(encoding="utf-8")


def test_a_digest_is_of_the_value_not_of_the_order_of_keys():
    assert digest_of({"a": 1, "b": [1, 2]}) == digest_of({"b": [1, 2], "a": 1})
    assert digest_of([1, 2]) != digest_of([2, 1])
    assert digest_of({}) == "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"


def test_sha256_of_a_file(tmp_path):
    (tmp_path / "f").write_bytes(b"abc")
    assert sha256_file(tmp_path / "f") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


@pytest.fixture
def sealed(tmp_path):
    with sealed_folder(tmp_path / "sealed", stage="x") as aside:
        (aside / "in").mkdir()
        (aside / "in" / "a.txt").write_text("aaa")
        (aside / "in" / MANIFEST).write_text("a manifest further down is content")
        (aside / "b.txt").write_text("b")
    return tmp_path / "sealed"


def test_a_sealed_folder_is_whole_and_says_what_it_holds(sealed):
    assert damage(sealed) is None
    manifest = read_manifest(sealed)
    assert manifest["stage"] == "x"
    assert set(manifest["files"]) == {"b.txt", "in/a.txt", f"in/{MANIFEST}"}
    assert manifest["files"]["in/a.txt"]["size"] == 3
    assert names(sealed.parent) == ["sealed"]


def test_damage_is_named(sealed):
    (sealed / "b.txt").write_text("c")
    assert damage(sealed) == f"{sealed / 'b.txt'}: content differs from its sha256 in the manifest"
    assert damage(sealed, checksums=False) is None
    (sealed / "b.txt").write_text("bb")
    assert damage(sealed, checksums=False) == f"{sealed / 'b.txt'}: 2 bytes, manifest says 1"
    (sealed / "b.txt").unlink()
    assert damage(sealed) == f"{sealed / 'b.txt'}: missing"


@pytest.mark.parametrize("content", [None, "{", "[]", '{"files": 3}', '{"files": {"b.txt": 1}}', "\xff"])
def test_without_a_manifest_that_can_be_read_nothing_counts(sealed, content):
    (sealed / MANIFEST).unlink()
    if content is not None:
        (sealed / MANIFEST).write_text(content, encoding="latin-1")
    assert read_manifest(sealed) is None
    assert damage(sealed) == f"{sealed}: no readable {MANIFEST}"


def test_a_folder_that_fails_leaves_what_was_there(sealed):
    with pytest.raises(KeyboardInterrupt), sealed_folder(sealed) as aside:
        (aside / "new.txt").write_text("half")
        raise KeyboardInterrupt
    assert damage(sealed) is None
    assert names(sealed.parent) == ["sealed"]


def test_a_folder_made_again_takes_the_place_of_the_old(sealed):
    with sealed_folder(sealed, stage="y") as aside:
        (aside / "c.txt").write_text("c")
    assert names(sealed) == ["c.txt", MANIFEST]
    assert read_manifest(sealed)["stage"] == "y"
    assert names(sealed.parent) == ["sealed"]


def test_seal_twice_counts_the_manifest_never(tmp_path):
    (tmp_path / "a").write_text("a")
    assert seal(tmp_path) == seal(tmp_path)
