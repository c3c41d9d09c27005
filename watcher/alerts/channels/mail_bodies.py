"""The bodies of channels that send texts for people: each is made of a mail, and written in a form of the channel."""

from __future__ import annotations

from abc import ABC, abstractmethod

from watcher.alerts.channels import email_message
from watcher.core.model import Comparison
from watcher.core.operations import Notice


class MailBodies(ABC):
    """The render methods of a channel whose bodies are mails. A channel sets `address`, that of the web interface."""

    __slots__ = ()
    address: str

    @property
    @abstractmethod
    def name(self) -> str:
        """The name of the channel."""

    @staticmethod
    @abstractmethod
    def write_body(mail: email_message.Mail) -> str:
        """Return a mail as a body of this channel."""

    def render_release(self, comparison: Comparison, *, delivery_id: str, created: str) -> str:  # noqa: ARG002
        return self.write_body(email_message.release_mail(comparison, list_name=self.name, address=self.address))

    def render_notice(self, notice: Notice, *, delivery_id: str) -> str:  # noqa: ARG002
        return self.write_body(email_message.notice_mail(notice, list_name=self.name))

    def render_test(self, *, delivery_id: str, created: str) -> str:  # noqa: ARG002
        return self.write_body(email_message.test_mail(self.name, created))
