"""What the results and the comparison of models say, in sentences computed from them.

A change counts as a gain or a loss only where its 95 % interval excludes zero.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from isogloss.data.rows import AXES, Axis
from isogloss.results.format import amount, percent, points, signed_amount
from isogloss.results.names import CONDITIONS, COUNTRY, LOC_MID, SUR, UNSTEERED
from isogloss.results.scores import (
    MACRO,
    Comparison,
    ComparisonRow,
    Condition,
    Estimate,
    Results,
    TrainedModel,
    comparison_rows,
    headline,
    macro_delta,
    trained_rows,
    verdict,
)

Effects = Sequence[tuple[str, Estimate]]
"""What was measured of each of several methods, by its label."""


def sentence(text: str) -> str:
    """`Text.` of `text`."""
    return f"{text[0].upper()}{text[1:]}."


def listing(parts: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def change(estimate: Estimate, what: str) -> str:
    """`raises transfer by 3.1 points [1.2, 5.0]`, or the lesser claim that the interval allows."""
    kind = verdict(estimate)
    if kind == "gain":
        return f"raises {what} by {amount(estimate)}"
    if kind == "loss":
        return f"lowers {what} by {amount(estimate)}"
    if kind == "no clear change":
        return f"shows no clear change in {what} ({signed_amount(estimate)})"
    return f"moves {what} by {points(estimate.value)} points (too few questions for an interval)"


def changes(measured: Mapping[Axis, Estimate]) -> str:
    """The changes on both axes: `raises transfer by … and lowers localization by …`."""
    if all(verdict(estimate) == "no clear change" for estimate in measured.values()):
        sizes = " or ".join(f"{axis} ({signed_amount(estimate)})" for axis, estimate in measured.items())
        return f"shows no clear change in {sizes}"
    return " and ".join(change(estimate, axis) for axis, estimate in measured.items())


# --------------------------------------------------------------------------------------------------------------------
# The pipeline's own model: its steerings and controls.


def findings(results: Results) -> list[str]:
    """Up to three sentences on the macro mean: the combined method, the single vectors, and English bias."""
    head = headline(results)
    if head is None:
        return []
    sentences = [sentence(f"{_effects(head)}{_outcome(head)}")]
    # LOC in EN's layer is measured to be compared with LOC in its own; the table and the plane show it.
    singles = [
        condition
        for condition in results.conditions
        if condition.role == "method" and condition is not head and condition.name != LOC_MID
    ]
    if singles:
        sentences.append(sentence("; ".join(f"alone, {_effects(condition)}" for condition in singles)))
    if bias := _bias(results, head):
        sentences.append(sentence(bias))
    return sentences


def control_findings(results: Results) -> list[str]:
    """A sentence for each control; for the country in the prompt also the share of its gain that steering reaches."""
    head = headline(results)
    sentences = []
    for control in results.conditions:
        if control.role == "control":
            share = _share(head, control) if control.name == COUNTRY and head is not None else ""
            sentences.append(sentence(f"{_effects(control)}{share}"))
    return sentences


def _effects(condition: Condition) -> str:
    known = {axis: delta for axis in AXES if (delta := macro_delta(condition, axis)) is not None}
    named = CONDITIONS.get(condition.name)
    subject = (named.subject if named else "") or condition.label
    if not known:
        return f"{subject} was not compared with the unsteered model"
    return f"{subject} {changes(known)}"


def _outcome(condition: Condition) -> str:
    """Which quadrant of the plane that is, where both axes moved clearly."""
    transfer, localization = (macro_delta(condition, axis) for axis in AXES)
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
    return f"{start}; {head.label} {change(moved, 'that rate')}" if moved else start


def _share(head: Condition, ceiling: Condition) -> str:
    """How much of the ceiling's localization gain the headline method reaches, where both are clear gains."""
    reached, most = macro_delta(head, "localization"), macro_delta(ceiling, "localization")
    if reached is None or most is None or verdict(reached) != "gain" or verdict(most) != "gain":
        return ""
    return f"; {head.label} reaches {100 * reached.value / most.value:.0f}\u202f% of that localization gain"


# --------------------------------------------------------------------------------------------------------------------
# The comparison: what training does, and what steering does on top of it.


def comparison_findings(comparison: Comparison) -> list[str]:
    """Up to three: what training gains in transfer, what it costs, and what steering gives back on top of it."""
    rows = trained_rows(comparison)
    sentences = []
    if transfer := _macro(rows, "transfer"):
        sentences.append(sentence(effects_of(transfer, "transfer")))
    if cost := [*_costs(rows), *_comparison_bias(comparison, rows)]:
        sentences.append(" ".join(map(sentence, cost)))
    if steered := _given_back([row.model for row in rows]):
        sentences.append(sentence(steered))
    return sentences


def effects_of(effects: Effects, what: str) -> str:
    """`A raises transfer by … and B by …; C shows no clear change in transfer (…)`."""
    by_verdict: dict[str, list[tuple[str, Estimate]]] = {}
    for label, estimate in effects:
        by_verdict.setdefault(verdict(estimate), []).append((label, estimate))
    parts = [_clear(by_verdict[kind], what) for kind in ("gain", "loss") if kind in by_verdict]
    unclear = by_verdict.get("no clear change", [])
    if len(unclear) > 1:
        listed = listing([f"{label} ({signed_amount(estimate)})" for label, estimate in unclear])
        parts.append(f"{listed} show no clear change in {what}")
    else:
        parts += [f"{label} {change(estimate, what)}" for label, estimate in unclear]
    parts += [f"{label} {change(estimate, what)}" for label, estimate in by_verdict.get("no interval", [])]
    return "; ".join(parts)


def _clear(effects: Effects, what: str) -> str:
    (first, estimate), *others = effects
    return listing([f"{first} {change(estimate, what)}", *(f"{label} by {amount(other)}" for label, other in others)])


def _costs(rows: Sequence[ComparisonRow]) -> list[str]:
    """Localization, and which methods so bought transfer with erasure or gained on both axes."""
    localization = _macro(rows, "localization")
    if not localization:
        return []
    sentences = [effects_of(localization, "localization")]
    transfer = dict(_macro(rows, "transfer"))
    gained = [
        (label, verdict(delta))
        for label, delta in localization
        if label in transfer and verdict(transfer[label]) == "gain"
    ]
    if bought := [label for label, kind in gained if kind == "loss"]:
        sentences.append(f"{listing(bought)} {'buy' if len(bought) > 1 else 'buys'} transfer with erasure")
    if both := [label for label, kind in gained if kind == "gain"]:
        sentences.append(f"{listing(both)} {'gain' if len(both) > 1 else 'gains'} on both axes")
    return sentences


def _comparison_bias(comparison: Comparison, rows: Sequence[ComparisonRow]) -> list[str]:
    """English bias: the unaligned model's rate, and what training does to it."""
    known = [(row.model.label, delta) for row in rows if (delta := row.changes("english_bias").get(MACRO)) is not None]
    if not known:
        return []
    before = comparison_rows(comparison)[0].rates("english_bias").get(MACRO)
    if before is None:
        return [effects_of(known, "English bias")]
    return [f"English bias stands at {percent(before.value)} in the unaligned model; {effects_of(known, 'it')}"]


def _given_back(models: Sequence[TrainedModel]) -> str:
    """What both vectors together do on top of the trained models, beside the localization that training cost."""
    steered = [condition for model in models for condition in model.conditions if condition.name in model.over_own]
    if not steered:
        return ""
    shown = next((condition for condition in steered if condition.name == SUR), steered[-1])
    steering = shown.label.rpartition(" + ")[2]
    known = [(model, deltas) for model in models if (deltas := _own_changes(model, shown.name))]
    parts: list[str] = []
    for axis in reversed(AXES):
        effects = [(_with_cost(model, axis, deltas), deltas[axis]) for model, deltas in known if axis in deltas]
        parts += _on_models(effects, axis)
    return f"on top of training, {steering} {'; it '.join(parts)}" if parts else ""


def _on_models(effects: Effects, what: str) -> list[str]:
    """`raises localization by … for A and by … for B`, `shows no clear change in localization for C (…)`."""

    def of_kind(kind: str) -> Effects:
        return [(label, delta) for label, delta in effects if verdict(delta) == kind]

    verbs: tuple[tuple[Literal["gain", "loss"], str], ...] = (("gain", "raises"), ("loss", "lowers"))
    parts = [
        f"{verb} {what} {listing([f'by {amount(delta)} for {label}' for label, delta in clear])}"
        for kind, verb in verbs
        if (clear := of_kind(kind))
    ]
    if unclear := [f"{label} ({signed_amount(delta)})" for label, delta in of_kind("no clear change")]:
        parts.append(f"shows no clear change in {what} for {listing(unclear)}")
    return parts + [f"{change(delta, what)} for {label}" for label, delta in of_kind("no interval")]


def _with_cost(model: TrainedModel, axis: Axis, deltas: dict[Axis, Estimate]) -> str:
    """`MIST (which had lost 4.5)` where training's loss on this axis and steering's gain are both clear."""
    plain = next((condition for condition in model.conditions if condition.name == UNSTEERED), None)
    cost = None if plain is None else macro_delta(plain, axis)
    if cost is None or verdict(cost) != "loss" or verdict(deltas[axis]) != "gain":
        return model.label
    return f"{model.label} (which had lost {100 * abs(cost.value):.1f})"


def _own_changes(model: TrainedModel, steering: str) -> dict[Axis, Estimate]:
    measured = model.over_own.get(steering, {})
    return {axis: measured[axis][MACRO] for axis in AXES if MACRO in measured.get(axis, {})}


def _macro(rows: Sequence[ComparisonRow], axis: Axis) -> Effects:
    return [(row.model.label, delta) for row in rows if (delta := row.changes(axis).get(MACRO)) is not None]
