"""The pages of one source on a site, and their files.

Entries have a page if they changed since the first release, or if an event names them. All others say nothing that the
newest release does not say.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from urllib.parse import parse_qs, unquote, urlsplit

from msgspec import Struct

from watcher.core.model import Comparison, Event
from watcher.core.port_ranges import find_ports
from watcher.registries.lookups import lookup_of, permalink
from watcher.site.addresses import Place, name_part, place_of
from watcher.store.history_reader import HistoryReader
from watcher.store.history_rows import StoredRelease
from watcher.web.parameters import MOST_PORTS

CHANGES = 100  # of a page of web/pages/compare.py
LISTED = 500  # releases of a page of web/pages/releases.py
QUARTERS = ("", "0", "1", "2", "3")  # of the port map
_MOST_PAGES = 20  # of changes of one release; the JSON has all of them
_MOST_NAMED = 3  # ports or values of an event that are links


class SourcePlaces(Struct, frozen=True, kw_only=True):
    """The pages of a source by place, with their files; `entries` are those of entries, `all` has all of them."""

    all: Mapping[Place, str]
    entries: Mapping[Place, str]

    def find_changes(self, source: str, before: StoredRelease, release: StoredRelease) -> list[tuple[int, str]]:
        """Return the pages with the exact changes of a release: where each starts, and its file."""
        places = [
            (start, _changes_place(source, before, release, start))
            for start in range(0, CHANGES * _MOST_PAGES, CHANGES)
        ]
        return [(start, self.all[place]) for start, place in places if place in self.all]


def list_places(history: HistoryReader, source: str, releases: Sequence[StoredRelease]) -> SourcePlaces:
    """Return the pages of a source. Reads all its changes."""
    folder = name_part(source)
    has_ports = history.read_registry_id(source) == "ports"
    pages = {place_of([source]): f"{folder}/index.html"}
    for number in range(-(-len(releases) // LISTED)):
        query = {"start": str(number * LISTED)}
        pages[place_of([source, "releases"], query)] = f"{folder}/releases{_number(number)}.html"
    for zoom in QUARTERS if has_ports else ():
        pages[place_of([source, "map"], {"zoom": zoom})] = f"{folder}/map{f'-{zoom}' if zoom else ''}.html"
    for release in releases:
        name = release.release.id
        pages[place_of([source, "release", name])] = f"{folder}/release/{name}.html"
    entries: dict[Place, str] = {}
    named: set[Place] = set()
    for before, release in pairwise(releases):
        comparison = history.events.read_comparison(source, release, before)
        number = -(-len(comparison.changes.changes) // CHANGES) or 1
        for page in range(min(number, _MOST_PAGES)):
            place = _changes_place(source, before, release, page * CHANGES)
            pages[place] = f"{folder}/release/{release.release.id}-changes{_number(page)}.html"
        entries |= {place: _name_file(place) for place in _list_item_places(source, comparison)}
        named |= {place for event in comparison.events for place in _list_event_places(source, event)}
    if has_ports:
        entries = {place: path for place, path in entries.items() if not _is_wide(place)}
        named = {place for place in named if not _is_wide(place)}
    for place in sorted(named - {*entries}):
        if _is_known(history, place, has_ports=has_ports):
            entries[place] = _name_file(place)
    return SourcePlaces(all=pages | entries, entries=entries)


def _changes_place(source: str, before: StoredRelease, release: StoredRelease, start: int) -> Place:
    query = {"from": before.release.id, "to": release.release.id, "start": str(start)}
    return place_of([source, "compare"], query)


def _number(number: int) -> str:
    return f"-{number + 1}" if number else ""


def read_place(place: Place) -> tuple[tuple[str, ...], Mapping[str, str]]:
    """Return the parts of a page's path, and its parameters."""
    if "?" not in place:
        return place, {}
    end = place.index("?")
    return place[:end], dict(given.split("=", 1) for given in place[end + 1 :])


def _list_item_places(source: str, comparison: Comparison) -> Iterator[Place]:
    """Yield where the pages of a comparison look an item up (`entry_link` of web/html.py)."""
    for change in comparison.changes.changes:
        for item in filter(None, (change.before, change.after)):
            url = urlsplit(permalink("/", source, "-", lookup_of(item), registry=item.key.part("registry")))
            parts = [unquote(part, errors="replace") for part in url.path.strip("/").split("/")]
            if parts[1:2] == ["entry"]:
                yield place_of(parts, {name: values[-1] for name, values in parse_qs(url.query).items()})


def _list_event_places(source: str, event: Event) -> Iterator[Place]:
    for port in event.ports[:_MOST_NAMED]:
        yield place_of([source, "entry", port])
    if event.service:
        yield place_of([source, "entry", event.service])
    for value in event.values[:_MOST_NAMED]:
        if value:
            yield place_of([source, "entry", value], {"registry": event.registry})


def _is_wide(place: Place) -> bool:
    """Return whether a place names more ports than a page shows."""
    ports = find_ports(place[2])
    return ports is not None and ports[1] - ports[0] >= MOST_PORTS


def _is_known(history: HistoryReader, place: Place, *, has_ports: bool) -> bool:
    """Return whether a word of an event is one that entries are looked up by."""
    source, _, what, *_ = place
    ports = find_ports(what) if has_ports else None
    return bool(history.versions.find(source, ports=(ports,) if ports else (), names=() if ports else (what,)))


def _name_file(place: Place) -> str:
    """Return the file of an entry."""
    parts, query = read_place(place)
    registry = f"+{name_part(query['registry'])}" if "registry" in query else ""
    return f"{'/'.join(map(name_part, parts))}{registry}.html"
