"""The plane of methods (the paper's figure 2), and one for each language (figure 5a).

Each model is an arrow from the unaligned one at the origin; thin arrows lead from it to itself under EN, LOC and SUR.
"""

from __future__ import annotations

from isogloss.errors import UserError
from isogloss.evaluate.results import MACRO, Comparison, Estimate, TrainedModel
from isogloss.report.canvas import LANGUAGES, SERIES, extent
from isogloss.report.comparison.looks import SHAPE_NAMES, SHAPES, look_of_model
from isogloss.report.comparison.rows import NONE
from isogloss.report.controls import Boxes, Control
from isogloss.report.data import concatenation
from isogloss.report.drawn import Figure, figure
from isogloss.report.findings import EN, LOC, SUR
from isogloss.report.marks import BOLD, SMALL, Mark, reach
from isogloss.report.numbers import language_name
from isogloss.report.quadrants import plane, still_plane

#: Localization and transfer changes of one condition: across and up.
Place = tuple[Estimate, Estimate]
_SHORT = {EN: "EN", LOC: "LOC", SUR: "SUR"}
#: Shapes by what the legend calls them.
_SHAPES = {SHAPE_NAMES[name]: shape for name, shape in SHAPES.items()}


def methods_figure(comparison: Comparison, *, columns: int = 2) -> Figure:
    """Localization Δ against transfer Δ in points: every model, and EN, LOC and SUR on top of each.

    Crosses are 95 % intervals against the unaligned, unsteered model at the origin. The macro mean is shown; the page can
    add languages. `columns=1` is drawn smaller, so that its text can be read on a narrow page.
    """
    codes = [code for code in (MACRO, *plane_languages(comparison)) if placed(comparison, code)]
    if MACRO not in codes:
        raise UserError("no model of the comparison was measured on both axes, so the plane of methods is empty")
    marks = [mark for code in codes for mark in _marks(comparison, code)]
    return figure(
        plane(
            marks,
            shapes=_SHAPES,
            size=(590, 540) if columns > 1 else (300, 350),
            origin=comparison.models[0].label,
            shown=[MACRO],
            legend=list(_SHAPES),
            columns=columns,
        )
    )


def methods_controls(comparison: Comparison) -> tuple[Control, ...]:
    """Which models and which languages are shown."""
    labels = [model.label for model, _ in placed(comparison, MACRO)]
    codes = [MACRO, *plane_languages(comparison)]
    return (
        Boxes(signal=SERIES, legend="Models", options=[(each, each) for each in labels], checked=labels),
        Boxes(signal=LANGUAGES, legend="Languages", options=[(c, language_name(c)) for c in codes], checked=[MACRO]),
    )


def languages_planes_figure(comparison: Comparison, *, columns: int = 2) -> Figure:
    """The plane of methods for each non-English language on one scale; intervals on the unsteered models alone."""
    codes = plane_languages(comparison)
    if not codes:
        raise UserError("no language of the comparison was measured on both axes, so there are no planes to draw")
    wide = min(3 if columns > 1 else 2, len(codes))
    side = (260, 235) if columns > 1 else (142, 150)
    by_code = {code: _marks(comparison, code, small=True) for code in codes}
    limits = extent(reach(mark for marks in by_code.values() for mark in marks), height=side[1], words=False)
    short = ("Localization Δ (points)", "Transfer Δ (points)")
    panels = [
        still_plane(
            by_code[code],
            shapes=_SHAPES,
            size=side,
            limits=limits,
            legend=list(_SHAPES),
            columns=columns,
            title=language_name(code),
            titles=(short[0] if index >= len(codes) - wide else None, short[1] if index % wide == 0 else None),
        )
        for index, code in enumerate(codes)
    ]
    return figure(concatenation(panels, columns=wide, spacing=14, resolve={"scale": {"x": "shared", "y": "shared"}}))


def plane_languages(comparison: Comparison) -> list[str]:
    """The non-English languages in which any model was measured on both axes."""
    return [code for code in comparison.languages if code != "en" and placed(comparison, code)]


def placed(comparison: Comparison, code: str) -> list[tuple[TrainedModel, dict[str, Place]]]:
    """Where each model and its steered variants stand, by condition; the unaligned one itself is the origin."""
    found = []
    for model in comparison.models:
        places = {}
        for condition in model.conditions:
            across, up = (condition.delta.get(axis, {}).get(code) for axis in ("localization", "transfer"))
            if condition.name in SHAPES and across is not None and up is not None:
                places[condition.name] = (across, up)
        if places:
            found.append((model, places))
    return found


def _marks(comparison: Comparison, code: str, *, small: bool = False) -> list[Mark]:
    """Every model and its steered variants in one language; `small` for one of several planes."""
    return [mark for model, places in placed(comparison, code) for mark in _model(model, places, code, small=small)]


def _model(model: TrainedModel, places: dict[str, Place], code: str, *, small: bool) -> list[Mark]:
    """A model and its steered variants, with arrows."""
    macro = code == MACRO
    own = (100 * places[NONE][0].value, 100 * places[NONE][1].value) if NONE in places else (0.0, 0.0)
    size = 0.62 if small else 1.0 if macro else 0.75
    found = []
    for name, (across, up) in places.items():
        plain = name == NONE
        if plain:
            text = model.label if macro or small else f"{model.label} {code}"
        else:
            text = _SHORT[name] if macro and not small else ""
        found.append(
            Mark(
                series=model.label,
                kind=SHAPE_NAMES[name],
                key=SHAPE_NAMES[name],
                color=look_of_model(model.name).color,
                across=across,
                up=up,
                code=code,
                start=(0.0, 0.0) if plain else own,
                hollow=not plain,
                cross=plain or (macro and not small),
                size=size if plain else 0.72 * size,
                text=text,
                bold=plain,
                letters=SMALL if not plain or small or not macro else BOLD,
            )
        )
    return found
