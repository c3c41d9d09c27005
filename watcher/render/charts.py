"""Charts as parts of an SVG: stacked bars and areas, without colours of their own; a style has them by class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from math import ceil
from typing import NamedTuple

from markupsafe import Markup

_LABEL = 56  # the width of a label on a phone, where the letters are larger than the picture


class Frame(NamedTuple):
    """The size of a chart, and the margins around its plot."""

    width: float = 720
    height: float = 180
    left: float = 44
    bottom: float = 22
    top: float = 8

    @property
    def plot(self) -> float:
        """The height of the plot."""
        return self.height - self.bottom - self.top

    @property
    def floor(self) -> float:
        return self.height - self.bottom


class AreaPoint(NamedTuple):
    """The numbers of all parts at one place between 0 (the left end) and 1."""

    place: float
    label: str
    numbers: Mapping[str, int]


def draw_bars(columns: Mapping[str, Mapping[str, int]], parts: Sequence[str], *, title: str) -> Markup:
    """Return a chart of stacked bars for a page (`draw_bar_shapes`); "" without a number."""
    frame = Frame()
    shapes = draw_bar_shapes(columns, parts, frame)
    if not shapes:
        return Markup()
    start = (
        f'<svg class="chart" viewBox="0 0 {frame.width:g} {frame.height:g}" role="img"><title>{escape(title)}</title>'
    )
    return Markup(f"{start}{''.join(shapes)}</svg>")  # noqa: S704 - every text in it is escaped


def draw_bar_shapes(columns: Mapping[str, Mapping[str, int]], parts: Sequence[str], frame: Frame) -> list[str]:
    """Return stacked bars: `columns` has the numbers of each part by the label of the column; [] without a number."""
    most = max((sum(numbers.values()) for numbers in columns.values()), default=0)
    if not most:
        return []
    step = (frame.width - frame.left) / len(columns)
    width = min(step * 0.7, 60)
    shapes = _draw_grid(most, frame)
    for number, (label, numbers) in enumerate(columns.items()):
        left, top = frame.left + step * number + (step - width) / 2, frame.floor
        for part in parts:
            height = frame.plot * numbers.get(part, 0) / most
            if height:
                top -= height
                words = f"{label}: {numbers[part]:,} {part}"
                shapes.append(
                    f'<rect class="{part}" x="{left:.1f}" y="{top:.1f}" width="{width:.1f}" height="{height:.1f}">'
                    f"<title>{escape(words)}</title></rect>"
                )
        if number % ceil(_LABEL / step) == 0:
            shapes.append(_draw_label(left + width / 2, frame, label))
    return shapes


def draw_area_shapes(points: Sequence[AreaPoint], parts: Sequence[str], frame: Frame) -> list[str]:
    """Return stacked areas over time, each from one point to the next; [] with fewer than two points or no number."""
    most = max((sum(point.numbers.get(part, 0) for part in parts) for point in points), default=0)
    if len(points) < 2 or not most:
        return []
    shapes = _draw_grid(most, frame)
    columns = [frame.left + (frame.width - frame.left) * point.place for point in points]
    below = [0] * len(points)
    for part in parts:
        above = [low + point.numbers.get(part, 0) for low, point in zip(below, points, strict=True)]
        if above != below:
            edges = [*zip(columns, above, strict=True), *reversed([*zip(columns, below, strict=True)])]
            line = " ".join(f"{x:.1f},{frame.floor - frame.plot * number / most:.1f}" for x, number in edges)
            words = f"{points[-1].label}: {points[-1].numbers.get(part, 0):,} {part}"
            shapes.append(f'<polygon class="{part}" points="{line}"><title>{escape(words)}</title></polygon>')
        below = above
    end = frame.left - _LABEL
    for x, point in zip(columns, points, strict=True):
        if x >= end + _LABEL * 1.2 and x <= frame.width - _LABEL / 2:
            shapes.append(_draw_label(x, frame, point.label))
            end = x
    return shapes


def _draw_label(x: float, frame: Frame, label: str) -> str:
    return f'<text x="{x:.1f}" y="{frame.height - 6:g}" class="middle">{escape(label)}</text>'


def _draw_grid(most: int, frame: Frame) -> list[str]:
    lines = []
    for mark in _choose_marks(most):
        y = frame.floor - frame.plot * mark / most
        lines.append(f'<line class="grid" x1="{frame.left:g}" x2="{frame.width:g}" y1="{y:.1f}" y2="{y:.1f}"/>')
        lines.append(f'<text class="end" x="{frame.left - 6:g}" y="{y + 4:.1f}">{mark:,}</text>')
    return lines


def _choose_marks(most: int) -> list[int]:
    """Return up to four round numbers from 0 to `most`."""
    step = 1
    while most / step > 4:
        step = step * 5 // 2 if str(step)[0] == "2" else step * 2  # 1, 2, 5, 10, 20, …
    return list(range(0, most + 1, step))
