"""The row types of the `choices`, `parallel` and `instructions` formats: one JSON object a line, UTF-8.

Languages are ISO 639-1 codes; regions are ISO 3166-1 alpha-2 codes in the project's own data, and free text is accepted in
others' `option_regions` because published sets also name parts of countries.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator

from isogloss.errors import DataError, UserError, did_you_mean, explain
from isogloss.files import sha256_file, write_atomic

Axis = Literal["transfer", "localization"]
AXES: tuple[Axis, Axis] = ("transfer", "localization")
Split = Literal["dev1", "dev2", "test"]

#: The language whose answers the others are pulled towards, and the regions whose answers count as English bias.
ENGLISH = "en"
ENGLISH_REGIONS = frozenset({"US", "GB", "UK"})


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


# --------------------------------------------------------------------------------------------------------------------
# Read the JSONL formats: every problem at once as `file:line: field: reason`, nothing dropped in silence.

RowType = TypeVar("RowType", bound=Row)

#: Row type by the name of its format.
FORMATS: dict[str, type[Row]] = {"choices": ChoiceItem, "parallel": ParallelRow, "instructions": InstructionRow}


@dataclass(frozen=True)
class Table(Generic[RowType]):
    """Rows of one or more files in order, the files' sha256 by name, and what a person should know of them."""

    rows: tuple[RowType, ...]
    files: dict[str, str]
    notices: tuple[str, ...]


def read_choices(paths: Iterable[Path]) -> Table[ChoiceItem]:
    """Rows of `choices` files."""
    return read_rows(paths, ChoiceItem)


def read_rows(paths: Iterable[Path], row_type: type[RowType]) -> Table[RowType]:
    """Rows of all `paths` as `row_type`.

    Raises DataError with every bad row of every file, UserError for a file that is missing or holds no row. Fields that
    the format does not know are left out and named in `notices`.
    """
    rows: list[RowType] = []
    problems: list[str] = []
    files: dict[str, str] = {}
    unknown: Counter[str] = Counter()
    seen: dict[str, str] = {}
    for path in paths:
        before = len(rows) + len(problems)
        for number, value in _lines(path, problems):
            where = f"{path}:{number}"
            name = value.get("id")
            if isinstance(name, str) and name in seen:
                problems.append(f"{where}: id: '{name}' already stands at {seen[name]}")
            elif isinstance(name, str):
                seen[name] = where
            try:
                rows.append(row_type.model_validate(value))
            except ValidationError as error:
                problems += [f"{where}: {problem}" for problem in explain(error, of="data")]
            unknown.update(set(value) - set(row_type.model_fields))
        if len(rows) + len(problems) == before:
            raise UserError(f"{path}: holds no rows")
        files[str(path)] = sha256_file(path)
    if not files:
        raise UserError("no data files were given")
    if problems:
        raise DataError(problems, hint=_format_hint(list(files), row_type))
    notices = tuple(
        f"field '{name}' of {count} rows is not part of the format and was left out"
        f"{did_you_mean(name, row_type.model_fields)}"
        for name, count in sorted(unknown.items())
    )
    return Table(tuple(rows), files, notices)


def write_rows(path: Path, rows: Sequence[Row]) -> None:
    """One JSON object a line, atomically."""
    write_atomic(path, "".join(json.dumps(row.model_dump(mode="json"), ensure_ascii=False) + "\n" for row in rows))


def _lines(path: Path, problems: list[str]) -> Iterable[tuple[int, dict[str, Any]]]:
    """(line number, object) of every line that is a JSON object; the others go to `problems`."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); a JSONL file is needed") from error
    for number, line in enumerate(content.removeprefix(b"\xef\xbb\xbf").splitlines(), start=1):
        if not line.strip():
            continue
        try:
            value = json.loads(line.decode())
        except UnicodeDecodeError as error:
            problems.append(f"{path}:{number}: line: not UTF-8 (byte {error.start + 1})")
        except json.JSONDecodeError as error:
            problems.append(f"{path}:{number}: line: not JSON ({error.msg}, column {error.colno})")
        except RecursionError:
            problems.append(f"{path}:{number}: line: nested too deeply")
        except ValueError:  # Python reads no integer of more than 4,300 digits.
            problems.append(f"{path}:{number}: line: holds a number with thousands of digits")
        else:
            if isinstance(value, dict):
                yield number, value
            else:
                problems.append(f"{path}:{number}: line: a JSON object is needed, this is a {type(value).__name__}")


def _format_hint(files: Sequence[str], row_type: type[Row]) -> str:
    """A sentence for someone who gave a file of another of the formats."""
    for name in files:
        first = next((value for _, value in _lines(Path(name), [])), None)
        for format_name, other in FORMATS.items():
            if first is not None and other is not row_type:
                required = {key for key, field in other.model_fields.items() if field.is_required()}
                own = {key for key, field in row_type.model_fields.items() if field.is_required()}
                if required <= set(first) and not own <= set(first):
                    return f"{name} looks like a {format_name} file."
    return ""
