"""The panels of the analyses: each model of a pipeline, unsteered and steered at the chosen layers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from pydantic import BaseModel

from isogloss.analysis.results import MACRO, LayerCurve, Panel
from isogloss.analysis.states import States, load_states
from isogloss.files import write_json
from isogloss.spec.align import METHODS
from isogloss.stages.compare import LABELS
from isogloss.stages.points import UNALIGNED, suffixed
from isogloss.stages.stage import Metric

#: Conditions of a model, in the order in which they are shown: name → label.
CONDITIONS = {"none": "unsteered", "en": "EN-steered", "loc": "LOC-steered", "sur": "SUR-steered"}


def panel(model: str, condition: str) -> Panel:
    """A model of the pipeline in one condition, with its labels."""
    return Panel(model=model, label=LABELS[model], condition=condition, condition_label=CONDITIONS[condition])


def models_of(inputs: Mapping[str, Path], family: str) -> dict[str, Path]:
    """{model: folder} of a family's stages among the inputs: the unaligned one first, then the methods."""
    names = {model: suffixed(family, model) for model in (UNALIGNED, *METHODS)}
    return {model: inputs[name] for model, name in names.items() if name in inputs}


def state_panels(inputs: Mapping[str, Path], part: str) -> Iterator[tuple[Panel, States]]:
    """Every model and condition with its captured states; `part` is the folder within the stage's."""
    for model, folder in models_of(inputs, "states").items():
        for condition, states in load_states(folder / part).items():
            yield panel(model, condition), states


def save_values(path: Path, values: Iterable[BaseModel]) -> None:
    """Write an analysis's values, one for each model or panel, as one JSON list."""
    write_json(path, [one.model_dump(mode="json") for one in values])


def macro_metrics(name: str, by_language: Mapping[str, LayerCurve]) -> list[Metric]:
    """The macro curve, where there is one."""
    return curve_metrics(name, by_language[MACRO]) if MACRO in by_language else []


def curve_metrics(name: str, curve: LayerCurve) -> list[Metric]:
    """A curve over layers, as MLflow draws it: step = layer."""
    return [
        Metric(name=name, value=one.value, step=layer) for layer, one in zip(curve.layers, curve.values, strict=True)
    ]
