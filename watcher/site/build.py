"""Write the site: the sources that changed first, then the files about all of them.

The site depends on the history alone. Its clock is the day of the newest release, so that the same history gives the
same bytes; what operators decided or noted is not published.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from watcher import __version__
from watcher.core.clock import SystemClock
from watcher.core.times import UNDATED, to_text
from watcher.render.document import release_document
from watcher.render.ics import render_calendar
from watcher.reports.deadlines import CALENDAR, calendar_day, deadline_document, find_deadlines
from watcher.reports.events import event_document, find_events
from watcher.reports.observation import ObservationGaps
from watcher.site.addresses import OWN, STYLE, Place, SiteMap, name_part, place_of
from watcher.site.feeds import FEEDS, make_feeds
from watcher.site.folder import Files, SiteFolder
from watcher.site.places import SourcePlaces, list_places
from watcher.site.signatures import Signer
from watcher.site.source_pages import SourcePages
from watcher.site.stamps import SourceStamps, make_stamp, stamp_source
from watcher.site.static_page import make_json, make_page
from watcher.store.event_query import EventQuery
from watcher.store.store import Store
from watcher.web.html import STATIC, render_html
from watcher.web.page import PageContext

FORMAT = 1  # raised with every change of the files that the templates do not show
_MOST_EVENTS = 40
_LISTED_EVENTS = 500


class NewestDay(SystemClock):
    """A clock whose time is always the beginning of the day of the newest release."""

    def __init__(self, day: str) -> None:
        self._now = datetime.combine(date.fromisoformat(day), datetime.min.time(), UTC)

    def now(self) -> datetime:
        return self._now


class SiteContext(PageContext, frozen=True, kw_only=True):
    """What pages of a site may use: no decision or note of an operator."""

    def observation(self, store: Store) -> ObservationGaps:
        return ObservationGaps(overview=self.settings().overview, checks=store.checks, clock=self.clock)


class SiteReport(Struct, frozen=True, kw_only=True):
    """How many files were added, changed and removed, and the sources that were made again."""

    files: Mapping[str, int]
    sources: Sequence[str]


def write_site(
    context: PageContext,
    folder: Path,
    patterns: Sequence[str],
    *,
    address: str = "",
    signer: Signer | None = None,
    keep: timedelta,
    show_progress: Callable[[int, int], None] | None = None,
) -> SiteReport:
    """Write the site of some sources, or of all, into a folder; `keep`: how long files stay that are not needed.

    Raises UsageError for an unknown source, and for a folder with other files in the way.
    """
    with context.open_store() as store, SiteFolder(folder, context.clock.now(), keep) as site:
        sources = store.history.find_sources(patterns)
        stamps = {source: stamp for source in sources if (stamp := stamp_source(store.history, source)).releases}
        build = _Build(context=_freeze(context, stamps), store=store, stamps=stamps, address=address, signer=signer)
        written: list[str] = []
        for number, source in enumerate(stamps):
            if show_progress is not None:
                show_progress(number, len(stamps))
            if build.write_source(site, source):
                written.append(source)
        site.write("style", build.program, lambda: [(STYLE, (STATIC / "style.css").read_bytes())])
        site.write("overview", make_stamp(*map(build.stamp, stamps)), build.make_overview, last=True)
        return SiteReport(files=site.finish(), sources=written)


def _freeze(context: PageContext, stamps: Mapping[str, SourceStamps]) -> SiteContext:
    newest = max((stamp.releases[-1].dated for stamp in stamps.values()), default="") or UNDATED
    return SiteContext(
        settings=context.settings,
        open_monitor=context.open_monitor,
        clock=NewestDay(newest),
        started=context.started,
    )


class _Build:
    """One writing of a site: which sources it has, and what is common to their pages."""

    def __init__(
        self,
        *,
        context: SiteContext,
        store: Store,
        stamps: Mapping[str, SourceStamps],
        address: str,
        signer: Signer | None,
    ) -> None:
        self._context = context
        self._store = store
        self._stamps = stamps
        self._address = address
        self._signer = signer
        self.program = make_stamp(
            FORMAT, __version__, address, signer.key_id if signer else "", _hash_templates(), sorted(stamps)
        )
        pages: dict[Place, str] = {
            place_of([]): "index.html",
            place_of([OWN, "deadlines"]): f"{OWN}/deadlines.html",
            place_of([OWN, "deadlines.ics"]): f"{OWN}/deadlines.ics",
            **{place_of([OWN, file]): f"{OWN}/{file}" for file in FEEDS},
            **{
                place_of([OWN, file], {"source": source}): f"{name_part(source)}/{file}"
                for file in FEEDS
                for source in stamps
            },
        }
        self._places = cache(self._list_places)
        self._map = SiteMap(pages, stamps, lambda source: self._places(source).all)

    def stamp(self, source: str) -> str:
        """Return the stamp of a source, and of those that its entries moved to or from."""
        linked = [self._stamps[name].whole for name in sorted(self._stamps[source].linked) if name in self._stamps]
        return make_stamp(self.program, self._stamps[source].whole, linked)

    def write_source(self, site: SiteFolder, source: str) -> bool:
        """Write a source; return whether it had changed. An unchanged source costs no reading of its changes."""
        whole = self.stamp(source)
        if site.keep_units(f"{source}/", f"{source}/source", whole):
            return False
        stamps = self._stamps[source]
        by_release = {name: make_stamp(self.program, stamp) for name, stamp in stamps.by_release.items()}
        SourcePages(
            context=self._context,
            history=self._store.history,
            source=source,
            stamps=replace(stamps, by_release=by_release),
            site_map=self._map,
            places=self._places(source),
            address=self._address,
            signer=self._signer,
        ).write(site, whole)
        return True

    def make_overview(self) -> Files:
        """Return the files about all sources; the first page is the last of them."""
        store, context, sources = self._store, self._context, [*self._stamps]
        allocations = find_deadlines(store, sources, context.clock.now().date())
        documents = list(map(deadline_document, allocations))
        yield f"{OWN}/deadlines.json", make_json({"deadlines": documents})
        query = EventQuery(sources=tuple(sources), limit=_LISTED_EVENTS)
        events = find_events(store.history, context.observation(store), query).events
        yield f"{OWN}/events.json", make_json({"events": [event_document(event) for event in reversed(events)]})
        rows = [(name, len(made.releases), made.releases[-1]) for name, made in self._stamps.items()]
        documents = [
            {"source": name, "releases": number, "latest": release_document(latest.release)}
            for name, number, latest in rows
        ]
        yield f"{OWN}/sources.json", make_json({"sources": documents})
        yield from make_feeds("all registries", "index.html", events, OWN, self._map.find, self._address)
        days = [calendar_day(deadline) for deadline in allocations if deadline.allocation.until]
        calendar = render_calendar(days, name=CALENDAR, stamp=to_text(context.clock.now()))
        yield f"{OWN}/deadlines.ics", calendar.encode()
        page = render_html("deadlines.html", deadlines=allocations, today=context.clock.now().date().isoformat())
        files = [("JSON", f"{OWN}/deadlines.json")]
        yield f"{OWN}/deadlines.html", make_page(page.body, f"{OWN}/deadlines.html", self._map.find, files)
        overview = render_html(
            "site_overview.html",
            sources=rows,
            events=list(reversed(events))[:_MOST_EVENTS],
            deadlines=len(allocations),
        )
        files = [
            ("Feed", f"{OWN}/feed.atom"),
            ("JSON Feed", f"{OWN}/feed.json"),
            ("Sources as JSON", f"{OWN}/sources.json"),
            ("Newest events as JSON", f"{OWN}/events.json"),
        ]
        yield "index.html", make_page(overview.body, "index.html", self._map.find, files)

    def _list_places(self, source: str) -> SourcePlaces:
        return list_places(self._store.history, source, self._stamps[source].releases)


def _hash_templates() -> str:
    digest = hashlib.sha256()
    for path in sorted([*STATIC.parent.glob("templates/*.html"), STATIC / "style.css"]):
        digest.update(path.read_bytes())
    return digest.hexdigest()
