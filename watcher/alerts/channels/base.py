"""What every channel can do."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from watcher.core.operations import Delivery


class Notifier(Protocol):
    """The sending end of one channel."""

    def send(self, delivery: Delivery, now: datetime) -> None:
        """Hand one message to the other side. Raises DeliveryError, which says whether trying again can help."""
        ...
