"""Ask until the answer passes its check: kept answers first, a malformed one again, a failed one from the second asker."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

from isogloss.localize.answers import Answers
from isogloss.localize.asked import Asker, Prompt, Reply
from isogloss.localize.cost import Budget, estimate, price_of

#: So many characters of an answer are said back to who gave it: each is paid for again.
_REPEATED = 4000
_QUOTED = 500
_THOUGHTS = re.compile(r"\A\s*<think(?:ing)?>.*?</think(?:ing)?>\s*", re.S)


class Unfit(Exception):
    """An answer that does not pass. `reason` is a word for counting, the message says what is wrong."""

    def __init__(self, reason: str, message: str) -> None:
        # What is wrong quotes the answer, which may be of any length.
        super().__init__(message if len(message) <= _QUOTED else f"{message[: _QUOTED - 1]}…")
        self.reason = reason


@dataclass(frozen=True, kw_only=True)
class Task:
    """One thing to be done: `rule` does it without a model, `prompt` asks for it, `read` checks what came.

    Both raise Unfit for what does not pass.
    """

    id: str
    prompt: Prompt
    read: Callable[[str], Any]
    rule: Callable[[], Any]

    def by_rule(self, _answer: str) -> Any:
        """What the rule makes, in place of an answer."""
        return self.rule()


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What one asker said, and why it did not do (empty: it did)."""

    asker: str
    answer: str
    reason: str = ""
    message: str = ""


@dataclass
class Outcome:
    """What came of a task: its value where an attempt passed, and all attempts."""

    value: Any = None
    attempts: list[Attempt] = field(default_factory=list)

    @property
    def done(self) -> bool:
        return bool(self.attempts) and not self.attempts[-1].reason

    @property
    def by(self) -> str:
        """Whose attempt was the last."""
        return self.attempts[-1].asker if self.attempts else ""


@dataclass(frozen=True, slots=True)
class Tier:
    """An asker, None for the rules, and how many times it is asked for one thing."""

    asker: Asker | None
    tries: int


class Progress(Protocol):
    """`with progress(total, "what") as advance: advance(n)`."""

    def __call__(self, total: int, description: str) -> AbstractContextManager[Callable[..., None]]: ...


@dataclass
class Asking:
    """Where answers are kept, what they may cost, and how a person is told. Counts what was sent."""

    answers: Answers
    budget: Budget
    progress: Progress
    say: Callable[[str], None]
    requests: Counter[str] = field(default_factory=Counter)
    reused: Counter[str] = field(default_factory=Counter)

    def carry_out(self, tasks: Sequence[Task], tiers: Sequence[Tier], *, what: str) -> dict[str, Outcome]:
        """Every task by the first tier that does it.

        Raises RefusedError where the cost goes over the limit, UserError where an asker cannot be asked at all; answers
        that came before that are kept.
        """
        outcomes = {task.id: Outcome() for task in tasks}
        for tier in tiers:
            left = {task.id: task for task in tasks if not outcomes[task.id].done}
            if tier.asker is None:
                for name, task in left.items():
                    _try(outcomes[name], "rules", "", task.by_rule)
            else:
                self._by_asker(tier.asker, tier.tries, left, outcomes, what=what)
        return outcomes

    def _by_asker(
        self, asker: Asker, tries: int, left: Mapping[str, Task], outcomes: Mapping[str, Outcome], *, what: str
    ) -> None:
        prompts = {name: task.prompt for name, task in left.items()}
        for turn in range(tries):
            if not prompts:
                return
            again = f" (again, {turn + 1} of {tries})" if turn else ""
            names = list(prompts)
            replies = self.ask(asker, [prompts[name] for name in names], what=f"{what}{again}")
            for name, reply in zip(names, replies, strict=True):
                prompt = prompts.pop(name)
                outcome = outcomes[name]
                if reply.failure is not None:
                    outcome.attempts.append(
                        Attempt(asker=asker.name, answer="", reason="no-answer", message=reply.failure)
                    )
                    continue
                # Some models write their thoughts in front of the answer.
                said = _THOUGHTS.sub("", reply.text)
                _try(outcome, asker.name, said, partial(_cut, reply.output_tokens) if reply.cut else left[name].read)
                if not outcome.done:
                    prompts[name] = _corrected(prompt, said, outcome.attempts[-1].message)

    def ask(self, asker: Asker, prompts: Sequence[Prompt], *, what: str) -> list[Reply]:
        """A reply to each prompt: kept ones, and the others asked for, each once."""
        keys = [prompt.key(asker.identity) for prompt in prompts]
        if len(self.answers.known(keys)) == len(set(keys)):
            return self._asked(asker, keys, prompts, what=what)

        def waiting() -> None:
            self.say(f"{what}: another process asks the same of {asker.name}; waiting for its answers")

        with self.answers.turn(keys, waiting=waiting):
            return self._asked(asker, keys, prompts, what=what)

    def _asked(self, asker: Asker, keys: Sequence[str], prompts: Sequence[Prompt], *, what: str) -> list[Reply]:
        known = self.answers.known(keys)
        for key, reply in known.items():
            self.budget.count(key, price_of(asker.prices, reply.input_tokens, reply.output_tokens))
        to_ask = {key: prompt for key, prompt in zip(keys, prompts, strict=True) if key not in known}
        cost = estimate(asker, to_ask.values(), known.values())
        self.say(f"{what}: {cost.sentence()}")
        self.budget.allow(cost)
        self.reused[asker.name] += len(known)
        if to_ask:
            known |= self._sent(asker, to_ask, what=what)
        return [known[key] for key in keys]

    def _sent(self, asker: Asker, to_ask: Mapping[str, Prompt], *, what: str) -> dict[str, Reply]:
        keys, prompts = list(to_ask), list(to_ask.values())
        replies: dict[str, Reply] = {}
        reserved = 0.0
        stopped = False

        def expected(prompt: Prompt) -> float:
            return price_of(asker.prices, prompt.tokens, prompt.expected)

        def go_on(prompt: Prompt) -> bool:
            nonlocal reserved, stopped
            if not self.budget.holds(reserved + expected(prompt)):
                stopped = True
                return False
            reserved += expected(prompt)
            return True

        with self.progress(len(prompts), what) as advance:

            def arrived(index: int, reply: Reply) -> None:
                nonlocal reserved
                reserved -= expected(prompts[index])
                self.requests[asker.name] += 1
                if reply.failure is None:
                    self.answers.keep(keys[index], asker.name, reply)
                    self.budget.count(keys[index], price_of(asker.prices, reply.input_tokens, reply.output_tokens))
                replies[keys[index]] = reply
                advance(1)

            asker.ask(prompts, go_on=go_on, arrived=arrived)
        if stopped:
            raise self.budget.reached()
        return replies


def _try(outcome: Outcome, asker: str, answer: str, read: Callable[[str], Any]) -> None:
    try:
        outcome.value = read(answer)
    except Unfit as unfit:
        outcome.attempts.append(Attempt(asker=asker, answer=answer, reason=unfit.reason, message=str(unfit)))
    else:
        outcome.attempts.append(Attempt(asker=asker, answer=answer))


def _cut(tokens: int, _answer: str) -> Any:
    raise Unfit("cut", f"it breaks off after {tokens} tokens, the most that are allowed (max_tokens)")


def _corrected(prompt: Prompt, answer: str, problem: str) -> Prompt:
    """The same once more, with the answer given and what is wrong with it."""
    if len(answer) > _REPEATED:
        answer = f"{answer[:_REPEATED]} […]"
    complaint = f"That cannot be used: {problem}. Answer the same request once more, and mend this."
    messages = (*prompt.messages, ("assistant", answer or "(nothing)"), ("user", complaint))
    return Prompt(messages, prompt.expected, source=prompt.source, target=prompt.target)
