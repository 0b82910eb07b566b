"""Folding events into runs: each step once, the last value wins, replaced values are remembered."""

import math

from isogloss.tracking.journal import Event, Point, fold


def events(*specs):
    """`(run, kind, data)` each, numbered from 1, a second apart."""
    return [
        Event(seq=number, ms=1000 * number, kind=kind, run=run, data=data)
        for number, (run, kind, data) in enumerate(specs, start=1)
    ]


def start(run, *, parent=None, **tags):
    return (run, "start", {"name": run, "parent": parent, "kind": "stage", "tags": tags})


def metric(run, value, *, step=0):
    return (run, "metrics", {"values": {"m": value}, "step": step})


def test_parents_come_before_children_and_times_are_the_events():
    runs = fold(events(start("p"), start("s", parent="p"), ("s", "end", {"status": "FINISHED"}), metric("p", 1.0)))
    assert list(runs) == ["p", "s"]
    assert (runs["s"].start_ms, runs["s"].end_ms, runs["s"].status, runs["s"].seq) == (2000, 3000, "FINISHED", 3)
    assert (runs["p"].end_ms, runs["p"].status, runs["p"].seq) == (None, "RUNNING", 4)


def test_the_same_value_again_stays_where_it_first_stood():
    run = fold(events(start("s"), metric("s", 0.5), metric("s", math.nan, step=1), start("s"), metric("s", 0.5),
                      metric("s", "nan", step=1)))["s"]  # fmt: skip
    assert run.points["m", 0] == Point(0.5, 2000, 2)
    assert run.points["m", 1].seq == 3
    assert run.replaced == []


def test_another_value_takes_the_place_and_contradicts_only_who_saw_the_first():
    run = fold(events(start("s"), metric("s", 0.5), start("s"), metric("s", 0.75)))["s"]
    assert run.points == {("m", 0): Point(0.75, 4000, 4)}
    assert [run.contradicts(shown) for shown in range(5)] == [False, False, True, True, False]


def test_a_changed_parameter_contradicts_too():
    run = fold(events(start("s"), ("s", "params", {"values": {"a": "1", "b": "2"}}),
                      ("s", "params", {"values": {"a": "1", "b": "3"}})))["s"]  # fmt: skip
    assert run.params == {"a": ("1", 2), "b": ("3", 3)}
    assert run.contradicts(2)
    assert not run.contradicts(3)


def test_starting_again_opens_the_run_and_keeps_what_it_had():
    run = fold(events(start("s", attempt="1"), metric("s", 1.0), ("s", "end", {"status": "KILLED", "at": 1500}),
                      start("s", attempt="2"), metric("s", 2.0, step=1)))["s"]  # fmt: skip
    assert (run.status, run.end_ms, run.start_ms, run.tags) == ("RUNNING", None, 1000, {"attempt": "2"})
    assert set(run.points) == {("m", 0), ("m", 1)}


def test_an_abandoned_run_ends_at_its_last_event():
    assert fold(events(start("s"), ("s", "end", {"status": "KILLED", "at": 1500})))["s"].end_ms == 1500


def test_artifacts_are_sent_again_and_datasets_are_not():
    artifact = ("s", "artifact", {"path": "a.csv", "folder": "tables"})
    dataset = ("s", "dataset", {"name": "d", "digest": "x", "context": "training", "rows": 3})
    run = fold(events(start("s"), artifact, dataset, artifact, dataset))["s"]
    assert run.artifacts == {("a.csv", "tables"): 4}
    assert run.datasets == {("d", "x", "training"): (3, 3)}
