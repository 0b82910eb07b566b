"""Instructions translated by an endpoint, or by a small translation model of this machine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from chat_endpoint import chat_endpoint
from isogloss.data.rows import InstructionRow, read_rows
from isogloss.errors import UserError
from isogloss.localize.made import Made, Source, make_translated
from isogloss.spec.localize import TranslateSection

ROWS = {
    "one": (
        "How do I boil an egg for 7 minutes without breaking it?",
        "Put the egg into cold water, heat it slowly, and count 7 minutes from when it boils.",
    ),
    "two": ("What does `len([1, 2])` give me in this language?", "It gives you the number of elements in the list."),
}
SPANISH = {
    ROWS["one"][0]: "¿Cómo cuezo un huevo durante 7 minutos sin que se rompa?",
    ROWS["one"][1]: "Pon el huevo en agua fría, caliéntalo despacio y cuenta 7 minutos desde que hierve.",
    ROWS["two"][0]: "¿Qué me da `len([1, 2])` en este lenguaje?",
    ROWS["two"][1]: "Te da el número de elementos que hay en la lista.",
}


@contextmanager
def quiet(_total: int, _what: str) -> Iterator[Any]:
    yield lambda *_args, **_more: None


@pytest.fixture
def english(tmp_path: Path) -> Path:
    path = tmp_path / "english.jsonl"
    rows = [{"id": name, "prompt": {"en": one}, "response": {"en": two}} for name, (one, two) in ROWS.items()]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def made_of(english: Path, out: Path, **given: Any) -> Made:
    out.mkdir()
    section = TranslateSection.model_validate({"instructions": (english,), **given})
    return make_translated(
        section, out, languages=["es"], source=Source(), progress=quiet, say=lambda _line: None, answers=english.parent
    )


def endpoint_at(url: str, **more: Any) -> dict[str, Any]:
    return {"kind": "endpoint", "model": "small-one", "url": url, "backoff": 0.001, **more}


def test_rows_get_the_language_and_a_failed_one_is_left_out(english: Path, tmp_path: Path) -> None:
    def answering(messages: list[dict[str, str]], _number: int) -> str:
        text = messages[1]["content"]
        return "Me da dos." if "len(" in text else SPANISH[text]

    with chat_endpoint(answering) as endpoint:
        made = made_of(english, tmp_path / "out", first=endpoint_at(endpoint.url))
        assert len(endpoint.requests) == 5  # two rows with two sides, one side twice
    rows = read_rows([tmp_path / "out" / "instructions.jsonl"], InstructionRow).rows
    assert rows[0].prompt["es"] == SPANISH[ROWS["one"][0]]
    assert rows[0].response["es"] == SPANISH[ROWS["one"][1]]
    assert set(rows[1].prompt) == {"en"}
    assert made.metrics["rows/es"] == 1
    assert made.metrics["rejected/es/prompt/code"] == 1


def test_the_second_model_does_what_the_first_cannot(english: Path, tmp_path: Path) -> None:
    with (
        chat_endpoint(lambda messages, _number: messages[1]["content"]) as weak,
        chat_endpoint(lambda messages, _number: SPANISH[messages[1]["content"]]) as strong,
    ):
        second = endpoint_at(strong.url, model="large-one")
        made = made_of(english, tmp_path / "out", first=endpoint_at(weak.url, tries=1), second=second)
        assert (len(weak.requests), len(strong.requests)) == (4, 4)
    assert made.metrics["rows/es"] == 2


def test_nothing_that_comes_through_is_an_error_with_its_reasons(english: Path, tmp_path: Path) -> None:
    with (
        chat_endpoint(lambda *_: "Lo siento, no puedo ayudar con eso.") as endpoint,
        pytest.raises(UserError, match=r"not one translation came through.*numbers"),
    ):
        made_of(english, tmp_path / "out", first=endpoint_at(endpoint.url, tries=1))
    rejected = [json.loads(line) for line in (tmp_path / "out" / "rejected.jsonl").read_text("utf-8").splitlines()]
    assert {(one["id"], one["what"]) for one in rejected} >= {("one", "prompt"), ("one", "response"), ("two", "prompt")}
    assert {one["answer"] for one in rejected} == {"Lo siento, no puedo ayudar con eso."}


def test_one_answer_to_several_texts_translates_none_of_them(english: Path, tmp_path: Path) -> None:
    texts = [f"Tell me something about the {thing} in your own words." for thing in ("sea", "sky", "wood")]
    rows = [{"id": text[-20:], "prompt": {"en": text}, "response": {"en": ROWS["two"][1]}} for text in texts]
    english.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    answers = {ROWS["two"][1]: SPANISH[ROWS["two"][1]]}
    with (
        chat_endpoint(
            lambda messages, _: answers.get(messages[1]["content"], "Lo siento, pero no puedo ayudarte.")
        ) as one,
        pytest.raises(UserError, match="3 prompts repeated"),
    ):
        made_of(english, tmp_path / "out", first=endpoint_at(one.url, tries=1))


def test_rules_translate_nothing() -> None:
    with pytest.raises(ValidationError, match="rules translate nothing"):
        TranslateSection.model_validate({"first": {}})


def test_a_local_model_is_asked_once_for_each_text(english: Path, tmp_path: Path) -> None:
    from tiny_models import make_tiny_model

    folder = make_tiny_model("llama", tmp_path / "model")
    first = {"kind": "model", "model": str(folder), "max_tokens": 4, "tries": 1}
    with pytest.raises(UserError, match="not one translation came through"):
        made_of(english, tmp_path / "out", first=first)
    from isogloss.localize.answers import NAME, opened

    assert (tmp_path / NAME).is_file()
    with opened(tmp_path) as answers:
        assert answers._connection.execute("select count(*), min(output_tokens) from answers").fetchone() == (4, 4)


def test_a_local_translation_model_gets_the_text_alone(english: Path, tmp_path: Path) -> None:
    import torch
    from transformers import T5Config, T5ForConditionalGeneration

    from isogloss.localize.answers import Prompt, Reply
    from isogloss.localize.local_model import local_asker
    from isogloss.spec.localize import AskerSection
    from tiny_models import make_tiny_tokenizer

    folder = make_tiny_tokenizer(tmp_path / "model")
    torch.manual_seed(0)
    sizes = {"vocab_size": 1024, "d_model": 16, "d_kv": 4, "d_ff": 16, "num_layers": 1, "num_heads": 2}
    T5ForConditionalGeneration(T5Config(**sizes, decoder_start_token_id=0, pad_token_id=0)).save_pretrained(folder)
    asker = local_asker(
        AskerSection.model_validate({"kind": "model", "model": str(folder), "max_tokens": 3}), setting="translate.first"
    )
    replies: dict[int, Reply] = {}
    prompts = [Prompt((("user", text),), 5, source=text, target="es") for text in SPANISH]
    asker.ask(prompts, go_on=lambda _prompt: True, arrived=lambda index, reply: replies.update({index: reply}))
    assert sorted(replies) == [0, 1, 2, 3]
    assert all(reply.input_tokens > 0 for reply in replies.values())
    with pytest.raises(UserError, match="only translates"):
        asker.ask([Prompt((("user", "a"),), 5)], go_on=lambda _prompt: True, arrived=lambda *_: None)


def test_a_translation_model_is_told_the_language_as_its_family_says_it() -> None:
    from isogloss.localize.local_model import TranslationModel
    from isogloss.models.load import ResolvedModel
    from isogloss.models.reference import ModelRef
    from isogloss.spec.localize import AskerSection

    class Tokenizer:
        src_lang = ""

        def get_vocab(self) -> dict[str, int]:
            return {"eng_Latn": 1, "spa_Latn": 2, "kor_Hang": 3}

    class Marian:
        def get_vocab(self) -> dict[str, int]:
            return {">>spa<<": 1, ">>fra<<": 2}

    ref = ModelRef(kind="local", name="x", revision=None, text="x")
    found = ResolvedModel(ref=ref, path=Path("x"), digest="d")
    model = TranslationModel(AskerSection(kind="model", model="x"), found, {}, setting="translate.first")
    nllb = Tokenizer()
    assert model._languages(nllb, "ko") == ("", {"forced_bos_token_id": 3})
    assert nllb.src_lang == "eng_Latn"
    assert model._languages(Marian(), "es") == (">>spa<< ", {})
    for tokenizer in (nllb, Marian()):
        with pytest.raises(UserError, match="does not translate into 'el'"):
            model._languages(tokenizer, "el")
