"""Charts as SVG, drawn without a script and without colours of their own: the style sheet has them by class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from math import ceil

from markupsafe import Markup

_WIDTH, _HEIGHT = 720, 180
_LEFT, _BOTTOM, _TOP = 44, 22, 8
_LABEL = 56  # the width of a label on a phone, where the letters are larger than the picture


def draw_bars(columns: Mapping[str, Mapping[str, int]], parts: Sequence[str], *, title: str) -> Markup:
    """Return stacked bars: `columns` has the numbers of each part by the label of the column; "" without a number."""
    most = max((sum(numbers.values()) for numbers in columns.values()), default=0)
    if not most:
        return Markup()
    plot = _HEIGHT - _BOTTOM - _TOP
    step = (_WIDTH - _LEFT) / len(columns)
    width = min(step * 0.7, 60)
    shapes = [f"<title>{escape(title)}</title>", *_draw_grid(most, plot)]
    for number, (label, numbers) in enumerate(columns.items()):
        left, top = _LEFT + step * number + (step - width) / 2, float(_HEIGHT - _BOTTOM)
        for part in parts:
            height = plot * numbers.get(part, 0) / most
            if height:
                top -= height
                words = f"{label}: {numbers[part]:,} {part}"
                shapes.append(
                    f'<rect class="{part}" x="{left:.1f}" y="{top:.1f}" width="{width:.1f}" height="{height:.1f}">'
                    f"<title>{escape(words)}</title></rect>"
                )
        if number % ceil(_LABEL / step) == 0:
            shapes.append(f'<text x="{left + width / 2:.1f}" y="{_HEIGHT - 6}" class="middle">{escape(label)}</text>')
    picture = f'<svg class="chart" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img">{"".join(shapes)}</svg>'
    return Markup(picture)  # noqa: S704 - every text in it is escaped


def _draw_grid(most: int, plot: int) -> list[str]:
    lines = []
    for mark in _choose_marks(most):
        y = _HEIGHT - _BOTTOM - plot * mark / most
        lines.append(f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH}" y1="{y:.1f}" y2="{y:.1f}"/>')
        lines.append(f'<text class="end" x="{_LEFT - 6}" y="{y + 4:.1f}">{mark:,}</text>')
    return lines


def _choose_marks(most: int) -> list[int]:
    """Return up to four round numbers from 0 to `most`."""
    step = 1
    while most / step > 4:
        step = step * 5 // 2 if str(step)[0] == "2" else step * 2
    return list(range(0, most + 1, step))
