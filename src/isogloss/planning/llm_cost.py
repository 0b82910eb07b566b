"""What stages `localize` and `translate` will ask of an endpoint or a model, before anything is fetched or sent.

Files that are there are counted, prompt by prompt, as the stage will; of published sets the sizes are assumed. What the
first asker's answers leave for the second is not known beforehand, nor which answers are kept from before: this is the first
asker's work, once, and nothing kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from isogloss.data.published.blend import COUNTRIES, read_blend_choices, read_blend_questions
from isogloss.data.rows import ENGLISH, InstructionRow, read_rows
from isogloss.localize.answers import Prompt, price_of
from isogloss.localize.asking import instruction_prompt, options_prompt, remove_prompt
from isogloss.localize.blend import countries_named, prompts_of
from isogloss.localize.options import AT_ONCE
from isogloss.planning.memory import training_sizes
from isogloss.results.format import estimated_duration
from isogloss.spec import PipelineSpec
from isogloss.spec.localize import AskerSection, LocalizeSection, TranslateSection

#: Of published BLEnD, a country: questions, and different options of one question; their lengths in characters.
QUESTIONS, OPTIONS = 500, 30
_QUESTION, _OPTION = 95, 9
#: Of one side of an English instruction; two of them are as long as `RowSizes.tokens`, at this many characters a token.
_CHARACTERS = 4
#: An answer's speed where no rate is set: seconds before it begins, tokens a second then.
_FIRST, _SPEED = 1.0, 50.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What one stage asks of `who`. `money` at the prices given (None: none is), `seconds` at the rates set or the speed
    assumed (None for a model of this machine); `limit` is `max_cost`; `counted` says whether files were.
    """

    stage: str
    who: str
    requests: int
    input_tokens: int
    output_tokens: int
    money: float | None
    seconds: float | None
    limit: float | None
    second: str | None
    counted: bool

    def sentence(self) -> str:
        """One line for a person."""
        assumed = "" if self.counted else ", by the published set's size"
        money = (
            ""
            if self.seconds is None
            else ", cost unknown (no prices are set)"
            if self.money is None
            else f", about {self.money:,.2f} at the prices given"
        )
        hours = (
            ""
            if self.seconds is None
            else f", about {estimated_duration(self.seconds, digits=0)} besides the times above"
        )
        rest = f"; what does not pass goes to {self.second}" if self.second else ""
        return (
            f"{self.stage} asks {self.who}: {self.requests:,} requests, about {self.input_tokens / 1e6:,.1f} million tokens "
            f"in and {self.output_tokens / 1e6:,.1f} out{assumed}{money}{hours}{rest}"
        )

    @property
    def problem(self) -> str | None:
        """Why it will be refused, None where it will not."""
        if self.limit is None or self.money is None or self.money <= self.limit:
            return None
        return (
            f"{self.stage}.max_cost is {self.limit:g}, and {self.who} would cost about {self.money:.4g}, kept answers not "
            "taken off. Raise the limit, or ask for less"
        )

    def as_json(self) -> dict[str, Any]:
        """Stable JSON."""
        return asdict(self)


def asked_of(spec: PipelineSpec, stages: Iterable[str]) -> tuple[Asked, ...]:
    """Of those of `stages` that ask somebody. Raises UserError or DataError for files that cannot be read."""
    found = []
    for name in stages:
        if name == "localize" and spec.localize is not None:
            found.append(_asked(name, spec.localize, *_localized(spec, spec.localize)))
        if name == "translate" and spec.translate is not None:
            found.append(_asked(name, spec.translate, *_translated(spec, spec.translate)))
    return tuple(one for one in found if one is not None)


def _asked(
    stage: str, section: LocalizeSection | TranslateSection, prompts: Sequence[Prompt], counted: bool
) -> Asked | None:
    askers = [one for one in (section.first, section.second) if one is not None and one.kind != "rules"]
    if not askers:
        return None
    asker = askers[0]
    into, out = sum(one.tokens for one in prompts), sum(one.expected for one in prompts)
    return Asked(
        stage=stage,
        who=asker.shown,
        requests=len(prompts),
        input_tokens=into,
        output_tokens=out,
        money=price_of((asker.input_price, asker.output_price), into, out) if asker.priced else None,
        seconds=_seconds(asker, prompts) if asker.kind == "endpoint" else None,
        limit=section.max_cost,
        second=askers[1].shown if len(askers) > 1 else None,
        counted=counted,
    )


def _seconds(asker: AskerSection, prompts: Sequence[Prompt]) -> float:
    tokens = sum(one.tokens + one.expected for one in prompts)
    minutes = max(
        len(prompts) / asker.requests_per_minute if asker.requests_per_minute else 0.0,
        tokens / asker.tokens_per_minute if asker.tokens_per_minute else 0.0,
    )
    answering = sum(_FIRST + one.expected / _SPEED for one in prompts) / asker.concurrency
    return max(60.0 * minutes, answering)


def _localized(spec: PipelineSpec, section: LocalizeSection) -> tuple[list[Prompt], bool]:
    countries = countries_named(spec.data.languages, section.countries, COUNTRIES)
    ruled = section.first.kind == "rules"
    if section.questions and section.choices:
        questions, choices = read_blend_questions(section.questions), read_blend_choices(section.choices)
        there = {one.country for one in choices}
        here = {language: country for language, country in countries.items() if country in there}
        return prompts_of(questions, choices, here, ruled=ruled, limit=section.items, seed=section.seed), True
    # Items are drawn question by question, so that few of them have few options each.
    questions_each = min(QUESTIONS, section.items or QUESTIONS)
    options_each = min(OPTIONS, 4 * -(-(section.items or 10**6) // QUESTIONS))
    prompts: list[Prompt] = []
    for language, country in countries.items():
        if not ruled:
            prompts += questions_each * [remove_prompt("x" * _QUESTION, language=language, place=country)]
        if language != ENGLISH:
            for start in range(0, options_each, AT_ONCE):
                keys = range(start, min(start + AT_ONCE, options_each))
                one = options_prompt(
                    {str(key): "x" * _OPTION for key in keys},
                    question="x" * _QUESTION,
                    language=language,
                    place=country,
                )
                prompts += questions_each * [one]
    return prompts, False


def _translated(spec: PipelineSpec, section: TranslateSection) -> tuple[list[Prompt], bool]:
    wanted = [language for language in section.languages or spec.data.languages if language != ENGLISH]
    if section.instructions:
        rows = read_rows(section.instructions, InstructionRow).rows
        share = min(1.0, section.rows / len(rows)) if section.rows and rows else 1.0
        prompts = [
            instruction_prompt(side[ENGLISH], language=language)
            for language in wanted
            for row in rows[: round(share * len(rows))]
            for side in (row.prompt, row.response)
            if ENGLISH in side and language not in row.prompt
        ]
        return prompts, True
    sizes = training_sizes(("openassistant",))
    count = round(min(sizes.rows, section.rows or sizes.rows))
    sides = (sizes.tokens - sizes.read, sizes.read)
    return [
        prompt
        for language in wanted
        for tokens in sides
        for prompt in count * [instruction_prompt("x" * round(_CHARACTERS * tokens), language=language)]
    ], False
