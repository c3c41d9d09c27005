"""The contract of a channel: who receives its messages, how they are rendered, and how one is sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from watcher.config.value_types import SecretRef
from watcher.core.model import Comparison
from watcher.core.operations import Delivery, Notice


class Channel(Protocol):
    """One configured channel. It belongs to one thread and keeps no state between two messages.

    Each `render_` method returns the body of a delivery, which `send` gets back unread. `created` is a UTC time.
    """

    @property
    def name(self) -> str:
        """Return its name in the configuration."""

    @property
    def max_digest_bytes(self) -> int:
        """Return how many bytes of bodies one digest may hold."""

    def recipients(self) -> Sequence[str]:
        """Return its addresses; one "" if the channel has none and is itself the recipient."""

    def render_release(self, comparison: Comparison, *, delivery_id: str, created: str) -> str:
        """Return the body that reports a release."""

    def render_notice(self, notice: Notice, *, delivery_id: str) -> str:
        """Return the body that reports an operational alert."""

    def render_digest(self, bodies: Sequence[str], *, delivery_id: str, created: str) -> str:
        """Return one body in place of several bodies of this channel."""

    def render_test(self, *, delivery_id: str, created: str) -> str:
        """Return a body that is marked as a test."""

    def secrets(self) -> Mapping[str, SecretRef]:
        """Return where its secrets are kept, by the place in the configuration that names them."""

    def server(self) -> tuple[str, int] | None:
        """Return host and port of the server it sends to, or None if it needs no server."""

    def find_problems(self) -> Sequence[str]:
        """Return what on this machine keeps every message from being sent, each with the setting that names it.

        Secrets are not among them, nor what a server says: nothing is sent.
        """

    def send(self, delivery: Delivery, now: datetime) -> None:
        """Send one message. Raises DeliveryError, and ConfigError if a secret cannot be read."""
