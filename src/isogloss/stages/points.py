"""Points of a search as interventions on a checkpoint of the pipeline."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from isogloss.methods.job import FINAL
from isogloss.models.load import LoadedModel
from isogloss.search.point import SteeringPoint
from isogloss.stages.stage import StageRun
from isogloss.stages.vectors import FOLDERS
from isogloss.steering.intervention import Component, Intervention
from isogloss.steering.vectors import Kind, SteeringVectors

#: The pipeline's own model, as it came.
UNALIGNED = "unaligned"


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
