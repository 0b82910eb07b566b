"""`SearchSpace`: the candidate layers and ranges of strength, and the way between a point and a study's parameters."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from isogloss.errors import UserError
from isogloss.files import digest_of
from isogloss.results.names import KINDS, VectorKind

if TYPE_CHECKING:
    from optuna.trial import BaseTrial


# --------------------------------------------------------------------------------------------------------------------
# `SteeringPoint`: where and how strongly EN and LOC vectors are added, for all languages or for each.

#: The language of a steering that holds for all languages.
EVERY = "*"

#: Decimals of γ. What is nearer than that is the same point.
GAMMA_DECIMALS = 4


class Steering(BaseModel):
    """Layers 1…L and strengths for one language, or for every one (`*`).

    Canonical: γ is rounded, and where it is 0 there is no layer, since any would do.
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
        codes = [each.language for each in self.steerings]
        if len(set(codes)) != len(codes) or (EVERY in codes and len(codes) > 1):
            raise UserError(f"a steering point names each language once, or has one steering for all, not {codes}")
        if codes != sorted(codes):
            ordered = tuple(sorted(self.steerings, key=lambda each: each.language))
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
        one = Steering(en_layer=en_layer, en_gamma=en_gamma, loc_layer=loc_layer, loc_gamma=loc_gamma)
        return cls(steerings=(one,))

    @classmethod
    def by_language(cls, steerings: Iterable[Steering]) -> SteeringPoint:
        """One steering for each language of the study; where all are alike it is one for every language."""
        given = tuple(steerings)
        alike = {each.model_copy(update={"language": EVERY}) for each in given}
        return cls(steerings=tuple(alike) if len(alike) == 1 else given)

    def of(self, language: str) -> Steering | None:
        """The steering of a language, or None where it has none."""
        return next((each for each in self.steerings if each.language in (language, EVERY)), None)

    @property
    def unsteered(self) -> bool:
        """Whether every γ is 0."""
        return all(each.en_gamma == 0 == each.loc_gamma for each in self.steerings)

    @property
    def digest(self) -> str:
        """Content digest: equal for points that steer alike."""
        return digest_of(self.model_dump(mode="json"))

    def __str__(self) -> str:
        if self.steerings[0].language == EVERY:
            return str(self.steerings[0])
        return "; ".join(f"{each.language}: {each}" for each in self.steerings)


#: γ = 0 for both kinds.
UNSTEERED = SteeringPoint.everywhere()


def paper_point(num_layers: int) -> SteeringPoint:
    """The point chosen by hand in Han et al. 2025 (section 6), at the same depth of a model with L layers.

    There EN is added at layer 20 of 48 and LOC at layer 28 of 48, both with γ = 2. Raises UserError for L < 1.
    """
    if num_layers < 1:
        raise UserError(f"a model has at least one layer, not {num_layers}")
    en_layer, loc_layer = (max(1, round(num_layers * layer / 48)) for layer in (20, 28))
    return SteeringPoint.everywhere(en_layer=en_layer, en_gamma=2.0, loc_layer=loc_layer, loc_gamma=2.0)


# --------------------------------------------------------------------------------------------------------------------


class SearchSpace(BaseModel):
    """What is searched.

    `en_layers`, `loc_layers`: candidate layers (1…L). `en_gammas`, `loc_gammas`: lowest and highest strength; a range is
    widened to hold 0, so that each kind can be switched off, and (0, 0) leaves a kind out. `per_language`: one steering
    for all languages (`no`), strengths of their own (`gammas`), or layers too (`all`), for each of `languages`.

    Raises UserError for ranges and layers that cannot be searched.
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
        own = self.per_language == "all"
        return {
            _name(kind, "layer", code): getattr(self, f"{kind}_layers")
            for kind in self._kinds
            for code in (self.languages if own else (EVERY,))
        }

    @property
    def gamma_parameters(self) -> dict[str, tuple[float, float]]:
        """Range of strength by parameter: `en_gamma`, or `en_gamma.ko` where each language has its own."""
        own = self.per_language != "no"
        return {
            _name(kind, "gamma", code): getattr(self, f"{kind}_gammas")
            for kind in self._kinds
            for code in (self.languages if own else (EVERY,))
        }

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
        """The parameters of the point nearest to `point` within the space: layers snapped, strengths clipped.

        A kind that is off gets the middle candidate as its layer. Raises UserError for a point that gives languages
        layers or strengths of their own where the space has one for all, or has none for a language of the space.
        """
        found: dict[str, int | float] = {}
        for name, layers in self.layer_parameters.items():
            wanted = {layer for layer in self._values(point, name) if layer is not None}
            if len(wanted) > 1:
                raise UserError(f"{point}: {name} has one value for all languages in this search")
            target = wanted.pop() if wanted else layers[len(layers) // 2]
            found[name] = min(layers, key=lambda layer, target=target: abs(layer - target))  # type: ignore[misc]
        for name, (low, high) in self.gamma_parameters.items():
            strengths = {gamma for gamma in self._values(point, name) if gamma is not None}
            if len(strengths) != 1:
                raise UserError(f"{point}: {name} needs one value in this search")
            found[name] = float(min(max(strengths.pop(), low), high))
        return found

    def clipped(self, point: SteeringPoint) -> SteeringPoint:
        """The point of the space that is nearest to `point`. Raises as :meth:`parameters` does."""
        return self.point(self.parameters(point))

    def _values(self, point: SteeringPoint, name: str) -> list[Any]:
        """What a parameter is in `point`, for each language that it stands for."""
        field, _, code = name.partition(".")
        steerings = [point.of(code)] if code else list(point.steerings)
        return [getattr(each, field) for each in steerings if each is not None]


def suggest(trial: BaseTrial, space: SearchSpace) -> SteeringPoint:
    """The sampler's next point.

    Candidate layers at equal distances are integers to the sampler, which then knows that neighbours are alike; others
    are categories.
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
