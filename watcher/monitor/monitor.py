"""Everything wired together from the configuration, for one thread: what the daemon and the commands work with."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cached_property, partial
from types import TracebackType
from typing import TYPE_CHECKING, Self

from watcher.alerts import delivery, digests
from watcher.alerts.channels import EnabledChannels
from watcher.alerts.routing import AlertRouter
from watcher.config.settings import (
    AnyChannel,
    AnySource,
    CanarySource,
    CollectionSettings,
    GroupSettings,
    Settings,
    SourceSettings,
)
from watcher.config.source_format import second_format
from watcher.core.clock import Clock, SystemClock
from watcher.core.errors import UsageError
from watcher.core.lazy import load
from watcher.core.operations import Hold, Notice
from watcher.core.tables import Layout
from watcher.core.times import to_text
from watcher.fetch.base import Fetcher, Policy, Response, Validators
from watcher.fetch.folder import FolderFetcher
from watcher.fetch.rate_limit import HostRateLimiter
from watcher.fetch.rsync import Rsync
from watcher.formats.catalog import FORMATS
from watcher.monitor import check
from watcher.monitor.alarms import Alarms
from watcher.monitor.check import Admit
from watcher.monitor.collection import Collection, Group, until_asked_to_wait
from watcher.monitor.discovery import doubt
from watcher.monitor.ingest import CheckResult, ReleaseIngest, SecondOpinion
from watcher.monitor.plausibility import Bounds
from watcher.monitor.second_format import SecondFormatCheck, SecondFormatResult
from watcher.registries import canary
from watcher.registries.catalog import REGISTRIES
from watcher.store.channel_failures import ChannelFailuresTable
from watcher.store.check_log import CheckLog
from watcher.store.database import to_store_error
from watcher.store.history_reader import HistoryReader
from watcher.store.outbox import OutboxTable
from watcher.store.snapshot_archive import SnapshotArchive
from watcher.store.store import Store

if TYPE_CHECKING:
    from watcher.fetch.http import HttpFetcher

_BATCH = 64


class Monitor:
    """The parts, made when first asked for. `create` is False for what only reads."""

    def __init__(
        self,
        settings: Settings,
        *,
        create: bool = True,
        clock: Clock = SystemClock(),  # noqa: B008 - it has no state
        pace: HostRateLimiter | None = None,
    ) -> None:
        """`pace` is shared with the other services of this process that fetch; without it there is no other."""
        self.settings = settings
        self._pace = pace or pace_of(settings)
        self._create = create
        self._clock = clock
        self._swept: list[GroupSettings] | None = None  # groups looked at in the sweep under way

    @cached_property
    def store(self) -> Store:
        return Store(self.settings.store.path, create=self._create)

    @cached_property
    def archive(self) -> SnapshotArchive:
        return SnapshotArchive(self.settings.store.snapshots)

    @cached_property
    def fetcher(self) -> HttpFetcher:
        return self._fetcher(self._policy, pace=self._pace)

    @cached_property
    def files(self) -> HttpFetcher:
        """Reads what a collection has on this machine: its folder was allowed, or is our own."""
        return self._fetcher(replace(self._policy, allow_files=True))

    @staticmethod
    def _fetcher(policy: Policy, pace: HostRateLimiter | None = None) -> HttpFetcher:
        fetcher: HttpFetcher = load("http").HttpFetcher(policy, limiter=pace)
        return fetcher

    @property
    def _policy(self) -> Policy:
        return Policy(**self.settings.fetch.model_dump(exclude={"min_interval"}))

    @cached_property
    def queries(self) -> HistoryReader:
        return self.store.history

    @cached_property
    def checks(self) -> CheckLog:
        return self.store.checks

    @cached_property
    def oversight(self) -> Alarms:
        return Alarms(self.settings, self.store, self.alerts)

    @cached_property
    def deliveries(self) -> OutboxTable:
        return self.store.outbox

    @cached_property
    def endpoints(self) -> ChannelFailuresTable:
        return self.store.channel_failures

    def source(self, name: str, *, new: bool = False) -> AnySource:
        """Return a configured source, or COLLECTION.GROUP; `new`: a group that is not known yet, too.

        Raises UsageError with the names there are.
        """
        for source in self.settings.sources:
            if source.name == name:
                return source
        for collection in self.settings.collections:
            if name.startswith(f"{collection.name}."):
                return self.collection(collection).group(name.removeprefix(f"{collection.name}."), new=new)
        known = ", ".join(source.name for source in self.settings.source) or "none"
        raise UsageError(f"there is no source named {name!r} in the configuration (there are: {known})")

    def collection(self, settings: CollectionSettings) -> Collection:
        """Return a collection as of its newest index."""
        return Collection(settings, self.queries, self.checks, folder=self.settings.folder_of(settings))

    def channel(self, name: str) -> AnyChannel:
        """Return a configured channel. Raises UsageError with the names there are."""
        for channel in self.settings.channel:
            if channel.name == name:
                return channel
        known = ", ".join(channel.name for channel in self.settings.channel) or "none"
        raise UsageError(f"there is no channel named {name!r} in the configuration (there are: {known})")

    def intake(self, source: AnySource) -> ReleaseIngest:
        """Return what takes the releases of a source; of a collection, those of its index."""
        index = isinstance(source, CollectionSettings)
        return ReleaseIngest(
            source.name,
            registry="index" if index else source.registry,
            format="index" if index else source.format,
            store=self.store,
            archive=self.archive,
            severities=self.settings.severity,
            # What is believed of an index `discovery` has said before.
            bounds=Bounds(confirm_after=1) if index else Bounds(**dict(source.hold)),
            alerts=self.alerts,
            document=source.group if isinstance(source, GroupSettings) else "",
            key=source.key if isinstance(source, SourceSettings) else (),
            layout=source.layout if isinstance(source, SourceSettings) else Layout(),
        )

    def check(self, source: SourceSettings) -> CheckResult:
        """Look at a source once; what it finds is committed with its deliveries, which are not sent yet."""
        # A URL that the configuration does not allow was refused when it was read; a group's is made by us.
        local = isinstance(source, GroupSettings) and source.url.startswith("file:")
        fetcher: Fetcher = self.files if local else self.fetcher
        if isinstance(source, CanarySource) and self.settings.canary:
            fetcher = Canary(every=self.settings.canary.every, clock=self._clock)
        taken = self._check(source, source.url, fetcher)
        if isinstance(source, GroupSettings) and self._swept is not None:
            self._swept.append(source)
        else:
            self.oversight.checked(source, self._clock.now())
        return taken

    def check_index(self, settings: CollectionSettings) -> CheckResult | None:
        """Look at the index of a collection once; None for one that is a list in the configuration.

        Where it is on another machine and fails, the groups of the last one stand; where it is kept by rsync, they
        could not be brought here either.
        """
        folder = self.settings.folder_of(settings)
        if folder is None and settings.index is None:
            return None
        fetcher: Fetcher = self.fetcher
        if folder is not None:
            fetcher = FolderFetcher(path=folder, rsync=Rsync(url=settings.rsync) if settings.rsync else None)
        url = settings.index or settings.rsync or str(folder and folder.absolute().as_uri())
        taken = self._check(
            settings,
            url,
            fetcher,
            partial(doubt, source=settings.name, queries=self.queries, checks=self.checks),
        )
        self.oversight.checked(settings, self._clock.now())
        return taken

    def _check(
        self,
        source: AnySource,
        url: str,
        fetcher: Fetcher,
        admit: Admit = lambda _: None,
    ) -> CheckResult:
        return check.check(
            self.intake(source),
            url,
            fetcher=fetcher,
            checks=self.checks,
            compose=self.alerts.for_release,
            now=self._clock.now(),
            second=self._second_opinion(source),
            admit=admit,
            max_bytes=self.settings.fetch.max_bytes,
        )

    def _second_opinion(self, source: AnySource) -> SecondOpinion:
        if isinstance(source, CollectionSettings) or source.also is None:
            return lambda _: SecondFormatResult()
        return SecondFormatCheck(
            url=source.also,
            format=second_format(source, FORMATS),
            source=source.name,
            registry=REGISTRIES[source.registry],
            fetcher=self.fetcher,
            max_bytes=self.settings.fetch.max_bytes,
            archive=self.archive,
            queries=self.queries,
        )

    def accept(self, source: AnySource, what: str) -> CheckResult:
        """Take a held release by hand; subscribers are told of it as of any other."""
        return self.intake(source).accept(what, now=self._clock.now(), compose=self.alerts.for_release)

    def reject(self, source: AnySource, what: str) -> Hold:
        """Never believe a held release."""
        return self.intake(source).reject(what, now=self._clock.now())

    @contextmanager
    def sweep(
        self, collection: CollectionSettings, chosen: Iterable[Group], stopped: Callable[[], bool] = lambda: False
    ) -> Iterator[Iterator[GroupSettings]]:
        """Give the groups to be looked at, one after the other, for as long as their host may be asked.

        Checks that find nothing are written in batches: the record of the last ones at the end. What befell the groups
        is told then, in one.
        """
        self._swept = []
        try:
            with self.checks.batch_checks(_BATCH):
                yield until_asked_to_wait(chosen, self.fetcher.blocked_for, stopped)
            self.oversight.swept(collection, self._swept, self._clock.now())
        finally:
            self._swept = None

    @cached_property
    def channels(self) -> EnabledChannels:
        return EnabledChannels(self.settings)

    @cached_property
    def alerts(self) -> AlertRouter:
        return AlertRouter(settings=self.settings, clock=self._clock, channels=self.channels)

    def tell(self, notice: Notice) -> None:
        """Write down what the operators are to be told; it is sent with the rest of what is due."""
        with self.store.transaction():
            self.deliveries.add_deliveries(self.alerts.for_notice(notice), now=notice.at)

    def channels_due(self) -> list[str]:
        """Return the channels to send over now; what they gather is gathered, and what is too much for them waits."""
        now = self._clock.now()
        digests.create_digests(self.store, self.channels, now)
        most = {each.name: each.most_per_hour for each in self.settings.channel if each.most_per_hour}
        digests.postpone_excess(self.store, most, now)
        return self.deliveries.list_due_channels(to_text(now))

    def deliver(self) -> delivery.DeliveryReport:
        """Send what is due, each channel in a thread of its own: one that hangs holds up no other."""
        due = self.channels_due()
        with ThreadPoolExecutor(max(len(due), 1)) as threads:
            return sum(threads.map(self._deliver_apart, due), delivery.DeliveryReport())

    def _deliver_apart(self, channel: str) -> delivery.DeliveryReport:
        with Monitor(self.settings, create=False, clock=self._clock, pace=self._pace) as own:
            return own.deliver_over(channel)

    def deliver_over(self, channel: str, going_on: Callable[[], bool] = lambda: True) -> delivery.DeliveryReport:
        """Send what is due over one channel, in this thread; `going_on` is asked before each message whether to."""
        return delivery.deliver_due(
            self.store, self.channels, self._clock, self.alerts, only=channel, should_continue=going_on
        )

    def verify(self) -> None:
        """Read the history through, and the newest snapshot of each source. Raises StoreError with steps to restore.

        The other snapshots are `watcher verify`'s: they are read when a release is put beside them.
        """
        self.store.check()
        for source in self.settings.source:
            newest = self.queries.find_latest(source.name)
            if newest is not None:
                self.archive.read_snapshot(source.name, newest.release.sha256)

    def close(self) -> None:
        for name in ("fetcher", "files", "store"):
            if name in self.__dict__:
                self.__dict__.pop(name).close()
        self.__dict__.pop("archive", None)  # and the snapshots that it has at hand

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Raises StoreError in place of what befell the history while it was read."""
        self.close()
        if (found := to_store_error(self.settings.store.path, error)) is not None:
            raise found from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Canary:
    """What the canary is fetched from: no network, the time alone."""

    every: timedelta
    clock: Clock

    def fetch(self, url: str, validators: Validators | None = None) -> Response:  # noqa: ARG002 - as every source is fetched
        """Return the canary's release of now."""
        return Response(body=canary.make_document(self.clock.now(), self.every), url=url, validators=Validators())


def pace_of(settings: Settings) -> HostRateLimiter:
    """Return the pace at which hosts are asked, for all services of a process to share."""
    return HostRateLimiter(interval=settings.fetch.min_interval)
