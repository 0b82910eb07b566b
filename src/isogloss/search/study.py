"""A study: where it is kept, how it is opened, and its trials as records.

A study is a two-objective Optuna study in a SQLite file, for the processes of one machine, or in PostgreSQL, for any number
of machines. Optuna's heartbeats tell which trials have lost their worker; these are queued again.
"""

from __future__ import annotations

import os
import socket
import sqlite3
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import optuna
import sqlalchemy
from optuna.exceptions import ExperimentalWarning, StorageInternalError
from optuna.samplers import BaseSampler, GPSampler, NSGAIISampler, TPESampler
from optuna.storages import RDBStorage, RetryHeartbeatStaleTrialCallback, fail_stale_trials
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from isogloss.errors import RefusedError, UserError, did_you_mean
from isogloss.search.result import Constraints, Counts, Source, TrialRecord
from isogloss.search.space import UNSTEERED, SearchSpace, SteeringPoint, paper_point

SamplerName = Literal["tpe", "nsga2", "gp"]

#: The study's attribute with the space, the constraints and the context that it is a study of.
_ABOUT = "isogloss"

#: Trials before a model-based sampler starts to model, with those that are tried first.
STARTUP_TRIALS = 10

#: NSGA-II's generation: small, for studies of some dozens to hundreds of trials.
POPULATION = 20

#: How often a trial is tried again whose worker was killed or stopped.
MAX_RETRIES = 5

#: The states of trials that count as finished. A trial without a finite score is "pruned" in Optuna's words.
FINISHED = (TrialState.COMPLETE, TrialState.PRUNED)


@dataclass(frozen=True, kw_only=True)
class Heartbeat:
    """A running trial shows a sign of life every `interval` seconds; after `grace` seconds without one its worker is dead."""

    interval: int = 10
    grace: int = 60


@dataclass(frozen=True, kw_only=True)
class Study:
    """An open study of `space` under `constraints`.

    Attributes:
        optuna: the study itself.
        storage: the database that holds it.
        shown: the database's name, without a password.
        worker: this worker's name, `HOST:PID`.
    """

    optuna: optuna.Study
    storage: RDBStorage
    shown: str
    space: SearchSpace
    constraints: Constraints
    sampler: str
    worker: str
    grace: int

    @property
    def name(self) -> str:
        """The study's name in its storage."""
        return self.optuna.study_name

    def trials(self, *states: TrialState) -> list[FrozenTrial]:
        """The trials in these states, or all, whoever runs them; not to be changed. Raises UserError if the storage is lost."""
        with explained(self.shown):
            return self.optuna.get_trials(deepcopy=False, states=states or None)

    def finished(self) -> int:
        """How many trials are finished."""
        return len(self.trials(*FINISHED))

    def records(self) -> tuple[TrialRecord, ...]:
        """The trials that are finished, failed or to be retried, by number."""
        return tuple(trial_record(trial) for trial in self.trials() if trial.state.is_finished())

    def counts(self) -> Counts:
        """How many trials there are of each kind."""
        trials = self.trials()
        records = [trial_record(trial) for trial in trials if trial.state.is_finished()]
        states = [record.state for record in records]
        return Counts(
            complete=states.count("complete"),
            failed=states.count("failed"),
            retried=states.count("retried"),
            reused=sum(record.state == "complete" and record.reused_from is not None for record in records),
            running=sum(trial.state == TrialState.RUNNING for trial in trials),
            waiting=sum(trial.state == TrialState.WAITING for trial in trials),
        )

    def retry_lost(self) -> None:
        """Queue each trial again that has lost its worker: Optuna's heartbeats tell, once there was a first one.

        A trial that never had one, since its worker was killed while it drew the point, is lost after the grace period.
        """
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            fail_stale_trials(self.optuna)
        now, grace = datetime.now(), timedelta(seconds=self.grace)
        for trial in self.trials(TrialState.RUNNING):
            # Start times are local: a worker in another time zone may lose a trial that it has hardly begun, and draws another.
            if "worker" not in trial.user_attrs and abs(now - (trial.datetime_start or now)) > grace:
                self.retry(trial.number)

    def retry(self, number: int) -> None:
        """Fail the trial that its worker leaves unfinished and queue it again, unless another worker has done so."""
        self.optuna.tell(number, state=TrialState.FAIL, skip_if_finished=True)
        trials = self.optuna.get_trials()
        queued = {earlier for trial in trials for earlier in _attempts_before(trial)}
        trial = next(trial for trial in trials if trial.number == number)
        if trial.state == TrialState.FAIL and number not in queued:
            _queue_again(self.optuna, trial)


def open_study(
    place: str | Path,
    name: str,
    *,
    space: SearchSpace,
    context: str,
    num_layers: int,
    sampler: SamplerName = "tpe",
    seed: int = 0,
    constraints: Constraints = Constraints(),
    swept: Sequence[SteeringPoint] = (),
    starts: Sequence[SteeringPoint] = (),
    create: bool = True,
    heartbeat: Heartbeat = Heartbeat(),
) -> Study:
    """Open the study `name`, or create it. Both objectives, transfer and localization, are maximised.

    Tried first, moved into the space: the unsteered model, the paper's point, `swept` and `starts`.

    Args:
        place: a path of a SQLite file, or the URL of a database.
        name: the study's name there.
        space: what is searched.
        context: a digest of all that scores depend on besides the point (base model, vectors, items).
        num_layers: layers of the model, for the paper's point.
        sampler: Optuna's sampler.
        seed: what the process that creates the study draws from. A process that opens it later draws from another stream,
            since the same stream would repeat the same points.
        constraints: how far each axis may fall.
        swept: the points that a sweep chose.
        starts: the points that a first-order estimate proposes.
        create: False for a worker that joins a study.
        heartbeat: when a worker counts as dead.

    Raises:
        UserError: the storage cannot be used, there is no study to join, or a starting point does not fit the space.
        RefusedError: the study is one of another space, other constraints or another context.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    about = {"space": space.model_dump(mode="json"), "constraints": constraints.model_dump(), "context": context}
    first: list[tuple[Source, SteeringPoint]] = [("zero", UNSTEERED), ("paper", paper_point(num_layers))]
    first += [("sweep", point) for point in swept] + [("first-order", point) for point in starts]
    queue: dict[str, tuple[Source, dict[str, int | float]]] = {}
    for source, point in first:
        queue.setdefault(space.clipped(point).digest, (source, space.parameters(point)))
    worker = f"{socket.gethostname()}:{os.getpid()}"
    storage, shown = open_storage(place, heartbeat=heartbeat)
    with explained(shown):
        study = _create(storage, name) if create else _join(storage, name, shown)
        known = study.user_attrs.get(_ABOUT)
        if known is None:  # new, or its creator was killed before it could write this
            study.set_user_attr(_ABOUT, about)
        else:
            _check_same(known, about, name, shown)
        study.sampler = _sampler(sampler, seed if known is None else _another_seed(seed, worker))
        if create:
            for source, parameters in queue.values():
                study.enqueue_trial(parameters, user_attrs={"source": source}, skip_if_exists=True)
    return Study(
        optuna=study,
        storage=storage,
        shown=shown,
        space=space,
        constraints=constraints,
        sampler=sampler,
        worker=worker,
        grace=heartbeat.grace,
    )


def _create(storage: RDBStorage, name: str) -> optuna.Study:
    study = optuna.create_study(
        study_name=name, storage=storage, directions=["maximize", "maximize"], load_if_exists=True
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        study.set_metric_names(["transfer", "localization"])
    return study


def _join(storage: RDBStorage, name: str, shown: str) -> optuna.Study:
    try:
        return optuna.load_study(study_name=name, storage=storage)
    except KeyError as error:
        raise UserError(f"{shown}: no study '{name}' to join yet; it is made where the search starts") from error


def _check_same(known: dict[str, Any], about: dict[str, Any], name: str, shown: str) -> None:
    words = {
        "context": "another model, other vectors or other items",
        "space": "another search space",
        "constraints": "other constraints",
    }
    differing = [text for key, text in words.items() if known.get(key) != about[key]]
    if differing:
        raise RefusedError(
            f"{shown}: the study '{name}' is one of {' and '.join(differing)}, so its trials do not count here; "
            "give this search another study name, or go back to those settings"
        )


def _sampler(name: str, seed: int) -> BaseSampler:
    """A sampler for both objectives and the constraints. Raises UserError for an unknown name.

    TPE models all parameters jointly, since layers and strengths depend on each other.
    """
    match name:
        case "tpe":
            return TPESampler(seed=seed, multivariate=True, n_startup_trials=STARTUP_TRIALS)
        case "nsga2":
            return NSGAIISampler(seed=seed, population_size=POPULATION)
        case "gp":
            return GPSampler(seed=seed, n_startup_trials=STARTUP_TRIALS)
    known = get_args(SamplerName)
    raise UserError(f"sampler: '{name}' is none of {', '.join(known)}{did_you_mean(name, known)}")


def _another_seed(seed: int, worker: str) -> int:
    sequence = np.random.SeedSequence([seed, *worker.encode(), *os.urandom(4)])
    return int(sequence.generate_state(1)[0])


# --------------------------------------------------------------------------------------------------------------------
# Trials as records


def trial_record(trial: FrozenTrial) -> TrialRecord:
    """The record of a trial that does not run any more."""
    attrs, earlier = trial.user_attrs, _attempts_before(trial)
    complete, given_up = trial.state == TrialState.COMPLETE, len(earlier) >= MAX_RETRIES
    failure = attrs.get("failure")
    if failure is None and not complete and given_up:
        failure = f"its worker ended each of the {len(earlier) + 1} times it was tried"
    transfer, localization = trial.values if complete else (None, None)
    return TrialRecord(
        number=trial.number,
        state="complete" if complete else "retried" if failure is None else "failed",
        source=attrs.get("source", "sampler"),
        point=SteeringPoint.model_validate(attrs["point"]) if "point" in attrs else None,
        transfer=transfer,
        localization=localization,
        details=attrs.get("details", {}),
        feasible=complete and all(violation <= 0 for violation in trial.constraints.values()),
        reused_from=attrs.get("reused_from"),
        retry_of=earlier[0] if earlier else None,
        failure=failure,
        worker=attrs.get("worker"),
        seconds=attrs.get("seconds", 0.0),
    )


def _attempts_before(trial: FrozenTrial) -> list[int]:
    """Numbers of the earlier attempts at this trial, the first one first, as Optuna's retry callback writes them."""
    return list(trial.system_attrs.get("retry_history", []))


def _queue_again(study: optuna.Study, trial: FrozenTrial) -> None:
    """Queue a failed trial again with the same parameters, at most MAX_RETRIES times; changes `trial`."""
    # The attributes of the attempt that failed are not those of the next.
    trial.user_attrs = {name: value for name, value in trial.user_attrs.items() if name == "source"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        RetryHeartbeatStaleTrialCallback(max_retry=MAX_RETRIES)(study, trial)


# --------------------------------------------------------------------------------------------------------------------
# The database

#: Seconds that a writer waits for a locked SQLite file.
_PATIENCE = 60

#: Seconds within which a server must answer.
_CONNECT = 10


def open_storage(place: str | Path, *, heartbeat: Heartbeat = Heartbeat()) -> tuple[RDBStorage, str]:
    """Open the database `place`, with its tables made if there are none, and its name without a password.

    Raises UserError if it cannot be reached or used, naming what is missing.
    """
    text = str(place)
    scheme, separator, rest = text.partition("://")
    match scheme.partition("+")[0] if separator else "sqlite":
        case "sqlite":
            path = Path(rest.removeprefix("/") if separator else text).expanduser().absolute()
            return _open_sqlite(path, heartbeat), str(path)
        case "postgresql" | "postgres":
            return _open_postgres(rest, heartbeat)
    raise UserError(
        f"{_hidden(text)}: not a storage that a search can use; write a path of a SQLite file, or "
        "postgresql://USER@HOST/DATABASE"
    )


def _open_sqlite(path: Path, heartbeat: Heartbeat) -> RDBStorage:
    with explained(str(path)):
        path.parent.mkdir(parents=True, exist_ok=True)
        # Readers and the one writer do not wait for each other. The file keeps this setting.
        connection = sqlite3.connect(path, timeout=_PATIENCE)
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        finally:
            connection.close()
        url = sqlalchemy.URL.create("sqlite", database=str(path))
        return _database(url, str(path), heartbeat, {"timeout": _PATIENCE})


def _open_postgres(rest: str, heartbeat: Heartbeat) -> tuple[RDBStorage, str]:
    text = f"postgresql+psycopg://{rest}"
    shown = _hidden(text).replace("+psycopg", "", 1)
    try:
        import psycopg  # noqa: F401
    except ImportError as error:
        raise UserError(f"{shown}: needs psycopg; install it with: pip install 'isogloss[postgres]'") from error
    try:
        url = sqlalchemy.make_url(text)
    except (ArgumentError, ValueError) as error:
        raise UserError(f"{shown}: not a URL; write postgresql://USER@HOST/DATABASE") from error
    with explained(shown):
        return _database(url, shown, heartbeat, {"connect_timeout": _CONNECT}), shown


def _database(
    url: sqlalchemy.URL, shown: str, heartbeat: Heartbeat, connect: dict[str, int], *, again: bool = True
) -> RDBStorage:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            return RDBStorage(
                # Optuna fills in braces.
                url.render_as_string(hide_password=False).replace("{", "{{").replace("}", "}}"),
                engine_kwargs={"connect_args": connect, "pool_pre_ping": True},
                heartbeat_interval=heartbeat.interval,
                grace_period=heartbeat.grace,
                heartbeat_stale_trial_callback=_queue_again,
            )
    except RuntimeError as error:  # Optuna's word for tables of another version
        raise UserError(f"{shown}: {error}") from error
    except SQLAlchemyError as error:
        if not again or "already exists" not in str(error):
            raise
        time.sleep(1)  # Another process makes the tables at the same moment.
        return _database(url, shown, heartbeat, connect, again=False)


@contextmanager
def explained(shown: str) -> Iterator[None]:
    """Turn a storage's errors into one UserError that names the storage.

    Raises KeyboardInterrupt if an interruption in the middle of a statement showed as an error of the driver.
    """
    try:
        yield
    except Exception as error:
        if (stop := _interruption(error)) is not None:
            raise KeyboardInterrupt(*stop.args) from error
        # If Optuna cannot read a trial that it could not write either, its error handler fails.
        cause = error.__context__ if isinstance(error, UnboundLocalError) else error
        if not isinstance(cause, StorageInternalError | SQLAlchemyError | sqlite3.Error | OSError):
            raise
        if isinstance(cause, StorageInternalError) and isinstance(cause.__cause__, Exception):
            cause = cause.__cause__
        reason = str(getattr(cause, "orig", None) or cause).strip() or type(cause).__name__
        raise UserError(
            f"{shown}: the study's storage cannot be used: {reason.splitlines()[0]}. "
            "See that it is there and may be written; then the same command goes on."
        ) from error


def _interruption(error: BaseException | None) -> KeyboardInterrupt | None:
    """The interruption that an error came after: psycopg refuses to put a connection back that a statement still holds."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__context__
    return error


def _hidden(text: str) -> str:
    """The URL without its password."""
    scheme, _, rest = text.partition("://")
    login, at, place = rest.rpartition("@")
    user, colon, _ = login.partition(":")
    return f"{scheme}://{user}{':***' if colon else ''}{at}{place}"
