"""The stages of a pipeline: the only place that wires data, models, steering, evaluation and report together."""

from __future__ import annotations

from functools import partial

from isogloss.spec import PipelineSpec
from isogloss.spec.align import METHODS
from isogloss.stages import (
    align,
    analyse,
    baseline,
    compare,
    corpus,
    data,
    evaluate,
    follow,
    promote,
    report,
    search,
    sweep,
    vectors,
)
from isogloss.stages.points import UNALIGNED, suffixed
from isogloss.stages.stage import Stage

_SCORING = ("data", "models", "evaluate", "steering")
_MEASURE = (
    Stage(name="data", needs=(), settings=data.settings, sources=("data",), uses_model=False, run=data.run),
    *(
        Stage(name=name, needs=needs, settings=module.settings, sources=sources, uses_model=True, run=module.run)
        for name, module, needs, sources in (
            ("baseline", baseline, ("data",), _SCORING),
            ("vectors", vectors, ("data",), _SCORING),
            ("sweep", sweep, ("data", "baseline", "vectors"), _SCORING),
            ("evaluate", evaluate, ("data", "baseline", "vectors", "sweep"), _SCORING),
            ("analyse", analyse, ("data", "baseline", "vectors", "sweep", "evaluate"), ("data", "evaluate")),
        )
    ),
)


def stages_of(spec: PipelineSpec) -> tuple[Stage, ...]:
    """The stages of a pipeline in the order in which they run: what needs no training first."""
    studied = spec.search.checkpoints
    searched = (*map(_search, studied), _promote(studied)) if studied else ()
    if not spec.align.methods:
        return (*_MEASURE, *searched, _report("report", needs=("analyse",), searched=searched))
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
        *searched,
        _report("report", needs=("analyse", "compare"), searched=searched),
    )


def _of_method(method: str) -> tuple[Stage, ...]:
    """Train it, follow it on the plane, and steer what came out with vectors of its own."""
    training = ("data/read.py", "data/rows.py", "models", "methods")
    trained = f"align-{method}"
    return tuple(
        Stage(
            name=f"{family}-{method}",
            needs=needs,
            settings=settings,
            sources=sources,
            uses_model=True,
            run=partial(run, method=method),
            method=method,
        )
        for family, run, needs, settings, sources in (
            ("align", align.run, ("corpus",), partial(align.settings, method=method), training),
            ("follow", follow.run, ("data", trained), follow.settings, _SCORING),
            ("vectors", vectors.run, ("data", trained), vectors.settings, _SCORING),
            (
                "evaluate",
                evaluate.run_trained,
                ("data", "sweep", trained, f"vectors-{method}"),
                evaluate.settings,
                _SCORING,
            ),
        )
    )


def _search(checkpoint: str) -> Stage:
    """A study of one checkpoint."""
    trained = () if checkpoint == UNALIGNED else (f"align-{checkpoint}",)
    return Stage(
        name=f"search-{checkpoint}",
        needs=("data", *trained, suffixed("vectors", checkpoint), *search.TO_BEGIN),
        settings=search.settings,
        sources=(*_SCORING, "search", "stages/points.py"),
        uses_model=True,
        run=partial(search.run, checkpoint=checkpoint),
        method=checkpoint,
    )


def _promote(checkpoints: tuple[str, ...]) -> Stage:
    """The points of every study, on test."""
    trained = [f"align-{one}" for one in checkpoints if one != UNALIGNED]
    trained = ["corpus", *trained] if trained else []
    return Stage(
        name="promote",
        needs=(
            *("data", "baseline", *trained),
            *(suffixed("vectors", one) for one in checkpoints),
            *(f"search-{one}" for one in checkpoints),
        ),
        settings=promote.settings,
        sources=(*_SCORING, "registry", "search", "stages/points.py"),
        uses_model=True,
        run=partial(promote.run, checkpoints=checkpoints),
    )


def _report(name: str, *, needs: tuple[str, ...], searched: tuple[Stage, ...] = ()) -> Stage:
    """The page of what is there; of the searches only where there are some, so that without them it stays as it is."""
    return Stage(
        name=name,
        needs=(*needs, *(stage.name for stage in searched)),
        settings=report.searched_settings if searched else report.settings,
        sources=("report", "search/front.py") if searched else ("report",),
        uses_model=False,
        run=report.run,
    )
