"""Sets on the Hub: what is fetched, kept and looked up, and what a person is told. The Hub is one on this machine."""

import errno
import json
import shutil

import pytest

from isogloss.data.published import source
from isogloss.data.published.catalogue import GLOBAL_MMLU, SETS
from isogloss.data.published.load import identity_of, load_global_mmlu
from isogloss.data.published.source import MIRROR
from isogloss.errors import UserError
from published_rows import COMMIT, write_global_mmlu
from small_hub import small_hub

PINNED = GLOBAL_MMLU.revision


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder to run in, with a cache of its own and no mirror."""
    from huggingface_hub import constants

    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(MIRROR, raising=False)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path


@pytest.fixture
def served(here, monkeypatch):
    """The pinned commit of a small Global-MMLU."""
    from huggingface_hub import constants

    folder = write_global_mmlu(here / "origin")
    with small_hub(folder, repo=GLOBAL_MMLU.repo, commit=PINNED) as server:
        template = constants.HUGGINGFACE_CO_URL_TEMPLATE.replace(constants.ENDPOINT, server.url)
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(constants, "ENDPOINT", server.url)
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        yield server


@pytest.fixture
def gone(monkeypatch):
    """The connection is cut."""
    from huggingface_hub import constants

    def cut():
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)

    return cut


def fetched_files(server):
    return sorted({path.rpartition(f"/{PINNED}/")[2] for path in server.asked if "/resolve/" in path})


def test_only_the_files_of_the_languages_are_fetched_and_kept(served, gone):
    loaded = load_global_mmlu(["en", "es"])
    assert len(loaded.rows) == 2 * 16
    assert loaded.files.revision == PINNED
    names = [f"{language}/{split}-00000-of-00001.parquet" for language in ("en", "es") for split in ("dev", "test")]
    assert fetched_files(served) == names
    served.asked.clear()
    load_global_mmlu(["en", "es"])
    assert fetched_files(served) == []
    gone()
    assert load_global_mmlu(["en", "es"]).rows == loaded.rows
    with pytest.raises(
        UserError, match=r"not whole in the Hugging Face cache, and the Hub cannot be reached \(HF_HUB_OFF"
    ):
        load_global_mmlu(["ko"])


def test_a_pinned_commit_is_known_without_the_hub(here):
    assert identity_of("global-mmlu", ["en"]) == {"name": "global-mmlu", "set": "global-mmlu", "revision": PINNED}
    assert not (here / "mlruns").exists()
    assert [name for name, one in SETS.items() if not source.is_commit(one.revision)] == ["blend"]


def test_a_branch_is_looked_up_once_and_kept(served, here, gone):
    assert load_global_mmlu(["en"], revision="main").files.revision == PINNED
    assert json.loads((here / source.LOCK).read_text()) == {f"{GLOBAL_MMLU.repo}@main": PINNED}
    served.asked.clear()
    assert load_global_mmlu(["en"], revision="main").files.revision == PINNED
    assert not [path for path in served.asked if "main" in path]
    gone()
    assert identity_of("global-mmlu", ["en"], revision="main")["revision"] == PINNED


def test_a_branch_that_was_never_looked_up_is_not_known_offline(here):
    assert identity_of("global-mmlu", ["en"], revision="main")["revision"] is None
    with pytest.raises(UserError, match="--revision main --local-dir"):
        load_global_mmlu(["en"], revision="main")


def test_a_lock_that_is_none_is_told(here):
    source.LOCK.parent.mkdir()
    source.LOCK.write_text('{"CohereLabs/Global-MMLU@main": "soon"}')
    with pytest.raises(UserError, match=r"datasets.lock.json: is no record of data sets' revisions"):
        identity_of("global-mmlu", ["en"], revision="main")


def test_a_gated_set_says_what_to_accept(served):
    served.gated = True
    with pytest.raises(UserError) as caught:
        load_global_mmlu(["en"])
    said = str(caught.value)
    assert f"is gated: accept its terms at {GLOBAL_MMLU.page}, then log in (hf auth login)" in said
    assert (
        f"hf download {GLOBAL_MMLU.repo} --repo-type dataset --revision {PINNED} --local-dir DIR/{GLOBAL_MMLU.repo}"
        in said
    )


def test_a_revision_and_a_set_that_are_not_there(served):
    with pytest.raises(UserError, match=f"has no revision '{COMMIT}'; {PINNED} is the one"):
        load_global_mmlu(["en"], revision=COMMIT)
    served.repo = "another/set"
    with pytest.raises(UserError, match=r"is not at https://.*, or is private: log in \(hf auth login\)"):
        load_global_mmlu(["en"])


def test_a_language_that_the_commit_does_not_have(served):
    with pytest.raises(UserError, match="no file for id in https"):
        load_global_mmlu(["en", "id"])
    assert fetched_files(served) == []


def test_too_little_disk_is_said_before_anything_is_fetched(served, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10, 9, 1))
    with pytest.raises(UserError, match=r"needs .* MB more in .*, and 0 MB are free. Free some, or set HF_HOME"):
        load_global_mmlu(["en"])
    assert fetched_files(served) == []


def test_a_disk_that_fills_meanwhile(served, monkeypatch):
    import huggingface_hub

    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", full)
    with pytest.raises(UserError, match="the disk of the Hugging Face cache is full"):
        load_global_mmlu(["en"])


def test_the_environment_names_a_mirror(here, monkeypatch):
    write_global_mmlu(here / "mirror", languages=("en",))
    monkeypatch.setenv(MIRROR, "mirror")
    assert load_global_mmlu(["en"]).files.folder == here.__class__("mirror") / GLOBAL_MMLU.repo
    monkeypatch.setenv(MIRROR, "nowhere")
    with pytest.raises(UserError, match=r"mirror nowhere \(ISOGLOSS_MIRROR\): no such folder"):
        load_global_mmlu(["en"])


def test_a_file_s_name_is_fetched_as_it_is():
    assert source._literal("a[1]*.json") == "a[[]1][*].json"


@pytest.mark.parametrize("later", [False, True])
def test_a_connection_that_breaks_off_leaves_no_half_of_a_set(served, gone, monkeypatch, later):
    """Neither then nor in a later run without a connection; the same command goes on where it stopped."""
    import huggingface_hub

    fetch = huggingface_hub.snapshot_download

    def broken(*arguments, allow_patterns, **options):
        fetch(*arguments, allow_patterns=allow_patterns[:-1], **options)
        raise ConnectionError("reset by peer")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", broken)
    with pytest.raises(UserError, match="Run the same command again where there is a connection: what was fetched is"):
        load_global_mmlu(["en", "es"])
    monkeypatch.setattr(huggingface_hub, "snapshot_download", fetch)
    if later:
        gone()
        with pytest.raises(UserError, match="is not whole in the Hugging Face cache"):
            load_global_mmlu(["en", "es"])
        assert len(load_global_mmlu(["en"]).rows) == 16, "what is whole is read"
        return
    served.asked.clear()
    assert len(load_global_mmlu(["en", "es"]).rows) == 2 * 16
    assert len(fetched_files(served)) == 1


def test_a_cache_that_cannot_be_written(served, monkeypatch):
    import huggingface_hub

    def refused(*_, **__):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", refused)
    with pytest.raises(UserError, match=r"cannot be written \(Permission denied\); make it writable, or set HF_HOME"):
        load_global_mmlu(["en"])


def test_a_file_that_is_cut_off_is_no_bug_here(served, monkeypatch):
    import huggingface_hub

    def short(*_, **__):
        raise OSError("Consistency check failed: file should be of size 9 but has size 4")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", short)
    with pytest.raises(
        UserError, match=r"Hub cannot be reached, or sends files that are cut off\. Run the same command"
    ):
        load_global_mmlu(["en"])


def test_a_damaged_file_of_the_cache_is_fetched_into_the_cache(served):
    path = load_global_mmlu(["en"]).files.paths[0]
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(UserError, match=f"--revision {PINNED} --force-download$"):
        load_global_mmlu(["en"])
