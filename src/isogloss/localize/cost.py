"""What the asking costs: an estimate before it starts, and a limit that holds over all starts together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from isogloss.errors import RefusedError
from isogloss.localize.asked import Asker, Prompt, Reply


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
