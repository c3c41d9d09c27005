"""The e-mail channel: SMTP, multipart text and HTML, one message for one recipient."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from pathlib import Path
from typing import ClassVar

from msgspec.structs import asdict

from watcher.alerts.channels import email_message
from watcher.alerts.channels.mail_bodies import MailBodies
from watcher.alerts.channels.mime_message import list_id, write_message
from watcher.alerts.channels.smtp_errors import LONGEST_ERROR, explain_error
from watcher.alerts.channels.smtp_session import Login, open_session
from watcher.config.channel_settings import EmailSettings, SmtpSettings
from watcher.config.settings import Settings
from watcher.config.value_types import SecretRef
from watcher.core.errors import ConfigError, DeliveryError
from watcher.core.operations import Delivery
from watcher.core.texts import truncate_text
from watcher.core.times import from_text


@dataclass(frozen=True, slots=True, kw_only=True)
class EmailChannel(MailBodies):
    """A channel that sends mail through the server of `[smtp]`, one message for each address.

    With `starttls` and `tls` it never falls back to plain text. `deadline` is in seconds, for the whole of one try:
    without it a server that sends a byte now and then would keep a message longer than its claim. `address` is that of
    the web interface, "" without one.
    """

    settings: EmailSettings
    smtp: SmtpSettings
    folder: Path
    ca_file: Path | None = None
    deadline: float = 300.0
    address: str = ""
    max_digest_bytes: ClassVar[int] = 150_000

    @property
    def name(self) -> str:
        return self.settings.name

    def recipients(self) -> Sequence[str]:
        return self.settings.to

    def render_digest(self, bodies: Sequence[str], *, delivery_id: str, created: str) -> str:  # noqa: ARG002
        mails = [email_message.Mail(**json.loads(body)) for body in bodies]
        return self.write_body(email_message.digest_mail(mails, list_name=self.name))

    @staticmethod
    def write_body(mail: email_message.Mail) -> str:
        return json.dumps(asdict(mail), ensure_ascii=False)

    def secrets(self) -> Mapping[str, SecretRef]:
        return {"smtp.password": self.smtp.password} if self.smtp.password else {}

    def server(self) -> tuple[str, int] | None:
        return self.smtp.host, self.smtp.port

    def find_problems(self) -> Sequence[str]:
        return ()

    def send(self, delivery: Delivery, now: datetime) -> None:  # noqa: ARG002 - as Channel
        """Send one message. Every exception but ConfigError becomes a DeliveryError that shows no password."""
        content = self.write_message(delivery)
        login = Login(self.smtp, self.folder)
        try:
            self._transmit(delivery.recipient, content, login)
        except (ConfigError, DeliveryError):
            raise
        except Exception as error:  # noqa: BLE001 - whatever a server makes smtplib raise is a failed try
            server = f"{self.smtp.host}:{self.smtp.port}"
            explained = explain_error(error, server=server, recipient=delivery.recipient)
            message = truncate_text(login.hide(str(explained)), LONGEST_ERROR)
            # Without its cause, which has the reply as the server sent it.
            raise DeliveryError(message, permanent=explained.permanent, personal=explained.personal) from None

    def _transmit(self, recipient: str, content: bytes, login: Login) -> None:
        server = open_session(self.smtp, login, ca_file=self.ca_file, deadline=self.deadline)
        try:
            server.sendmail(self.smtp.sender, [recipient], content)
        finally:
            try:
                server.quit()
            except Exception:  # noqa: BLE001 - the message is accepted or refused already
                server.close()

    def write_message(self, delivery: Delivery) -> bytes:
        """Return the message as it is sent. The same delivery gives the same Message-ID and date."""
        body = json.loads(delivery.body)
        domain = self.smtp.sender.rpartition("@")[2]
        headers = {
            "From": self.smtp.sender,
            "To": delivery.recipient,
            "Subject": body["subject"],
            "Date": format_datetime(from_text(delivery.created)),
            "Message-ID": f"<{delivery.id}@{domain}>",
            "List-Id": list_id(self.name, domain),
            "Auto-Submitted": "auto-generated",
            "Precedence": "list",
            "X-Registry-Watcher-Source": delivery.source or "-",
            "X-Registry-Watcher-Release": delivery.release or "-",
        }
        return write_message(headers, text=body["text"], html=body["html"])


def create_channel(settings: EmailSettings, config: Settings) -> EmailChannel:
    smtp = config.smtp
    return EmailChannel(
        settings=settings,
        smtp=smtp,
        folder=config.folder,
        ca_file=config.ca_file(smtp.ca_file),
        address=config.web.address or "",
    )
