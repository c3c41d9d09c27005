"""Holds of one source: what is held, how it is settled, and the notices that go with it.

What is believed is decided in `plausibility`; here it is remembered. Everything writes in the caller's transaction.
"""

from __future__ import annotations

from dataclasses import replace

from watcher.alerts import notices
from watcher.alerts.routing import AlertRouter
from watcher.core.errors import UsageError
from watcher.core.operations import Hold, HoldState, Notice, Reason
from watcher.monitor import plausibility
from watcher.monitor.plausibility import Bounds
from watcher.store.store import Store


class Holds:
    """The holds of one source. Without `alerts` nobody is notified."""

    def __init__(self, source: str, store: Store, bounds: Bounds, alerts: AlertRouter | None) -> None:
        self._source = source
        self._bounds = bounds
        self._alerts = alerts
        self._held = store.holds
        self._deliveries = store.outbox

    def find(self, what: str) -> Hold:
        """Return the hold that an id or a SHA-256 prefix names. Raises UsageError where none does or it is settled."""
        hold = self._held.find_hold(self._source, what)
        if hold.state is HoldState.ACCEPTED:
            raise UsageError(f"{self._source}: {hold.id} was accepted at {hold.decided}; it is part of the history")
        return hold

    def of(self, digest: str) -> Hold | None:
        """Return the hold of a canonical content, where it is held or was rejected."""
        hold = self._held.read_hold(self._source, digest)
        return hold if hold is not None and hold.state is not HoldState.ACCEPTED else None

    def served(
        self, digest: str, sha256: str, at: str, reasons: tuple[Reason, ...], *, published: str | None, entries: int
    ) -> Hold:
        """Return the hold of what was just served, the earlier servings counted. Writes nothing."""
        now = Hold(
            source=self._source,
            digest=digest,
            sha256=sha256,
            published=published,
            entries=entries,
            reasons=reasons,
            first_seen=at,
            last_seen=at,
        )
        return plausibility.served(self._held.read_hold(self._source, digest), now)

    def snapshots(self, hold: Hold) -> list[str]:
        """Return the SHA-256 of all bytes that a held release was served in."""
        return self._held.list_snapshots(hold)

    def hold(self, hold: Hold, sha256: str) -> None:
        """Remember a hold, with the bytes it was served in, and tell the operator where there is something to tell."""
        self._held.save_hold(hold)
        self._held.add_snapshot(hold, sha256)
        self._held.end_runs(self._source, besides=hold.digest)
        if plausibility.told(hold, self._bounds):
            self._tell(notices.held(hold))

    def accept(self, hold: Hold, by: str, at: str) -> None:
        """Settle a hold: its release is in the history now. One that never was held is none of ours."""
        if self._held.read_hold(self._source, hold.digest) is not None:
            self._decide(hold, HoldState.ACCEPTED, by, at)

    def imported(self, digest: str, at: str) -> None:
        """Settle the hold of a canonical content, where there is one: somebody imported it."""
        hold = self._held.read_hold(self._source, digest)
        if hold is not None and hold.state is not HoldState.ACCEPTED:
            self._decide(hold, HoldState.ACCEPTED, "import", at)

    def reject(self, hold: Hold, at: str) -> Hold:
        """Settle a hold: its release is never believed unless somebody accepts it by hand."""
        if hold.state is HoldState.REJECTED:
            return hold
        return self._decide(hold, HoldState.REJECTED, "operator", at)

    def going_on(self) -> bool:
        """Whether there is a hold that the next serving of anything touches."""
        return self._held.has_open_run(self._source)

    def newest_served(self, at: str) -> None:
        """The newest release was served: nothing else goes on, and no server lags any more."""
        self._held.end_runs(self._source)
        self._held.supersede_holds(self._source, at, code=plausibility.STALE)

    def newest_came(self, at: str) -> None:
        """Another release is the newest now: what was held against the one before is over."""
        self._held.end_runs(self._source)
        self._held.supersede_holds(self._source, at)

    def _decide(self, hold: Hold, state: HoldState, by: str, at: str) -> Hold:
        decided = replace(hold, state=state, decided=at, by=by)
        self._held.save_hold(decided)
        self._tell(notices.decided(decided))
        return decided

    def _tell(self, notice: Notice) -> None:
        if self._alerts:
            self._deliveries.add_deliveries(self._alerts.for_notice(notice), now=notice.at)
