"""Open a two-objective study: its sampler, what it is a study of, and the points that are tried first."""

from __future__ import annotations

import os
import socket
import warnings
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import optuna
from optuna.samplers import BaseSampler, GPSampler, NSGAIISampler, TPESampler

from isogloss.errors import RefusedError, UserError, did_you_mean
from isogloss.search.point import UNSTEERED, SteeringPoint, paper_point
from isogloss.search.result import Constraints, Source
from isogloss.search.space import SearchSpace
from isogloss.search.storage import Heartbeat, Storage, explained, open_storage

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
