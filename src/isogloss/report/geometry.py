"""The analyses of directions, states and choices: what the report is given, what it says of them, and their files."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from isogloss.data.rows import AXES
from isogloss.files import write_atomic
from isogloss.report.findings import listing, sentence
from isogloss.results.analyses import (
    COORDINATES,
    Agreement,
    Convergence,
    LayerCurve,
    Pca,
    Perpendicularity,
    Retrieval,
)
from isogloss.results.format import MINUS, degrees_text, plain_text, rate_text
from isogloss.results.names import MODELS, QUESTIONS, UNALIGNED, UNSTEERED
from isogloss.results.scores import MACRO, Estimate

if TYPE_CHECKING:
    import numpy as np

NUMBERS, PROJECTIONS = "geometry.json", "projections.csv"
#: The first number of `36 of 60`.
_COUNT = re.compile(r"\d+(?= of \d)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Geometry:
    """The analyses of one pipeline; each may be absent. `coordinates` [panels, layers, rows, 2] belongs to `pca`.

    `missing` has a sentence for each analysis that was not made.
    """

    perpendicularity: tuple[Perpendicularity, ...] = ()
    pca: Pca | None = None
    coordinates: np.ndarray | None = None
    convergence: tuple[Convergence, ...] = ()
    retrieval: tuple[Retrieval, ...] = ()
    agreement: tuple[Agreement, ...] = ()
    missing: tuple[str, ...] = ()

    def absent(self) -> list[str]:
        """A sentence for everything that is missing, each once. Panels are named unless all of them lack it."""
        lacking = [*self.missing]
        lacking += _lacking("Perpendicularity", [(value.label, value.missing) for value in self.perpendicularity])
        if self.pca is not None:
            lacking += [f"Projections: {reason}" for reason in self.pca.missing]
        for axis in AXES:
            of_axis = [(value.panel.name, value.missing) for value in self.convergence if value.axis == axis]
            lacking += _lacking(f"Convergence on {QUESTIONS[axis]} questions", of_axis)
        for name, values in (("Retrieval", self.retrieval), ("Agreement", self.agreement)):
            lacking += _lacking(name, [(value.panel.name, value.missing) for value in values])
        return list(dict.fromkeys(sentence(text.rstrip(".")) for text in lacking))


def _lacking(analysis: str, panels: Sequence[tuple[str, Sequence[str]]]) -> list[str]:
    """One sentence for each thing missing. It names the panels unless all lack it; differing counts become a range."""
    by_reason: dict[str, list[tuple[str, str]]] = {}
    for panel, reasons in panels:
        for reason in reasons:
            by_reason.setdefault(_COUNT.sub("#", reason), []).append((panel, reason))
    sentences = []
    for lacking in by_reason.values():
        names = dict.fromkeys(panel for panel, _ in lacking)
        every = len({panel for panel, _ in panels})
        whose = analysis if len(names) == every > 1 else f"{analysis} of {'; '.join(names)}"
        sentences.append(f"{whose}: {_ranged([reason for _, reason in lacking])}")
    return sentences


def _ranged(texts: Sequence[str]) -> str:
    """Texts that differ in their counts alone as one: `36 to 45 of 60 items`."""
    columns = iter(zip(*(map(int, _COUNT.findall(text)) for text in texts), strict=True))

    def span(_match: re.Match[str]) -> str:
        column = next(columns)
        return str(column[0]) if len(set(column)) == 1 else f"{min(column)} to {max(column)}"

    return _COUNT.sub(span, texts[0])


def layers_text(layers: Sequence[int], every: Sequence[int]) -> str:
    """`from layer 9 on`, `in layers 3 to 7 and 12`, `in every layer`: runs among the layers that there are."""
    if len(layers) == len(every):
        return "in every layer"
    runs: list[list[int]] = []
    for index, layer in enumerate(every):
        if layer in layers:
            if index and every[index - 1] in layers:
                runs[-1].append(layer)
            else:
                runs.append([layer])
    if len(runs) == 1 and len(runs[0]) > 1 and runs[0][-1] == every[-1]:
        return f"from layer {runs[0][0]} on"
    parts = [str(run[0]) if len(run) == 1 else f"{run[0]} to {run[-1]}" for run in runs]
    return f"in layer{'s' if len(layers) > 1 else ''} {listing(parts)}"


def intervals_apart(value: Estimate, other: Estimate) -> int:
    """1 where the whole interval of `value` lies above the other's, −1 where below, 0 where they meet or one is missing."""
    if value.low is None or value.high is None or other.low is None or other.high is None:
        return 0
    return 1 if value.low > other.high else -1 if value.high < other.low else 0


# --------------------------------------------------------------------------------------------------------------------
# Sentences computed from the analyses; a difference is claimed only where intervals are apart.


def geometry_findings(geometry: Geometry) -> list[str]:
    """On directions; then of every trained model, how its states and choices differ from the unaligned one's."""
    return [
        *_perpendicular(geometry.perpendicularity),
        *_kinds(geometry.convergence),
        *_convergence(geometry.convergence),
        *_retrieval(geometry.retrieval),
        *_agreement(geometry.agreement),
    ]


def _perpendicular(values: Sequence[Perpendicularity]) -> list[str]:
    value = next((each for each in values if each.model == UNALIGNED), values[0] if values else None)
    macro = None if value is None else value.by_language.get(MACRO)
    if value is None or macro is None or not macro.layers:
        return []
    random = dict(value.random.points())
    halves = [dict(curve.points()) for curve in value.split_half.values() if curve.layers]
    unlike = [
        layer
        for layer, angle in macro.points()
        if halves and all(layer in half and intervals_apart(angle, half[layer]) > 0 for half in halves)
    ]
    below = [layer for layer, angle in macro.points() if layer in random and intervals_apart(angle, random[layer]) < 0]
    layer, most = macro.peak()
    start = (
        f"In {_the(value.label)} EN and LOC directions are most perpendicular at layer {layer}, {degrees_text(most)}"
    )
    beside = f" beside {degrees_text(random[layer])} of two random directions" if layer in random else ""
    sentences = [f"{start}{beside}."]
    if len(halves) == len(value.split_half) and macro.values[0].low is not None:
        told = (
            f"They are told apart from two halves of one kind {layers_text(unlike, macro.layers)}"
            if unlike
            else "Nowhere can they be told apart from two halves of one kind"
        )
        less = (
            f", and are less perpendicular than random directions {layers_text(below, macro.layers)}"
            if below
            else ", and nowhere from random directions"
        )
        sentences.append(f"{told}{less}.")
    return [" ".join(sentences)]


def _kinds(values: Sequence[Convergence]) -> list[str]:
    """How high the alignment is, and how much of it the kinds of question give by themselves."""
    value = next((each for each in _universal(values) if each.cka.layers), None)
    if value is None or not value.baseline_cka.layers:
        return []
    layer, highest = value.cka.peak()
    if all(estimate.low is None or estimate.low <= 0 for estimate in value.cka.values):
        return [
            f"In {_the(value.panel.label)} it cannot be told at any layer that languages arrange universal questions alike "
            f"(CKA {plain_text(highest)} at most)."
        ]
    alone = dict(value.baseline_cka.points()).get(layer)
    if alone is None:
        return []
    return [
        f"In {_the(value.panel.label)} languages arrange universal questions most alike at layer {layer}: CKA "
        f"{plain_text(highest)}, where the kinds of question alone give {_short(alone)}."
    ]


def _convergence(values: Sequence[Convergence]) -> list[str]:
    universal = _universal(values)
    kinds = {value.panel.model: dict(value.baseline_cka.points()) for value in universal}

    def alone(model: str, layer: int) -> str:
        """Training on kinds of question may teach kinds, so each claim has beside it what they give by themselves."""
        after, before = kinds[model].get(layer), kinds[UNALIGNED].get(layer)
        if after is None or before is None:
            return ""
        return f"; the kinds of question alone give {_short(after)} against {_short(before)}"

    return _trained(
        {value.panel.model: value.cka for value in universal if value.cka.layers},
        {value.panel.model: value.panel.label for value in values},
        beside=alone,
        clear="languages arrange universal questions {} alike after {} than before",
        unclear="how alike languages arrange universal questions",
        what="CKA ",
        text=plain_text,
    )


def _retrieval(values: Sequence[Retrieval]) -> list[str]:
    plain = [value for value in values if value.panel.condition == UNSTEERED]
    return _trained(
        {
            value.panel.model: value.by_language[MACRO]
            for value in plain
            if MACRO in value.by_language and value.by_language[MACRO].layers
        },
        {value.panel.model: value.panel.label for value in values},
        clear="a sentence finds its translation {} often after {} than before",
        unclear="how often a sentence finds its translation",
        what="top-1 ",
        text=rate_text,
    )


def _agreement(values: Sequence[Agreement]) -> list[str]:
    """What each trained model does clearly more or less often than the unaligned one; then which cannot be told."""
    plain = {value.panel.model: value for value in values if value.panel.condition == UNSTEERED}
    if UNALIGNED not in plain:
        return []
    sentences = []
    for which, does, share in (
        (
            "universal",
            "picks what English picks on universal questions",
            "how often a language picks what English picks",
        ),
        ("localized", "parts from English on localized questions", "how often a language parts from English"),
    ):
        shares: dict[str, Estimate | None] = {model: getattr(value, which).get(MACRO) for model, value in plain.items()}
        before = shares.pop(UNALIGNED)
        told, untold = [], []
        for model, after in shares.items():
            if before is None or after is None:
                continue
            label = plain[model].panel.label
            if sign := intervals_apart(after, before):
                how = "more" if sign > 0 else "less"
                rates = f"{rate_text(after)} against {rate_text(before)}"
                told.append(f"{label} {does} {how} often than the unaligned model ({rates}).")
            else:
                untold.append(label)
        sentences += _joined(told, untold, share)
    return sentences


def _trained(
    curves: Mapping[str, LayerCurve],
    labels: Mapping[str, str],
    *,
    clear: str,
    unclear: str,
    what: str,
    text: Callable[[Estimate | None], str],
    beside: Callable[[str, int], str] = lambda _model, _layer: "",
) -> list[str]:
    """Where trained models' curves are apart from the unaligned one's, and for which models nothing can be told.

    Args:
        curves: a curve over layers by model.
        clear: a claim with places for `more` or `less` and for the model's label.
        unclear: what cannot be told.
        what, text: how a value is written: `CKA 0.512`.
        beside: what a claim about a model at a layer has to be read against.
    """
    before = curves.get(UNALIGNED)
    if before is None:
        return []
    told, untold = [], []
    for model, label in labels.items():
        if model == UNALIGNED or model not in curves:
            continue
        claims = _claims(before, curves[model], clear, label, what, text, partial(beside, model))
        told += claims
        if not claims:
            untold.append(label)
    return _joined(told, untold, f"{unclear}, at any layer")


def _claims(
    before: LayerCurve,
    after: LayerCurve,
    clear: str,
    label: str,
    what: str,
    text: Callable[[Estimate | None], str],
    beside: Callable[[int], str],
) -> list[str]:
    """A sentence for each direction in which a curve is apart from another, at the layer where it is farthest."""
    old = dict(before.points())
    pairs = [(layer, value, old[layer]) for layer, value in after.points() if layer in old]
    sentences = []
    for word, sign in (("more", 1), ("less", -1)):
        moved = [(layer, new, was) for layer, new, was in pairs if intervals_apart(new, was) == sign]
        if not moved:
            continue
        layer, new, was = max(moved, key=lambda pair: abs(pair[1].value - pair[2].value))
        where = layers_text([pair[0] for pair in moved], [pair[0] for pair in pairs])
        values = f"at layer {layer} {what}{text(new)} against {text(was)}{beside(layer)}"
        sentences.append(sentence(f"{where} {clear.format(word, label)} ({values})"))
    return sentences


def _joined(told: list[str], untold: list[str], what: str) -> list[str]:
    """The sentences in one, and for which models there is no telling."""
    if untold:
        told = [*told, f"No difference can be told between {listing(untold)} and the unaligned model in {what}."]
    return [" ".join(told)] if told else []


def _universal(values: Sequence[Convergence]) -> list[Convergence]:
    """Of the unsteered models, on universal questions."""
    return [value for value in values if value.panel.condition == UNSTEERED and value.axis == "transfer"]


def _short(estimate: Estimate) -> str:
    return f"{estimate.value:.2f}".replace("-", MINUS)


def _the(label: str) -> str:
    return "the unaligned model" if label == MODELS[UNALIGNED].label else label


# --------------------------------------------------------------------------------------------------------------------
# The numbers as files beside the page.


def drawn_layer(layers: Sequence[int], wanted: int | None) -> int:
    """The layer at which projections are drawn: the nearest to the one wanted; the middle one by default."""
    if wanted is None:
        return layers[len(layers) // 2]
    return min(layers, key=lambda layer: (abs(layer - wanted), layer))


def write_geometry(geometry: Geometry, folder: Path, *, layer: int | None) -> None:
    """`geometry.json`; with projections also `coordinates.npy`, all of them, and `projections.csv`, the layer drawn."""
    import numpy as np

    pca = geometry.pca
    numbers = {
        **{
            name: [value.model_dump(mode="json") for value in getattr(geometry, name)]
            for name in ("perpendicularity", "convergence", "retrieval", "agreement")
        },
        "pca": None if pca is None else pca.model_dump(mode="json"),
        "missing": list(geometry.missing),
    }
    write_atomic(folder / NUMBERS, json.dumps(numbers, ensure_ascii=False, indent=1) + "\n")
    if pca is None or geometry.coordinates is None or not pca.layers:
        return
    write_atomic(folder / PROJECTIONS, pca_csv(pca, geometry.coordinates, layer=drawn_layer(pca.layers, layer)))
    out = io.BytesIO()
    np.save(out, geometry.coordinates.astype(np.float32), allow_pickle=False)
    write_atomic(folder / COORDINATES, out.getvalue())


def pca_csv(pca: Pca, coordinates: np.ndarray, *, layer: int) -> str:
    """Every projected point of one layer: model, condition, language, axis, question, item and its two coordinates."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("layer", "model", "condition", "language", "axis", "group", "id", "x", "y"))
    place = pca.layers.index(layer)
    for number, pca_panel in enumerate(pca.panels):
        panel = pca_panel.panel
        for row, (x, y) in zip(pca.rows, coordinates[number, place].tolist(), strict=True):
            named = (panel.model, panel.condition, row.language, row.axis, row.group, row.id)
            writer.writerow((layer, *named, f"{x:.6g}", f"{y:.6g}"))
    return out.getvalue()
