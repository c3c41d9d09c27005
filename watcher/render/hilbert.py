"""A map of 65,536 numbers on a Hilbert curve, as SVG paths: neighbours in number are neighbours on the map.

Each path is a set of runs of consecutive numbers, drawn with a stroke one unit wide: one rectangle a number would take
fifty times the space.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache

SIDE = 256  # units of the square; 256 * 256 numbers
_ORDER = 8
Run = tuple[int, int]  # both ends included


@cache
def _points() -> tuple[tuple[int, int], ...]:
    """Return the place of each number, column and row from the top left."""
    points = [(0, 0)]
    for order in range(_ORDER):
        side = 1 << order
        first = [(y, x) for x, y in points]
        second = [(x, y + side) for x, y in points]
        third = [(x + side, y + side) for x, y in points]
        fourth = [(2 * side - 1 - y, side - 1 - x) for x, y in points]
        points = first + second + third + fourth
    return tuple(points)


def place_of(number: int) -> tuple[int, int]:
    """Return column and row of a number."""
    return _points()[number]


def draw_runs(runs: Iterable[Run]) -> str:
    """Return the path data of some runs, through the middles of their squares."""
    return "".join(_draw_run(low, high) for low, high in runs)


def _draw_run(low: int, high: int) -> str:
    points = _points()
    column, row = points[low]
    parts = [f"M{column}.5 {row}.5"]
    if low == high:
        return parts[0] + "h0"
    parts += _draw_steps(points, low, high)
    return "".join(parts)


def _draw_steps(points: tuple[tuple[int, int], ...], low: int, high: int) -> Iterator[str]:
    """Yield the moves of a run; steps in one direction are one move."""
    direction, length = "", 0
    for number in range(low + 1, high + 1):
        (old_column, old_row), (column, row) = points[number - 1], points[number]
        step = ("h", column - old_column) if row == old_row else ("v", row - old_row)
        if step[0] == direction and (step[1] > 0) == (length > 0):
            length += step[1]
            continue
        if direction:
            yield f"{direction}{length}"
        direction, length = step
    yield f"{direction}{length}"


def merge_runs(numbers: Iterable[int]) -> list[Run]:
    """Return sorted numbers as runs."""
    runs: list[Run] = []
    for number in numbers:
        if runs and runs[-1][1] == number - 1:
            runs[-1] = (runs[-1][0], number)
        else:
            runs.append((number, number))
    return runs
