"""Ingest one release: the bytes into the archive, what they say into the history, alerts into the outbox.

The archive is written first, so that the bytes are safe. Then the release is placed among the others, compared with
its neighbours and classified; its alerts are rendered; and release, alerts and holds are committed together or not at
all. Ingesting the same bytes again changes nothing. If a process died between archive and history, the next ingest
recovers what it left.

A check can be served a release that is not plausible (`plausibility`). It is held: kept in the archive and reported to
the operators, until another check confirms it or the operator decides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

from watcher.alerts import notices
from watcher.alerts.routing import AlertRouter
from watcher.core.clock import Clock, SystemClock
from watcher.core.errors import ReadSettingsError, StoreError, UnreadableSnapshotError, UsageError
from watcher.core.model import Comparison, Content, Severity
from watcher.core.operations import Delivery, Hold, HoldState, Reason
from watcher.core.read_settings import ReadSettings
from watcher.core.times import to_text
from watcher.monitor import plausibility
from watcher.monitor.candidate import Candidate
from watcher.monitor.failures import describe_error, is_fault_of_release
from watcher.monitor.holds import Holds, end_hold
from watcher.monitor.moves import MoveLinker
from watcher.monitor.plausibility import Bounds, Newest
from watcher.monitor.rebuild import LeaveOut, Progress
from watcher.monitor.release_reader import ReleaseReader
from watcher.monitor.result import CheckResult, Outcome, Rebuilt, Rederivation
from watcher.monitor.second_format import SecondFormatCheck
from watcher.monitor.timeline import OvertakenError, Timeline
from watcher.monitor.unsent_alerts import postpone, render_again
from watcher.registries.base import describe_key
from watcher.registries.catalog import configured_registry
from watcher.store.history_rows import StoredRelease
from watcher.store.new_release import NewRelease
from watcher.store.snapshot_archive import SnapshotArchive
from watcher.store.snapshot_file import SnapshotInfo
from watcher.store.store import Store


class ReleaseIngest:
    """Puts the releases of one source into archive and history. For one thread."""

    def __init__(
        self,
        source: str,
        *,
        settings: ReadSettings,
        store: Store,
        archive: SnapshotArchive,
        alerts: AlertRouter | None = None,
        clock: Clock | None = None,
        second_format: SecondFormatCheck | None = None,
        severities: Mapping[str, Severity] | None = None,
        bounds: Bounds | None = None,
        document: str = "",
        collection: str = "",
        patience: timedelta = timedelta(),
    ) -> None:
        """Without `alerts` nobody is notified.

        `collection` is the name of the collection that the source is a group of. Alerts about entries that may have
        moved to or from another group wait for so much `patience`, unless the sweep ends before.

        `document` is the id that the published document must have if the registry's rules do not say; a document
        without an id, as one that only says where the registry moved, is accepted.
        """
        self.source = source
        self.settings = settings
        self.registry = configured_registry(settings)
        self.format = settings.format
        self._store = store
        self._history = store.history
        self._archive = archive
        self._alerts = alerts
        self._clock = clock or SystemClock()
        self._second_format = second_format
        self._bounds = bounds or Bounds()
        self._holds = Holds(source, store, self._bounds, alerts)
        self._patience = patience
        self._writer = store.writer(source, self.registry, is_group=bool(collection))
        self._linker = MoveLinker(collection, store, severities or {})
        self._reader = ReleaseReader(
            source,
            registry=self.registry,
            format=settings.format,
            document=document,
            archive=archive,
            severities=severities or {},
        )
        self._timeline = Timeline(
            source,
            settings=settings,
            writer=self._writer,
            store=store,
            archive=archive,
            reader=self._reader,
            linker=self._linker,
        )
        self._is_recovered = False  # whether the history has every release of the archive

    @property
    def history_path(self) -> Path:
        return self._store.path

    def ingest(self, candidate: Candidate) -> CheckResult:
        """Ingest one release and return the result. Raises ParseError if the bytes are no release of the source.

        A live release newer than all others causes alerts, and is held if it is not plausible. Raises ReadSettingsError
        as `apply_settings` does.
        """
        rederivation = self.apply_settings()
        try:
            result = self._ingest(candidate)
        except OvertakenError:
            # The other process may have recorded this very release: start over, and place and render it again.
            result = self._ingest(candidate)
        self._is_recovered = True
        return replace(result, rederivation=rederivation) if rederivation else result

    def apply_settings(self, progress: Progress | None = None) -> Rederivation | None:
        """Derive the history again if the settings that it was read with have changed; None if they have not.

        It is replaced in one transaction, with a notice to the operators and without alerts. Raises ReadSettingsError
        if a stored release cannot be read with the present settings; the history is then as it was.
        """
        text = self._history.read_settings(self.source)
        if text == self.settings.to_text():
            return None
        latest = self._history.find_latest(self.source)
        if latest is None:
            return None
        if not text and self._is_read_alike(latest):
            with self._store.transaction():
                self._writer.record_settings(self.settings.to_text())
            return None
        changes = self.settings.changes_from(ReadSettings.from_text(text) if text else None)
        try:
            return self._rederive(changes, progress)
        except OvertakenError:
            return self._rederive(changes, progress)
        except UnreadableSnapshotError as error:
            raise self._refuse_settings(changes, error) from error

    def _rederive(self, changes: tuple[str, ...], progress: Progress | None) -> Rederivation:
        at = to_text(self._clock.now())

        def announce(releases: int) -> None:
            summary = Rederivation(releases=releases, changes=changes).summary
            notice = notices.describe_changed_settings(self.source, summary, changes, releases, at)
            deliveries = self._alerts.for_notice(notice) if self._alerts else []
            self._store.outbox.add_deliveries(deliveries, now=at)

        return Rederivation(releases=self._timeline.rederive(announce, at, progress), changes=changes)

    def _is_read_alike(self, latest: StoredRelease) -> bool:
        """Return whether the newest release is read as the history has it: an older version recorded no settings."""
        if self._history.read_registry_id(self.source) != self.registry.id:
            return False
        try:
            items = self._reader.read_independently(latest).items
        except UnreadableSnapshotError:
            return False
        except StoreError:  # the snapshot is missing or damaged: there is nothing to derive the history from
            return True
        stored = self._history.read_content(self.source, latest).items
        return len(stored) == len(items) and all(stored.get(key) == item for key, item in items.items())

    def _refuse_settings(self, changes: tuple[str, ...], error: UnreadableSnapshotError) -> ReadSettingsError:
        stored = self._history.find_by_hash(self.source, sha256=error.sha256)
        release = f"the release of {stored.dated} ({stored.release.id})" if stored else f"snapshot {error.sha256[:12]}"
        what = "; ".join(changes) or "its rules"
        return ReadSettingsError(
            self.source,
            f"changed settings cannot be applied ({what}): {release} cannot be read with them: "
            f"{error.error}; change them back, correct them, or give the source another name for a new history",
        )

    def _ingest(self, candidate: Candidate) -> CheckResult:
        recovered = self._recover_unrecorded_snapshots()
        if candidate.sha256 in recovered:
            return recovered[candidate.sha256]
        if stored := self._history.find_by_hash(self.source, sha256=candidate.sha256):
            return self._ingest_known(candidate.dated_by_name(stored.release.published), stored, Outcome.UNCHANGED)
        content = self._reader.read(candidate.data)
        candidate = candidate.dated_by_name(content.published)
        if stored := self._history.find_by_hash(self.source, digest=content.digest):
            return self._ingest_known(candidate, stored, Outcome.COSMETIC)
        if not candidate.live:
            return self._accept(
                candidate.to_release(content), [candidate], ended=self._end_by_import(content, candidate)
            )
        reasons, remark = self._reasons_to_hold(content, candidate)
        if reasons or self._holds.get(content.digest):
            return self._hold_or_confirm(content, candidate, reasons, remark)
        return replace(self._accept(candidate.to_release(content), [candidate]), message=remark)

    def _accept(
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
        newest = self._history.find_latest(self.source)
        if copies:  # a check that died may have stored the first copy before
            observed = self._archive.find_first_observation(self.source, copies[0].sha256, copies[0].observed)
            new = replace(new, observed=observed)
        placement = self._timeline.place(new)
        comparison = placement.comparison and replace(placement.comparison, marks=marks or {})
        # 2. Render the alerts before the write lock is taken, because that takes long.
        alerts = []
        alerts_now = new.live and placement.is_newest
        if self._alerts and comparison and alerts_now:
            alerts = self._render(comparison, self._alerts)
        reports = self._holds.render_end(ended) if ended else []
        # 3. Make the bytes safe. From here on they count as a release, so all that can fail because of what they say
        # comes before.
        snapshots = [self._store_bytes(copy, near=newest) for copy in copies]
        # 4. Write all or nothing.
        at = new.observed or to_text(self._clock.now())
        with self._refusing(copies), self._store.transaction():
            release, relinked = self._timeline.record(placement, snapshots)
            if comparison and relinked and (before := self._history.find_predecessor(release)):
                # Its events are other ones: entries moved from or to other groups. This is rare, so rendering again
                # may take the lock.
                linked = self._history.events.read_comparison(self.source, release, before)
                comparison = replace(linked, marks=comparison.marks)
                if self._alerts:
                    alerts = self._render(comparison, self._alerts) if alerts_now else []
                    render_again(self._store, self._alerts, relinked - {release.row})
            self._store.outbox.add_deliveries(alerts, now=at)
            if ended:
                self._holds.save_end(ended, reports)
            if placement.is_newest:
                self._holds.close_superseded(at)
        outcome = (
            Outcome.BASELINE if placement.is_first else Outcome.CHANGED if placement.is_newest else Outcome.INSERTED
        )
        key = describe_key(self._history.read_key_columns(self.source)) if placement.is_first else ""
        return CheckResult(outcome=outcome, sha256=new.sha256, release=release, comparison=comparison, key=key)

    def _render(self, comparison: Comparison, router: AlertRouter) -> list[Delivery]:
        """Return the alerts of a release; they wait if a group that is checked later may have the rest of the story."""
        alerts = router.for_release(comparison)
        if self._patience and any(map(self.registry.leftover_names, comparison.changes.changes)):
            return postpone(alerts, self._clock.now() + self._patience)
        return alerts

    @contextmanager
    def _refusing(self, copies: Iterable[Candidate]) -> Iterator[None]:
        """Mark snapshots in the archive as no release if the block raises an error that is the fault of the release."""
        try:
            yield
        except Exception as error:
            if is_fault_of_release(error, self._store.path):
                for copy in copies:
                    self._archive.record_refusal(self.source, copy.sha256, describe_error(error))
            raise

    def _accept_returned(self, sha256: str, at: str, *, live: bool = True, ended: Hold | None = None) -> CheckResult:
        """Record an old release that came back at a UTC time as one more release, of that time."""
        original = self._reader.read_snapshot(sha256)
        content = plausibility.as_returned(original, at)
        new = NewRelease(content=content, sha256=sha256, observed=at, live=live, dated="", returns=original.digest)
        return self._accept(new, [], ended=ended)

    def _accept_held(self, content: Content, candidate: Candidate, hold: Hold, *, by: str, at: str) -> CheckResult:
        """Record a release that was held, with every copy that checks were served."""
        copies = []
        for sha256 in dict.fromkeys((hold.sha256, candidate.sha256, *self._store.holds.list_snapshots(hold))):
            data = candidate.data if sha256 == candidate.sha256 else self._archive.read_snapshot(self.source, sha256)
            observed = hold.first_seen if sha256 == hold.sha256 else hold.last_seen
            copies.append(replace(candidate, data=data, sha256=sha256, observed=observed, live=True))
        # With confirm_after = 1 a hold is confirmed before it is recorded; then there is no hold to end.
        ended = end_hold(hold, HoldState.ACCEPTED, by=by, at=at) if self._holds.get(hold.digest) else None
        return self._accept(
            copies[0].to_release(content), copies, ended=ended, marks=plausibility.large_change_marks(hold)
        )

    def _reasons_to_hold(self, content: Content, candidate: Candidate) -> tuple[tuple[Reason, ...], str | None]:
        """Return the reasons to hold a release that is new, and a remark for the record of checks."""
        latest = self._history.find_latest(self.source)
        newest = Newest(content=self._reader.read_release(latest), dated=latest.dated) if latest else None
        today = date.fromisoformat(candidate.seen[:10])
        reasons = plausibility.reasons_to_hold(content, newest, self._bounds, today=today)
        if self._second_format is None:
            return reasons, None
        second = self._second_format.compare(candidate.data)
        return (*reasons, *second.reasons), second.remark

    def _hold_or_confirm(
        self, content: Content, candidate: Candidate, reasons: tuple[Reason, ...], remark: str | None
    ) -> CheckResult:
        hold = self._holds.count_serving(
            content.digest,
            candidate.sha256,
            candidate.seen,
            reasons,
            published=content.published,
            entries=content.entries,
        )
        if plausibility.is_confirmed(hold, self._bounds):
            by = "confirmed" if reasons else "undoubted"
            return replace(self._accept_held(content, candidate, hold, by=by, at=candidate.seen), message=remark)
        self._store_bytes(candidate, near=self._history.find_latest(self.source), accepted=False)
        return self._hold(hold, candidate, Outcome.HELD)

    def _hold(
        self, hold: Hold, candidate: Candidate, outcome: Outcome, release: StoredRelease | None = None
    ) -> CheckResult:
        self._holds.record(hold, candidate.sha256)
        return CheckResult(
            outcome=outcome,
            sha256=candidate.sha256,
            release=release,
            reason="rejected" if hold.state is HoldState.REJECTED else hold.reasons[0].code,
            message="; ".join(reason.sentence for reason in hold.reasons),
            hold=hold,
        )

    def _ingest_known(self, candidate: Candidate, stored: StoredRelease, outcome: Outcome) -> CheckResult:
        """Ingest another copy of a release that the history has."""
        latest = self._history.find_latest(self.source) or stored
        is_newest = stored.digest in (latest.digest, latest.returns)
        live = candidate.live and stored == latest
        snapshot = self._store_bytes(replace(candidate, live=live), near=stored)
        returned_at = (
            None if candidate.live else self._timeline.record_dated_copy(stored, candidate.sha256, candidate.observed)
        )
        with self._store.transaction():
            is_earlier = self._timeline.record_copy(stored, snapshot, live=live)
            if candidate.live and is_newest:
                self._holds.record_newest_served(candidate.seen)
            if is_earlier:
                self._timeline.restore_order()
        if returned_at:
            return self._accept_returned(candidate.sha256, returned_at, live=False)
        if candidate.live and not is_newest:
            return self._hold_stale(candidate, stored, latest)
        return CheckResult(outcome=outcome, sha256=candidate.sha256, release=latest if is_newest else stored)

    def _hold_stale(self, candidate: Candidate, stored: StoredRelease, latest: StoredRelease) -> CheckResult:
        """Hold an old release: the server lags behind, unless it serves it for several checks in a row."""
        published = stored.release.published
        hold = self._holds.count_serving(
            stored.digest,
            candidate.sha256,
            candidate.seen,
            (plausibility.stale_reason(published, latest.release.published),),
            published=published,
            entries=stored.release.entries,
        )
        if plausibility.is_confirmed(hold, self._bounds):
            return self._accept_stale(hold, stored, by="confirmed", at=candidate.seen)
        return self._hold(hold, candidate, Outcome.STALE, stored)

    def _accept_stale(self, hold: Hold, stored: StoredRelease, *, by: str, at: str) -> CheckResult:
        self._archive.record_return(self.source, stored.release.sha256, hold.first_seen)
        ended = end_hold(hold, HoldState.ACCEPTED, by=by, at=at)
        return self._accept_returned(stored.release.sha256, hold.first_seen, ended=ended)

    def _recover_unrecorded_snapshots(self) -> dict[str, CheckResult]:
        """Record what the archive has and the history lacks; return the results by SHA-256.

        They differ if a process died between the two writes, or if the database was restored from an older copy.
        Releases that checks saw cause alerts now. A source without a release in the history is left alone, because
        nothing says which of its snapshots subscribers were alerted of.
        """
        is_recovered, self._is_recovered = self._is_recovered, False  # until this ingest succeeds
        if is_recovered or self._history.find_latest(self.source) is None:
            return {}
        recorded, returns = self._writer.list_snapshots(), self._writer.list_returns()
        snapshots = sorted(self._archive.list_snapshots(self.source), key=lambda snapshot: snapshot.number)
        results = {
            snapshot.sha256: self._recover(snapshot)
            for snapshot in snapshots
            if snapshot.accepted and snapshot.refused is None and snapshot.sha256 not in recorded
        }
        for snapshot in snapshots:
            for at in sorted(set(snapshot.returned) - returns):
                try:
                    self._accept_returned(snapshot.sha256, at)
                except Exception as error:
                    if not is_fault_of_release(error, self._store.path):
                        raise
                    self._archive.forget_return(self.source, snapshot.sha256, at)
        return {sha256: result for sha256, result in results.items() if result is not None}

    def _recover(self, snapshot: SnapshotInfo) -> CheckResult | None:
        """Record a snapshot that the history lacks; None if it can be no release, which the archive then says."""
        try:
            return self._record_recovered(snapshot)
        except Exception as error:
            if not is_fault_of_release(error, self._store.path):
                raise
            self._archive.record_refusal(self.source, snapshot.sha256, describe_error(error))
            return None

    def _record_recovered(self, snapshot: SnapshotInfo) -> CheckResult:
        content = self._reader.read_snapshot(snapshot.sha256)
        if stored := self._history.find_by_hash(self.source, digest=content.digest):
            with self._store.transaction():
                self._timeline.record_copy(stored, snapshot, live=False)
            return CheckResult(outcome=Outcome.COSMETIC, sha256=snapshot.sha256, release=stored)
        candidate = self._read_candidate(snapshot)
        hold = self._holds.get_unaccepted(content.digest)
        if hold is not None and candidate.live:
            return self._accept_held(content, candidate, hold, by="confirmed", at=hold.last_seen)
        return self._accept(candidate.to_release(content), [candidate], ended=self._end_by_import(content, candidate))

    def accept(self, release: str) -> CheckResult:
        """Accept a held or rejected release, named by an id or a SHA-256 prefix. Subscribers are alerted.

        Raises UsageError if there is no such release, or if it is the newest already.
        """
        self.apply_settings()
        hold = self._holds.find(release)
        at = to_text(self._clock.now())
        stored = self._history.find_by_hash(self.source, digest=hold.digest)
        latest = self._history.find_latest(self.source)
        if stored is not None and latest is not None:
            if stored.digest in (latest.digest, latest.returns):
                raise UsageError(f"{self.source}: {hold.id} is the newest release")
            return self._accept_stale(hold, stored, by="operator", at=at)
        snapshots = self._archive.list_snapshots(self.source)
        first_served = next(snapshot for snapshot in snapshots if snapshot.sha256 == hold.sha256)
        content = self._reader.read_snapshot(hold.sha256)
        candidate = replace(self._read_candidate(first_served), observed=hold.first_seen, live=True)
        return self._accept_held(content, candidate, hold, by="operator", at=at)

    def reject(self, release: str) -> Hold:
        """Reject a held release, named by an id or a SHA-256 prefix. Raises UsageError if there is no such release."""
        return self._holds.reject(self._holds.find(release), to_text(self._clock.now()))

    def withdraw_refused(self, release: str) -> str | None:
        """Take a snapshot that could be no release out of what a rebuild tries; return its id, None without one."""
        for snapshot in self._archive.list_snapshots(self.source):
            if snapshot.accepted and snapshot.refused and snapshot.sha256.startswith(release.lower()):
                self._archive.withdraw(self.source, snapshot.sha256)
                return snapshot.sha256[:12]
        return None

    def withdraw(self, release: str) -> str:
        """Take a release out of the history and return its id; it is named by an id or a SHA-256 prefix.

        It is kept in the archive and held as rejected, so that a check that is served it again does not accept it.
        Raises UsageError if there is no such release.
        """
        stored = self._history.find_release(self.source, release)
        if stored.returns:  # the snapshots are those of the release that came back
            stored = self._history.read_release(self.source, stored.returns)
        at = to_text(self._clock.now())
        hold = Hold(
            source=self.source,
            digest=stored.digest,
            sha256=stored.release.sha256,
            published=stored.release.published,
            entries=stored.release.entries,
            reasons=(Reason(code="withdrawn", sentence="the operator took it out of the history"),),
            first_seen=at,
            last_seen=at,
        )
        snapshots = self._history.list_snapshots(self.source, stored)
        for sha256 in snapshots:
            self._archive.withdraw(self.source, sha256)
        rejected = end_hold(hold, HoldState.REJECTED, by="operator", at=at)
        self._holds.save_end(rejected, self._holds.render_end(rejected))
        if self.apply_settings() is None:
            self._recover_unrecorded_snapshots()
            self._timeline.rebuild()
        return stored.release.id

    def record_not_modified(self) -> CheckResult:
        """Record that the server still has the newest release."""
        self._holds.record_newest_served(to_text(self._clock.now()))
        return CheckResult(outcome=Outcome.UNCHANGED)

    def rebuild(self, progress: Progress | None = None) -> Rebuilt:
        """Derive the source's history from the archive, all or nothing; return what became of it.

        A snapshot that cannot be read or judged is marked in the archive and left out.
        """
        return self._rebuild(self._timeline.rebuild, progress)

    def rebuild_events(self, progress: Progress | None = None) -> Rebuilt:
        """Judge the source's history again by the present rules, all or nothing; return what became of it."""
        return self._rebuild(self._timeline.rebuild_events, progress)

    def _rebuild(
        self, rebuild: Callable[[Progress | None, LeaveOut | None], int], progress: Progress | None
    ) -> Rebuilt:
        left_out: dict[str, str] = {}

        def leave_out(snapshot: SnapshotInfo, error: Exception) -> None:
            left_out[snapshot.sha256] = describe_error(error)

        self.apply_settings(progress)
        self._recover_unrecorded_snapshots()
        releases = rebuild(progress, leave_out)
        for snapshot in [*self._archive.list_snapshots(self.source)]:
            if snapshot.accepted:
                self._archive.record_refusal(self.source, snapshot.sha256, left_out.get(snapshot.sha256))
        return Rebuilt(releases=releases, left_out=left_out)

    def read_independently(self, release: StoredRelease) -> Content:
        """Return what the snapshot of a release says, without reusing anything of another release."""
        return self._reader.read_independently(release)

    def _store_bytes(self, candidate: Candidate, near: StoredRelease | None, *, accepted: bool = True) -> SnapshotInfo:
        return self._archive.store_snapshot(
            candidate.data,
            source=self.source,
            observed=candidate.observed,
            origin=candidate.origin,
            registry=self.registry.id,
            format=self.format,
            near=near.release.sha256 if near else None,
            live=candidate.live,
            accepted=accepted,
            named=candidate.named,
            sha256=candidate.sha256,
        )

    def _read_candidate(self, snapshot: SnapshotInfo) -> Candidate:
        return Candidate.from_snapshot(snapshot, self._archive.read_snapshot(self.source, snapshot.sha256))

    def _end_by_import(self, content: Content, candidate: Candidate) -> Hold | None:
        """Return the hold of a content as ended by an import, None if there is no hold to end."""
        hold = self._holds.get_unaccepted(content.digest)
        at = candidate.observed or to_text(self._clock.now())
        return end_hold(hold, HoldState.ACCEPTED, by="import", at=at) if hold else None
