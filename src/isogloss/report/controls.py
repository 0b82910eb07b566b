"""What a reader can set on a page: which series a figure shows, which of several states, which layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Boxes:
    """Checkboxes that set a list parameter of the figure: `options` are (value, label), `checked` the values shown first."""

    kind = "boxes"
    signal: str
    legend: str
    options: Sequence[tuple[str, str]]
    checked: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A menu that sets a parameter of the figure to one of `options`, (value, label); the first is shown first."""

    kind = "choice"
    signal: str
    legend: str
    options: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Slider:
    """A slider that puts another set of points into the figure's data set `data`: a frame for each of `values`.

    `frames[value]` is what the page's script unpacks together with `shared`; `start` is the frame the figure is drawn with.
    """

    kind = "slider"
    legend: str
    data: str
    values: Sequence[int]
    start: int
    shared: Mapping[str, Any]
    frames: Mapping[int, Any]


Control = Boxes | Choice | Slider
