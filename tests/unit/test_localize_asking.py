"""Keeping answers, spending within a limit, pacing, and what is asked how often; with an asker that is a function."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from isogloss.errors import RefusedError, UserError
from isogloss.localize.answers import NAME, Arrived, Budget, GoOn, Prompt, Reply, opened
from isogloss.localize.asking import Asking, Task, Tier, Unfit
from isogloss.localize.endpoint import limiter, read_completion, seconds_asked
from isogloss.localize.local_model import language_tokens


class Fake:
    """Answers by a function of the last message; counts what it was asked."""

    def __init__(self, answer: Callable[[str], Reply], *, name: str = "fake", price: float = 0.0) -> None:
        self.name, self.answer = name, answer
        self.identity: dict[str, Any] = {"model": name}
        self.prices = (price, price)
        self.asked: list[str] = []

    def ask(self, prompts: Sequence[Prompt], *, go_on: GoOn, arrived: Arrived) -> None:
        for index, prompt in enumerate(prompts):
            if not go_on(prompt):
                return
            self.asked.append(prompt.messages[-1][1])
            arrived(index, self.answer(prompt.messages[-1][1]))


@contextmanager
def quiet(_total: int, _what: str) -> Iterator[Any]:
    yield lambda *_args, **_more: None


def even(text: str) -> int:
    if not text.isdigit():
        raise Unfit("no-number", f"'{text}' is no number")
    if int(text) % 2:
        raise Unfit("odd", "it is odd")
    return int(text)


def task(name: str, *, rule: Callable[[], Any] | None = None) -> Task:
    def none() -> Any:
        raise Unfit("no-rule", "no rule")

    return Task(id=name, prompt=Prompt((("user", name),), 5), read=even, rule=rule or none)


@contextmanager
def asking(folder: Path, *, limit: float | None = None) -> Iterator[Asking]:
    with opened(folder) as answers:
        yield Asking(answers, Budget(limit, "max_cost"), quiet, lambda _line: None)


def test_the_same_prompt_is_asked_once_and_a_failure_is_not_kept(tmp_path: Path) -> None:
    good = Fake(lambda text: Reply(text="2"))
    with asking(tmp_path) as one:
        prompts = [Prompt((("user", text),), 5) for text in ("a", "b", "a")]
        assert [reply.text for reply in one.ask(good, prompts, what="w")] == ["2", "2", "2"]
        assert good.asked == ["a", "b"]
        down = Fake(lambda text: Reply(failure="gone"), name="down")
        for _ in range(2):
            assert [reply.failure for reply in one.ask(down, prompts[:1], what="w")] == ["gone"]
    assert down.asked == ["a", "a"]


def test_rules_then_twice_the_first_then_the_second(tmp_path: Path) -> None:
    weak, strong = Fake(lambda text: Reply(text="3"), name="weak"), Fake(lambda text: Reply(text="4"), name="strong")
    tasks = [task("a"), task("b", rule=lambda: 8)]
    with asking(tmp_path) as one:
        outcomes = one.carry_out(tasks, [Tier(None, 1), Tier(weak, 2), Tier(strong, 2)], what="w")
    assert (outcomes["a"].value, outcomes["a"].by) == (4, "strong")
    assert (outcomes["b"].value, outcomes["b"].by) == (8, "rules")
    assert [(attempt.asker, attempt.reason) for attempt in outcomes["a"].attempts] == [
        ("rules", "no-rule"),
        ("weak", "odd"),
        ("weak", "odd"),
        ("strong", ""),
    ]
    assert weak.asked[0] == "a"
    assert "it is odd" in weak.asked[1]
    assert strong.asked == ["a"]


def test_a_limit_counts_what_earlier_starts_spent(tmp_path: Path) -> None:
    dear = Fake(lambda text: Reply(text="2", input_tokens=1_000_000, output_tokens=0), price=1.0)
    prompts = [Prompt((("user", text),), 5) for text in "abcdef"]
    for start in range(2):
        with asking(tmp_path, limit=2.5) as one, pytest.raises(RefusedError, match="max_cost"):
            one.ask(dear, prompts, what="w")
        assert len(dear.asked) == 3, start
    with asking(tmp_path, limit=100) as one:
        one.ask(dear, prompts, what="w")
        assert one.budget.spent == pytest.approx(6)
    assert len(dear.asked) == 6
    with asking(tmp_path, limit=0) as one:
        one.ask(dear, prompts, what="w")  # all is there: nothing is refused


def test_more_answers_than_a_statement_takes_and_the_first_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("isogloss.localize.answers._AT_ONCE", 4)
    with opened(tmp_path) as one, opened(tmp_path) as another:
        for number in range(11):
            (one if number % 2 else another).keep(f"k{number}", "m", Reply(text=str(number)))
        another.keep("k7", "m", Reply(text="later"))
        found = one.known([f"k{number}" for number in range(15)])
    assert len(found) == 11
    assert found["k7"].text == "7"


def test_a_damaged_file_of_answers_is_said_by_its_name(tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(b"no database at all, but long enough to be read as the header of one" * 40)
    with pytest.raises(UserError, match=r"answers\.sqlite.*move it away"), opened(tmp_path):
        pass


def test_what_is_written_is_there_for_another_process_at_once(tmp_path: Path) -> None:
    with opened(tmp_path) as answers:
        answers.keep("k", "m", Reply(text="t", input_tokens=3, output_tokens=4))
        seen = (
            sqlite3.connect(tmp_path / NAME).execute("select text, input_tokens, output_tokens from answers").fetchall()
        )
    assert seen == [("t", 3, 4)]


@pytest.mark.parametrize("per_minute", [1, 2, 3, 10, 59, 600, 90_000])
@pytest.mark.parametrize("largest", [1, 40, 100_000])
def test_no_minute_lets_more_through_than_its_limit(per_minute: int, largest: int) -> None:
    bucket = limiter(per_minute, largest=largest)
    assert bucket is not None
    assert int(bucket.max_rate + 60 * bucket.max_rate / bucket.time_period + 1e-9) <= per_minute
    assert bucket.max_rate >= 1
    assert limiter(None, largest=largest) is None


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("<!doctype html>", "a web page"),
        ("", "nothing"),
        ("nonsense", "no JSON"),
        ('{"error": {"message": "overloaded"}}', "overloaded"),
        ('{"choices": []}', "no chat completion"),
        ("[]", "no chat completion"),
        ("null", "no chat completion"),
        ('{"choices": [{"message": {"content": null}}]}', "without text"),
    ],
)
def test_a_body_that_is_no_completion(body: str, said: str) -> None:
    reply = read_completion(body, Prompt((("user", "a"),), 5))
    assert isinstance(reply, str)
    assert said in reply


def test_tokens_are_estimated_where_none_are_reported() -> None:
    body = '{"choices": [{"message": {"content": "four words of text"}}], "usage": {"prompt_tokens": "many"}}'
    reply = read_completion(body, Prompt((("user", "a question of some length"),), 5))
    assert isinstance(reply, Reply)
    assert reply.input_tokens > 4
    assert reply.output_tokens > 3


def test_a_translation_model_names_a_language_in_one_of_these_ways() -> None:
    assert {"__es__", "es_XX", "spa_Latn"} <= set(language_tokens("es"))
    assert {"zh_CN", "zho_Hans"} <= set(language_tokens("zh"))
    assert {"ar_AR", "arb_Arab"} <= set(language_tokens("ar"))


def test_two_at_once_ask_each_thing_once(tmp_path: Path) -> None:
    import threading
    import time

    def slowly(text: str) -> Reply:
        time.sleep(0.05)
        return Reply(text=text)

    fakes = [Fake(slowly), Fake(slowly)]
    said: list[str] = []

    def work(fake: Fake) -> None:
        with opened(tmp_path) as answers:
            asking = Asking(answers, Budget(None, "x.max_cost"), quiet, said.append)
            asking.carry_out([task(str(2 * number)) for number in range(4)], [Tier(fake, 1)], what="numbers")

    threads = [threading.Thread(target=work, args=(fake,)) for fake in fakes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(len(fake.asked) for fake in fakes) == [0, 4]
    assert any("another process asks the same" in line for line in said)


def test_an_answer_that_breaks_off_is_no_answer_also_when_it_is_kept(tmp_path: Path) -> None:
    fake = Fake(lambda text: Reply(text=text[:1], output_tokens=5, cut=True))
    for _ in range(2):
        with asking(tmp_path) as work:
            (outcome,) = work.carry_out([task("24")], [Tier(fake, 1)], what="numbers").values()
            assert (outcome.done, outcome.attempts[0].reason) == (False, "cut")
    assert len(fake.asked) == 1


def test_thoughts_before_an_answer_are_left_out_and_a_long_answer_is_not_sent_back_whole(tmp_path: Path) -> None:
    def answer(text: str) -> Reply:
        return Reply(text=f"<think>\nIs {text} even?\n</think>\n\n{text if text == '4' else 'x' * 100_000}")

    fake = Fake(answer)
    with asking(tmp_path) as work:
        done = work.carry_out([task("4")], [Tier(fake, 1)], what="numbers")
        assert done["4"].value == 4
        sent: list[Prompt] = []
        ask = fake.ask
        fake.ask = lambda prompts, **more: (sent.extend(prompts), ask(prompts, **more))[1]  # type: ignore[method-assign]
        work.carry_out([task("5")], [Tier(fake, 2)], what="numbers")
    assert len(sent) == 2
    assert sent[1].tokens < 3000


@pytest.mark.parametrize(
    ("body", "text", "cut"),
    [
        ('{"choices": [{"message": {"content": "a\\ud800"}}]}', "a?", False),
        (
            '{"choices": [{"message": {"content": null}, "finish_reason": "length"}], "usage": {"completion_tokens": 9}}',
            "",
            True,
        ),
        ('{"choices": [{"message": {"content": null, "refusal": "no"}}]}', "no", False),
    ],
)
def test_an_answer_without_a_text_was_paid_for(body: str, text: str, cut: bool) -> None:
    reply = read_completion(body, Prompt((("user", "a"),), 1))
    assert isinstance(reply, Reply)
    assert (reply.text, reply.cut) == (text, cut)


def test_retry_after_is_seconds_or_a_date() -> None:
    from email.utils import formatdate
    from time import time

    assert seconds_asked("3") == 3
    assert 20 < (seconds_asked(formatdate(time() + 30, usegmt=True)) or 0) <= 30
    assert seconds_asked("soon") is None
