"""What the report shows of searches: each study on dev2 as far as the protocols say, and its points on test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from isogloss.data.rows import Axis
from isogloss.evaluate.results import MACRO, Condition, Estimate


class Steering(Protocol):
    """Layers 1…L and strengths γ of both vectors, for one language or for all; a γ of 0 has no layer."""

    @property
    def en_layer(self) -> int | None: ...
    @property
    def en_gamma(self) -> float: ...
    @property
    def loc_layer(self) -> int | None: ...
    @property
    def loc_gamma(self) -> float: ...


class Point(Protocol):
    """One steering for all languages, or one for each; `str(point)` has every layer and strength."""

    @property
    def steerings(self) -> Sequence[Steering]: ...


class Bounds(Protocol):
    """How far each axis may fall (a fraction); None: by any."""

    @property
    def transfer(self) -> float | None: ...
    @property
    def localization(self) -> float | None: ...


class SearchTrial(Protocol):
    """A finished trial; scores are changes as fractions, None where it failed."""

    @property
    def number(self) -> int: ...
    @property
    def source(self) -> str: ...
    @property
    def state(self) -> str: ...
    @property
    def transfer(self) -> float | None: ...
    @property
    def localization(self) -> float | None: ...
    @property
    def details(self) -> Mapping[str, float]: ...
    @property
    def feasible(self) -> bool: ...
    @property
    def point(self) -> Point | None: ...


class SearchTrials(Protocol):
    """A search's trials by number, the numbers of the front by rising localization, and what follows from them.

    `reference` is the transfer and localization of the point over which the hypervolume is measured.
    """

    @property
    def name(self) -> str: ...
    @property
    def sampler(self) -> str: ...
    @property
    def constraints(self) -> Bounds: ...
    @property
    def trials(self) -> Sequence[SearchTrial]: ...
    @property
    def front(self) -> Sequence[int]: ...
    @property
    def knee(self) -> int | None: ...
    @property
    def reference(self) -> tuple[float, float]: ...
    @property
    def hypervolume(self) -> Sequence[float]: ...
    @property
    def importances(self) -> Mapping[str, Mapping[str, float]]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """The search of one checkpoint."""

    checkpoint: str
    label: str
    result: SearchTrials

    def trial(self, number: int) -> SearchTrial:
        """The trial of that number; KeyError where there is none."""
        for each in self.result.trials:
            if each.number == number:
                return each
        raise KeyError(number)


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A point of a search on test. `condition` is against the unaligned model, unsteered.

    `dev2` and `test` are its macro changes of accuracy (fractions) against its own checkpoint unsteered, so that the two
    can be compared; an axis is missing where that is not known. `dominated_by` names another that is at least as good on
    both axes on test, or `unaligned` where doing nothing is.
    """

    name: str
    checkpoint: str
    label: str
    trial: int
    point: Point
    condition: Condition
    dev2: Mapping[Axis, float]
    test: Mapping[Axis, float]
    dominated_by: str | None = None

    def change(self, axis: Axis) -> Estimate:
        """Macro change on test against the unaligned model, unsteered."""
        return self.condition.delta[axis][MACRO]


@dataclass(frozen=True, slots=True, kw_only=True)
class Searches:
    """Every study of a pipeline, and the points that were taken to test, in their order.

    `statistic` is what the studies maximise. `knee` names the knee among the points that no other dominates on test,
    `model` the registered model that they are versions of.
    """

    studies: tuple[Study, ...]
    statistic: Literal["probability", "accuracy"]
    candidates: tuple[Candidate, ...] = ()
    knee: str | None = None
    model: str | None = None

    @property
    def kept(self) -> tuple[Candidate, ...]:
        """The candidates that no other dominates on test."""
        return tuple(each for each in self.candidates if each.dominated_by is None)

    def number(self, name: str) -> int:
        """A candidate's number, from 1; ValueError where there is none of that name."""
        return [each.name for each in self.candidates].index(name) + 1


def kind_text(point: Point, kind: Literal["en", "loc"]) -> str:
    """`layer 8 γ 0.5`; over languages that differ `layer 8 to 11 γ 0.2 to 0.7`; empty where the vector is not added."""
    own = [(getattr(one, f"{kind}_layer"), getattr(one, f"{kind}_gamma")) for one in point.steerings]
    used = [(layer, gamma) for layer, gamma in own if gamma]
    if not used:
        return ""
    layers, gammas = zip(*used, strict=True)
    return f"layer {_span(layers)} γ {_span(gammas)}"


def point_text(point: Point, *, between: str = " + ") -> str:
    """`EN layer 8 γ 0.5 + LOC layer 13 γ 1.5`, or `unsteered`."""
    kinds: tuple[Literal["en", "loc"], ...] = ("en", "loc")
    words = [f"{kind.upper()} {text}" for kind in kinds if (text := kind_text(point, kind))]
    return between.join(words) or "unsteered"


def _span(values: Sequence[float]) -> str:
    # Two decimals are enough to tell points apart; what rounds to nothing keeps its first digits.
    low, high = (f"{round(one, 2) or float(f'{one:.1g}'):g}".replace("-", "−") for one in (min(values), max(values)))
    return low if low == high else f"{low} to {high}"


def parameter_name(name: str) -> str:
    """A parameter in words: `LOC γ, ko` for `loc_gamma.ko`."""
    field, _, language = name.partition(".")
    kind, _, what = field.partition("_")
    return f"{kind.upper()} {'γ' if what == 'gamma' else what}" + (f", {language}" if language else "")
