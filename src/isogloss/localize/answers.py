"""Answers that were given, kept by the content of what was asked: what was paid for once is never asked again.

One SQLite file in the cache directory. Each answer is committed as it comes, so that a kill loses none, and several
processes may share the file.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from filelock import FileLock, Timeout

from isogloss.errors import RefusedError, UserError
from isogloss.files import digest_of
from isogloss.models.hub import writable_cache_dir

# --------------------------------------------------------------------------------------------------------------------
# A question to a model, its answer, and the key under which the answer is kept.

Role = Literal["system", "user", "assistant"]
Message = tuple[Role, str]

#: Bytes of UTF-8 to a token, for estimates: near four in English, fewer characters but more bytes elsewhere.
BYTES_A_TOKEN = 3.5


@dataclass(frozen=True, slots=True)
class Prompt:
    """What is said to a model; `expected` is the answer's length in tokens, as far as one can tell, for estimates.

    A translation model, which follows no instruction, gets `source` alone, and `target` as the language to write.
    """

    messages: tuple[Message, ...]
    expected: int
    source: str = ""
    target: str = ""

    @property
    def tokens(self) -> int:
        """Tokens of the messages, roughly."""
        return tokens_of("".join(text for _, text in self.messages)) + 4 * len(self.messages)

    def key(self, identity: dict[str, Any]) -> str:
        """Digest of the text and of whom it is for."""
        return digest_of({"messages": self.messages, "target": self.target, "asked": identity})


def tokens_of(text: str) -> int:
    """Tokens of a text, roughly."""
    return round(len(text.encode()) / BYTES_A_TOKEN) + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer with its tokens, or why there is none (`failure`; such a reply is not kept). One that is `cut` ended at
    the most tokens allowed, and not of itself.
    """

    text: str = ""
    input_tokens: int = 0
    output_tokens: int = 0
    cut: bool = False
    failure: str | None = None


#: Asked before a prompt is sent; where it says no, those under way are still waited for.
GoOn = Callable[[Prompt], bool]
#: Called with a prompt's position and its reply, as soon as it is there.
Arrived = Callable[[int, Reply], None]


class Asker(Protocol):
    """Whoever answers prompts: an endpoint, or a model of this machine."""

    name: str
    #: What can change an answer: model and settings.
    identity: dict[str, Any]
    #: Money for a million tokens, in and out.
    prices: tuple[float, float]

    def ask(self, prompts: Sequence[Prompt], *, go_on: GoOn, arrived: Arrived) -> None:
        """Answer each prompt once, in any order, as long as `go_on` says so."""


# --------------------------------------------------------------------------------------------------------------------

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


# --------------------------------------------------------------------------------------------------------------------
# What the asking costs: an estimate before it starts, and a limit that holds over all starts together.


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """Requests still to be sent, their tokens and money; `spent` is what the answers that are there had cost."""

    name: str
    requests: int
    kept: int
    input_tokens: int
    output_tokens: int
    money: float
    spent: float

    def sentence(self) -> str:
        """One line for a person."""
        if not self.requests:
            return f"{self.name}: all {self.kept} answers are there; nothing is asked"
        tokens = f"about {self.input_tokens:,} tokens in and {self.output_tokens:,} out"
        money = f", about {self.money:.2f} at the prices given" if self.money else ""
        kept = f" ({self.kept} answers are there already)" if self.kept else ""
        return f"{self.name}: {self.requests} requests, {tokens}{money}{kept}"


def price_of(prices: tuple[float, float], input_tokens: int, output_tokens: int) -> float:
    """Money for so many tokens; `prices` are those of a million, in and out."""
    into, out = prices
    return (input_tokens * into + output_tokens * out) / 1e6


def estimate(asker: Asker, to_ask: Iterable[Prompt], kept: Iterable[Reply]) -> Estimate:
    """What asking `to_ask` will cost, by the length of the texts."""
    prompts, there = list(to_ask), list(kept)
    into, out = sum(one.tokens for one in prompts), sum(one.expected for one in prompts)
    return Estimate(
        name=asker.name,
        requests=len(prompts),
        kept=len(there),
        input_tokens=into,
        output_tokens=out,
        money=price_of(asker.prices, into, out),
        spent=sum(price_of(asker.prices, one.input_tokens, one.output_tokens) for one in there),
    )


@dataclass
class Budget:
    """Money spent on one piece of work, counting what earlier starts spent, and what it may cost at most."""

    limit: float | None
    setting: str
    spent: float = 0.0
    _seen: set[str] = field(default_factory=set)

    def count(self, key: str, money: float) -> None:
        """An answer was paid for; each counts once."""
        if key not in self._seen:
            self._seen.add(key)
            self.spent += money

    def allow(self, estimate: Estimate) -> None:
        """Raises RefusedError where the estimate goes over the limit: nothing was asked then."""
        if self.limit is None or not estimate.requests:
            return
        total = self.spent + estimate.money
        if total > self.limit:
            before = f", after {self.spent:.4g} for the answers that are there, which are kept" if self.spent else ""
            raise RefusedError(
                f"{self.setting} is {self.limit:g}, and {estimate.name} would cost about {estimate.money:.4g}{before}. "
                "Nothing was asked of it. Raise the limit, or ask for less"
            )

    def holds(self, more: float) -> bool:
        """Whether `more` may still be spent."""
        return self.limit is None or self.spent + more <= self.limit

    def reached(self) -> RefusedError:
        """What is raised when the limit was reached on the way."""
        return RefusedError(
            f"{self.setting} of {self.limit:g} is reached: {self.spent:.4g} were spent. The answers so far are kept; "
            "raise the limit, and the same command goes on"
        )
