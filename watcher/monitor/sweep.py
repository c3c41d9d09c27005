"""Check groups of a collection one after the other, and raise their alarms together at the end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from watcher.config.settings import CollectionSettings, GroupSettings
from watcher.core.times import to_text
from watcher.monitor.collection import Group
from watcher.monitor.monitor import Monitor
from watcher.monitor.rebuild import Progress
from watcher.monitor.result import CheckResult

# An entry that is removed from one group may be added to a group that is checked later. So alerts about it wait for the
# end of the sweep, or for this time if the process dies before.
_ALERT_DELAY = timedelta(hours=1)
_BATCH = 64  # checks that found nothing and are recorded in one transaction


class Sweep:
    """One pass over groups of a collection. Made by `sweep`."""

    def __init__(self, monitor: Monitor, groups: Iterable[Group]) -> None:
        self._monitor = monitor
        self._groups = groups
        self.checked: list[GroupSettings] = []

    def __iter__(self) -> Iterator[GroupSettings]:
        """Yield one group after the other; stop when their server asks to wait."""
        for group in self._groups:
            if self._monitor.blocked_for(group.settings.url):
                return
            yield group.settings

    def check(self, group: GroupSettings, progress: Progress | None = None) -> CheckResult:
        """Check a group once. If its alarm is due, it is raised at the end of the sweep."""
        result = self._monitor.check_without_alarm(group, progress, alert_delay=_ALERT_DELAY)
        self.checked.append(group)
        return result


@contextmanager
def sweep(monitor: Monitor, collection: CollectionSettings, groups: Iterable[Group]) -> Iterator[Sweep]:
    """Open a sweep over groups of a collection: one network failure that all of them have is one notice.

    Checks that find nothing are recorded in batches, the last of them when the sweep ends.
    """
    try:
        with monitor.store.checks.batch_checks(_BATCH):
            sweep = Sweep(monitor, groups)
            yield sweep
    finally:
        monitor.store.outbox.end_delays(f"{collection.name}.", to_text(monitor.clock.now()))
    monitor.alarms.after_sweep(collection, sweep.checked, monitor.clock.now())
