"""The stages of a pipeline: the only place that wires data, models, steering, evaluation and report together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from isogloss.results.names import UNALIGNED
from isogloss.spec import PipelineSpec
from isogloss.spec.align import METHODS
from isogloss.spec.pipeline import Analysis
from isogloss.stages import (
    align,
    analyse,
    analyses,
    baseline,
    compare,
    corpus,
    data,
    evaluate,
    localize,
    promote,
    report,
    search,
    states,
    sweep,
    vectors,
)
from isogloss.stages.checkpoints import suffixed
from isogloss.stages.stage import Record, Stage, StageRun

_SCORING = ("data", "models", "evaluate", "steering")
#: What makes each analysis of captured states.
_OF_STATES: dict[Analysis, Callable[[StageRun], Record]] = {
    "perpendicularity": analyses.run_perpendicularity,
    "pca": analyses.run_pca,
    "convergence": analyses.run_convergence,
    "retrieval": analyses.run_retrieval,
}
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
    methods = [one for one in METHODS if one in spec.align.methods]
    why = _analyses(spec, methods)
    measure = (*_before(data.needs(spec)), replace(_MEASURE[0], needs=data.needs(spec)), *_MEASURE[1:])
    if not methods:
        return (*measure, *why, *searched, _report("report", needs=("analyse",), why=why, searched=searched))
    trained = [f"{family}-{one}" for one in methods for family in ("align", "follow", "evaluate")]
    return (
        *measure,
        _report("report-first", needs=("analyse",)),
        *_before(corpus.needs(spec)),
        Stage(
            name="corpus",
            needs=corpus.needs(spec),
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
        *why,
        *searched,
        _report("report", needs=("analyse", "compare"), why=why, searched=searched),
    )


def _before(needed: Sequence[str]) -> tuple[Stage, ...]:
    """What puts a published set into other languages, where it is asked for by name."""
    makers = (
        ("localize", localize.settings, localize.run),
        ("translate", localize.translate_settings, localize.run_translate),
    )
    return tuple(
        Stage(name=name, needs=(), settings=settings, sources=("data", "localize"), uses_model=False, run=run)
        for name, settings, run in makers
        if name in needed
    )


def _of_method(method: str) -> tuple[Stage, ...]:
    """Train it, follow it on the plane, and steer what came out with vectors of its own."""
    training = ("data/rows.py", "data/rows.py", "models", "methods")
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
            ("follow", align.follow_run, ("data", trained), align.follow_settings, _SCORING),
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
        sources=(*_SCORING, "search", "stages/checkpoints.py"),
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
        sources=(*_SCORING, "registry", "search", "stages/checkpoints.py"),
        uses_model=True,
        run=partial(promote.run, checkpoints=checkpoints),
    )


def _analyses(spec: PipelineSpec, methods: Sequence[str]) -> tuple[Stage, ...]:
    """Capture the states of every model once, and analyse them together; what is not asked for is left out."""
    asked = spec.analyses.run
    models = (UNALIGNED, *methods)
    captured = tuple(suffixed("states", one) for one in models) if states.parts_of(spec) else ()
    capture = tuple(
        Stage(
            name=suffixed("states", one),
            needs=("data", "sweep", suffixed("vectors", one), *(() if one == UNALIGNED else (f"align-{one}",))),
            settings=states.settings,
            sources=(*_SCORING, *_CAPTURE, "stages/evaluate.py", "stages/checkpoints.py", "stages/checkpoints.py"),
            uses_model=True,
            run=partial(states.run, checkpoint=one),
            method="" if one == UNALIGNED else one,
        )
        for one in models
        if captured
    )
    made = tuple(
        Stage(
            name=name,
            needs=captured,
            settings=_drawn_by_seed,
            sources=("analysis", "stages/checkpoints.py"),
            uses_model=False,
            run=run,
        )
        for name, run in _OF_STATES.items()
        if name in asked
    )
    agreeing = Stage(
        name="agreement",
        needs=("data", "baseline", *(suffixed("evaluate", one) for one in models)),
        settings=_drawn_by_seed,
        sources=("data", "evaluate", "analysis", "stages/checkpoints.py"),
        uses_model=False,
        run=analyses.run_agreement,
    )
    return (*capture, *made, *((agreeing,) if "agreement" in asked else ()))


#: The part of the package that captures, so that another analysis does not capture again.
_CAPTURE = tuple(f"analysis/{name}.py" for name in ("capture", "products", "questions", "states"))


def _drawn_by_seed(spec: PipelineSpec) -> Any:
    """What is captured says the rest."""
    return spec.seed


def _report(
    name: str, *, needs: tuple[str, ...], why: tuple[Stage, ...] = (), searched: tuple[Stage, ...] = ()
) -> Stage:
    """The page of what is there; of the searches only where there are some, so that without them it stays as it is."""
    return Stage(
        name=name,
        needs=(*needs, *(stage.name for stage in why if stage.family != "states"), *(stage.name for stage in searched)),
        settings=report.searched_settings if searched else report.settings,
        sources=("report", "search/front.py") if searched else ("report",),
        uses_model=False,
        run=report.run,
    )
