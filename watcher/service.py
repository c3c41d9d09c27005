"""Everything wired together from the configuration, for one thread: what the daemon and the commands work with."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property, partial
from types import TracebackType
from typing import Self

from watcher import outbox, pipeline
from watcher.archive import Archive
from watcher.config import ChannelSettings, EmailChannel, SecretRef, Settings, SourceSettings, WebhookChannel
from watcher.errors import UsageError
from watcher.fetch import Fetcher, Policy
from watcher.model import Comparison, Delivery, Hold, Notice
from watcher.notifiers.contract import Notifier
from watcher.notifiers.email import Email
from watcher.notifiers.webhook import Webhook
from watcher.opinion import Opinion, SecondFormat
from watcher.pipeline import Intake, SecondOpinion, Taken
from watcher.plausibility import Bounds
from watcher.registries.table import REGISTRIES
from watcher.store.checks import Checks
from watcher.store.database import Database
from watcher.store.deliveries import Deliveries
from watcher.store.queries import Queries
from watcher.subscriptions import Subscription, matching


class Service:
    """The parts, made when first asked for. `create` is False for what only reads."""

    def __init__(
        self,
        settings: Settings,
        *,
        create: bool = True,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.settings = settings
        self._create = create
        self._now = now
        self._jitter = jitter

    @cached_property
    def database(self) -> Database:
        return Database(self.settings.store.path, create=self._create)

    @cached_property
    def archive(self) -> Archive:
        return Archive(self.settings.store.snapshots)

    @cached_property
    def fetcher(self) -> Fetcher:
        return Fetcher(Policy(**dict(self.settings.fetch)))

    @cached_property
    def queries(self) -> Queries:
        return Queries(self.database)

    @cached_property
    def checks(self) -> Checks:
        return Checks(self.database)

    @cached_property
    def deliveries(self) -> Deliveries:
        return Deliveries(self.database)

    def source(self, name: str) -> SourceSettings:
        """Return a configured source. Raises UsageError with the names there are."""
        for source in self.settings.source:
            if source.name == name:
                return source
        known = ", ".join(source.name for source in self.settings.source) or "none"
        raise UsageError(f"there is no source named {name!r} in the configuration (there are: {known})")

    def channel(self, name: str) -> ChannelSettings:
        """Return a configured channel. Raises UsageError with the names there are."""
        for channel in self.settings.channel:
            if channel.name == name:
                return channel
        known = ", ".join(channel.name for channel in self.settings.channel) or "none"
        raise UsageError(f"there is no channel named {name!r} in the configuration (there are: {known})")

    def intake(self, source: SourceSettings) -> Intake:
        return Intake(
            source.name,
            registry=source.registry,
            format=source.format,
            database=self.database,
            archive=self.archive,
            severities=self.settings.severity,
            bounds=Bounds(**dict(source.believe)),
            announce=self.announce,
        )

    def check(self, source: SourceSettings) -> Taken:
        """Look at a source once; what it finds is committed with its deliveries, which are not sent yet."""
        return pipeline.check(
            self.intake(source),
            source.url,
            fetcher=self.fetcher,
            checks=self.checks,
            compose=self.compose,
            now=self._now(),
            second=self._second_opinion(source),
        )

    def _second_opinion(self, source: SourceSettings) -> SecondOpinion:
        if source.also is None:
            return lambda _: Opinion()
        return SecondFormat(
            url=source.also,
            format=source.second_format,
            source=source.name,
            registry=REGISTRIES[source.registry],
            fetcher=self.fetcher,
            archive=self.archive,
            queries=self.queries,
        )

    def accept(self, source: SourceSettings, what: str) -> Taken:
        """Take a held release by hand; subscribers are told of it as of any other."""
        return self.intake(source).accept(what, now=self._now(), compose=self.compose)

    def reject(self, source: SourceSettings, what: str) -> Hold:
        """Never believe a held release."""
        return self.intake(source).reject(what, now=self._now())

    def compose(self, comparison: Comparison) -> Iterator[Delivery]:
        """Return what each channel is told of a release: nothing where nothing in it is wanted."""
        for channel in self.settings.channel:
            subscription = Subscription(
                channel=channel.name,
                sources=channel.sources,
                events=channel.events,
                severity=channel.severity,
                ports=channel.ports,
            )
            events = matching(subscription, comparison.source, comparison.events) if channel.enabled else ()
            if events:
                told = replace(comparison, events=events)
                yield from outbox.compose(channel.name, channel.type, recipients(channel), told)

    def announce(self, notice: Notice) -> Iterator[Delivery]:
        """Return what the operators' channels are told of something that befell the watcher itself."""
        for channel in self.settings.channel:
            if channel.enabled and channel.operator:
                yield from outbox.announce(channel.name, channel.type, recipients(channel), notice)

    def notifiers(self) -> Mapping[str, Notifier]:
        """Return the sending end of every enabled channel."""
        return {channel.name: self.notifier(channel) for channel in self.settings.channel if channel.enabled}

    def notifier(self, channel: ChannelSettings) -> Notifier:
        """Return the sending end of one channel. Its secrets are read when something is sent."""
        match channel:
            case EmailChannel():
                smtp = self.settings.smtp
                return Email(
                    host=smtp.host,
                    port=smtp.port,
                    security=smtp.security,
                    username=smtp.username,
                    password=self._reader(smtp.password),
                    sender=smtp.sender,
                    list_name=channel.name,
                    timeout=smtp.timeout,
                )
            case WebhookChannel():
                return Webhook(url=channel.url, secret=partial(self._secrets, channel.secret), timeout=channel.timeout)

    def _reader(self, secret: SecretRef | None) -> Callable[[], str] | None:
        return partial(secret.read, self.settings.folder) if secret else None

    def _secrets(self, secret: SecretRef) -> list[str]:
        """The current secret and, on further lines, those that still count while a secret is rotated."""
        return secret.read(self.settings.folder).split()

    def deliver(self) -> outbox.Report:
        """Send what is due."""
        return outbox.deliver_due(self.deliveries, self.notifiers(), self._now, self._jitter)

    def close(self) -> None:
        for name in ("fetcher", "database"):
            if name in self.__dict__:
                self.__dict__.pop(name).close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def recipients(channel: ChannelSettings) -> tuple[str, ...]:
    """Return who is told over a channel: addresses, or "" for a channel that is its own recipient."""
    return tuple(channel.to) if isinstance(channel, EmailChannel) else ("",)
