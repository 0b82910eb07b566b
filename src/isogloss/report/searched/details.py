"""The words and numbers beside each figure of the searches: its alternative text, and the table behind it."""

from __future__ import annotations

from isogloss.evaluate.results import MACRO
from isogloss.report.comparison.rows import AXES
from isogloss.report.details import Numbers
from isogloss.report.numbers import delta_text, points
from isogloss.report.searched.findings import model_text, place_text
from isogloss.report.searched.study import (
    Candidate,
    Searches,
    SearchTrial,
    Study,
    kind_text,
    parameter_name,
    point_text,
)

#: What proposed a trial, as a study records it.
_SOURCES = {
    "zero": "γ = 0",
    "paper": "the paper's point",
    "sweep": "the sweep's choice",
    "first-order": "first-order estimate",
    "sampler": "sampler",
}
#: Details of a trial, as the stage names them, and how the table does.
_DETAILS = {
    "transfer_accuracy": "Accuracy: transfer Δ",
    "localization_accuracy": "localization Δ",
    "english_bias": "English bias Δ",
}


def front_alternative(study: Study) -> str:
    """The trials' plane in words: how many, and where the front, its knee and the paper's point are."""
    result = study.result
    scored = sum(each.transfer is not None for each in result.trials)
    parts = [f"{scored} trials of {model_text(study)} on dev2, localization change across and transfer change up"]
    if result.front:
        first, last = (study.trial(result.front[end]) for end in (0, -1))
        parts.append(f"a front of {len(result.front)} from {place_text(first)} to {place_text(last)}")
    if result.knee is not None:
        knee = study.trial(result.knee)
        parts.append(f"the knee at {place_text(knee)}")
    paper = next((each for each in result.trials if each.source == "paper" and each.transfer is not None), None)
    if paper is not None:
        parts.append(f"the paper's point at {place_text(paper)}")
    return f"{'; '.join(parts)}. In points."


def front_numbers(study: Study, *, statistic: str) -> Numbers:
    """Every finished trial: what became of it, who proposed it, its point and its scores on dev2."""
    # Where accuracy is what was maximised, its columns would say the same twice.
    extra = {name: title for name, title in _DETAILS.items() if statistic != "accuracy" or "accuracy" not in name}
    rows = []
    for each in study.result.trials:
        scores = [each.transfer, each.localization, *(each.details.get(name) for name in extra)]
        rows.append(
            [
                str(each.number),
                _role(study, each),
                _SOURCES.get(each.source, each.source),
                "–" if each.point is None else str(each.point),
                *("–" if score is None else points(score) for score in scores),
            ]
        )
    columns = ("Trial", "What became of it", "Proposed by", "Point", "Transfer Δ", "Localization Δ", *extra.values())
    return Numbers(columns, rows, names=4)


def hypervolume_alternative(study: Study) -> str:
    """The curve in words: its end, and how soon most of that was reached."""
    curve = study.result.hypervolume
    nearly = next(count for count, area in enumerate(curve, start=1) if area >= 0.9 * curve[-1])
    return (
        f"Hypervolume of the front of {model_text(study)} over {len(curve)} finished trials: it ends at "
        f"{1e4 * curve[-1]:.1f} squared points and is at nine tenths of that after trial {nearly}."
    )


def hypervolume_numbers(study: Study) -> Numbers:
    """The trials after which the hypervolume is another, and the last."""
    curve = study.result.hypervolume
    rows = [
        [str(count), f"{1e4 * area:.2f}"]
        for count, area in enumerate(curve, start=1)
        if count in (1, len(curve)) or area != curve[count - 2]
    ]
    return Numbers(("Finished trials", "Hypervolume (points²)"), rows)


def importances_alternative(study: Study) -> str:
    """The bars in words: each objective's shares, largest first."""
    parts = []
    for objective, shares in study.result.importances.items():
        ranked = sorted(shares, key=lambda each: -shares[each])
        listed = ", ".join(f"{parameter_name(name)} {100 * shares[name]:.0f} %" for name in ranked)
        parts.append(f"{objective}: {listed}")
    return (
        f"How much of each score's variation over the trials of {model_text(study)} each parameter explains. "
        f"{'; '.join(parts)}."
    )


def importances_numbers(study: Study) -> Numbers:
    """Each parameter's share in each objective."""
    given = study.result.importances
    names = sorted({name for shares in given.values() for name in shares})
    rows = [
        [parameter_name(name), *(f"{100 * given.get(axis, {}).get(name, 0.0):.1f}" for axis in AXES)] for name in names
    ]
    return Numbers(("Parameter", "Transfer (%)", "Localization (%)"), rows)


def candidates_alternative(searches: Searches) -> str:
    """The plane on test in words: each numbered point and where it stands."""
    places = [
        f"{number}, {each.label} with {point_text(each.point)}, at {points(each.change('transfer').value)}, "
        f"{points(each.change('localization').value)}{'' if each.dominated_by is None else ' (dominated)'}"
        for number, each in enumerate(searches.candidates, start=1)
    ]
    return (
        "Plane of localization change (across) against transfer change (up) on test, in points from the unaligned model, "
        f"unsteered, at the origin. Transfer, localization: {'; '.join(places)}."
    )


def candidates_numbers(searches: Searches) -> Numbers:
    """Each numbered point with its exact layers and strengths, and its changes on test."""
    rows = [
        [
            str(number),
            each.label,
            str(each.trial),
            str(each.point),
            standing(searches, each),
            *(delta_text(each.change(axis)) for axis in AXES),
            delta_text(each.condition.bias_delta.get(MACRO)),
        ]
        for number, each in enumerate(searches.candidates, start=1)
    ]
    changes = ("Transfer Δ", "Localization Δ", "English bias Δ")
    return Numbers(("Number", "Model", "Trial", "Point", "On test", *changes), rows, names=5)


def standing(searches: Searches, candidate: Candidate) -> str:
    """What test says of a candidate: `kept`, `kept, knee`, or what dominates it: another's number, or the unaligned model."""
    if candidate.dominated_by is not None:
        others = {each.name: str(number) for number, each in enumerate(searches.candidates, start=1)}
        return f"dominated by {others.get(candidate.dominated_by, 'the unaligned model')}"
    return "kept, knee" if candidate.name == searches.knee else "kept"


def steering_texts(candidate: Candidate) -> tuple[str, str]:
    """Where and how strongly EN and LOC are added, with a dash where one is not."""
    return kind_text(candidate.point, "en") or "–", kind_text(candidate.point, "loc") or "–"


def _role(study: Study, trial: SearchTrial) -> str:
    if trial.transfer is None:
        return trial.state
    if trial.number == study.result.knee:
        return "front, knee"
    if trial.number in study.result.front:
        return "front"
    return "behind the front" if trial.feasible else "outside the constraints"
