"""Stamps: what the files of a source depend on, so that an unchanged one is not made again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from msgspec import Struct

from watcher.render.document import event_document, release_document
from watcher.store.event_query import EventQuery
from watcher.store.history_reader import HistoryReader
from watcher.store.history_rows import StoredEvent, StoredRelease


class SourceStamps(Struct, frozen=True, kw_only=True):
    """The releases of a source in order, with a stamp of each by its id, and one of all.

    `linked` are the sources that its entries moved to or from.
    """

    releases: tuple[StoredRelease, ...]
    by_release: Mapping[str, str]
    whole: str
    linked: frozenset[str]


def make_stamp(*parts: Any) -> str:
    """Return a stamp of plain data."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:24]


def stamp_source(history: HistoryReader, source: str) -> SourceStamps:
    """Return the stamps of a source: of its releases, their neighbours and their events."""
    releases = history.list_releases(source)
    events: dict[int, list[StoredEvent]] = {}
    linked = set()
    for stored in history.events.find(EventQuery(sources=(source,))):
        events.setdefault(stored.release.row, []).append(stored)
        if stored.event.other is not None:
            linked.add(stored.event.other.source)
    ends = [None, *releases, None]
    by_release = {
        release.release.id: make_stamp(
            [[other.release.id, other.dated] if other else None for other in (before, after)],
            [release.dated, release.digest, dict(release.counts), release_document(release.release)],
            [event_document(stored.event) for stored in events.get(release.row, [])],
        )
        for (before, release), (_, after) in zip(pairwise(ends[:-1]), pairwise(ends[1:]), strict=True)
        if release is not None
    }
    return SourceStamps(
        releases=tuple(releases),
        by_release=by_release,
        whole=make_stamp(source, by_release),
        linked=frozenset(linked - {source}),
    )
