"""What searches found, in sentences computed from them: on dev2 where they looked, and on test what is left of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from isogloss.data.rows import Axis
from isogloss.report.comparison.findings import listing
from isogloss.report.comparison.rows import AXES
from isogloss.report.findings import Verdict, signed_amount, verdict
from isogloss.report.numbers import points
from isogloss.report.searched.study import Candidate, Searches, SearchTrial, Study, parameter_name, point_text

STATISTICS = {"probability": "the right option's probability among the options", "accuracy": "accuracy"}


def study_findings(study: Study, *, statistic: str) -> list[str]:
    """How many trials, the front and its knee on dev2, and which parameters matter."""
    found = [_count(study)]
    if study.result.front:
        found += [_front(study, statistic=statistic), *_paper(study)]
    return [*found, _importances(study)]


def findings_on_test(searches: Searches) -> list[str]:
    """How many of the points hold on test and how clearly, how far dev2 flattered them, and the knee of what is left."""
    if not searches.candidates:
        return []
    found = [_kept(searches), *_shrinkage(searches)]
    knee = next((each for each in searches.kept if each.name == searches.knee), None)
    if knee is not None and len(searches.kept) > 1:
        changes = " and ".join(f"{axis} {signed_amount(knee.change(axis))}" for axis in AXES)
        found.append(
            f"The knee of those left is number {searches.number(knee.name)}, {model_text(knee)} with "
            f"{point_text(knee.point)}: {changes} against the unaligned model."
        )
    return found


def shrinkage(searches: Searches) -> dict[Axis, tuple[float, float]]:
    """By axis the mean change of accuracy on dev2 and on test, over the candidates of which both are known."""
    found: dict[Axis, tuple[float, float]] = {}
    for axis in AXES:
        known = [
            (each.dev2[axis], each.test[axis])
            for each in searches.candidates
            if axis in each.dev2 and axis in each.test
        ]
        if known:
            found[axis] = (_mean(before for before, _ in known), _mean(after for _, after in known))
    return found


def place_text(trial: SearchTrial) -> str:
    """`transfer +1.2, localization +4.1`: a trial's place on dev2, in points."""
    assert trial.transfer is not None, "a trial with a place has its scores"
    assert trial.localization is not None, "a trial with a place has its scores"
    return f"transfer {points(trial.transfer)}, localization {points(trial.localization)}"


def bounds_text(study: Study) -> str:
    """`transfer may fall by at most 2.0 points`; empty where nothing is bounded."""
    given = [(axis, bound) for axis in AXES if (bound := getattr(study.result.constraints, axis)) is not None]
    return " and ".join(f"{axis} may fall by at most {100 * bound:.1f} points" for axis, bound in given)


def model_text(steered: Study | Candidate) -> str:
    """`the unaligned model`, `MIST`."""
    return "the unaligned model" if steered.checkpoint == "unaligned" else steered.label


def _count(study: Study) -> str:
    trials = study.result.trials
    complete = [each for each in trials if each.transfer is not None]
    words = _number(len(complete), "trial")
    if others := Counter(each.state for each in trials if each.transfer is None):
        words += f" ({', '.join(f'{count} more {state}' for state, count in sorted(others.items()))})"
    bounds = bounds_text(study)
    inside = sum(each.feasible for each in complete)
    kept = f"{inside} stayed within the constraints ({bounds}), and " if bounds else ""
    return f"{words} of {model_text(study)}: {kept}{_number(len(study.result.front), 'is', 'are')} on the front."


def _front(study: Study, *, statistic: str) -> str:
    first, last = (study.trial(study.result.front[end]) for end in (0, -1))
    unit = f"points of {STATISTICS[statistic]}"
    if study.result.knee is None or first is last:
        assert first.point is not None, "a trial with scores has its point"
        return f"That is {point_text(first.point)}: {place_text(first)} ({unit}, dev2)."
    knee = study.trial(study.result.knee)
    assert knee.point is not None, "a trial with scores has its point"
    return (
        f"The front runs from {place_text(first)} to {place_text(last)} ({unit}, dev2); "
        f"its knee, {point_text(knee.point)}, stands at {place_text(knee)}."
    )


def _paper(study: Study) -> list[str]:
    """Where the hand-picked point stands beside the front."""
    paper = next((each for each in study.result.trials if each.source == "paper" and each.transfer is not None), None)
    if paper is None:
        return []
    outside = "" if paper.feasible else ", outside the constraints"
    on_it = ", on the front itself" if paper.number in study.result.front else ""
    return [f"The paper's hand-picked point at the same depth: {place_text(paper)}{outside}{on_it}."]


def _importances(study: Study) -> str:
    parts = []
    for objective, shares in study.result.importances.items():
        if shares:
            name = max(shares, key=lambda each: shares[each])
            parts.append(f"{objective} depends most on {parameter_name(name)} ({100 * shares[name]:.0f}\u202f%)")
    if not parts:
        return "Too few trials to tell which parameter matters."
    return f"Of what the parameters explain, {listing(parts)}."


def _kept(searches: Searches) -> str:
    kept = searches.kept
    verdicts = {axis: [verdict(each.change(axis)) for each in kept] for axis in AXES}
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


def _number(count: int, one: str, many: str | None = None) -> str:
    return f"{count} {one if count == 1 else many or one + 's'}"


def _mean(values: Iterable[float]) -> float:
    given = list(values)
    return sum(given) / len(given)
