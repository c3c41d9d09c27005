"""Carry out what an operator decides: accept or reject a held release, or take one out of the history."""

from __future__ import annotations

from msgspec.structs import replace

from watcher.core.errors import StoreError, UsageError
from watcher.core.operations import Hold, HoldState, Reason
from watcher.core.times import to_text
from watcher.monitor.changed_settings import ChangedSettings
from watcher.monitor.failures import OUT_OF_MEMORY
from watcher.monitor.holds import end_hold
from watcher.monitor.recorder import ReleaseRecorder
from watcher.monitor.recovery import Recovery
from watcher.monitor.result import CheckResult, Outcome
from watcher.monitor.source_parts import SourceParts
from watcher.monitor.timeline import start_over_when_overtaken


class Decisions:
    """Carries out the decisions about one source. For one thread."""

    def __init__(
        self, parts: SourceParts, recorder: ReleaseRecorder, recovery: Recovery, changed_settings: ChangedSettings
    ) -> None:
        self._parts = parts
        self._recorder = recorder
        self._recovery = recovery
        self._changed_settings = changed_settings

    def accept(self, release: str) -> CheckResult:
        """Accept a held or rejected release, named by an id or a SHA-256 prefix. Subscribers are alerted.

        Raises UsageError if there is no such release, or if it is the newest already; StoreError if there is not enough
        memory to compare and record it.
        """
        self._changed_settings.apply()
        hold = self._parts.holds.find(release)
        # Checks and imports of other processes may record releases meanwhile: place and render this one again then.
        try:
            return start_over_when_overtaken(lambda: self._accept(hold), self._parts.writer.read_ending)
        except MemoryError:
            pass  # raised below, when the frames of this exception, which hold the release, are freed
        raise StoreError(f"{self._parts.source}: {hold.id} is not accepted: {OUT_OF_MEMORY}")

    def _accept(self, hold: Hold) -> CheckResult:
        at = to_text(self._parts.clock.now())
        stored = self._parts.history.find_by_hash(self._parts.source, digest=hold.digest)
        latest = self._parts.history.find_latest(self._parts.source)
        if stored is not None and latest is not None:
            if self._parts.holds.get_unaccepted(hold.digest) is None:  # by a check that found its bytes in the archive
                if stored.digest in (latest.digest, latest.returns):
                    return CheckResult(outcome=Outcome.CHANGED, release=latest)
                return CheckResult(outcome=Outcome.INSERTED, release=stored)
            if stored.digest in (latest.digest, latest.returns):
                raise UsageError(f"{self._parts.source}: {hold.id} is the newest release")
            return self._recorder.record_stale(hold, stored, by="operator", at=at)
        snapshots = self._parts.archive.list_snapshots(self._parts.source)
        first_served = next(snapshot for snapshot in snapshots if snapshot.sha256 == hold.sha256)
        content = self._parts.reader.read_snapshot(hold.sha256)
        candidate = replace(self._parts.read_candidate(first_served), observed=hold.first_seen, live=True)
        return self._recorder.record_held(content, candidate, hold, by="operator", at=at)

    def reject(self, release: str) -> Hold:
        """Reject a held release, named by an id or a SHA-256 prefix. Raises UsageError if there is no such release."""
        return self._parts.holds.reject(self._parts.holds.find(release), to_text(self._parts.clock.now()))

    def withdraw_refused(self, release: str) -> str | None:
        """Keep rebuilds from trying a refused snapshot again; return its id, None if there is no such snapshot."""
        for snapshot in self._parts.archive.list_snapshots(self._parts.source):
            if snapshot.accepted and snapshot.refused and snapshot.sha256.startswith(release.lower()):
                self._parts.archive.withdraw(self._parts.source, snapshot.sha256)
                return snapshot.sha256[:12]
        return None

    def withdraw(self, release: str) -> str:
        """Take a release out of the history and return its id; it is named by an id or a SHA-256 prefix.

        It is kept in the archive and held as rejected, so that a check that is served it again does not accept it.
        Raises UsageError if there is no such release.
        """
        stored = self._parts.history.find_release(self._parts.source, release)
        if stored.returns:  # the snapshots are those of the release that came back
            stored = self._parts.history.read_release(self._parts.source, stored.returns)
        at = to_text(self._parts.clock.now())
        hold = Hold(
            source=self._parts.source,
            digest=stored.digest,
            sha256=stored.release.sha256,
            published=stored.release.published,
            entries=stored.release.entries,
            reasons=(Reason(code="withdrawn", sentence="the operator took it out of the history"),),
            first_seen=at,
            last_seen=at,
        )
        snapshots = self._parts.history.list_snapshots(self._parts.source, stored)
        for sha256 in snapshots:
            self._parts.archive.withdraw(self._parts.source, sha256)
        rejected = end_hold(hold, HoldState.REJECTED, by="operator", at=at)
        self._parts.holds.save_end(rejected, self._parts.holds.render_end(rejected))
        if self._changed_settings.apply() is None:
            self._recovery.recover(rebuilding=True)
            self._parts.timeline.rebuild()
        return stored.release.id
