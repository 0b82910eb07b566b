"""`SteeringPoint`: where and how strongly EN and LOC vectors are added, for all languages or for each."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from isogloss.errors import UserError
from isogloss.files import digest_of

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
        for kind in ("en", "loc"):
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
