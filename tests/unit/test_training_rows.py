"""From files to tokens: what is read, left out, cut, refused, and in which order it comes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from isogloss.data.benchmark.wording import language_file, languages
from isogloss.data.rows import InstructionRow, write_rows
from isogloss.errors import DataError, UserError
from isogloss.methods.job import DECISIONS
from isogloss.methods.rows import (
    Entry,
    Tokens,
    batch_order,
    check_tokenizer,
    decision,
    encode,
    read_training,
    report_decisions,
    steps_of,
    within_length,
)
from isogloss.methods.trainer import micro_batches
from isogloss.spec.align import LaunchSpec
from training_jobs import LANGUAGES, instruction_rows, make_job, tiny_folder


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(tiny_folder("llama"))


def entries(rows: int, languages: tuple[str, ...] = LANGUAGES, *, size: int = 4) -> list[Entry]:
    return [
        Entry(f"row/{row} ({code})", f"row/{row}", code, (Tokens((2,), (5,) * (size - 2) + (1,)),))
        for row in range(rows)
        for code in languages
    ]


def test_rows_are_cut_to_the_languages_of_the_job(tmp_path: Path) -> None:
    rows = read_training(make_job(tmp_path, languages=("en", "ko")))
    assert len(rows.instructions) == 12
    assert set(rows.instructions[0].prompt) == set(rows.instructions[0].response) == {"en", "ko"}
    assert rows.parallel == ()
    assert rows.decisions == ()
    aligned = read_training(make_job(tmp_path, method="midalign", languages=("en", "ko")))
    assert set(aligned.parallel[0].text) == {"en", "ko"}


def test_languages_missing_from_rows_are_counted_or_refused(tmp_path: Path) -> None:
    job = make_job(tmp_path)
    uneven = [
        *instruction_rows(5),
        InstructionRow(id="without", prompt={"en": "a", "es": "b"}, response={"en": "c", "es": "d"}),
        InstructionRow(id="bare", prompt={"el": "a"}, response={"el": "b"}),
    ]
    write_rows(job.instructions[0], uneven)
    rows = read_training(job)
    assert [row.id for row in rows.instructions] == [row.id for row in uneven[:-1]]
    assert [str(one) for one in rows.decisions] == [
        "1 of 7 instruction rows left out: they have none of the languages (bare)",
        "1 of 7 instruction rows without 'ko', used in the other languages (without)",
    ]
    with pytest.raises(DataError, match=r"without: lacks ko\n.*bare: lacks en, es, ko"):
        read_training(job.model_copy(update={"missing_language": "refuse"}))


def test_a_language_in_no_row_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no instruction row has the language 'el'; they have en, es, ko"):
        read_training(make_job(tmp_path, languages=("en", "el")))


def test_an_id_that_two_files_give_to_different_rows_is_an_error(tmp_path: Path) -> None:
    job = make_job(tmp_path)
    other = tmp_path / "other.jsonl"
    write_rows(other, [InstructionRow(id="row/3", prompt={"en": "else"}, response={"en": "else"})])
    with pytest.raises(DataError, match=r"other.jsonl:1: id: 'row/3' already stands at .*instructions.jsonl:4"):
        read_training(job.model_copy(update={"instructions": (*job.instructions, other)}))


def test_sentence_pairs_are_needed_for_midalign(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="given no parallel file"):
        read_training(make_job(tmp_path, method="midalign").model_copy(update={"parallel": ()}))


def test_templates(tokenizer: Any) -> None:
    for language in languages():
        tokens = encode(tokenizer, "Who?", "me", language=language, template="cloze")
        assert tokenizer.decode(tokens.prompt) == f"<bos>Who?\n{language_file(language).answer}"
        assert tokenizer.decode(tokens.completion) == " me<eos>"
    plain = encode(tokenizer, "Who?", "the", language="en", template="plain")
    assert tokenizer.decode([*plain.prompt, *plain.completion]) == "<bos>Who?\nthe<eos>"


def test_a_response_never_changes_the_prompts_tokens(tokenizer: Any) -> None:
    alone = encode(tokenizer, "x", "y", language="en", template="plain").prompt
    # The vocabulary joins "t" and "h": a prompt that ends in "t" would be tokenized anew with what follows.
    tokenizer.chat_template = "{{ messages[0]['content'] }}"
    joined = encode(tokenizer, "at", "he", language="en", template="chat")
    tokenizer.chat_template = None
    assert tokenizer.decode(joined.prompt) == "at"
    assert tokenizer.decode(joined.completion) == "he<eos>"
    assert encode(tokenizer, "x", "th", language="en", template="plain").prompt == alone


def test_chat_without_a_template_is_an_error(tokenizer: Any, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="has no chat template"):
        check_tokenizer(tokenizer, make_job(tmp_path, template="chat"))


def test_too_long(tmp_path: Path) -> None:
    long = Entry("long (en)", "long", "en", (Tokens((2,), (5,) * 3), Tokens((2,) * 5, (5,) * 9)))
    hopeless = Entry("hopeless (en)", "hopeless", "en", (Tokens((2,) * 8, (5,)),))
    given = [*entries(1), long, hopeless]

    left, made = within_length(given, make_job(tmp_path, max_length=8, too_long="drop"))
    assert left == entries(1)
    assert [str(one) for one in made] == ["2 of 5 left out: longer than max_length 8 (long (en), hopeless (en))"]

    left, made = within_length(given, make_job(tmp_path, max_length=8, too_long="cut"))
    assert [len(one) for one in left[-1].sequences] == [4, 8]
    assert left[-1].sequences[1].prompt == (2,) * 5
    assert [(one.count, one.rows) for one in made] == [(1, ("long (en)",)), (1, ("hopeless (en)",))]

    with pytest.raises(DataError, match=r"instructions.jsonl: long \(en\): 14 tokens\n.*hopeless \(en\): 9 tokens"):
        within_length(given, make_job(tmp_path, max_length=8, too_long="refuse"))
    with pytest.raises(UserError, match=r"no training row is within train.max_length 8 tokens; the shortest has 9"):
        within_length([hopeless], make_job(tmp_path, max_length=8))


def test_decisions_are_written_and_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    job = make_job(tmp_path)
    assert decision("rows left out", [], total=9) == ()
    report_decisions(job, decision("rows left out", [f"r{number}" for number in range(30)], total=90))
    (written,) = json.loads((job.folder / DECISIONS).read_text())
    assert (written["count"], written["total"], len(written["rows"])) == (30, 90, 20)
    assert capsys.readouterr().err == "data: 30 of 90 rows left out (r0, r1, r2, …)\n"


def test_every_run_of_as_many_as_languages_holds_each_once() -> None:
    given = entries(20, ("en", "es", "ko", "el"))
    order = batch_order(given, total=200, seed=3)
    assert sorted(order[:80]) == sorted(order[80:160]) == list(range(80))
    assert order[:80] != order[80:160]
    assert order != batch_order(given, total=200, seed=4)
    assert order == batch_order(given, total=200, seed=3)
    for begin in range(0, 77):
        those = [given[index] for index in order[begin : begin + 4]]
        assert len({one.row for one in those}) == 4
        if begin % 20 <= 16:  # a new turn through the rows begins every 20
            assert len({one.language for one in those}) == 4


def test_rows_that_lack_languages_are_all_seen() -> None:
    given = entries(5) + entries(9, ("en",))[5:] + entries(11, ("ko", "es"))[18:]
    order = batch_order(given, total=len(given), seed=0)
    assert sorted(order) == list(range(len(given)))


def test_steps_cover_the_epochs(tmp_path: Path) -> None:
    job = make_job(tmp_path, steps=None, epochs=1.0, batch=6)
    assert [steps_of(job, count) for count in (1, 6, 7, 36)] == [1, 1, 2, 6]
    assert steps_of(make_job(tmp_path, steps=None, epochs=2.5, batch=6), 12) == 5
    assert steps_of(make_job(tmp_path, steps=9), 12) == 9


def test_micro_batches(tmp_path: Path) -> None:
    job = make_job(tmp_path, batch=12)

    def parts(micro: int | None, processes: int) -> tuple[int, int]:
        return micro_batches(job.model_copy(update={"launch": LaunchSpec(micro_batch=micro)}), processes=processes)

    assert (parts(None, 1), parts(None, 3), parts(2, 3), parts(99, 2)) == ((12, 1), (4, 1), (2, 2), (6, 1))
    with pytest.raises(UserError, match=r"train.batch is 12, which 5 processes cannot share evenly"):
        parts(None, 5)
    with pytest.raises(UserError, match="set micro_batch to a divisor of 6"):
        parts(4, 2)
