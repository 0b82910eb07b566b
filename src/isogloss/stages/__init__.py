"""The stages of a pipeline: the only place that wires data, models, steering, evaluation and report together."""

from __future__ import annotations

from isogloss.spec import STAGES
from isogloss.stages import analyse, baseline, data, evaluate, report, sweep, vectors
from isogloss.stages.stage import Stage

_SCORING = ("data", "models", "evaluate", "steering")

ALL_STAGES: dict[str, Stage] = {
    stage.name: stage
    for stage in (
        Stage(name="data", needs=(), settings=data.settings, sources=("data",), uses_model=False, run=data.run),
        Stage(
            name="baseline",
            needs=("data",),
            settings=baseline.settings,
            sources=_SCORING,
            uses_model=True,
            run=baseline.run,
        ),
        Stage(
            name="vectors",
            needs=("data",),
            settings=vectors.settings,
            sources=_SCORING,
            uses_model=True,
            run=vectors.run,
        ),
        Stage(
            name="sweep",
            needs=("data", "baseline", "vectors"),
            settings=sweep.settings,
            sources=_SCORING,
            uses_model=True,
            run=sweep.run,
        ),
        Stage(
            name="evaluate",
            needs=("data", "vectors", "sweep"),
            settings=evaluate.settings,
            sources=_SCORING,
            uses_model=True,
            run=evaluate.run,
        ),
        Stage(
            name="analyse",
            needs=("data", "baseline", "vectors", "sweep", "evaluate"),
            settings=analyse.settings,
            sources=("data", "evaluate"),
            uses_model=True,
            run=analyse.run,
        ),
        Stage(
            name="report",
            needs=("analyse",),
            settings=report.settings,
            sources=("report",),
            uses_model=False,
            run=report.run,
        ),
    )
}
assert tuple(ALL_STAGES) == STAGES
