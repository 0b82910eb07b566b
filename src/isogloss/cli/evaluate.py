"""`isogloss evaluate`, `recheck` and `vectors`: score a model on choices files, and extract its steering vectors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

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
    make_table,
    output,
    print_json,
    progress,
    refuse_existing,
    say,
)
from isogloss.errors import RefusedError, UserError

if TYPE_CHECKING:
    from rich.table import Table

    from isogloss.data.rows import Axis, ChoiceItem
    from isogloss.models.load import LoadedModel
    from isogloss.registry.bundle import Bundle
    from isogloss.results.scores import Estimate, Scores
    from isogloss.scoring.score import ScoreSettings
    from isogloss.steering.apply import Positions
    from isogloss.steering.intervention import Intervention


def evaluate(
    model: Model,
    files: Files,
    scoring: Scoring = "cloze",
    normalise: Annotated[
        Literal["tokens", "none"], typer.Option(help="Divide a cloze likelihood by its tokens.")
    ] = "tokens",
    vectors: Annotated[
        list[Path] | None, typer.Option(metavar="DIR", help="Steering vectors; repeatable (EN and LOC make SUR).")
    ] = None,
    layer: Layers = None,
    gamma: Gammas = None,
    context: Annotated[
        bool, typer.Option("--context", help="Ask the contextual twins (country named) instead.")
    ] = False,
    no_steering: Annotated[
        bool, typer.Option("--no-steering", help="Score a promoted model without its vectors.")
    ] = False,
    split: Split = "all",
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Write every item's scores here (JSONL).")] = None,
    dtype: DType = "float32",
    device: Device = "cpu",
    token_budget: Annotated[int, typer.Option(help="Padded tokens a batch; changes speed only.", min=1)] = 2048,
    as_json: Json = False,
) -> None:
    """Score any model on any choices files: n, accuracy, interval and English bias per language."""
    from isogloss.scoring.score import ScoreSettings
    from isogloss.steering.intervention import Intervention

    # The cheap checks come first: a typing mistake must not wait until a model is loaded.
    requested = read_vectors(vectors or [], layer or [], gamma or [])
    items = read_items(files, split=split)
    if context:
        items = _items_with_context(items)
    if out is not None and not out.absolute().parent.is_dir():
        raise UserError(f"--out {out}: there is no folder {out.absolute().parent}")
    if out is not None and out.is_dir():
        raise UserError(f"--out {out}: is a folder; name a file")
    loaded, intervention, positions = load_steered(model, requested, dtype=dtype, device=device)
    if no_steering:
        intervention = Intervention(())
    check_steering(loaded, intervention, items)
    scores = _score(
        loaded,
        items,
        intervention,
        positions=positions,
        settings=ScoreSettings(scoring=scoring, normalise=normalise, token_budget=token_budget),
        questions=[item.context_question or "" for item in items] if context else None,
        description="scoring",
    )
    if out is not None:
        scores.save(out)
    summary = summarise(scores)
    if as_json:
        print_json({"model": model, "model_digest": loaded.digest, "scoring": scoring, **summary})
    else:
        steered = ", steered" if intervention.components else ""
        output().print(_accuracy_table(summary, title=f"{model}, {scoring}{steered}"))
        if out is not None:
            say(f"item scores are in {out}")


def read_items(files: Sequence[Path], *, split: str) -> list[ChoiceItem]:
    """Read the items of a split. Notices of the reader are printed on stderr."""
    from isogloss.data.rows import read_choices

    table = read_choices(files)
    for notice in table.notices:
        say(notice)
    items = [item for item in table.rows if split in ("all", item.split)]
    if not items:
        splits = ", ".join(sorted({item.split for item in table.rows}))
        raise UserError(f"--split {split}: no item is in that split; the data has {splits}")
    return items


def _items_with_context(items: Sequence[ChoiceItem]) -> list[ChoiceItem]:
    kept = [item for item in items if item.context_question is not None]
    if not kept:
        raise UserError("--context: no item has a context_question")
    if len(kept) < len(items):
        say(f"{len(items) - len(kept)} of {len(items)} items have no context_question and are left out")
    return kept


def read_vectors(folders: Sequence[Path], layers: Sequence[int], gammas: Sequence[float]) -> Intervention:
    """Read the vectors of each folder, to be added at its layer with its strength.

    Raises:
        UserError: there are not as many layers, or strengths, as folders.
    """
    from isogloss.steering.intervention import Component, Intervention
    from isogloss.steering.vectors import SteeringVectors

    if len(layers) != len(folders):
        raise UserError(
            f"{len(folders)} --vectors and {len(layers)} --layer: give one layer for each folder of vectors, "
            "e.g. --vectors DIR --layer 13 --gamma 1"
        )
    if gammas and len(gammas) != len(folders):
        raise UserError(f"{len(folders)} --vectors and {len(gammas)} --gamma: give one for each, or none")
    strengths = gammas or [1.0] * len(folders)
    return Intervention(
        tuple(
            Component(vectors=SteeringVectors.load(folder), layer=layer, gamma=gamma)
            for folder, layer, gamma in zip(folders, layers, strengths, strict=True)
        )
    )


def load_steered(
    model: str, requested: Intervention, *, dtype: DType, device: str
) -> tuple[LoadedModel, Intervention, Positions]:
    """Load a model with its steering: the requested vectors, or those that a promoted model was promoted with.

    Raises:
        UserError: vectors were requested for a promoted model that has vectors.
    """
    from isogloss.api import find_bundle, load_bundle
    from isogloss.models.load import load_model

    bundle = find_bundle(model)
    if bundle is None:
        return load_model(model, dtype=dtype, device=device), requested, "all"
    if requested.components and bundle.intervention().components:
        raise UserError(f"--vectors: '{model}' is promoted with vectors of its own; leave them out")
    loaded = load_bundle(bundle, dtype=dtype, device=device).loaded
    return loaded, requested if requested.components else bundle.intervention(), bundle.positions


def check_steering(loaded: LoadedModel, intervention: Intervention, items: Sequence[ChoiceItem]) -> None:
    """Check that the vectors were extracted from this model, and name the languages of items that have none."""
    for component in intervention.components:
        vectors = component.vectors
        vectors.check_model(
            loaded.digest, num_layers=loaded.num_layers, hidden_size=loaded.hidden_size, where=f"'{loaded.ref.text}'"
        )
        without = sorted({item.language for item in items} - set(vectors.languages))
        if without:
            say(f"{vectors.header.kind.upper()}: no vector for {', '.join(without)}; their items stay unsteered by it")


def _score(
    loaded: LoadedModel,
    items: Sequence[ChoiceItem],
    intervention: Intervention,
    *,
    positions: Positions,
    settings: ScoreSettings,
    questions: Sequence[str] | None = None,
    description: str,
) -> Scores:
    from isogloss.scoring.score import score_items
    from isogloss.stages.parallel import steered_pass

    with progress(len(items), description) as advance:
        return score_items(
            loaded.model,
            loaded.tokenizer,
            items,
            settings=settings,
            passes=[steered_pass(loaded, "scores", intervention, positions=positions)],
            questions=questions,
            progress=advance,
        )["scores"]


def summarise(scores: Scores) -> dict[str, Any]:
    """Return the stable JSON: `results` (a row per axis and language) and `macro` (per axis, over all but English)."""
    from isogloss.results.scores import MACRO
    from isogloss.scoring.statistics import accuracies, bias_rates

    results: list[dict[str, Any]] = []
    macro: dict[str, dict[str, Any]] = {}
    for axis in ("transfer", "localization"):
        on_axis = [score for score in scores if score.axis == axis]
        bias = bias_rates(on_axis)
        for language, accuracy in accuracies(on_axis).items() if on_axis else ():
            row = _summary_row(accuracy, bias.get(language))
            if language == MACRO:
                macro[axis] = row
            else:
                results.append({"axis": axis, "language": language, **row})
    return {"results": results, "macro": macro}


def _summary_row(accuracy: Estimate, bias: Estimate | None) -> dict[str, Any]:
    return {
        "n": accuracy.n,
        "groups": accuracy.groups,
        "accuracy": accuracy.value,
        "low": accuracy.low,
        "high": accuracy.high,
        "english_bias": None if bias is None else bias.value,
        "english_bias_n": 0 if bias is None else bias.n,
    }


def _accuracy_table(summary: dict[str, Any], *, title: str) -> Table:
    from isogloss.results.scores import MACRO

    table = make_table(
        ("axis", "language"),
        ("n", "accuracy", "interval", "English bias"),
        title=title,
        caption="accuracy and 95 % interval in %; English bias where an option is true of US/GB",
    )
    rows = list(summary["results"])
    for axis, macro in summary["macro"].items():
        last = max(index for index, row in enumerate(rows) if row["axis"] == axis)
        rows.insert(last + 1, {"axis": axis, "language": MACRO, **macro})
    for row in rows:
        interval = "–" if row["low"] is None else f"{100 * row['low']:.1f} to {100 * row['high']:.1f}"
        bias = "–" if row["english_bias"] is None else f"{100 * row['english_bias']:.1f}"
        style = "bold" if row["language"] == MACRO else None
        table.add_row(
            row["axis"], row["language"], str(row["n"]), f"{100 * row['accuracy']:.1f}", interval, bias, style=style
        )
    return table


@dataclass(frozen=True, kw_only=True)
class Rechecked:
    """Accuracy (a fraction) of one axis in one language, or `macro`: now, and as recorded with its 95 % interval.

    `judged` is False where an accuracy outside the interval is no sign of a changed model.
    """

    axis: Axis
    language: str
    now: float
    recorded: float
    low: float
    high: float
    judged: bool

    @property
    def drifted(self) -> bool:
        """Return whether a judged accuracy left its interval."""
        return self.judged and not self.low <= self.now <= self.high

    def __str__(self) -> str:
        interval = f"[{100 * self.low:.1f}, {100 * self.high:.1f}]"
        return f"{self.axis}/{self.language} is {100 * self.now:.1f} % and was {100 * self.recorded:.1f} % {interval}"


def recheck(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="models:/NAME@champion, or a fetched folder.")],
    files: Files,
    split: Split = "test",
    device: Device = "cpu",
    as_json: Json = False,
) -> None:
    """Score a promoted model again; refused where an accuracy has left the interval recorded at its promotion."""
    from isogloss.api import find_bundle, load_bundle
    from isogloss.scoring.score import ScoreSettings
    from isogloss.stages.data import benchmark_digest

    bundle = find_bundle(model)
    if bundle is None:
        raise UserError(f"'{model}' is not a promoted model; name models:/NAME@champion or a fetched folder")
    items = read_items(files, split=split)
    same_items = benchmark_digest(items) == bundle.lineage.benchmark_digest
    if not same_items:
        say(
            "these are not, item for item, the questions that it was promoted on: only the macro means are judged. Its "
            f"own: isogloss run … --until data, of the pipeline {bundle.lineage.pipeline}"
        )
    recorded: Any = bundle.scoring
    scores = _score(
        load_bundle(bundle, dtype=_recorded_dtype(bundle), device=device).loaded,
        items,
        bundle.intervention(),
        positions=bundle.positions,
        settings=ScoreSettings(scoring=recorded["method"], normalise=recorded["normalise"]),
        description="scoring again",
    )
    rows = compare(scores, bundle.scores.axes, same_items=same_items)
    if not any(row.judged for row in rows):
        raise UserError(f"{model}: it was measured on nothing that these items can be compared with")
    drifted = [row for row in rows if row.drifted]
    if as_json:
        print_json(
            {
                "model": model,
                "point": bundle.point,
                "same_items": same_items,
                "drifted": bool(drifted),
                "results": [asdict(row) | {"drifted": row.drifted} for row in rows],
            }
        )
    else:
        output().print(_recheck_table(rows, title=f"{model}, scored again"))
    if drifted:
        raise RefusedError(f"{model} has drifted: {'; '.join(map(str, drifted))}")
    say(f"{model}: within what was recorded")


def compare(scores: Scores, recorded: Mapping[Axis, Mapping[str, Estimate]], *, same_items: bool) -> list[Rechecked]:
    """Compare each accuracy with the interval that was recorded for it. Accuracies without an interval are left out.

    On other items than the recorded ones all accuracies move by chance. Then only the macro means are judged: of the
    languages, one in twenty would leave its interval.
    """
    from isogloss.data.rows import AXES
    from isogloss.results.scores import MACRO
    from isogloss.scoring.statistics import accuracies

    rows = []
    for axis in AXES:
        on_axis = [score for score in scores if score.axis == axis]
        for language, now in accuracies(on_axis).items() if on_axis else ():
            before = recorded.get(axis, {}).get(language)
            if before is not None and before.low is not None and before.high is not None:
                rows.append(
                    Rechecked(
                        axis=axis,
                        language=language,
                        now=now.value,
                        recorded=before.value,
                        low=before.low,
                        high=before.high,
                        judged=same_items or language == MACRO,
                    )
                )
    return rows


def _recorded_dtype(bundle: Bundle) -> DType:
    """Return the number type of the recorded scores, or float32 where a bundle made by hand does not say."""
    return "bfloat16" if bundle.scoring.get("dtype") == "bfloat16" else "float32"


def _recheck_table(rows: Sequence[Rechecked], *, title: str) -> Table:
    from isogloss.results.scores import MACRO

    table = make_table(
        ("axis", "language"),
        ("now", "recorded", "interval"),
        title=title,
        caption="accuracy and the recorded 95 % interval, in %",
    )
    table.add_column("")
    for row in rows:
        numbers = (
            f"{100 * row.now:.1f}",
            f"{100 * row.recorded:.1f}",
            f"{100 * row.low:.1f} to {100 * row.high:.1f}",
        )
        word = "drifted" if row.drifted else "" if row.judged else "not judged"
        table.add_row(row.axis, row.language, *numbers, word, style="bold" if row.language == MACRO else None)
    return table


def vectors(
    model: Model,
    files: Files,
    kind: Annotated[
        Literal["en", "loc"], typer.Option(help="EN (English − own language) or LOC (country named − not).")
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder to write.")],
    scoring: Scoring = "cloze",
    token: Annotated[Literal["last", "mean"], typer.Option(help="Last prompt token, or mean over all.")] = "last",
    split: Split = "all",
    pairs: Annotated[int, typer.Option(help="At most this many pairs a language.", min=1)] = 100,
    dtype: DType = "float32",
    device: Device = "cpu",
) -> None:
    """Extract steering vectors for every language and layer from choices files."""
    from isogloss.models.load import load_model
    from isogloss.scoring.prompts import prompts_by
    from isogloss.steering.extract import en_pairs, extract_vectors, loc_pairs, take_pairs

    refuse_existing(out)
    items = read_items(files, split=split)
    make_pairs = en_pairs if kind == "en" else loc_pairs
    taken = take_pairs(make_pairs(items, prompts_by(scoring)), most=pairs)
    loaded = load_model(model, dtype=dtype, device=device)
    prompts = {text for pair in taken for text in (pair.towards, pair.away)}
    with progress(len(prompts), f"{kind.upper()} vectors") as advance:
        extracted = extract_vectors(
            loaded.model,
            loaded.tokenizer,
            taken,
            kind=kind,
            model_name=loaded.ref.text,
            model_digest=loaded.digest,
            scoring=scoring,
            token=token,
            progress=advance,
        )
    extracted.save(out)
    counts = ", ".join(f"{language} {count}" for language, count in extracted.header.pairs.items())
    say(f"{kind.upper()} vectors for {loaded.num_layers} layers from pairs of {counts} are in {out}")
    middle = loaded.num_layers * 3 // 4
    say(f"next: isogloss evaluate {model} {files[0]} --vectors {out} --layer {middle} --gamma 1")
