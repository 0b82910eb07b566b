"""What the report is given of the analyses; each part may be absent."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from isogloss.analysis.results import Agreement, Convergence, LayerCurve, Panel, Pca, Perpendicularity, Retrieval
from isogloss.evaluate.results import Estimate
from isogloss.report.comparison.rows import NONE

if TYPE_CHECKING:
    import numpy as np


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
