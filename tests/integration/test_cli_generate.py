"""`isogloss generate` on tiny models: answers on stdout, notices on stderr, steering by the language of each prompt."""

import json
import os
import subprocess
import sys

import pytest

from command_line import isogloss
from promoted import promote_tiny
from tiny_models import make_tiny_model

SPANISH, KOREAN, FRENCH = "¿Cuál es la capital?", "페루의 수도는?", "Quelle est la capitale du Pérou ?"


pytestmark = pytest.mark.usefixtures("own_cache_and_store")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return make_tiny_model("llama", tmp_path_factory.mktemp("models") / "llama")


@pytest.fixture(scope="module")
def bundle(model, tmp_path_factory):
    return promote_tiny(tmp_path_factory.mktemp("promoted") / "bundle", model).folder


@pytest.fixture
def generate(tmp_path):
    def run(ref, *rest):
        return isogloss("generate", ref, *rest, "--max-new-tokens", "6", cwd=tmp_path)

    return run


def texts(ended):
    assert ended.code == 0, ended.err
    return [row["text"] for row in ended.json["results"]]


def test_one_answer_is_all_there_is_on_stdout(generate, bundle):
    ended = generate(bundle, SPANISH)
    assert ended.code == 0, ended.err
    assert ended.err == ""
    assert ended.out.rstrip("\n") == texts(generate(bundle, SPANISH, "--json"))[0]


def test_several_answers_stand_below_their_prompts(generate, bundle):
    ended = generate(bundle, SPANISH, KOREAN)
    assert f"> {SPANISH}\n" in ended.out
    assert f"> {KOREAN}\n" in ended.out


def test_json_tells_language_and_steering(generate, bundle):
    ended = generate(bundle, SPANISH, KOREAN, FRENCH, "--json")
    said = ended.json
    assert set(said) == {"model", "model_digest", "results"}
    assert [(row["prompt"], row["language"], row["steered"]) for row in said["results"]] == [
        (SPANISH, "es", True),
        (KOREAN, "ko", True),
        (FRENCH, "fr", False),
    ]
    assert ended.err.splitlines() == [
        "isogloss: 1 of 3 prompts left unsteered, without vectors for the language: fr (1); languages can be given"
    ]


def test_steering_off_is_the_base_and_a_language_can_be_given(generate, bundle, model):
    prompts = (SPANISH, KOREAN, FRENCH)
    plain = texts(generate(model, *prompts, "--json"))
    assert texts(generate(bundle, *prompts, "--no-steering", "--json")) == plain
    assert texts(generate(bundle, *prompts, "--en-gamma", "0", "--loc-gamma", "0", "--json")) == plain
    steered = texts(generate(bundle, *prompts, "--json"))
    assert [a == b for a, b in zip(steered, plain, strict=True)] == [False, False, True]
    given = generate(bundle, FRENCH, "--language", "es", "--json")
    assert texts(given)[0] != plain[2]
    assert given.err == ""


def test_compare_shows_both(generate, bundle):
    rows = generate(bundle, SPANISH, FRENCH, "--compare", "--json").json["results"]
    assert [row["text"] == row["unsteered_text"] for row in rows] == [False, True]
    table = generate(bundle, SPANISH, "--compare")
    assert table.code == 0
    for word in ("prompt", "unsteered", "steered", "es"):
        assert word in table.out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((SPANISH, "--language", "kp"), "'kp' is not an ISO 639-1 language code"),
        ((SPANISH, "--compare", "--no-steering"), "leave out --no-steering"),
        ((SPANISH, "--no-steering", "--loc-gamma", "1"), "switched off"),
        (("  ",), "a prompt is empty"),
        ((SPANISH, "--chat"), "no chat template"),
    ],
)
def test_what_cannot_be_is_refused(generate, bundle, arguments, words):
    ended = generate(bundle, *arguments)
    assert (ended.code, ended.out) == (2, "")
    assert words in ended.err
    assert "Traceback" not in ended.err


def test_an_ordinary_model_has_nothing_to_compare_or_to_strengthen(generate, model):
    assert "no steering to compare" in generate(model, SPANISH, "--compare").err
    assert "has no EN-steering" in generate(model, SPANISH, "--en-gamma", "1").err


def test_another_base_is_refused_with_code_3(generate, bundle, tmp_path):
    other = make_tiny_model("smollm", tmp_path / "other")
    ended = generate(bundle, SPANISH, "--base", other)
    assert (ended.code, ended.out) == (3, "")
    assert "fit their own base alone" in ended.err


def test_no_registry_is_made_by_asking_for_a_model_in_it(generate, tmp_path):
    ended = generate("models:/nothing@champion", SPANISH)
    assert ended.code == 2
    assert "no MLflow store" in ended.err
    assert not (tmp_path / "mlruns").exists()


def test_prompts_are_read_from_a_pipe(bundle, tmp_path):
    lines = f"{SPANISH}\n\n  \n{KOREAN}\n{FRENCH}"
    ended = subprocess.run(
        [sys.executable, "-c", "from isogloss.cli import main; main()", "generate", bundle, "-", "--json",
         "--max-new-tokens", "2"],
        input=lines, capture_output=True, text=True, cwd=tmp_path, timeout=240, env=os.environ | {"OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    assert [row["prompt"] for row in json.loads(ended.stdout)["results"]] == [SPANISH, KOREAN, FRENCH]
