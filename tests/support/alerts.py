"""Channels for tests: real ones made from settings, and a fake one that fails as a test says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.support.port_releases import explained, tcp
from watcher.alerts.channels.base import Channel
from watcher.alerts.channels.email import EmailChannel
from watcher.alerts.channels.webhook import WebhookChannel
from watcher.alerts.routing import AlertRouter
from watcher.config.channel_settings import EmailSettings, SmtpSettings, WebhookSettings
from watcher.config.settings import Settings
from watcher.config.value_types import SecretRef
from watcher.core.clock import SystemClock
from watcher.core.model import Comparison, Release
from watcher.core.operations import Delivery, Notice


class KnownSecret(SecretRef):
    """A secret that is its own value, so that a test needs no file for it."""

    def read(self, folder: Path) -> str:  # noqa: ARG002 - as SecretRef
        return str(self)


NO_SECRET = KnownSecret("")


def email_channel(name: str = "noc", **settings: Any) -> EmailChannel:
    """Return an e-mail channel to ann@example.org; `settings` are those of `[smtp]`, and `deadline`."""
    deadline = settings.pop("deadline", 300.0)
    smtp = SmtpSettings(**{"from": "watcher@example.net"}).model_copy(update={"security": "none", **settings})
    table = EmailSettings(name=name, type="email", to=("ann@example.org",))
    return EmailChannel(settings=table, smtp=smtp, folder=Path(), deadline=deadline)


def webhook_channel(
    name: str = "hook", url: str = "http://127.0.0.1/", secret: SecretRef = NO_SECRET, **settings: Any
) -> WebhookChannel:
    """Return a webhook channel; its URL and secret need not be such that the configuration accepts them."""
    table = WebhookSettings(name=name, type="webhook", url="http://x/", secret=SecretRef("env:NONE"), **settings)
    return WebhookChannel(settings=table.model_copy(update={"url": url, "secret": secret}), folder=Path())


@dataclass
class FakeChannel:
    """A channel that raises the given errors, one for each try, and then accepts everything."""

    errors: list[Exception] = field(default_factory=list)
    tried: list[tuple[str, datetime]] = field(default_factory=list)
    accepted: list[str] = field(default_factory=list)
    name: str = "hook"
    max_digest_bytes: int = 18_000

    def recipients(self) -> Sequence[str]:
        return ("",)

    def render_release(self, comparison: Comparison, *, delivery_id: str, created: str) -> str:  # noqa: ARG002
        return comparison.new.id

    def render_notice(self, notice: Notice, *, delivery_id: str) -> str:  # noqa: ARG002
        return notice.id

    def render_digest(self, bodies: Sequence[str], *, delivery_id: str, created: str) -> str:  # noqa: ARG002
        return "\n".join(bodies)

    def render_test(self, *, delivery_id: str, created: str) -> str:  # noqa: ARG002
        return "test"

    def secrets(self) -> Mapping[str, SecretRef]:
        return {}

    def server(self) -> tuple[str, int] | None:
        return None

    def find_problems(self) -> Sequence[str]:
        return ()

    def send(self, delivery: Delivery, now: datetime) -> None:
        self.tried.append((delivery.id, now))
        if self.errors:
            raise self.errors.pop(0)
        self.accepted.append(delivery.id)


def router_without_channels(channels: Mapping[str, Channel] | None = None) -> AlertRouter:
    """Return a router that alerts nobody."""
    return AlertRouter(settings=Settings(), clock=SystemClock(), channels=channels or {})


def comparison_of(*names: str) -> Comparison:
    """Return the comparison of two releases of ports; the new one assigns a port to each name."""
    changes, events = explained(
        [tcp("base", "1")], [tcp("base", "1"), *(tcp(name, str(2000 + number)) for number, name in enumerate(names))]
    )
    old, new = (
        Release(
            id=letter * 12, source="ports", published=day, observed=f"{day}T06:00:00Z", sha256=letter * 64, entries=1
        )
        for letter, day in (("a", "2020-01-01"), ("b", "2020-01-02"))
    )
    return Comparison(source="ports", old=old, new=new, changes=changes, events=events)
