"""Run a study's trials: as one worker, or as one of many.

Workers take turns in starting a trial, so that together they run as many as asked for and no more. The scores of a point that was
measured before, or is being measured, are used again. A trial whose worker is killed (no heartbeats) or stopped (a
signal, an error) is queued again with the same parameters.
"""

from __future__ import annotations

import copy
import math
import signal
import socket
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from types import FrameType

import optuna
import psutil
import sqlalchemy
from optuna.exceptions import ExperimentalWarning, UpdateFinishedTrialError
from optuna.storages import RetryHeartbeatStaleTrialCallback, fail_stale_trials
from optuna.trial import FrozenTrial, Trial, TrialState

from isogloss.errors import InterruptedRun, UserError
from isogloss.search.result import Measured, TrialRecord
from isogloss.search.signs import ALIVE, Observer, TurnLost, beating
from isogloss.search.space import SteeringPoint, suggest
from isogloss.search.study import MAX_RETRIES, Storage, Study, explained

# --------------------------------------------------------------------------------------------------------------------
# Read a study's trials: their records, what is still to be done, and those whose worker was lost.

#: Trials without any heartbeat: their worker was killed before the first one.
_SILENT = sqlalchemy.text(
    "SELECT trials.number FROM trials LEFT JOIN trial_heartbeats ON trial_heartbeats.trial_id = trials.trial_id "
    "JOIN studies ON studies.study_id = trials.study_id "
    "WHERE studies.study_name = :name AND trials.state = 'RUNNING' AND trial_heartbeats.trial_id IS NULL"
)


def attempts_before(trial: FrozenTrial) -> list[int]:
    """Numbers of the earlier attempts at this trial, the first one first (as Optuna's retry callback writes them)."""
    return list(trial.system_attrs.get("retry_history", []))


def given_up(trial: FrozenTrial) -> bool:
    """Whether a trial has failed for good: for a reason of its own, or because every retry lost its worker too."""
    return trial.state == TrialState.FAIL and (
        "failure" in trial.user_attrs or len(attempts_before(trial)) >= MAX_RETRIES
    )


@dataclass(frozen=True, kw_only=True)
class Tally:
    """How many trials are finished (complete, or failed for good), running and waiting. Retries replace what they repeat."""

    finished: int
    running: int
    waiting: int


def tally(trials: Sequence[FrozenTrial]) -> Tally:
    """Count a study's trials."""
    finished = sum(each.state == TrialState.COMPLETE or given_up(each) for each in trials)
    running = sum(each.state == TrialState.RUNNING for each in trials)
    waiting = sum(each.state == TrialState.WAITING for each in trials)
    return Tally(finished=finished, running=running, waiting=waiting)


def record_of(trial: FrozenTrial) -> TrialRecord:
    """The record of a finished trial."""
    attrs, history = trial.user_attrs, attempts_before(trial)
    transfer, localization = trial.values if trial.state == TrialState.COMPLETE else (None, None)
    failure = attrs.get("failure")
    if given_up(trial) and failure is None:
        failure = f"its worker ended each of the {len(history) + 1} times it was tried"
    return TrialRecord(
        number=trial.number,
        state="complete" if trial.state == TrialState.COMPLETE else "failed" if given_up(trial) else "retried",
        source=attrs.get("source", "sampler"),
        point=SteeringPoint.model_validate(attrs["point"]) if "point" in attrs else None,
        transfer=transfer,
        localization=localization,
        details=attrs.get("details", {}),
        feasible=trial.state == TrialState.COMPLETE and all(each <= 0 for each in trial.constraints.values()),
        reused_from=attrs.get("reused_from"),
        retry_of=history[0] if history else None,
        failure=failure,
        worker=attrs.get("worker"),
        seconds=attrs.get("seconds", 0.0),
    )


@dataclass
class Watch:
    """Finds trials whose worker was lost and queues them again with the same parameters. One for each worker."""

    study: optuna.Study
    storage: Storage
    _observer: Observer = field(init=False)

    def __post_init__(self) -> None:
        self._observer = Observer(self.storage.heartbeat.grace)

    @property
    def needed(self) -> bool:
        """Whether a turn may be worth asking for: behind a proxy it costs a trial, so only where something is lost."""
        if self.storage.database is not None:
            return True
        return bool(self._lost() or not_queued(self.study.get_trials(deepcopy=False)))

    def revive(self) -> None:
        """Queue every lost trial again. Call it in turn, or two workers may queue the same one."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            for number in self._lost():
                self.study.tell(number, state=TrialState.FAIL, skip_if_finished=True)
            fail_stale_trials(self.study)
            requeue(self.study)

    def _lost(self) -> set[int]:
        """Running trials whose worker is gone, but for what Optuna's heartbeats tell."""
        running = self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
        unmarked = self._without_heartbeat()
        watched = [
            each
            for each in running
            if each.user_attrs.get(ALIVE) is not None
            or (each.number in unmarked if unmarked is not None else each.user_attrs.get("worker") is None)
        ]
        return self._observer.silent(watched) | {each.number for each in running if _ended_here(each)}

    def _without_heartbeat(self) -> set[int] | None:
        """Running trials that never had a heartbeat, as far as the database can be asked."""
        if self.storage.database is None:
            return None
        with self.storage.database.engine.connect() as connection:
            return {int(row[0]) for row in connection.execute(_SILENT, {"name": self.study.study_name})}


def _ended_here(trial: FrozenTrial) -> bool:
    """Whether a trial's worker was a process of this machine that is no more: nobody has to wait for its signs of life."""
    host, _, process = str(trial.user_attrs.get("worker", "")).rpartition(":")
    return host == socket.gethostname() and process.isdigit() and not psutil.pid_exists(int(process))


def requeue(study: optuna.Study) -> None:
    """Queue again every trial that was stopped and that nobody has queued yet, with the same parameters."""
    again = RetryHeartbeatStaleTrialCallback(max_retry=MAX_RETRIES)
    for trial in not_queued(study.get_trials(deepcopy=False)):
        again(study, copy.deepcopy(trial))  # it appends to the trial's own history


def not_queued(trials: Sequence[FrozenTrial]) -> list[FrozenTrial]:
    """The trials that were stopped and that nobody has queued again yet."""
    repeated = {number for each in trials for number in attempts_before(each)}
    return [
        each for each in trials if each.state == TrialState.FAIL and not given_up(each) and each.number not in repeated
    ]


# --------------------------------------------------------------------------------------------------------------------

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
