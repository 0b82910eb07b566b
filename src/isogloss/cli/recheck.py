"""`isogloss recheck`: is a promoted model still what it was when it was promoted?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, get_args

from rich.table import Table

from isogloss.api import find_bundle, load_bundle
from isogloss.cli.evaluate import read_items
from isogloss.cli.shown import output, print_json, progress, say
from isogloss.data.rows import AXES, Axis
from isogloss.errors import RefusedError, UserError
from isogloss.models.load import DType
from isogloss.registry.bundle import Bundle
from isogloss.results.scores import MACRO, Estimate, Scores
from isogloss.scoring.score import ScoreSettings, score_items
from isogloss.scoring.statistics import accuracies
from isogloss.stages.data import benchmark_digest
from isogloss.stages.parallel import steered_pass


@dataclass(frozen=True, kw_only=True)
class Rechecked:
    """Accuracy (a fraction) of one axis in one language, or `macro`, now and as recorded with its 95 % interval."""

    axis: Axis
    language: str
    now: float
    recorded: float
    low: float
    high: float
    judged: bool

    @property
    def drifted(self) -> bool:
        """Whether it left the interval, where that is judged."""
        return self.judged and not self.low <= self.now <= self.high

    def __str__(self) -> str:
        interval = f"[{100 * self.low:.1f}, {100 * self.high:.1f}]"
        return f"{self.axis}/{self.language} is {100 * self.now:.1f} % and was {100 * self.recorded:.1f} % {interval}"


def recheck_command(model: str, files: Sequence[Path], *, split: str, device: str, as_json: bool) -> None:
    """Score a promoted model again as it was scored, and compare with the intervals that it carries.

    Raises:
        UserError: not a promoted model, or nothing that can be compared.
        RefusedError: an accuracy has left its interval; names each.
    """
    bundle = find_bundle(model)
    if bundle is None:
        raise UserError(f"'{model}' is not a promoted model; name models:/NAME@champion or a fetched folder")
    items = read_items(files, split=split)
    same = benchmark_digest(items) == bundle.lineage.benchmark_digest
    if not same:
        say(
            "these are not, item for item, the questions that it was promoted on: only the macro means are judged. Its "
            f"own: isogloss run … --until data, of the pipeline {bundle.lineage.pipeline}"
        )
    loaded = load_bundle(bundle, dtype=_dtype(bundle), device=device)
    scoring: Any = {name: value for name, value in bundle.scoring.items() if name in ("method", "normalise")}
    settings = ScoreSettings(scoring=scoring["method"], normalise=scoring["normalise"])
    one = steered_pass(loaded.loaded, "scores", bundle.intervention(), positions=bundle.positions)
    with progress(len(items), "scoring again") as advance:
        scores = score_items(
            loaded.loaded.model, loaded.loaded.tokenizer, items, settings=settings, passes=[one], progress=advance
        )["scores"]
    cells = compare(scores, bundle.scores.axes, same_items=same)
    if not any(cell.judged for cell in cells):
        raise UserError(f"{model}: it was measured on nothing that these items can be compared with")
    drifted = [cell for cell in cells if cell.drifted]
    if as_json:
        shown = [asdict(cell) | {"drifted": cell.drifted} for cell in cells]
        print_json(
            {"model": model, "point": bundle.point, "same_items": same, "drifted": bool(drifted), "results": shown}
        )
    else:
        output().print(_table(cells, title=f"{model}, scored again"))
    if drifted:
        raise RefusedError(f"{model} has drifted: {'; '.join(map(str, drifted))}")
    say(f"{model}: within what was recorded")


def compare(scores: Scores, recorded: dict[Axis, dict[str, Estimate]], *, same_items: bool) -> list[Rechecked]:
    """Each accuracy that was recorded with an interval and is measured again.

    On other items than those recorded every accuracy moves by chance: there the macro means alone are judged, not the
    languages, of which one in twenty would leave its interval.
    """
    found = []
    for axis in AXES:
        own = [score for score in scores if score.axis == axis]
        for language, now in accuracies(own).items() if own else ():
            before = recorded.get(axis, {}).get(language)
            if before is not None and before.low is not None and before.high is not None:
                found.append(
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
    return found


def _dtype(bundle: Bundle) -> DType:
    """The number type of the recorded scores; bundles made by hand may not say."""
    known: tuple[DType, ...] = get_args(DType)
    return next((one for one in known if one == bundle.scoring.get("dtype")), "float32")


def _table(cells: Sequence[Rechecked], *, title: str) -> Table:
    table = Table(title=title, caption="accuracy and the recorded 95 % interval, in %")
    for name in ("axis", "language"):
        table.add_column(name)
    for name in ("now", "recorded", "interval"):
        table.add_column(name, justify="right")
    table.add_column("")
    for cell in cells:
        numbers = (
            f"{100 * cell.now:.1f}",
            f"{100 * cell.recorded:.1f}",
            f"{100 * cell.low:.1f} to {100 * cell.high:.1f}",
        )
        word = "drifted" if cell.drifted else "" if cell.judged else "not judged"
        table.add_row(cell.axis, cell.language, *numbers, word, style="bold" if cell.language == MACRO else None)
    return table
