"""Feeds of events as files: Atom and JSON Feed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from watcher.render.feeds import NAME, Feed, FeedEntry, render_atom, render_json_feed
from watcher.reports.events import ObservedEvent
from watcher.site.addresses import relative
from watcher.site.static_page import Find, join_address
from watcher.store.history_rows import StoredEvent
from watcher.web.feeds import event_entry

FEED_EVENTS = 50
FEEDS = {"feed.atom": render_atom, "feed.json": render_json_feed}


def make_feeds(
    name: str, page: str, events: Sequence[ObservedEvent], folder: str, find: Find, address: str
) -> Iterator[tuple[str, bytes]]:
    """Yield the feeds of the newest events in a folder; with the address of the site their links are absolute.

    `page` is the file of the page about the same events.
    """

    def name_file(path: str) -> str:
        return join_address(address, path) if address else relative(f"{folder}/", path)

    def make_entry(event: StoredEvent) -> FeedEntry:
        entry = event_entry(event, "")
        return replace(entry, url=name_file(find(entry.url) or page))

    entries = [make_entry(observed.stored) for observed in reversed(events[-FEED_EVENTS:])]
    for file, render in FEEDS.items():
        path = f"{folder}/{file}"
        feed = Feed(title=f"{NAME}: {name}", page=name_file(page), address=name_file(path), entries=entries)
        yield path, render(feed)
