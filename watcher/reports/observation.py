"""When a source was checked and when it was not: the window in which a change happened, and gaps in observation."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from msgspec import Struct

from watcher.config.overview import ConfigOverview
from watcher.core.clock import Clock
from watcher.monitor.schedule import LONGEST, longest_gap
from watcher.reports.attention import UNDECIDED, Attention, EventAttention
from watcher.store.check_log import CheckLog
from watcher.store.history_rows import StoredEvent, StoredRelease

_UNCONFIGURED_INTERVAL = timedelta(days=1)  # between two checks of a source that was removed from the configuration


class Gap(Struct, frozen=True, kw_only=True):
    """A time without a successful check of a source, in UTC. `until` is `None` while it lasts."""

    source: str
    since: str
    until: str | None

    def as_dict(self) -> dict[str, str | None]:
        return {"source": self.source, "from": self.since, "until": self.until}


class ObservationGaps(Struct, frozen=True, kw_only=True):
    """The windows and gaps of observation, read from the check log, and what operators decided about events.

    Lives as long as its store is open.
    """

    overview: ConfigOverview
    checks: CheckLog
    clock: Clock
    attention: EventAttention | None = None

    def find_window(self, before: StoredRelease | None, release: StoredRelease) -> tuple[str | None, str | None]:
        """Return the UTC times between which a release was published, by the checks; None: no check saw it."""
        first = release.release.observed
        if before is None or first is None:
            return None, first
        seen = (self.checks.find_last_seen(release.release.source, first), before.release.observed)
        return max((at for at in seen if at and at < first), default=None), first

    def find_attention(self, stored: StoredEvent) -> Attention:
        """Return what operators decided about an event."""
        return self.attention.find(stored) if self.attention else UNDECIDED

    def find_gaps(self, sources: Iterable[str]) -> tuple[Gap, ...]:
        """Return the gaps in the observation of some sources, the oldest of each source first."""
        now = self.clock.now()
        return tuple(
            Gap(source=source, since=since, until=until)
            for source in sources
            for since, until in self.checks.find_gaps(source, self._longest_interval(source), now)
        )

    def _longest_interval(self, source: str) -> timedelta:
        for watched in self.overview.sources:
            if watched.name == source:
                return longest_gap(watched.every)
            if watched.collection and source.startswith(f"{watched.name}."):
                return longest_gap(watched.every * LONGEST)
        return longest_gap(_UNCONFIGURED_INTERVAL)
