"""Import files into the history of one source, as `watcher import` does."""

from __future__ import annotations

from collections.abc import Iterable

from watcher.monitor.importer import ImportReport, find_items, import_items
from watcher.monitor.ingest import ReleaseIngest


def import_files(
    ingest: ReleaseIngest, paths: Iterable[object], *suffixes: str, archive_only: bool = False
) -> ImportReport:
    """Import files, folders and commits (`find_items`)."""
    items = find_items(map(str, paths), *suffixes)
    return import_items(((ingest, item) for item in items), archive_only=archive_only)
