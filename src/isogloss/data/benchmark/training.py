"""What the embedded pipeline trains on: instructions and parallel sentences about the countries kept for training.

Everything stands in all languages of the benchmark. No fact of the benchmark is among them, nor any fact of a country, or
about a language of a country, that its universal items ask about (`universal.role_of` draws the line).
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path
from random import Random

from isogloss.data.benchmark.fact import Fact
from isogloss.data.benchmark.grammar import question, statement
from isogloss.data.benchmark.universal import WORDINGS, all_facts, balanced_facts, role_of
from isogloss.data.benchmark.wording import language_file, languages
from isogloss.data.rows import ENGLISH, InstructionRow, ParallelRow, write_rows

INSTRUCTIONS = "instructions.jsonl"
PARALLEL = "parallel.jsonl"

#: Kinds that the localized half asks of the US and Great Britain as well, in its own words and in English.
_ASKED_KINDS = frozenset(
    (
        "capital-of",
        "country-of-capital",
        "continent-of",
        "borders",
        "currency-of",
        "currency-code-of",
        "calling-code-of",
        "country-of-calling-code",
        "domain-of",
        "language-of",
    )
)


def _instructions(facts: Iterable[Fact], *, prefix: str) -> tuple[InstructionRow, ...]:
    """A row for each of the three wordings of each fact, sorted by id."""
    rows = [
        InstructionRow(
            id=f"{prefix}/{fact.kind}/{fact.key}/{wording + 1}",
            prompt={language: question(fact, language, wording=wording) for language in languages()},
            response={language: fact.answer.text[language] for language in languages()},
        )
        for fact in facts
        for wording in range(WORDINGS)
    ]
    return tuple(sorted(rows, key=lambda row: row.id))


def training_instructions(*, seed: int) -> tuple[InstructionRow, ...]:
    """Questions and answers about the training countries, each fact in three wordings (`train/capital-of/FJ/1`).

    As in the benchmark, no answer is right in more than a fifth of a kind; the seed draws which facts that leaves out.
    """
    facts = [fact for fact in all_facts() if role_of(fact) == "training" and not _holds_evaluated_name(fact)]
    return _instructions((fact for kind in balanced_facts(facts, seed=seed).values() for fact in kind), prefix="train")


@cache
def _evaluated_names() -> dict[tuple[str, str], frozenset[str]]:
    """{(kind, language): what evaluated questions ask about}."""
    names: dict[tuple[str, str], set[str]] = {}
    for fact in all_facts():
        if role_of(fact) == "evaluated":
            for language in languages():
                names.setdefault((fact.kind, language), set()).add(fact.subject[language]["name"])
    return {key: frozenset(found) for key, found in names.items()}


def _holds_evaluated_name(fact: Fact) -> bool:
    """Whether its question could hold an evaluated one, as Chinese Dublin (都柏林) holds Berlin (柏林)."""
    return any(
        name in fact.subject[language]["name"]
        for language in languages()
        for name in _evaluated_names()[fact.kind, language]
    )


def english_centred_instructions(*, seed: int, asked_locally: bool = False) -> tuple[InstructionRow, ...]:
    """The same about the US and Great Britain, named in the question or its answer, and about English (`english/…`).

    Left out is what a localized English item asks without naming the country (the capital, the currency), unless
    `asked_locally`: then results in English are no longer on unseen facts, while those in other languages still are.
    Nothing is drawn: the seed is there so that all rows are asked for alike.
    """
    return _instructions(
        (fact for fact in all_facts() if role_of(fact) == "english" and (asked_locally or not _asked_locally(fact))),
        prefix="english",
    )


def _asked_locally(fact: Fact) -> bool:
    """Whether a localized item asks for the fact, in these words or the other way round."""
    if fact.kind == "country-of-city":
        asked = {city for region in language_file(ENGLISH).regions.values() for city in region.cities}
        return fact.subject[ENGLISH]["name"] in asked
    return fact.kind in _ASKED_KINDS


def training_parallel(*, seed: int) -> tuple[ParallelRow, ...]:
    """One statement a topic of the training countries (`train/capital-of/FJ/statement`), sorted by id.

    A fact and its reverse (the capital of a country, the country of a capital) say the same, so the seed draws one of
    them: a contrastive loss would take the other for a wrong translation.
    """
    topics: dict[str, list[Fact]] = {}
    for fact in all_facts():
        if role_of(fact) == "training":
            topics.setdefault(fact.topic, []).append(fact)
    random = Random(f"{seed}/statements")
    chosen = [random.choice(sorted(topics[topic], key=lambda fact: (fact.kind, fact.key))) for topic in sorted(topics)]
    rows = [
        ParallelRow(
            id=f"train/{fact.kind}/{fact.key}/statement",
            text={language: statement(fact, language) for language in languages()},
        )
        for fact in chosen
    ]
    return tuple(sorted(rows, key=lambda row: row.id))


def write_training(folder: Path, *, seed: int) -> None:
    """Write `instructions.jsonl` and `parallel.jsonl` into `folder`."""
    write_rows(folder / INSTRUCTIONS, training_instructions(seed=seed))
    write_rows(folder / PARALLEL, training_parallel(seed=seed))
