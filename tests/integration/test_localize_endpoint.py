"""BLEnD made local by an endpoint: what is sent, what is kept, what is redone, and what a rerun costs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from chat_endpoint import ChatEndpoint, Sent, chat_endpoint, completion, options_in
from isogloss.data.rows import read_choices
from isogloss.errors import RefusedError, UserError
from isogloss.localize.answers import opened
from isogloss.localize.made import Made, Source, make_localized
from isogloss.spec.localize import LocalizeSection
from small_blend import KOREAN, SPANISH, WITHOUT, write_blend

LANGUAGES = ("es", "ko")
#: Three questions in each of two languages, and two dictionaries of options: the third has figures alone.
REQUESTS = 10


def well(messages: list[dict[str, str]], _number: int) -> str:
    """The right answer to a request."""
    if (options := options_in(messages)) is not None:
        words = SPANISH if "into Spanish" in messages[0]["content"] else KOREAN
        return json.dumps({key: words.get(text, text) for key, text in options.items()}, ensure_ascii=False)
    return WITHOUT[messages[1]["content"]]


@contextmanager
def quiet(_total: int, _what: str) -> Iterator[Any]:
    yield lambda *_args, **_more: None


class Work:
    """One piece of work on the made-up rows, in one folder with one file of kept answers."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.questions, self.choices = write_blend(folder)
        self.said: list[str] = []
        self.starts = 0

    def run(self, endpoint: ChatEndpoint | None, *, languages: tuple[str, ...] = LANGUAGES, **more: Any) -> Made:
        self.starts += 1
        out = self.folder / f"out{self.starts}"
        out.mkdir()
        given = {"questions": (self.questions,), "choices": (self.choices,), **more}
        if endpoint is not None:
            given["first"] = asked(endpoint, **given.get("first", {}))
        return make_localized(
            LocalizeSection.model_validate(given),
            out,
            languages=languages,
            source=Source(),
            progress=quiet,
            say=self.said.append,
            answers=self.folder,
        )

    def rejected(self) -> list[dict[str, str]]:
        text = (self.folder / f"out{self.starts}" / "rejected.jsonl").read_text(encoding="utf-8")
        return [json.loads(line) for line in text.splitlines()]


def asked(endpoint: ChatEndpoint, **more: Any) -> dict[str, Any]:
    return {
        "kind": "endpoint",
        "model": "small-one",
        "url": endpoint.url,
        "backoff": 0.001,
        "retries": 2,
        "timeout": 30,
        **more,
    }


@pytest.fixture
def work(tmp_path: Path) -> Work:
    return Work(tmp_path)


def test_items_are_local_and_a_rerun_sends_nothing(work: Work) -> None:
    with chat_endpoint(well) as endpoint:
        made = work.run(endpoint)
        assert len(endpoint.requests) == REQUESTS
        assert any(f"{REQUESTS} requests" in line for line in work.said)
        again = work.run(endpoint)
        assert len(endpoint.requests) == REQUESTS
    assert again.rows == made.rows
    assert again.metrics["asked/requests"] == 0
    items = read_choices([work.folder / "out1" / "choices.jsonl"]).rows
    first = next(item for item in items if item.id == "Xx-en-01-Spain-es")
    assert (first.question, first.context_question) == (
        "¿Qué se desayuna los domingos?",
        "¿Qué se desayuna los domingos en España?",
    )
    assert first.options == ("churros", "gachas", "sopa", "tostada")
    assert first.option_regions == (("ES",), ("US",), ("GB",), ("CN",))
    assert (first.group, first.answer, first.axis, first.region, first.kind) == (
        "Xx-en-01",
        0,
        "localization",
        "ES",
        "Food",
    )
    assert {item.language for item in items} == {"es", "ko"}
    assert len(items) == 6
    assert {name for item in items for name in [item.split] if item.group == "Xx-en-01"} == {first.split}


def test_another_model_is_asked_anew(work: Work) -> None:
    with chat_endpoint(well) as endpoint:
        work.run(endpoint)
        work.run(endpoint, first={"model": "another"})
        assert len(endpoint.requests) == 2 * REQUESTS
        work.run(endpoint, first={"concurrency": 1, "timeout": 5, "retries": 0})
        assert len(endpoint.requests) == 2 * REQUESTS


def test_a_malformed_dictionary_is_asked_for_again_with_what_was_wrong(work: Work) -> None:
    wrong: list[str] = []

    def answering(messages: list[dict[str, str]], number: int) -> str:
        if (options := options_in(messages)) is not None and len(messages) == 2 and "21:00" not in options.values():
            wrong.append(messages[1]["content"])
            return ['{"1": "churros", ', '{"one": "churros"}'][len(wrong) % 2]
        return well(messages, number)

    with chat_endpoint(answering) as endpoint:
        made = work.run(endpoint)
        corrections = [one["messages"] for one in endpoint.requests if len(one["messages"]) == 4]
    assert made.metrics["items/es"] == made.metrics["items/ko"] == 3
    assert len(wrong) >= 4
    assert all(messages[2]["role"] == "assistant" for messages in corrections)
    assert any("cannot be used" in messages[3]["content"] for messages in corrections)


def test_what_the_first_cannot_do_goes_to_the_second_and_is_then_rejected(work: Work) -> None:
    def stubborn(messages: list[dict[str, str]], number: int) -> str:
        return messages[1]["content"] if options_in(messages) is None else well(messages, number)

    def stronger(messages: list[dict[str, str]], number: int) -> str:
        hard = "¿Qué juego" in messages[1]["content"]
        return "¿Cuál es la capital de Francia?" if hard else well(messages, number)

    with chat_endpoint(stubborn) as weak, chat_endpoint(stronger) as strong:
        made = work.run(weak, second=asked(strong, model="large-one"), languages=("es",))
        assert len(strong.requests) == 4  # three questions, one of them twice
    assert made.metrics["items/es"] == 2
    assert made.metrics["rejected/es/question/country-named"] == 1
    question = next(one for one in work.rejected() if one["what"] == "question")
    assert (question["id"], question["asked"]) == ("Xx-en-02", "large-one")
    assert "Francia" in question["message"]


def test_rules_come_first_and_a_model_does_the_rest(work: Work) -> None:
    with chat_endpoint(well) as endpoint:
        made = work.run(None, first={"kind": "rules"}, second=asked(endpoint))
        assert all(options_in(one["messages"]) is not None for one in endpoint.requests)
        assert len(endpoint.requests) == 4  # what people answered, and figures, need no model
    assert made.metrics["items/es"] == made.metrics["items/ko"] == 3


def test_without_any_model_the_items_are_those_that_people_answered_in_both_languages(work: Work) -> None:
    made = work.run(None)
    assert made.metrics["items/es"] == 1  # dinner: figures alone
    assert made.metrics["rejected/es/option/no-translation"] == 4
    assert {one["reason"] for one in work.rejected() if one["what"] == "item"} == {"option-lost"}


PASSING = (
    Sent(status=429, body='{"error": {"message": "slow down"}}', headers={"Retry-After": "0"}),
    Sent(status=500, body="oh no"),
    Sent(status=503, body="<html>busy</html>"),
    Sent(body="<html><body>log in</body></html>"),
    Sent(body='{"choices": []}'),
    Sent(body=""),
    Sent(body='{"choices": [{"message": {"content": "cut of'),
    Sent(body='{"choices": [{"message": {"content": null}}]}'),
    Sent(body='{"error": {"message": "overloaded"}}'),
    Sent(body="[1, 2]"),
)


def test_what_passes_is_sent_again(work: Work) -> None:
    failed: list[str] = []

    def answering(messages: list[dict[str, str]], number: int) -> str | Sent:
        name = messages[1]["content"]
        if name not in failed:
            failed.append(name)
            return PASSING[len(failed) - 1]
        return well(messages, number)

    with chat_endpoint(answering) as endpoint:
        made = work.run(endpoint, first={"concurrency": 1})
        assert len(failed) == len(PASSING) == REQUESTS
        assert len(endpoint.requests) == 2 * REQUESTS
    assert made.metrics["items/es"] == made.metrics["items/ko"] == 3


def test_a_refused_key_ends_at_once_and_is_in_no_message(work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MADE_UP_KEY", "sk-very-secret")
    sent = Sent(status=401, body='{"error": {"message": "bad key sk-very-secret"}}')
    with chat_endpoint(lambda _messages, _number: sent) as endpoint:
        with pytest.raises(UserError, match="refuses the key in MADE_UP_KEY") as error:
            work.run(endpoint, first={"key": "MADE_UP_KEY", "concurrency": 1})
        assert endpoint.keys == ["Bearer sk-very-secret"]
    assert "sk-very-secret" not in str(error.value)


def test_an_empty_key_is_said_before_anything_is_sent(work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MADE_UP_KEY", raising=False)
    with chat_endpoint(well) as endpoint:
        with pytest.raises(UserError, match="MADE_UP_KEY is empty"):
            work.run(endpoint, first={"key": "MADE_UP_KEY"})
        assert not endpoint.requests


def test_a_prompt_that_is_refused_is_counted_and_the_others_go_on(work: Work) -> None:
    def answering(messages: list[dict[str, str]], number: int) -> str | Sent:
        if "¿Qué juego" in messages[1]["content"] and options_in(messages) is None:
            return Sent(status=400, body='{"error": {"message": "content filter"}}')
        return well(messages, number)

    with chat_endpoint(answering) as endpoint:
        made = work.run(endpoint, languages=("es",))
    assert made.metrics["items/es"] == 2
    assert made.metrics["rejected/es/question/no-answer"] == 1
    assert any("content filter" in one["message"] for one in work.rejected())


def test_an_endpoint_that_only_fails_is_given_up_and_what_came_before_is_kept(work: Work) -> None:
    down = {"from": 5}

    def answering(messages: list[dict[str, str]], number: int) -> str | Sent:
        return well(messages, number) if number < down["from"] else Sent(status=500, body="oh no")

    with chat_endpoint(answering) as endpoint:
        with pytest.raises(UserError, match=r"failed \d+ requests in a row.*500"):
            work.run(endpoint, first={"concurrency": 1, "retries": 0})
        down["from"] = 10**6
        before = len(endpoint.requests)
        made = work.run(endpoint, first={"concurrency": 1, "retries": 0})
        assert len(endpoint.requests) - before == REQUESTS - 4
    assert made.metrics["asked/kept"] == 4


def test_what_is_under_way_when_the_work_ends_arrives_and_is_kept(work: Work) -> None:
    def answering(messages: list[dict[str, str]], number: int) -> str | Sent:
        if number == 1:
            return Sent(body=completion(well(messages, number)), wait=0.5)
        return Sent(status=401, body="{}")

    with chat_endpoint(answering) as endpoint:
        with pytest.raises(UserError, match="wants a key"):
            work.run(endpoint, first={"concurrency": 2})
        assert len(endpoint.requests) == 2
    with opened(work.folder) as answers:
        assert answers._connection.execute("select count(*) from answers").fetchone() == (1,)


def test_a_timeout_is_a_clear_rejection(work: Work) -> None:
    def answering(messages: list[dict[str, str]], number: int) -> str | Sent:
        if "¿A qué hora" in messages[1]["content"] and options_in(messages) is None:
            return Sent(body="{}", wait=30)
        return well(messages, number)

    with chat_endpoint(answering) as endpoint:
        made = work.run(endpoint, languages=("es",), first={"timeout": 1.0, "retries": 0})
    assert made.metrics["items/es"] == 2
    assert any("no answer within 1 s" in one["message"] for one in work.rejected())


def test_an_answer_that_trickles_ends_at_the_timeout(work: Work) -> None:
    def answering(messages: list[dict[str, str]], number: int) -> str | Sent:
        if "¿A qué hora" in messages[1]["content"] and options_in(messages) is None:
            return Sent(body=" " * 500, trickle=0.3)
        return well(messages, number)

    with chat_endpoint(answering) as endpoint:
        made = work.run(endpoint, languages=("es",), first={"timeout": 1.0, "retries": 0})
    assert made.metrics["items/es"] == 2
    assert any("no answer within 1 s" in one["message"] for one in work.rejected())


def test_a_key_is_asked_for_where_none_is_named_and_looked_at_where_one_is(
    work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    with chat_endpoint(lambda _messages, _number: Sent(status=401, body="{}")) as endpoint:
        with pytest.raises(UserError, match=r"wants a key, and none is named.*localize\.first\.key \(--key\)"):
            work.run(endpoint, first={"concurrency": 1})
        monkeypatch.setenv("MADE_UP_KEY", "clé secrète")
        with pytest.raises(UserError, match="MADE_UP_KEY holds characters that no API key has"):
            work.run(endpoint, first={"key": "MADE_UP_KEY"})
        assert len(endpoint.requests) == 1


def test_a_limit_without_prices_and_a_whole_path_are_refused_before_anything_is_sent(work: Work) -> None:
    with chat_endpoint(well) as endpoint:
        with pytest.raises(ValidationError, match="max_cost: limits nothing without prices"):
            work.run(endpoint, max_cost=20)
        with pytest.raises(ValidationError, match="url: goes up to the version"):
            work.run(endpoint, first={"url": f"{endpoint.url}/chat/completions"})
        assert not endpoint.requests


def test_an_estimate_above_the_limit_is_refused_before_anything_is_sent(work: Work) -> None:
    dear = {"input_price": 1000.0, "output_price": 1000.0}
    with chat_endpoint(well) as endpoint:
        with pytest.raises(RefusedError, match=r"localize.max_cost is 0.001.*Nothing was asked"):
            work.run(endpoint, first=dear, max_cost=0.001)
        assert not endpoint.requests
    assert any("at the prices given" in line for line in work.said)


def test_the_limit_holds_on_the_way_and_over_all_starts(work: Work) -> None:
    # Each answer says that it took a hundred times the tokens that its text has.
    prices = {"input_price": 1.0, "output_price": 1.0, "concurrency": 1}
    with chat_endpoint(well, usage=(50_000, 50_000)) as endpoint:
        with pytest.raises(RefusedError, match="is reached"):
            work.run(endpoint, first=prices, max_cost=0.25)
        sent = len(endpoint.requests)
        assert 0 < sent <= 4
        with pytest.raises(RefusedError):
            work.run(endpoint, first=prices, max_cost=0.25)
        assert len(endpoint.requests) == sent
        made = work.run(endpoint, first=prices, max_cost=10)
        assert len(endpoint.requests) == REQUESTS
    assert made.metrics["asked/cost"] == pytest.approx(REQUESTS * 0.1)


def test_no_more_at_once_and_a_minute_than_asked_for(work: Work) -> None:
    with chat_endpoint(well) as endpoint:
        work.run(endpoint, first={"concurrency": 2, "requests_per_minute": 1200})
        assert endpoint.most_at_once <= 2
        # A tenth of the limit may come at once; the others no faster than the rest of it.
        assert len(endpoint.requests) == REQUESTS


def test_the_record_names_models_prompts_and_samples_and_no_key(work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MADE_UP_KEY", "sk-very-secret")
    with chat_endpoint(well) as endpoint:
        body = {"max_completion_tokens": 300, "reasoning_effort": "low"}
        work.run(endpoint, first={"key": "MADE_UP_KEY", "body": body, "temperature": None})
        sent = endpoint.requests[0]
    assert set(sent) == {"model", "messages", *body}
    texts = {path.name: path.read_text(encoding="utf-8") for path in (work.folder / "out1").iterdir()}
    assert not any("sk-very-secret" in text for text in texts.values())
    prompts = json.loads(texts["prompts.json"])
    assert prompts["askers"]["first"]["model"] == "small-one"
    assert "Remove every mention" in prompts["templates"]["remove"]
    assert "¿Qué se desayuna los domingos?" in texts["samples.md"]


def test_a_language_that_the_rules_do_not_know_is_said_at_once(work: Work) -> None:
    with pytest.raises(UserError, match="the rules do not know 'de'"):
        work.run(None, languages=("de",), countries={"de": "Spain"})
    with pytest.raises(UserError, match="no country for fr"):
        work.run(None, languages=("fr",))
    with pytest.raises(UserError, match="did you mean 'Spain'"):
        work.run(None, languages=("es",), countries={"es": "Spian"})
