"""What a search found, as one serialisable value. Scores are changes against the unsteered model, as fractions."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from isogloss.results.scores import Frozen
from isogloss.search.space import SearchSpace, SteeringPoint

#: Where a trial's point comes from: γ = 0, the paper's choice, the sweep's, the first-order estimate, or the sampler.
Source = Literal["zero", "paper", "sweep", "first-order", "sampler"]


class Measured(Frozen):
    """Scores of a point on dev2: changes of transfer and localization (fractions), and what else is worth keeping."""

    transfer: float
    localization: float
    details: dict[str, float] = Field(default_factory=dict)


class Constraints(Frozen):
    """How far each axis may fall (a fraction, 0.02 is two points); None sets no bound."""

    transfer: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    localization: float | None = Field(default=None, ge=0, allow_inf_nan=False)


class TrialRecord(Frozen):
    """One finished trial.

    `state`: `complete`; `failed`, without scores, for the reason in `failure`; or `retried`: its worker was killed or
    stopped, and a later trial, whose `retry_of` names the first attempt, has the same parameters. `reused_from` is the trial
    whose scores stand for this one's, because the point is the same.
    """

    number: int
    state: Literal["complete", "failed", "retried"]
    source: Source
    point: SteeringPoint | None
    """None where the worker ended before the point was drawn."""
    transfer: float | None
    localization: float | None
    details: dict[str, float] = Field(default_factory=dict)
    feasible: bool = False
    reused_from: int | None = None
    retry_of: int | None = None
    failure: str | None = None
    worker: str | None = None
    seconds: float = 0.0


class Counts(Frozen):
    """Trials by what became of them; reused ones are complete too, running and waiting ones are not finished."""

    complete: int
    failed: int
    retried: int
    reused: int
    running: int
    waiting: int


class SearchResult(Frozen):
    """A study's trials by number, and what follows from them.

    `front` holds the numbers of the feasible trials that no other dominates, duplicates merged into the first, by rising
    localization. `hypervolume[i]` is that of the front of `trials[: i + 1]` over `reference`, in squared fractions.
    `importances[objective][parameter]` are shares that sum to 1; an objective is missing while there is too little to tell.
    """

    name: str
    sampler: str
    space: SearchSpace
    constraints: Constraints
    trials: tuple[TrialRecord, ...]
    front: tuple[int, ...]
    knee: int | None
    reference: tuple[float, float]
    """Transfer and localization of the point over which hypervolume is measured."""
    hypervolume: tuple[float, ...]
    importances: dict[str, dict[str, float]]
    counts: Counts

    def trial(self, number: int) -> TrialRecord:
        """The finished trial of that number; KeyError where there is none."""
        for each in self.trials:
            if each.number == number:
                return each
        raise KeyError(number)

    @property
    def front_trials(self) -> tuple[TrialRecord, ...]:
        """The trials of the front, by rising localization."""
        return tuple(self.trial(number) for number in self.front)
