"""The parts of charts: marks, labels and the heights of what is stacked."""

from __future__ import annotations

import re

import pytest

from watcher.render.charts import AreaPoint, Frame, draw_area_shapes, draw_bar_shapes, draw_bars

FRAME = Frame(width=144, height=110, left=44, bottom=10, top=0)


@pytest.mark.parametrize(
    ("most", "marks"),
    [
        (1, ["0", "1"]),
        (9, ["0", "5"]),
        (99, ["0", "50"]),
        (675, ["0", "200", "400", "600"]),
        (14_000, ["0", "5,000", "10,000"]),
    ],
)
def test_marks_are_few_round_numbers(most: int, marks: list[str]) -> None:
    shapes = draw_bar_shapes({"2020": {"added": most}}, ["added"], FRAME)
    assert re.findall(r'class="end"[^>]*>([\d,]+)<', "".join(shapes)) == marks


def test_bars_are_stacked_to_the_height_of_their_numbers() -> None:
    shapes = "".join(draw_bar_shapes({"a": {"x": 3, "y": 1}, "b": {"x": 2, "y": 0}}, ["x", "y"], FRAME))
    bars = re.findall(r'class="(\w)" x="[\d.]+" y="([\d.]+)" width="35.0" height="([\d.]+)"', shapes)
    assert bars == [("x", "25.0", "75.0"), ("y", "0.0", "25.0"), ("x", "50.0", "50.0")]


def test_areas_end_where_the_ones_below_them_end() -> None:
    points = [AreaPoint(0, "a", {"x": 1, "y": 1}), AreaPoint(1, "b", {"x": 2, "y": 2})]
    shapes = "".join(draw_area_shapes(points, ["x", "y", "z"], FRAME))
    drawn = re.findall(r'class="(\w)" points="([^"]+)"', shapes)
    assert drawn == [
        ("x", "44.0,75.0 144.0,50.0 144.0,100.0 44.0,100.0"),
        ("y", "44.0,50.0 144.0,0.0 144.0,50.0 44.0,75.0"),
    ]


def test_without_numbers_nothing_is_drawn() -> None:
    assert draw_bars({}, ["x"], title="t") == draw_bars({"a": {"x": 0}}, ["x"], title="t") == ""
    assert draw_area_shapes([AreaPoint(0, "a", {"x": 1})], ["x"], FRAME) == []


def test_texts_are_escaped() -> None:
    assert "<b>" not in draw_bars({"<b>": {"x": 1}}, ["x"], title="<b>")
