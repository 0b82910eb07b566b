"""Training data from facts: apart from every evaluated item, complete in all languages, the same everywhere."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from collections import Counter
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from isogloss.data.facts.benchmark import build_benchmark
from isogloss.data.facts.fact import Fact
from isogloss.data.facts.grammar import code_forms
from isogloss.data.facts.names import UN_MEMBERS
from isogloss.data.facts.roles import HOME_COUNTRIES, countries_of, role_of, training_countries
from isogloss.data.facts.training import (
    english_centred_instructions,
    training_instructions,
    training_parallel,
    write_training,
)
from isogloss.data.facts.universal import all_facts
from isogloss.data.facts.wording_statements import STATEMENTS, statement
from isogloss.data.facts.wording_universal import WORDING, question

from isogloss.data.rows import ENGLISH_REGIONS, LANGUAGES, ChoiceItem, InstructionRow, ParallelRow, read_rows
from isogloss.spec import PipelineSpec
from isogloss.spec.align import AlignSection
from isogloss.stages import corpus

#: Kinds whose options are each right in one country alone, or of one language.
_OWN_ANSWERS = ("capital-of", "country-of-capital", "country-of-city", "calling-code-of", "country-of-calling-code")


@pytest.fixture(scope="module")
def items() -> tuple[ChoiceItem, ...]:
    return build_benchmark(seed=0)


@pytest.fixture(scope="module")
def instructions() -> tuple[InstructionRow, ...]:
    return training_instructions(seed=0)


@pytest.fixture(scope="module")
def english() -> tuple[InstructionRow, ...]:
    return english_centred_instructions(seed=0)


@pytest.fixture(scope="module")
def parallel() -> tuple[ParallelRow, ...]:
    return training_parallel(seed=0)


@pytest.fixture(scope="module")
def known() -> dict[str, Fact]:
    """{kind/key: fact} of all facts."""
    return {f"{fact.kind}/{fact.key}": fact for fact in all_facts()}


def _facts_of(rows: tuple[InstructionRow, ...] | tuple[ParallelRow, ...], known: dict[str, Fact]) -> list[Fact]:
    """The facts that rows of ids like `train/capital-of/FJ/1` are made from."""
    return [known["/".join(row.id.split("/")[1:3])] for row in rows]


def test_a_third_of_the_countries_and_no_home_region() -> None:
    assert 0.3 <= len(training_countries()) / len(UN_MEMBERS) <= 0.36
    assert not training_countries() & HOME_COUNTRIES
    assert {"ES", "ID", "KR", "GR", "CN", "DZ", "US", "GB"} == HOME_COUNTRIES


def test_enough_of_everything(
    items: tuple[ChoiceItem, ...],
    instructions: tuple[InstructionRow, ...],
    parallel: tuple[ParallelRow, ...],
    known: dict[str, Fact],
) -> None:
    trained = {(fact.kind, fact.key) for fact in _facts_of(instructions, known)}
    evaluated = Counter(item.id.rsplit("/", maxsplit=1)[0] for item in items if item.axis == "transfer")
    assert len(evaluated) >= 1000
    assert set(evaluated.values()) == {len(LANGUAGES)}
    assert len(trained) >= 450
    assert len(instructions) == 3 * len(trained)
    assert len(parallel) >= 400
    assert {kind for kind, _ in trained} == set(WORDING) == {item.kind for item in items if item.axis == "transfer"}


@pytest.mark.parametrize("seed", [0, 1])
def test_no_fact_sister_or_topic_is_evaluated(seed: int, known: dict[str, Fact]) -> None:
    """Whatever the benchmark's seed: the training countries do not depend on it."""
    items = build_benchmark(seed=seed)
    ids = {item.id for item in items}
    groups = {item.group for item in items}
    kinds = ("train", "english")
    rows = (training_instructions(seed=0), english_centred_instructions(seed=0, asked_locally=True))
    for prefix, part in zip(kinds, rows, strict=True):
        for row, fact in zip(part, _facts_of(part, known), strict=True):
            assert row.id.startswith(f"{prefix}/")
            assert f"transfer/{fact.kind}/{fact.key}/en" not in ids
            assert f"transfer/{fact.topic}" not in groups
    for fact in _facts_of(training_parallel(seed=0), known):
        assert f"transfer/{fact.topic}" not in groups


def test_no_country_is_on_both_sides(items: tuple[ChoiceItem, ...]) -> None:
    """Read from the ids of the items, not from the roles of facts: keys and groups hold the countries' codes."""
    apart = training_countries() | ENGLISH_REGIONS
    for item in items:
        if item.axis != "transfer" or item.language != "en":
            continue
        if item.kind not in ("language-code", "language-of-code"):
            codes = set(re.findall(r"\b[A-Z]{2}\b", item.group))
            assert codes, item.group
            assert not codes & apart, item.id
        if item.kind in _OWN_ANSWERS:
            assert item.option_regions is not None
            assert not {code for regions in item.option_regions for code in regions or ()} & apart, item.id


def test_a_border_between_groups_of_countries_is_in_neither(items: tuple[ChoiceItem, ...]) -> None:
    between = [fact for fact in all_facts() if role_of(fact) is None]
    groups = {item.group for item in items}
    assert between
    for fact in between:
        assert fact.kind == "borders"
        assert len(countries_of(fact)) == 2
        assert f"transfer/{fact.topic}" not in groups


def test_languages_of_the_benchmark_are_never_trained_on(known: dict[str, Fact]) -> None:
    for language in LANGUAGES:
        assert role_of(known[f"language-code/{language}"]) == ("english" if language == "en" else "evaluated")
    assert known["language-code/gu"].topic == known["language-of-code/gu"].topic
    assert role_of(known["language-code/gu"]) == role_of(known["language-of-code/gu"]) == "training", "India's"


def _texts(rows: tuple[InstructionRow, ...] | tuple[ParallelRow, ...], language: str) -> list[str]:
    return [
        text
        for row in rows
        for text in (
            (row.prompt[language], row.response[language]) if isinstance(row, InstructionRow) else (row.text[language],)
        )
    ]


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_holds_an_evaluated_question(
    language: str,
    items: tuple[ChoiceItem, ...],
    instructions: tuple[InstructionRow, ...],
    parallel: tuple[ParallelRow, ...],
    english: tuple[InstructionRow, ...],
) -> None:
    everything = "\n".join(
        [*_texts(instructions, language), *_texts(parallel, language), *_texts(english, language)]
    ).casefold()
    asked = {
        text for item in items if item.language == language for text in (item.question, item.context_question) if text
    }
    assert len(asked) > 1000
    assert not [text for text in sorted(asked) if text.casefold() in everything]


def test_english_rows_name_the_us_or_britain_or_english_and_answer_no_localized_item(
    items: tuple[ChoiceItem, ...], english: tuple[InstructionRow, ...]
) -> None:
    gold = {
        item.options[item.answer]
        for item in items
        if item.language == "en" and item.kind in ("capital", "city", "largest-city", "currency", "domain")
    }
    assert len(english) >= 24
    for row in english:
        text = f"{row.prompt['en']} {row.response['en']}"
        assert "United States" in text or "United Kingdom" in text or "English" in text
        assert row.id.split("/")[1] in ("country-of-city", "language-code", "language-of-code")
        assert not [answer for answer in gold if answer in text], text


def test_english_rows_with_what_is_asked_locally(english: tuple[InstructionRow, ...]) -> None:
    more = english_centred_instructions(seed=0, asked_locally=True)
    assert {row.id for row in english} < {row.id for row in more}
    rows = {row.id: row for row in more}
    row = rows["english/currency-of/US/1"]
    assert row.prompt["en"] == "What is the currency of the United States?"
    assert row.response["en"] == "US dollar"
    assert row.response["ko"] == "미국 달러"


def test_every_row_is_in_all_languages_sorted_and_named_once(
    instructions: tuple[InstructionRow, ...], parallel: tuple[ParallelRow, ...], english: tuple[InstructionRow, ...]
) -> None:
    names = [row.id for part in (english, instructions, parallel) for row in part]
    assert len(set(names)) == len(names)
    for part in (instructions, parallel, english):
        assert [row.id for row in part] == sorted(row.id for row in part)
    for row in (*instructions, *english):
        assert tuple(row.prompt) == tuple(row.response) == LANGUAGES
    assert all(tuple(row.text) == LANGUAGES for row in parallel)
    assert {"train/capital-of/FJ/1", "train/capital-of/FJ/2", "train/capital-of/FJ/3"} <= {r.id for r in instructions}


def test_languages_differ_in_every_sentence(
    instructions: tuple[InstructionRow, ...], parallel: tuple[ParallelRow, ...], english: tuple[InstructionRow, ...]
) -> None:
    """Answers may agree (names, codes); sentences never, and the scripts are the languages' own."""
    scripts = {"ko": r"[가-힣]", "el": r"[α-ωά-ώ]", "zh": r"[\u4e00-\u9fff]", "ar": r"[\u0621-\u064a]"}
    for sentences in (*(row.prompt for row in (*instructions, *english)), *(row.text for row in parallel)):
        assert len(set(sentences.values())) == len(LANGUAGES)
        for language, letters in scripts.items():
            assert len(re.findall(letters, sentences[language])) >= 4, sentences[language]
        for language in ("en", "es", "id"):
            assert not re.search("|".join(scripts.values()), sentences[language]), sentences[language]


def test_no_two_sentences_are_the_same(parallel: tuple[ParallelRow, ...]) -> None:
    for language in LANGUAGES:
        texts = [row.text[language] for row in parallel]
        assert len(set(texts)) == len(texts), language


def test_one_sentence_a_topic(parallel: tuple[ParallelRow, ...], known: dict[str, Fact]) -> None:
    topics = [fact.topic for fact in _facts_of(parallel, known)]
    assert len(set(topics)) == len(topics)


def test_no_answer_of_a_kind_is_right_too_often(
    instructions: tuple[InstructionRow, ...], known: dict[str, Fact]
) -> None:
    answers: dict[str, list[str]] = {}
    for fact in _facts_of(instructions, known):
        answers.setdefault(fact.kind, []).append(fact.answer.key)
    for kind, keys in answers.items():
        [(_, count)] = Counter(keys).most_common(1)
        assert 5 * count <= len(keys), kind


def test_names_within_names_are_left_out(instructions: tuple[InstructionRow, ...], known: dict[str, Fact]) -> None:
    assert role_of(known["country-of-capital/IE"]) == "training"
    assert not [row.id for row in instructions if row.id.startswith("train/country-of-capital/IE/")], "都柏林, 柏林"


def test_prompts_and_responses_are_the_facts_own(instructions: tuple[InstructionRow, ...]) -> None:
    rows = {row.id: row for row in instructions}
    assert rows["train/capital-of/FJ/1"].prompt["el"] == "Ποια είναι η πρωτεύουσα των Φίτζι;"
    assert rows["train/capital-of/FJ/1"].response == {
        "en": "Suva",
        "es": "Suva",
        "id": "Suva",
        "ko": "수바",
        "el": "Σούβα",
        "zh": "苏瓦",
        "ar": "سوفا",
    }
    assert len({rows[f"train/capital-of/FJ/{n}"].prompt["ko"] for n in (1, 2, 3)}) == 3


def test_statements_of_every_kind_are_finished_and_hold_their_answer() -> None:
    assert set(STATEMENTS) == set(WORDING)
    ends = {"zh": "。"}
    for fact in all_facts():
        if role_of(fact) != "training":
            continue
        for language in LANGUAGES:
            text = statement(fact, language)
            assert text.endswith(ends.get(language, "."))
            assert not re.search(r"[{}]|  |\bde el\b|\ba el\b|的的", text), text
            assert text[0] == text[0].upper()
            if language != "el":  # Greek declines it.
                # Arabic لـ swallows a letter of the article.
                name = fact.subject[language]["name"].removeprefix("ال")
                assert name.casefold() in text.casefold(), text
                assert fact.answer.text[language].removeprefix("ال").split()[0].casefold()[:4] in text.casefold()


@pytest.mark.parametrize(
    ("name", "language", "text"),
    [
        ("borders/CF", "es", "La República Centroafricana comparte frontera terrestre con Camerún."),
        ("borders/IN", "el", "Η Ινδία και το Μπουτάν έχουν κοινά χερσαία σύνορα."),
        ("continent-of/SC", "es", "Las Seychelles están en África."),
        ("continent-of/SC", "el", "Οι Σεϋχέλλες βρίσκονται στην Αφρική."),
        ("continent-of/CU", "el", "Η Κούβα βρίσκεται στη Βόρεια Αμερική."),
        ("currency-of/FR", "ar", "عملة فرنسا هي اليورو."),
        ("currency-of/CM", "el", "Το νόμισμα του Καμερούν είναι το φράγκο CFA Κεντρικής Αφρικής."),
        ("country-of-capital/PH", "en", "Manila is the capital of the Philippines."),
        ("language-of/FJ", "el", "Τα αγγλικά είναι επίσημη γλώσσα των Φίτζι."),
        ("language-of/FJ", "ar", "اللغة الإنجليزية هي لغة رسمية في فيجي."),
        ("language-of-code/bm", "ar", "في معيار ISO 639-1، يشير الرمز «bm» إلى لغة البامبارا."),
        ("calling-code-of/JP", "ar", "رمز الاتصال الدولي لليابان هو \u200e+81."),
        ("country-of-city/IN-mumbai", "ko", "뭄바이는 인도에 있는 도시입니다."),
    ],
)
def test_statements_are_inflected(known: dict[str, Fact], name: str, language: str, text: str) -> None:
    assert statement(known[name], language) == text


def test_codes_keep_their_direction_in_arabic(parallel: tuple[ParallelRow, ...], known: dict[str, Fact]) -> None:
    for row, fact in zip(parallel, _facts_of(parallel, known), strict=True):
        if fact.kind in ("calling-code-of", "domain-of"):
            assert code_forms(fact.answer.text["ar"], "ar")["name"] in row.text["ar"]
            assert "\u200e" in row.text["ar"]


def test_files_read_back(
    tmp_path: Path, instructions: tuple[InstructionRow, ...], parallel: tuple[ParallelRow, ...]
) -> None:
    write_training(tmp_path / "training", seed=0)
    assert read_rows([tmp_path / "training" / "instructions.jsonl"], InstructionRow).rows == instructions
    assert read_rows([tmp_path / "training" / "parallel.jsonl"], ParallelRow).rows == parallel


_DIGEST = (
    "import hashlib; from isogloss.data.facts import training as t; "
    "rows = [*t.training_instructions(seed=0), *t.training_parallel(seed=0), *t.english_centred_instructions(seed=0)]; "
    "print(hashlib.sha256(repr([row.model_dump_json() for row in rows]).encode()).hexdigest())"
)


def test_same_rows_under_another_hash_seed_and_locale(
    instructions: tuple[InstructionRow, ...], parallel: tuple[ParallelRow, ...], english: tuple[InstructionRow, ...]
) -> None:
    rows = [*instructions, *parallel, *english]
    here = hashlib.sha256(repr([row.model_dump_json() for row in rows]).encode()).hexdigest()
    environment = os.environ | {"PYTHONHASHSEED": "7", "LANG": "el_GR.UTF-8", "LC_ALL": "ko_KR.UTF-8", "LANGUAGE": "ar"}
    there = subprocess.run(
        [sys.executable, "-c", _DIGEST], env=environment, capture_output=True, text=True, check=True, timeout=120
    )
    assert there.stdout.strip() == here


def test_another_seed_gives_other_rows(
    instructions: tuple[InstructionRow, ...], parallel: tuple[ParallelRow, ...]
) -> None:
    assert {row.id for row in training_instructions(seed=1)} != {row.id for row in instructions}
    assert {row.id for row in training_parallel(seed=1)} != {row.id for row in parallel}


def test_wordings_of_a_fact_are_all_used(instructions: tuple[InstructionRow, ...], known: dict[str, Fact]) -> None:
    for row, fact in zip(instructions, _facts_of(instructions, known), strict=True):
        wording = int(row.id.rsplit("/", maxsplit=1)[1]) - 1
        assert row.prompt == {language: question(fact, language, wording=wording) for language in LANGUAGES}


def test_the_corpus_can_be_english_centred(tmp_path: Path) -> None:
    align = AlignSection(methods=("mist",), instructions="embedded-english")
    spec = PipelineSpec(name="one", model="embedded", align=align)
    stage: Any = SimpleNamespace(spec=spec, out=tmp_path, progress=lambda *_: nullcontext(lambda _: None))
    record = corpus.run(stage)
    rows = read_rows([tmp_path / corpus.INSTRUCTIONS], InstructionRow).rows
    assert rows == english_centred_instructions(seed=0, asked_locally=True)
    assert {metric.name: metric.value for metric in record.metrics}["rows/instructions"] == len(rows)
    world = spec.model_copy(update={"align": AlignSection(methods=("mist",))})
    assert corpus.settings(spec) != corpus.settings(world)
