"""The journal: what is written is read back, in order, whatever tears the file."""

import json
import logging
import math
import multiprocessing
import threading

import pytest

from isogloss.errors import DataError, UserError
from isogloss.processes import HOST_TAG, PID_TAG
from isogloss.tracking.journal import Journal


@pytest.fixture
def journal(tmp_path):
    return Journal(tmp_path / "pipeline" / "journal.jsonl")


def fill(journal, *, metrics=3):
    journal.start_run("p", name="pipeline", kind="pipeline", tags={"team": "a"})
    for step in range(metrics):
        journal.metrics("p", {"train/loss": 1.0 / (step + 1)}, step=step)
    journal.end_run("p", "FINISHED")


def test_reads_back_what_was_written_in_order(journal, tmp_path):
    journal.start_run("p", name="pipeline", kind="pipeline", tags={"team": "a"})
    journal.params("p", {"gamma": 0.5, "layers": [3, 4], "rule": "knee"})
    journal.metrics("p", {"plane/transfer": 0.25}, step=7)
    journal.artifact("p", tmp_path / "pipeline" / "table.csv", folder="tables")
    journal.artifact("p", tmp_path / "elsewhere.txt")
    journal.dataset("p", "choices", "abc", "evaluation", 12)
    journal.end_run("p", "FAILED")

    events = journal.events()
    assert [event.kind for event in events] == [
        "journal", "start", "params", "metrics", "artifact", "artifact", "dataset", "end",
    ]  # fmt: skip
    assert [event.seq for event in events] == list(range(1, 9))
    assert [event.ms for event in events] == sorted(event.ms for event in events)
    start, params, metrics, inside, outside, dataset, end = events[1:]
    assert start.data["tags"]["team"] == "a"
    assert {HOST_TAG, PID_TAG} <= start.data["tags"].keys()
    assert params.data["values"] == {"gamma": "0.5", "layers": "[3, 4]", "rule": "knee"}
    assert metrics.data == {"values": {"plane/transfer": 0.25}, "step": 7}
    assert inside.data == {"path": "table.csv", "folder": "tables"}
    assert outside.data["path"] == str(tmp_path / "elsewhere.txt")
    assert dataset.data == {"name": "choices", "digest": "abc", "context": "evaluation", "rows": 12}
    assert end.data == {"status": "FAILED"}


def test_an_absent_journal_has_no_events_and_no_file(journal):
    assert journal.events() == []
    assert journal.id is None
    assert not journal.path.parent.exists()


def test_a_second_object_goes_on_counting(journal):
    fill(journal)
    fill(Journal(journal.path))
    assert [event.seq for event in journal.events()] == list(range(1, 12))
    assert Journal(journal.path).id == journal.id


def test_every_line_is_strict_json_even_for_nan(journal):
    journal.start_run("p", name="p", kind="pipeline")
    journal.metrics("p", {"a": math.nan, "b": math.inf, "c": 1e-300})

    def refuse(word):
        raise AssertionError(f"{word} is not JSON")

    lines = journal.path.read_text().splitlines()
    values = json.loads(lines[-1], parse_constant=refuse)["values"]
    assert [float(value) for value in values.values()][1:] == [math.inf, 1e-300]
    assert math.isnan(float(values["a"]))


@pytest.mark.parametrize("name", ["", "a//b", "/a", "../a", "a\nb", "plane=x", "x" * 251, "a/"])
def test_names_that_mlflow_would_refuse_are_refused_at_once(journal, name):
    journal.start_run("p", name="p", kind="pipeline")
    with pytest.raises(ValueError, match="use letters"):
        journal.metrics("p", {name: 1.0})
    with pytest.raises(ValueError, match="use letters"):
        journal.params("p", {name: 1.0})
    assert len(journal.events()) == 2


@pytest.mark.parametrize("tail", [b'{"seq": 6, "ms": 1, "ev', b"\0" * 64, b'{"seq": 6}\n', b"\xff\xfe\n"])
def test_a_torn_last_line_is_left_out_reported_and_cut_off_by_the_next_append(journal, tail, caplog):
    fill(journal)
    whole = journal.path.read_bytes()
    journal.path.write_bytes(whole + tail)

    reader = Journal(journal.path)
    with caplog.at_level(logging.WARNING):
        assert len(reader.events()) == 6
    assert reader.torn is not None
    assert "torn" in caplog.text
    assert journal.path.read_bytes() == whole + tail

    reader.start_run("q", name="q", kind="stage")
    assert journal.path.read_bytes().startswith(whole + b'{"seq": 7')
    assert [event.seq for event in Journal(journal.path).events()] == list(range(1, 8))


def test_any_cut_leaves_the_whole_lines_before_it(journal):
    fill(journal)
    content = journal.path.read_bytes()
    for length in range(len(content)):
        journal.path.write_bytes(content[:length])
        assert len(Journal(journal.path).events()) == content[:length].count(b"\n")


def test_damage_further_up_is_an_error_with_its_line(journal):
    fill(journal)
    lines = journal.path.read_bytes().splitlines(keepends=True)
    journal.path.write_bytes(b"".join([*lines[:2], b"garbage\n", *lines[3:]]))
    with pytest.raises(DataError, match=r"journal\.jsonl:3: line: is not event 3"):
        Journal(journal.path).events()
    with pytest.raises(DataError, match=r"journal\.jsonl:3: line"):
        Journal(journal.path).metrics("p", {"a": 1.0})


def test_a_lost_line_is_an_error(journal):
    fill(journal)
    lines = journal.path.read_bytes().splitlines(keepends=True)
    journal.path.write_bytes(b"".join(lines[:2] + lines[3:]))
    with pytest.raises(DataError, match="is not event 3"):
        Journal(journal.path).events()


def test_a_newer_format_says_to_update(journal):
    fill(journal)
    journal.path.write_text(journal.path.read_text().replace('"format": 1', '"format": 2', 1))
    with pytest.raises(UserError, match="update isogloss"):
        Journal(journal.path).events()


def test_artifacts_under_the_base_are_kept_relative(tmp_path):
    journal = Journal(tmp_path / "mlruns" / "pipelines" / "a" / "journal.jsonl", base=tmp_path / "mlruns")
    journal.start_run("p", name="p", kind="pipeline")
    journal.artifact("p", tmp_path / "mlruns" / "stages" / "b" / "x.csv")
    journal.artifact("p", tmp_path / "mlruns.csv")
    paths = [event.data["path"] for event in journal.events()[2:]]
    assert paths == ["../../stages/b/x.csv", str(tmp_path / "mlruns.csv")]


def test_a_run_that_was_never_started_is_refused_and_leaves_no_trace(journal):
    journal.start_run("p", name="p", kind="pipeline")
    for _ in range(2):
        with pytest.raises(ValueError, match="run 'q' was not started"):
            journal.end_run("q", "FAILED")
        with pytest.raises(ValueError, match="run 'q' was not started"):
            journal.start_run("s", name="s", parent="q", kind="stage")
    assert len(journal.events()) == 2
    Journal(journal.path).end_run("p", "FINISHED")  # started by another object


def _write_many(path, name, count):
    journal = Journal(path)
    for step in range(count):
        journal.metrics("p", {name: float(step)}, step=step)


def test_processes_and_threads_share_a_journal_without_losing_a_line(journal):
    journal.start_run("p", name="p", kind="pipeline")
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_write_many, args=(journal.path, f"process{i}", 60)) for i in range(2)]
    workers += [threading.Thread(target=_write_many, args=(journal.path, f"thread{i}", 60)) for i in range(2)]
    for worker in workers:
        worker.start()
    for step in range(60):
        journal.metrics("p", {"mine": float(step)}, step=step)
    for worker in workers:
        worker.join()
    events = journal.events()
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    steps = {}
    for event in events[2:]:
        steps.setdefault(*event.data["values"], []).append(event.data["step"])
    assert steps == {name: list(range(60)) for name in ("process0", "process1", "thread0", "thread1", "mine")}


def _start_only(path):
    Journal(path).start_run("dead", name="dead", kind="stage")


def test_runs_of_a_process_that_is_gone_are_closed_as_killed_at_their_last_event(journal):
    journal.start_run("mine", name="mine", kind="pipeline")
    child = multiprocessing.get_context("spawn").Process(target=_start_only, args=(journal.path,))
    child.start()
    child.join()
    journal.metrics("mine", {"a": 1.0})
    assert journal.close_abandoned() == ["dead"]
    end = journal.events()[-1]
    start = next(event for event in journal.events() if event.run == "dead")
    assert (end.run, end.data) == ("dead", {"status": "KILLED", "at": start.ms})
    assert journal.close_abandoned() == []
