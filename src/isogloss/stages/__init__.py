"""The stages of a pipeline: the only place that wires data, models, steering, evaluation and report together."""

from __future__ import annotations

from functools import partial

from isogloss.spec import PipelineSpec
from isogloss.spec.align import METHODS
from isogloss.stages import align, analyse, baseline, compare, corpus, data, evaluate, follow, report, sweep, vectors
from isogloss.stages.stage import Stage

_SCORING = ("data", "models", "evaluate", "steering")
_DATA = Stage(name="data", needs=(), settings=data.settings, sources=("data",), uses_model=False, run=data.run)
_MEASURE = (
    _DATA,
    Stage(
        name="baseline",
        needs=("data",),
        settings=baseline.settings,
        sources=_SCORING,
        uses_model=True,
        run=baseline.run,
    ),
    Stage(
        name="vectors", needs=("data",), settings=vectors.settings, sources=_SCORING, uses_model=True, run=vectors.run
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
)


def stages_of(spec: PipelineSpec) -> tuple[Stage, ...]:
    """The stages of a pipeline in the order in which they run: what needs no training first."""
    if not spec.align.methods:
        return (*_MEASURE, _report("report", needs=("analyse",)))
    methods = [one for one in METHODS if one in spec.align.methods]
    trained = [f"{family}-{one}" for one in methods for family in ("align", "follow", "evaluate")]
    return (
        *_MEASURE,
        _report("report-first", needs=("analyse",)),
        Stage(
            name="corpus",
            needs=(),
            settings=corpus.settings,
            sources=("data",),
            uses_model=False,
            run=corpus.run,
        ),
        *(stage for one in methods for stage in _of_method(one)),
        Stage(
            name="compare",
            needs=("data", "baseline", "analyse", *trained),
            settings=compare.settings,
            sources=("data", "evaluate"),
            uses_model=False,
            run=partial(compare.run, methods=tuple(methods)),
        ),
        _report("report", needs=("analyse", "compare")),
    )


def _of_method(method: str) -> tuple[Stage, ...]:
    """Train it, follow it on the plane, and steer what came out with vectors of its own."""
    trained = f"align-{method}"
    return (
        Stage(
            name=trained,
            needs=("corpus",),
            settings=partial(align.settings, method=method),
            sources=("data/read.py", "data/rows.py", "models", "methods"),
            uses_model=True,
            run=partial(align.run, method=method),
            method=method,
        ),
        Stage(
            name=f"follow-{method}",
            needs=("data", trained),
            settings=follow.settings,
            sources=_SCORING,
            uses_model=True,
            run=partial(follow.run, method=method),
            method=method,
        ),
        Stage(
            name=f"vectors-{method}",
            needs=("data", trained),
            settings=vectors.settings,
            sources=_SCORING,
            uses_model=True,
            run=partial(vectors.run, method=method),
            method=method,
        ),
        Stage(
            name=f"evaluate-{method}",
            needs=("data", "sweep", trained, f"vectors-{method}"),
            settings=evaluate.settings,
            sources=_SCORING,
            uses_model=True,
            run=partial(evaluate.run_trained, method=method),
            method=method,
        ),
    )


def _report(name: str, *, needs: tuple[str, ...]) -> Stage:
    return Stage(
        name=name, needs=needs, settings=report.settings, sources=("report",), uses_model=False, run=report.run
    )
