"""The rows of one file of a published set, one after another, each with its place: `file:row` for whoever has to mend it.

The formats are those that the `datasets` library writes and reads: Parquet and Arrow, streamed in batches, JSON and CSV.
Its builders for the last two guess types (a column of dates in text becomes a column of times, an option "NA" becomes no
value) and cannot say which line is wrong, so these are read as text, row by row; all of them ask the Hub even for files
that are here. Rows are counted from 1, lines of JSON as an editor counts them.
"""

from __future__ import annotations

import csv
import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Generic, TextIO, TypeVar

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, ValidationError

from isogloss.data.published.source import SetFiles
from isogloss.data.rows import Row
from isogloss.errors import DataError, UserError, did_you_mean, explain

#: How Git LFS begins the small file that stands for one that was not fetched.
_POINTER = b"version https://git-lfs"
#: Characters of one CSV field; a message of a conversation can be long.
_FIELD = 2**24

#: Rows of Parquet that are in memory at once, and characters of a JSON list.
_BATCH, _CHUNK = 512, 2**20
_BLANKS = re.compile(r"[ \t\n\r]*")

Numbered = tuple[str, dict[str, Any]]


def rows_of(path: Path, problems: list[str], *, mend: str) -> Iterator[Numbered]:
    """`(file:row, columns)` of every row. What is wrong with one row goes to `problems`.

    Raises UserError for a file that cannot be read as a whole; `mend` is the command that fetches it again.
    """
    try:
        with path.open("rb") as file:
            head = file.read(len(_POINTER))
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from error
    again = f"Fetch it again: {mend}"
    wrong, any_row = len(problems), False
    if not head.strip():
        raise UserError(f"{path}: is empty, as a download that broke off leaves it. {again}")
    if head == _POINTER:
        raise UserError(f"{path}: is a Git LFS pointer and not the data. {again}")
    for row in _rows(path, problems, again):
        any_row = True
        yield row
    if not any_row and len(problems) == wrong:
        raise UserError(f"{path}: holds no row, as a download or a conversion that broke off leaves it. {again}")


def _rows(path: Path, problems: list[str], again: str) -> Iterator[Numbered]:
    if path.suffix in (".parquet", ".arrow"):
        yield from _streamed(path, again)
        return
    try:
        with path.open(encoding="utf-8-sig", newline="" if path.suffix == ".csv" else "\n") as file:
            yield from _csv(file, path, problems) if path.suffix == ".csv" else _json(file, path, problems, again)
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: is not UTF-8 ({error.reason}). {again}") from error


def _streamed(path: Path, again: str) -> Iterator[Numbered]:
    import pyarrow

    number = 0
    try:
        for batch in _batches(path):
            for row in batch.to_pylist():
                number += 1
                yield f"{path}:{number}", row
    except (pyarrow.ArrowException, OSError) as error:
        reason = " ".join(str(error).split())
        raise UserError(
            f"{path}: is no whole {path.suffix[1:]} file, as a download that broke off leaves it ({reason[:160]}). {again}"
        ) from error


def _batches(path: Path) -> Iterator[Any]:
    """A few hundred rows at a time."""
    import pyarrow
    import pyarrow.parquet

    if path.suffix == ".parquet":
        with pyarrow.parquet.ParquetFile(path) as file:
            yield from file.iter_batches(batch_size=_BATCH)
        return
    with pyarrow.memory_map(str(path)) as source:
        try:
            reader = pyarrow.ipc.open_stream(source)
        except pyarrow.ArrowInvalid:
            source.seek(0)
            file = pyarrow.ipc.open_file(source)
            yield from (file.get_batch(number) for number in range(file.num_record_batches))
        else:
            yield from reader


def _csv(file: TextIO, path: Path, problems: list[str]) -> Iterator[Numbered]:
    csv.field_size_limit(_FIELD)
    reader = csv.reader(file, strict=True)
    header: list[str] | None = None
    number = 0
    try:
        for fields in reader:
            if not fields:
                continue
            if header is None:
                header = fields
                continue
            number += 1
            if len(fields) != len(header):
                problems.append(f"{path}:{number}: row: has {len(fields)} fields, the header has {len(header)}")
            else:
                yield f"{path}:{number}", dict(zip(header, fields, strict=True))
    except csv.Error as error:
        problems.append(f"{path}:{number + 1}: row: not CSV ({error}); a download that broke off ends like this")


def _json(file: TextIO, path: Path, problems: list[str], again: str) -> Iterator[Numbered]:
    """One list of objects; a JSON object a line; or one object of objects by ID, as BLEnD's annotations once were."""
    start = file.read(1)
    file.seek(0)
    if start == "[" and path.suffix == ".json":
        values: Iterable[tuple[int, Any]] = enumerate(_of_list(file, path, again), start=1)
    elif path.suffix == ".json" and (by_name := _by_name(file)) is not None:
        values = enumerate(({"ID": name, **value} for name, value in by_name.items()), start=1)
    else:
        values = _of_lines(file, path, problems)
    for number, value in values:
        if isinstance(value, dict):
            yield f"{path}:{number}", value
        else:
            problems.append(f"{path}:{number}: line: a JSON object is needed, this is a {type(value).__name__}")


def _of_lines(file: TextIO, path: Path, problems: list[str]) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(file, start=1):
        if not line.strip():
            continue
        try:
            yield number, json.loads(line)
        except (ValueError, RecursionError) as error:
            cut = "" if line.endswith("\n") else "; the last line is cut off, as a download that broke off leaves it"
            problems.append(f"{path}:{number}: line: not JSON ({getattr(error, 'msg', error)}){cut}")


def _by_name(file: TextIO) -> dict[str, dict[str, Any]] | None:
    """The objects by their names where the whole file is one object of them; None, and back at the start, where not."""
    first = file.readline()
    file.seek(0)
    try:
        one = json.loads(first)
        whole = one if not file.read(len(first) + 1)[len(first) :] else None
    except ValueError:
        file.seek(0)
        whole = _parsed(file.read())
    file.seek(0)
    objects = isinstance(whole, dict) and bool(whole) and all(isinstance(value, dict) for value in whole.values())
    return whole if objects else None


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None  # Lines, then: their reader says which is wrong.


def _of_list(file: TextIO, path: Path, again: str) -> Iterator[Any]:
    """The values of one JSON list, decoded one after another: BLEnD's is of hundreds of megabytes."""
    decoder = json.JSONDecoder()
    text, place = file.read(_CHUNK), 1
    while True:
        try:
            place = _past_blanks(text, place)
            if text[place : place + 1] == "]":
                return
            value, end = decoder.raw_decode(text, place)
            after = _past_blanks(text, end)
            follows = text[after : after + 1]
            if not follows:
                raise ValueError("it has no end")  # What follows decides: a number may go on.
        except (ValueError, RecursionError) as error:
            more = file.read(max(_CHUNK, len(text) - place))
            if not more:
                raise UserError(
                    f"{path}: is not JSON ({error}), as a download that broke off leaves it. {again}"
                ) from error
            text, place = text[place:] + more, 0
            continue
        if follows not in ",]":
            raise UserError(f"{path}: is not JSON (',' or ']' is needed, there is {follows!r}). {again}")
        yield value
        place = after + (follows == ",")


def _past_blanks(text: str, place: int) -> int:
    found = _BLANKS.match(text, place)
    return found.end() if found else place


# --------------------------------------------------------------------------------------------------------------------
# Publisher's rows with their columns checked: every wrong value at once as `file:row: column: reason`.


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


#: What is wrong with a cell, by pydantic's type of error.
_WORDING = {"string_type": "a text is needed, not {value}"}


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
                problems += [f"{where}: {problem}" for problem in explain(error, of="data", wording=_WORDING)]


def _lacking(row_type: type[PublishedRow], columns: dict[str, Any]) -> list[str]:
    lacking = []
    for name, column in row_type.model_fields.items():
        alias = column.validation_alias
        names = [str(one) for one in alias.choices] if isinstance(alias, AliasChoices) else [str(alias or name)]
        if column.is_required() and not set(names) & set(columns):
            lacking.append(names[0])
    return lacking


# --------------------------------------------------------------------------------------------------------------------
# What reading a set gives: rows in the project's format, and what a person should know of them.

ItemType = TypeVar("ItemType", bound=Row)


@dataclass(frozen=True, kw_only=True)
class Loaded(Generic[ItemType]):
    """`rows` of the set in `files`; `notices` count what was left out, and why."""

    rows: tuple[ItemType, ...]
    files: SetFiles
    notices: tuple[str, ...] = ()


@dataclass
class LeftOut:
    """Counts rows that are whole and that the project's format has no place for, by the reason."""

    counts: Counter[str] = field(default_factory=Counter)
    first: dict[str, str] = field(default_factory=dict)

    def add(self, reason: str, where: str) -> None:
        """One more, at `file:row`."""
        self.counts[reason] += 1
        self.first.setdefault(reason, where)

    def notices(self) -> tuple[str, ...]:
        """A line for each reason."""
        return tuple(
            f"{count} row{'s' if count > 1 else ''} left out: {reason} (the first: {self.first[reason]})"
            for reason, count in self.counts.items()
        )


def require_good(problems: Iterable[str], files: SetFiles) -> None:
    """Raise DataError where there is any problem, with the command that fetches the files again."""
    if listed := list(problems):
        raise DataError(listed, hint=f"As published, the rows are whole; to fetch them again: {files.mend}")
