"""Open a two-objective study: its sampler, what it is a study of, and the points that are tried first."""

from __future__ import annotations

import hashlib
import os
import socket
import sqlite3
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import optuna
import sqlalchemy
from filelock import FileLock
from optuna.exceptions import ExperimentalWarning, StorageInternalError
from optuna.samplers import BaseSampler, GPSampler, NSGAIISampler, TPESampler
from optuna.storages import BaseStorage, GrpcStorageProxy, RDBStorage, RetryHeartbeatStaleTrialCallback
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from isogloss.errors import RefusedError, UserError, did_you_mean
from isogloss.search.result import Constraints, Source
from isogloss.search.signs import Tickets
from isogloss.search.space import UNSTEERED, SearchSpace, SteeringPoint, paper_point

# --------------------------------------------------------------------------------------------------------------------
# Where a study is kept: a SQLite file, PostgreSQL, or Optuna's gRPC proxy in front of a database.
#
# SQLite serves the processes of one machine, PostgreSQL those of many, directly or behind the proxy. A killed worker is
# noticed by its heartbeats, and one worker at a time starts a trial; the proxy offers neither, so there both are made of what it
# does offer (:mod:`isogloss.search.signs`). Workers of a study take turns among those that reach it the same way.

#: How often a trial whose worker was killed or stopped is tried again.
MAX_RETRIES = 5

#: Seconds that a writer waits for a locked SQLite file.
_PATIENCE = 60

#: Seconds within which a server must answer.
_CONNECT = 10

_KINDS = "a path of a SQLite file, postgresql://USER@HOST/DATABASE, or grpc://HOST:PORT"

_ERRORS = (StorageInternalError, SQLAlchemyError, sqlite3.Error, OSError)

Turns = Callable[[], AbstractContextManager[object]]


@dataclass(frozen=True, kw_only=True)
class Heartbeat:
    """A running trial shows a sign of life every `interval` seconds; after `grace` seconds without one its worker is dead."""

    interval: int = 10
    grace: int = 60


@dataclass(frozen=True, kw_only=True)
class Storage:
    """An open storage.

    `turns()` is a context that one worker at a time is in, whatever its machine; a killed worker leaves it, behind a proxy after
    the grace period. `shown` is the storage's name without passwords. `database` is None behind a proxy, where workers
    show signs of life of their own in place of Optuna's heartbeats.
    """

    backend: BaseStorage
    database: RDBStorage | None
    turns: Turns
    shown: str
    heartbeat: Heartbeat


@contextmanager
def explained(shown: str) -> Iterator[None]:
    """Turn a storage's own errors into one UserError that names the storage.

    Raises KeyboardInterrupt where an interruption in the middle of a statement showed as an error of the driver.
    """
    try:
        yield
    except Exception as error:
        if (stop := _interruption(error)) is not None:
            raise KeyboardInterrupt(*stop.args) from error
        # Where Optuna cannot read a trial that it could not write either, its own handler fails.
        cause = error.__context__ if isinstance(error, UnboundLocalError) else error
        if not _of_storage(cause):
            raise
        assert isinstance(cause, Exception)
        raise _unreachable(shown, cause) from error


def _interruption(error: BaseException | None) -> KeyboardInterrupt | None:
    """The interruption in whose wake the error came: psycopg refuses to put a connection back that a statement still holds."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__context__
    return error


def _of_storage(error: BaseException | None) -> bool:
    grpc = sys.modules.get("grpc")
    return isinstance(error, _ERRORS) or (grpc is not None and isinstance(error, grpc.RpcError))


def open_storage(place: str | Path, name: str, *, heartbeat: Heartbeat = Heartbeat()) -> Storage:
    """Open `place` for the study `name`, with its tables made where there are none.

    Raises UserError where it cannot be reached or used, naming what is missing.
    """
    text = str(place)
    scheme, separator, rest = text.partition("://")
    if not separator:
        return _open_sqlite(Path(text), heartbeat)
    match scheme.partition("+")[0]:
        case "sqlite":
            return _open_sqlite(Path(rest.removeprefix("/")), heartbeat)
        case "postgresql" | "postgres":
            return _open_postgres(rest, heartbeat)
        case "grpc":
            return _open_proxy(text, rest, name, heartbeat)
    raise UserError(f"{_hidden(text)}: not a storage that a search can use; write {_KINDS}")


def _open_sqlite(path: Path, heartbeat: Heartbeat) -> Storage:
    path = path.expanduser().absolute()
    shown = str(path)

    def turns() -> FileLock:
        return FileLock(f"{path}.lock")

    with explained(shown):
        path.parent.mkdir(parents=True, exist_ok=True)
        with turns():
            # Readers and the one writer do not wait for each other. The file keeps this setting.
            connection = sqlite3.connect(path, timeout=_PATIENCE)
            try:
                connection.execute("PRAGMA journal_mode=WAL")
            finally:
                connection.close()
            url = sqlalchemy.URL.create("sqlite", database=shown)
            database = _database(url, shown, heartbeat, {"timeout": _PATIENCE})
    return Storage(backend=database, database=database, turns=turns, shown=shown, heartbeat=heartbeat)


def _open_postgres(rest: str, heartbeat: Heartbeat) -> Storage:
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
    # A connection of its own for each turn: when it is closed, or its process killed, the server takes the lock back.
    gate = sqlalchemy.create_engine(
        url, connect_args={"connect_timeout": _CONNECT}, isolation_level="AUTOCOMMIT", poolclass=NullPool
    )

    @contextmanager
    def turns() -> Iterator[None]:
        key = int.from_bytes(hashlib.sha256(b"isogloss search").digest()[:8], signed=True)
        with gate.connect() as connection:
            connection.execute(sqlalchemy.text("SELECT pg_advisory_lock(:key)"), {"key": key})
            yield

    with explained(shown), turns():
        database = _database(url, shown, heartbeat, {"connect_timeout": _CONNECT})
    return Storage(backend=database, database=database, turns=turns, shown=shown, heartbeat=heartbeat)


def _database(url: sqlalchemy.URL, shown: str, heartbeat: Heartbeat, connect: dict[str, int]) -> RDBStorage:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        try:
            return RDBStorage(
                # Optuna fills in braces.
                url.render_as_string(hide_password=False).replace("{", "{{").replace("}", "}}"),
                engine_kwargs={"connect_args": connect, "pool_pre_ping": True},
                heartbeat_interval=heartbeat.interval,
                grace_period=heartbeat.grace,
                heartbeat_stale_trial_callback=RetryHeartbeatStaleTrialCallback(max_retry=MAX_RETRIES),
            )
        except RuntimeError as error:  # Optuna's word for tables of another version
            raise UserError(f"{shown}: {error}") from error


def _open_proxy(text: str, rest: str, name: str, heartbeat: Heartbeat) -> Storage:
    host, _, port = rest.rstrip("/").rpartition(":")
    if not host or not port.isdigit():
        raise UserError(f"{text}: write the proxy as grpc://HOST:PORT")
    try:
        import grpc  # noqa: F401
    except ImportError as error:
        raise UserError(f"{text}: needs grpcio; install it with: pip install 'isogloss[grpc]'") from error
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        proxy = GrpcStorageProxy(host=host, port=int(port))
    try:
        proxy.wait_server_ready(timeout=_CONNECT)
    except ConnectionError as error:
        raise _unreachable(text, error) from error
    tickets = Tickets(backend=proxy, name=name, interval=heartbeat.interval, grace=heartbeat.grace)
    return Storage(backend=proxy, database=None, turns=tickets.turn, shown=text, heartbeat=heartbeat)


def _unreachable(shown: str, error: Exception) -> UserError:
    cause = error.__cause__ if isinstance(error, StorageInternalError) and error.__cause__ else error
    reason = str(getattr(cause, "orig", None) or cause).strip() or type(cause).__name__
    return UserError(
        f"{shown}: the study's storage cannot be used: {reason.splitlines()[0]}. "
        "See that it is there and may be written; then the same command goes on."
    )


def _hidden(text: str) -> str:
    """The URL without its password."""
    scheme, _, rest = text.partition("://")
    login, at, place = rest.rpartition("@")
    user, colon, _ = login.partition(":")
    return f"{scheme}://{user}{':***' if colon else ''}{at}{place}"


# --------------------------------------------------------------------------------------------------------------------

SamplerName = Literal["tpe", "nsga2", "gp"]

#: The study's attribute that says what it is a study of.
_ABOUT = "isogloss"

#: Trials before a model-based sampler starts to model; the points that are tried first count.
STARTUP_TRIALS = 10

#: NSGA-II's generation: small, for studies of some dozens to hundreds of trials.
POPULATION = 20


@dataclass(frozen=True, kw_only=True)
class Study:
    """An open study of `space` under `constraints`, and the name of this worker."""

    optuna: optuna.Study
    storage: Storage
    space: SearchSpace
    constraints: Constraints
    sampler: str
    worker: str

    @property
    def name(self) -> str:
        """The study's name in its storage."""
        return self.optuna.study_name


def open_study(
    storage: str | Path,
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
    """Open the study `name` in `storage`, or create it; both objectives, transfer and localization, are maximised.

    `context` is a digest of all that its scores depend on besides the point (base model, vectors, items). Tried first, each
    once however many workers open the study and all moved into the space: the unsteered model, the paper's point for
    `num_layers` layers, what a sweep chose (`swept`), and what a first-order estimate proposes (`starts`). `create=False`
    is for a worker that joins. Who creates the study draws from `seed`; each who opens it later draws from a stream of
    its own, since the same stream would repeat the same points.

    Raises UserError where the storage cannot be used, there is no such study to join, or a start does not fit the space;
    RefusedError where the study is one of another space, other constraints or another context.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    about = {"space": space.model_dump(mode="json"), "constraints": constraints.model_dump(), "context": context}
    first: list[tuple[Source, SteeringPoint]] = [("zero", UNSTEERED), ("paper", paper_point(num_layers))]
    first += [("sweep", point) for point in swept] + [("first-order", point) for point in starts]
    queue: dict[str, tuple[Source, dict[str, int | float]]] = {}
    for source, point in first:
        queue.setdefault(space.clipped(point).digest, (source, space.parameters(point)))
    opened = open_storage(storage, name, heartbeat=heartbeat)
    worker = f"{socket.gethostname()}:{os.getpid()}"
    with explained(opened.shown):
        if not create:
            _load(opened, name)  # before its turns, which are not made for a study that is not there
        with opened.turns():
            study, created = _load_or_create(opened, name)
            known = study.user_attrs.get(_ABOUT)
            if known is None:  # new, or its creator was killed before it could write this
                study.set_user_attr(_ABOUT, about)
            else:
                _same(known, about, name, opened.shown)
            study.sampler = _sampler(sampler, seed if created else _own_seed(seed, worker))
            queued = {each.user_attrs.get("start") for each in study.get_trials(deepcopy=False)}
            for digest, (source, parameters) in queue.items():
                if digest not in queued:
                    study.enqueue_trial(parameters, user_attrs={"source": source, "start": digest})
    return Study(optuna=study, storage=opened, space=space, constraints=constraints, sampler=sampler, worker=worker)


def _load(opened: Storage, name: str) -> optuna.Study:
    try:
        return optuna.load_study(study_name=name, storage=opened.backend)
    except KeyError as error:
        raise UserError(f"{opened.shown}: no study '{name}' to join yet; it is made where the search starts") from error


def _load_or_create(opened: Storage, name: str) -> tuple[optuna.Study, bool]:
    with suppress(KeyError):
        return optuna.load_study(study_name=name, storage=opened.backend), False
    study = optuna.create_study(
        study_name=name, storage=opened.backend, directions=["maximize", "maximize"], load_if_exists=True
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        study.set_metric_names(["transfer", "localization"])
    return study, True


def _same(known: dict[str, Any], about: dict[str, Any], name: str, shown: str) -> None:
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
    """A sampler that takes both objectives and the constraints.

    TPE models all parameters jointly, since layers and strengths depend on each other. Raises UserError for an unknown name.
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


def _own_seed(seed: int, worker: str) -> int:
    sequence = np.random.SeedSequence([seed, *worker.encode(), *os.urandom(4)])
    return int(sequence.generate_state(1)[0])
