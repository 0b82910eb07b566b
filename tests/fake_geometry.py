"""Made-up but plausible analyses of a comparison's models, for the tests of the report. Not measurements."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import numpy as np

from fake_results import LANGUAGES, OTHERS
from isogloss.data.rows import AXES, Axis
from isogloss.report.geometry import Geometry
from isogloss.results import names
from isogloss.results.analyses import (
    Agreement,
    Convergence,
    LayerCurve,
    Panel,
    Pca,
    PcaPanel,
    PcaRow,
    Perpendicularity,
    Retrieval,
)
from isogloss.results.scores import MACRO, Estimate

LAYERS = tuple(range(1, 19))
MODELS = {name: model.label for name, model in names.MODELS.items()}
CONDITIONS = names.STATES
#: How far each model pulls languages together.
PULL = {"unaligned": 0.0, "mist": 0.06, "clo": 0.02, "midalign": 0.22}
GROUPS = 30


def estimate(value: float, half: float, *, n: int = 180) -> Estimate:
    return Estimate(value=value, low=value - half, high=value + half, n=n, groups=n)


def curve(shape: Callable[[float], float], half: float, rng: random.Random) -> LayerCurve:
    """An estimate at each layer; `shape` is of the depth from 0 to 1."""
    values = [shape(layer / LAYERS[-1]) + rng.gauss(0, 0.15 * half) for layer in LAYERS]
    return LayerCurve(layers=LAYERS, values=tuple(estimate(value, half) for value in values))


def panel(model: str, condition: str = "none") -> Panel:
    return Panel(model=model, label=MODELS[model], condition=condition, condition_label=CONDITIONS[condition])


def make_perpendicularity(model: str) -> Perpendicularity:
    rng = random.Random(f"angles {model}")

    def angle(depth: float) -> float:
        return 62 + 24 * math.sin(math.pi * min(1.0, 1.2 * depth)) - 30 * PULL[model]

    flat = tuple(Estimate(value=87.6, low=82.1, high=89.9, n=1, groups=1) for _ in LAYERS)
    return Perpendicularity(
        model=model,
        label=MODELS[model],
        by_language={
            **{code: curve(lambda d, o=rng.uniform(-5, 5): angle(d) + o, 5.0, rng) for code in OTHERS},  # type: ignore[misc]
            MACRO: curve(angle, 2.0, rng),
        },
        split_half={
            "en": curve(lambda depth: 22 + 8 * depth, 4.0, rng),
            "loc": curve(lambda depth: 34 - 9 * depth, 5.0, rng),
        },
        random=LayerCurve(layers=LAYERS, values=flat),
    )


def make_pca() -> tuple[Pca, np.ndarray]:
    """Sixteen panels; languages stand in a ring that training draws in."""
    rng = np.random.default_rng(7)
    rows = [
        PcaRow(id=f"{axis}-{group}-{code}", group=f"{axis} question {group}", language=code, axis=axis)
        for axis in AXES
        for group in range(GROUPS)
        for code in LANGUAGES
    ]
    panels = [panel(model, condition) for model in MODELS for condition in CONDITIONS]
    shifts = {"none": (0.0, 0.0), "en": (9.0, 3.0), "loc": (-4.0, 11.0), "sur": (5.0, 14.0)}
    noise = rng.normal(0, 2.2, (len(rows), 2))
    coordinates = np.zeros((len(panels), len(LAYERS), len(rows), 2), dtype=np.float32)
    for number, each in enumerate(panels):
        for place, layer in enumerate(LAYERS):
            depth = layer / LAYERS[-1]
            for index, row in enumerate(rows):
                angle = 2 * math.pi * LANGUAGES.index(row.language) / len(LANGUAGES)
                far = (14 - 9 * math.sin(math.pi * depth)) * (1 - 2.2 * PULL[each.model])
                far *= 1.25 if row.axis == "localization" else 1.0
                centre = np.array([far * math.cos(angle), 0.7 * far * math.sin(angle)])
                coordinates[number, place, index] = (
                    centre + noise[index] + depth * np.array(shifts[each.condition])
                ) * (1 + 3 * depth)
    shares = {layer: (0.31 + 0.01 * layer, 0.14) for layer in LAYERS}
    return (
        Pca(
            layers=LAYERS,
            rows=tuple(rows),
            panels=tuple(PcaPanel(panel=each, share=shares) for each in panels),
            basis="principal components of Unaligned, unsteered, at each layer",
        ),
        coordinates,
    )


def make_convergence(model: str, condition: str, axis: Axis) -> Convergence:
    rng = random.Random(f"cka {model} {condition} {axis}")
    less = 0.1 if axis == "localization" else 0.0
    steered = 0.05 if condition in ("en", "sur") else 0.0

    def cka(depth: float) -> float:
        return 0.2 - less + steered * depth + (0.4 + PULL[model]) * math.sin(math.pi * depth) ** 2

    def cosine(depth: float) -> float:
        return 0.55 + 0.6 * (cka(depth) - 0.2)

    return Convergence(
        panel=panel(model, condition),
        axis=axis,
        cka=curve(cka, 0.035, rng),
        cosine=curve(cosine, 0.02, rng),
        baseline_cka=LayerCurve(
            layers=LAYERS,
            values=tuple(
                Estimate(value=0.1 + 0.3 * layer / LAYERS[-1], low=None, high=None, n=180, groups=30)
                for layer in LAYERS
            ),
        ),
        baseline_cosine=curve(lambda depth: cosine(depth) - 0.14, 0.02, rng),
        with_english={code: {"cka": curve(cka, 0.06, rng), "cosine": curve(cosine, 0.04, rng)} for code in OTHERS},
    )


def make_retrieval(model: str, condition: str) -> Retrieval:
    rng = random.Random(f"retrieval {model} {condition}")

    def found(depth: float) -> float:
        return min(0.98, 0.03 + (0.62 + PULL[model]) * math.sin(math.pi * min(1.0, 1.1 * depth)) ** 2)

    own = {code: curve(lambda d, o=rng.uniform(0.7, 1.0): found(d) * o, 0.07, rng) for code in OTHERS}  # type: ignore[misc]
    return Retrieval(
        panel=panel(model, condition),
        sentences=120,
        chance=1 / 120,
        by_language={**own, MACRO: curve(lambda depth: 0.85 * found(depth), 0.03, rng)},
        centred={MACRO: curve(lambda depth: min(0.97, 1.1 * found(depth)), 0.03, rng)},
    )


def make_agreement(model: str, condition: str, *, labelled: bool) -> Agreement:
    rng = random.Random(f"agreement {model} {condition}")

    def spread(middle: float) -> dict[str, Estimate]:
        found = {code: estimate(middle + rng.uniform(-0.12, 0.12), 0.07) for code in OTHERS}
        return {**found, MACRO: estimate(middle, 0.03)}

    return Agreement(
        panel=panel(model, condition),
        universal={**spread(0.52 + PULL[model]), "pairs": estimate(0.48 + PULL[model], 0.02)},
        localized=spread(0.46 - 0.8 * PULL[model] + (0.1 if condition in ("loc", "sur") else 0.0)),
        expected={**{code: estimate(0.74, 0.05) for code in OTHERS}, MACRO: estimate(0.74, 0.02)},
        by_label={"CS": spread(0.5 + PULL[model] / 2), "CA": spread(0.55 + PULL[model])} if labelled else {},
    )


def make_geometry(*, labelled: bool = True) -> Geometry:
    """Four models under four conditions; perpendicularity of the models alone."""
    value, coordinates = make_pca()
    return Geometry(
        perpendicularity=tuple(make_perpendicularity(model) for model in MODELS),
        pca=value,
        coordinates=coordinates,
        convergence=tuple(make_convergence(m, c, axis) for m in MODELS for c in CONDITIONS for axis in AXES),
        retrieval=tuple(make_retrieval(m, c) for m in MODELS for c in CONDITIONS),
        agreement=tuple(make_agreement(m, c, labelled=labelled) for m in MODELS for c in CONDITIONS),
        missing=("Figures by topic were not asked for",),
    )
