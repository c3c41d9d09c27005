"""Record a release: bytes into the archive, content and events into the history, alerts into the outbox."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta

from msgspec.structs import replace

from watcher.alerts.routing import AlertRouter
from watcher.core.model import Comparison, Content
from watcher.core.operations import Delivery, Hold, HoldState
from watcher.core.release_order import earliest_sequence
from watcher.core.tables import describe_key
from watcher.core.times import from_text, to_text
from watcher.diff.guesses import describe_titles
from watcher.monitor import plausibility
from watcher.monitor.candidate import Candidate
from watcher.monitor.failures import describe_error, is_fault_of_release
from watcher.monitor.holds import end_hold
from watcher.monitor.result import CheckResult, Outcome
from watcher.monitor.source_parts import SourceParts
from watcher.monitor.timeline import OvertakenError, Placement
from watcher.monitor.unsent_alerts import postpone, render_again
from watcher.store.history_rows import StoredRelease
from watcher.store.new_release import NewRelease
from watcher.store.repeated_snapshot import Observation
from watcher.store.snapshot_file import SnapshotInfo


class ReleaseRecorder:
    """Records the releases of one source. For one thread."""

    def __init__(self, parts: SourceParts) -> None:
        self._parts = parts
        self._source = parts.source
        self._store = parts.store
        self._history = parts.history
        self._archive = parts.archive
        self._holds = parts.holds
        self._timeline = parts.timeline

    def record(
        self,
        new: NewRelease,
        copies: Sequence[Candidate],
        *,
        ended: Hold | None = None,
        marks: Mapping[str, str] | None = None,
    ) -> CheckResult:
        """Record a new release with the copies it was served as; its SHA-256 is that of the first.

        `ended` is the hold that ends with this. `marks` are added to the alerts.
        """
        # 1. Find where it belongs, what changed, and what that means. Nothing is written.
        newest = self._history.find_latest(self._source)
        new = self._preview(new, copies)
        placement = self._timeline.place(new)
        comparison = placement.comparison and replace(placement.comparison, marks=marks or {})
        # 2. Render the alerts before the write lock is taken, because that takes long.
        alerts = []
        was_release = any(self._archive.was_release(self._source, copy.sha256) for copy in copies)
        is_alerted = placement.is_last_seen and not was_release
        if self._parts.alerts and comparison and is_alerted:
            alerts = self._render(comparison, self._parts.alerts)
        reports = self._holds.render_end(ended) if ended else []
        # 3. Make the bytes safe. From here on they count as a release, so all that can fail because of what they say
        # comes before.
        accepted_by = ended.by if ended else None
        snapshots = [self.store_bytes(copy, near=newest, accepted_by=accepted_by) for copy in copies]
        if copies and earliest_sequence(*(snapshot.sequence for snapshot in snapshots)) != new.sequence:
            raise OvertakenError(f"{self._source}: another process stored a release meanwhile; try again")
        # 4. Write all or nothing.
        at = new.observed or to_text(self._parts.clock.now())
        with self._refusing(copies), self._store.transaction():
            release, relinked = self._timeline.record(placement, snapshots)
            before = self._history.find_predecessor(release) if placement.reorders or relinked else None
            if before is not None:
                # Entries moved from or to other groups, which changes the events; or the release is compared only now.
                # This is rare, so it may be rendered while the lock is held.
                written = self._history.events.read_comparison(self._source, release, before)
                comparison = replace(written, marks=marks or {})
                if self._parts.alerts:
                    alerts = self._render(comparison, self._parts.alerts) if is_alerted else []
                    render_again(self._store, self._parts.alerts, relinked - {release.row})
            self._store.outbox.add_deliveries(alerts, now=at)
            if ended:
                self._holds.save_end(ended, reports)
            if placement.is_newest:
                self._holds.close_superseded(at)
        return CheckResult(
            outcome=_outcome(placement),
            sha256=new.sha256,
            release=release,
            comparison=comparison,
            key=self._describe_key(new.content) if placement.is_first else "",
            is_alerted=is_alerted and comparison is not None,
        )

    def _preview(self, new: NewRelease, copies: Sequence[Candidate]) -> NewRelease:
        """Return a release with the time and sequence that the archive will record for its copies.

        A check that died may have stored the first copy already, with an earlier time.
        """
        if not copies:
            return new
        receipts = [
            self._archive.preview_receipt(self._source, copy.sha256, observed=copy.observed, live=copy.live)
            for copy in copies
        ]
        return replace(new, observed=receipts[0][0], sequence=earliest_sequence(*(number for _, number in receipts)))

    def _describe_key(self, content: Content) -> str:
        """Return what was chosen or guessed about a plain table: its key and its titles; "" for a registry group."""
        settings = self._parts.settings
        guess = describe_titles(content, settings.format, settings.layout)
        return "; ".join(filter(None, (describe_key(self._history.read_key_columns(self._source)), guess)))

    def record_returned(
        self, sha256: str, at: str, *, sequence: int | None, live: bool = True, ended: Hold | None = None
    ) -> CheckResult:
        """Record an old release that came back at a UTC time as one more release, of that time."""
        original = self._parts.reader.read_snapshot(sha256)
        content = plausibility.as_returned(original, at)
        new = NewRelease(
            content=content,
            sha256=sha256,
            observed=at,
            live=live,
            dated="",
            returns=original.digest,
            sequence=sequence,
        )
        return self.record(new, [], ended=ended)

    def record_held(self, content: Content, candidate: Candidate, hold: Hold, *, by: str, at: str) -> CheckResult:
        """Record a release that was held, with every copy that checks were served."""
        copies = []
        for sha256 in dict.fromkeys((hold.sha256, candidate.sha256, *self._store.holds.list_snapshots(hold))):
            data = candidate.data if sha256 == candidate.sha256 else self._archive.read_snapshot(self._source, sha256)
            observed = hold.first_seen if sha256 == hold.sha256 else hold.last_seen
            copies.append(replace(candidate, data=data, sha256=sha256, observed=observed, live=True))
        # With confirm_after = 1 a hold is confirmed before it is recorded; then there is no hold to end.
        ended = end_hold(hold, HoldState.ACCEPTED, by=by, at=at) if self._holds.get(hold.digest) else None
        return self.record(
            copies[0].to_release(content), copies, ended=ended, marks=plausibility.large_change_marks(hold)
        )

    def record_stale(self, hold: Hold, stored: StoredRelease, *, by: str, at: str) -> CheckResult:
        """Record an old release that the server serves again: the hold of a stale server ends with it."""
        returned_at = self._find_unused_return(stored, hold.first_seen)
        sequence = self._archive.record_return(self._source, stored.release.sha256, returned_at, by)
        ended = end_hold(hold, HoldState.ACCEPTED, by=by, at=at)
        return self.record_returned(stored.release.sha256, returned_at, sequence=sequence, ended=ended)

    def _find_unused_return(self, stored: StoredRelease, at: str) -> str:
        """Return the first time from `at` on at which no return of the release is recorded: clocks are set back."""
        while self._history.find_by_hash(self._source, digest=plausibility.returned_digest(stored.digest, at)):
            at = to_text(from_text(at) + timedelta(seconds=1))
        return at

    def store_bytes(
        self,
        candidate: Candidate,
        near: StoredRelease | None,
        *,
        accepted: bool = True,
        accepted_by: str | None = None,
    ) -> SnapshotInfo:
        """Store the bytes of a candidate in the archive, compressed with those of the release `near` it."""
        observation = Observation(
            observed=candidate.observed,
            origin=candidate.origin,
            live=candidate.live,
            accepted=accepted,
            named=candidate.named,
            accepted_by=accepted_by,
        )
        return self._archive.store_snapshot(
            candidate.data,
            observation,
            source=self._source,
            registry=self._parts.registry.id,
            format=self._parts.settings.format,
            near=near.release.sha256 if near else None,
            sha256=candidate.sha256,
        )

    def _render(self, comparison: Comparison, router: AlertRouter) -> list[Delivery]:
        """Return the alerts of a release; they wait if an entry may have moved to a group that is checked later."""
        alerts = router.for_release(comparison)
        if self._parts.alert_delay and any(map(self._parts.registry.leftover_names, comparison.changes.changes)):
            return postpone(alerts, self._parts.clock.now() + self._parts.alert_delay)
        return alerts

    @contextmanager
    def _refusing(self, copies: Iterable[Candidate]) -> Iterator[None]:
        """Mark snapshots in the archive as no release if the block raises an error that is the fault of the release."""
        try:
            yield
        except Exception as error:
            if is_fault_of_release(error, self._store.location):
                for copy in copies:
                    self._archive.record_refusal(self._source, copy.sha256, describe_error(error))
            raise


def _outcome(placement: Placement) -> Outcome:
    if placement.is_first:
        return Outcome.BASELINE
    return Outcome.CHANGED if placement.is_newest else Outcome.INSERTED
