"""`SourceParts`: the rules, history and archive of one source, which every step of an ingest uses."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from msgspec import Struct

from watcher.alerts.routing import AlertRouter
from watcher.core.clock import Clock, SystemClock
from watcher.core.model import Content, Severity
from watcher.core.operations import Hold, HoldState
from watcher.core.read_settings import ReadSettings
from watcher.core.times import to_text
from watcher.monitor.candidate import Candidate
from watcher.monitor.holds import Holds, end_hold
from watcher.monitor.moves import MoveLinker
from watcher.monitor.plausibility import Bounds
from watcher.monitor.release_reader import ReleaseReader
from watcher.monitor.timeline import Timeline
from watcher.registries.base import Registry
from watcher.registries.catalog import configured_registry
from watcher.store.history_reader import HistoryReader
from watcher.store.release_writer import HistoryWriter
from watcher.store.snapshot_archive import SnapshotArchive
from watcher.store.snapshot_file import SnapshotInfo
from watcher.store.store import Store


class SourceParts(Struct, frozen=True, kw_only=True):
    """One source with its rules, its history, its archive and its alerts. For one thread."""

    source: str
    settings: ReadSettings
    registry: Registry
    store: Store
    archive: SnapshotArchive
    alerts: AlertRouter | None
    clock: Clock
    bounds: Bounds
    alert_delay: timedelta
    holds: Holds
    writer: HistoryWriter
    reader: ReleaseReader
    timeline: Timeline

    @property
    def history(self) -> HistoryReader:
        return self.store.history

    def read_candidate(self, snapshot: SnapshotInfo) -> Candidate:
        """Return a snapshot of the archive as the candidate that it was."""
        return Candidate.from_snapshot(snapshot, self.archive.read_snapshot(self.source, snapshot.sha256))

    def end_by_import(self, content: Content, candidate: Candidate) -> Hold | None:
        """Return the hold of a content as ended by an import, None if there is no hold to end."""
        hold = self.holds.get_unaccepted(content.digest)
        at = candidate.observed or to_text(self.clock.now())
        return end_hold(hold, HoldState.ACCEPTED, by="import", at=at) if hold else None


def assemble_parts(
    source: str,
    *,
    settings: ReadSettings,
    store: Store,
    archive: SnapshotArchive,
    alerts: AlertRouter | None = None,
    clock: Clock | None = None,
    severities: Mapping[str, Severity] | None = None,
    bounds: Bounds | None = None,
    document: str = "",
    collection: str = "",
    alert_delay: timedelta = timedelta(),
) -> SourceParts:
    """Return the parts of one source. Without `alerts` nobody is notified.

    `collection` is the name of the collection that the source is a group of. Alerts about entries that may have moved
    to or from another group wait for `alert_delay`, unless the sweep ends before.

    `document` is the id that the published document must have if the registry's rules do not say; a document without
    an id, as one that only says where the registry moved, is accepted.
    """
    registry = configured_registry(settings)
    bounds = bounds or Bounds()
    writer = store.writer(source, registry, is_group=bool(collection))
    reader = ReleaseReader(
        source,
        registry=registry,
        format=settings.format,
        document=document,
        archive=archive,
        severities=severities or {},
    )
    timeline = Timeline(
        source,
        settings=settings,
        writer=writer,
        store=store,
        archive=archive,
        reader=reader,
        linker=MoveLinker(collection, store, severities or {}),
    )
    return SourceParts(
        source=source,
        settings=settings,
        registry=registry,
        store=store,
        archive=archive,
        alerts=alerts,
        clock=clock or SystemClock(),
        bounds=bounds,
        alert_delay=alert_delay,
        holds=Holds(source, store, bounds, alerts),
        writer=writer,
        reader=reader,
        timeline=timeline,
    )
