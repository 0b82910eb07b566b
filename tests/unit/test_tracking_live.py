"""Showing what goes on while it does: the thread, and that what it recorded is not recorded again."""

import logging
import threading

import pytest

from isogloss.pipeline import recording
from isogloss.pipeline.recording import PARENT, Recorder, record_stage
from isogloss.stages.stage import ChildRun, Metric, StageOutcome
from isogloss.tracking.journal import Journal, fold
from isogloss.tracking.mlflow_sync import SyncResult, polling

#: Far more than any machine needs; nothing sleeps for it.
LIMIT = 60


def trial(number, **tags):
    return ChildRun(
        name=f"trial-{number}", kind="trial", params={"n": number}, metrics={"m": 0.5}, tags=tags, seconds=2.0
    )


@pytest.fixture
def journal(tmp_path):
    journal = Journal(tmp_path / "journal.jsonl")
    journal.start_run(PARENT, name="demo", kind="pipeline")
    journal.start_run("search", name="search", parent=PARENT, kind="stage")
    return journal


@pytest.fixture
def recorder(journal, monkeypatch):
    """A recorder whose projections only count, and that looks without pause."""
    monkeypatch.setattr(recording, "polling", lambda act: polling(act, every=0.001))
    monkeypatch.setattr(Recorder, "sync", lambda self, last=False: SyncResult(pending=0))
    return Recorder(journal, "sqlite:///nowhere", "x")


def children(journal):
    return {key: run for key, run in fold(journal.events()).items() if run.kind == "trial"}


def test_it_is_called_again_and_again_until_the_end():
    calls, thrice = [], threading.Event()

    def act():
        calls.append(threading.current_thread())
        if len(calls) == 3:
            thrice.set()

    with polling(act, every=0.001):
        assert thrice.wait(LIMIT)
    count = len(calls)
    assert threading.main_thread() not in calls
    assert not calls[0].is_alive()
    assert len(calls) == count


def test_what_goes_wrong_in_it_is_told_and_stops_nothing_else(caplog):
    failed = threading.Event()

    def act():
        failed.set()
        raise OSError("the storage is gone")

    with caplog.at_level(logging.WARNING), polling(act, every=0.001):
        assert failed.wait(LIMIT)
    assert "live updates to MLflow stopped" in caplog.text
    assert "the storage is gone" in caplog.text


def test_trials_are_recorded_while_the_search_goes_on_and_once(journal, recorder):
    finished, looked = [trial(0)], threading.Event()

    def source():
        if len(finished) == 2 and len(children(journal)) == 2:
            looked.set()
        return list(finished)

    with recorder.watched("search")(source):
        finished.append(trial(1))
        assert looked.wait(LIMIT), "both are in the journal before the search is over"
    before = len(journal.events())
    assert [run.status for run in children(journal).values()] == ["FINISHED", "FINISHED"]
    assert {run.end_ms - run.start_ms >= 2000 for run in children(journal).values()} == {True}, "as long as they took"

    record = StageOutcome(
        metrics=(Metric(name="area", value=1.0, step=3),), children=(trial(0, front="true"), trial(1), trial(2))
    )
    record_stage(journal, "search", journal.path.parent, record)
    found = children(journal)
    assert list(found) == [f"search/trial-{number}" for number in range(3)]
    assert found["search/trial-0"].tags["front"] == "true", "what is known at the end is added"
    starts = [event.run for event in journal.events() if event.kind == "start" and event.run in found]
    assert sorted(starts) == list(found), "none is started twice"
    assert not any(run.replaced for run in found.values())
    assert len([event for event in journal.events()[before:] if event.run == "search/trial-1"]) == 0


def test_after_a_kill_those_that_were_recorded_are_left_and_a_half_written_one_is_finished(journal, recorder):
    record_stage(journal, "search", journal.path.parent, StageOutcome(children=(trial(0),)))
    journal.start_run("search/trial-1", name="trial-1", parent="search", kind="trial")  # killed here
    before = len([event for event in journal.events() if event.run == "search/trial-0"])
    done = threading.Event()

    def source():
        if len(children(journal)) == 2 and all(run.status == "FINISHED" for run in children(journal).values()):
            done.set()
        return [trial(0), trial(1)]

    with recorder.watched("search")(source):
        assert done.wait(LIMIT)
    assert len([event for event in journal.events() if event.run == "search/trial-0"]) == before
    assert children(journal)["search/trial-1"].params == {
        "n": ("1", children(journal)["search/trial-1"].params["n"][1])
    }


def test_only_what_has_curves_is_tagged_so(journal):
    journal.start_run("data", name="data", parent=PARENT, kind="stage")
    record_stage(
        journal,
        "data",
        journal.path.parent,
        StageOutcome(metrics=(Metric(name="items", value=3),), note="Three items."),
    )
    record_stage(
        journal, "search", journal.path.parent, StageOutcome(metrics=(Metric(name="area", value=1.0, step=3),))
    )
    runs = fold(journal.events())
    assert "isogloss.curves" not in runs["data"].tags
    assert runs["data"].tags["mlflow.note.content"] == "Three items."
    assert runs["search"].tags["isogloss.curves"] == "true"
