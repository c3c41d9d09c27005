"""The monitor: builds the parts that the settings describe, and checks sources with them, for daemon and commands."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from functools import cached_property, partial
from types import TracebackType
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

from msgspec.structs import replace

from watcher.alerts.channels import enabled_channels
from watcher.alerts.channels.base import Channel
from watcher.alerts.routing import AlertRouter
from watcher.config.channel_settings import AnyChannel
from watcher.config.inventory_files import InventoryFiles
from watcher.config.load import second_format
from watcher.config.settings import AnySource, CanarySource, CollectionSettings, GroupSettings, Settings, SourceSettings
from watcher.core.clock import Clock, SystemClock
from watcher.core.errors import StoreError, UsageError
from watcher.core.lazy import load
from watcher.core.read_settings import ReadSettings
from watcher.core.suggestions import suggest
from watcher.fetch.base import Fetcher, Policy
from watcher.fetch.folder import FolderFetcher
from watcher.fetch.rate_limit import HostLimiter, HostRateLimiter
from watcher.fetch.rsync import Rsync
from watcher.formats.catalog import FORMATS
from watcher.monitor.alarms import Alarms
from watcher.monitor.canary import CanaryFetcher
from watcher.monitor.check import check_source, record_result
from watcher.monitor.collection import Collection
from watcher.monitor.failures import failed_result
from watcher.monitor.index_ingest import BOUNDS as INDEX_BOUNDS
from watcher.monitor.index_ingest import IndexIngest
from watcher.monitor.ingest import ReleaseIngest
from watcher.monitor.judging_limit import JudgingLimit
from watcher.monitor.plausibility import Bounds
from watcher.monitor.rebuild import Progress
from watcher.monitor.result import CheckResult
from watcher.monitor.second_format import SecondFormatCheck
from watcher.monitor.source_parts import assemble_parts
from watcher.registries.catalog import REGISTRIES
from watcher.store.completeness import ADVICE, require_history
from watcher.store.location import to_store_error
from watcher.store.snapshot_archive import SnapshotArchive
from watcher.store.store import Store

if TYPE_CHECKING:
    from watcher.fetch import http
else:
    http = load("http")


class Monitor:
    """Checks the configured sources, for one thread. What a check causes is in the outbox; `deliver` sends it.

    Its parts are built when they are first used and closed together; a `store` that is given stays open.
    `rate_limiter` and `judging_limit` are shared by all threads of a process that fetch or judge. With `create` False
    the history must exist; with True it is created, unless the archive shows that there was one and it is not
    `rebuilding` it (StoreError).
    """

    def __init__(
        self,
        settings: Settings,
        *,
        create: bool = True,
        rebuilding: bool = False,
        clock: Clock | None = None,
        rate_limiter: HostLimiter | None = None,
        judging_limit: JudgingLimit | None = None,
        inventories: InventoryFiles | None = None,
        store: Store | None = None,
    ) -> None:
        self.settings = settings
        self.clock = clock or SystemClock()
        self._create = create
        self._rebuilding = rebuilding
        self._rate_limiter = rate_limiter or create_rate_limiter(settings)
        # The daemon shares one: the last good list stays in force from one check to the next.
        self.inventories = inventories or InventoryFiles(settings.inventory, settings.folder, settings.port_sources)
        self._judging_limit = judging_limit or JudgingLimit()
        self._given_store = store

    def for_thread(self) -> Monitor:
        """Return a monitor for another thread, with a connection of its own to the same history."""
        return Monitor(
            self.settings,
            create=False,
            clock=self.clock,
            rate_limiter=self._rate_limiter,
            judging_limit=self._judging_limit,
            inventories=self.inventories,
        )

    def check(self, source: SourceSettings, progress: Progress | None = None) -> CheckResult:
        """Check a source once, and raise or clear its alarm. Every exception is a failed check."""
        return self._update_alarm(source, self.check_without_alarm(source, progress))

    def check_without_alarm(
        self, source: SourceSettings, progress: Progress | None = None, *, alert_delay: timedelta = timedelta()
    ) -> CheckResult:
        """Check a source once. `sweep` raises the alarms of a collection's groups together.

        Alerts about entries that may have moved to another group wait for `alert_delay`.
        """
        try:
            return self._check(source, source.url, self._source_fetcher(source), progress, alert_delay)
        except Exception as error:  # noqa: BLE001 - the failure of one source must not stop the others
            return self.record_failure(source, error)

    def fail(self, source: AnySource, error: Exception) -> CheckResult:
        """Record a check that cannot be made because of an error, and raise its alarm."""
        return self._update_alarm(source, self.record_failure(source, error))

    def record_failure(self, source: AnySource, error: Exception) -> CheckResult:
        """Return an exception as the result of a failed check, recorded if the history can be written."""
        result = failed_result(error, self.settings.store.location)
        with suppress(Exception):
            settings = _read_settings(source)
            record_result(source.name, "", settings.registry, result, self.store, started=self.clock.now())
        return result

    def _update_alarm(self, source: AnySource, result: CheckResult) -> CheckResult:
        """Raise or clear the alarm of a source after a check; if that fails, the check has failed."""
        try:
            self.alarms.after_check(source, self.clock.now())
        except Exception as error:  # noqa: BLE001 - as above
            result = self.record_failure(source, error)
            with suppress(Exception):
                self.alarms.after_check(source, self.clock.now())
        return result

    def check_index(self, collection: CollectionSettings) -> CheckResult | None:
        """Check the index of a collection once; None if its groups are listed in the configuration.

        If it fails, the groups of the newest index are still checked, unless rsync fetches them with it.
        """
        try:
            index = self._index_fetcher(collection)
            if index is None:
                return None
            result = self._check(collection, *index)
        except Exception as error:  # noqa: BLE001 - as above
            result = self.record_failure(collection, error)
        return self._update_alarm(collection, result)

    def _check(
        self,
        source: AnySource,
        url: str,
        fetcher: Fetcher,
        progress: Progress | None = None,
        alert_delay: timedelta = timedelta(),
    ) -> CheckResult:
        return check_source(
            url,
            fetcher,
            self.ingest(source, alert_delay=alert_delay),
            self.store,
            self.clock,
            max_bytes=self.settings.fetch.max_bytes,
            limit=self._judging_limit,
            progress=progress,
        )

    def require_history(self) -> None:
        """Raise StoreError if the history is lost: a new one would begin with baselines, which send no alerts."""
        if self._create and not self._rebuilding:
            require_history(self.settings.store.location, self.archive)

    def verify(self) -> None:
        """Read the history through, and the newest snapshot of each source; the others must be there.

        Raises StoreError with steps to restore.
        `watcher verify` reads the other snapshots; here they are read when a release is compared with them.
        """
        self.store.verify()
        if missing := self.store.list_missing_snapshots(self.archive):
            raise StoreError(f"{len(missing)} snapshots of the history are missing, as {missing[0]}; {ADVICE}")
        for source in self.settings.source:
            newest = self.store.history.find_latest(source.name)
            if newest is not None:
                self.archive.read_snapshot(source.name, newest.release.sha256)

    @cached_property
    def store(self) -> Store:
        if self._given_store is not None:
            return self._given_store
        self.require_history()
        return Store(self.settings.store.location, create=self._create)

    @cached_property
    def archive(self) -> SnapshotArchive:
        return SnapshotArchive(self.settings.store.archive)

    @cached_property
    def fetcher(self) -> http.HttpFetcher:
        """Fetches over HTTP, within the rate limit of all threads. Raises ConfigError if the proxy cannot be read."""
        return self._create_fetcher(replace(self._policy, proxy=self.settings.proxy()), self._rate_limiter)

    @cached_property
    def file_fetcher(self) -> http.HttpFetcher:
        """Reads the documents on this machine: of file: URLs, and of a collection whose folder is kept here."""
        return self._create_fetcher(replace(self._policy, allow_files=True), None)

    @cached_property
    def channels(self) -> Mapping[str, Channel]:
        return enabled_channels(self.settings)

    @cached_property
    def alerts(self) -> AlertRouter:
        return AlertRouter(
            settings=self.settings, clock=self.clock, channels=self.channels, inventories=self.inventories
        )

    @cached_property
    def alarms(self) -> Alarms:
        return Alarms(self.settings, self.store, self.alerts)

    def source(self, name: str, *, new: bool = False) -> AnySource:
        """Return a configured source, or a group by COLLECTION.GROUP; `new` accepts a group that is not known yet.

        Raises UsageError with the configured names.
        """
        for source in self.settings.sources:
            if source.name == name:
                return source
        for collection in self.settings.collections:
            if name.startswith(f"{collection.name}."):
                return self.collection(collection).group(name.removeprefix(f"{collection.name}."), new=new)
        names = [source.name for source in self.settings.source]
        raise UsageError(
            f"no source named {name!r} is configured (configured: {', '.join(names) or 'none'}){suggest(name, names)}"
        )

    def collection(self, settings: CollectionSettings) -> Collection:
        """Return a collection as of its newest index."""
        return Collection(settings, self.store, folder=self.settings.folder_of(settings))

    def channel(self, name: str) -> AnyChannel:
        """Return a configured channel. Raises UsageError with the configured names."""
        for channel in self.settings.channel:
            if channel.name == name:
                return channel
        names = [channel.name for channel in self.settings.channel]
        raise UsageError(
            f"no channel named {name!r} is configured (configured: {', '.join(names) or 'none'}){suggest(name, names)}"
        )

    def ingest(self, source: AnySource, *, alert_delay: timedelta = timedelta()) -> ReleaseIngest:
        """Return the ingest of a source; of a collection, that of its index. `alert_delay`: see `assemble_parts`."""
        assemble = partial(
            assemble_parts,
            source.name,
            store=self.store,
            archive=self.archive,
            alerts=self.alerts,
            clock=self.clock,
            severities=self.settings.severity,
        )
        if isinstance(source, CollectionSettings):
            return IndexIngest(assemble(settings=_read_settings(source), bounds=INDEX_BOUNDS))
        parts = assemble(
            settings=source.read_settings,
            bounds=Bounds(**dict(source.hold)),
            document=source.group if isinstance(source, GroupSettings) else "",
            collection=source.collection if isinstance(source, GroupSettings) else "",
            alert_delay=alert_delay,
        )
        return ReleaseIngest(parts, self._second_format(source))

    def _source_fetcher(self, source: SourceSettings) -> Fetcher:
        """Return the fetcher of a source: from the network, from a file, or the canary's."""
        if isinstance(source, CanarySource) and self.settings.canary:
            return CanaryFetcher(every=self.settings.canary.every, clock=self.clock)
        # Loading the configuration refuses a file: URL that is not allowed; that of a group is made from its folder.
        return self.file_fetcher if source.url.startswith("file:") else self.fetcher

    def blocked_for(self, url: str) -> float:
        """Return the seconds for which the host of a URL asked for no requests; 0 if it takes them."""
        return self._rate_limiter.blocked_for(urlsplit(url).netloc)

    def _index_fetcher(self, collection: CollectionSettings) -> tuple[str, Fetcher] | None:
        """Return URL and fetcher of a collection's index; None if its groups are listed in the configuration."""
        folder = self.settings.folder_of(collection)
        if folder is None:
            return (collection.index, self.fetcher) if collection.index else None
        url = collection.index or collection.rsync or folder.absolute().as_uri()
        rsync = Rsync(url=collection.rsync) if collection.rsync else None
        return url, FolderFetcher(path=folder, rsync=rsync)

    def close(self) -> None:
        for name in ("fetcher", "file_fetcher", "store"):
            if name in self.__dict__ and self.__dict__[name] is not self._given_store:
                self.__dict__.pop(name).close()
        self.__dict__.pop("archive", None)  # with the decoded snapshots that it keeps

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close. Raises StoreError in place of an SQLite error that the disk or another process caused."""
        self.close()
        if (store_error := to_store_error(self.settings.store.location, error)) is not None:
            raise store_error from error

    @property
    def _policy(self) -> Policy:
        fetch = self.settings.fetch.model_dump(exclude={"min_interval", "proxy", "ca_file"})
        return Policy(**fetch, ca_file=self.settings.ca_file())

    def _create_fetcher(self, policy: Policy, rate_limiter: HostLimiter | None) -> http.HttpFetcher:
        return http.HttpFetcher(policy, limiter=rate_limiter)

    def _second_format(self, source: SourceSettings) -> SecondFormatCheck | None:
        if source.also is None:
            return None
        return SecondFormatCheck(
            url=source.also,
            format=second_format(source, FORMATS),
            layout=source.layout,
            source=source.name,
            registry=REGISTRIES[source.registry],
            fetcher=self.fetcher,
            max_bytes=self.settings.fetch.max_bytes,
            archive=self.archive,
            history=self.store.history,
        )


def _read_settings(source: AnySource) -> ReadSettings:
    """Return how a source's releases are read; of a collection, those of its index."""
    if isinstance(source, CollectionSettings):
        return ReadSettings(registry="index", format="index")
    return source.read_settings


def create_rate_limiter(settings: Settings) -> HostRateLimiter:
    """Return the limiter of requests per host, for all threads of a process to share."""
    return HostRateLimiter(interval=settings.fetch.min_interval)
