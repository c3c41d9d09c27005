"""The numbers that plots show: changes and assignments by period, and the use of the port space over time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date

from msgspec import Struct

from watcher.core.errors import UsageError
from watcher.core.model import FREE, Kind, Section
from watcher.core.patterns import regex
from watcher.reports.port_space import PortSpace, PortUse, read_port_space
from watcher.store.history_reader import HistoryReader
from watcher.store.history_rows import StoredRelease

_MONTHLY = 2  # years of changes up to which months are shown
_MOST_SPACES = 40
_MOST_YEARS = 100
_YEAR, _MONTH = len("2024"), len("2024-02")
_DAY = regex(r"[12][0-9]{3}-[01][0-9](-[0-3][0-9])?")  # some groups give a month


class PeriodCounts(Struct, frozen=True, kw_only=True):
    """Numbers by period (`2024`, or `2024-02`) and by part. Only of more than a century, empty periods are left out."""

    first: str
    last: str
    periods: Mapping[str, Mapping[str, int]]


class SpaceSample(Struct, frozen=True, kw_only=True):
    """How many ports had each use in the release of a day (`YYYY-MM-DD`)."""

    day: str
    counts: Mapping[PortUse, int]


def count_changes_by_year(releases: Sequence[StoredRelease]) -> dict[str, Mapping[str, int]]:
    """Return how many entries changed in each year, by kind, without the baseline: all of it would count as added.

    Releases without any date are left out. A year without a release between two others has zeros.
    """
    counts = _count_changes([release for release in releases[1:] if release.dated], _YEAR)
    return _fill(counts, [*map(str, Kind)]) if counts else {}


def count_changes(
    history: HistoryReader, source: str, since: str | None = None, until: str | None = None
) -> PeriodCounts:
    """Return how many entries changed in each year of a time, by kind; in each month of up to two years.

    Raises UsageError if no release after the first one is of this time.
    """
    releases = [release for release in history.list_releases(source)[1:] if release.dated]
    releases = [release for release in releases if _is_within(release.dated, since, until)]
    if not releases:
        raise UsageError(f"{source} has no release{_describe(since, until)} that changed another one")
    first, last = releases[0].dated, releases[-1].dated
    length = _MONTH if int(last[:_YEAR]) - int(first[:_YEAR]) < _MONTHLY else _YEAR
    return PeriodCounts(first=first, last=last, periods=_fill(_count_changes(releases, length), [*map(str, Kind)]))


def _count_changes(releases: Sequence[StoredRelease], length: int) -> dict[str, dict[str, int]]:
    periods: dict[str, dict[str, int]] = {}
    for release in releases:
        counts = periods.setdefault(release.dated[:length], dict.fromkeys(map(str, Kind), 0))
        for kind in counts:
            counts[kind] += release.counts[kind]
    return periods


def count_assignments(
    history: HistoryReader, source: str, since: str | None = None, until: str | None = None
) -> PeriodCounts:
    """Return how many entries of the newest release were registered in each year, by the registry's own dates.

    The part is `assigned`. Raises UsageError if no entry of this time has such a date.
    """
    release = history.find_release(source, "latest")
    items = [version.item for version in history.versions.find(source, at=release)]
    days = [
        item.fields.get("registered", "") for item in items if item.section is Section.ENTRY and item.status not in FREE
    ]
    days = sorted(day for day in days if _DAY.fullmatch(day) and _is_within(day, since, until))
    if not days:
        raise UsageError(
            f"{source} has no entry with a date of registration{_describe(since, until)}; try --kind changes"
        )
    years = Counter(day[:_YEAR] for day in days)
    periods = _fill({year: {"assigned": number} for year, number in sorted(years.items())}, ["assigned"])
    return PeriodCounts(first=days[0], last=days[-1], periods=periods)


def sample_port_space(
    history: HistoryReader, source: str, since: str | None = None, until: str | None = None, *, protocol: str = ""
) -> list[SpaceSample]:
    """Return the use of all ports in the last release of each month; of up to 40 months, spread evenly.

    Raises UsageError with fewer than two releases of this time, and for a source that has no ports.
    """
    require_ports(history, source)
    months = {
        release.dated[:_MONTH]: release
        for release in history.list_releases(source)
        if release.dated and _is_within(release.dated, since, until)
    }
    releases = [*months.values()]
    if len(releases) < 2:
        raise UsageError(f"{source} has no releases{_describe(since, until)} in two months")
    last = len(releases) - 1
    number = min(len(releases), _MOST_SPACES)
    chosen = [releases[round(last * place / (number - 1))] for place in range(number)]
    return [
        SpaceSample(day=release.dated, counts=read_port_space(history, source, release, protocol).count())
        for release in chosen
    ]


def place_in_time(days: Sequence[str]) -> list[float]:
    """Return where days are between the first of them (0) and the last (1)."""
    numbers = [date.fromisoformat(day).toordinal() for day in days]
    length = max(numbers[-1] - numbers[0], 1)
    return [(number - numbers[0]) / length for number in numbers]


def read_space_of_day(history: HistoryReader, source: str, day: str | None, *, protocol: str = "") -> PortSpace:
    """Return the use of all ports on a day, or in the newest release. Raises UsageError for any other registry."""
    require_ports(history, source)
    return read_port_space(history, source, history.find_release(source, day or "latest"), protocol)


def require_ports(history: HistoryReader, source: str) -> None:
    """Raise UsageError for a source that is not a registry of ports."""
    if history.read_registry_id(source) != "ports":
        raise UsageError(f"{source} is not a registry of ports")


def _fill(periods: Mapping[str, Mapping[str, int]], parts: Sequence[str]) -> dict[str, Mapping[str, int]]:
    """Return periods with those between them that have no number, unless a mistyped year would make thousands."""
    first, last = min(periods), max(periods)
    if int(last[:_YEAR]) - int(first[:_YEAR]) > _MOST_YEARS:
        return dict(sorted(periods.items()))
    filled: dict[str, Mapping[str, int]] = {}
    year, month = int(first[:_YEAR]), int(first[_YEAR + 1 :] or 1)
    while (name := f"{year:04}-{month:02}" if len(first) == _MONTH else f"{year:04}") <= last:
        filled[name] = periods.get(name) or dict.fromkeys(parts, 0)
        year, month = (year, month + 1) if len(first) == _MONTH and month < 12 else (year + 1, 1)
    return filled


def _is_within(day: str, since: str | None, until: str | None) -> bool:
    return (since is None or day >= since) and (until is None or day <= until)


def _describe(since: str | None, until: str | None) -> str:
    return (f" since {since}" if since else "") + (f" until {until}" if until else "")
