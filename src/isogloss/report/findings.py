"""What the results say, in sentences computed from them, and no more than their intervals allow.

A change counts as a gain or a loss only where its 95 % interval excludes zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from isogloss.data.rows import Axis
from isogloss.evaluate.results import MACRO, Condition, Estimate, Results
from isogloss.report.numbers import interval, percent, points

#: Names of the conditions that sentences and figures know; others are shown too, without a special role.
BASELINE, EN, LOC_MID, LOC, SUR = "baseline", "en", "loc_mid", "loc", "sur"
COUNTRY, RANDOM, OTHER = "country", "random", "other"

#: What a sentence says of a control, whose label names a thing and not what was done with it.
_DONE = {
    COUNTRY: "naming the country in the prompt",
    RANDOM: "steering with random vectors",
    OTHER: "steering with another language's vectors",
}

Verdict = Literal["gain", "loss", "no clear change", "no interval"]


def verdict(estimate: Estimate) -> Verdict:
    """Which side of zero the whole interval lies on, if on one."""
    if estimate.low is None or estimate.high is None:
        return "no interval"
    if estimate.low > 0:
        return "gain"
    return "loss" if estimate.high < 0 else "no clear change"


def findings(results: Results) -> list[str]:
    """Up to three sentences on the macro mean: the combined method, the single vectors, and English bias."""
    methods = [condition for condition in results.conditions if condition.role == "method"]
    head = headline(results)
    if head is None:
        return []
    sentences = [f"{_effects(head)}{_standing(head)}."]
    # LOC in EN's layer is there to be compared with LOC in its own; the table and the plane show it.
    if singles := [condition for condition in methods if condition is not head and condition.name != LOC_MID]:
        sentences.append("; ".join(f"alone, {_effects(condition)}" for condition in singles) + ".")
    if bias := _bias(results, head):
        sentences.append(bias)
    return [sentence[0].upper() + sentence[1:] for sentence in sentences]


def control_findings(results: Results) -> list[str]:
    """A sentence for each control; for the country in the prompt also the share of its gain that steering reaches."""
    head = headline(results)
    sentences = []
    for control in results.conditions:
        if control.role != "control":
            continue
        sentence = _effects(control)
        if control.name == COUNTRY and head is not None:
            sentence += _share(head, control)
        sentences.append(sentence[0].upper() + sentence[1:] + ".")
    return sentences


def headline(results: Results) -> Condition | None:
    """The condition that the report leads with: both vectors together, or else the last method."""
    methods = [condition for condition in results.conditions if condition.role == "method"]
    return next((each for each in methods if each.name == SUR), methods[-1] if methods else None)


def macro_delta(condition: Condition, axis: Axis) -> Estimate | None:
    """The macro difference to the baseline on one axis; None where it was not measured."""
    return condition.delta.get(axis, {}).get(MACRO)


def change(estimate: Estimate, what: str) -> str:
    """`raises transfer by 3.1 points [1.2, 5.0]`, or the honest lesser claim."""
    kind = verdict(estimate)
    if kind == "gain":
        return f"raises {what} by {amount(estimate)}"
    if kind == "loss":
        return f"lowers {what} by {amount(estimate)}"
    if kind == "no clear change":
        return f"shows no clear change in {what} ({signed_amount(estimate)})"
    return f"moves {what} by {points(estimate.value)} points (too few questions for an interval)"


def changes(measured: Mapping[Axis, Estimate]) -> str:
    """What something does to both axes: `raises transfer by … and lowers localization by …`."""
    if all(verdict(estimate) == "no clear change" for estimate in measured.values()):
        sizes = " or ".join(f"{axis} ({signed_amount(estimate)})" for axis, estimate in measured.items())
        return f"shows no clear change in {sizes}"
    return " and ".join(change(estimate, axis) for axis, estimate in measured.items())


def amount(estimate: Estimate) -> str:
    """`3.1 points [+1.2, +5.0]`, the size without its sign."""
    return f"{100 * abs(estimate.value):.1f} points {interval(estimate)}"


def signed_amount(estimate: Estimate) -> str:
    """`+3.1 points [−0.2, +6.0]`."""
    return f"{points(estimate.value)} points {interval(estimate)}"


def _effects(condition: Condition) -> str:
    axes: tuple[Axis, ...] = ("transfer", "localization")
    known = {axis: estimate for axis in axes if (estimate := macro_delta(condition, axis)) is not None}
    subject = _DONE.get(condition.name, condition.label)
    if not known:
        return f"{subject} was not compared with the unsteered model"
    return f"{subject} {changes(known)}"


def _standing(condition: Condition) -> str:
    """Where on the plane that is, if both axes moved clearly."""
    transfer, localization = macro_delta(condition, "transfer"), macro_delta(condition, "localization")
    if transfer is None or localization is None:
        return ""
    return {
        ("gain", "gain"): ": a gain on both axes",
        ("gain", "loss"): ": transfer bought with erasure",
        ("loss", "gain"): ": localization bought with transfer",
        ("loss", "loss"): ": a loss on both axes",
    }.get((verdict(transfer), verdict(localization)), "")


def _bias(results: Results, head: Condition) -> str | None:
    before, moved = results.baseline.bias.get(MACRO), head.bias_delta.get(MACRO)
    if before is None:
        return None
    start = (
        "where an option is true of the US or Great Britain but wrong here, "
        f"the unsteered model picks it {percent(before.value)} of the time"
    )
    return f"{start}; {head.label} {change(moved, 'that rate')}." if moved else f"{start}."


def _share(head: Condition, ceiling: Condition) -> str:
    """How much of the ceiling's localization gain the headline method reaches, where both are clear gains."""
    reached, most = macro_delta(head, "localization"), macro_delta(ceiling, "localization")
    if reached is None or most is None or verdict(reached) != "gain" or verdict(most) != "gain":
        return ""
    return f"; {head.label} reaches {100 * reached.value / most.value:.0f}\u202f% of that localization gain"
