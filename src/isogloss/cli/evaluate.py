"""`isogloss evaluate` and `isogloss vectors`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.table import Table

from isogloss.api import find_bundle, load_bundle
from isogloss.cli.shown import output, print_json, progress, say
from isogloss.data.rows import ChoiceItem, read_choices
from isogloss.errors import UserError
from isogloss.models.load import DType, LoadedModel, load_model
from isogloss.results.scores import MACRO, Estimate, Scores
from isogloss.scoring.prompts import Scoring, prompts_by
from isogloss.scoring.score import ScoreSettings, score_items
from isogloss.scoring.statistics import accuracies, bias_rates
from isogloss.stages.parallel import steered_pass
from isogloss.steering.apply import Positions
from isogloss.steering.extract import extract_vectors
from isogloss.steering.intervention import Component, Intervention
from isogloss.steering.pairs import en_pairs, loc_pairs, take_pairs
from isogloss.steering.vectors import Kind, SteeringVectors, Token


def read_items(files: Sequence[Path], *, split: str) -> list[ChoiceItem]:
    """Items of a split; what the reader noticed goes to stderr."""
    table = read_choices(files)
    for notice in table.notices:
        say(notice)
    items = [item for item in table.rows if split in ("all", item.split)]
    if not items:
        there = ", ".join(sorted({item.split for item in table.rows}))
        raise UserError(f"--split {split}: no item is in that split; the data has {there}")
    return items


def evaluate_command(
    model: str,
    files: Sequence[Path],
    *,
    scoring: Scoring,
    normalise: Any,
    vectors: Sequence[Path],
    layers: Sequence[int],
    gammas: Sequence[float],
    context: bool,
    split: str,
    out: Path | None,
    dtype: DType,
    device: str,
    token_budget: int,
    as_json: bool,
    steer: bool = True,
) -> None:
    """Score and print per axis and language; a promoted model with its own steering, unless not `steer`."""
    # Cheap checks first: a typing mistake must not wait for a model to load.
    given = read_vectors(vectors, layers, gammas)
    items = read_items(files, split=split)
    if context:
        items = _with_context(items)
    if out is not None and not out.absolute().parent.is_dir():
        raise UserError(f"--out {out}: there is no folder {out.absolute().parent}")
    if out is not None and out.is_dir():
        raise UserError(f"--out {out}: is a folder; name a file")
    loaded, intervention, positions = load_steered(model, given, dtype=dtype, device=device)
    intervention = intervention if steer else Intervention(())
    check_steering(loaded, intervention, items)
    with progress(len(items), "scoring") as advance:
        scores = score_items(
            loaded.model,
            loaded.tokenizer,
            items,
            settings=ScoreSettings(scoring=scoring, normalise=normalise, token_budget=token_budget),
            passes=[steered_pass(loaded, "scores", intervention, positions=positions)],
            questions=[item.context_question or "" for item in items] if context else None,
            progress=advance,
        )["scores"]
    if out is not None:
        scores.save(out)
    summary = summarise(scores)
    if as_json:
        print_json({"model": model, "model_digest": loaded.digest, "scoring": scoring, **summary})
    else:
        output().print(_table(summary, title=f"{model}, {scoring}{', steered' if intervention.components else ''}"))
        if out is not None:
            say(f"item scores are in {out}")


def summarise(scores: Scores) -> dict[str, Any]:
    """The stable JSON: `results` (a row an axis and language) and `macro` (by axis, over languages besides English)."""
    results: list[dict[str, Any]] = []
    macro: dict[str, dict[str, Any]] = {}
    for axis in ("transfer", "localization"):
        own = [score for score in scores if score.axis == axis]
        bias = bias_rates(own)
        for language, one in accuracies(own).items() if own else ():
            row = _row(one, bias.get(language))
            if language == MACRO:
                macro[axis] = row
            else:
                results.append({"axis": axis, "language": language, **row})
    return {"results": results, "macro": macro}


def _row(accuracy: Estimate, bias: Estimate | None) -> dict[str, Any]:
    return {
        "n": accuracy.n,
        "groups": accuracy.groups,
        "accuracy": accuracy.value,
        "low": accuracy.low,
        "high": accuracy.high,
        "english_bias": None if bias is None else bias.value,
        "english_bias_n": 0 if bias is None else bias.n,
    }


def _table(summary: dict[str, Any], *, title: str) -> Table:
    table = Table(title=title, caption="accuracy and 95 % interval in %; English bias where an option is true of US/GB")
    for name in ("axis", "language"):
        table.add_column(name)
    for name in ("n", "accuracy", "interval", "English bias"):
        table.add_column(name, justify="right")
    rows = list(summary["results"])
    for axis, row in summary["macro"].items():
        last = max(index for index, one in enumerate(rows) if one["axis"] == axis)
        rows.insert(last + 1, {"axis": axis, "language": MACRO, **row})
    for row in rows:
        interval = "–" if row["low"] is None else f"{100 * row['low']:.1f} to {100 * row['high']:.1f}"
        bias = "–" if row["english_bias"] is None else f"{100 * row['english_bias']:.1f}"
        style = "bold" if row["language"] == MACRO else None
        table.add_row(
            row["axis"], row["language"], str(row["n"]), f"{100 * row['accuracy']:.1f}", interval, bias, style=style
        )
    return table


def _with_context(items: Sequence[ChoiceItem]) -> list[ChoiceItem]:
    kept = [item for item in items if item.context_question is not None]
    if not kept:
        raise UserError("--context: no item has a context_question")
    if len(kept) < len(items):
        say(f"{len(items) - len(kept)} of {len(items)} items have no context_question and are left out")
    return kept


def read_vectors(folders: Sequence[Path], layers: Sequence[int], gammas: Sequence[float]) -> Intervention:
    """Each folder's vectors at their layer and strength. Raises UserError where the numbers of them differ."""
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
    model: str, given: Intervention, *, dtype: DType, device: str
) -> tuple[LoadedModel, Intervention, Positions]:
    """The model, and what steers it at which positions: what was given, or a promoted model's own.

    Raises UserError where there are both.
    """
    bundle = find_bundle(model)
    if bundle is None:
        return load_model(model, dtype=dtype, device=device), given, "all"
    if given.components and bundle.intervention().components:
        raise UserError(f"--vectors: '{model}' is promoted with vectors of its own; leave them out")
    loaded = load_bundle(bundle, dtype=dtype, device=device).loaded
    return loaded, given if given.components else bundle.intervention(), bundle.positions


def check_steering(loaded: LoadedModel, intervention: Intervention, items: Sequence[ChoiceItem]) -> None:
    """Raises where vectors are of another model; says which languages have none."""
    for one in intervention.components:
        one.vectors.check_model(
            loaded.digest, num_layers=loaded.num_layers, hidden_size=loaded.hidden_size, where=f"'{loaded.ref.text}'"
        )
        without = sorted({item.language for item in items} - set(one.vectors.languages))
        if without:
            say(
                f"{one.vectors.header.kind.upper()}: no vector for {', '.join(without)}; their items stay unsteered by it"
            )


def vectors_command(
    model: str,
    files: Sequence[Path],
    *,
    kind: Kind,
    out: Path,
    scoring: Scoring,
    token: Token,
    split: str,
    most: int,
    dtype: DType,
    device: str,
) -> None:
    """Extract and save."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(f"--out {out}: is there already; name a new folder or remove it")
    items = read_items(files, split=split)
    pairs = take_pairs((en_pairs if kind == "en" else loc_pairs)(items, prompts_by(scoring)), most=most)
    loaded = load_model(model, dtype=dtype, device=device)
    distinct = {text for pair in pairs for text in (pair.towards, pair.away)}
    with progress(len(distinct), f"{kind.upper()} vectors") as advance:
        vectors = extract_vectors(
            loaded.model,
            loaded.tokenizer,
            pairs,
            kind=kind,
            model_name=loaded.ref.text,
            model_digest=loaded.digest,
            scoring=scoring,
            token=token,
            progress=advance,
        )
    vectors.save(out)
    counts = ", ".join(f"{language} {count}" for language, count in vectors.header.pairs.items())
    say(f"{kind.upper()} vectors for {loaded.num_layers} layers from pairs of {counts} are in {out}")
    middle = loaded.num_layers * 3 // 4
    say(f"next: isogloss evaluate {model} {files[0]} --vectors {out} --layer {middle} --gamma 1")
