"""The row types of the `choices`, `parallel` and `instructions` formats: one JSON object a line, UTF-8.

Languages are ISO 639-1 codes; regions are ISO 3166-1 alpha-2 codes in the project's own data, and free text is accepted in
others' `option_regions` because published sets also name parts of countries.
"""

from __future__ import annotations

from functools import cache
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from isogloss.errors import did_you_mean

Axis = Literal["transfer", "localization"]
Split = Literal["dev1", "dev2", "test"]

#: The language whose answers the others are pulled towards, and the regions whose answers count as English bias.
ENGLISH = "en"
ENGLISH_REGIONS = frozenset({"US", "GB", "UK"})

#: The region that each language of the embedded benchmark stands for (the paper's, section 4; English has two).
REGIONS: dict[str, tuple[str, ...]] = {
    "en": ("US", "GB"),
    "es": ("ES",),
    "id": ("ID",),
    "ko": ("KR",),
    "el": ("GR",),
    "zh": ("CN",),
    "ar": ("DZ",),
}
LANGUAGES = tuple(REGIONS)


@cache
def known_languages() -> frozenset[str]:
    """Every ISO 639-1 code."""
    import pycountry

    return frozenset(entry.alpha_2 for entry in pycountry.languages if hasattr(entry, "alpha_2"))


def _language(code: str) -> str:
    if code in known_languages():
        return code
    base = code.replace("_", "-").split("-")[0].lower()
    hint = f" (did you mean '{base}'?)" if base in known_languages() else did_you_mean(code, known_languages())
    raise ValueError(f"'{code}' is not an ISO 639-1 language code{hint}")


def _filled(text: str) -> str:
    if not text.strip():
        raise ValueError("is empty")
    if any("\ud800" <= letter <= "\udfff" for letter in text):
        raise ValueError("holds half of a surrogate pair, which is no character")
    return text


Language = Annotated[str, AfterValidator(_language)]
Text = Annotated[str, AfterValidator(_filled)]


class Row(BaseModel):
    """What all rows share: frozen, strict types, an `id` unique in its file. Unknown fields are counted by the reader."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore")

    id: Text


class ChoiceItem(Row):
    """A multiple-choice question in one language.

    `group` is the question behind the item: splits and bootstrap intervals keep a group together. `context_question` is
    the same question with its country named. `option_regions[i]` lists the regions for which option i is right.
    `kind` and `source` (which package and version the fact comes from) are optional, and so is `label`: whether the
    question is culturally sensitive (`CS`) or agnostic (`CA`), as Global-MMLU's `cultural_sensitivity_label` says.
    """

    group: Text
    language: Language
    axis: Axis
    region: Text | None = None
    question: Text
    context_question: Text | None = None
    options: Annotated[tuple[Text, ...], Field(min_length=2, max_length=26, strict=False)]
    answer: Annotated[int, Field(ge=0)]
    option_regions: Annotated[
        tuple[Annotated[tuple[Text, ...], Field(strict=False)] | None, ...] | None, Field(strict=False)
    ] = None
    split: Split = "test"
    kind: str | None = None
    source: str | None = None
    label: Text | None = None

    @field_validator("options")
    @classmethod
    def _options_differ(cls, options: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(options)) < len(options):
            twice = next(option for option in options if options.count(option) > 1)
            raise ValueError(f"'{twice}' stands twice")
        return options

    @field_validator("answer")
    @classmethod
    def _answer_is_an_option(cls, answer: int, info: ValidationInfo) -> int:
        options = info.data.get("options")
        if options is not None and answer >= len(options):
            raise ValueError(f"{answer} is outside the {len(options)} options (counted from 0)")
        return answer

    @field_validator("option_regions")
    @classmethod
    def _one_entry_an_option(cls, regions: tuple[Any, ...] | None, info: ValidationInfo) -> tuple[Any, ...] | None:
        options = info.data.get("options")
        if regions is not None and options is not None and len(regions) != len(options):
            raise ValueError(f"{len(regions)} entries for {len(options)} options")
        return regions

    def english_options(self) -> tuple[int, ...]:
        """Positions of the options true of the US or Great Britain that are not the gold one.

        Empty for English questions and where no regions are recorded: English bias is then not defined (it is measured
        among items with an option true of US/UK and not the gold one).
        """
        if self.language == ENGLISH or self.option_regions is None:
            return ()
        return tuple(
            index
            for index, regions in enumerate(self.option_regions)
            if index != self.answer and ENGLISH_REGIONS.intersection(regions or ())
        )


class ParallelRow(Row):
    """One sentence in several languages: `text` is {language: sentence}."""

    text: Annotated[dict[Language, Text], Field(min_length=1)]


class InstructionRow(Row):
    """One prompt and its response in several languages: {language: text} each, the same languages in both."""

    prompt: Annotated[dict[Language, Text], Field(min_length=1)]
    response: Annotated[dict[Language, Text], Field(min_length=1)]

    @field_validator("response")
    @classmethod
    def _languages_agree(cls, response: dict[str, str], info: ValidationInfo) -> dict[str, str]:
        if uneven := set(response) ^ set(info.data.get("prompt", response)):
            raise ValueError(f"languages differ from prompt's in {', '.join(sorted(uneven))}")
        return response
