"""The kinds of plots of `watcher plot`: each reads its numbers from the history and draws them as an SVG."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from msgspec import Struct

from watcher.core.model import Kind
from watcher.render.charts import AreaPoint
from watcher.render.hilbert import Run, merge_runs
from watcher.render.plots import PlotSize, PlotText, plot_areas, plot_bars, plot_map
from watcher.reports import plot_numbers
from watcher.reports.plot_numbers import PeriodCounts
from watcher.reports.port_space import PortUse
from watcher.store.history_reader import HistoryReader

_FREE_USES = frozenset({PortUse.UNASSIGNED, PortUse.UNLISTED})


class PlotRequest(Struct, frozen=True, kw_only=True):
    """What to plot. `since` and `until` are days (`YYYY-MM-DD`) or None; `protocol` is "" for all."""

    source: str
    size: PlotSize
    since: str | None = None
    until: str | None = None
    protocol: str = ""


class PlotKind(Struct, frozen=True, kw_only=True):
    """A kind of plot; `draw` returns an SVG, and raises UsageError for a source or a time that it cannot show."""

    summary: str
    size: PlotSize
    draw: Callable[[HistoryReader, PlotRequest], str]
    has_protocol: bool = False


def _draw_changes(history: HistoryReader, request: PlotRequest) -> str:
    counts = plot_numbers.count_changes(history, request.source, request.since, request.until)
    title = f"{request.source}: changes of entries, {counts.first} to {counts.last}"
    return plot_bars(_describe(title, counts), request.size, counts.periods, _count_parts(counts, [*map(str, Kind)]))


def _draw_assignments(history: HistoryReader, request: PlotRequest) -> str:
    counts = plot_numbers.count_assignments(history, request.source, request.since, request.until)
    title = f"{request.source}: assignments by the year of their registration, {counts.first} to {counts.last}"
    return plot_bars(_describe(title, counts), request.size, counts.periods, _count_parts(counts, ["assigned"]))


def _draw_space(history: HistoryReader, request: PlotRequest) -> str:
    samples = plot_numbers.sample_port_space(
        history, request.source, request.since, request.until, protocol=request.protocol
    )
    places = plot_numbers.place_in_time([sample.day for sample in samples])
    points = [
        AreaPoint(place, sample.day[:7], {str(use): number for use, number in sample.counts.items()})
        for place, sample in zip(places, samples, strict=True)
    ]
    title = f"{_name(request)}: ports that are not free, {samples[0].day} to {samples[-1].day}"
    lines = [f"{sample.day}: {_list(sample.counts)}" for sample in samples]
    # Nine ports of ten are free: with them, no change of the others would show.
    parts = {str(use): f"{samples[-1].counts[use]:,} {use}" for use in PortUse if use not in _FREE_USES}
    return plot_areas(PlotText(title=title, lines=lines), request.size, points, parts)


def _draw_map(history: HistoryReader, request: PlotRequest) -> str:
    space = plot_numbers.read_space_of_day(history, request.source, request.until, protocol=request.protocol)
    runs: dict[str, list[Run]] = {str(use): members for use, members in space.runs().items()}
    counts = space.count()
    parts = {str(use): f"{number:,} {use}" for use, number in counts.items() if number}
    lines = [f"All ports on a Hilbert curve: neighbours in number are neighbours on the map. {_list(counts)}."]
    if request.since:
        old = plot_numbers.read_space_of_day(history, request.source, request.since, protocol=request.protocol)
        changed = space.differing(old)
        runs["lit"] = merge_runs(changed)
        parts["lit"] = f"{len(changed):,} changed since {old.release.day}"
        ranges = ", ".join(str(low) if low == high else f"{low}-{high}" for low, high in runs["lit"])
        lines.append(f"Changed since {old.release.day}: {ranges or 'nothing'}.")
    title = f"{_name(request)}: all ports on {space.release.day}"
    return plot_map(PlotText(title=title, lines=lines), request.size, runs, parts)


PLOTS: Mapping[str, PlotKind] = {
    "changes": PlotKind(
        summary="Entries that changed in each year, or month, by kind.",
        size=PlotSize(width=960, height=400),
        draw=_draw_changes,
    ),
    "assignments": PlotKind(
        summary="Entries of the newest release by the year in which they were registered.",
        size=PlotSize(width=960, height=400),
        draw=_draw_assignments,
    ),
    "space": PlotKind(
        summary="Ports that are assigned, retired or reserved, over time.",
        size=PlotSize(width=960, height=400),
        draw=_draw_space,
        has_protocol=True,
    ),
    "map": PlotKind(
        summary="All ports of a day on a Hilbert curve; with --since, changed ports are highlighted.",
        size=PlotSize(width=800, height=864),
        draw=_draw_map,
        has_protocol=True,
    ),
}


def _name(request: PlotRequest) -> str:
    return f"{request.source} ({request.protocol})" if request.protocol else request.source


def _describe(title: str, counts: PeriodCounts) -> PlotText:
    return PlotText(title=title, lines=[f"{period}: {_list(numbers)}" for period, numbers in counts.periods.items()])


def _count_parts(counts: PeriodCounts, parts: list[str]) -> dict[str, str]:
    """Return the parts that have a number, with their sum in the legend."""
    sums = {part: sum(numbers[part] for numbers in counts.periods.values()) for part in parts}
    return {part: f"{number:,} {part}" for part, number in sums.items() if number}


def _list(numbers: Mapping[str, int] | Mapping[PortUse, int]) -> str:
    return ", ".join(f"{number:,} {part}" for part, number in numbers.items() if number) or "none"
