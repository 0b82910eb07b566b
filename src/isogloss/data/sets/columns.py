"""Publisher's rows with their columns checked: every wrong value at once as `file:row: column: reason`."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from isogloss.data.sets.tables import rows_of
from isogloss.errors import did_you_mean


class PublishedRow(BaseModel):
    """A row in its publisher's columns: those that are used, strictly typed; the others are left aside."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore")


RowType = TypeVar("RowType", bound=PublishedRow)


def _whole(value: Any) -> Any:
    """CSV has only text, and a column with gaps may have become one of fractions."""
    if isinstance(value, str):
        value = value.strip()
        if not value:
            return None
        value = float(value) if value.removesuffix(".0").lstrip("-").isdigit() else value
    if isinstance(value, float):
        return None if math.isnan(value) else int(value) if value.is_integer() else value
    return value


def _truth(value: Any) -> Any:
    return (
        {"true": True, "false": False, "": None}.get(value.strip().lower(), value) if isinstance(value, str) else value
    )


Whole = Annotated[int, BeforeValidator(_whole)]
WholeOrNone = Annotated[int | None, BeforeValidator(_whole)]
TruthOrNone = Annotated[bool | None, BeforeValidator(_truth)]


def checked_rows(
    paths: Iterable[Path], row_type: type[RowType], problems: list[str], *, mend: str
) -> Iterator[tuple[str, Path, RowType]]:
    """`(file:row, file, row)` of every good row of all `paths`; what is wrong with the others goes to `problems`.

    A file whose first row lacks a column is told once, with the columns that it has. Raises as :func:`rows_of`.
    """
    for path in paths:
        for count, (where, columns) in enumerate(rows_of(path, problems, mend=mend)):
            if count == 0 and (lacking := _lacking(row_type, columns)):
                problems += [
                    f"{path}: column '{column}' is missing{did_you_mean(column, columns)}; there are {', '.join(columns)}"
                    for column in lacking
                ]
                break
            try:
                yield where, path, row_type.model_validate(columns)
            except ValidationError as error:
                problems += [f"{where}: {_reason(detail)}" for detail in error.errors(include_url=False)]


def _lacking(row_type: type[PublishedRow], columns: dict[str, Any]) -> list[str]:
    lacking = []
    for name, field in row_type.model_fields.items():
        alias = field.validation_alias
        names = [str(one) for one in alias.choices] if isinstance(alias, AliasChoices) else [str(alias or name)]
        if field.is_required() and not set(names) & set(columns):
            lacking.append(names[0])
    return lacking


def _reason(detail: ErrorDetails) -> str:
    column = ".".join(map(str, detail["loc"])) or "row"
    shown = json.dumps(detail["input"], ensure_ascii=False, default=str)
    shown = shown if len(shown) <= 60 else f"{shown[:57]}…"
    match detail["type"]:
        case "missing":
            return f"{column}: is missing"
        case "value_error":
            return f"{column}: {detail['ctx']['error']}"
        case "literal_error":
            return f"{column}: {shown} is not one of {detail['ctx']['expected']}"
        case "string_type":
            return f"{column}: a text is needed, not {shown}"
    return f"{column}: {detail['msg'][0].lower()}{detail['msg'][1:]}, not {shown}"
