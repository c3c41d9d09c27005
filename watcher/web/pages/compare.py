"""Compare any two releases of a source: events first, then the exact fields with the differing words marked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase

from msgspec import Struct
from msgspec.structs import replace

from watcher.core.errors import UsageError
from watcher.core.intervals import Interval
from watcher.core.model import Change, Comparison, Event, Kind, Severity, count_changes
from watcher.core.port_ranges import find_ports
from watcher.core.times import is_date
from watcher.reports.release_diff import compare_releases
from watcher.store.history_rows import StoredRelease
from watcher.store.store import Store
from watcher.web.changes import ShownChange, show_change
from watcher.web.filters import one_of, read_globs, read_number, read_ports
from watcher.web.html import render_html
from watcher.web.page import PageContext, PageRequest, PageResponse
from watcher.web.recent import RecentResults

_CHANGES, _EVENTS = 50, 100
_MOST_KEPT = 2_000  # changes: some megabytes
_COMPARISONS: RecentResults[Comparison] = RecentResults(4)


def render(context: PageContext, request: PageRequest) -> PageResponse:
    (source,) = request.parts
    with context.open_store() as store:
        releases = store.history.list_releases(source)
        if len(releases) < 2:
            raise UsageError(f"{source} has one release only: there is nothing to compare")
        old, new = _choose_releases(store, source, request, releases)
        has_ports = store.history.read_registry_id(source) == "ports"
        comparison = _compare(context, store, source, old, new)
    selected = _read_filter(request)
    events = [event for event in comparison.events if selected.selects_event(event)]
    changes = list(selected.filter_changes(comparison, events))
    start = read_number(request, "start", 0, len(changes))
    places = {release.row: number for number, release in enumerate(releases)}
    return render_html(
        "compare.html",
        viewer=request.viewer,
        source=source,
        has_ports=has_ports,
        old=old,
        new=new,
        old_place=places[old.row],
        new_place=places[new.row],
        last_place=len(releases) - 1,
        comparison=comparison,
        counts={name: number for name, number in count_changes(comparison.changes).items() if number},
        events=events[:_EVENTS],
        more_events=max(0, len(events) - _EVENTS),
        changes=list(_show(changes[start : start + _CHANGES], comparison)),
        number=len(changes),
        hidden=sum(1 for _ in replace(selected, quiet=True).filter_changes(comparison, events)) > len(changes),
        start=start,
        step=_CHANGES,
        query=request,
        kinds=list(map(str, Kind)),
        severities=list(map(str, Severity)),
    )


def _choose_releases(
    store: Store, source: str, request: PageRequest, releases: list[StoredRelease]
) -> tuple[StoredRelease, StoredRelease]:
    """Return the two releases of a query, the older first: by places of the sliders, or by dates and ids."""
    last = len(releases) - 1
    if request.text("a"):
        places = read_number(request, "a", last - 1, last), read_number(request, "b", last, last)
        chosen = [releases[place] for place in places]
    else:
        defaults = (releases[-2].release.id, releases[-1].release.id)
        names = (request.text("from") or defaults[0], request.text("to") or defaults[1])
        # A form has a day in each field, and the id of the release that it showed for that day.
        exact = {
            (side, release.dated): release
            for side in ("from", "to")
            for release in releases
            if release.release.id == request.text(f"{side}_id")
        }
        chosen = [
            exact.get((side, name)) or _find(store, source, name, releases)
            for side, name in zip(("from", "to"), names, strict=True)
        ]
    old, new = sorted(chosen, key=lambda release: release.place)
    return old, new


def _find(store: Store, source: str, name: str, releases: list[StoredRelease]) -> StoredRelease:
    """Return a release; a day before the first one names the first."""
    if is_date(name) and name < releases[0].dated:
        return releases[0]
    return store.history.find_release(source, name)


def _compare(context: PageContext, store: Store, source: str, old: StoredRelease, new: StoredRelease) -> Comparison:
    """Return the comparison of two releases. Of distant ones the last few are kept: filters show them again."""
    severities, history = context.settings().severity, store.history
    key = (source, old.digest, new.digest, history.read_settings(source), tuple(sorted(severities.items())))
    comparison = _COMPARISONS.find(key)
    if comparison is None:
        comparison = compare_releases(history, severities, source, old.release.id, new.release.id)
        # What is stored about two neighbours can change: an entry moves to a group that is checked later.
        is_stored = (before := history.find_predecessor(new)) is not None and before.row == old.row
        if not is_stored and len(comparison.changes.changes) <= _MOST_KEPT:
            _COMPARISONS.keep(key, comparison)
    return comparison


class _Filter(Struct, frozen=True, kw_only=True):
    """What a query selects, read once for all changes."""

    kinds: tuple[str, ...]
    severity: Severity | None
    events: tuple[str, ...]
    text: str
    ports: tuple[Interval, ...]
    quiet: bool

    def selects_event(self, event: Event) -> bool:
        ids = (event.id, *event.also)
        return (
            (not self.kinds or event.kind in self.kinds)
            and (self.severity is None or event.severity.rank >= self.severity.rank)
            and (not self.events or any(fnmatchcase(name, glob) for name in ids for glob in self.events))
            and (not self.text or self.text in event.summary.casefold())
            and (not self.ports or any(_overlaps(port, self.ports) for port in event.ports))
        )

    def selects_change(self, change: Change) -> bool:
        if change.quiet and not self.quiet:
            return False
        sides = [side for side in (change.before, change.after) if side is not None]
        return (
            (not self.kinds or change.kind in self.kinds)
            and (
                not self.text or any(self.text in value.casefold() for side in sides for value in side.fields.values())
            )
            and (not self.ports or any(_overlaps(side.key.part("port"), self.ports) for side in sides))
        )

    def filter_changes(self, comparison: Comparison, events: Sequence[Event]) -> Iterator[Change]:
        """Yield the changes that are selected; a filter of events selects the changes of those `events`."""
        is_by_event = bool(self.events or self.severity)
        wanted = {number for event in events for number in event.changes}
        for number, change in enumerate(comparison.changes.changes):
            if self.selects_change(change) and (not is_by_event or number in wanted):
                yield change


def _read_filter(request: PageRequest) -> _Filter:
    return _Filter(
        kinds=one_of(request, "kind", Kind),
        severity=next(map(Severity, one_of(request, "severity", Severity)), None),
        events=read_globs(request, "event"),
        text=request.text("text").casefold(),
        ports=read_ports(request, "port"),
        quiet=bool(request.text("quiet")),
    )


def _overlaps(text: str, wanted: Sequence[Interval]) -> bool:
    ports = find_ports(text)
    return ports is not None and any(ports[0] <= high and low <= ports[1] for low, high in wanted)


def _show(changes: list[Change], comparison: Comparison) -> Iterator[ShownChange]:
    for change in changes:
        release = comparison.new if change.after is not None else comparison.old
        yield show_change(change, release.id)
