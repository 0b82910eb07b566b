"""Run a study's trials, as its one worker or as one of many.

A worker starts a trial as long as fewer are finished or running than asked for. Workers do not wait for each other to
start one, so together they may run up to workers − 1 trials more. A trial whose worker is killed or stopped is queued
again with the same parameters.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import optuna
from optuna.exceptions import UpdateFinishedTrialError
from optuna.study import MaxTrialsCallback
from optuna.trial import FrozenTrial, Trial, TrialState

from isogloss.errors import InterruptedRun, UserError
from isogloss.processes import signals_as_interrupts
from isogloss.search.result import Measured, TrialRecord
from isogloss.search.space import SteeringPoint, suggest
from isogloss.search.study import FINISHED, Study, explained, trial_record

Objective = Callable[[SteeringPoint], Measured]
OnTrial = Callable[[TrialRecord], None]

#: Seconds between two looks at the trials of other workers.
_POLL = 0.5


def run_trials(study: Study, objective: Objective, *, trials: int, on_trial: OnTrial | None = None) -> int:
    """Run trials until the study has `trials` finished ones, whoever ran them.

    A trial whose score is not finite is finished too, without scores. Waits for the trials of other workers if enough
    are running, and takes over those that are lost.

    Args:
        study: an open study.
        objective: the scores of a point.
        trials: how many finished trials the study is to have; workers − 1 more are possible.
        on_trial: called after each finished trial of this worker.

    Returns:
        How many trials this worker finished.

    Raises:
        InterruptedRun: Ctrl-C or SIGTERM came; the trial in progress is queued again, and the same call goes on.
        UserError: the storage is lost.
        Exception: whatever `objective` or `on_trial` raises; the trial in progress is queued again.
    """
    if trials < 1:
        raise UserError(f"trials: at least 1, not {trials}")
    worker = _Worker(study, objective, on_trial)
    with signals_as_interrupts():
        try:
            with explained(study.shown):
                worker.run(trials)
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
    """An error of the objective or of `on_trial`, on its way past the handlers for the storage's errors."""

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.error = error


class _Worker:
    def __init__(self, study: Study, objective: Objective, on_trial: OnTrial | None) -> None:
        self.study = study
        self.objective = objective
        self.on_trial = on_trial
        self.done = 0
        self._number: int | None = None
        """The trial in progress."""

    def run(self, trials: int) -> None:
        """Start trials, or wait for those of other workers, until enough are finished."""
        begun = (*FINISHED, TrialState.RUNNING)
        enough = MaxTrialsCallback(trials, states=begun)
        while self.study.finished() < trials:
            if len(self.study.trials(*begun)) >= trials:
                self.study.retry_lost()
                time.sleep(_POLL)
                continue
            try:
                self.study.optuna.optimize(self._run, callbacks=[self._after, enough])
            except (UpdateFinishedTrialError, ValueError, AssertionError):
                if not self._taken_away():
                    raise
                self.hand_back()  # unless they have queued it

    def hand_back(self) -> None:
        """Queue the trial in progress again."""
        if self._number is not None:
            with explained(self.study.shown):
                self.study.retry(self._number)

    def _run(self, trial: Trial) -> tuple[float, float]:
        self._number = trial.number
        # A trial with a worker has a heartbeat, so that its loss is noticed.
        self.study.storage.record_heartbeat(trial._trial_id)
        trial.set_user_attr("worker", self.study.worker)
        try:
            point = suggest(trial, self.study.space)
        except ValueError as error:  # a bug, and not a trial that others took
            raise _Raised(error) from error
        description = point.model_dump(mode="json")
        trial.set_user_attr("point", description)
        begun = time.perf_counter()
        complete = self.study.trials(TrialState.COMPLETE)
        known = next((each for each in complete if each.user_attrs.get("point") == description), None)
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

    def _values(self, trial: Trial, measured: Measured) -> tuple[float, float]:
        """The scores, written into the trial with its details and constraints; a trial without finite scores ends here."""
        scores = {"transfer": measured.transfer, "localization": measured.localization}
        wrong = [f"{axis} is {score}" for axis, score in scores.items() if not math.isfinite(score)]
        if wrong:
            trial.set_user_attr("failure", "not a finite score: " + ", ".join(wrong))
            raise optuna.TrialPruned
        trial.set_user_attr("details", measured.details)
        for axis, score in scores.items():
            bound = getattr(self.study.constraints, axis)
            if bound is not None:
                trial.set_constraint(axis, -score - bound)
        return measured.transfer, measured.localization

    def _after(self, _study: optuna.Study, trial: FrozenTrial) -> None:
        """Called by Optuna after each trial of this worker."""
        self._number = None
        self.done += 1
        if self.on_trial is not None:
            try:
                self.on_trial(trial_record(trial))
            except Exception as error:
                raise _Raised(error) from error

    def _taken_away(self) -> bool:
        """True if others took this worker for dead while it was held up, and failed or repeated its trial."""
        return any(trial.number == self._number for trial in self.study.trials() if trial.state.is_finished())
