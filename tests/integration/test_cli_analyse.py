"""`isogloss analyse` on tiny models: what it leaves, and what it says where little can be given. Mechanics only."""

import json

import numpy as np
import pytest

from command_line import isogloss
from small_data import small_items, write_jsonl
from tiny_models import NUM_LAYERS, make_tiny_model


@pytest.fixture(scope="module", autouse=True)
def _cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ISOGLOSS_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return make_tiny_model("llama", tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture
def here(tmp_path):
    write_jsonl(tmp_path / "items.jsonl", small_items())
    return tmp_path


def analyse(here, model, *rest):
    return isogloss("analyse", model, "items.jsonl", "--out", "found", *rest, cwd=here)


def numbers(here):
    return json.loads((here / "found" / "geometry.json").read_text(encoding="utf-8"))


def test_everything_is_made_of_a_steered_model(here, model):
    for kind in ("en", "loc"):
        assert isogloss("vectors", model, "items.jsonl", "--kind", kind, "--out", kind, cwd=here).code == 0
    ended = analyse(here, model, "--vectors", "en", "--layer", "2", "--vectors", "loc", "--layer", "3", "--json")
    assert ended.code == 0, ended.err
    assert set(ended.json) == {"model", "model_digest", "findings", "missing"}
    found = numbers(here)
    for name in ("retrieval", "agreement"):
        assert [one["panel"]["condition"] for one in found[name]] == ["none", "en", "loc", "sur"]
    assert found["perpendicularity"][0]["by_language"]["es"]["layers"] == [1, 2, 3, 4]
    assert np.load(here / "found" / "coordinates.npy").shape == (4, NUM_LAYERS, 90, 2)
    page = (here / "found" / "analyses.html").read_text(encoding="utf-8")
    for figure in ("pca", "convergence", "retrieval", "perpendicularity", "agreement"):
        assert f'id="figure-{figure}"' in page
        assert list((here / "found" / "figures").glob(f"{figure}*.png"))
    # What was captured is left for other tools.
    assert (here / "found" / "states" / "items" / "states.json").is_file()


def test_one_analysis_may_be_asked_for(here, model):
    ended = analyse(here, model, "--only", "retrieval")
    assert ended.code == 0, ended.err
    assert "pca: not asked for" in ended.err.lower()
    found = numbers(here)
    assert found["retrieval"]
    assert found["agreement"] == found["convergence"] == []
    assert found["pca"] is None


def test_one_language_gives_what_it_can(here, model):
    write_jsonl(here / "items.jsonl", [row for row in small_items() if row["language"] == "es"])
    ended = analyse(here, model)
    assert ended.code == 0, ended.err
    assert "Traceback" not in ended.err
    assert "perpendicularity" in ended.err.lower()
    assert numbers(here)["pca"]["rows"]


def test_three_items_give_what_they_can(here, model):
    write_jsonl(
        here / "items.jsonl", [row for row in small_items(groups=1, splits=("test",)) if row["axis"] == "transfer"]
    )
    ended = analyse(here, model)
    assert ended.code == 0, ended.err
    assert "perpendicularity" in ended.err.lower()


@pytest.mark.parametrize(
    ("rest", "words"),
    [
        (("--only", "pac"), ("--only pac", "did you mean 'pca'?")),
        (("--parallel", "none.jsonl"), ("--parallel", "none.jsonl")),
        (("--items", "1"), ("--items",)),
        (("--vectors", "en"), ("--layer",)),
    ],
)
def test_bad_input_is_one_sentence_and_leaves_nothing(here, model, rest, words):
    ended = analyse(here, model, *rest)
    assert ended.code == 2
    assert all(word in ended.err for word in words), ended.err
    assert not (here / "found").exists()


def test_a_folder_that_holds_something_is_left_alone(here, model):
    (here / "found").mkdir()
    (here / "found" / "mine.txt").write_text("mine")
    ended = analyse(here, model)
    assert (ended.code, "is there already" in ended.err) == (2, True)
    assert [path.name for path in (here / "found").iterdir()] == ["mine.txt"]
