"""Read the JSONL formats: every problem at once as `file:line: field: reason`, nothing dropped in silence."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from isogloss.data.rows import ChoiceItem, InstructionRow, ParallelRow, Row
from isogloss.errors import DataError, UserError, did_you_mean
from isogloss.files import sha256_file, write_atomic

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
                problems += [f"{where}: {reason}" for reason in _reasons(error)]
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


def _reasons(error: ValidationError) -> Iterable[str]:
    details = error.errors(include_url=False)
    inside = {detail["loc"][:-1] for detail in details}
    # A list whose entries are wrong is also said to be too short, which is no news.
    return [_reason(detail) for detail in details if detail["type"] != "too_short" or detail["loc"] not in inside]


def _reason(detail: ErrorDetails) -> str:
    """`field: reason` in plain words."""
    field = ".".join(str(part) for part in detail["loc"] if part != "[key]")
    kind, context = detail["type"], detail.get("ctx", {})
    if kind == "value_error":
        reason = str(context["error"])
        return f"{field}: {reason}" if field else reason
    if kind == "missing":
        reason = "is missing"
    elif kind in ("too_short", "too_long"):
        bound = f"at least {context['min_length']}" if kind == "too_short" else f"at most {context['max_length']}"
        reason = f"has {context['actual_length']} entries, it should have {bound}"
    elif kind == "literal_error":
        reason = f"{_shown(detail['input'])} is not one of {context['expected']}"
    else:
        needed = detail["msg"].replace("valid tuple", "list").replace("valid dictionary", "JSON object")
        reason = f"{needed[0].lower()}{needed[1:]}, not {_shown(detail['input'])}"
    return f"{field}: {reason}"


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else f"{text[:57]}…"


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
