"""What the daemon and the commands do with a source: check it, accept or reject what it held."""

from __future__ import annotations

from watcher.config.settings import AnySource, CollectionSettings, SourceSettings
from watcher.core.operations import Hold
from watcher.fetch.base import Fetcher
from watcher.monitor.check import check_source
from watcher.monitor.parts import Parts
from watcher.monitor.result import CheckResult


class Monitor(Parts):
    """Checks the configured sources, for one thread. `sweep` checks the groups of a collection with it.

    What a check causes is in the outbox afterwards; `deliver` sends it.
    """

    def check(self, source: SourceSettings) -> CheckResult:
        """Check a source once, and raise or clear its alarm."""
        result = self.check_without_alarm(source)
        self.alarms.after_check(source, self.clock.now())
        return result

    def check_without_alarm(self, source: SourceSettings) -> CheckResult:
        """Check a source once."""
        return self._check(source, source.url, self.source_fetcher(source))

    def check_index(self, collection: CollectionSettings) -> CheckResult | None:
        """Check the index of a collection once; None if its groups are listed in the configuration.

        If it fails, the groups of the newest index are still checked, unless rsync fetches them with it.
        """
        index = self.index_fetcher(collection)
        if index is None:
            return None
        result = self._check(collection, *index)
        self.alarms.after_check(collection, self.clock.now())
        return result

    def accept(self, source: AnySource, what: str) -> CheckResult:
        """Accept a held release, named by an id or a SHA-256 prefix; subscribers are alerted as of any other."""
        return self.ingest(source).accept(what)

    def reject(self, source: AnySource, what: str) -> Hold:
        """Reject a held release, named by an id or a SHA-256 prefix: no check accepts it any more."""
        return self.ingest(source).reject(what)

    def _check(self, source: AnySource, url: str, fetcher: Fetcher) -> CheckResult:
        max_bytes = self.settings.fetch.max_bytes
        return check_source(url, fetcher, self.ingest(source), self.store, self.clock, max_bytes=max_bytes)

    def verify(self) -> None:
        """Read the history through, and the newest snapshot of each source. Raises StoreError with steps to restore.

        `watcher verify` reads the other snapshots; here they are read when a release is compared with them.
        """
        self.store.check()
        for source in self.settings.source:
            newest = self.store.history.find_latest(source.name)
            if newest is not None:
                self.archive.read_snapshot(source.name, newest.release.sha256)
