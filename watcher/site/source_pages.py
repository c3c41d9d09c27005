"""The files of one source: pages, feed, JSON and lists, in units that are made again when their stamp changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from msgspec import Struct

from watcher.render.document import comparison_document, release_document
from watcher.render.exports.base import ExportOptions
from watcher.reports.events import ObservedEvent, find_events
from watcher.reports.export import render_export
from watcher.site.addresses import SiteMap, name_part
from watcher.site.delta_files import NOTIFICATION, SIGNED, make_delta_files
from watcher.site.feeds import FEED_EVENTS, make_feeds
from watcher.site.folder import Files, SiteFolder
from watcher.site.places import SourcePlaces, read_place
from watcher.site.renovate import write_datasource
from watcher.site.signatures import Signer
from watcher.site.stamps import SourceStamps
from watcher.site.static_page import join_address, make_json, make_page
from watcher.store.event_query import EventQuery
from watcher.store.history_reader import HistoryReader
from watcher.store.history_rows import StoredRelease
from watcher.web.page import Page, PageContext, PageRequest
from watcher.web.pages import compare, entry, port_map, release, releases, timeline

Links = Sequence[tuple[str, str]]  # names and files
_EXPORTS = {"json": "latest.json", "csv": "latest.csv"}


class SourcePages(Struct, frozen=True, kw_only=True):
    """What is needed to make the files of one source. `address` is the URL of the site, "" if it is not known."""

    context: PageContext
    history: HistoryReader
    source: str
    stamps: SourceStamps
    site_map: SiteMap
    places: SourcePlaces
    address: str
    signer: Signer | None

    @property
    def folder(self) -> str:
        return name_part(self.source)

    def write(self, site: SiteFolder, stamp: str) -> None:
        """Write all units of the source; `stamp` is that of the whole source."""
        site.write(f"{self.source}/deltas", stamp, lambda: self._make_deltas(site))
        site.write(f"{self.source}/entries", stamp, self._make_entries)
        ends = [None, *self.stamps.releases]
        for before, stored in zip(ends, self.stamps.releases, strict=False):
            name = f"{self.source}/release/{stored.release.id}"
            made = self.stamps.by_release[stored.release.id]
            site.write(name, made, partial(self._make_release, before, stored))
        site.write(f"{self.source}/source", stamp, self._make_source)

    def _make_deltas(self, site: SiteFolder) -> Files:
        folder = f"{self.folder}/deltas"
        published = site.read(f"{folder}/{NOTIFICATION}")
        made = make_delta_files(self.history, self.source, self.stamps.releases, published)
        for name, data in made.files.items():
            yield f"{folder}/{name}", data
        data = made.notification.write()
        if self.signer is not None:
            yield f"{folder}/{SIGNED}", self.signer.sign(data)
        yield f"{folder}/{NOTIFICATION}", data

    def _make_entries(self) -> Files:
        for place, path in self.places.entries.items():
            (_, _, *what), query = read_place(place)
            yield path, self._make_page(entry.render, path, [self.source, *what], query)

    def _make_release(self, before: StoredRelease | None, stored: StoredRelease) -> Files:
        name = stored.release.id
        path = f"{self.folder}/release/{name}"
        files = [("The changes as JSON", f"{path}.json")] if before else []
        yield f"{path}.html", self._make_page(release.render, f"{path}.html", [self.source, name], {}, files)
        if before is None:
            return
        comparison = self.history.events.read_comparison(self.source, stored, before)
        yield f"{path}.json", make_json(comparison_document(comparison))
        names = {"from": before.release.id, "to": name, "quiet": "1"}
        for start, file in self.places.find_changes(self.source, before, stored):
            yield file, self._make_page(compare.render, file, [self.source], {**names, "start": str(start)}, files)

    def _make_source(self) -> Files:
        folder, source = self.folder, self.source
        releases_of = self.stamps.releases
        for name, file in _EXPORTS.items():
            rendered = render_export(self.history, source, name, ["latest"], ExportOptions())
            yield f"{folder}/{file}", rendered.files[""].encode("utf-8", "replace")
        yield f"{folder}/releases.json", make_json(self._list_releases())
        yield f"{folder}/renovate.json", write_datasource(releases_of, self._find_url)
        first = f"{folder}/index.html"
        yield from make_feeds(source, first, self._find_events(), folder, self.site_map.find, self.address)
        for place, path in self.places.all.items():
            (_, *page), query = read_place(place)
            if page in (["map"], ["releases"]):
                render = port_map.render if page == ["map"] else releases.render
                yield path, self._make_page(render, path, [source], query)
        files = [
            ("Newest release: JSON", f"{folder}/latest.json"),
            ("CSV", f"{folder}/latest.csv"),
            ("Releases as JSON", f"{folder}/releases.json"),
            ("Deltas", f"{folder}/deltas/{NOTIFICATION}"),
            ("For Renovate", f"{folder}/renovate.json"),
        ]
        yield first, self._make_page(timeline.render, first, [source], {}, files)

    def _make_page(
        self, render: Page, path: str, parts: Sequence[str], query: Mapping[str, str], files: Links = ()
    ) -> bytes:
        request = PageRequest(parts=parts, query={name: [value] for name, value in query.items()})
        return make_page(render(self.context, request).body, path, self.site_map.find, files)

    def _find_events(self) -> Sequence[ObservedEvent]:
        with self.context.open_store() as store:
            query = EventQuery(sources=(self.source,), limit=FEED_EVENTS)
            return find_events(store.history, self.context.observation(store), query).events

    def _list_releases(self) -> Mapping[str, object]:
        rows = [{**release_document(stored.release), **stored.counts} for stored in reversed(self.stamps.releases)]
        return {"source": self.source, "number": len(rows), "releases": rows}

    def _find_url(self, stored: StoredRelease) -> str:
        path = f"{self.folder}/release/{stored.release.id}.html"
        return join_address(self.address, path) if self.address else ""
