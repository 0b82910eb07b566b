"""What a search tries: points of steering, the space of candidate layers and strengths, and the points to try first.

A point says in which layers EN and LOC vectors are added and how strongly, for all languages or for each. The space
translates between points and the parameters of an Optuna study.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from isogloss.errors import UserError
from isogloss.files import digest_of
from isogloss.results.names import KINDS, OWN_AXIS, VectorKind

if TYPE_CHECKING:
    from optuna.trial import BaseTrial

    from isogloss.scoring.first_order import Slopes

# --------------------------------------------------------------------------------------------------------------------
# Points

#: The language of a steering that holds for all languages.
EVERY = "*"

#: Decimals of γ. Strengths that are equal in these decimals are the same point.
GAMMA_DECIMALS = 4


class Steering(BaseModel):
    """Layers 1…L and strengths for one language, or for every one (`*`).

    γ is rounded. A kind with γ 0 has no layer, so that equal steerings are equal values.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    language: str = EVERY
    en_layer: int | None = Field(default=None, ge=1)
    en_gamma: float = Field(default=0.0, allow_inf_nan=False)
    loc_layer: int | None = Field(default=None, ge=1)
    loc_gamma: float = Field(default=0.0, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _canonical(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        value = dict(value)
        for kind in KINDS:
            gamma = value.get(f"{kind}_gamma", 0.0)
            if not isinstance(gamma, int | float):
                continue
            gamma = value[f"{kind}_gamma"] = round(float(gamma), GAMMA_DECIMALS) + 0.0  # never -0.0
            if gamma == 0:
                value[f"{kind}_layer"] = None
            elif value.get(f"{kind}_layer") is None:
                raise UserError(f"{kind.upper()} with γ {gamma:g} needs a layer")
        return value

    def __str__(self) -> str:
        kinds = (("EN", self.en_layer, self.en_gamma), ("LOC", self.loc_layer, self.loc_gamma))
        words = [f"{kind} layer {layer} γ {gamma:g}" for kind, layer, gamma in kinds if gamma]
        return " + ".join(words) or "unsteered"


class SteeringPoint(BaseModel):
    """One steering for all languages, or one for each of some languages (sorted by code)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    steerings: tuple[Steering, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _sorted(self) -> Self:
        codes = [steering.language for steering in self.steerings]
        if len(set(codes)) != len(codes) or (EVERY in codes and len(codes) > 1):
            raise UserError(f"a steering point names each language once, or has one steering for all, not {codes}")
        if codes != sorted(codes):
            ordered = tuple(sorted(self.steerings, key=lambda steering: steering.language))
            object.__setattr__(self, "steerings", ordered)
        return self

    @classmethod
    def everywhere(
        cls,
        *,
        en_layer: int | None = None,
        en_gamma: float = 0.0,
        loc_layer: int | None = None,
        loc_gamma: float = 0.0,
    ) -> SteeringPoint:
        """The same steering for every language; without arguments, the unsteered point."""
        steering = Steering(en_layer=en_layer, en_gamma=en_gamma, loc_layer=loc_layer, loc_gamma=loc_gamma)
        return cls(steerings=(steering,))

    @classmethod
    def by_language(cls, steerings: Iterable[Steering]) -> SteeringPoint:
        """One steering for each language of the study; if all are alike, one steering for every language."""
        by_code = tuple(steerings)
        alike = {steering.model_copy(update={"language": EVERY}) for steering in by_code}
        return cls(steerings=tuple(alike) if len(alike) == 1 else by_code)

    def of(self, language: str) -> Steering | None:
        """The steering of a language, or None if it has none."""
        return next((steering for steering in self.steerings if steering.language in (language, EVERY)), None)

    @property
    def unsteered(self) -> bool:
        """Whether every γ is 0."""
        return all(steering.en_gamma == 0 == steering.loc_gamma for steering in self.steerings)

    @property
    def digest(self) -> str:
        """Content digest: equal for points that steer alike."""
        return digest_of(self.model_dump(mode="json"))

    def __str__(self) -> str:
        if self.steerings[0].language == EVERY:
            return str(self.steerings[0])
        return "; ".join(f"{steering.language}: {steering}" for steering in self.steerings)


#: γ = 0 for both kinds.
UNSTEERED = SteeringPoint.everywhere()


# --------------------------------------------------------------------------------------------------------------------
# The space


class SearchSpace(BaseModel):
    """Candidate layers and ranges of strength. Raises UserError for ranges and layers that cannot be searched.

    A range of strength is widened to hold 0, so that each kind can be switched off; the range (0, 0) leaves a kind out.

    Attributes:
        en_layers, loc_layers: candidate layers, 1…L.
        en_gammas, loc_gammas: lowest and highest strength.
        per_language: one steering for all languages (`no`), strengths for each of `languages` (`gammas`), or layers
            and strengths for each (`all`).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    en_layers: tuple[int, ...]
    loc_layers: tuple[int, ...]
    en_gammas: tuple[float, float]
    loc_gammas: tuple[float, float]
    per_language: Literal["no", "gammas", "all"] = "no"
    languages: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _searchable(self) -> Self:
        for kind in KINDS:
            low, high = getattr(self, f"{kind}_gammas")
            if not (math.isfinite(low) and math.isfinite(high) and low <= high):
                raise UserError(f"{kind}_gammas: from the lowest to the highest strength, not ({low:g}, {high:g})")
            object.__setattr__(self, f"{kind}_gammas", (min(low, 0.0), max(high, 0.0)))
            layers = sorted(set(getattr(self, f"{kind}_layers")))
            if not layers or layers[0] < 1:
                raise UserError(f"{kind}_layers: at least one layer, counted from 1, not {layers}")
            object.__setattr__(self, f"{kind}_layers", tuple(layers))
        if not self._kinds:
            raise UserError("en_gammas, loc_gammas: both ranges hold 0 alone, so there is nothing to search")
        if self.per_language != "no" and (not self.languages or EVERY in self.languages):
            raise UserError(f"per_language: {self.per_language} needs the languages, by their codes")
        object.__setattr__(self, "languages", tuple(sorted(set(self.languages))))
        return self

    @property
    def digest(self) -> str:
        """Content digest."""
        return digest_of(self.model_dump(mode="json"))

    @property
    def layer_parameters(self) -> dict[str, tuple[int, ...]]:
        """Candidate layers by parameter: `en_layer`, or `en_layer.ko` where each language has its own."""
        codes = self.languages if self.per_language == "all" else (EVERY,)
        return {_name(kind, "layer", code): getattr(self, f"{kind}_layers") for kind in self._kinds for code in codes}

    @property
    def gamma_parameters(self) -> dict[str, tuple[float, float]]:
        """Range of strength by parameter: `en_gamma`, or `en_gamma.ko` where each language has its own."""
        codes = self.languages if self.per_language != "no" else (EVERY,)
        return {_name(kind, "gamma", code): getattr(self, f"{kind}_gammas") for kind in self._kinds for code in codes}

    @property
    def _kinds(self) -> tuple[VectorKind, ...]:
        return tuple(kind for kind in KINDS if getattr(self, f"{kind}_gammas") != (0.0, 0.0))

    def point(self, parameters: Mapping[str, Any]) -> SteeringPoint:
        """The point that a trial's parameters stand for."""
        codes = self.languages if self.per_language != "no" else (EVERY,)
        return SteeringPoint.by_language(
            Steering.model_validate(
                {"language": code}
                | {
                    f"{kind}_{what}": parameters.get(_name(kind, what, code), parameters.get(f"{kind}_{what}"))
                    for kind in self._kinds
                    for what in ("layer", "gamma")
                }
            )
            for code in codes
        )

    def parameters(self, point: SteeringPoint) -> dict[str, int | float]:
        """The parameters of the point of the space that is nearest to `point`: layers snapped, strengths clipped.

        A kind that is off gets the middle candidate as its layer.

        Raises:
            UserError: `point` gives languages different values where the space has one for all, or lacks a language of
                the space.
        """
        values: dict[str, int | float] = {}
        for name, layers in self.layer_parameters.items():
            in_point = {layer for layer in self._values(point, name) if layer is not None}
            if len(in_point) > 1:
                raise UserError(f"{point}: {name} has one value for all languages in this search")
            target = in_point.pop() if in_point else layers[len(layers) // 2]
            values[name] = min(layers, key=lambda layer, target=target: abs(layer - target))  # type: ignore[misc]
        for name, (low, high) in self.gamma_parameters.items():
            strengths = {gamma for gamma in self._values(point, name) if gamma is not None}
            if len(strengths) != 1:
                raise UserError(f"{point}: {name} needs one value in this search")
            values[name] = float(min(max(strengths.pop(), low), high))
        return values

    def clipped(self, point: SteeringPoint) -> SteeringPoint:
        """The point of the space that is nearest to `point`. Raises as :meth:`parameters` does."""
        return self.point(self.parameters(point))

    def _values(self, point: SteeringPoint, name: str) -> list[Any]:
        """The values of a parameter in `point`, of each language that it stands for."""
        field, _, code = name.partition(".")
        steerings = [point.of(code)] if code else list(point.steerings)
        return [getattr(steering, field) for steering in steerings if steering is not None]


def suggest(trial: BaseTrial, space: SearchSpace) -> SteeringPoint:
    """The point that the sampler proposes for `trial`.

    Candidate layers at equal distances are integers to the sampler, so that it knows which are neighbours. Others are
    categories.
    """
    drawn: dict[str, Any] = {}
    for name, layers in space.layer_parameters.items():
        steps = {after - before for before, after in pairwise(layers)}
        if len(steps) <= 1:
            drawn[name] = trial.suggest_int(name, layers[0], layers[-1], step=steps.pop() if steps else 1)
        else:
            drawn[name] = trial.suggest_categorical(name, layers)
    for name, (low, high) in space.gamma_parameters.items():
        drawn[name] = trial.suggest_float(name, low, high)
    return space.point(drawn)


def _name(kind: VectorKind, what: str, code: str) -> str:
    return f"{kind}_{what}" if code == EVERY else f"{kind}_{what}.{code}"


# --------------------------------------------------------------------------------------------------------------------
# The points to try first

#: Radius of the trust region: γ‖v‖ as a share of the residual norm. The predicted gain grows with the step, the error of the
#: prediction with its square. With the embedded model on dev2, EN's order of the layers is that of real steering at a hundredth
#: of the norm (Spearman 0.94) and hardly so at a twentieth (0.55); a fortieth lies between. LOC takes the same radius: a smaller
#: step only makes its gain smaller, and the search makes up for that.
TRUSTED = 1 / 40


def paper_point(num_layers: int) -> SteeringPoint:
    """The point chosen by hand in Han et al. 2025 (section 6), at the same depth of a model with L layers.

    There EN is added at layer 20 of 48 and LOC at layer 28 of 48, both with γ = 2. Raises UserError for L < 1.
    """
    if num_layers < 1:
        raise UserError(f"a model has at least one layer, not {num_layers}")
    en_layer, loc_layer = (max(1, round(num_layers * layer / 48)) for layer in (20, 28))
    return SteeringPoint.everywhere(en_layer=en_layer, en_gamma=2.0, loc_layer=loc_layer, loc_gamma=2.0)


def trusted_steps(
    norms: Mapping[str, Sequence[float]],
    residual_norms: Mapping[str, Sequence[float]],
    *,
    share: float = TRUSTED,
    highest: float | None = None,
) -> tuple[float, ...]:
    """The strength for each layer (index l−1) at which the first-order estimate can be trusted.

    Args:
        norms: norm of the vector by language and layer, as the vectors' header has it.
        residual_norms: norm of the residual stream by language and layer.
        share: γ‖v‖ over the residual norm, averaged over languages.
        highest: the largest strength to return.
    """
    ratios = [
        [norm / residual for norm, residual in zip(norms[code], residual_norms[code], strict=True)] for code in norms
    ]
    means = [sum(values) / len(values) for values in zip(*ratios, strict=True)]
    steps = [share / mean if mean > 0 else 0.0 for mean in means]
    return tuple(step if highest is None else min(step, highest) for step in steps)


def starting_points(
    slopes: Slopes,
    *,
    layers: Mapping[VectorKind, Sequence[int]],
    steps: Mapping[VectorKind, Sequence[float]],
    count: int = 4,
    languages: Sequence[str] | None = None,
) -> tuple[SteeringPoint, ...]:
    """The points that the first-order estimate likes best, the most promising first.

    The n-th point pairs the layers with the n-th highest predicted gain of each kind on its own axis. So points differ in
    both layers: the estimate is exact at γ = 0, and at real steps the order of its first few is not reliable. The effect
    on the other axis does not rank: finding it out is what the search is for. A kind that promises no gain is off.

    Args:
        slopes: the first-order estimate.
        layers: candidate layers of each kind.
        steps: γ of each kind, by layer.
        count: how many points at most.
        languages: average gains over these languages only.
    """

    def best(kind: VectorKind) -> list[int | None]:
        slope = slopes.macro(OWN_AXIS[kind], kind, languages=languages)
        gains = {layer: slope[layer - 1] * steps[kind][layer - 1] for layer in sorted(set(layers[kind]))}
        promising = [layer for layer, gain in gains.items() if gain > 0]
        return [*sorted(promising, key=lambda layer: -gains[layer])[:count]] or [None]

    ranked = {kind: best(kind) for kind in KINDS}
    points = []
    for place in range(min(count, max(map(len, ranked.values())))):
        en, loc = (ranked[kind][min(place, len(ranked[kind]) - 1)] for kind in KINDS)
        points.append(
            SteeringPoint.everywhere(
                en_layer=en,
                en_gamma=0.0 if en is None else steps["en"][en - 1],
                loc_layer=loc,
                loc_gamma=0.0 if loc is None else steps["loc"][loc - 1],
            )
        )
    return tuple(points)
