"""Stage `sweep`: EN and LOC at every layer and strength on dev2, and the layer and strength that the rule chooses.

The rule: of the points of a kind that lose at most `sweep.tolerance` on the other axis (EN's other axis is localization,
LOC's is transfer), the one with the highest gain on its own axis; where all lose more, the one that loses least. Gains
are macro means over the non-English languages; equals go to the smaller strength, then the lower layer. What is gained
and lost is by default the gold option's probability among the options (`sweep.statistic`): with a few hundred items the
best of many points by accuracy is chosen largely by luck, while the probability moves smoothly from layer to layer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from isogloss.data.rows import AXES
from isogloss.files import write_json
from isogloss.models.layers import check_layer
from isogloss.results.format import ascii_points
from isogloss.results.names import OWN_AXIS
from isogloss.results.scores import Choice, Estimate, Scores, SweepPoint
from isogloss.scoring.statistics import macro_bias_difference, macro_difference, macro_probability_difference
from isogloss.spec import PipelineSpec
from isogloss.spec.pipeline import Statistic
from isogloss.stages.baseline import DEV2
from isogloss.stages.data import datasets_of
from isogloss.stages.parallel import on_axis, score_conditions, split_items
from isogloss.stages.stage import Metric, StageOutcome, StageRun
from isogloss.stages.vectors import FOLDERS
from isogloss.steering.intervention import Intervention, single
from isogloss.steering.vectors import Kind, SteeringVectors

SWEEP = "sweep.json"


def settings(spec: PipelineSpec) -> Any:
    """Layers, strengths and the rule's tolerance; scoring; positions."""
    return [spec.sweep.model_dump(), spec.scoring.model_dump(), spec.steer.model_dump()]


def run(stage: StageRun) -> StageOutcome:
    """Score every point from kept states, then choose."""
    spec, loaded = stage.spec.sweep, stage.model()
    gammas: dict[Kind, Sequence[float]] = {"en": spec.en_gammas, "loc": spec.loc_gammas}
    points: dict[str, tuple[Kind, int, float, Intervention]] = {}
    for kind, folder in FOLDERS.items():
        vectors = SteeringVectors.load(stage.inputs["vectors"] / folder)
        asked = spec.layers_of(kind)
        layers = range(1, loaded.num_layers + 1) if asked == "all" else asked
        for layer in layers:
            check_layer(layer, loaded.num_layers)
        for gamma in gammas[kind]:
            for layer in layers:
                points[f"{kind}@{layer}x{gamma}"] = (kind, layer, gamma, single(vectors, layer=layer, gamma=gamma))
    items = [item for item in split_items(stage.inputs["data"], "dev2") if item.language != "en"]
    interventions = {name: intervention for name, (_, _, _, intervention) in points.items()}
    baseline = Scores.load(stage.inputs["baseline"] / DEV2)
    scores = score_conditions(stage, f"{len(points)} points on dev2", items, interventions, baseline=baseline)
    measured = tuple(
        _measure(kind, layer, gamma, intervention, scores[name], baseline)
        for name, (kind, layer, gamma, intervention) in points.items()
    )
    choices = tuple(choose(measured, kind, tolerance=spec.tolerance, statistic=spec.statistic) for kind in FOLDERS)
    write_json(
        stage.out / SWEEP,
        {"points": [point.model_dump() for point in measured], "choices": [choice.model_dump() for choice in choices]},
    )
    return StageOutcome(
        params={f"chosen.{one.kind}": f"layer {one.layer}, gamma {one.gamma:g}" for one in choices},
        metrics=tuple(_metrics(measured, {one.kind: one.gamma for one in choices})),
        artifacts={SWEEP: "sweep"},
        datasets=datasets_of(stage.inputs["data"], "choices-dev2"),
        note=" ".join(f"{one.kind.upper()}: layer {one.layer}, γ {one.gamma:g} ({one.reason})." for one in choices),
    )


def _metrics(measured: Sequence[SweepPoint], chosen: Mapping[Kind, float]) -> Iterator[Metric]:
    """The layer curves at every strength, and once more at the chosen one, under a name that every pipeline has."""
    for point in measured:
        name = f"sweep/{point.kind}"
        strength = f"{name}/gamma_{point.gamma:g}".replace("+", "")  # MLflow takes no plus sign.
        for prefix in (strength, name) if point.gamma == chosen[point.kind] else (strength,):
            yield Metric(name=f"{prefix}/transfer", value=point.transfer.value, step=point.layer)
            yield Metric(name=f"{prefix}/localization", value=point.localization.value, step=point.layer)
            if point.bias is not None:
                yield Metric(name=f"{prefix}/bias", value=point.bias.value, step=point.layer)


def _measure(
    kind: Kind, layer: int, gamma: float, intervention: Intervention, scores: Scores, baseline: Scores
) -> SweepPoint:
    by_axis: dict[str, Estimate] = {}
    probability: dict[str, float] = {}
    bias = None
    for axis in AXES:
        own = on_axis(scores, axis)
        ids = {score.id for score in own}
        paired = [score for score in baseline if score.id in ids]
        by_axis[axis] = macro_difference(own, paired)
        probability[axis] = macro_probability_difference(own, paired)
        if axis == "localization":
            bias = macro_bias_difference(own, paired)
    return SweepPoint(
        kind=kind,
        layer=layer,
        gamma=gamma,
        transfer=by_axis["transfer"],
        localization=by_axis["localization"],
        bias=bias,
        transfer_probability=probability["transfer"],
        localization_probability=probability["localization"],
        relative_norm=intervention.components[0].relative_norm(),
    )


def choose(
    points: Sequence[SweepPoint], kind: Kind, *, tolerance: float, statistic: Statistic = "probability"
) -> Choice:
    """Apply the rule of this module's head to the points of a kind."""
    own_axis = OWN_AXIS[kind]
    (other_axis,) = (axis for axis in AXES if axis != own_axis)

    def change(point: SweepPoint, axis: str) -> float:
        value = getattr(point, f"{axis}_probability") if statistic == "probability" else getattr(point, axis).value
        return round(value, 9)

    own = [point for point in points if point.kind == kind]
    allowed = [point for point in own if change(point, other_axis) >= -tolerance - 1e-12]
    if allowed:
        best = max(allowed, key=lambda point: (change(point, own_axis), -abs(point.gamma), -point.layer))
    else:
        best = min(own, key=lambda point: (-change(point, other_axis), abs(point.gamma), point.layer))
    measure = "the right option's probability" if statistic == "probability" else "accuracy"
    rule = (
        f"highest {own_axis} gain on dev2 among points that lose at most {100 * tolerance:g} points of {other_axis}, "
        f"by {measure}"
    )
    reason = (
        f"{own_axis} {ascii_points(change(best, own_axis))}, {other_axis} {ascii_points(change(best, other_axis))} points of "
        f"{measure} on dev2 (accuracy {ascii_points(getattr(best, own_axis).value)} and "
        f"{ascii_points(getattr(best, other_axis).value)}); {len(allowed)} of {len(own)} points allowed"
    )
    return Choice(kind=kind, layer=best.layer, gamma=best.gamma, rule=rule, reason=reason)
