"""Read a study's trials: their records, what is still to be done, and those whose worker was lost."""

from __future__ import annotations

import copy
import socket
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field

import optuna
import psutil
import sqlalchemy
from optuna.exceptions import ExperimentalWarning
from optuna.storages import RetryHeartbeatStaleTrialCallback, fail_stale_trials
from optuna.trial import FrozenTrial, TrialState

from isogloss.search.point import SteeringPoint
from isogloss.search.result import TrialRecord
from isogloss.search.signs import ALIVE, Observer
from isogloss.search.storage import MAX_RETRIES, Storage

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
