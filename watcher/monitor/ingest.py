"""Ingest one release: decide whether it is new, known, or held; `recorder` then writes it.

A release that is new is placed among the others, compared with its neighbours and classified, and its alerts are
rendered. Then its bytes go into the archive, and release, alerts and holds are committed together or not at all.
Ingesting the same bytes again changes nothing. If a process died between archive and history, the next ingest recovers
what it left (`recovery`). If the settings of the source changed, its history is derived again first
(`changed_settings`).

A check can be served a release that is not plausible (`plausibility`). It is held: kept in the archive and reported to
the operators, until another check confirms it or the operator decides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date

from msgspec.structs import replace

from watcher.core.model import Content
from watcher.core.operations import Hold, HoldState, Reason
from watcher.core.times import to_text
from watcher.formats.iana_xml import published_date
from watcher.formats.xml_safety import check_well_formed
from watcher.monitor import plausibility
from watcher.monitor.candidate import Candidate
from watcher.monitor.changed_settings import ChangedSettings
from watcher.monitor.decisions import Decisions
from watcher.monitor.failures import describe_error
from watcher.monitor.plausibility import Newest
from watcher.monitor.rebuild import LeaveOut, Progress
from watcher.monitor.recorder import ReleaseRecorder
from watcher.monitor.recovery import Recovery
from watcher.monitor.result import CheckResult, Outcome, Rebuilt, Rederivation
from watcher.monitor.second_format import SecondFormatCheck
from watcher.monitor.source_parts import SourceParts
from watcher.monitor.timeline import start_over_when_overtaken
from watcher.store.history_rows import StoredRelease
from watcher.store.location import HistoryLocation
from watcher.store.snapshot_file import SnapshotInfo


class ReleaseIngest:
    """Puts the releases of one source into archive and history. For one thread."""

    def __init__(self, parts: SourceParts, second_format: SecondFormatCheck | None = None) -> None:
        self.source = parts.source
        self.settings = parts.settings
        self.registry = parts.registry
        self.format = parts.settings.format
        self._parts = parts
        self._store = parts.store
        self._history = parts.history
        self._holds = parts.holds
        self._reader = parts.reader
        self._timeline = parts.timeline
        self._second_format = second_format
        self._changed_settings = ChangedSettings(parts)
        self._recorder = ReleaseRecorder(parts)
        self._recovery = Recovery(parts, self._recorder)
        self.decisions = Decisions(parts, self._recorder, self._recovery, self._changed_settings)

    @property
    def history_location(self) -> HistoryLocation:
        return self._store.location

    @contextmanager
    def batch(self) -> Iterator[None]:
        """Record all releases of a block, of any sources of this history, or none of them.

        The snapshots get their names before the history is committed, as those of one release do.
        """
        with self._store.transaction(), self._parts.archive.batch():
            yield

    def ingest(self, candidate: Candidate) -> CheckResult:
        """Ingest one release and return the result. Raises ParseError if the bytes are no release of the source.

        A live release newer than all others causes alerts, and is held if it is not plausible. Raises ReadSettingsError
        as `apply_settings` does.
        """
        rederivation = self.apply_settings()
        # Another process may have recorded this very release: place and render it again then.
        result = start_over_when_overtaken(lambda: self._ingest(candidate), self._parts.writer.read_ending)
        self._recovery.is_complete = True
        return replace(result, rederivation=rederivation) if rederivation else result

    def archive(self, candidate: Candidate) -> CheckResult:
        """Keep an imported release in the archive alone: the next import, check or rebuild of the source records it.

        It is proven well-formed and not read further. One that is known, held or was refused before, is ingested; so is
        a document without a date, because only the history says whether it came back. Raises as `ingest` does.
        """
        archived = self._parts.archive.list_snapshots(self.source)
        stored = next((info for info in archived if info.sha256 == candidate.sha256), None)
        is_held_or_refused = stored is not None and (stored.refused or not stored.accepted)
        if is_held_or_refused or self._history.find_by_hash(self.source, sha256=candidate.sha256):
            return self.ingest(candidate)
        if self.format != "xml" or published_date(candidate.data) is None:
            return self.ingest(candidate)
        check_well_formed(candidate.data)
        self._recorder.store_bytes(candidate, near=None)
        self._recovery.is_complete = False
        outcome = Outcome.UNCHANGED if stored else Outcome.ARCHIVED
        return CheckResult(outcome=outcome, sha256=candidate.sha256)

    def fetch_second_format(self, candidate: Candidate) -> None:
        """Fetch the second format if the candidate will be compared with it, before it counts as being judged."""
        if self._second_format and not self._history.find_by_hash(self.source, sha256=candidate.sha256):
            self._second_format.fetch()

    def is_rederivation_due(self) -> bool:
        """Return whether `apply_settings` will derive the history again."""
        return bool(self._history.find_pending_settings(self.source, self.settings))

    def apply_settings(self, progress: Progress | None = None) -> Rederivation | None:
        """Derive the history again if the settings that it was read with have changed (`ChangedSettings.apply`)."""
        return self._changed_settings.apply(progress)

    def _ingest(self, candidate: Candidate) -> CheckResult:
        recovered = self._recovery.recover()
        if candidate.sha256 in recovered:
            return self._finish_recovered(candidate, recovered[candidate.sha256])
        if stored := self._history.find_by_hash(self.source, sha256=candidate.sha256):
            return self._ingest_known(candidate.dated_by_name(stored.release.published), stored, Outcome.UNCHANGED)
        content = self._reader.read(candidate.data)
        candidate = candidate.dated_by_name(content.published)
        if stored := self._history.find_by_hash(self.source, digest=content.digest):
            return self._ingest_known(candidate, stored, Outcome.COSMETIC)
        if not candidate.live:
            return self._recorder.record(
                candidate.to_release(content), [candidate], ended=self._parts.end_by_import(content, candidate)
            )
        reasons, remark = self._reasons_to_hold(content, candidate)
        if reasons or self._holds.get(content.digest):
            return self._hold_or_confirm(content, candidate, reasons, remark)
        return replace(self._recorder.record(candidate.to_release(content), [candidate]), message=remark)

    def _finish_recovered(self, candidate: Candidate, result: CheckResult) -> CheckResult:
        """Return the result of a candidate whose bytes the archive had; a check also records that it saw them."""
        was_served = any(
            info.live for info in self._parts.archive.list_snapshots(self.source) if info.sha256 == candidate.sha256
        )
        if not candidate.live or was_served or result.release is None:
            return result
        return self._ingest_known(candidate, result.release, Outcome.UNCHANGED)

    def _reasons_to_hold(self, content: Content, candidate: Candidate) -> tuple[tuple[Reason, ...], str | None]:
        """Return the reasons to hold a release that is new, and a remark for the record of checks."""
        latest = self._history.find_latest(self.source)
        newest = Newest(content=self._reader.read_release(latest), dated=latest.dated) if latest else None
        today = date.fromisoformat(candidate.seen[:10])
        reasons = plausibility.reasons_to_hold(content, newest, self._parts.bounds, today=today)
        if self._second_format is None:
            return reasons, None
        second = self._second_format.compare(candidate.data)
        return (*reasons, *second.reasons), second.remark

    def _hold_or_confirm(
        self, content: Content, candidate: Candidate, reasons: tuple[Reason, ...], remark: str | None
    ) -> CheckResult:
        earlier, hold = self._holds.count_serving(
            candidate, reasons, digest=content.digest, published=content.published, entries=content.entries
        )
        if plausibility.is_confirmed(hold, self._parts.bounds):
            by = "confirmed" if reasons else "undoubted"
            return replace(
                self._recorder.record_held(content, candidate, hold, by=by, at=candidate.seen), message=remark
            )
        self._recorder.store_bytes(candidate, near=self._history.find_latest(self.source), accepted=False)
        return self._hold(hold, earlier, candidate, Outcome.HELD)

    def _hold(
        self,
        hold: Hold,
        earlier: Hold | None,
        candidate: Candidate,
        outcome: Outcome,
        release: StoredRelease | None = None,
    ) -> CheckResult:
        self._holds.record(hold, candidate.sha256, earlier)
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
        # An imported release with a later date says nothing about the server, which never served a later one.
        newest = (latest, self._history.find_last_seen(self.source) or latest)
        served = next((release for release in newest if stored.digest in (release.digest, release.returns)), None)
        live = candidate.live and stored == latest
        if candidate.live and stored.release.observed and not self._is_clock_right(candidate, stored):
            candidate = replace(candidate, observed=max(candidate.seen, stored.release.observed))
        snapshot = self._recorder.store_bytes(replace(candidate, live=live), near=stored)
        returned_at = (
            None if candidate.live else self._timeline.record_dated_copy(stored, candidate.sha256, candidate.observed)
        )
        with self._store.transaction():
            is_earlier = self._timeline.record_copy(stored, snapshot, live=live)
            if candidate.live and served:
                self._holds.record_newest_served(candidate.seen)
            if is_earlier:
                self._timeline.restore_order()
        if returned_at:
            return self._recorder.record_returned(candidate.sha256, returned_at, sequence=None, live=False)
        if candidate.live and served is None:
            return self._hold_stale(candidate, stored, latest)
        return CheckResult(outcome=outcome, sha256=candidate.sha256, release=served or stored)

    def _is_clock_right(self, candidate: Candidate, stored: StoredRelease) -> bool:
        """Return whether the clock is right that shows an earlier time than that of the first check of this release.

        It is if that time is later than the release before was seen: then the clock was ahead at the first check.
        Otherwise it is behind now.
        """
        before = self._history.find_predecessor(stored)
        return before is not None and (before.release.observed or "9") <= candidate.seen

    def _hold_stale(self, candidate: Candidate, stored: StoredRelease, latest: StoredRelease) -> CheckResult:
        """Hold an old release: the server lags behind, unless it serves it for several checks in a row."""
        published = stored.release.published
        reasons = (plausibility.stale_reason(published, latest.release.published),)
        earlier, hold = self._holds.count_serving(
            candidate, reasons, digest=stored.digest, published=published, entries=stored.release.entries
        )
        if plausibility.is_confirmed(hold, self._parts.bounds):
            return self._recorder.record_stale(hold, stored, by="confirmed", at=candidate.seen)
        return self._hold(hold, earlier, candidate, Outcome.STALE, stored)

    def record_not_modified(self) -> CheckResult:
        """Record that the server still has the newest release."""
        self._holds.record_newest_served(to_text(self._parts.clock.now()))
        return CheckResult(outcome=Outcome.UNCHANGED)

    def rebuild(self, progress: Progress | None = None) -> Rebuilt:
        """Derive the source's history from the archive, all or nothing; return what became of it.

        A snapshot that cannot be read or judged is marked in the archive and left out. Then the releases that the
        history lacks are recorded, with alerts (`Recovery.recover`).
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

        archive, writer = self._parts.archive, self._parts.writer
        self._changed_settings.apply(progress)
        recorded = writer.list_snapshots()
        rebuild(progress, leave_out)
        for sha256, reason in left_out.items():
            archive.record_refusal(self.source, sha256, reason, was_release=sha256 in recorded)
        # Compared with releases as this version reads them, so after the others.
        recovered = start_over_when_overtaken(lambda: self._recovery.recover(rebuilding=True), writer.read_ending)
        recorded = writer.list_snapshots()
        for snapshot in [*archive.list_snapshots(self.source)]:
            if snapshot.refused and snapshot.sha256 in recorded:  # as part of a baseline
                archive.record_refusal(self.source, snapshot.sha256, None)
        return Rebuilt(
            releases=len(self._history.list_releases(self.source)),
            left_out={
                snapshot.sha256: snapshot.refused
                for snapshot in archive.list_snapshots(self.source)
                if snapshot.accepted and snapshot.refused
            },
            recovered=tuple(result for result in recovered.values() if result.outcome is not Outcome.COSMETIC),
        )

    def read_state(self) -> object:
        """Return what is another value after any process changed the history of the source."""
        return self._parts.writer.read_ending()

    def read_independently(self, release: StoredRelease) -> Content:
        """Return what the snapshot of a release says, without reusing anything of another release."""
        return self._reader.read_independently(release)
