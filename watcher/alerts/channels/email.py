"""The e-mail channel: SMTP, multipart text and HTML, one message for one recipient.

Registry text is hostile in a header, so the header block of the written message is parsed again and must hold exactly
the names that were set: Python 3.11.7 writes the plain subject `=?utf-8?q?=0ABcc:_x?=` as an extra Bcc header.
"""

from __future__ import annotations

import json
import smtplib
import socket
import ssl
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from email.message import EmailMessage
from email.parser import BytesHeaderParser
from email.policy import SMTP
from email.utils import format_datetime
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from watcher.alerts.channels import email_message
from watcher.config.settings import EmailSettings, Settings, SmtpSettings
from watcher.config.value_types import SecretRef
from watcher.core.errors import DeliveryError
from watcher.core.model import Comparison
from watcher.core.operations import Delivery, Notice
from watcher.core.times import from_text

_ADDED_HEADERS = {"mime-version", "content-type"}
_PERMANENT = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class EmailChannel:
    """A channel that sends mail through the server of `[smtp]`, one message for each address.

    With `starttls` and `tls` it never falls back to plain text. `deadline` is in seconds, for the whole of one try:
    without it a server that sends a byte now and then would keep a message longer than its claim.
    """

    settings: EmailSettings
    smtp: SmtpSettings
    folder: Path
    deadline: float = 300.0
    max_digest_bytes: ClassVar[int] = 400_000

    @property
    def name(self) -> str:
        return self.settings.name

    def recipients(self) -> Sequence[str]:
        return self.settings.to

    def render_release(self, comparison: Comparison, *, delivery_id: str, created: str) -> str:  # noqa: ARG002
        return _to_body(email_message.release_mail(comparison, list_name=self.name))

    def render_notice(self, notice: Notice, *, delivery_id: str) -> str:  # noqa: ARG002
        return _to_body(email_message.notice_mail(notice, list_name=self.name))

    def render_digest(self, bodies: Sequence[str], *, delivery_id: str, created: str) -> str:  # noqa: ARG002
        mails = [email_message.Mail(**json.loads(body)) for body in bodies]
        return _to_body(email_message.digest_mail(mails, list_name=self.name))

    def render_test(self, *, delivery_id: str, created: str) -> str:  # noqa: ARG002
        return _to_body(email_message.test_mail(self.name, created))

    def secrets(self) -> Mapping[str, SecretRef]:
        return {"smtp.password": self.smtp.password} if self.smtp.password else {}

    def server(self) -> tuple[str, int] | None:
        return self.smtp.host, self.smtp.port

    def send(self, delivery: Delivery, now: datetime) -> None:  # noqa: ARG002 - as Channel
        """Send one message. A 5xx reply is permanent; after everything else a retry can help."""
        content = self.write_message(delivery)
        server = self._connect()
        try:
            refused = server.sendmail(self.smtp.sender, [delivery.recipient], content)
        except smtplib.SMTPRecipientsRefused as error:
            raise _to_error(*error.recipients[delivery.recipient], personal=True) from error
        except smtplib.SMTPResponseException as error:
            about_message = isinstance(error, smtplib.SMTPDataError)
            raise _to_error(error.smtp_code, error.smtp_error, personal=about_message) from error
        except (smtplib.SMTPException, OSError) as error:
            raise self._unreachable(error) from error
        finally:
            _disconnect(server)
        if refused:
            raise _to_error(*refused[delivery.recipient], personal=True)

    def write_message(self, delivery: Delivery) -> bytes:
        """Return the message as it is sent. The same delivery gives the same Message-ID and date."""
        body = json.loads(delivery.body)
        domain = self.smtp.sender.rpartition("@")[2]
        message = EmailMessage(policy=SMTP)
        headers = {
            "From": self.smtp.sender,
            "To": delivery.recipient,
            "Subject": body["subject"],
            "Date": format_datetime(from_text(delivery.created)),
            "Message-ID": f"<{delivery.id}@{domain}>",
            "List-Id": f"<{self.name}.registry-watcher.{domain}>",
            "Auto-Submitted": "auto-generated",
            "Precedence": "list",
            "X-Registry-Watcher-Source": delivery.source or "-",
            "X-Registry-Watcher-Release": delivery.release or "-",
        }
        try:
            for name, value in headers.items():
                message[name] = value
            message.set_content(body["text"], cte="quoted-printable")
            message.add_alternative(body["html"], subtype="html", cte="quoted-printable")
            content = message.as_bytes()
        except ValueError as error:
            raise DeliveryError(f"the message cannot be written: {error}", permanent=True, personal=True) from error
        written = [name.lower() for name in BytesHeaderParser(policy=SMTP).parsebytes(content)]
        if sorted(written) != sorted({name.lower() for name in headers} | _ADDED_HEADERS):
            reason = "a header of the message holds another header; it was not sent"
            raise DeliveryError(reason, permanent=True, personal=True)
        return content

    def _connect(self) -> smtplib.SMTP:
        """Return a server that is ready for the message. An error here says nothing about the message."""
        try:
            return self._open_session()
        except smtplib.SMTPAuthenticationError as error:
            raise DeliveryError(f"{self.smtp.host} refused user and password: {error}", permanent=False) from error
        except UnicodeError:
            raise DeliveryError("user or password is not ASCII, and smtplib cannot send it", permanent=False) from None
        except (smtplib.SMTPException, OSError) as error:
            raise self._unreachable(error) from error

    def _unreachable(self, error: Exception) -> DeliveryError:
        return DeliveryError(f"{self.smtp.host}:{self.smtp.port}: {error or type(error).__name__}", permanent=False)

    def _open_session(self) -> smtplib.SMTP:
        context = ssl.create_default_context()
        smtp_class = partial(_TimedTls, context=context) if self.smtp.security == "tls" else _TimedSmtp
        server = smtp_class(self.smtp.host, self.smtp.port, timeout=self.smtp.timeout, deadline=self.deadline)
        try:
            server.ehlo()
            if self.smtp.security == "starttls":
                server.starttls(context=context)
                server.ehlo()
            if self.smtp.username and self.smtp.password:
                server.login(self.smtp.username, self.smtp.password.read(self.folder))
        except BaseException:
            server.close()
            raise
        return server


def create_channel(settings: EmailSettings, config: Settings) -> EmailChannel:
    return EmailChannel(settings=settings, smtp=config.smtp, folder=config.folder)


def _to_body(mail: email_message.Mail) -> str:
    return json.dumps(asdict(mail), ensure_ascii=False)


class _TimedSmtp(smtplib.SMTP):
    """A connection that is cut after `deadline` seconds. smtplib itself limits only each single read."""

    def __init__(self, *arguments: Any, deadline: float, **options: Any) -> None:
        self._timer = threading.Timer(deadline, self._cut)
        self._timer.daemon = True
        self._timer.start()
        try:
            super().__init__(*arguments, **options)
        except BaseException:
            self._timer.cancel()
            raise

    def _cut(self) -> None:
        if self.sock is not None:
            with suppress(OSError):  # already closed
                # The plain socket: the thread that waits in it may be in the middle of TLS.
                socket.socket.shutdown(self.sock, socket.SHUT_RDWR)

    def close(self) -> None:
        self._timer.cancel()
        super().close()


class _TimedTls(_TimedSmtp, smtplib.SMTP_SSL):
    """TLS from the first byte."""


def _disconnect(server: smtplib.SMTP) -> None:
    try:
        server.quit()
    except (smtplib.SMTPException, OSError):
        server.close()


def _to_error(code: int, text: bytes | str, *, personal: bool) -> DeliveryError:
    reply = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return DeliveryError(f"the mail server replied {code} {reply}", permanent=code >= _PERMANENT, personal=personal)
