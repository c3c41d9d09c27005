"""Plots as SVG files that need nothing beside them: title, description, legend, and colours for light and dark."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape

from msgspec import Struct

from watcher.render.charts import AreaPoint, Frame, draw_area_shapes, draw_bar_shapes
from watcher.render.hilbert import SIDE, Run, draw_runs
from watcher.render.safe_text import visible

# The colours of web/static/style.css: class → in light, in dark.
COLOURS: Mapping[str, tuple[str, str]] = {
    "text": ("#1a1d21", "#e4e8ec"),
    "soft": ("#555c66", "#a3adb8"),
    "back": ("#fff", "#14171a"),
    "line": ("#dbe0e6", "#333b44"),
    "added": ("#166c2f", "#5fd07c"),
    "modified": ("#0a58a8", "#7ab8f5"),
    "deprecated": ("#8a5a00", "#e0b050"),
    "removed": ("#b3261e", "#ff8b82"),
    "assigned": ("#2f6fb0", "#5b9bdc"),
    "retired": ("#9b6bc2", "#b794d8"),
    "reserved": ("#c28a2e", "#b98a3e"),
    "unassigned": ("#dfe5ea", "#2b3138"),
    "unlisted": ("#f0f2f4", "#1c2025"),
    "lit": ("#d6006c", "#ff6fb5"),
}
_MARGIN, _HEAD, _LINE = 16, 46, 22
_CHARACTER = 7.2  # units that a character of a legend needs, at most
_BIG, _WIDE = 17, 0.62  # the size of the title, and the width of its characters as a part of it
_LEAST = 200  # units of a side


class PlotText(Struct, frozen=True, kw_only=True):
    """What is written on a plot. `lines` say everything that is drawn, for readers who do not see it."""

    title: str
    lines: Sequence[str]


class PlotSize(Struct, frozen=True, kw_only=True):
    """Width and height in pixels."""

    width: int
    height: int

    def __post_init__(self) -> None:
        if min(self.width, self.height) < _LEAST:
            raise ValueError(f"a plot needs {_LEAST} pixels each way")


def plot_bars(
    text: PlotText, size: PlotSize, columns: Mapping[str, Mapping[str, int]], parts: Mapping[str, str]
) -> str:
    """Return stacked bars. `parts`: class → its name in the legend, from below; `columns` name parts by class."""
    frame = Frame(size.width - 2 * _MARGIN, _inner_height(size, parts))
    return _write(text, size, _place(draw_bar_shapes(columns, [*parts], frame)), parts)


def plot_areas(text: PlotText, size: PlotSize, points: Sequence[AreaPoint], parts: Mapping[str, str]) -> str:
    """Return stacked areas over time; `parts` as for bars."""
    frame = Frame(size.width - 2 * _MARGIN, _inner_height(size, parts))
    return _write(text, size, _place(draw_area_shapes(points, [*parts], frame)), parts)


def plot_map(text: PlotText, size: PlotSize, runs: Mapping[str, Iterable[Run]], parts: Mapping[str, str]) -> str:
    """Return runs of the numbers to 65,535 on a Hilbert curve, by class."""
    scale = min(size.width - 2 * _MARGIN, _inner_height(size, parts)) / SIDE
    left = (size.width - scale * SIDE) / 2
    paths = [f'<path class="{name}" d="{draw_runs(members)}"/>' for name, members in runs.items() if members]
    back = f'<rect class="unlisted" width="{SIDE}" height="{SIDE}"/>'
    place = f'<g class="map" transform="translate({left:.1f} {_HEAD}) scale({scale:.4f})">'
    return _write(text, size, [place, back, *paths, "</g>"], parts)


def _inner_height(size: PlotSize, parts: Mapping[str, str]) -> int:
    return size.height - _HEAD - _MARGIN - _LINE * (len(_break_legend(parts, size)))


def _place(shapes: Sequence[str]) -> list[str]:
    return [f'<g transform="translate({_MARGIN} {_HEAD})">', *shapes, "</g>"]


def _write(text: PlotText, size: PlotSize, shapes: Sequence[str], parts: Mapping[str, str]) -> str:
    title = escape(visible(text.title))
    letters = min(_BIG, (size.width - 2 * _MARGIN) / _WIDE / len(visible(text.title)))
    sides = f'width="{size.width}" height="{size.height}" viewBox="0 0 {size.width} {size.height}"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {sides} role="img" aria-labelledby="title desc">',
        f'<title id="title">{title}</title>',
        f'<desc id="desc">{escape(visible(chr(10).join(text.lines), lines=True))}</desc>',
        f"<style>{_style()}</style>",
        f'<rect class="back" width="{size.width}" height="{size.height}"/>',
        f'<text class="head" style="font-size:{letters:.1f}px" x="{_MARGIN}" y="{_HEAD - 18}">{title}</text>',
        *shapes,
        *_draw_legend(parts, size),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _draw_legend(parts: Mapping[str, str], size: PlotSize) -> list[str]:
    shapes = []
    rows = _break_legend(parts, size)
    for row, members in enumerate(rows):
        x, y = float(_MARGIN), size.height - _MARGIN - _LINE * (len(rows) - 1 - row)
        for name, words in members.items():
            shapes.append(f'<rect class="{name} key" x="{x:.1f}" y="{y - 11}" width="12" height="12" rx="2"/>')
            shapes.append(f'<text x="{x + 17:.1f}" y="{y}">{escape(visible(words))}</text>')
            x += _measure_legend(words)
    return shapes


def _break_legend(parts: Mapping[str, str], size: PlotSize) -> list[dict[str, str]]:
    """Return the parts of a legend by line."""
    rows: list[dict[str, str]] = [{}]
    for name, words in parts.items():
        if rows[-1] and sum(map(_measure_legend, (*rows[-1].values(), words))) > size.width - _MARGIN:
            rows.append({})
        rows[-1][name] = words
    return rows


def _measure_legend(words: str) -> float:
    return 17 + _CHARACTER * len(words) + 14


def _style() -> str:
    light, dark = (";".join(f"--{name}:{both[side]}" for name, both in COLOURS.items()) for side in (0, 1))
    kinds = [name for name in COLOURS if name not in ("text", "soft", "back", "line")]
    return "\n".join(
        [
            f":root{{{light}}}",
            f"@media (prefers-color-scheme:dark){{:root{{{dark}}}}}",
            "text{font:12px system-ui,sans-serif;fill:var(--soft)}",
            ".head{font-weight:600;fill:var(--text)}",
            ".back{fill:var(--back)}.grid{stroke:var(--line)}.key{stroke:var(--line)}",
            ".middle{text-anchor:middle}.end{text-anchor:end}",
            "path{fill:none;stroke-width:1;stroke-linecap:square}",
            "".join(f".{name}{{fill:var(--{name})}}path.{name}{{fill:none;stroke:var(--{name})}}" for name in kinds),
        ]
    )
