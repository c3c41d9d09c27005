"""Recover what a process that died left in the archive and not in the history."""

from __future__ import annotations

from watcher.core.errors import StoreError
from watcher.core.operations import HoldState
from watcher.core.times import to_text
from watcher.monitor.failures import describe_error, is_fault_of_release
from watcher.monitor.holds import end_hold
from watcher.monitor.recorder import ReleaseRecorder
from watcher.monitor.result import CheckResult, Outcome
from watcher.monitor.source_parts import SourceParts
from watcher.store.completeness import describe_lost_source
from watcher.store.snapshot_file import SnapshotInfo


class Recovery:
    """Recovers the releases of one source. For one thread."""

    def __init__(self, parts: SourceParts, recorder: ReleaseRecorder) -> None:
        self._parts = parts
        self._source = parts.source
        self._store = parts.store
        self._history = parts.history
        self._archive = parts.archive
        self._holds = parts.holds
        self._timeline = parts.timeline
        self._recorder = recorder
        self.is_complete = False  # whether the history has every release of the archive

    def recover(self, *, rebuilding: bool = False) -> dict[str, CheckResult]:
        """Record what the archive has and the history lacks; return the results by SHA-256.

        They differ if a process died between the two writes, or if the database was restored from an older copy. While
        `rebuilding`, snapshots that were refused are tried again: this version may be able to read and judge them.
        Releases that checks saw cause alerts now, in the order in which they were seen.

        A history without a release and an archive with one snapshot are those of a source whose first check was killed;
        with imported snapshots alone, its first import was. With several, some of them from checks, it is lost,
        and nothing says which releases were alerted: raises StoreError, unless it is `rebuilding` anyway.
        """
        is_complete, self.is_complete = self.is_complete, False  # until the caller succeeds
        if is_complete and not rebuilding:
            return {}
        if self._history.find_latest(self._source) is None:
            infos = self._archive.list_snapshots(self._source)
            accepted = [info for info in infos if info.accepted and not info.refused]
            if rebuilding or not accepted:
                return {}
            if len(accepted) > 1 and any(info.live for info in accepted):
                raise StoreError(describe_lost_source(self._source, len(accepted)))
        recorded, returns = self._parts.writer.list_snapshots(), self._parts.writer.list_returns()
        snapshots = sorted(self._archive.list_snapshots(self._source), key=lambda snapshot: snapshot.number)
        unrecorded = [
            (snapshot.sequence, snapshot, "")
            for snapshot in snapshots
            if snapshot.accepted and (rebuilding or snapshot.refused is None) and snapshot.sha256 not in recorded
        ]
        unrecorded += [
            (snapshot.return_sequences.get(at), snapshot, at)
            for snapshot in snapshots
            for at in sorted(set(snapshot.returned) - returns)
        ]
        results: dict[str, CheckResult] = {}
        for _, snapshot, at in sorted(unrecorded, key=lambda step: -1 if step[0] is None else step[0]):
            if at:
                self._recover_return(snapshot, at)
            elif result := self._recover(snapshot):
                results[snapshot.sha256] = result
        return results

    def _recover_return(self, snapshot: SnapshotInfo, at: str) -> None:
        """Record the return of a snapshot that the history lacks; forget it if it can be no release."""
        before = self._parts.writer.read_ending()
        try:
            stored = self._history.find_by_hash(self._source, sha256=snapshot.sha256)
            hold = self._holds.get_unaccepted(stored.digest) if stored else None
            ended = end_hold(hold, HoldState.ACCEPTED, **self._find_decision(snapshot)) if hold else None
            sequence = snapshot.return_sequences.get(at)
            self._recorder.record_returned(snapshot.sha256, at, sequence=sequence, ended=ended)
        except Exception as error:
            # Another process may have changed the history under it.
            if not is_fault_of_release(error, self._store.location) or self._parts.writer.read_ending() != before:
                raise
            self._archive.forget_return(self._source, snapshot.sha256, at)

    def _recover(self, snapshot: SnapshotInfo) -> CheckResult | None:
        """Record a snapshot that the history lacks; None if it can be no release, which the archive then says."""
        before = self._parts.writer.read_ending()
        try:
            return self._record_recovered(snapshot)
        except Exception as error:
            # Another process may have changed the history under it.
            if not is_fault_of_release(error, self._store.location) or self._parts.writer.read_ending() != before:
                raise
            self._archive.record_refusal(self._source, snapshot.sha256, describe_error(error))
            return None

    def _record_recovered(self, snapshot: SnapshotInfo) -> CheckResult:
        content = self._parts.reader.read_snapshot(snapshot.sha256)
        if stored := self._history.find_by_hash(self._source, digest=content.digest):
            with self._store.transaction():
                self._timeline.record_copy(stored, snapshot, live=False)
            self._archive.record_refusal(self._source, snapshot.sha256, None)
            return CheckResult(outcome=Outcome.COSMETIC, sha256=snapshot.sha256, release=stored)
        candidate = self._parts.read_candidate(snapshot)
        hold = self._holds.get_unaccepted(content.digest)
        if hold is not None and candidate.live:
            return self._recorder.record_held(content, candidate, hold, **self._find_decision(snapshot))
        return self._recorder.record(
            candidate.to_release(content), [candidate], ended=self._parts.end_by_import(content, candidate)
        )

    def _find_decision(self, snapshot: SnapshotInfo) -> dict[str, str]:
        """Return what ended the hold of a snapshot (`by`), and the present time (`at`).

        A receipt that an earlier version wrote does not say it; nearly all holds are confirmed by checks.
        """
        return {"by": snapshot.accepted_by or "confirmed", "at": to_text(self._parts.clock.now())}
