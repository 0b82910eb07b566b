"""Four workers in processes of their own share a study, and one of them is killed in the middle of a trial."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import search_worker
from isogloss.search.front import summarise
from search_worker import GRACE, LIMIT, open_shared, scores, wait_until

WORKERS, TRIALS = 4, 24


def one_of_four_is_killed(place: str, folder: Path) -> None:
    """Run all trials; the killed worker's trial is tried again by another, and little is run beyond what was asked for."""
    study = open_shared(place)
    # Slow enough that the lost worker is noticed before the others have all their trials.
    seconds = str(2 * GRACE * (WORKERS - 1) / TRIALS)
    script = [sys.executable, search_worker.__file__, place, str(folder), str(TRIALS), "--seconds", seconds]
    workers = [
        subprocess.Popen(
            [*script, "--together", str(WORKERS), *(["--hang"] if rank == 0 else [])], stderr=subprocess.PIPE
        )
        for rank in range(WORKERS)
    ]
    wait_until(folder / "hanging")
    workers[0].kill()
    for worker in workers:
        _, errors = worker.communicate(timeout=LIMIT)
        assert worker.returncode == (-9 if worker is workers[0] else 0), errors.decode()

    result = summarise(study)
    counts = result.counts
    assert TRIALS <= counts.complete < TRIALS + WORKERS, counts
    assert (counts.failed, counts.retried, counts.running, counts.waiting) == (0, 1, 0, 0), counts
    assert sorted(trial.number for trial in result.trials) == list(range(counts.complete + 1))
    (lost,) = [trial for trial in result.trials if trial.state == "retried"]
    (again,) = [trial for trial in result.trials if trial.retry_of == lost.number]
    names = [f"{socket.gethostname()}:{worker.pid}" for worker in workers]
    assert lost.worker == names[0]
    assert (again.state, again.point) == ("complete", lost.point)
    assert {trial.worker for trial in result.trials} == set(names)
    assert [trial.source for trial in result.trials[:2]] == ["zero", "paper"]
    assert (folder / "evaluations").read_text().count((folder / "hanging").read_text()) == 2
    for trial in result.trials:
        if trial.state == "complete":
            assert trial.point is not None
            expected = scores(trial.point)
            assert (trial.transfer, trial.localization) == (expected.transfer, expected.localization)
