"""Answers that were given, kept by the content of what was asked: what was paid for once is never asked again.

One SQLite file in the cache directory. Each answer is committed as it comes, so that a kill loses none, and several
processes may share the file.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from isogloss.errors import UserError
from isogloss.files import digest_of
from isogloss.localize.asked import Reply
from isogloss.models.cache import writable_cache_dir

NAME = "answers.sqlite"
_TABLE = """create table if not exists answers (
    key text primary key, model text not null, text text not null, input_tokens integer not null,
    output_tokens integer not null)"""
#: Keys of answers that ended at the most tokens allowed: beside the others, so that older files go on being read.
_CUT = "create table if not exists cut (key text primary key)"
#: SQLite takes so many values in a statement, at the least.
_AT_ONCE = 500


class Answers:
    """The kept answers. Use :func:`opened`."""

    def __init__(self, connection: sqlite3.Connection, folder: Path) -> None:
        self._connection, self._folder = connection, folder

    @contextmanager
    def turn(self, keys: Iterable[str], *, waiting: Callable[[], None]) -> Iterator[None]:
        """One process at a time asks the same: two that did at once would both pay. Calls `waiting` where another does."""
        same = digest_of(sorted(set(keys)))[:32]
        lock = FileLock(self._folder / f".{same}.asking.lock")
        try:
            held = lock.acquire(timeout=0)
        except Timeout:
            waiting()
            held = lock.acquire()
        with held:
            yield

    def known(self, keys: Iterable[str]) -> dict[str, Reply]:
        """{key: answer} of those that were given before."""
        wanted = list(dict.fromkeys(keys))
        found: dict[str, Reply] = {}
        for start in range(0, len(wanted), _AT_ONCE):
            some = wanted[start : start + _AT_ONCE]
            marks = ",".join("?" * len(some))
            rows = self._connection.execute(
                "select key, text, input_tokens, output_tokens, key in (select key from cut) from answers "
                f"where key in ({marks})",
                some,
            )
            found |= {
                key: Reply(text=text, input_tokens=read, output_tokens=made, cut=bool(cut))
                for key, text, read, made, cut in rows
            }
        return found

    def keep(self, key: str, model: str, reply: Reply) -> None:
        """Keep an answer, durably; of two answers to one question the first stays."""
        with self._connection:
            self._connection.execute(
                "insert or ignore into answers values (?, ?, ?, ?, ?)",
                (key, model, reply.text, reply.input_tokens, reply.output_tokens),
            )
            if reply.cut:
                self._connection.execute("insert or ignore into cut values (?)", (key,))


@contextmanager
def opened(folder: Path | None = None) -> Iterator[Answers]:
    """The answers in `folder`, by default the cache directory.

    Raises UserError where the file is damaged, locked for a minute, or cannot be written.
    """
    path = (folder or writable_cache_dir()) / NAME
    try:
        with contextlib.closing(sqlite3.connect(path, timeout=60)) as connection:
            with connection:
                connection.execute(_TABLE)
                connection.execute(_CUT)
            yield Answers(connection, path.parent)
    except sqlite3.DatabaseError as error:
        raise UserError(
            f"{path}: the kept answers cannot be read or written ({error}). Where the file is damaged, move it away: "
            "what it held is then asked again"
        ) from error
