"""What the results say, in sentences computed from them, and no more than their intervals allow.

A change counts as a gain or a loss only where its 95 % interval excludes zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from isogloss.data.rows import Axis
from isogloss.report.comparison.rows import AXES, NONE, Row, comparison_rows, trained_rows
from isogloss.results.format import amount, change, changes, percent, signed_amount
from isogloss.results.names import COUNTRY, LOC_MID, OTHER, RANDOM, SUR
from isogloss.results.scores import (
    MACRO,
    Comparison,
    Condition,
    Estimate,
    Results,
    TrainedModel,
    headline,
    macro_delta,
    verdict,
)

#: What a sentence says of a control, whose label names a thing and not what was done with it.
_DONE = {
    COUNTRY: "naming the country in the prompt",
    RANDOM: "steering with random vectors",
    OTHER: "steering with another language's vectors",
}


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


# --------------------------------------------------------------------------------------------------------------------
# What training does and what steering does on top of it, in sentences that claim no more than their intervals allow.

Effects = Sequence[tuple[str, Estimate]]
"""What was measured of each of several methods, by its label."""


def comparison_findings(comparison: Comparison) -> list[str]:
    """Up to three: what training gains in transfer, what it costs, and what steering gives back on top of it."""
    rows = trained_rows(comparison)
    found = []
    if transfer := _macro(rows, "transfer"):
        found.append(_sentence(effects_of(transfer, "transfer")))
    if cost := [*_costs(rows), *_comparison_bias(comparison, rows)]:
        found.append(" ".join(map(_sentence, cost)))
    if steered := _given_back([row.model for row in rows]):
        found.append(_sentence(steered))
    return found


def effects_of(effects: Effects, what: str) -> str:
    """`A raises transfer by … and B by …; C shows no clear change in transfer (…)`."""
    by_verdict: dict[str, list[tuple[str, Estimate]]] = {}
    for label, estimate in effects:
        by_verdict.setdefault(verdict(estimate), []).append((label, estimate))
    parts = [_clear(by_verdict[kind], what, kind) for kind in ("gain", "loss") if kind in by_verdict]
    unclear = by_verdict.get("no clear change", [])
    if len(unclear) > 1:
        listed = listing([f"{label} ({signed_amount(estimate)})" for label, estimate in unclear])
        parts.append(f"{listed} show no clear change in {what}")
    else:
        parts += [f"{label} {change(estimate, what)}" for label, estimate in unclear]
    parts += [f"{label} {change(estimate, what)}" for label, estimate in by_verdict.get("no interval", [])]
    return "; ".join(parts)


def listing(parts: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _clear(effects: Effects, what: str, kind: Literal["gain", "loss"]) -> str:
    (first, estimate), *others = effects
    start = f"{first} {change(estimate, what)}"
    return listing([start, *(f"{label} by {amount(other)}" for label, other in others)])


def _costs(rows: Sequence[Row]) -> list[str]:
    """Localization, and which methods so bought transfer with erasure or gained on both axes."""
    localization = _macro(rows, "localization")
    if not localization:
        return []
    found = [effects_of(localization, "localization")]
    transfer = dict(_macro(rows, "transfer"))
    gained = [(label, verdict(own)) for label, own in localization if label in transfer]
    gained = [(label, kind) for label, kind in gained if verdict(transfer[label]) == "gain"]
    if bought := [label for label, kind in gained if kind == "loss"]:
        found.append(f"{listing(bought)} {'buy' if len(bought) > 1 else 'buys'} transfer with erasure")
    if both := [label for label, kind in gained if kind == "gain"]:
        found.append(f"{listing(both)} {'gain' if len(both) > 1 else 'gains'} on both axes")
    return found


def _comparison_bias(comparison: Comparison, rows: Sequence[Row]) -> list[str]:
    """English bias: the unaligned model's rate, and what training does to it."""
    known = [(row.model.label, each) for row in rows if (each := row.changes("english_bias").get(MACRO)) is not None]
    if not known:
        return []
    before = next(comparison_rows(comparison)).rates("english_bias").get(MACRO)
    if before is None:
        return [effects_of(known, "English bias")]
    return [f"English bias stands at {percent(before.value)} in the unaligned model; {effects_of(known, 'it')}"]


def _given_back(models: Sequence[TrainedModel]) -> str:
    """What both vectors together do on top of the trained models, beside the localization that training cost."""
    steered = [condition for model in models for condition in model.conditions if condition.name in model.over_own]
    if not steered:
        return ""
    one = next((each for each in steered if each.name == SUR), steered[-1])
    words = one.label.rpartition(" + ")[2]
    known = [(model, own) for model in models if (own := _own(model, one.name))]
    parts = [
        part
        for axis in reversed(AXES)
        for part in _on_models([(_with_cost(model, axis, own), own[axis]) for model, own in known if axis in own], axis)
    ]
    return f"on top of training, {words} {'; it '.join(parts)}" if parts else ""


def _on_models(effects: Effects, what: str) -> list[str]:
    """`raises localization by … for A and by … for B`, `shows no clear change in localization for C (…)`."""
    found = []
    for kind, verb in (("gain", "raises"), ("loss", "lowers")):
        if clear := [f"by {amount(each)} for {label}" for label, each in effects if verdict(each) == kind]:
            found.append(f"{verb} {what} {listing(clear)}")
    if unclear := [f"{label} ({signed_amount(each)})" for label, each in effects if verdict(each) == "no clear change"]:
        found.append(f"shows no clear change in {what} for {listing(unclear)}")
    return found + [f"{change(each, what)} for {label}" for label, each in effects if verdict(each) == "no interval"]


def _with_cost(model: TrainedModel, axis: Axis, own: dict[Axis, Estimate]) -> str:
    """`MIST (which had lost 4.5)` where training's loss on this axis and steering's gain are both clear."""
    plain = next((each for each in model.conditions if each.name == NONE), None)
    cost = plain.delta.get(axis, {}).get(MACRO) if plain is not None else None
    if cost is None or verdict(cost) != "loss" or verdict(own[axis]) != "gain":
        return model.label
    return f"{model.label} (which had lost {100 * abs(cost.value):.1f})"


def _own(model: TrainedModel, steering: str) -> dict[Axis, Estimate]:
    measured = model.over_own.get(steering, {})
    return {axis: measured[axis][MACRO] for axis in AXES if MACRO in measured.get(axis, {})}


def _macro(rows: Sequence[Row], axis: Axis) -> Effects:
    return [(row.model.label, each) for row in rows if (each := row.changes(axis).get(MACRO)) is not None]


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."
