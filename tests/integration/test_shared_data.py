"""Choices of another origin, in six languages, through the command line. The data is not part of the project."""

import json
from pathlib import Path

import pytest

from command_line import isogloss
from isogloss.data.rows import ParallelRow, read_choices, read_rows
from isogloss.steering.vectors import SteeringVectors
from small_align import write_align_pipeline
from tiny_models import make_tiny_model

SHARED = Path(__file__).parents[2] / ".." / "shared" / "data"
BLEND = SHARED / "blend_choices.jsonl"

pytestmark = pytest.mark.skipif(not BLEND.exists(), reason="needs ../shared/data, everyday-culture questions (BLEnD)")

LANGUAGES = {"es", "id", "ko", "el", "zh", "ar"}


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.setenv("ISOGLOSS_CACHE", str(tmp_path / "cache"))
    make_tiny_model("gemma3_text", tmp_path / "model")
    return tmp_path


def test_every_row_is_read():
    table = read_choices([BLEND])
    assert len(table.rows) == 1393
    assert {row.language for row in table.rows} == LANGUAGES
    assert all(row.context_question and row.option_regions for row in table.rows)


@pytest.mark.parametrize("name", ["flores_parallel.jsonl", "ntrex_parallel.jsonl"])
def test_parallel_sentences_are_read(name):
    table = read_rows([SHARED / name], ParallelRow)
    assert all(set(row.text) == LANGUAGES | {"en"} for row in table.rows)


@pytest.mark.parametrize("scoring", ["cloze", "letter"])
def test_evaluate_in_every_language(here, scoring):
    ended = isogloss("evaluate", "./model", BLEND, "--split", "dev2", "--scoring", scoring, "--json", cwd=here)
    assert ended.code == 0, ended.err
    rows = ended.json["results"]
    assert {row["language"] for row in rows} == LANGUAGES
    assert {row["axis"] for row in rows} == {"localization"}
    expected = sum(row.split == "dev2" for row in read_choices([BLEND]).rows)
    assert sum(row["n"] for row in rows) == expected == ended.json["macro"]["localization"]["n"]
    assert all(row["groups"] < row["n"] for row in rows)
    assert ended.json["macro"]["localization"]["english_bias_n"] > 0


def test_vectors_from_them_steer(here):
    ended = isogloss(
        "vectors", "./model", BLEND, "--kind", "loc", "--split", "dev1", "--pairs", 20, "--out", "v", cwd=here
    )
    assert ended.code == 0, ended.err
    vectors = SteeringVectors.load(here / "v")
    assert set(vectors.languages) == LANGUAGES
    assert max(vectors.header.pairs.values()) <= 20
    steered = isogloss(
        "evaluate", "./model", BLEND, "--split", "dev2", "--vectors", "v", "--layer", 3, "--context", "--json", cwd=here
    )
    assert steered.code == 0, steered.err


def test_they_have_no_english_twins_to_take_en_vectors_from(here):
    ended = isogloss("vectors", "./model", BLEND, "--kind", "en", "--out", "v", cwd=here)
    assert ended.code == 2
    assert "items that share their `group` with an English item" in ended.err
    assert not (here / "v").exists()


@pytest.mark.parametrize(
    "name", ["flores_parallel.jsonl", pytest.param("ntrex_parallel.jsonl", marks=pytest.mark.slow)]
)
def test_midalign_on_real_sentences(here, name):
    write_align_pipeline(here, here / "model", methods=("midalign",), steps=2)
    settings = [f"align.parallel=[{(SHARED / name).resolve()}]", "align.train.max_length=96"]
    ended = isogloss(
        "run", "small.yaml", "--until", "align", "--json", *(x for one in settings for x in ("--set", one)), cwd=here
    )
    assert ended.code == 0, ended.err
    (log,) = (here / "mlruns" / "stages").glob("align-midalign-*/log.jsonl")
    parts = [json.loads(line)["parts"] for line in log.read_text(encoding="utf-8").splitlines()]
    assert [sorted(part) for part in parts] == [["sft"], ["alignment"]]
    (decisions,) = (here / "mlruns" / "stages").glob("align-midalign-*/decisions.json")
    dropped = [one for one in json.loads(decisions.read_text(encoding="utf-8")) if "96" in one["what"]]
    assert dropped, "long sentences are counted, not lost in silence"
    assert f"midalign: {dropped[0]['count']} of" in ended.err
