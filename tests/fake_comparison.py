"""A made-up but plausible comparison of three trained models for the tests of the report. Not measurements."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping

from fake_results import BIAS, LANGUAGES, LOCALIZATION, OTHERS, REGIONS, TRANSFER, make_results, with_macro
from isogloss.data.rows import AXES, Axis
from isogloss.results.scores import Comparison, Condition, CurvePoint, Estimate, TrainedModel

Change = tuple[float, float, float]
"""Macro changes of transfer, localization and English bias."""

#: What each method does to the unaligned model.
METHODS: dict[str, tuple[str, Change]] = {
    "mist": ("MIST", (0.14, -0.045, 0.06)),
    "clo": ("CLO", (0.022, -0.012, 0.004)),
    "midalign": ("MIDALIGN", (0.085, -0.095, 0.11)),
}
#: What each steering does to a model.
STEERED: dict[str, tuple[str, str, Change]] = {
    "en": ("EN-steering", "layer 8, γ 1", (0.022, -0.028, 0.02)),
    "loc_mid": ("LOC-steering at EN's layer", "layer 8, γ 2", (-0.002, 0.012, -0.01)),
    "loc": ("LOC-steering", "layer 13, γ 2", (-0.034, 0.082, -0.07)),
    "sur": ("SUR-steering", "EN at layer 8 (γ 1) and LOC at layer 13 (γ 2)", (-0.008, 0.061, -0.05)),
}
STEPS = (0, 25, 50, 75, 100)


def _spread(macro: float, rng: random.Random, languages: tuple[str, ...]) -> dict[str, float]:
    """Changes by language around the macro one; English, which is near the ceiling, moves little."""
    found = {each: macro + rng.uniform(-1, 1) * (0.4 * abs(macro) + 0.008) for each in languages}
    return found | {"en": 0.1 * macro} if "en" in languages else found


def _add(one: Mapping[str, float], other: Mapping[str, float]) -> dict[str, float]:
    return {language: value + other[language] for language, value in one.items()}


def _condition(name: str, label: str, note: str, changes: tuple[dict[str, float], ...]) -> Condition:
    transfer, localization, bias = changes
    return Condition(
        name=name,
        label=label,
        role="method",
        note=note,
        accuracy={
            "transfer": with_macro(_add(TRANSFER, transfer), 0.024),
            "localization": with_macro(_add(LOCALIZATION, localization), 0.026),
        },
        delta={"transfer": with_macro(transfer, 0.022), "localization": with_macro(localization, 0.024)},
        bias=with_macro(_add(BIAS, bias), 0.03),
        bias_delta=with_macro(bias, 0.022),
    )


def _curve(change: Change, seed: int) -> tuple[CurvePoint, ...]:
    rng = random.Random(seed)
    found = []
    for step in STEPS:
        share = 1 - math.exp(-step / 30)
        moved = [
            {
                each: base[each] + share * (0.1 if each == "en" else 1) * delta + (rng.gauss(0, 0.012) if step else 0)
                for each in base
            }
            for base, delta in zip((TRANSFER, LOCALIZATION, BIAS), change, strict=True)
        ]
        transfer, localization, bias = (with_macro(values, 0.035) for values in moved)
        found.append(CurvePoint(step=step, accuracy={"transfer": transfer, "localization": localization}, bias=bias))
    return tuple(found)


#: Height of each part of a method's loss, the first of its steps, and how many steps lie between two.
PARTS = {
    "mist": {"loss": (2.4, 1, 1)},
    "clo": {"contrast_en": (0.7, 1, 1), "sft": (2.2, 1, 1)},
    "midalign": {"alignment": (1.5, 2, 2), "sft": (2.6, 1, 2)},
}


def _losses(name: str, seed: int) -> dict[str, tuple[tuple[int, float], ...]]:
    rng = random.Random(seed)
    return {
        part: tuple(
            (step, height * (0.35 + 0.65 * math.exp(-step / 35)) + rng.gauss(0, 0.06))
            for step in range(first, STEPS[-1] + 1, every)
        )
        for part, (height, first, every) in PARTS[name].items()
    }


def _trained(name: str, seed: int) -> TrainedModel:
    label, change = METHODS[name]
    rng = random.Random(seed)
    own = tuple(
        _spread(each, rng, languages) for each, languages in zip(change, (LANGUAGES, LANGUAGES, OTHERS), strict=True)
    )
    conditions = [_condition("none", label, "", own)]
    over_own: dict[str, dict[Axis, dict[str, Estimate]]] = {}
    for steering, (words, note, effect) in STEERED.items():
        moved = tuple(_spread(each, rng, tuple(before)) for each, before in zip(effect, own, strict=True))
        both = tuple(_add(before, more) for before, more in zip(own, moved, strict=True))
        conditions.append(_condition(steering, f"{label} + {words}", note, both))
        over_own[steering] = {axis: with_macro(more, 0.018) for axis, more in zip(AXES, moved, strict=False)}
    return TrainedModel(
        name=name,
        label=label,
        note="100 steps",
        conditions=tuple(conditions),
        over_own=over_own,
        curve=_curve(change, seed),
        losses=_losses(name, seed),
    )


def _unaligned() -> TrainedModel:
    results = make_results()
    rng = random.Random(17)
    steered = tuple(
        _condition(
            name,
            words,
            note,
            tuple(
                _spread(each, rng, codes) for each, codes in zip(effect, (LANGUAGES, LANGUAGES, OTHERS), strict=True)
            ),
        )
        for name, (words, note, effect) in STEERED.items()
    )
    return TrainedModel(
        name="unaligned",
        label="Unaligned",
        note=results.model,
        conditions=(results.baseline.model_copy(update={"name": "none"}), *steered),
        over_own={each.name: each.delta for each in steered},
    )


def make_comparison() -> Comparison:
    """The unaligned model and three trained ones under four steerings each, with curves of five points."""
    return Comparison(
        models=(_unaligned(), *(_trained(name, seed) for seed, name in enumerate(METHODS, start=30))),
        languages=LANGUAGES,
        regions=REGIONS,
        curve_items={"transfer": 120, "localization": 140},
    )
