"""The bodies of channels that send the JSON of the contract: CloudEvents, as a webhook gets them."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Generic, TypeVar

from watcher.alerts.channels import webhook_message
from watcher.config.channel_settings import ChannelSettings
from watcher.config.value_types import SecretRef
from watcher.core.model import Comparison
from watcher.core.operations import Notice

TableT = TypeVar("TableT", bound=ChannelSettings)


class JsonBodies(ABC):
    """The render methods of a channel whose bodies are JSON of at most `max_body_bytes`.

    A channel sets `address`, that of the web interface; "" without one.
    """

    __slots__ = ()
    address: str
    max_body_bytes: ClassVar[int] = 1_000_000

    @property
    @abstractmethod
    def name(self) -> str:
        """The name of the channel."""

    def render_release(self, comparison: Comparison, *, delivery_id: str, created: str) -> str:
        body = webhook_message.release_body(
            comparison,
            delivery_id=delivery_id,
            occurred=created,
            address=self.address,
            max_bytes=self.max_body_bytes,
        )
        return body.decode()

    def render_notice(self, notice: Notice, *, delivery_id: str) -> str:
        return webhook_message.notice_body(notice, delivery_id=delivery_id).decode()

    def render_digest(self, bodies: Sequence[str], *, delivery_id: str, created: str) -> str:
        events = [json.loads(body) for body in bodies]
        return webhook_message.digest_body(events, delivery_id=delivery_id, occurred=created).decode()

    def render_test(self, *, delivery_id: str, created: str) -> str:
        return webhook_message.test_body(delivery_id=delivery_id, occurred=created, channel=self.name).decode()


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalChannel(JsonBodies, Generic[TableT]):
    """A channel of this machine with one recipient, no server and no secret. Relative paths are under `folder`."""

    settings: TableT
    folder: Path
    address: str = ""
    max_digest_bytes: ClassVar[int] = 10_000_000

    @property
    def name(self) -> str:
        return self.settings.name

    def recipients(self) -> Sequence[str]:
        return ("",)

    def secrets(self) -> Mapping[str, SecretRef]:
        return {}

    def server(self) -> tuple[str, int] | None:
        return None

    def find_problems(self) -> Sequence[str]:
        return ()
