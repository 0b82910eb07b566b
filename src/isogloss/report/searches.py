"""What searches found, in sentences and tables: on dev2 where they looked, and on test what is left of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from isogloss.data.rows import AXES, Axis
from isogloss.report.findings import listing
from isogloss.report.tables import Cell, change_cell, compact_table
from isogloss.results.format import MINUS, interval, points, signed_amount
from isogloss.results.names import KINDS, UNALIGNED, VectorKind
from isogloss.results.scores import MACRO, Condition, Estimate, Verdict, is_clear, verdict
from isogloss.search.result import SearchResult, TrialRecord
from isogloss.search.space import SteeringPoint

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

#: What a search maximises, in words.
STATISTICS = {"probability": "the right option's probability among the options", "accuracy": "accuracy"}
CANDIDATES_READING = (
    "Macro mean over the non-English languages, in points. Dev2, test: change of accuracy from the same model unsteered, on "
    "the items that chose and on those that did not. Δ: change on test from the unaligned model, unsteered, with its 95 % "
    "interval; bold where that excludes zero."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchedModel:
    """The search of one checkpoint."""

    checkpoint: str
    label: str
    result: SearchResult


@dataclass(frozen=True, slots=True, kw_only=True)
class CandidateOnTest:
    """A point of a search on test. `condition` is against the unaligned model, unsteered.

    `dev2` and `test` are its macro changes of accuracy (fractions) against its own checkpoint unsteered, so that the two
    can be compared; an axis is missing where that is not known. `dominated_by` names another that is at least as good on
    both axes on test, or `unaligned` where doing nothing is.
    """

    name: str
    checkpoint: str
    label: str
    trial: int
    point: SteeringPoint
    condition: Condition
    dev2: Mapping[Axis, float]
    test: Mapping[Axis, float]
    dominated_by: str | None = None

    def change(self, axis: Axis) -> Estimate:
        """Macro change on test against the unaligned model, unsteered."""
        return self.condition.delta[axis][MACRO]


@dataclass(frozen=True, slots=True, kw_only=True)
class Searches:
    """The search of every searched model, and the points that were taken to test, in their order.

    `statistic` is what the searches maximise. `knee` names the knee among the points that no other dominates on test,
    `model` the registered model that they are versions of.
    """

    studies: tuple[SearchedModel, ...]
    statistic: Literal["probability", "accuracy"]
    candidates: tuple[CandidateOnTest, ...] = ()
    knee: str | None = None
    model: str | None = None

    @property
    def kept(self) -> tuple[CandidateOnTest, ...]:
        """The candidates that no other dominates on test."""
        return tuple(candidate for candidate in self.candidates if candidate.dominated_by is None)

    def number(self, name: str) -> int:
        """A candidate's number, from 1; ValueError where there is none of that name."""
        return [candidate.name for candidate in self.candidates].index(name) + 1

    def outcome(self, candidate: CandidateOnTest) -> str:
        """`kept`, `kept, knee`, or what dominates it on test: another's number, or the unaligned model."""
        if candidate.dominated_by is not None:
            numbers = {other.name: str(number) for number, other in enumerate(self.candidates, start=1)}
            return f"dominated by {numbers.get(candidate.dominated_by, 'the unaligned model')}"
        return "kept, knee" if candidate.name == self.knee else "kept"


# --------------------------------------------------------------------------------------------------------------------
# Points, trials and models in words.


def kind_text(point: SteeringPoint, kind: VectorKind) -> str:
    """`layer 8 γ 0.5`; over languages that differ `layer 8 to 11 γ 0.2 to 0.7`; empty where the vector is not added."""
    placed = [(getattr(one, f"{kind}_layer"), getattr(one, f"{kind}_gamma")) for one in point.steerings]
    used = [(layer, gamma) for layer, gamma in placed if gamma]
    if not used:
        return ""
    layers, gammas = zip(*used, strict=True)
    return f"layer {_span(layers)} γ {_span(gammas)}"


def point_text(point: SteeringPoint, *, between: str = " + ") -> str:
    """`EN layer 8 γ 0.5 + LOC layer 13 γ 1.5`, or `unsteered`."""
    words = [f"{kind.upper()} {text}" for kind in KINDS if (text := kind_text(point, kind))]
    return between.join(words) or "unsteered"


def parameter_name(name: str) -> str:
    """A parameter in words: `LOC γ, ko` for `loc_gamma.ko`."""
    field, _, language = name.partition(".")
    kind, _, what = field.partition("_")
    return f"{kind.upper()} {'γ' if what == 'gamma' else what}" + (f", {language}" if language else "")


def place_text(trial: TrialRecord) -> str:
    """`transfer +1.2, localization +4.1`: a scored trial's place on dev2, in points."""
    assert trial.transfer is not None, "a trial with a place has its scores"
    assert trial.localization is not None, "a trial with a place has its scores"
    return f"transfer {points(trial.transfer)}, localization {points(trial.localization)}"


def model_text(model: SearchedModel | CandidateOnTest) -> str:
    """`the unaligned model`, `MIST`."""
    return "the unaligned model" if model.checkpoint == UNALIGNED else model.label


def _span(values: Sequence[float]) -> str:
    # Two decimals are enough to tell points apart; what rounds to nothing keeps its first digits.
    low, high = (f"{round(end, 2) or float(f'{end:.1g}'):g}".replace("-", MINUS) for end in (min(values), max(values)))
    return low if low == high else f"{low} to {high}"


# --------------------------------------------------------------------------------------------------------------------
# Sentences.


def study_findings(study: SearchedModel, *, statistic: str) -> list[str]:
    """How many trials, the front and its knee on dev2, and which parameters matter."""
    sentences = [_count(study)]
    if study.result.front:
        sentences += [_front(study.result, statistic=statistic), *_paper(study.result)]
    return [*sentences, _importances(study.result)]


def findings_on_test(searches: Searches) -> list[str]:
    """How many of the points hold on test and how clearly, how far dev2 flattered them, and the knee of what is left."""
    if not searches.candidates:
        return []
    sentences = [_kept(searches), *_shrinkage(searches)]
    knee = next((candidate for candidate in searches.kept if candidate.name == searches.knee), None)
    if knee is not None and len(searches.kept) > 1:
        changes = " and ".join(f"{axis} {signed_amount(knee.change(axis))}" for axis in AXES)
        sentences.append(
            f"The knee of those left is number {searches.number(knee.name)}, {model_text(knee)} with "
            f"{point_text(knee.point)}: {changes} against the unaligned model."
        )
    return sentences


def shrinkage(searches: Searches) -> dict[Axis, tuple[float, float]]:
    """By axis the mean change of accuracy on dev2 and on test, over the candidates of which both are known."""
    means: dict[Axis, tuple[float, float]] = {}
    for axis in AXES:
        known = [(c.dev2[axis], c.test[axis]) for c in searches.candidates if axis in c.dev2 and axis in c.test]
        if known:
            means[axis] = (_mean(before for before, _ in known), _mean(after for _, after in known))
    return means


def _count(study: SearchedModel) -> str:
    result = study.result
    complete = [trial for trial in result.trials if trial.transfer is not None]
    words = _number(len(complete), "trial")
    if others := Counter(trial.state for trial in result.trials if trial.transfer is None):
        words += f" ({', '.join(f'{count} more {state}' for state, count in sorted(others.items()))})"
    limits = [(axis, bound) for axis in AXES if (bound := getattr(result.constraints, axis)) is not None]
    bounds = " and ".join(f"{axis} may fall by at most {100 * bound:.1f} points" for axis, bound in limits)
    inside = sum(trial.feasible for trial in complete)
    kept = f"{inside} stayed within the constraints ({bounds}), and " if bounds else ""
    return f"{words} of {model_text(study)}: {kept}{_number(len(result.front), 'is', 'are')} on the front."


def _front(result: SearchResult, *, statistic: str) -> str:
    first, last = result.front_trials[0], result.front_trials[-1]
    unit = f"points of {STATISTICS[statistic]}"
    if result.knee is None or first is last:
        assert first.point is not None, "a trial with scores has its point"
        return f"That is {point_text(first.point)}: {place_text(first)} ({unit}, dev2)."
    knee = result.trial(result.knee)
    assert knee.point is not None, "a trial with scores has its point"
    return (
        f"The front runs from {place_text(first)} to {place_text(last)} ({unit}, dev2); "
        f"its knee, {point_text(knee.point)}, stands at {place_text(knee)}."
    )


def paper_trial(result: SearchResult) -> TrialRecord | None:
    """The scored trial of the paper's hand-picked point."""
    return next((trial for trial in result.trials if trial.source == "paper" and trial.transfer is not None), None)


def _paper(result: SearchResult) -> list[str]:
    """Where the hand-picked point lies beside the front."""
    paper = paper_trial(result)
    if paper is None:
        return []
    outside = "" if paper.feasible else ", outside the constraints"
    on_it = ", on the front itself" if paper.number in result.front else ""
    return [f"The paper's hand-picked point at the same depth: {place_text(paper)}{outside}{on_it}."]


def _importances(result: SearchResult) -> str:
    parts = []
    for objective, shares in result.importances.items():
        if shares:
            name = max(shares, key=lambda name: shares[name])
            parts.append(f"{objective} depends most on {parameter_name(name)} ({100 * shares[name]:.0f}\u202f%)")
    if not parts:
        return "Too few trials to tell which parameter matters."
    return f"Of what the parameters explain, {listing(parts)}."


def _kept(searches: Searches) -> str:
    kept = searches.kept
    verdicts = {axis: [verdict(candidate.change(axis)) for candidate in kept] for axis in AXES}
    kinds: tuple[tuple[Verdict, str], ...] = (("gain", "rises"), ("loss", "falls"))
    clear = [
        f"{axis} clearly {verb} in {count}"
        for kind, verb in kinds
        for axis in AXES
        if (count := verdicts[axis].count(kind))
    ]
    start = (
        f"Of {_number(len(searches.candidates), 'point')} taken to test, {_number(len(kept), 'is', 'are')} dominated by"
    )
    if not clear:
        return f"{start} no other there, with no clear change from the unaligned model."
    return f"{start} no other there. Against the unaligned model, {listing(clear)} of them."


def _shrinkage(searches: Searches) -> list[str]:
    parts = [
        f"from {points(before)} to {points(after)} in {axis}" for axis, (before, after) in shrinkage(searches).items()
    ]
    if not parts:
        return []
    return [
        "Dev2 chose them: from there to test, their mean change of accuracy against the same model unsteered goes "
        f"{listing(parts)} (points)."
    ]


def _number(count: int, singular: str, plural: str | None = None) -> str:
    return f"{count} {singular if count == 1 else plural or singular + 's'}"


def _mean(values: Iterable[float]) -> float:
    listed = list(values)
    return sum(listed) / len(listed)


# --------------------------------------------------------------------------------------------------------------------
# Tables: for the terminal (at most 100 columns), and as plain values for the page.


@dataclass(frozen=True, slots=True)
class CandidateLine:
    """A row of the candidates' table on the page."""

    number: int
    label: str
    en: str
    loc: str
    cells: list[Cell]
    outcome: str
    kept: bool


def candidate_lines(searches: Searches) -> list[CandidateLine]:
    """Of each candidate: dev2, test and Δ of both axes, Δ of English bias, and whether it is kept."""
    lines = []
    for number, candidate in enumerate(searches.candidates, start=1):
        cells = []
        for axis in AXES:
            for values in (candidate.dev2, candidate.test):
                cells.append(Cell(points(values[axis]) if axis in values else "–"))
            cells.append(change_cell(candidate.change(axis), absent="–"))
        cells.append(change_cell(candidate.condition.bias_delta.get(MACRO), absent="–"))
        en, loc = (kind_text(candidate.point, kind) or "–" for kind in KINDS)
        lines.append(
            CandidateLine(
                number=number,
                label=candidate.label,
                en=en,
                loc=loc,
                cells=cells,
                outcome=searches.outcome(candidate),
                kept=candidate.dominated_by is None,
            )
        )
    return lines


def fronts_table(searches: Searches) -> Table:
    """For the terminal: the fronts on dev2, of each its ends, its knee, and the points that were taken to test."""
    shown = {study.checkpoint: _shown(searches, study) for study in searches.studies}
    left = sum(len(study.result.front) - len(shown[study.checkpoint]) for study in searches.studies)
    more = f" {left} more on the fronts: see the report." if left else ""
    table = compact_table(
        f"Fronts on dev2: macro change of {STATISTICS[searches.statistic]} from the same model unsteered, in points.{more}"
    )
    for title in ("Model", "Point"):
        table.add_column(title, no_wrap=True)
    for title in ("Transfer Δ", "Localization Δ"):
        table.add_column(title, justify="right")
    table.add_column("")
    for study in searches.studies:
        table.add_section()
        for trial in shown[study.checkpoint]:
            assert trial.point is not None, "a trial on the front has its point"
            scores = ("–" if score is None else points(score) for score in (trial.transfer, trial.localization))
            knee = trial.number == study.result.knee
            table.add_row(
                study.label, point_text(trial.point), *scores, "knee" if knee else "", style="bold" if knee else ""
            )
    return table


def candidates_table(searches: Searches) -> Table:
    """For the terminal: the candidates on test, value above interval; bold where the interval excludes zero."""
    from rich.text import Text

    table = compact_table(
        "On test: macro change from the unaligned model, unsteered, in points, and its 95 % interval. Numbers as in the report."
    )
    table.add_column("", justify="right")
    for title in ("Model", "Point"):
        table.add_column(title, no_wrap=True)
    for title in ("Transfer Δ", "Localization Δ", "English bias Δ"):
        table.add_column(title, justify="right")
    table.add_column("On test")
    for number, candidate in enumerate(searches.candidates, start=1):
        changes = (*(candidate.change(axis) for axis in AXES), candidate.condition.bias_delta.get(MACRO))
        table.add_row(
            str(number),
            candidate.label,
            point_text(candidate.point, between="\n"),
            *map(_styled, changes),
            Text(searches.outcome(candidate), style="" if candidate.dominated_by is None else "dim"),
        )
    return table


def _shown(searches: Searches, study: SearchedModel) -> list[TrialRecord]:
    """The trials of a front that the terminal shows, in its order."""
    front = study.result.front
    taken = {candidate.trial for candidate in searches.candidates if candidate.checkpoint == study.checkpoint}
    wanted = {*front[:1], *front[-1:], study.result.knee, *taken}
    return [trial for trial in study.result.front_trials if trial.number in wanted]


def _styled(change: Estimate | None) -> Text:
    from rich.text import Text

    if change is None:
        return Text("–")
    return Text.assemble((points(change.value), "bold" if is_clear(change) else ""), (f"\n{interval(change)}", "dim"))
