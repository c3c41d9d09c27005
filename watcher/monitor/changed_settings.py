"""Derive a history again when the settings that it was read with have changed."""

from __future__ import annotations

from watcher.alerts import notices
from watcher.core.errors import ReadSettingsError, StoreError, UnreadableSnapshotError
from watcher.core.read_settings import ReadSettings
from watcher.core.times import to_text
from watcher.monitor.rebuild import Progress
from watcher.monitor.result import Rederivation
from watcher.monitor.source_parts import SourceParts
from watcher.monitor.timeline import start_over_when_overtaken
from watcher.store.history_rows import StoredRelease


class ChangedSettings:
    """Applies the present settings of one source to its history. For one thread."""

    def __init__(self, parts: SourceParts) -> None:
        self._parts = parts

    def apply(self, progress: Progress | None = None) -> Rederivation | None:
        """Derive the history again if the settings that it was read with have changed; None if they have not.

        It is replaced in one transaction, with a notice to the operators and without alerts. Raises ReadSettingsError
        if a stored release cannot be read with the present settings; the history is then as it was.
        """
        text = self._parts.history.read_settings(self._parts.source)
        if text == self._parts.settings.to_text():
            return None
        latest = self._parts.history.find_latest(self._parts.source)
        if latest is None:
            return None
        if not text and self._is_read_alike(latest):
            with self._parts.store.transaction():
                self._parts.writer.record_settings(self._parts.settings.to_text())
            return None
        changes = self._parts.settings.changes_from(ReadSettings.from_text(text) if text else None)
        try:
            return start_over_when_overtaken(lambda: self._rederive(changes, progress), self._parts.writer.read_ending)
        except UnreadableSnapshotError as error:
            raise self._refuse_settings(changes, error) from error

    def _rederive(self, changes: tuple[str, ...], progress: Progress | None) -> Rederivation:
        at = to_text(self._parts.clock.now())

        def announce(releases: int) -> None:
            summary = Rederivation(releases=releases, changes=changes).summary
            notice = notices.describe_changed_settings(self._parts.source, summary, changes, releases, at)
            deliveries = self._parts.alerts.for_notice(notice) if self._parts.alerts else []
            self._parts.store.outbox.add_deliveries(deliveries, now=at)

        return Rederivation(releases=self._parts.timeline.rederive(announce, at, progress), changes=changes)

    def _is_read_alike(self, latest: StoredRelease) -> bool:
        """Return whether the newest release is read as the history has it: an older version recorded no settings."""
        if self._parts.history.read_registry_id(self._parts.source) != self._parts.registry.id:
            return False
        try:
            items = self._parts.reader.read_independently(latest).items
        except UnreadableSnapshotError:
            return False
        except StoreError:  # the snapshot is missing or damaged: there is nothing to derive the history from
            return True
        stored = self._parts.history.read_content(self._parts.source, latest).items
        return len(stored) == len(items) and all(stored.get(key) == item for key, item in items.items())

    def _refuse_settings(self, changes: tuple[str, ...], error: UnreadableSnapshotError) -> ReadSettingsError:
        stored = self._parts.history.find_by_hash(self._parts.source, sha256=error.sha256)
        release = f"the release of {stored.dated} ({stored.release.id})" if stored else f"snapshot {error.sha256[:12]}"
        changed = "; ".join(changes) or "its rules"
        return ReadSettingsError(
            self._parts.source,
            f"changed settings cannot be applied ({changed}): {release} cannot be read with them: "
            f"{error.error}; change them back, correct them, or give the source another name for a new history",
        )
