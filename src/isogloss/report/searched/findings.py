"""What searches found, in sentences computed from them: on dev2 where they looked, and on test what is left of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from isogloss.data.rows import Axis
from isogloss.report.comparison.rows import AXES
from isogloss.report.findings import listing
from isogloss.report.kit.style import Numbers
from isogloss.results.format import delta_text, points, signed_amount
from isogloss.results.scores import MACRO, Condition, Estimate, Verdict, verdict

# --------------------------------------------------------------------------------------------------------------------
# What the report shows of searches: each study on dev2 as far as the protocols say, and its points on test.


class Steering(Protocol):
    """Layers 1…L and strengths γ of both vectors, for one language or for all; a γ of 0 has no layer."""

    @property
    def en_layer(self) -> int | None: ...
    @property
    def en_gamma(self) -> float: ...
    @property
    def loc_layer(self) -> int | None: ...
    @property
    def loc_gamma(self) -> float: ...


class Point(Protocol):
    """One steering for all languages, or one for each; `str(point)` has every layer and strength."""

    @property
    def steerings(self) -> Sequence[Steering]: ...


class Bounds(Protocol):
    """How far each axis may fall (a fraction); None: by any."""

    @property
    def transfer(self) -> float | None: ...
    @property
    def localization(self) -> float | None: ...


class SearchTrial(Protocol):
    """A finished trial; scores are changes as fractions, None where it failed."""

    @property
    def number(self) -> int: ...
    @property
    def source(self) -> str: ...
    @property
    def state(self) -> str: ...
    @property
    def transfer(self) -> float | None: ...
    @property
    def localization(self) -> float | None: ...
    @property
    def details(self) -> Mapping[str, float]: ...
    @property
    def feasible(self) -> bool: ...
    @property
    def point(self) -> Point | None: ...


class SearchTrials(Protocol):
    """A search's trials by number, the numbers of the front by rising localization, and what follows from them.

    `reference` is the transfer and localization of the point over which the hypervolume is measured.
    """

    @property
    def name(self) -> str: ...
    @property
    def sampler(self) -> str: ...
    @property
    def constraints(self) -> Bounds: ...
    @property
    def trials(self) -> Sequence[SearchTrial]: ...
    @property
    def front(self) -> Sequence[int]: ...
    @property
    def knee(self) -> int | None: ...
    @property
    def reference(self) -> tuple[float, float]: ...
    @property
    def hypervolume(self) -> Sequence[float]: ...
    @property
    def importances(self) -> Mapping[str, Mapping[str, float]]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """The search of one checkpoint."""

    checkpoint: str
    label: str
    result: SearchTrials

    def trial(self, number: int) -> SearchTrial:
        """The trial of that number; KeyError where there is none."""
        for each in self.result.trials:
            if each.number == number:
                return each
        raise KeyError(number)


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A point of a search on test. `condition` is against the unaligned model, unsteered.

    `dev2` and `test` are its macro changes of accuracy (fractions) against its own checkpoint unsteered, so that the two
    can be compared; an axis is missing where that is not known. `dominated_by` names another that is at least as good on
    both axes on test, or `unaligned` where doing nothing is.
    """

    name: str
    checkpoint: str
    label: str
    trial: int
    point: Point
    condition: Condition
    dev2: Mapping[Axis, float]
    test: Mapping[Axis, float]
    dominated_by: str | None = None

    def change(self, axis: Axis) -> Estimate:
        """Macro change on test against the unaligned model, unsteered."""
        return self.condition.delta[axis][MACRO]


@dataclass(frozen=True, slots=True, kw_only=True)
class Searches:
    """Every study of a pipeline, and the points that were taken to test, in their order.

    `statistic` is what the studies maximise. `knee` names the knee among the points that no other dominates on test,
    `model` the registered model that they are versions of.
    """

    studies: tuple[Study, ...]
    statistic: Literal["probability", "accuracy"]
    candidates: tuple[Candidate, ...] = ()
    knee: str | None = None
    model: str | None = None

    @property
    def kept(self) -> tuple[Candidate, ...]:
        """The candidates that no other dominates on test."""
        return tuple(each for each in self.candidates if each.dominated_by is None)

    def number(self, name: str) -> int:
        """A candidate's number, from 1; ValueError where there is none of that name."""
        return [each.name for each in self.candidates].index(name) + 1


def kind_text(point: Point, kind: Literal["en", "loc"]) -> str:
    """`layer 8 γ 0.5`; over languages that differ `layer 8 to 11 γ 0.2 to 0.7`; empty where the vector is not added."""
    own = [(getattr(one, f"{kind}_layer"), getattr(one, f"{kind}_gamma")) for one in point.steerings]
    used = [(layer, gamma) for layer, gamma in own if gamma]
    if not used:
        return ""
    layers, gammas = zip(*used, strict=True)
    return f"layer {_span(layers)} γ {_span(gammas)}"


def point_text(point: Point, *, between: str = " + ") -> str:
    """`EN layer 8 γ 0.5 + LOC layer 13 γ 1.5`, or `unsteered`."""
    kinds: tuple[Literal["en", "loc"], ...] = ("en", "loc")
    words = [f"{kind.upper()} {text}" for kind in kinds if (text := kind_text(point, kind))]
    return between.join(words) or "unsteered"


def _span(values: Sequence[float]) -> str:
    # Two decimals are enough to tell points apart; what rounds to nothing keeps its first digits.
    low, high = (f"{round(one, 2) or float(f'{one:.1g}'):g}".replace("-", "−") for one in (min(values), max(values)))
    return low if low == high else f"{low} to {high}"


def parameter_name(name: str) -> str:
    """A parameter in words: `LOC γ, ko` for `loc_gamma.ko`."""
    field, _, language = name.partition(".")
    kind, _, what = field.partition("_")
    return f"{kind.upper()} {'γ' if what == 'gamma' else what}" + (f", {language}" if language else "")


# --------------------------------------------------------------------------------------------------------------------

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


# --------------------------------------------------------------------------------------------------------------------
# The words and numbers beside each figure of the searches: its alternative text, and the table behind it.

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
