"""`isogloss evaluate` and `isogloss vectors` on tiny models: what they print, what they refuse, and with which code."""

import json
import shutil
import signal

import pytest

from command_line import isogloss, start
from isogloss.results.scores import Scores
from isogloss.steering.vectors import SteeringVectors
from small_data import item, small_items, write_jsonl
from tiny_models import FAMILIES, NUM_LAYERS, make_tiny_model


@pytest.fixture(scope="module", autouse=True)
def _cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ISOGLOSS_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    return {family: make_tiny_model(family, folder / family) for family in FAMILIES}


@pytest.fixture(scope="module")
def model(models):
    return models["llama"]


@pytest.fixture
def here(tmp_path):
    write_jsonl(tmp_path / "items.jsonl", small_items())
    return tmp_path


def evaluate(here, model, *rest):
    return isogloss("evaluate", model, *rest, cwd=here)


def refused(ended, *words, code=2):
    """Ended with `code`, one message with all `words`, no traceback, nothing on stdout."""
    assert ended.code == code, ended.err
    for word in words:
        assert word in ended.err
    assert "Traceback" not in ended.err
    assert ended.out == ""
    return ended


def test_the_json_is_stable(here, model):
    said = evaluate(here, model, "items.jsonl", "--json").json
    assert set(said) == {"model", "model_digest", "scoring", "results", "macro"}
    assert said["model"] == str(model)
    assert [(row["axis"], row["language"]) for row in said["results"]] == [
        (axis, language) for axis in ("transfer", "localization") for language in ("en", "es", "ko")
    ]
    for row in (*said["results"], *said["macro"].values()):
        numbers = {"n", "groups", "accuracy", "low", "high", "english_bias", "english_bias_n"}
        assert set(row) - {"axis", "language"} == numbers
        assert 0 <= row["low"] <= row["accuracy"] <= row["high"] <= 1
    assert {row["n"] for row in said["results"]} == {15}
    assert said["macro"]["transfer"]["n"] == 30
    by = {(row["axis"], row["language"]): row for row in said["results"]}
    assert by["localization", "ko"]["english_bias_n"] > 0
    assert by["localization", "en"]["english_bias"] is None
    assert by["transfer", "ko"]["english_bias"] is None
    own = [by["transfer", language]["accuracy"] for language in ("es", "ko")]
    assert said["macro"]["transfer"]["accuracy"] == pytest.approx(sum(own) / 2)


def test_the_table_shows_every_language_and_the_macro_mean(here, model):
    ended = evaluate(here, model, "items.jsonl")
    assert ended.code == 0
    lines = [line for line in ended.out.splitlines() if "│" in line]
    assert [line.split()[3] for line in lines if "│ transfer" in line] == ["en", "es", "ko", "macro"]
    assert "English bias" in ended.out
    assert ended.err == "isogloss: scoring: 90 done in 0 s\n"


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("scoring", ["cloze", "letter"])
def test_every_family_scores(here, models, family, scoring):
    said = evaluate(here, models[family], "items.jsonl", "--json", "--scoring", scoring, "--split", "test").json
    assert {row["n"] for row in said["results"]} == {5}


def test_item_scores_are_kept_and_speed_does_not_change_them(here, model):
    for name, budget in (("small", 1), ("large", 4096)):
        ended = evaluate(here, model, "items.jsonl", "--out", f"{name}.jsonl", "--token-budget", budget)
        assert ended.code == 0
        assert f"item scores are in {name}.jsonl" in ended.err
    small, large = (Scores.load(here / f"{name}.jsonl") for name in ("small", "large"))
    assert [one.id for one in small] == [row["id"] for row in small_items()]
    assert [one.picked for one in small] == [one.picked for one in large]


def test_out_replaces_a_file_whole_and_refuses_what_cannot_be_one(here, model):
    (here / "old.jsonl").write_text("old")
    assert evaluate(here, model, "items.jsonl", "--out", "old.jsonl").code == 0
    assert len(Scores.load(here / "old.jsonl")) == 90
    (here / "folder").mkdir()
    refused(evaluate(here, model, "items.jsonl", "--out", "folder"), "--out folder: is a folder; name a file")
    refused(evaluate(here, model, "items.jsonl", "--out", "none/x"), "--out none/x: there is no folder")


def test_several_files_are_one_set(here, model):
    rows = small_items()
    write_jsonl(here / "one.jsonl", rows[:40])
    write_jsonl(here / "two.jsonl", rows[40:])
    together = evaluate(here, model, "one.jsonl", "two.jsonl", "--json").json
    assert together == evaluate(here, model, "items.jsonl", "--json").json
    refused(evaluate(here, model, "one.jsonl", "one.jsonl"), "one.jsonl:1: id: ", "already stands at one.jsonl:1")


ODD = {
    "only case differs": item(id="case", options=["Polish", "polish", "POLISH"]),
    "prefixes": item(id="prefix", options=["1", "12", "123", "1234"]),
    "26 options": item(id="many", options=[f"option {n}" for n in range(26)], answer=25),
    "long options": item(id="long", options=["a " * 60, "b"]),
    "signs": item(id="signs", question="<bos> <eos>\n\n\t�", options=["<pad>", "\n"[:0] + "—"]),
    "one of its language": item(id="one", language="el", question="Πού;", options=["εδώ", "εκεί"]),
    "a language without an answer word": item(id="sv", language="sv", question="Var?", options=["här", "där"]),
}


@pytest.mark.parametrize("scoring", ["cloze", "letter"])
def test_odd_items_are_scored(here, models, scoring):
    rows = list(ODD.values())
    write_jsonl(here / "odd.jsonl", rows)
    ended = evaluate(here, models["gemma3_text"], "odd.jsonl", "--json", "--scoring", scoring, "--out", "s.jsonl")
    assert ended.code == 0, ended.err
    by_language = {row["language"]: row for row in ended.json["results"]}
    assert (by_language["el"]["n"], by_language["el"]["low"], by_language["el"]["high"]) == (1, None, None)
    scores = {one.id: one.option_scores for one in Scores.load(here / "s.jsonl")}
    assert [len(scores[row["id"]]) for row in rows] == [len(row["options"]) for row in rows]
    assert len(set(scores["case"])) == 3
    assert len(set(scores["prefix"])) == 4


def test_one_group_only_has_no_interval(here, model):
    write_jsonl(here / "one.jsonl", [item(id=str(n)) for n in range(4)])
    ended = evaluate(here, model, "one.jsonl", "--json")
    (row,) = ended.json["results"]
    assert (row["n"], row["groups"], row["low"], row["high"]) == (4, 1, None, None)
    assert "–" in evaluate(here, model, "one.jsonl").out


def test_english_alone_has_no_macro_mean(here, model):
    write_jsonl(here / "en.jsonl", [row for row in small_items() if row["language"] == "en"])
    ended = evaluate(here, model, "en.jsonl", "--json")
    assert ended.json["macro"] == {}
    assert evaluate(here, model, "en.jsonl").code == 0


def test_windows_files_are_read(here, model):
    text = (here / "items.jsonl").read_text(encoding="utf-8")
    (here / "win.jsonl").write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    assert evaluate(here, model, "win.jsonl", "--json").json == evaluate(here, model, "items.jsonl", "--json").json


def test_the_contextual_twins(here, model):
    ended = evaluate(here, model, "items.jsonl", "--context", "--json")
    assert "45 of 90 items have no context_question and are left out" in ended.err
    assert {row["axis"] for row in ended.json["results"]} == {"localization"}
    plain = evaluate(here, model, "items.jsonl", "--out", "plain.jsonl")
    twins = evaluate(here, model, "items.jsonl", "--context", "--out", "twins.jsonl")
    assert plain.code == twins.code == 0
    before = {one.id: one.option_scores for one in Scores.load(here / "plain.jsonl")}
    assert all(one.option_scores != before[one.id] for one in Scores.load(here / "twins.jsonl"))
    write_jsonl(here / "none.jsonl", [item()])
    refused(evaluate(here, model, "none.jsonl", "--context"), "--context: no item has a context_question")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "f.jsonl: holds no rows"),
        (b"{\n[]\n", "f.jsonl:2: line: a JSON object is needed, this is a list\n2 problems; nothing was read."),
        (json.dumps(item(answer="0")).encode(), 'f.jsonl:1: answer: input should be a valid integer, not "0"'),
        (json.dumps(item(options=["x"] * 1000)).encode(), "f.jsonl:1: options: has 1000 entries"),
        (json.dumps(item(language="kor")).encode(), "'kor' is not an ISO 639-1 language code"),
        (b'{"id": ' + b"[" * 200_000, "f.jsonl:1: line: nested too deeply"),
        (b"\xff\xfe", "f.jsonl:1: line: not UTF-8"),
        (b'{"id": "1", "text": {"en": "a"}}', "f.jsonl looks like a parallel file."),
    ],
)
def test_broken_files_end_in_2_before_a_model_is_loaded(here, content, said):
    (here / "f.jsonl").write_bytes(content)
    ended = refused(evaluate(here, "./no-model", "f.jsonl"), said)
    assert "no-model" not in ended.err


def test_what_is_no_file(here, model):
    refused(evaluate(here, model, "none.jsonl"), "none.jsonl: no such file")
    refused(evaluate(here, model, "."), "cannot be read (Is a directory); a JSONL file is needed")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--split", "train"], ["'train'", "dev1", "test"]),
        (["--scoring", "mcq"], ["'mcq'", "cloze", "letter"]),
        (["--dtype", "float16"], ["'float16'", "bfloat16"]),
        (["--device", "cuda:9"], ["device 'cuda:9'"]),
        (["--device", "meta"], ["device 'meta' computes nothing"]),
        (["--device", "tpu"], ["device 'tpu' is not known"]),
        (["--token-budget", "0"], ["token-budget"]),
        (["--layer", "2"], ["0 --vectors and 1 --layer"]),
        (["--gamma", "2"], ["0 --vectors and 1 --gamma"]),
        (["--vectors", "nowhere", "--layer", "2"], ["nowhere: no steering vectors there"]),
    ],
)
def test_wrong_options_end_in_2(here, model, arguments, words):
    refused(evaluate(here, model, "items.jsonl", *arguments), *words)


def test_a_split_without_items(here, model):
    write_jsonl(here / "f.jsonl", [item()])
    refused(evaluate(here, model, "f.jsonl", "--split", "dev1"), "no item is in that split; the data has test")


def test_models_that_are_none(here, model):
    refused(evaluate(here, "./nowhere", "items.jsonl"), "nowhere")
    refused(evaluate(here, "embeded", "items.jsonl"), "did you mean 'embedded'")
    damaged = here / "damaged"
    shutil.copytree(model, damaged)
    (damaged / "model.safetensors").write_bytes(b"\x00" * 100)
    refused(evaluate(here, "./damaged", "items.jsonl"), "./damaged", "cannot be loaded")


def test_the_hub_without_a_network(here, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(here / "hub"))
    refused(evaluate(here, "org/name", "items.jsonl"), "org/name")


@pytest.mark.parametrize("cache", ["empty", "/dev/null/cache"])
def test_a_cache_that_is_missing_or_cannot_be_made_costs_nothing_but_time(here, model, monkeypatch, cache):
    before = evaluate(here, model, "items.jsonl", "--json")
    monkeypatch.setenv("ISOGLOSS_CACHE", cache)
    assert evaluate(here, model, "items.jsonl", "--json").json == before.json


def test_a_question_longer_than_the_model_reads_is_named(here, model):
    write_jsonl(here / "f.jsonl", [item(id="short"), item(id="endless", question="¿" * 600)])
    refused(evaluate(here, model, "f.jsonl"), "item endless: ", "tokens, the model reads at most 512")


@pytest.fixture(scope="module")
def vectors(tmp_path_factory, model):
    """Folders of EN and LOC vectors of the model."""
    folder = tmp_path_factory.mktemp("vectors")
    write_jsonl(folder / "items.jsonl", small_items(splits=("dev1",)))
    for kind in ("en", "loc"):
        ended = isogloss("vectors", model, "items.jsonl", "--kind", kind, "--out", kind, cwd=folder)
        assert ended.code == 0, ended.err
        assert ended.out == ""
        assert f"next: isogloss evaluate {model} items.jsonl --vectors {kind} --layer 3 --gamma 1" in ended.err
    return folder


def test_vectors_of_every_language_and_layer(vectors):
    loc, en = SteeringVectors.load(vectors / "loc"), SteeringVectors.load(vectors / "en")
    assert loc.header.pairs == {"en": 5, "es": 5, "ko": 5}
    assert en.header.pairs == {"es": 5, "ko": 5}
    for language in loc.languages:
        assert loc.tensors[language].shape == (NUM_LAYERS, loc.header.hidden_size)
        assert all(norm > 0 for norm in loc.header.norms[language])


def test_steered_scores_differ_and_strength_zero_does_not(here, model, vectors):
    def scores(*steering):
        ended = evaluate(here, model, "items.jsonl", "--out", "s.jsonl", *steering)
        assert ended.code == 0, ended.err
        return {one.id: one.option_scores for one in Scores.load(here / "s.jsonl")}

    plain = scores()
    loc = ("--vectors", vectors / "loc", "--layer", 2)
    assert scores(*loc, "--gamma", 0) == plain
    assert all(value != plain[name] for name, value in scores(*loc).items())
    sur = scores(*loc, "--vectors", vectors / "en", "--layer", 3, "--gamma", 1, "--gamma", 0.5)
    assert all(value != plain[name] for name, value in sur.items())


def test_languages_without_a_vector_are_named_and_left_alone(here, model, vectors):
    ended = evaluate(here, model, "items.jsonl", "--vectors", vectors / "en", "--layer", 2, "--out", "s.jsonl")
    assert ended.code == 0
    assert "EN: no vector for en; their items stay unsteered by it" in ended.err
    evaluate(here, model, "items.jsonl", "--out", "plain.jsonl")
    plain = {one.id: one for one in Scores.load(here / "plain.jsonl")}
    for one in Scores.load(here / "s.jsonl"):
        assert (one.option_scores == pytest.approx(plain[one.id].option_scores, abs=1e-4)) == (one.language == "en")


@pytest.mark.parametrize("layer", [0, -1, NUM_LAYERS + 1])
def test_a_layer_outside_the_model(here, model, vectors, layer):
    ended = evaluate(here, model, "items.jsonl", "--vectors", vectors / "loc", "--layer", layer)
    refused(ended, f"layer {layer} is outside the model: it has layers 1 to {NUM_LAYERS}")


def test_a_strength_that_is_no_number(here, model, vectors):
    ended = evaluate(here, model, "items.jsonl", "--vectors", vectors / "loc", "--layer", 2, "--gamma", "nan")
    refused(ended, "gamma must be a finite number")


def test_vectors_of_another_model_are_refused_with_both_digests(here, models, vectors):
    ended = evaluate(here, models["qwen3"], "items.jsonl", "--vectors", vectors / "loc", "--layer", 2)
    own = SteeringVectors.load(vectors / "loc").header.model_digest
    other = evaluate(here, models["qwen3"], "items.jsonl", "--json").json["model_digest"]
    assert own != other
    refused(ended, own, other, code=3)


@pytest.mark.parametrize("damage", ["flipped", "cut", "manifest"])
def test_damaged_vectors_are_refused(here, model, vectors, damage):
    folder = shutil.copytree(vectors / "loc", here / "v")
    tensors = folder / "vectors.safetensors"
    content = tensors.read_bytes()
    match damage:
        case "flipped":
            tensors.write_bytes(content[:-9] + bytes([content[-9] ^ 1]) + content[-8:])
        case "cut":
            tensors.write_bytes(content[:-1])
        case "manifest":
            (folder / "manifest.json").unlink()
    ended = evaluate(here, model, "items.jsonl", "--vectors", "v", "--layer", 2)
    refused(ended, "damaged steering vectors", "Extract them again", code=3)


def test_vectors_never_replace_what_is_there(here, model):
    (here / "full").mkdir()
    (here / "full" / "mine.txt").write_text("mine")
    (here / "file").write_text("mine")
    for name in ("full", "file"):
        ended = isogloss("vectors", model, "items.jsonl", "--kind", "loc", "--out", name, cwd=here)
        refused(ended, f"--out {name}: is there already; name a new folder or remove it")
    assert (here / "full" / "mine.txt").read_text() == "mine"
    (here / "empty").mkdir()
    assert isogloss("vectors", model, "items.jsonl", "--kind", "loc", "--out", "empty", cwd=here).code == 0
    assert SteeringVectors.load(here / "empty").header.kind == "loc"


@pytest.mark.parametrize(
    ("kind", "said"),
    [("en", "items that share their `group` with an English item"), ("loc", "items with a `context_question`")],
)
def test_data_without_pairs(here, model, kind, said):
    write_jsonl(here / "f.jsonl", [item(id=str(n), group=str(n)) for n in range(3)])
    ended = isogloss("vectors", model, "f.jsonl", "--kind", kind, "--out", "v", cwd=here)
    refused(ended, f"no pairs for {kind.upper()} vectors", said)
    assert not (here / "v").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_in_4_and_leaves_nothing(here, model, number):
    write_jsonl(here / "many.jsonl", small_items(groups=3000))
    running = start("evaluate", model, "many.jsonl", "--out", "half", "--token-budget", 1, cwd=here, patch=_tell)
    assert running.until(lambda: "scoring begins" in running.err)
    running.signal(number)
    ended = running.wait()
    assert (ended.code, ended.out) == (4, "")
    assert ended.err == "scoring begins\nisogloss: interrupted\n"
    assert not list(here.glob("*half*"))


def _tell():
    """Say on stderr when scoring begins."""
    import sys

    from isogloss.cli import evaluate

    progress = evaluate.progress

    def told(*arguments, **settings):
        print("scoring begins", file=sys.stderr, flush=True)
        return progress(*arguments, **settings)

    evaluate.progress = told
