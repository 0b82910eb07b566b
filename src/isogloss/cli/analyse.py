"""`isogloss analyse`: the analyses of one model by itself, without a pipeline."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from isogloss.cli.console import (
    Device,
    DType,
    Files,
    Gammas,
    Json,
    Layers,
    Model,
    Scoring,
    Split,
    output,
    print_json,
    progress,
    refuse_existing,
    say,
)
from isogloss.cli.evaluate import check_steering, load_steered, read_items, read_vectors
from isogloss.errors import UserError, did_you_mean

if TYPE_CHECKING:
    from isogloss.analysis.capture import Prompt, States
    from isogloss.data.rows import ChoiceItem
    from isogloss.models.load import LoadedModel
    from isogloss.report.geometry import Geometry
    from isogloss.results.analyses import Agreement, Panel, Perpendicularity, Retrieval
    from isogloss.scoring.score import Pass
    from isogloss.spec.pipeline import Analysis
    from isogloss.steering.apply import Positions
    from isogloss.steering.intervention import Intervention
    from isogloss.steering.vectors import Kind, Token

#: Folder of the captured states within `--out`.
FOLDER = "states"
#: Name of the model in its panels, beside its label.
MODEL = "model"
#: At most this many pairs per language and kind for perpendicularity.
_PAIRS = 100


def analyse(
    model: Model,
    files: Files,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder to write.")],
    only: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="perpendicularity, pca, convergence, retrieval or agreement; repeatable."),
    ] = None,
    parallel: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Parallel sentences for retrieval (default: the universal questions)."),
    ] = None,
    vectors: Annotated[
        list[Path] | None,
        typer.Option(metavar="DIR", help="Show steered panels too; repeatable (EN and LOC make SUR)."),
    ] = None,
    layer: Layers = None,
    gamma: Gammas = None,
    items: Annotated[int, typer.Option(help="At most this many items a language and axis.", min=2)] = 40,
    split: Split = "all",
    scoring: Scoring = "cloze",
    dtype: DType = "float32",
    device: Device = "cpu",
    as_json: Json = False,
) -> None:
    """Look into any model: how languages and directions lie in its layers, and where its choices agree."""
    from isogloss.analysis.capture import question_of
    from isogloss.report.geometry import geometry_findings
    from isogloss.report.page import ANALYSIS_PAGE, write_analysis_page
    from isogloss.stages.data import take

    # The cheap checks come first: a typing mistake must not wait until a model is loaded.
    analyses = _requested_analyses(only or [])
    refuse_existing(out)
    requested = read_vectors(vectors or [], layer or [], gamma or [])
    chosen = take(read_items(files, split=split), limit=items, seed=0, group_of=question_of)
    sentences = _sentences(chosen, parallel or [])
    loaded, intervention, positions = load_steered(model, requested, dtype=dtype, device=device)
    check_steering(loaded, intervention, chosen)
    analysis = _ModelAnalysis(
        loaded=loaded,
        label=model,
        items=chosen,
        sentences=sentences,
        conditions=_conditions_of(intervention),
        positions=positions,
        scoring=scoring,
        folder=out / FOLDER,
    )
    geometry = analysis.geometry(analyses)
    languages = {item.language for item in chosen}
    with progress(1, "figures and page") as advance:
        write_analysis_page(
            geometry,
            out,
            title=model,
            facts=f"{len(chosen)} items in {len(languages)} languages, {scoring} prompts, {dtype}",
            layer=next((part.layer for part in intervention.components if part.vectors.header.kind == "loc"), None),
        )
        advance(1)
    findings = geometry_findings(geometry)
    if as_json:
        print_json({"model": model, "model_digest": loaded.digest, "findings": findings, "missing": geometry.absent()})
        return
    for finding in findings:
        output().print(f"• {finding}")
    for line in geometry.absent():
        say(f"missing: {line}")
    say(f"numbers, figures and captured states are in {out}")
    say(f"next: open {out / ANALYSIS_PAGE} in a browser")


def _requested_analyses(only: Sequence[str]) -> tuple[Analysis, ...]:
    from isogloss.spec.pipeline import ANALYSES

    for name in only:
        if name not in ANALYSES:
            raise UserError(
                f"--only {name}: no such analysis{did_you_mean(name, ANALYSES)}; there are {', '.join(ANALYSES)}"
            )
    return tuple(name for name in ANALYSES if not only or name in only)


def _sentences(items: Sequence[ChoiceItem], parallel: Sequence[Path]) -> list[Prompt]:
    """Return the sentences for retrieval: those of the files, or the universal questions among the items."""
    from isogloss.analysis.capture import question_prompts, sentence_prompts
    from isogloss.data.rows import ParallelRow, read_rows

    if not parallel:
        return question_prompts([item for item in items if item.axis == "transfer"])
    missing = [str(path) for path in parallel if not path.is_file()]
    if missing:
        raise UserError(f"--parallel: no such file: {', '.join(missing)}")
    rows = read_rows(parallel, ParallelRow).rows
    return sentence_prompts(rows, languages=sorted({language for row in rows for language in row.text}))


def _conditions_of(intervention: Intervention) -> dict[str, Intervention]:
    """Split a steering into its EN part, its LOC part, and both together (SUR) if it has both."""
    from isogloss.steering.intervention import Intervention

    kinds: tuple[Kind, ...] = ("en", "loc")
    conditions: dict[str, Intervention] = {}
    for kind in kinds:
        if parts := tuple(part for part in intervention.components if part.vectors.header.kind == kind):
            conditions[kind] = Intervention(parts)
    return {**conditions, "sur": intervention} if len(conditions) > 1 else conditions


@dataclass(frozen=True, kw_only=True)
class _ModelAnalysis:
    """Makes the analyses of one loaded model.

    Attributes:
        loaded: The model.
        label: Its name in figures.
        items: Questions for every analysis except retrieval.
        sentences: Sentences for retrieval; may be empty.
        conditions: Steerings to analyse beside the unsteered model, by the name of their condition.
        positions: Token positions that are steered.
        scoring: How the questions are put.
        folder: Where captured states are kept.
    """

    loaded: LoadedModel
    label: str
    items: Sequence[ChoiceItem]
    sentences: Sequence[Prompt]
    conditions: Mapping[str, Intervention]
    positions: Positions
    scoring: Scoring
    folder: Path

    def geometry(self, analyses: Sequence[Analysis]) -> Geometry:
        """Make the analyses. `missing` of the result lists those that were not requested or that the items do not allow."""
        from isogloss.analysis.capture import item_prompts
        from isogloss.analysis.convergence import convergence
        from isogloss.analysis.pca import pca
        from isogloss.data.rows import AXES
        from isogloss.report.geometry import Geometry
        from isogloss.scoring.prompts import prompts_by
        from isogloss.spec.pipeline import ANALYSES

        value = Geometry(missing=tuple(f"{name}: not asked for" for name in ANALYSES if name not in analyses))
        if "perpendicularity" in analyses:
            value = self._add(value, "perpendicularity", lambda: (self._perpendicularity(),))
        if "pca" in analyses or "convergence" in analyses:
            panels = self._states("items", item_prompts(self.items, prompts_by(self.scoring)), "last")
            if "pca" in analyses:
                projections, coordinates = pca(panels)
                value = replace(value, pca=projections, coordinates=coordinates)
            if "convergence" in analyses:
                curves = (convergence(states, panel=panel, axis=axis) for panel, states in panels for axis in AXES)
                value = replace(value, convergence=tuple(curves))
        if "retrieval" in analyses:
            value = self._add(value, "retrieval", self._retrieval)
        if "agreement" in analyses:
            value = replace(value, agreement=self._agreement())
        return value

    def _add(self, geometry: Geometry, name: str, make: Callable[[], Any]) -> Geometry:
        """Add an analysis. If the items do not allow it, skip it and add the reason to `missing`."""
        try:
            made: dict[str, Any] = {name: make()}
            return replace(geometry, **made)
        except UserError as error:
            return replace(geometry, missing=(*geometry.missing, f"{name}: {error}"))

    def _panel(self, condition: str) -> Panel:
        from isogloss.results.analyses import Panel
        from isogloss.results.names import STATES

        return Panel(model=MODEL, label=self.label, condition=condition, condition_label=STATES[condition])

    def _passes(self) -> list[Pass]:
        from isogloss.stages.parallel import steered_pass

        return [
            steered_pass(self.loaded, name, intervention, positions=self.positions)
            for name, intervention in self.conditions.items()
        ]

    def _states(self, part: str, prompts: Sequence[Prompt], read: Token) -> list[tuple[Panel, States]]:
        from isogloss.analysis.capture import capture_states

        with progress(len(prompts), f"states of {part}") as advance:
            captured = capture_states(
                self.loaded.model,
                self.loaded.tokenizer,
                prompts,
                folder=self.folder / part,
                passes=self._passes(),
                reads=(read,),
                progress=advance,
            )
        return [(self._panel(name), states) for name, states in captured.items()]

    def _perpendicularity(self) -> Perpendicularity:
        from isogloss.analysis.convergence import pair_products
        from isogloss.analysis.perpendicularity import perpendicularity
        from isogloss.scoring.prompts import prompts_by
        from isogloss.steering.extract import en_pairs, loc_pairs, take_pairs

        prompt = prompts_by(self.scoring)
        en = en_pairs([item for item in self.items if item.axis == "transfer"], prompt)
        loc = loc_pairs([item for item in self.items if item.axis == "localization"], prompt)
        chosen = [take_pairs(pairs, most=_PAIRS) for pairs in (en, loc)]
        prompts = {text for pairs in chosen for pair in pairs for text in (pair.towards, pair.away)}
        with progress(len(prompts), "pairs") as advance:
            products = pair_products(
                self.loaded.model,
                self.loaded.tokenizer,
                *chosen,
                groups={prompt(item, item.question): item.group for item in self.items},
                progress=advance,
            )
        return perpendicularity(products, model=MODEL, label=self.label)

    def _retrieval(self) -> tuple[Retrieval, ...]:
        from isogloss.analysis.retrieval import retrieval

        if not self.sentences:
            raise UserError("no universal questions to look for, and no parallel sentences were given")
        panels = self._states("sentences", self.sentences, "mean")
        return tuple(retrieval(states, panel=panel) for panel, states in panels)

    def _agreement(self) -> tuple[Agreement, ...]:
        from isogloss.analysis.agreement import agreement
        from isogloss.results.names import UNSTEERED
        from isogloss.scoring.score import BASELINE, ScoreSettings, score_items

        passes = [BASELINE, *self._passes()]
        with progress(len(self.items) * len(passes), "scoring") as advance:
            scores = score_items(
                self.loaded.model,
                self.loaded.tokenizer,
                self.items,
                settings=ScoreSettings(scoring=self.scoring),
                passes=passes,
                progress=advance,
            )
        return tuple(
            agreement(by_item, self.items, panel=self._panel(UNSTEERED if name == BASELINE.name else name))
            for name, by_item in scores.items()
        )
