"""Takes the releases of one source into archive and history, wherever they come from.

The bytes are safe in the archive before anything else is written; then the release, its versions, changes, events and
the deliveries they cause are committed together or not at all. Taking the same bytes again changes nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from enum import StrEnum

from watcher.alerts.routing import AlertRouter
from watcher.core import runtime
from watcher.core.errors import ParseError, UsageError
from watcher.core.model import Comparison, Content, Severity
from watcher.core.operations import Delivery, Hold, HoldState
from watcher.core.tables import Layout
from watcher.core.times import to_text
from watcher.monitor import plausibility
from watcher.monitor.holds import Holds
from watcher.monitor.plausibility import Bounds, Newest
from watcher.monitor.second_format import SecondFormatResult
from watcher.monitor.timeline import Filed, OvertakenError, Timeline
from watcher.registries.base import Labels
from watcher.registries.catalog import REGISTRIES, with_key
from watcher.store.history_rows import StoredRelease
from watcher.store.new_release import NewRelease
from watcher.store.snapshot_archive import SnapshotArchive
from watcher.store.snapshot_file import SnapshotInfo
from watcher.store.store import Store

Compose = Callable[[Comparison], Iterable[Delivery]]
# What speaks against the bytes of a release beside its own content: another format of it disagrees.
SecondOpinion = Callable[[bytes], SecondFormatResult]


class Outcome(StrEnum):
    """What came of some bytes, or of a check."""

    BASELINE = "baseline"  # the first release of a source: there is nothing to compare it with, nobody is alerted
    CHANGED = "changed"  # a release newer than all there were
    INSERTED = "inserted"  # a release older than the newest, put where it belongs
    UNCHANGED = "unchanged"  # the newest release, byte for byte or by the server's word
    COSMETIC = "cosmetic"  # other bytes, the same release: a snapshot is kept
    STALE = "stale"  # a release that newer ones followed: a server that lags, not a change
    HELD = "held"  # a release that is not believed yet; the history knows nothing of it
    FAILED = "failed"  # a check that could not be done; nothing was changed


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """What came of the bytes of one release. `comparison`: against the release before it, where there is one.

    `hold` is there for a release that is held, or was served by a server that lags.
    """

    outcome: Outcome
    sha256: str = ""
    release: StoredRelease | None = None
    comparison: Comparison | None = None
    reason: str | None = None
    message: str | None = None
    hold: Hold | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Served:
    """The bytes of one release, and where and when they were seen."""

    data: bytes
    sha256: str
    origin: str
    observed: str | None
    live: bool
    named: str | None = None


class ReleaseIngest:
    """Takes the releases of one source into archive and history. For one thread."""

    def __init__(
        self,
        source: str,
        *,
        registry: str,
        format: str,  # noqa: A002 - the config's word
        store: Store,
        archive: SnapshotArchive,
        severities: Mapping[str, Severity] | None = None,
        bounds: Bounds | None = None,
        alerts: AlertRouter | None = None,
        document: str = "",
        key: Labels = (),
        layout: Layout = Layout(),  # noqa: B008 - frozen
    ) -> None:
        """`key` and `layout` are those of a plain table (docs/formats.md).

        `document` is the id that the published document must have, where the registry's rules do not say. A document
        without one, which says where the registry moved, is taken too. `alerts` makes the deliveries for what is taken
        up and the notices of holds.
        """
        self.source = source
        self.registry = with_key(REGISTRIES[registry], key, layout)
        self._filing = Timeline(
            source,
            registry=self.registry,
            format=format,
            store=store,
            archive=archive,
            severities=severities or {},
        )
        self._document = document
        self.format = format
        self._store = store
        self._archive = archive
        self._bounds = bounds or Bounds()
        self._owed = alerts.for_release if alerts else None
        self._whole = False  # whether the history is known to have what the archive has
        self._holding = Holds(source, store, self._bounds, alerts)
        self._history = store.writer(source, self.registry)
        self._queries = store.history

    def take(
        self,
        data: bytes,
        *,
        origin: str,
        observed: str | None = None,
        named: str | None = None,
        live: bool = False,
        compose: Compose | None = None,
        also: Callable[[], None] = lambda: None,
        second: SecondOpinion = lambda _: SecondFormatResult(),
    ) -> CheckResult:
        """Take one release.

        `observed` is the UTC time at which it was seen; `named` what stands for it where the document bears no date
        (a CSV): the day its file is called after. `live` says that we saw it ourselves: then it has to be plausible,
        or it is held. `compose` makes the deliveries for a release newer than all there were; `also` is
        committed in the same transaction; `second` is asked about a release that is new. Raises ParseError where the
        bytes are no release of this source: nothing is kept of them then.
        """
        sha256 = hashlib.sha256(data).hexdigest()
        served = _Served(data=data, sha256=sha256, origin=origin, observed=observed, live=live, named=named)
        with runtime.pause_garbage_collector():
            try:
                return self._take_whole(served, compose, also, second)
            except OvertakenError:
                return self._take_whole(served, compose, also, second)

    def _take_whole(
        self, served: _Served, compose: Compose | None, also: Callable[[], None], second: SecondOpinion
    ) -> CheckResult:
        """Take up what is left, unless we did and nothing went wrong since, then this release."""
        whole, self._whole = self._whole, False
        left = {} if whole else self.take_up()
        taken = left.get(served.sha256) or self._take(served, compose, also, second)
        self._whole = True
        return taken

    def _take(
        self, served: _Served, compose: Compose | None, also: Callable[[], None], second: SecondOpinion
    ) -> CheckResult:
        data, sha256, live = served.data, served.sha256, served.live
        known = self._queries.find_by_hash(self.source, sha256=sha256)
        content = None
        if known is not None:
            published = known.release.published
        else:
            content = self._filing.read(data)
            if self._document and content.document not in ("", self._document):
                raise ParseError("wrong_registry", f"this is {content.document!r}, not {self._document!r}")
            published = content.published
            known = self._queries.find_by_hash(self.source, digest=content.digest)
        if published is None:
            served = replace(served, observed=served.observed or served.named)
        observed = served.observed
        latest = self._queries.find_latest(self.source)
        if known is not None and latest is not None:
            return self._known(served, known, latest, cosmetic=content is not None, compose=compose, also=also)
        assert content is not None  # noqa: S101 - it was read because the bytes were not known
        self._filing.remember(content)
        if not (live and observed):
            observed = self._keep(served, latest).observed
            digest = content.digest

            def settle() -> None:
                self._holding.imported(digest, observed or to_text(datetime.now(UTC)))
                also()

            new = NewRelease(content=content, sha256=sha256, observed=observed, live=live, dated="")
            return self._insert(new, len(data), compose, settle)
        newest = Newest(content=self._filing.content(latest), dated=latest.dated) if latest else None
        opinion = second(data)
        doubts = plausibility.doubts(content, newest, self._bounds, today=date.fromisoformat(observed[:10]))
        reasons = (*doubts, *opinion.reasons)
        hold = self._holding.served(
            content.digest, sha256, observed, reasons, published=content.published, entries=content.entries
        )
        if plausibility.believed(hold, self._bounds):
            by = "confirmed" if reasons else "undoubted"
            taken = self._believe(hold, served, content, latest, by, observed, compose, also)
            return replace(taken, message=opinion.remark)
        self._keep(served, latest, believed=False)
        return self._hold(hold, sha256, Outcome.HELD)

    def take_up(self) -> dict[str, CheckResult]:
        """Take what is in the archive and not in the history, and return what came of it by SHA-256.

        A process died between the two, or the database is an older one: of what we saw ourselves nobody was told. A
        source without any release has nothing to take up: whether its archive is new to anybody is not known.
        """
        if self._queries.find_latest(self.source) is None:
            return {}
        known, returned = self._history.list_snapshots(), self._history.list_returns()
        receipts = sorted(self._archive.list_snapshots(self.source), key=lambda each: each.number)
        found = {}
        for receipt in receipts:
            if receipt.believed and receipt.sha256 not in known:
                found[receipt.sha256] = self._take_up(receipt)
        for receipt in receipts:
            for at in sorted(set(receipt.returned) - returned):
                self._return(receipt.sha256, at, self._owed, lambda: None)
        return found

    def _take_up(self, receipt: SnapshotInfo) -> CheckResult:
        data = self._archive.read_snapshot(self.source, receipt.sha256)
        content = self._filing.read_kept(receipt.sha256)
        served = _Served(
            data=data, sha256=receipt.sha256, origin=receipt.origin, observed=receipt.observed, live=receipt.live
        )
        compose = self._owed if receipt.live else None
        known, latest = (
            self._queries.find_by_hash(self.source, digest=content.digest),
            self._queries.find_latest(self.source),
        )
        if known is not None:
            with self._store.transaction():
                self._seen(known, receipt, live=False)
            return CheckResult(outcome=Outcome.COSMETIC, sha256=receipt.sha256, release=known)
        self._filing.remember(content)
        hold = self._holding.of(content.digest)
        if hold is not None and receipt.live:
            return self._believe(hold, served, content, latest, "confirmed", hold.last_seen, compose)
        new = NewRelease(content=content, sha256=receipt.sha256, observed=receipt.observed, live=receipt.live, dated="")
        at = receipt.observed or to_text(datetime.now(UTC))
        return self._insert(new, receipt.size, compose, lambda: self._holding.imported(content.digest, at))

    def accept(self, what: str, *, now: datetime, compose: Compose | None = None) -> CheckResult:
        """Take a held or rejected release by hand: an id or a SHA-256 prefix names it.

        Raises UsageError where there is none, or it is the newest already.
        """
        hold = self._holding.find(what)
        at = to_text(now)
        known = self._queries.find_by_hash(self.source, digest=hold.digest)
        latest = self._queries.find_latest(self.source)
        if known is not None and latest is not None:
            if known.digest in (latest.digest, latest.returns):
                raise UsageError(f"{self.source}: {hold.id} is the newest release")
            return self._come_back(hold, known, "operator", at, compose)
        receipt = next((each for each in self._archive.list_snapshots(self.source) if each.sha256 == hold.sha256), None)
        data = self._archive.read_snapshot(self.source, hold.sha256)
        content = self._filing.read_kept(hold.sha256)
        self._filing.remember(content)
        origin = receipt.origin if receipt else ""
        served = _Served(data=data, sha256=hold.sha256, origin=origin, observed=hold.first_seen, live=True)
        return self._believe(hold, served, content, latest, "operator", at, compose)

    def reject(self, what: str, *, now: datetime) -> Hold:
        """Never believe a held release; an id or a SHA-256 prefix names it. Raises UsageError where none does."""
        hold = self._holding.find(what)
        with self._store.transaction():
            return self._holding.reject(hold, to_text(now))

    def not_modified(self, at: str) -> CheckResult:
        """Note that the server still has the newest release."""
        if self._holding.going_on():
            with self._store.transaction():
                self._holding.newest_served(at)
        return CheckResult(outcome=Outcome.UNCHANGED)

    def _hold(self, hold: Hold, sha256: str, outcome: Outcome, release: StoredRelease | None = None) -> CheckResult:
        with self._store.transaction():
            self._holding.hold(hold, sha256)
        message = "; ".join(reason.sentence for reason in hold.reasons)
        reason = "rejected" if hold.state is HoldState.REJECTED else hold.reasons[0].code
        return CheckResult(outcome=outcome, sha256=sha256, release=release, reason=reason, message=message, hold=hold)

    def _believe(
        self,
        hold: Hold,
        served: _Served,
        content: Content,
        latest: StoredRelease | None,
        by: str,
        at: str,
        compose: Compose | None,
        also: Callable[[], None] = lambda: None,
    ) -> CheckResult:
        """Take a release that was doubted or might have been, in all the bytes it was served in."""
        others = [sha256 for sha256 in self._holding.snapshots(hold) if sha256 != served.sha256]
        copies = {served.sha256: served.data} | {
            each: self._archive.read_snapshot(self.source, each) for each in others
        }
        # What was served first speaks for the release.
        seen: dict[str, str | None] = {}
        for sha256, data in copies.items():
            at_first = hold.first_seen if sha256 == hold.sha256 else hold.last_seen
            # A check that died may have kept it earlier.
            seen[sha256] = self._keep(replace(served, data=data, sha256=sha256, observed=at_first), latest).observed

        def settle() -> None:
            row = self._queries.read_release(self.source, content.digest).row
            for sha256, data in copies.items():
                self._history.add_snapshot(row, sha256, len(data), seen[sha256])
            self._holding.accept(hold, by, at)
            also()

        new = NewRelease(content=content, sha256=hold.sha256, observed=seen[hold.sha256], live=True, dated="")
        return self._insert(new, len(copies[hold.sha256]), compose, settle, plausibility.marks(hold))

    def _come_back(
        self,
        hold: Hold,
        known: StoredRelease,
        by: str,
        at: str,
        compose: Compose | None,
        also: Callable[[], None] = lambda: None,
    ) -> CheckResult:
        """A release that newer ones followed is the newest again: it stands in the history a second time."""

        def settle() -> None:
            self._holding.accept(hold, by, at)
            also()

        self._archive.record_return(self.source, known.release.sha256, hold.first_seen)
        return self._return(known.release.sha256, hold.first_seen, compose, settle)

    def _return(
        self, sha256: str, at: str, compose: Compose | None, also: Callable[[], None], *, live: bool = True
    ) -> CheckResult:
        before = self._filing.read_kept(sha256)
        content = plausibility.came_back(before, at)
        self._filing.remember(content)
        new = NewRelease(content=content, sha256=sha256, observed=at, live=live, dated="", returns=before.digest)
        return self._insert(new, 0, compose, also)

    def _keep(
        self, served: _Served, near: StoredRelease | None, *, live: bool = True, believed: bool = True
    ) -> SnapshotInfo:
        return self._archive.store_snapshot(
            served.data,
            source=self.source,
            observed=served.observed,
            origin=served.origin,
            registry=self.registry.id,
            format=self.format,
            near=near.release.sha256 if near else None,
            live=served.live and live,
            believed=believed,
            sha256=served.sha256,
        )

    def _known(
        self,
        served: _Served,
        known: StoredRelease,
        latest: StoredRelease,
        *,
        cosmetic: bool,
        compose: Compose | None,
        also: Callable[[], None],
    ) -> CheckResult:
        """The same release, in the same bytes or others."""
        observed = served.observed
        current = known.digest in (latest.digest, latest.returns)
        receipt = self._keep(served, known, live=known == latest)
        came_back = None if served.live else self._filing.again(known, served.sha256, observed)
        with self._store.transaction():
            earlier = self._seen(known, receipt, live=served.live and known == latest)
            if observed and served.live and current:
                self._holding.newest_served(observed)
            also()
            if earlier:
                self._filing.put_in_order()
        if came_back:
            return self._return(served.sha256, came_back, None, lambda: None, live=False)
        if served.live and observed and not current:
            return self._stale(served, known, latest, observed, compose)
        outcome = Outcome.COSMETIC if cosmetic else Outcome.UNCHANGED
        return CheckResult(outcome=outcome, sha256=served.sha256, release=latest if current else known)

    def _seen(self, known: StoredRelease, receipt: SnapshotInfo, *, live: bool) -> bool:
        """Note that a release was served; return whether that says something new of when it came."""
        self._history.add_snapshot(known.row, receipt.sha256, receipt.size, receipt.observed)
        return receipt.observed is not None and self._history.record_observation(known.row, receipt.observed, live=live)

    def _stale(
        self, served: _Served, known: StoredRelease, latest: StoredRelease, observed: str, compose: Compose | None
    ) -> CheckResult:
        """A release that newer ones followed: a server that lags, unless it goes on for long."""
        published, entries = known.release.published, known.release.entries
        reasons = (plausibility.stale(published, latest.release.published),)
        hold = self._holding.served(
            known.digest, served.sha256, observed, reasons, published=published, entries=entries
        )
        if plausibility.believed(hold, self._bounds):
            return self._come_back(hold, known, "confirmed", observed, compose)
        return self._hold(hold, served.sha256, Outcome.STALE, known)

    def _insert(
        self,
        new: NewRelease,
        size: int,
        compose: Compose | None,
        also: Callable[[], None],
        marks: Mapping[str, str] | None = None,
    ) -> CheckResult:
        """Put a release into the history, with what is owed and known because of it."""
        at = new.observed or to_text(datetime.now(UTC))

        def settle(filed: Filed) -> None:
            if compose and filed.newest and filed.comparison:
                self._store.outbox.add_deliveries(compose(replace(filed.comparison, marks=marks or {})), now=at)
            also()
            if filed.newest:
                self._holding.newest_came(at)

        filed = self._filing.file(new, size, settle)
        outcome = Outcome.BASELINE if filed.first else Outcome.CHANGED if filed.newest else Outcome.INSERTED
        comparison = filed.comparison and replace(filed.comparison, marks=marks or {})
        return CheckResult(outcome=outcome, sha256=new.sha256, release=filed.release, comparison=comparison)

    def rebuild(self, progress: Callable[[int, int], None] = lambda done, total: None) -> int:  # noqa: ARG005
        """Derive the source's history from the archive again and return how many releases it has; all or nothing."""
        self.take_up()
        return self._filing.rebuild(progress)

    def read_alone(self, release: StoredRelease) -> Content:
        """Read a release from its snapshot, without what is kept from the one before."""
        return self._filing.read_alone(release)
