"""Draw what was measured: `plots.py` reads a drawing as JSON from standard input and writes an SVG.

The Python of the other programs' environment runs it, because that has matplotlib. Titles, axes and points are part of
the drawing. The same drawing gives the same file.
"""

import json
import sys
from typing import Any

import matplotlib as mpl
from matplotlib import pyplot as plt
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

_COLOURS = ("#0b5cad", "#c2410c", "#15803d", "#7e22ce", "#525252", "#a16207")
_FONTS = ["DejaVu Sans", "Helvetica", "Arial", "sans-serif"]
_MARKS = ("o", "s", "^", "D", "v", "P")


def _number(value: float, _: object) -> str:
    return f"{value:,.0f}" if value >= 1 else f"{value:g}"


def lines(drawing: dict[str, Any]) -> None:
    """Draw panels side by side, each with lines over logarithmic axes."""
    panels = drawing["panels"]
    figure, places = plt.subplots(1, len(panels), figsize=(4.6 * len(panels), 3.8), squeeze=False)
    for place, panel in zip(places[0], panels, strict=True):
        for number, line in enumerate(panel["lines"]):
            place.plot(
                line["x"], line["y"], label=line["name"], color=_COLOURS[number], marker=_MARKS[number], linewidth=1.6
            )
        place.set_xscale("log")
        place.set_yscale("log")
        place.set_xlabel(panel["x"])
        place.set_ylabel(panel["y"])
        place.set_title(panel["title"], fontsize=10)
        for axis in (place.xaxis, place.yaxis):
            axis.set_major_formatter(FuncFormatter(_number))
            axis.set_minor_formatter(NullFormatter())
        place.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        low, high = place.get_ylim()
        place.set_ylim(low / 1.6, high * 1.6)
        place.grid(which="major", color="#d4d4d4", linewidth=0.6)
        place.legend(fontsize=8, frameon=False)
    _save(figure, drawing)


def bars(drawing: dict[str, Any]) -> None:
    """Draw one bar for each name, the shortest on top; those of the watcher have another colour."""
    ordered = sorted(drawing["bars"], key=lambda bar: -bar["value"])
    figure, place = plt.subplots(figsize=(9.2, 0.3 * len(ordered) + 1.2))
    colours = [_COLOURS[0] if bar["ours"] else "#9ca3af" for bar in ordered]
    drawn = place.barh([bar["name"] for bar in ordered], [bar["value"] for bar in ordered], color=colours)
    place.bar_label(drawn, labels=[f"{bar['value']:.2f}  {bar['remark']}" for bar in ordered], padding=4, fontsize=8)
    place.set_xscale("log")
    place.set_xlim(right=max(bar["value"] for bar in ordered) * 5)
    place.set_xlabel(drawing["x"])
    place.set_title(drawing["title"], fontsize=10)
    place.xaxis.set_major_formatter(FuncFormatter(_number))
    place.xaxis.set_minor_formatter(NullFormatter())
    place.tick_params(axis="y", labelsize=8)
    _save(figure, drawing)


def _save(figure: Any, drawing: dict[str, Any]) -> None:
    figure.tight_layout()
    figure.savefig(drawing["output"], format="svg", facecolor="white", metadata={"Date": None, "Creator": None})


def main() -> None:
    mpl.use("svg")
    mpl.rcParams.update(
        {"svg.hashsalt": "registry-watcher", "svg.fonttype": "none", "font.size": 9, "font.family": _FONTS}
    )
    drawing = json.load(sys.stdin)
    {"lines": lines, "bars": bars}[drawing["kind"]](drawing)


if __name__ == "__main__":
    main()
