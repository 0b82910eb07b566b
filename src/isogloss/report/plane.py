"""The plane of one model: what each steering and control changes, by language and as the macro mean (figure 2)."""

from __future__ import annotations

from isogloss.errors import UserError
from isogloss.evaluate.results import MACRO, Condition, Results
from isogloss.report.canvas import LANGUAGES, SERIES
from isogloss.report.controls import Boxes, Control
from isogloss.report.drawn import Figure, figure
from isogloss.report.findings import LOC_MID, macro_delta
from isogloss.report.marks import BOLD, SMALL, Mark
from isogloss.report.numbers import language_name
from isogloss.report.quadrants import plane
from isogloss.report.style import look_of


def plane_figure(results: Results, *, columns: int = 2) -> Figure:
    """Localization Δ against transfer Δ in points, both to the unsteered model at the origin.

    Large markers with crosses: macro means and their intervals; hollow ones, named below: LOC in EN's layer and the
    controls. Small markers: languages, for the methods. The quadrant where transfer is gained and localization lost is
    marked as erasure. `columns=1` is drawn smaller, so that its text can be read on a narrow page.
    """
    conditions = placed(results)
    if not conditions:
        raise UserError(
            f"{results.pipeline}: no condition was compared with the unsteered model, so the plane is empty"
        )
    return figure(
        plane(
            [mark for each in conditions for mark in _marks(each)],
            shapes={each.label: look_of(each.name).shape for each in conditions},
            size=(540, 500) if columns > 1 else (300, 330),
            origin=results.baseline.label,
            # The controls crowd around the origin, where names of their own would cover one another.
            legend=[each.label for each in conditions if not _leads(each)],
            columns=columns,
        )
    )


def plane_controls(results: Results) -> tuple[Control, ...]:
    """Which languages and which conditions are shown."""
    conditions = placed(results)
    marks = [mark for each in conditions for mark in _marks(each)]
    codes = list(dict.fromkeys(mark.code for mark in marks))
    labels = [each.label for each in conditions]
    return (
        Boxes(signal=SERIES, legend="Methods and controls", options=[(each, each) for each in labels], checked=labels),
        Boxes(
            signal=LANGUAGES, legend="Languages", options=[(code, language_name(code)) for code in codes], checked=codes
        ),
    )


def placed(results: Results) -> list[Condition]:
    """The conditions that were measured on both axes."""
    return [each for each in results.conditions if macro_delta(each, "transfer") and macro_delta(each, "localization")]


def _leads(condition: Condition) -> bool:
    """Whether a condition has an arrow, a name and its languages on the plane: a method, but LOC in EN's layer."""
    return condition.role == "method" and condition.name != LOC_MID


def _marks(condition: Condition) -> list[Mark]:
    """The macro mean, and for a method its languages."""
    leads, look = _leads(condition), look_of(condition.name)
    found = []
    for code, up in condition.delta["transfer"].items():
        across = condition.delta["localization"].get(code)
        macro = code == MACRO
        if across is None or code == "en" or not (leads or macro):
            continue
        found.append(
            Mark(
                series=condition.label,
                kind=condition.note or "–",
                key=condition.label,
                color=look.color,
                across=across,
                up=up,
                code=code,
                start=(0.0, 0.0) if leads and macro else None,
                hollow=not leads,
                cross=macro,
                size=look.area**0.5 * (1.0 if macro else 0.55),
                text=("" if not leads else condition.label) if macro else code,
                bold=macro,
                letters=BOLD if macro else SMALL,
            )
        )
    # The macro mean is drawn last, above the languages.
    return sorted(found, key=lambda each: each.code == MACRO)
