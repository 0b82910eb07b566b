"""The result of a search, as one value for JSON. Scores are changes against the unsteered model, as fractions."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from isogloss.results.scores import Frozen
from isogloss.search.space import SearchSpace, SteeringPoint

#: Where a trial's point comes from: γ = 0, the paper's choice, the sweep's, the first-order estimate, or the sampler.
Source = Literal["zero", "paper", "sweep", "first-order", "sampler"]


class Measured(Frozen):
    """Scores of a point on dev2: changes of transfer and localization (fractions), and further statistics."""

    transfer: float
    localization: float
    details: dict[str, float] = Field(default_factory=dict)


class Constraints(Frozen):
    """How far each axis may fall (a fraction, 0.02 is two points); None sets no bound."""

    transfer: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    localization: float | None = Field(default=None, ge=0, allow_inf_nan=False)


class TrialRecord(Frozen):
    """One trial that does not run any more.

    Attributes:
        state: `complete`; `failed`, without scores, for the reason in `failure`; or `retried`: its worker was killed or
            stopped, and a later trial, whose `retry_of` names the first attempt, has the same parameters.
        point: None if the worker ended before the point was drawn.
        reused_from: the trial whose scores were taken, because its point is the same.
    """

    number: int
    state: Literal["complete", "failed", "retried"]
    source: Source
    point: SteeringPoint | None
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
    """How many trials there are of each kind. Reused ones are complete too; running and waiting ones are not finished."""

    complete: int
    failed: int
    retried: int
    reused: int
    running: int
    waiting: int


class SearchResult(Frozen):
    """A study's trials by number, and what follows from them.

    Attributes:
        front: numbers of the feasible trials that no other dominates, by rising localization; of equal ones the first.
        reference: transfer and localization of the point over which hypervolume is measured.
        hypervolume: of the front of the first 1, 2, … trials, in squared fractions.
        importances: by objective and parameter, shares that sum to 1; an objective with too few trials is missing.
    """

    name: str
    sampler: str
    space: SearchSpace
    constraints: Constraints
    trials: tuple[TrialRecord, ...]
    front: tuple[int, ...]
    knee: int | None
    reference: tuple[float, float]
    hypervolume: tuple[float, ...]
    importances: dict[str, dict[str, float]]
    counts: Counts

    def trial(self, number: int) -> TrialRecord:
        """The trial of that number. Raises KeyError if there is none."""
        for trial in self.trials:
            if trial.number == number:
                return trial
        raise KeyError(number)

    @property
    def front_trials(self) -> tuple[TrialRecord, ...]:
        """The trials of the front, by rising localization."""
        return tuple(self.trial(number) for number in self.front)
