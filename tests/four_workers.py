"""Four workers in processes of their own share a study, and one of them is killed in the middle of a trial."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections import Counter
from pathlib import Path

import search_worker
from isogloss.search.front import summarise
from search_worker import LIMIT, open_shared, scores, wait_until

WORKERS, TRIALS = 4, 24


def one_of_four_is_killed(place: str, database: str, folder: Path, *, elsewhere: bool) -> None:
    """Run every trial once but for the killed one's, which is tried again; `database` is what is behind `place`.

    With `elsewhere` the killed one says that it is on another machine, so that its silence alone tells of its end.
    """
    name = f"shared by way of {place.partition(':')[0]}"
    script = [sys.executable, search_worker.__file__, place, str(folder), str(TRIALS), "--name", name]
    first = ["--hang", *(["--elsewhere"] if elsewhere else [])]
    workers = [
        subprocess.Popen([*script, "--together", str(WORKERS), *(first if rank == 0 else [])], stderr=subprocess.PIPE)
        for rank in range(WORKERS)
    ]
    wait_until(folder / "hanging")
    workers[0].kill()
    for worker in workers:
        _, errors = worker.communicate(timeout=LIMIT)
        assert worker.returncode == (-9 if worker is workers[0] else 0), errors.decode()

    result = summarise(open_shared(database, name, create=False))
    counts = result.counts
    assert (counts.complete, counts.failed, counts.retried) == (TRIALS, 0, 1), counts
    assert (counts.running, counts.waiting) == (0, 0), counts
    assert sorted(each.number for each in result.trials) == list(range(TRIALS + 1))
    lost = next(each for each in result.trials if each.state == "retried")
    again = next(each for each in result.trials if each.retry_of == lost.number)
    names = [f"{socket.gethostname()}:{each.pid}" for each in workers]
    if elsewhere:
        names[0] = f"elsewhere:{workers[0].pid}"
    assert lost.worker == names[0]
    assert (again.state, again.point) == ("complete", lost.point)
    assert {each.worker for each in result.trials} == set(names)
    assert [each.source for each in result.trials[:2]] == ["zero", "paper"]

    evaluated = Counter(line.split()[1] for line in (folder / "evaluations").read_text().splitlines())
    assert evaluated.pop((folder / "hanging").read_text()) == 2
    assert set(evaluated.values()) == {1}
    for each in result.trials:
        if each.state == "complete":
            assert each.point is not None
            expected = scores(each.point)
            assert (each.transfer, each.localization) == (expected.transfer, expected.localization)
