"""Signs of life and turns behind a gRPC proxy, made of trials and their attributes, which is all that it offers.

A worker's running trial carries a count that goes up as long as the worker lives; one whose count stands still for the
grace period, by the observer's own clock, is lost. For turns a second study stands beside the first. Who wants one adds a
trial there, a ticket; the unfinished ticket with the lowest number has the turn. Numbers are given out one after
another by the database, so that all agree on whose turn it is, and a ticket whose holder is lost is failed by whoever
waits for it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial

import optuna
from optuna.exceptions import UpdateFinishedTrialError
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState

from isogloss.errors import InterruptedRun

#: The attribute of a running trial that holds its worker's count.
ALIVE = "alive"

#: Seconds between two looks at whose turn it is.
_LOOK = 0.1


class TurnLost(InterruptedRun):
    """This process was held up in its turn for so long that the others took it for dead."""


@dataclass
class Observer:
    """Tells which trials show no sign of life. Each observer goes by its own clock, since others' may differ."""

    grace: float
    _seen: dict[int, tuple[int | None, float]] = field(default_factory=dict)

    def silent(self, trials: Sequence[FrozenTrial]) -> set[int]:
        """Numbers of those of `trials` whose count has stood still for longer than the grace period."""
        now = time.monotonic()
        counts = {each.number: each.user_attrs.get(ALIVE) for each in trials}
        before = self._seen
        self._seen = {
            number: before[number] if number in before and before[number][0] == count else (count, now)
            for number, count in counts.items()
        }
        return {number for number, (_, since) in self._seen.items() if now - since > self.grace}


@contextmanager
def beating(show: Callable[[str, int], None], *, interval: float) -> Iterator[None]:
    """Count up a running trial's sign of life every `interval` seconds, from a thread, until the context is left.

    `show(attribute, count)` sets the trial's attribute.
    """
    import grpc

    show(ALIVE, 1)
    stop = threading.Event()

    def beat() -> None:
        count = 1
        while not stop.wait(interval):
            count += 1
            # A proxy that is away may be back for the next one, and a trial that was taken away needs none: the worker's
            # own calls tell it of either.
            with suppress(grpc.RpcError, UpdateFinishedTrialError):
                show(ALIVE, count)

    thread = threading.Thread(target=beat, name="signs of life", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


@dataclass(frozen=True, kw_only=True)
class Tickets:
    """The turns of the study `name`: one worker at a time, first come first served."""

    backend: BaseStorage
    name: str
    interval: float
    grace: float

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for the turn and keep it until the context is left.

        Raises TurnLost where others took this process for dead, while it waited or when it is done.
        """
        study = optuna.create_study(study_name=f"{self.name}, turns", storage=self.backend, load_if_exists=True)
        place = self.backend.get_study_id_from_name(study.study_name)
        ticket = self.backend.create_new_trial(
            place, optuna.trial.create_trial(state=TrialState.RUNNING, user_attrs={ALIVE: 0})
        )
        try:
            with beating(partial(self.backend.set_trial_user_attr, ticket), interval=self.interval):
                self._wait(study, self.backend.get_trial_number_from_id(ticket))
                yield
        except BaseException:
            with suppress(UpdateFinishedTrialError):
                self.backend.set_trial_state_values(ticket, TrialState.FAIL)
            raise
        try:
            self.backend.set_trial_state_values(ticket, TrialState.FAIL)
        except UpdateFinishedTrialError as error:
            raise self._lost() from error

    def _wait(self, study: optuna.Study, number: int) -> None:
        observer = Observer(self.grace)
        while True:
            waiting = study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
            if number not in {each.number for each in waiting}:
                raise self._lost()
            before = [each for each in waiting if each.number < number]
            if not before:
                return
            for lost in observer.silent(before):
                study.tell(lost, state=TrialState.FAIL, skip_if_finished=True)
            time.sleep(_LOOK)

    def _lost(self) -> TurnLost:
        return TurnLost(
            f"study '{self.name}': this process gave no sign of life for {self.grace:g} s and lost its turn to others. "
            "The same command goes on."
        )
