"""One worker of a search in a process of its own, for the tests: `python search_worker.py STORAGE FOLDER TRIALS [options]`.

It joins the study, which the test has made. Every evaluation is written to FOLDER/evaluations before it begins, as
`WORKER DIGEST`. With `--together N` the first evaluation waits until N workers are in theirs; with `--hang` it then says so
in FOLDER/hanging and never ends. With `--seconds S` an evaluation takes S seconds.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

from isogloss.errors import IsoglossError
from isogloss.search.result import Measured
from isogloss.search.space import SearchSpace, SteeringPoint
from isogloss.search.study import Heartbeat, Study, open_study
from isogloss.search.worker import run_trials

NAME = "shared"
LAYERS = 12
SPACE = SearchSpace(
    en_layers=tuple(range(1, LAYERS + 1)),
    loc_layers=tuple(range(1, LAYERS + 1)),
    en_gammas=(0.0, 2.0),
    loc_gammas=(0.0, 2.0),
)

#: Seconds without a sign of life; far more than a live worker's heartbeats need on a loaded machine.
GRACE = 12

#: Seconds after which a wait for another process has failed.
LIMIT = 120.0


def scores(point: SteeringPoint) -> Measured:
    """A trade-off: EN lifts transfer, best in layer 4, LOC lifts localization, best in layer 8, each at the other's cost."""
    one = point.steerings[0]
    en = one.en_gamma * (1 - 0.05 * abs((one.en_layer or 4) - 4))
    loc = one.loc_gamma * (1 - 0.05 * abs((one.loc_layer or 8) - 8))
    return Measured(
        transfer=0.02 * en - 0.01 * one.loc_gamma,
        localization=0.03 * loc - 0.01 * one.en_gamma,
        details={"english_bias": -0.01 * loc},
    )


def open_shared(storage: str | Path, name: str = NAME, *, create: bool = True) -> Study:
    """The study that the tests' workers share."""
    return open_study(
        storage,
        name,
        space=SPACE,
        context="tests",
        num_layers=LAYERS,
        create=create,
        heartbeat=Heartbeat(interval=1, grace=GRACE),
    )


def wait_until(path: Path, count: int = 1) -> None:
    """Wait until `count` paths match: `path` itself, or a pattern in its last part."""
    end = time.monotonic() + LIMIT
    while len(list(path.parent.glob(path.name))) < count:
        if time.monotonic() > end:
            raise TimeoutError(f"{path}: not there after {LIMIT:g} s")
        time.sleep(0.05)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("storage")
    parser.add_argument("folder", type=Path)
    parser.add_argument("trials", type=int)
    parser.add_argument("--together", type=int, default=1)
    parser.add_argument("--hang", action="store_true")
    parser.add_argument("--seconds", type=float, default=0.0)
    parser.add_argument("--name", default=NAME)
    given = parser.parse_args()
    folder: Path = given.folder

    def objective(point: SteeringPoint) -> Measured:
        first = not (folder / f"at-work-{os.getpid()}").exists()
        with (folder / "evaluations").open("a") as log:
            log.write(f"{os.getpid()} {point.digest}\n")
        if first:
            (folder / f"at-work-{os.getpid()}").touch()
            wait_until(folder / "at-work-*", given.together)
        if first and given.hang:
            (folder / "hanging").write_text(point.digest)
            while True:
                time.sleep(60)
        time.sleep(given.seconds)
        return scores(point)

    try:
        study = open_shared(given.storage, given.name, create=False)
        run_trials(study, objective, trials=given.trials)
    except IsoglossError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
