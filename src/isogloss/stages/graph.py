"""The stages of a pipeline, in one table: what each needs, which code makes it, and when it is there.

A need ending in `@` is the stage of the same model (`vectors@` of `evaluate-mist` is `vectors-mist`); one ending in `*` is
that stage of every model. A need that the pipeline does not have is left out: the unaligned model needs no `align@`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from isogloss.data.published.catalogue import BLEND, OPENASSISTANT
from isogloss.results.names import UNALIGNED
from isogloss.spec import PipelineSpec
from isogloss.spec.align import METHODS
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
from isogloss.stages.stage import Stage, StageOutcome

#: The code that can change a result, under names that stay when files move: files and folders of the package.
CODE: dict[str, tuple[str, ...]] = {
    "rows": ("data/rows.py",),
    "benchmark": ("data/benchmark", "data/detect.py"),
    "wording": ("data/benchmark/wording.py", "data/benchmark/wording"),
    "published": ("data/published", "data/detect.py"),
    "localize": ("localize",),
    "models": ("models",),
    "methods": ("methods",),
    "results": ("results",),
    "scoring": ("scoring", "stages/parallel.py"),
    "steering": ("steering",),
    "capture": ("analysis/capture.py",),
    "products": ("analysis/convergence.py",),
    "analysis": ("analysis",),
    "search": ("search",),
    "front": ("search/front.py",),
    "registry": ("registry",),
    "report": ("report",),
    "checkpoints": ("stages/checkpoints.py",),
    **{
        f"stage {name}": (f"stages/{name}.py",)
        for name in (
            *("data", "corpus", "localize", "baseline", "vectors", "sweep", "evaluate", "analyse", "align", "compare"),
            *("states", "analyses", "search", "promote", "report"),
        )
    },
}
_SCORING = ("rows", "wording", "models", "results", "scoring", "steering")
_STATISTICS = ("rows", "results", "scoring")

#: Of what there is one stage: of the pipeline, of each trained model, of each model, of each searched model.
Of = Literal["pipeline", "trained", "model", "searched"]
Test = Callable[[PipelineSpec], bool]


def _seed(spec: PipelineSpec) -> Any:
    """The settings of an analysis: its intervals are drawn by the seed. The rest is in the key of what it reads."""
    return spec.seed


def _analysis(name: str) -> Test:
    return lambda spec: name in spec.analyses.run


def _trains(spec: PipelineSpec) -> bool:
    return bool(spec.align.methods)


def _searches(spec: PipelineSpec) -> bool:
    return bool(spec.search.checkpoints)


def _captures(spec: PipelineSpec) -> bool:
    return bool(states.parts_of(spec))


def _questions(spec: PipelineSpec) -> str:
    return "benchmark" if spec.data.choices == "embedded" else "published"


def _rows(spec: PipelineSpec) -> str:
    return "benchmark" if spec.align.instructions == spec.align.parallel == "embedded" else "published"


@dataclass(frozen=True)
class Family:
    """A row of the table. `code` may name what the settings decide; `when` says whether a pipeline has it (default: yes)."""

    name: str
    run: Callable[..., StageOutcome]
    settings: Callable[..., Any]
    needs: tuple[str, ...]
    code: tuple[str | Callable[[PipelineSpec], str], ...]
    of: Of = "pipeline"
    when: Test = lambda _: True
    uses_model: bool = True
    #: Whether `settings` takes the method too: `settings(spec, method=…)`.
    of_method: bool = False


_ = partial(Family, uses_model=False)  # A stage that runs no model: its key does not hold the model's digest.
TABLE: tuple[Family, ...] = (
    # name        run                    settings                needs                  code
    _("localize", localize.run, localize.settings, (), ("rows", "published", "localize", "stage localize"),
      when=lambda spec: BLEND.name in spec.data.choices),
    _("data", data.run, data.settings, ("localize",), ("rows", _questions, "stage data")),
    Family("baseline", baseline.run, baseline.settings, ("data",), (*_SCORING, "stage baseline")),
    Family("vectors", vectors.run, vectors.settings, ("data",), (*_SCORING, "stage vectors")),
    Family("sweep", sweep.run, sweep.settings, ("data", "baseline", "vectors"), (*_SCORING, "stage sweep")),
    Family("evaluate", evaluate.run, evaluate.settings, ("data", "baseline", "vectors", "sweep"),
           (*_SCORING, "stage evaluate")),
    Family("analyse", analyse.run, analyse.settings, ("data", "baseline", "vectors", "sweep", "evaluate"),
           (*_STATISTICS, "stage analyse")),
    _("report-first", report.run, lambda _: None, ("analyse",), ("report", "stage report"), when=_trains),
    _("translate", localize.run_translate, localize.translate_settings, (),
      ("rows", "published", "localize", "stage localize"),
      when=lambda spec: _trains(spec) and OPENASSISTANT.name in spec.align.instructions),
    _("corpus", corpus.run, corpus.settings, ("translate",), ("rows", _rows, "stage corpus"), when=_trains),
    Family("align", align.run, align.settings, ("corpus",), ("rows", "wording", "models", "methods", "stage align"), of="trained",
           of_method=True),
    Family("follow", align.follow_run, align.follow_settings, ("data", "align@"), (*_SCORING, "stage align"),
           of="trained"),
    Family("vectors", vectors.run, vectors.settings, ("data", "align@"), (*_SCORING, "stage vectors"), of="trained"),
    Family("evaluate", evaluate.run_trained, evaluate.settings, ("data", "sweep", "align@", "vectors@"),
           (*_SCORING, "stage evaluate"), of="trained"),
    _("compare", compare.run, compare.settings, ("data", "baseline", "analyse", "align*", "follow*", "evaluate*"),
      (*_STATISTICS, "stage compare"), when=_trains),
    Family("states", states.run, states.settings, ("data", "sweep", "vectors@", "align@"),
           (*_SCORING, "capture", "products", "stage evaluate", "checkpoints", "stage states"), of="model", when=_captures),
    *(
        _(name, run, _seed, ("states*",), ("results", "analysis", "checkpoints", "stage analyses"), when=_analysis(name))
        for name, run in (
            ("perpendicularity", analyses.run_perpendicularity),
            ("pca", analyses.run_pca),
            ("convergence", analyses.run_convergence),
            ("retrieval", analyses.run_retrieval),
        )
    ),
    _("agreement", analyses.run_agreement, _seed, ("data", "baseline", "evaluate*"),
      (*_STATISTICS, "analysis", "checkpoints", "stage analyses"), when=_analysis("agreement")),
    Family("search", search.run, search.settings, ("data", "align@", "vectors@", *search.TO_BEGIN),
           (*_SCORING, "search", "checkpoints", "stage search"), of="searched"),
    Family("promote", promote.run, promote.settings,
           ("data", "baseline", "corpus", "align*", "vectors*", "search*"),
           (*_SCORING, "registry", "search", "checkpoints", "stage promote"), when=_searches),
    _("report", report.run, report.settings,
      ("analyse", "compare", "perpendicularity", "pca", "convergence", "retrieval", "agreement", "search*", "promote"),
      ("report", "front", "stage report")),
)  # fmt: skip

#: What the function of a stage calls the model that it works on.
_ARGUMENT = {"trained": "method", "model": "checkpoint", "searched": "checkpoint"}


def stages_of(spec: PipelineSpec) -> tuple[Stage, ...]:
    """The stages of a pipeline, in the order in which they run.

    Stages that need no training come first. The stages of a method stand together; so do those of a searched model.
    """
    rows = [family for family in TABLE if family.when(spec)]
    placed = [(family, variant) for family in rows for variant in _variants(family, spec)]
    names = [_name(family, variant) for family, variant in placed]
    stages = {
        name: Stage(
            name=name,
            needs=tuple(need for one in family.needs for need in _needs(one, variant, placed) if need in names),
            settings=partial(family.settings, method=variant) if family.of_method else family.settings,
            code=tuple(one if isinstance(one, str) else one(spec) for one in family.code),
            uses_model=family.uses_model,
            run=partial(family.run, **{_ARGUMENT[family.of]: variant}) if family.of != "pipeline" else family.run,
            variant="" if family.of == "model" and variant == UNALIGNED else variant,
        )
        for name, (family, variant) in zip(names, placed, strict=True)
    }
    return tuple(stages[name] for name in _by_method(placed, names))


def _variants(family: Family, spec: PipelineSpec) -> tuple[str, ...]:
    """The models that a family has a stage of; `("",)` for a stage of the pipeline."""
    trained = tuple(method for method in METHODS if method in spec.align.methods)
    return {
        "pipeline": ("",),
        "trained": trained,
        "model": (UNALIGNED, *trained),
        "searched": tuple(spec.search.checkpoints),
    }[family.of]


def _name(family: Family, variant: str) -> str:
    return f"{family.name}-{variant}" if family.of == "searched" else suffixed(family.name, variant or UNALIGNED)


def _needs(need: str, variant: str, placed: list[tuple[Family, str]]) -> Iterator[str]:
    """The names of the stages that an entry of `needs` means."""
    family = need.rstrip("@*")
    if need.endswith("*"):
        yield from (_name(one, of) for one, of in placed if one.name == family)
    else:
        yield suffixed(family, variant or UNALIGNED) if need.endswith("@") else family


def _by_method(placed: list[tuple[Family, str]], names: list[str]) -> list[str]:
    """The names in order: where the rows of `trained` families begin, all stages of the first method, then of the next."""
    order = [METHODS.index(variant) if family.of == "trained" else -1 for family, variant in placed]
    first = next((index for index, method in enumerate(order) if method >= 0), len(order))
    last = max((index for index, method in enumerate(order) if method >= 0), default=first - 1) + 1
    return [
        *names[:first],
        *(name for _, name in sorted(zip(order[first:last], names[first:last], strict=True), key=lambda pair: pair[0])),
        *names[last:],
    ]
