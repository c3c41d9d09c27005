"""Compare two releases that do not follow each other: `watcher diff SOURCE OLD NEW`."""

from __future__ import annotations

from collections.abc import Mapping

from watcher.core import runtime
from watcher.core.model import Comparison, Severity
from watcher.diff.classify import explain
from watcher.registries.catalog import REGISTRIES
from watcher.store.history_reader import HistoryReader
from watcher.store.history_rows import StoredRelease


def releases(
    queries: HistoryReader,
    severities: Mapping[str, Severity],
    source: str,
    before: StoredRelease,
    after: StoredRelease,
    *,
    fingerprints: bool = True,
) -> Comparison:
    """Compare two stored releases of a source; `fingerprints` says whether the events get theirs."""
    rules = REGISTRIES[queries.read_registry_id(source)]
    with runtime.pause_garbage_collector():
        contents = queries.read_content_pair(source, before, after)
        changes, events = explain(rules, *contents, severities, fingerprints=fingerprints)
    return Comparison(source=source, old=before.release, new=after.release, changes=changes, events=events)
