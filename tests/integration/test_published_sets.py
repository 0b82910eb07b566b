"""Published sets by name through the command line: listed, written as files, and a pipeline on a mirror of them."""

import json
from pathlib import Path

import pytest

from command_line import isogloss
from isogloss.cli.data import datasets
from isogloss.data.published.catalogue import SETS
from isogloss.data.rows import InstructionRow, ParallelRow, read_choices, read_rows
from isogloss.errors import UserError
from isogloss.pipeline.plan import make_plan
from isogloss.spec import load_spec
from published_rows import blend_choice, message, write_flores, write_global_mmlu, write_table
from small_data import small_items, write_jsonl
from tiny_models import make_tiny_model

pytestmark = pytest.mark.usefixtures("own_cache_and_store")


@pytest.fixture(scope="module")
def mirror(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mirror")
    write_global_mmlu(folder, test=20, dev=10)
    write_flores(folder)
    write_table(
        folder / "OpenAssistant/oasst1/data/train-0.parquet",
        [message("a", "How?"), message("a-1", "Like this.", parent="a", rank=0), message("b", "Why?")],
    )
    write_table(folder / "nayeon212/BLEnD/data/mc_questions_hf/mc_questions_file_v1.1.json", [blend_choice()])
    return folder


def test_the_sets_are_listed(tmp_path):
    ended = isogloss("datasets", "--json", cwd=tmp_path)
    assert ended.code == 0, ended.err
    assert [one["name"] for one in ended.json] == list(SETS)
    assert {one["name"] for one in ended.json if one["gated"]} == {"flores"}
    shown = isogloss("datasets", cwd=tmp_path).out
    assert all(one.repo in shown and one.revision in shown and one.licence in shown for one in SETS.values())


@pytest.mark.parametrize(
    ("name", "languages", "read", "rows"),
    [
        ("global-mmlu", "en,es", read_choices, 2 * (6 + 6 + 18)),
        ("blend", "es", read_choices, 1),
        ("flores", "en,ko", lambda paths: read_rows(paths, ParallelRow), 6),
        ("flores:devtest", "en,ko", lambda paths: read_rows(paths, ParallelRow), 6),
        ("openassistant", "en", lambda paths: read_rows(paths, InstructionRow), 1),
    ],
)
def test_each_becomes_a_file_of_the_project_s_format(mirror, tmp_path, name, languages, read, rows):
    options = ("--mirror", mirror, "--languages", languages, "--out", "set.jsonl", "--json")
    ended = isogloss("datasets", name, *options, cwd=tmp_path)
    assert ended.code == 0, ended.err
    table = read([tmp_path / "set.jsonl"])
    assert len(table.rows) == ended.json["rows"]
    assert table.notices == ()
    assert "next: isogloss run" in ended.err
    assert ended.json["files"]
    if name != "global-mmlu":
        assert len(table.rows) == rows


def test_rows_go_to_stdout_and_the_number_can_be_bounded(mirror, tmp_path):
    ended = isogloss(
        "datasets",
        "flores",
        "--mirror",
        mirror,
        "--split",
        "devtest",
        "--languages",
        "es,en",
        "--limit",
        2,
        cwd=tmp_path,
    )
    assert ended.code == 0, ended.err
    assert [json.loads(line)["id"] for line in ended.out.splitlines()] == ["flores-devtest-0000", "flores-devtest-0001"]
    assert not list(tmp_path.glob("*.jsonl"))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("flores", "split", "test"), "FLORES+ has no split 'test'"),
        (("global-mmlu", "languages", "en,xx"), "Global-MMLU has no 'xx'"),
        (("openassistant", "languages", "es"), "OpenAssistant Conversations is read in English (en)"),
        (("flores", "languages", ","), "--languages: name at least one"),
        (("flores", "mirror", Path("nowhere")), "mirror nowhere: no such folder"),
        (("flores",), "FLORES+ (openlanguagedata/flores_plus) is not whole in the Hugging Face cache"),
    ],
)
def test_what_is_wrong_is_said(tmp_path, monkeypatch, arguments, said):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.chdir(tmp_path)
    name, options = arguments[0], dict(zip(arguments[1::2], arguments[2::2], strict=True))
    with pytest.raises(UserError) as caught:
        datasets(name, **options)
    assert said in str(caught.value)


def test_an_unknown_name_ends_in_one_message(tmp_path):
    ended = isogloss("datasets", "globalmmlu", cwd=tmp_path)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith(
        "isogloss: 'globalmmlu' is no known data set (did you mean 'global-mmlu'?); there are global"
    )


def write_published_pipeline(folder, mirror, *, more=""):
    make_tiny_model("gemma3_text", folder / "tiny")
    items = [row for row in small_items() if row["axis"] == "localization"]
    write_jsonl(folder / "local.jsonl", items)
    (folder / "published.yaml").write_text(
        "name: published\nmodel: ./tiny\n"
        f"data: {{choices: [global-mmlu, local.jsonl], languages: [en, es, ko], mirror: '{mirror}', dev1: 4, dev2: 4, test: 4}}\n"
        "sweep: {layers: [2], en_gammas: [1.0], loc_gammas: [1.0], tolerance: 0.05}\n"
        f"compute: {{dtype: float32, threads: 1}}\nanalyses: {{run: []}}\n{more}"
    )


def test_a_pipeline_on_a_mirror_and_a_file(mirror, tmp_path):
    write_published_pipeline(tmp_path, mirror)
    ended = isogloss("run", "published.yaml", "--json", cwd=tmp_path)
    assert ended.code == 0, ended.err
    assert "global-mmlu: " not in ended.err, "nothing was left out"
    results = ended.json["results"]
    assert results["counts"]["transfer"] == results["counts"]["localization"] == 3 * 4
    (folder,) = (tmp_path / "mlruns" / "stages").glob("data-*")
    (source,) = json.loads((folder / "sources.json").read_text())
    assert (source["name"], source["repository"], source["revision"]) == ("global-mmlu", "CohereLabs/Global-MMLU", None)
    assert len(source["files"]) == 6
    items = read_choices([folder / "choices.jsonl"]).rows
    assert {item.label for item in items if item.axis == "transfer"} == {"CS", "CA", None}
    again = isogloss("run", "published.yaml", "--json", cwd=tmp_path)
    assert again.json["ran"] == []


def test_the_stage_follows_what_the_mirror_holds(tmp_path, monkeypatch):
    mirror = tmp_path / "mirror"
    write_global_mmlu(mirror, test=20, dev=10)
    write_published_pipeline(tmp_path, mirror)
    monkeypatch.chdir(tmp_path)

    def key(*overrides):
        return make_plan(load_spec(Path("published.yaml"), overrides), tmp_path).step("data").key

    before = key()
    mirror.rename(tmp_path / "moved")
    assert key("data.mirror=moved") == before
    assert key("data.mirror=moved", "data.splits=paper") != before
    write_global_mmlu(tmp_path / "moved", test=21, dev=10)
    assert key("data.mirror=moved") != before


def test_corpora_by_name(mirror, tmp_path):
    rows = [{"id": "mine", "prompt": {"en": "How?", "es": "¿Cómo?"}, "response": {"en": "So.", "es": "Así."}}]
    write_jsonl(tmp_path / "mine.jsonl", rows)
    write_published_pipeline(
        tmp_path,
        mirror,
        more="align: {methods: [midalign], instructions: [mine.jsonl], parallel: [flores, 'flores:devtest']}\n",
    )
    ended = isogloss("run", "published.yaml", "--until", "corpus", "--json", cwd=tmp_path)
    assert ended.code == 0, ended.err
    (folder,) = (tmp_path / "mlruns" / "stages").glob("corpus-*")
    parallel = read_rows([folder / "parallel.jsonl"], ParallelRow).rows
    assert [row.id for row in parallel] == [f"flores-{split}-{n:04d}" for split in ("dev", "devtest") for n in range(6)]
    assert [one["name"] for one in json.loads((folder / "sources.json").read_text())] == ["flores", "flores:devtest"]


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("data.choices=[blend]", "localize: is missing; `blend` in data.choices needs it"),
        ("data.choices=[global-mmlo]", "no such file: global-mmlo (did you mean 'global-mmlu'?)"),
        ("data.languages=[en,el]", "Global-MMLU: no file for el in "),
        ("data.mirror=nowhere", "mirror nowhere: no such folder"),
        ("data.revisions={globalmmlu: main}", "data.revisions: 'globalmmlu' is no published set"),
        ("data.splits=items", "data.splits: input should be 'question' or 'paper'"),
    ],
)
def test_what_is_wrong_is_said_before_anything_runs(mirror, tmp_path, monkeypatch, setting, said):
    write_published_pipeline(tmp_path, mirror)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError) as caught:
        make_plan(load_spec(Path("published.yaml"), [setting]), tmp_path)
    assert said in str(caught.value)
    assert not (tmp_path / "mlruns").exists()


def test_the_paper_s_splits_by_name(mirror, tmp_path):
    write_published_pipeline(tmp_path, mirror)
    items = [row | {"group": "one", "split": "test"} for row in small_items(groups=10) if row["axis"] == "localization"]
    write_jsonl(tmp_path / "local.jsonl", items)
    ended = isogloss("run", "published.yaml", "--until", "data", "--set", "data.splits=paper", "--json", cwd=tmp_path)
    assert ended.code == 0, ended.err
    (folder,) = (tmp_path / "mlruns" / "stages").glob("data-*")
    local = [item for item in read_choices([folder / "choices.jsonl"]).rows if item.axis == "localization"]
    counts = {
        split: sum(item.split == split and item.language == "ko" for item in local)
        for split in ("dev1", "dev2", "test")
    }
    assert counts == {"dev1": 4, "dev2": 4, "test": 4}, "six, six and eighteen, bounded"
