"""The holds of one source: which releases wait for confirmation, how each hold ends, and the notices about it.

`plausibility` decides; this module records. A method that writes renders its notices before it takes the write lock.
"""

from __future__ import annotations

from msgspec.structs import replace

from watcher.alerts import notices
from watcher.alerts.routing import AlertRouter
from watcher.core.errors import UsageError
from watcher.core.operations import Delivery, Hold, HoldState, Reason
from watcher.monitor import plausibility
from watcher.monitor.candidate import Candidate
from watcher.monitor.plausibility import Bounds
from watcher.monitor.timeline import OvertakenError
from watcher.store.store import Store


class Holds:
    """Reads and writes the holds of one source. Without `alerts` nobody is notified."""

    def __init__(self, source: str, store: Store, bounds: Bounds, alerts: AlertRouter | None) -> None:
        self._source = source
        self._store = store
        self._bounds = bounds
        self._alerts = alerts

    def find(self, release: str) -> Hold:
        """Return the hold that an id or a SHA-256 prefix names. Raises UsageError for an unknown or accepted one."""
        hold = self._store.holds.find_hold(self._source, release)
        if hold.state is HoldState.ACCEPTED:
            raise UsageError(f"{self._source}: {hold.id} was accepted at {hold.decided}; it is part of the history")
        return hold

    def get(self, digest: str) -> Hold | None:
        """Return the hold of a content, in whatever state; None if it was never held."""
        return self._store.holds.read_hold(self._source, digest)

    def get_unaccepted(self, digest: str) -> Hold | None:
        """Return the hold of a content unless it was accepted."""
        hold = self.get(digest)
        return hold if hold is not None and hold.state is not HoldState.ACCEPTED else None

    def count_serving(
        self,
        candidate: Candidate,
        reasons: tuple[Reason, ...],
        *,
        digest: str,
        published: str | None,
        entries: int,
    ) -> tuple[Hold | None, Hold]:
        """Return the earlier hold of a content, and its hold now that one more check was served it. Writes nothing."""
        earlier = self.get(digest)
        current = Hold(
            source=self._source,
            digest=digest,
            sha256=candidate.sha256,
            published=published,
            entries=entries,
            reasons=reasons,
            first_seen=candidate.seen,
            last_seen=candidate.seen,
        )
        return earlier, plausibility.count_serving(earlier, current)

    def record(self, hold: Hold, sha256: str, earlier: Hold | None) -> None:
        """Write a hold with the snapshot it was served as, and notify the operators if that is due.

        Raises OvertakenError if `earlier`, which it was counted from, is no longer what the history has: another
        process counted a check, or the operator decided, and neither may be undone.
        """
        deliveries = []
        if self._alerts and plausibility.should_notify(hold, self._bounds):
            deliveries = self._alerts.for_notice(notices.describe_hold(hold))
        with self._store.transaction():
            if self.get(hold.digest) != earlier:
                raise OvertakenError(f"{self._source}: another process changed the hold meanwhile; try again")
            self._store.holds.save_hold(hold)
            self._store.holds.add_snapshot(hold, sha256)
            self._store.holds.end_runs(self._source, besides=hold.digest)
            self._store.outbox.add_deliveries(deliveries, now=hold.last_seen)

    def render_end(self, ended: Hold) -> list[Delivery]:
        """Return the rendered deliveries that report the end of a hold."""
        return self._alerts.for_notice(notices.describe_decision(ended)) if self._alerts else []

    def save_end(self, ended: Hold, reports: list[Delivery]) -> None:
        """Write the end of a hold with its deliveries."""
        with self._store.transaction():
            self._store.holds.save_hold(ended)
            self._store.outbox.add_deliveries(reports, now=ended.decided or "")

    def reject(self, hold: Hold, at: str) -> Hold:
        """End a hold: only the operator can accept this release from now on."""
        if hold.state is HoldState.REJECTED:
            return hold
        rejected = end_hold(hold, HoldState.REJECTED, by="operator", at=at)
        self.save_end(rejected, self.render_end(rejected))
        return rejected

    def record_newest_served(self, at: str) -> None:
        """Record that a check was served the newest release: no hold is confirmed by it, and no server lags now."""
        if self._store.holds.has_open_run(self._source):
            with self._store.transaction():
                self._store.holds.end_runs(self._source)
                self._store.holds.supersede_holds(self._source, at, code=plausibility.STALE)

    def close_superseded(self, at: str) -> None:
        """End every hold: a newer release than those they were compared with is in the history."""
        self._store.holds.end_runs(self._source)
        self._store.holds.supersede_holds(self._source, at)


def end_hold(hold: Hold, state: HoldState, *, by: str, at: str) -> Hold:
    """Return a hold as accepted or rejected; `by` says who or what decided (`Hold.by`), `at` is a UTC time."""
    return replace(hold, state=state, decided=at, by=by)
