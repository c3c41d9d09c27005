"""Check groups of a collection one after the other, and raise their alarms together at the end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from watcher.config.settings import CollectionSettings, GroupSettings
from watcher.monitor.collection import Group
from watcher.monitor.monitor import Monitor
from watcher.monitor.result import CheckResult

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
            if self._monitor.fetcher.blocked_for(group.settings.url):
                return
            yield group.settings

    def check(self, group: GroupSettings) -> CheckResult:
        """Check a group once. Its alarm, if it deserves one, is raised at the end of the sweep."""
        result = self._monitor.check_without_alarm(group)
        self.checked.append(group)
        return result


@contextmanager
def sweep(monitor: Monitor, collection: CollectionSettings, groups: Iterable[Group]) -> Iterator[Sweep]:
    """Open a sweep over groups of a collection: one network failure that all of them have is one notice.

    Checks that find nothing are recorded in batches, the last of them when the sweep ends.
    """
    with monitor.store.checks.batch_checks(_BATCH):
        sweep = Sweep(monitor, groups)
        yield sweep
    monitor.alarms.after_sweep(collection, sweep.checked, monitor.clock.now())
