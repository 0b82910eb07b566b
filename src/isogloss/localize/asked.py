"""A question to a model, its answer, and the key under which the answer is kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from isogloss.files import digest_of

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
