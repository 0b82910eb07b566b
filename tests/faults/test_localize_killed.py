"""`isogloss localize` killed half-way, and started again: nothing is asked twice."""

from __future__ import annotations

import json
import signal
import threading
from pathlib import Path

import pytest

from chat_endpoint import Sent, chat_endpoint, options_in
from command_line import isogloss, start
from small_blend import KOREAN, SPANISH, WITHOUT, write_blend

pytestmark = pytest.mark.usefixtures("own_cache_and_store")

REQUESTS = 10
STOPPED_AT = 5


def well(messages: list[dict[str, str]]) -> str:
    if (options := options_in(messages)) is not None:
        words = SPANISH if "into Spanish" in messages[0]["content"] else KOREAN
        return json.dumps({key: words.get(text, text) for key, text in options.items()}, ensure_ascii=False)
    return WITHOUT[messages[1]["content"]]


def command(folder: Path, url: str, settings: str = "concurrency: 1") -> list[str]:
    questions, choices = write_blend(folder)
    (folder / "settings.yaml").write_text(f"first: {{{settings}}}\n", encoding="utf-8")
    return [
        *("localize", "--questions", str(questions), "--choices", str(choices), "--languages", "es,ko"),
        *("--settings", "settings.yaml", "--model", "small-one", "--url", url, "--out", "out"),
    ]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGKILL, -signal.SIGKILL), (signal.SIGTERM, 4)])
def test_stopped_half_way_and_started_again(tmp_path: Path, number: signal.Signals, code: int) -> None:
    reached, gone = threading.Event(), threading.Event()

    def answering(messages: list[dict[str, str]], request: int) -> str | Sent:
        if request == STOPPED_AT:
            reached.set()
            gone.wait(120)
            return Sent(status=500)
        return well(messages)

    with chat_endpoint(answering) as endpoint:
        # Another model for each signal: the answers of all tests are in one cache.
        asked = [*command(tmp_path, endpoint.url), "--model", f"one-{number}"]
        running = start(*asked, cwd=tmp_path)
        try:
            assert running.until(reached.is_set), running.err
            running.signal(number)
            assert running.wait().code == code
        finally:
            gone.set()
        assert not (tmp_path / "out").exists()
        again = isogloss(*asked, cwd=tmp_path)
        assert again.code == 0, again.err
        assert len(endpoint.requests) == REQUESTS + 1  # the one that was under way is sent again, no other
        assert f"({STOPPED_AT - 1} answers are there already)" in again.err
    assert len((tmp_path / "out" / "choices.jsonl").read_text(encoding="utf-8").splitlines()) == 6


def test_a_key_in_place_of_its_variables_name_is_refused_unseen(tmp_path: Path) -> None:
    done = isogloss(*command(tmp_path, "http://127.0.0.1:9/v1"), "--key", "sk-very-secret", cwd=tmp_path)
    assert done.code == 2
    assert "localize.first.key: is the name of an environment variable" in done.err
    assert "sk-very-secret" not in done.err + done.out
    assert "Traceback" not in done.err


def test_an_endpoint_that_is_not_there_is_one_clear_message(tmp_path: Path) -> None:
    asked = command(tmp_path, "http://127.0.0.1:9/v1", "concurrency: 1, retries: 0, backoff: 0.001")
    done = isogloss(*asked, cwd=tmp_path)
    assert done.code == 2
    assert "failed 4 requests in a row" in done.err
    assert "no connection" in done.err
    assert "Traceback" not in done.err
    assert not (tmp_path / "out").exists()


def test_a_limit_refuses_with_its_own_exit_code(tmp_path: Path) -> None:
    asked = command(tmp_path, "http://127.0.0.1:9/v1", "input_price: 1000, output_price: 1000")
    done = isogloss(*asked, "--max-cost", "0.01", cwd=tmp_path)
    assert done.code == 3
    assert "localize.max_cost is 0.01" in done.err


def test_where_nothing_comes_through_the_reasons_are_kept_and_the_answers_too(tmp_path: Path) -> None:
    with chat_endpoint(lambda _messages, _number: "I cannot help with that.") as endpoint:
        asked = [*command(tmp_path, endpoint.url), "--model", "one-that-refuses"]
        done = isogloss(*asked, cwd=tmp_path)
        sent = len(endpoint.requests)
        assert done.code == 2
        assert "not one item came through" in done.err
        assert "out.rejected/rejected.jsonl" in done.err.replace("\n", "")
        assert "Traceback" not in done.err
        assert not (tmp_path / "out").exists()
        lines = (tmp_path / "out.rejected" / "rejected.jsonl").read_text(encoding="utf-8").splitlines()
        assert {json.loads(line)["answer"] for line in lines} >= {"I cannot help with that."}
        assert isogloss(*asked, cwd=tmp_path).code == 2
        assert len(endpoint.requests) == sent


def test_a_limit_of_nothing_is_a_limit(tmp_path: Path) -> None:
    with chat_endpoint(lambda messages, _number: well(messages)) as endpoint:
        asked = command(tmp_path, endpoint.url, "input_price: 1.0, output_price: 1.0")
        done = isogloss(*asked, "--model", "one-with-a-price", "--max-cost", "0", cwd=tmp_path)
        assert (done.code, len(endpoint.requests)) == (3, 0)
        assert "localize.max_cost is 0" in done.err
