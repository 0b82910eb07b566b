"""What the analyses say, in sentences computed from them; a difference is claimed only where intervals are apart."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from isogloss.report.comparison.rows import NONE
from isogloss.report.findings import listing
from isogloss.results.analyses import Agreement, Convergence, LayerCurve, Panel, Pca, Perpendicularity, Retrieval
from isogloss.results.format import degrees_text, plain_text, rate_text
from isogloss.results.scores import MACRO, Estimate

if TYPE_CHECKING:
    import numpy as np


# --------------------------------------------------------------------------------------------------------------------
# What the report is given of the analyses; each part may be absent.

#: The first number of `36 of 60`.
_COUNT = re.compile(r"\d+(?= of \d)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Geometry:
    """The analyses of one pipeline. `coordinates` [panels, layers, rows, 2] belongs to `pca`.

    `missing` says in sentences what is not there and why.
    """

    perpendicularity: tuple[Perpendicularity, ...] = ()
    pca: Pca | None = None
    coordinates: np.ndarray | None = None
    convergence: tuple[Convergence, ...] = ()
    retrieval: tuple[Retrieval, ...] = ()
    agreement: tuple[Agreement, ...] = ()
    missing: tuple[str, ...] = ()

    def absent(self) -> list[str]:
        """Everything that is not there, as sentences, each once: what all panels lack is said without their names."""
        found = [*self.missing]
        found += _lacking("Perpendicularity", [(one.label, one.missing) for one in self.perpendicularity])
        if self.pca is not None:
            found += [f"Projections: {each}" for each in self.pca.missing]
        for axis, which in (("transfer", "universal"), ("localization", "localized")):
            own = [(panel_name(one.panel), one.missing) for one in self.convergence if one.axis == axis]
            found += _lacking(f"Convergence on {which} questions", own)
        for name, values in (("Retrieval", self.retrieval), ("Agreement", self.agreement)):
            found += _lacking(name, [(panel_name(one.panel), one.missing) for one in values])
        return list(dict.fromkeys(_sentence(each) for each in found))


def _lacking(name: str, given: Sequence[tuple[str, Sequence[str]]]) -> list[str]:
    """A sentence for each thing that panels lack, with their names unless all do; one whose counts differ has their range."""
    every = {panel for panel, _ in given}
    lacking: dict[str, list[tuple[str, str]]] = {}
    for panel, missing in given:
        for each in missing:
            lacking.setdefault(_COUNT.sub("#", each), []).append((panel, each))
    found = []
    for told in lacking.values():
        panels = dict.fromkeys(panel for panel, _ in told)
        whose = name if set(panels) == every and len(every) > 1 else f"{name} of {'; '.join(panels)}"
        found.append(f"{whose}: {_ranged([each for _, each in told])}")
    return found


def _ranged(texts: Sequence[str]) -> str:
    """Texts that differ in their counts alone as one: `36 to 45 of 60 items`."""
    columns = iter(zip(*(map(int, _COUNT.findall(text)) for text in texts), strict=True))

    def span(_found: re.Match[str]) -> str:
        column = next(columns)
        return str(column[0]) if len(set(column)) == 1 else f"{min(column)} to {max(column)}"

    return _COUNT.sub(span, texts[0])


def panel_name(panel: Panel) -> str:
    """`MIST`, `MIST, LOC-steered`."""
    return panel.label if panel.condition == NONE else f"{panel.label}, {panel.condition_label}"


def conditions(panels: Iterable[Panel]) -> list[tuple[str, str]]:
    """The conditions among the panels with their labels, in their order."""
    return list({panel.condition: panel.condition_label for panel in panels}.items())


def models(panels: Iterable[Panel]) -> list[tuple[str, str]]:
    """The models among the panels with their labels, in their order."""
    return list({panel.model: panel.label for panel in panels}.items())


def at(curve: LayerCurve) -> Iterator[tuple[int, Estimate]]:
    """(layer, estimate) in order."""
    return zip(curve.layers, curve.values, strict=True)


def peak(curve: LayerCurve) -> tuple[int, Estimate]:
    """The layer of the highest value, and that; the first of equals. ValueError for an empty curve."""
    return max(at(curve), key=lambda each: (each[1].value, -each[0]))


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
    listed = parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
    return f"in layer{'s' if len(layers) > 1 else ''} {listed}"


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:].rstrip('.')}."


# --------------------------------------------------------------------------------------------------------------------

UNALIGNED = "unaligned"


def geometry_findings(geometry: Geometry) -> list[str]:
    """On directions, then of every trained model what became of its states and choices against the unaligned one."""
    return [
        *_perpendicular(geometry.perpendicularity),
        *_convergence(geometry),
        *_retrieval(geometry),
        *_agreement(geometry),
    ]


def apart(one: Estimate, other: Estimate) -> int:
    """1 where the whole interval of `one` lies above the other's, −1 where below, 0 where they meet or there is none."""
    if one.low is None or one.high is None or other.low is None or other.high is None:
        return 0
    return 1 if one.low > other.high else -1 if one.high < other.low else 0


def _perpendicular(given: Sequence[Perpendicularity]) -> list[str]:
    each = next((one for one in given if one.model == UNALIGNED), given[0] if given else None)
    macro = None if each is None else each.by_language.get(MACRO)
    if each is None or macro is None or not macro.layers:
        return []
    random = dict(at(each.random))
    halves = [dict(at(curve)) for curve in each.split_half.values() if curve.layers]
    unlike = [
        layer
        for layer, value in at(macro)
        if halves and all(layer in half and apart(value, half[layer]) > 0 for half in halves)
    ]
    below = [layer for layer, value in at(macro) if layer in random and apart(value, random[layer]) < 0]
    layer, most = peak(macro)
    start = f"In {_the(each.label)} EN and LOC directions are most perpendicular at layer {layer}, {degrees_text(most)}"
    beside = f" beside {degrees_text(random[layer])} of two random directions" if layer in random else ""
    sentences = [f"{start}{beside}."]
    if len(halves) == len(each.split_half) and macro.values[0].low is not None:
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


def _convergence(geometry: Geometry) -> list[str]:
    curves = {
        each.panel.model: each.cka
        for each in geometry.convergence
        if each.panel.condition == NONE and each.axis == "transfer" and each.cka.layers
    }
    kinds = {
        each.panel.model: dict(at(each.baseline_cka))
        for each in geometry.convergence
        if each.panel.condition == NONE and each.axis == "transfer"
    }

    def alone(model: str, layer: int) -> str:
        """Training on kinds of question may teach kinds: what they give by themselves stands beside each claim."""
        own, before = kinds[model].get(layer), kinds[UNALIGNED].get(layer)
        if own is None or before is None:
            return ""
        return f"; the kinds of question alone give {_plain(own)} against {_plain(before)}"

    return _kinds(geometry.convergence) + _trained(
        curves,
        dict(models(each.panel for each in geometry.convergence)),
        beside=alone,
        clear="languages arrange universal questions {} alike after {} than before",
        words=("more", "less"),
        unclear="how alike languages arrange universal questions",
        what="CKA ",
        text=plain_text,
    )


def _kinds(given: Sequence[Convergence]) -> list[str]:
    """How much of a high alignment is no more than capitals lying with capitals."""
    each = next(
        (one for one in given if one.panel.condition == NONE and one.axis == "transfer" and one.cka.layers), None
    )
    if each is None or not each.baseline_cka.layers:
        return []
    layer, highest = peak(each.cka)
    of = _the(each.panel.label)
    if all(value.low is None or value.low <= 0 for value in each.cka.values):
        return [
            f"In {of} it cannot be told at any layer that languages arrange universal questions alike (CKA "
            f"{plain_text(highest)} at most)."
        ]
    alone = dict(at(each.baseline_cka)).get(layer)
    if alone is None:
        return []
    return [
        f"In {of} languages arrange universal questions most alike at layer {layer}: CKA {plain_text(highest)}, where the "
        f"kinds of question alone give {_plain(alone)}."
    ]


def _retrieval(geometry: Geometry) -> list[str]:
    curves = {
        each.panel.model: each.by_language[MACRO]
        for each in geometry.retrieval
        if each.panel.condition == NONE and MACRO in each.by_language and each.by_language[MACRO].layers
    }
    return _trained(
        curves,
        dict(models(each.panel for each in geometry.retrieval)),
        clear="a sentence finds its translation {} often after {} than before",
        words=("more", "less"),
        unclear="how often a sentence finds its translation",
        what="top-1 ",
        text=rate_text,
    )


def _trained(
    curves: Mapping[str, LayerCurve],
    labels: Mapping[str, str],
    *,
    clear: str,
    words: tuple[str, str],
    unclear: str,
    what: str,
    text: Callable[[Estimate | None], str],
    beside: Callable[[str, int], str] = lambda _model, _layer: "",
) -> list[str]:
    """Where trained models' curves are apart from the unaligned one's, and for which models nothing can be told."""
    before = curves.get(UNALIGNED)
    if before is None:
        return []
    found, untold = [], []
    for model, label in labels.items():
        if model == UNALIGNED or model not in curves:
            continue
        told = _apart(
            before,
            curves[model],
            clear=clear,
            label=label,
            words=words,
            what=what,
            text=text,
            beside=partial(beside, model),
        )
        found += told
        if not told:
            untold.append(label)
    return _joined(found, untold, f"{unclear}, at any layer")


def _joined(told: list[str], untold: list[str], what: str) -> list[str]:
    """The sentences in one, and for whom there is no telling."""
    if untold:
        told = [*told, f"No difference can be told between {listing(untold)} and the unaligned model in {what}."]
    return [" ".join(told)] if told else []


def _apart(
    before: LayerCurve,
    after: LayerCurve,
    *,
    clear: str,
    label: str,
    words: tuple[str, str],
    what: str,
    text: Callable[[Estimate | None], str],
    beside: Callable[[int], str],
) -> list[str]:
    """A sentence for each direction in which a curve is clearly apart from another, at the layer where it is farthest."""
    old = dict(at(before))
    pairs = [(layer, value, old[layer]) for layer, value in at(after) if layer in old]
    sentences = []
    for word, sign in zip(words, (1, -1), strict=True):
        moved = [(layer, new, was) for layer, new, was in pairs if apart(new, was) == sign]
        if not moved:
            continue
        layer, new, was = max(moved, key=lambda each: abs(each[1].value - each[2].value))
        where = layers_text([each[0] for each in moved], [each[0] for each in pairs])
        told = f"at layer {layer} {what}{text(new)} against {text(was)}{beside(layer)}"
        sentences.append(f"{where[0].upper()}{where[1:]} {clear.format(word, label)} ({told}).")
    return sentences


def _agreement(geometry: Geometry) -> list[str]:
    """Of each trained model what is clearly another share than the unaligned one's; then of what that cannot be told."""
    plain = {each.panel.model: each for each in geometry.agreement if each.panel.condition == NONE}
    base = plain.get(UNALIGNED)
    if base is None:
        return []
    found = []
    for which, does, share in (
        (
            "universal",
            "picks what English picks on universal questions",
            "how often a language picks what English picks",
        ),
        ("localized", "parts from English on localized questions", "how often a language parts from English"),
    ):
        old: Estimate | None = getattr(base, which).get(MACRO)
        told, untold = [], []
        for model, each in plain.items():
            new: Estimate | None = getattr(each, which).get(MACRO)
            if model == UNALIGNED or old is None or new is None:
                continue
            if sign := apart(new, old):
                how = "more" if sign > 0 else "less"
                rates = f"{rate_text(new)} against {rate_text(old)}"
                told.append(f"{each.panel.label} {does} {how} often than the unaligned model ({rates}).")
            else:
                untold.append(each.panel.label)
        found += _joined(told, untold, share)
    return found


def _plain(estimate: Estimate) -> str:
    return f"{estimate.value:.2f}".replace("-", "−")


def _the(label: str) -> str:
    return "the unaligned model" if label.lower() == UNALIGNED else label
