"""Made-up but plausible results for the tests of tables, figures and pages. Not measurements."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping

from isogloss.results.scores import MACRO, Choice, Condition, Estimate, Results, SweepPoint

LANGUAGES = ("en", "es", "id", "ko", "el", "zh", "ar")
REGIONS = {"en": "US", "es": "ES", "id": "ID", "ko": "KR", "el": "GR", "zh": "CN", "ar": "DZ"}
OTHERS = LANGUAGES[1:]

#: Accuracy of the unsteered model by language.
TRANSFER = {"en": 0.94, "es": 0.71, "id": 0.68, "ko": 0.47, "el": 0.31, "zh": 0.49, "ar": 0.46}
LOCALIZATION = {"en": 0.88, "es": 0.60, "id": 0.66, "ko": 0.36, "el": 0.58, "zh": 0.45, "ar": 0.33}
BIAS = {"es": 0.24, "id": 0.18, "ko": 0.47, "el": 0.23, "zh": 0.29, "ar": 0.44}


#: Name, label, role, note, and macro changes of transfer, localization and English bias.
CONDITIONS = (
    ("en", "EN-steering", "method", "layer 8, γ 1", 0.024, -0.021, 0.018),
    ("loc", "LOC-steering", "method", "layer 13, γ 1", -0.006, 0.094, -0.09),
    ("sur", "SUR-steering", "method", "EN at 8, LOC at 13", 0.017, 0.081, -0.07),
    ("country", "Country in the prompt", "control", "no steering", 0.0, 0.19, -0.16),
    ("random", "Random vector", "control", "layer 13, equal norm", -0.009, 0.004, 0.003),
    ("other", "Another language’s vector", "control", "layer 13, γ 1", -0.004, -0.033, 0.01),
)


def estimate(value: float, half: float, *, n: int = 300, groups: int = 60) -> Estimate:
    """An estimate with a slightly lopsided interval of about ± `half`."""
    return Estimate(value=value, low=value - 1.04 * half, high=value + 0.96 * half, n=n, groups=groups)


def with_macro(values: Mapping[str, float], half: float) -> dict[str, Estimate]:
    """Estimates of these values, and their mean over the languages but English."""
    found = {language: estimate(value, 2.2 * half) for language, value in values.items()}
    others = [value for language, value in values.items() if language != "en"]
    found[MACRO] = estimate(sum(others) / len(others), half, n=300 * len(others))
    return found


def condition(
    name: str,
    label: str,
    role: str,
    note: str,
    *,
    transfer: float,
    localization: float,
    bias: float,
    seed: int,
) -> Condition:
    """A condition whose macro differences are near the given ones, with some spread over the languages."""
    rng = random.Random(seed)
    spread = {"transfer": 0.5 * abs(transfer) + 0.006, "localization": 0.4 * abs(localization) + 0.008}
    change = {
        "transfer": {each: transfer + rng.uniform(-1, 1) * spread["transfer"] for each in OTHERS} | {"en": 0.0},
        "localization": {each: localization + rng.uniform(-1, 1) * spread["localization"] for each in OTHERS}
        | {"en": 0.0},
    }
    bias_change = {each: bias + rng.uniform(-0.03, 0.03) for each in OTHERS}
    base = {"transfer": TRANSFER, "localization": LOCALIZATION}
    return Condition(
        name=name,
        label=label,
        role=role,  # type: ignore[arg-type]
        note=note,
        accuracy={
            axis: with_macro({each: base[axis][each] + change[axis][each] for each in LANGUAGES}, 0.024)
            for axis in ("transfer", "localization")
        },
        delta={axis: with_macro(change[axis], 0.015) for axis in ("transfer", "localization")},
        bias=with_macro({each: max(0.0, BIAS[each] + bias_change[each]) for each in OTHERS}, 0.03),
        bias_delta=with_macro(bias_change, 0.02),
    )


def _baseline() -> Condition:
    return Condition(
        name="baseline",
        label="Unsteered",
        role="baseline",
        accuracy={"transfer": with_macro(TRANSFER, 0.024), "localization": with_macro(LOCALIZATION, 0.026)},
        delta={},
        bias=with_macro(BIAS, 0.03),
        bias_delta={},
    )


def _sweep(num_layers: int) -> tuple[SweepPoint, ...]:
    points = []
    rng = random.Random(3)
    for kind, peak, transfer, localization in (("en", 8, 0.022, -0.012), ("loc", 13, -0.004, 0.10)):
        for gamma in (0.5, 1.0, 2.0):
            for layer in range(1, num_layers + 1):
                shape = math.exp(-(((layer - peak) / 3.2) ** 2))
                cost = -0.05 * gamma * gamma * (layer / num_layers) ** 6
                gained = transfer * gamma * shape + cost
                fitted = localization * gamma**0.7 * shape
                points.append(
                    SweepPoint(
                        kind=kind,  # type: ignore[arg-type]
                        layer=layer,
                        gamma=gamma,
                        transfer=estimate(gained + rng.gauss(0, 0.003), 0.02),
                        localization=estimate(fitted + rng.gauss(0, 0.006), 0.03),
                        bias=estimate(-0.08 * shape * gamma, 0.03) if kind == "loc" else None,
                        transfer_probability=0.6 * gained,
                        localization_probability=0.5 * fitted,
                        relative_norm=0.11 * gamma * (0.5 + layer / num_layers),
                    )
                )
    return tuple(points)


def make_results() -> Results:
    """A whole set of results: three methods, three controls, a sweep of 18 layers, seven languages."""
    return Results(
        pipeline="embedded",
        model="embedded (Gemma-3-270M)",
        model_digest="6f1c0b3d" * 8,
        benchmark_digest="a47e95c2" * 8,
        num_layers=18,
        languages=LANGUAGES,
        regions=REGIONS,
        scoring="cloze",
        counts={"transfer": 2100, "localization": 1740, "questions": 412, "with an English option": 1190},
        baseline=_baseline(),
        conditions=tuple(
            condition(name, label, role, note, transfer=transfer, localization=localization, bias=bias, seed=seed)
            for seed, (name, label, role, note, transfer, localization, bias) in enumerate(CONDITIONS, start=1)
        ),
        sweep=_sweep(18),
        choices=(
            Choice(
                kind="en",
                layer=8,
                gamma=1.0,
                rule="highest transfer gain on dev2 among points that lose at most 2 points of localization, by the right "
                "option's probability",
                reason="transfer +1.3, localization -0.6 points of the right option's probability on dev2; 40 of 54 "
                "points allowed",
            ),
            Choice(
                kind="loc",
                layer=13,
                gamma=1.0,
                rule="highest localization gain on dev2 among points that lose at most 2 points of transfer, by the right "
                "option's probability",
                reason="localization +5.0, transfer -0.4 points of the right option's probability on dev2; 44 of 54 "
                "points allowed",
            ),
        ),
        seconds={"data": 4.2, "baseline": 61.0, "vectors": 22.5, "sweep": 214.8, "evaluate": 187.3, "analyse": 3.9},
        machine="2 cores, 8 GB, no GPU",
        date="2026-01-31",
    )
