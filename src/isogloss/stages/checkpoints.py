"""Points of a search as interventions on a checkpoint of the pipeline."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from pydantic import BaseModel

from isogloss.analysis.capture import States, load_states
from isogloss.files import write_json
from isogloss.methods.job import FINAL
from isogloss.models.load import LoadedModel
from isogloss.results.analyses import LayerCurve, Panel
from isogloss.results.names import STATES, UNALIGNED, model_label
from isogloss.results.scores import MACRO
from isogloss.search.space import SteeringPoint
from isogloss.spec.align import METHODS
from isogloss.stages.stage import Metric, StageRun
from isogloss.stages.vectors import FOLDERS
from isogloss.steering.intervention import Component, Intervention
from isogloss.steering.vectors import Kind, SteeringVectors


def suffixed(family: str, checkpoint: str) -> str:
    """The name of a family's stage for a checkpoint: `vectors`, `vectors-mist`."""
    return family if checkpoint == UNALIGNED else f"{family}-{checkpoint}"


def checkpoint_model(stage: StageRun, checkpoint: str) -> LoadedModel:
    """The model of a checkpoint of the pipeline."""
    return stage.model() if checkpoint == UNALIGNED else stage.model(stage.inputs[f"align-{checkpoint}"] / FINAL)


def checkpoint_vectors(stage: StageRun, checkpoint: str) -> dict[Kind, SteeringVectors]:
    """Its own vectors of both kinds."""
    folder = stage.inputs[suffixed("vectors", checkpoint)]
    return {kind: SteeringVectors.load(folder / name) for kind, name in FOLDERS.items()}


def intervention_of(point: SteeringPoint, vectors: Mapping[Kind, SteeringVectors]) -> Intervention:
    """What `point` adds where: a component for each kind and each layer and strength that some languages share."""
    components = []
    for kind, own in vectors.items():
        together: dict[tuple[int, float], list[str]] = defaultdict(list)
        for language in own.languages:
            steering = point.of(language)
            layer, gamma = (
                (None, 0.0)
                if steering is None
                else (getattr(steering, f"{kind}_layer"), getattr(steering, f"{kind}_gamma"))
            )
            if layer is not None and gamma != 0:
                together[layer, gamma].append(language)
        for (layer, gamma), languages in sorted(together.items()):
            fewer = own if len(languages) == len(own.languages) else own.only(languages)
            components.append(Component(vectors=fewer, layer=layer, gamma=gamma))
    return Intervention(tuple(components))


# --------------------------------------------------------------------------------------------------------------------
# The panels of the analyses: each model of a pipeline, unsteered and steered at the chosen layers.


def panel(model: str, condition: str) -> Panel:
    """A model of the pipeline in one condition, with its labels."""
    return Panel(model=model, label=model_label(model), condition=condition, condition_label=STATES[condition])


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
