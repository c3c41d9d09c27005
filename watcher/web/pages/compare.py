"""Compare any two releases of a source: events first, then the exact fields with the differing words marked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase

from watcher.core.errors import UsageError
from watcher.core.model import Change, Comparison, Event, Kind, Severity, count_changes
from watcher.core.port_ranges import find_ports
from watcher.core.times import is_date
from watcher.reports.diff import compare_releases
from watcher.store.history_rows import StoredRelease
from watcher.store.store import Store
from watcher.web.changes import ShownChange, show_change
from watcher.web.filters import one_of, read_number
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
    events = [event for event in comparison.events if _is_wanted_event(event, request)]
    changes = list(_filter_changes(comparison, events, request))
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
        chosen = [_find(store, source, name, releases) for name in names]
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


def _is_wanted_event(event: Event, request: PageRequest) -> bool:
    kinds, severities = one_of(request, "kind", Kind), one_of(request, "severity", Severity)
    name, text, ports = request.text("event"), request.text("text").casefold(), find_ports(request.text("port"))
    return (
        (not kinds or event.kind in kinds)
        and (not severities or event.severity.rank >= Severity(severities[0]).rank)
        and (not name or any(fnmatchcase(known, name) for known in (event.id, *event.also)))
        and (not text or text in event.summary.casefold())
        and (ports is None or any(_overlaps(port, ports) for port in event.ports))
    )


def _filter_changes(comparison: Comparison, events: Sequence[Event], request: PageRequest) -> Iterator[Change]:
    """Yield the changes that the filters select; a filter of events selects the changes of those events."""
    is_by_event = bool(request.text("event") or one_of(request, "severity", Severity))
    wanted = {number for event in events for number in event.changes}
    for number, change in enumerate(comparison.changes.changes):
        if _is_wanted_change(change, request) and (not is_by_event or number in wanted):
            yield change


def _is_wanted_change(change: Change, request: PageRequest) -> bool:
    kinds, text, ports = (
        one_of(request, "kind", Kind),
        request.text("text").casefold(),
        find_ports(request.text("port")),
    )
    if change.quiet and not request.text("quiet"):
        return False
    sides = [side for side in (change.before, change.after) if side is not None]
    return (
        (not kinds or change.kind in kinds)
        and (not text or any(text in value.casefold() for side in sides for value in side.fields.values()))
        and (ports is None or any(_overlaps(side.key.part("port"), ports) for side in sides))
    )


def _overlaps(text: str, wanted: tuple[int, int]) -> bool:
    ports = find_ports(text)
    return ports is not None and ports[0] <= wanted[1] and wanted[0] <= ports[1]


def _show(changes: list[Change], comparison: Comparison) -> Iterator[ShownChange]:
    for change in changes:
        release = comparison.new if change.after is not None else comparison.old
        yield show_change(change, release.id)
