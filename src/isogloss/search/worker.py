"""Run a study's trials: as one worker, or as one of many.

Workers take turns in starting a trial, so that together they run as many as asked for and no more. The scores of a point that was
measured before, or is being measured, are used again. A trial whose worker is killed (no heartbeats) or stopped (a
signal, an error) is queued again with the same parameters.
"""

from __future__ import annotations

import math
import signal
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import FrameType

from optuna.exceptions import ExperimentalWarning, UpdateFinishedTrialError
from optuna.trial import FrozenTrial, Trial, TrialState

from isogloss.errors import InterruptedRun, UserError
from isogloss.search.point import SteeringPoint
from isogloss.search.result import Measured, TrialRecord
from isogloss.search.signs import ALIVE, TurnLost, beating
from isogloss.search.space import suggest
from isogloss.search.storage import explained
from isogloss.search.study import Study
from isogloss.search.trials import Tally, Watch, record_of, requeue, tally

Objective = Callable[[SteeringPoint], Measured]
OnTrial = Callable[[TrialRecord], None]

#: Seconds between two looks at what other workers do.
_POLL = 0.2


def run_trials(study: Study, objective: Objective, *, trials: int, on_trial: OnTrial | None = None) -> int:
    """Run trials until the study has `trials` finished ones, whoever ran them; return how many this worker finished.

    Finished is what is complete or has failed for good; a trial that was lost and its retries count as one. Waits for the
    trials of other workers, to take over those that are lost. A score that is not finite fails its trial, and the search
    goes on. `on_trial` is called after each finished trial of this worker.

    Raises InterruptedRun on Ctrl-C or SIGTERM, UserError where the storage is lost, and whatever `objective` raises; the
    trial in progress is then queued again, and the same call goes on.
    """
    if trials < 1:
        raise UserError(f"trials: at least 1, not {trials}")
    worker = _Worker(study, objective, on_trial)
    with _sigterm_interrupts():
        try:
            with explained(study.storage.shown):
                while worker.step(trials):
                    pass
        except KeyboardInterrupt as stop:
            worker.hand_back()
            raise InterruptedRun(
                f"study '{study.name}': stopped; its trials are kept and the one in progress is queued again. "
                "The same command goes on."
            ) from stop
        except _Raised as raised:
            worker.hand_back()
            raise raised.error from raised.error.__cause__
    return worker.done


class _Raised(Exception):
    """An error of the objective or of `on_trial`, on its way past the handlers for the storage's own errors."""

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.error = error


class _Worker:
    def __init__(self, study: Study, objective: Objective, on_trial: OnTrial | None) -> None:
        self.study = study
        self.objective = objective
        self.on_trial = on_trial
        self.done = 0
        self._watch = Watch(study.optuna, study.storage)
        self._number: int | None = None
        """The trial in progress."""

    def step(self, trials: int) -> bool:
        """Start a trial and run it, or wait for those of others; False when there is nothing left to do."""
        counts = self._counts()
        if counts.finished >= trials:
            return False
        try:
            if (counts.finished + counts.running < trials or self._watch.needed) and self._start(trials):
                return True
        except TurnLost:
            # The others went on without this process, so the trial that it started may be one too many.
            self.hand_back()
            return True
        time.sleep(_POLL)
        return True

    def _start(self, trials: int) -> bool:
        """Run a trial, in turn until it is claimed; False where as many as asked for are finished or running."""
        study = self.study.optuna
        with ExitStack() as turn:
            turn.enter_context(self.study.storage.turns())
            self._watch.revive()
            counts = self._counts()
            if counts.finished + counts.running >= trials:
                return False
            self._number = None
            try:
                study.optimize(lambda trial: self._run(trial, turn), n_trials=1)
            except (UpdateFinishedTrialError, ValueError):
                # Nothing of ours was wrong if others took the trial for lost while this process was held up.
                if not self._taken_away():
                    raise
            else:
                self._report()
        return True

    def _counts(self) -> Tally:
        return tally(self.study.optuna.get_trials(deepcopy=False))

    def hand_back(self) -> None:
        """Queue the trial in progress again."""
        study = self.study.optuna
        with explained(self.study.storage.shown), self.study.storage.turns(), warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            if self._number is not None:
                study.tell(self._number, state=TrialState.FAIL, skip_if_finished=True)
            requeue(study)

    def _run(self, trial: Trial, turn: ExitStack) -> tuple[float, float]:
        self._number = trial.number
        storage = self.study.storage
        with ExitStack() as signs:
            # What a lost attempt had claimed or shown, its retry has not.
            trial.set_user_attr("claim", None)
            if storage.database is None:
                signs.enter_context(beating(trial.set_user_attr, interval=storage.heartbeat.interval))
            else:
                trial.set_user_attr(ALIVE, None)
            trial.set_user_attr("worker", self.study.worker)
            turn.close()
            point = suggest(trial, self.study.space)
            trial.set_user_attr("point", point.model_dump(mode="json"))
            known = self._claim(trial, point)
            begun = time.perf_counter()
            if known is None:
                try:
                    measured = self.objective(point)
                except Exception as error:
                    raise _Raised(error) from error
            else:
                trial.set_user_attr("reused_from", known.number)
                transfer, localization = known.values
                measured = Measured(
                    transfer=transfer, localization=localization, details=known.user_attrs.get("details", {})
                )
            trial.set_user_attr("seconds", time.perf_counter() - begun)
            return self._values(trial, measured)

    def _claim(self, trial: Trial, point: SteeringPoint) -> FrozenTrial | None:
        """The trial that has measured this point, or None after claiming it; waits for a running trial that has it."""

        def same_point() -> list[FrozenTrial]:
            return [
                each
                for each in self.study.optuna.get_trials(deepcopy=False)
                if each.user_attrs.get("claim") == point.digest and each.number != trial.number
            ]

        while True:
            with self.study.storage.turns():
                same = same_point()
                known = next((each for each in same if each.state == TrialState.COMPLETE), None)
                running = any(each.state == TrialState.RUNNING for each in same)
                if known is None and not running:
                    trial.set_user_attr("claim", point.digest)
                if known is not None or not running:
                    return known
                self._watch.revive()
            time.sleep(_POLL)
            while any(each.state == TrialState.RUNNING for each in same_point()) and not self._watch.needed:
                time.sleep(_POLL)

    def _values(self, trial: Trial, measured: Measured) -> tuple[float, float]:
        scores = {"transfer": measured.transfer, "localization": measured.localization}
        wrong = [f"{axis} is {score}" for axis, score in scores.items() if not math.isfinite(score)]
        if wrong:
            trial.set_user_attr("failure", "not a finite score: " + ", ".join(wrong))
            return math.nan, math.nan  # which is how a trial is failed without ending the study
        trial.set_user_attr("details", measured.details)
        for axis, score in scores.items():
            bound = getattr(self.study.constraints, axis)
            if bound is not None:
                trial.set_constraint(axis, -score - bound)
        return measured.transfer, measured.localization

    def _report(self) -> None:
        self.done += 1
        if self.on_trial is not None:
            trials = self.study.optuna.get_trials(deepcopy=False)
            record = next(record_of(each) for each in reversed(trials) if each.number == self._number)
            try:
                self.on_trial(record)
            except Exception as error:
                raise _Raised(error) from error

    def _taken_away(self) -> bool:
        trials = self.study.optuna.get_trials(deepcopy=False, states=(TrialState.FAIL,))
        return any(each.number == self._number for each in trials)


@contextmanager
def _sigterm_interrupts() -> Iterator[None]:
    """SIGTERM raises KeyboardInterrupt, as Ctrl-C does. Signals reach the main thread only; in others nothing changes."""

    def stop(number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt(signal.Signals(number).name)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
