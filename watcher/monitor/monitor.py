"""The monitor: builds the parts that the settings describe, and checks sources with them, for daemon and commands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Self

from watcher.alerts.channels import enabled_channels
from watcher.alerts.channels.base import Channel
from watcher.alerts.routing import AlertRouter
from watcher.config.load import second_format
from watcher.config.settings import (
    AnyChannel,
    AnySource,
    CanarySource,
    CollectionSettings,
    GroupSettings,
    Settings,
    SourceSettings,
)
from watcher.core.clock import Clock, SystemClock
from watcher.core.errors import UsageError
from watcher.core.lazy import load
from watcher.core.tables import Layout
from watcher.fetch.base import Fetcher, Policy
from watcher.fetch.folder import FolderFetcher
from watcher.fetch.rate_limit import HostRateLimiter
from watcher.fetch.rsync import Rsync
from watcher.formats.catalog import FORMATS
from watcher.monitor.alarms import Alarms
from watcher.monitor.canary import CanaryFetcher
from watcher.monitor.check import check_source
from watcher.monitor.collection import Collection
from watcher.monitor.index_ingest import IndexIngest
from watcher.monitor.ingest import ReleaseIngest
from watcher.monitor.plausibility import Bounds
from watcher.monitor.result import CheckResult
from watcher.monitor.second_format import SecondFormatCheck
from watcher.registries.catalog import REGISTRIES
from watcher.registries.context import NO_TABLE_SETTINGS, TableSettings
from watcher.store.database import to_store_error
from watcher.store.snapshot_archive import SnapshotArchive
from watcher.store.store import Store

if TYPE_CHECKING:
    from watcher.fetch.http import HttpFetcher


class Monitor:
    """Checks the configured sources, for one thread. What a check causes is in the outbox; `deliver` sends it.

    Its parts are built when they are first used and closed together. `rate_limiter` is shared by all threads of a
    process that fetch. With `create` False the history must exist.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        create: bool = True,
        clock: Clock | None = None,
        rate_limiter: HostRateLimiter | None = None,
    ) -> None:
        self.settings = settings
        self.clock = clock or SystemClock()
        self._create = create
        self._rate_limiter = rate_limiter or create_rate_limiter(settings)

    def for_thread(self) -> Monitor:
        """Return a monitor for another thread, with a connection of its own to the same history."""
        return Monitor(self.settings, create=False, clock=self.clock, rate_limiter=self._rate_limiter)

    def check(self, source: SourceSettings) -> CheckResult:
        """Check a source once, and raise or clear its alarm."""
        result = self.check_without_alarm(source)
        self.alarms.after_check(source, self.clock.now())
        return result

    def check_without_alarm(self, source: SourceSettings, *, patience: timedelta = timedelta()) -> CheckResult:
        """Check a source once. `sweep` raises the alarms of a collection's groups together.

        Alerts about entries that may have moved to another group wait for so much `patience`.
        """
        return self._check(source, source.url, self._source_fetcher(source), patience)

    def check_index(self, collection: CollectionSettings) -> CheckResult | None:
        """Check the index of a collection once; None if its groups are listed in the configuration.

        If it fails, the groups of the newest index are still checked, unless rsync fetches them with it.
        """
        index = self._index_fetcher(collection)
        if index is None:
            return None
        result = self._check(collection, *index)
        self.alarms.after_check(collection, self.clock.now())
        return result

    def _check(self, source: AnySource, url: str, fetcher: Fetcher, patience: timedelta = timedelta()) -> CheckResult:
        max_bytes = self.settings.fetch.max_bytes
        return check_source(
            url, fetcher, self.ingest(source, patience=patience), self.store, self.clock, max_bytes=max_bytes
        )

    def verify(self) -> None:
        """Read the history through, and the newest snapshot of each source. Raises StoreError with steps to restore.

        `watcher verify` reads the other snapshots; here they are read when a release is compared with them.
        """
        self.store.verify()
        for source in self.settings.source:
            newest = self.store.history.find_latest(source.name)
            if newest is not None:
                self.archive.read_snapshot(source.name, newest.release.sha256)

    @cached_property
    def store(self) -> Store:
        return Store(self.settings.store.path, create=self._create)

    @cached_property
    def archive(self) -> SnapshotArchive:
        return SnapshotArchive(self.settings.store.snapshots)

    @cached_property
    def fetcher(self) -> HttpFetcher:
        """Fetches over HTTP, at the pace that all threads share."""
        return self._create_fetcher(self._policy, self._rate_limiter)

    @cached_property
    def file_fetcher(self) -> HttpFetcher:
        """Reads the documents of a collection on this machine: its folder is configured, or kept by the watcher."""
        return self._create_fetcher(replace(self._policy, allow_files=True), None)

    @cached_property
    def channels(self) -> Mapping[str, Channel]:
        return enabled_channels(self.settings)

    @cached_property
    def alerts(self) -> AlertRouter:
        return AlertRouter(settings=self.settings, clock=self.clock, channels=self.channels)

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
        names = ", ".join(source.name for source in self.settings.source) or "none"
        raise UsageError(f"no source named {name!r} is configured (configured: {names})")

    def collection(self, settings: CollectionSettings) -> Collection:
        """Return a collection as of its newest index."""
        return Collection(settings, self.store, folder=self.settings.folder_of(settings))

    def channel(self, name: str) -> AnyChannel:
        """Return a configured channel. Raises UsageError with the configured names."""
        for channel in self.settings.channel:
            if channel.name == name:
                return channel
        names = ", ".join(channel.name for channel in self.settings.channel) or "none"
        raise UsageError(f"no channel named {name!r} is configured (configured: {names})")

    def ingest(self, source: AnySource, *, patience: timedelta = timedelta()) -> ReleaseIngest:
        """Return the ingest of a source; of a collection, that of its index. `patience`: see `ReleaseIngest`."""
        if isinstance(source, CollectionSettings):
            return IndexIngest(
                source.name,
                registry="index",
                format="index",
                store=self.store,
                archive=self.archive,
                alerts=self.alerts,
                clock=self.clock,
                severities=self.settings.severity,
                bounds=Bounds(confirm_after=1),  # IndexIngest decides itself
            )
        return ReleaseIngest(
            source.name,
            registry=source.registry,
            format=source.format,
            store=self.store,
            archive=self.archive,
            alerts=self.alerts,
            clock=self.clock,
            second_format=self._second_format(source),
            severities=self.settings.severity,
            bounds=Bounds(**dict(source.hold)),
            document=source.group if isinstance(source, GroupSettings) else "",
            key=source.key if isinstance(source, SourceSettings) else (),
            renames=isinstance(source, SourceSettings) and source.renames,
            table=TableSettings(source.title, source.ignore)
            if isinstance(source, SourceSettings)
            else NO_TABLE_SETTINGS,
            layout=source.layout if isinstance(source, SourceSettings) else Layout(),
            collection=source.collection if isinstance(source, GroupSettings) else "",
            patience=patience,
        )

    def _source_fetcher(self, source: SourceSettings) -> Fetcher:
        """Return the fetcher of a source: from the network, from a file, or the canary's."""
        if isinstance(source, CanarySource) and self.settings.canary:
            return CanaryFetcher(every=self.settings.canary.every, clock=self.clock)
        # Loading the configuration refuses a file: URL that is not allowed; that of a group is made from its folder.
        is_local = isinstance(source, GroupSettings) and source.url.startswith("file:")
        return self.file_fetcher if is_local else self.fetcher

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
            if name in self.__dict__:
                self.__dict__.pop(name).close()
        self.__dict__.pop("archive", None)  # with the decoded snapshots that it keeps

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close. Raises StoreError in place of an SQLite error that the disk or another process caused."""
        self.close()
        if (store_error := to_store_error(self.settings.store.path, error)) is not None:
            raise store_error from error

    @property
    def _policy(self) -> Policy:
        fetch = self.settings.fetch.model_dump(exclude={"min_interval", "proxy", "ca_file"})
        return Policy(**fetch, proxy=self.settings.proxy(), ca_file=self.settings.ca_file())

    def _create_fetcher(self, policy: Policy, rate_limiter: HostRateLimiter | None) -> HttpFetcher:
        fetcher: HttpFetcher = load("http").HttpFetcher(policy, limiter=rate_limiter)
        return fetcher

    def _second_format(self, source: SourceSettings) -> SecondFormatCheck | None:
        if source.also is None:
            return None
        return SecondFormatCheck(
            url=source.also,
            format=second_format(source, FORMATS),
            source=source.name,
            registry=REGISTRIES[source.registry],
            fetcher=self.fetcher,
            max_bytes=self.settings.fetch.max_bytes,
            archive=self.archive,
            history=self.store.history,
        )


def create_rate_limiter(settings: Settings) -> HostRateLimiter:
    """Return the limiter of requests per host, for all threads of a process to share."""
    return HostRateLimiter(interval=settings.fetch.min_interval)
