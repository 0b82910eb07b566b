"""Saved views: what MLflow's pages of an experiment show at a click, so that nobody has to put columns and charts together.

MLflow keeps a saved view as a tag of the experiment: a name, and the page's state as JSON (its form read from what the pages
of MLflow 3.17 save). A view that the experiment has stays as it is, for a person may have changed it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

if TYPE_CHECKING:
    from mlflow.entities import Experiment
    from mlflow.tracking import MlflowClient

_TAG = "mlflow.sharedViewState."
_AXES = ("transfer", "localization")
_MODELS = ("unaligned", "mist", "clo", "midalign")
#: On the runs that have metrics over layers, steps or trials.
CURVES_TAG = "isogloss.curves"
#: Else MLflow's pages open on what they have for traces and judges.
MODEL_TRAINING = "workflowType=machine_learning"


@dataclass(frozen=True, kw_only=True)
class View:
    """A view of the runs that `only` lets through. `sections` are charts by heading; `columns` are as MLflow names them.

    Sorted by `order`: MLflow lists runs without nesting them under their parents when they are sorted by anything but
    time, and only listed runs are drawn.
    """

    key: str
    name: str
    only: str
    order: str
    ascending: bool
    columns: tuple[str, ...]
    sections: dict[str, tuple[dict[str, Any], ...]]


def _bar(metric: str) -> dict[str, Any]:
    return {"type": "BAR", "metricKey": metric, "displayName": metric, "runsCountToCompare": 100}


def _line(*metrics: str) -> dict[str, Any]:
    """Several in one chart: those that a run has are drawn."""
    return {
        "type": "LINE",
        "metricKey": metrics[0],
        "selectedMetricKeys": list(metrics),
        "displayName": metrics[0],
        "runsCountToCompare": 100,
        "lineSmoothness": 0,
        "xAxisKey": "step",
        "xAxisScaleType": "linear",
        "scaleType": "linear",
        "range": {},
        "yAxisKey": "metric",
        "yAxisExpressions": [],
        "useGlobalXaxisKey": True,
        "useGlobalLineSmoothing": True,
    }


def _scatter(across: str, up: str) -> dict[str, Any]:
    return {
        "type": "SCATTER",
        "xaxis": {"key": across, "type": "METRIC"},
        "yaxis": {"key": up, "type": "METRIC"},
        "displayName": f"{up} over {across}",
        "runsCountToCompare": 100,
    }


def _params(*names: str) -> tuple[str, ...]:
    return tuple(f"params.`{name}`" for name in names)


def _metrics(*names: str) -> tuple[str, ...]:
    return tuple(f"metrics.`{name}`" for name in names)


def _tags(*names: str) -> tuple[str, ...]:
    return tuple(f"tags.`{name}`" for name in names)


def _of_models(pattern: str) -> dict[str, Any]:
    """A chart of the same metric of every model, unsteered."""
    return _line(*(pattern.format(model) for model in _MODELS))


PLANE = View(
    key="isogloss-plane",
    name="Models and steering",
    only="tags.`isogloss.kind` = 'condition'",
    order="metrics.`plane/localization`",
    ascending=False,
    columns=(
        *_params("model", "steering"),
        *_metrics(*(f"plane/{axis}" for axis in _AXES), *(f"{axis}/acc/macro" for axis in _AXES), "bias/english/macro"),
        *_tags("isogloss.pipeline"),
    ),
    sections={
        "The plane: change against the unaligned model on test": (
            _scatter("plane/localization", "plane/transfer"),
            *(_bar(f"plane/{axis}") for axis in _AXES),
        ),
        "Accuracy and English bias": (*(_bar(f"{axis}/acc/macro") for axis in _AXES), _bar("bias/english/macro")),
        "What steering does to each model": tuple(_bar(f"own/{axis}") for axis in _AXES),
    },
)
CURVES = View(
    key="isogloss-curves",
    name="Layers and training",
    only=f"tags.`{CURVES_TAG}` = 'true'",
    order="tags.`mlflow.runName`",
    ascending=True,
    columns=_tags("isogloss.stage", "isogloss.method", "isogloss.pipeline"),
    sections={
        **{
            f"{kind.upper()}-steering by layer, on dev2": tuple(
                _line(f"sweep/{kind}/{what}") for what in (*_AXES, "bias")
            )
            for kind in ("en", "loc")
        },
        "Training by optimizer step": (
            _line("train/loss"),
            *(_line(f"dev2/{axis}/acc/macro") for axis in _AXES),
            _line("dev2/bias/english/macro"),
        ),
        "Geometry by layer, unsteered": (
            *(_of_models(f"cka/{axis}/{{}}/none") for axis in _AXES),
            _of_models("perpendicularity/{}"),
            _of_models("retrieval/{}/none"),
        ),
    },
)
TRIALS = View(
    key="isogloss-trials",
    name="Searched points",
    only="tags.`isogloss.kind` = 'trial'",
    order="metrics.`search/localization`",
    ascending=False,
    columns=(
        *_params("checkpoint", "en.layer", "en.gamma", "loc.layer", "loc.gamma"),
        *_metrics("search/transfer", "search/localization", "dev2/english_bias"),
        *_tags("front", "isogloss.pipeline"),
    ),
    sections={
        "On dev2, against the same model unsteered": (
            _scatter("search/localization", "search/transfer"),
            *(_bar(f"search/{axis}") for axis in _AXES),
        ),
    },
)
VIEWS = (PLANE, CURVES, TRIALS)


def keep_views(client: MlflowClient, experiment: Experiment, *, views: Sequence[View] = VIEWS) -> None:
    """Give the experiment those views that it has not yet."""
    for number, view in enumerate(views):
        if _TAG + view.key not in experiment.tags:
            # The list of views shows the newest first.
            client.set_experiment_tag(experiment.experiment_id, _TAG + view.key, _saved(view, age=number))


def address_of(experiment_id: str, view: View) -> str:
    """The view's address below that of the MLflow server; charts are shown beside the runs."""
    query = urlencode({"viewStateShareKey": view.key, "compareRunsMode": "CHART"})
    return f"/#/experiments/{experiment_id}/runs?{MODEL_TRAINING}&{query}"


def _saved(view: View, *, age: int) -> str:
    charts, sections = [], []
    for number, (heading, own) in enumerate(view.sections.items()):
        section = f"{view.key}-{number}"
        sections.append({"uuid": section, "name": heading, "display": True, "isReordered": False, **_KEPT})
        charts += [
            {"uuid": f"{section}-{place}", "metricSectionId": section, **_KEPT, **chart}
            for place, chart in enumerate(own)
        ]
    state = {
        "searchFilter": view.only,
        "orderByKey": view.order,
        "orderByAsc": view.ascending,
        "startTime": "ALL",
        "lifecycleFilter": "Active",
        "datasetsFilter": [],
        "modelVersionFilter": "All Runs",
        "selectedColumns": list(view.columns),
        "runsHiddenMode": "SHOW_ALL",
        "compareRunCharts": charts,
        "compareRunSections": sections,
        "hideEmptyCharts": True,
        "isAccordionReordered": True,
    }
    now = time.time_ns() // 1_000_000 - age
    return json.dumps({"name": view.name, "createdAt": now, "updatedAt": now, "state": json.dumps(state)})


_KEPT = {"deleted": False, "isGenerated": False}
