"""`SearchSpace`: the candidate layers and ranges of strength, and the way between a point and a study's parameters."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, model_validator

from isogloss.errors import UserError
from isogloss.files import digest_of
from isogloss.search.point import EVERY, Steering, SteeringPoint

if TYPE_CHECKING:
    from optuna.trial import BaseTrial

Kind = Literal["en", "loc"]
KINDS: tuple[Kind, Kind] = ("en", "loc")


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
    def _kinds(self) -> tuple[Kind, ...]:
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


def _name(kind: Kind, what: str, code: str) -> str:
    return f"{kind}_{what}" if code == EVERY else f"{kind}_{what}.{code}"
