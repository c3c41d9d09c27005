"""E-mail over SMTP: multipart text and HTML, one message for one recipient.

Registry text is hostile in a header: after the message is written its header block is read again and must hold
exactly the names that were set (Python 3.11.7 writes the plain subject `=?utf-8?q?=0ABcc:_x?=` as an extra Bcc).
"""

from __future__ import annotations

import json
import smtplib
import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.parser import BytesHeaderParser
from email.policy import SMTP
from email.utils import format_datetime
from typing import Any

from watcher.core.errors import DeliveryError
from watcher.core.operations import Delivery
from watcher.core.times import from_text

_HEADERS = (
    "From",
    "To",
    "Subject",
    "Date",
    "Message-ID",
    "List-Id",
    "Auto-Submitted",
    "Precedence",
    "X-Registry-Watcher-Source",
    "X-Registry-Watcher-Release",
)
_WRITTEN = {"mime-version", "content-type"}
_PERMANENT = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Email:
    """A channel that sends mail. `security` is `none`, `starttls` or `tls`; there is no fallback to plain text.

    `password` is asked for when a message is sent. `timeout` is in seconds, for one answer; `deadline` for the whole of
    one try, so that a server that drips keeps no message longer than its lease.
    """

    host: str
    port: int
    security: str
    username: str | None
    password: Callable[[], str] | None
    sender: str
    list_name: str
    timeout: float
    deadline: float = 300.0

    def send(self, delivery: Delivery, now: datetime) -> None:  # noqa: ARG002 - the contract's shape
        """Hand the message to the server. A 5xx answer is permanent, everything else is tried again."""
        content = self.message(delivery)
        server = self._connected()
        try:
            refused = server.sendmail(self.sender, [delivery.recipient], content)
        except smtplib.SMTPRecipientsRefused as error:
            raise _answered(*error.recipients[delivery.recipient], personal=True) from error
        except smtplib.SMTPResponseException as error:
            of_the_message = isinstance(error, smtplib.SMTPDataError)
            raise _answered(error.smtp_code, error.smtp_error, personal=of_the_message) from error
        except (smtplib.SMTPException, OSError) as error:
            raise self._unreachable(error) from error
        finally:
            _leave(server)
        if refused:
            raise _answered(*refused[delivery.recipient], personal=True)

    def message(self, delivery: Delivery) -> bytes:
        """Write the message. The same delivery gives the same Message-ID and date."""
        body = json.loads(delivery.body)
        domain = self.sender.rpartition("@")[2]
        message = EmailMessage(policy=SMTP)
        values = (
            self.sender,
            delivery.recipient,
            body["subject"],
            format_datetime(from_text(delivery.created)),
            f"<{delivery.id}@{domain}>",
            f"<{self.list_name}.registry-watcher.{domain}>",
            "auto-generated",
            "list",
            delivery.source or "-",
            delivery.release or "-",
        )
        try:
            for name, value in zip(_HEADERS, values, strict=True):
                message[name] = value
            message.set_content(body["text"], cte="quoted-printable")
            message.add_alternative(body["html"], subtype="html", cte="quoted-printable")
            content = message.as_bytes()
        except ValueError as error:
            raise DeliveryError(f"the message cannot be written: {error}", permanent=True, personal=True) from error
        written = [name.lower() for name in BytesHeaderParser(policy=SMTP).parsebytes(content)]
        if sorted(written) != sorted({name.lower() for name in _HEADERS} | _WRITTEN):
            message_of_ours = "a header of the message holds another header; it was not sent"
            raise DeliveryError(message_of_ours, permanent=True, personal=True)
        return content

    def _connected(self) -> smtplib.SMTP:
        """A server that is ready for the message. What fails here is never the message's fault."""
        try:
            return self._greeted()
        except smtplib.SMTPAuthenticationError as error:
            raise DeliveryError(f"{self.host} does not take user and password: {error}", permanent=False) from error
        except UnicodeError:
            raise DeliveryError("user or password is not ASCII: smtplib cannot send it", permanent=False) from None
        except (smtplib.SMTPException, OSError) as error:
            raise self._unreachable(error) from error

    def _unreachable(self, error: Exception) -> DeliveryError:
        return DeliveryError(f"{self.host}:{self.port}: {error or type(error).__name__}", permanent=False)

    def _greeted(self) -> smtplib.SMTP:
        context = ssl.create_default_context()
        if self.security == "tls":
            server: smtplib.SMTP = _Tls(
                self.host, self.port, timeout=self.timeout, context=context, deadline=self.deadline
            )
        else:
            server = _Plain(self.host, self.port, timeout=self.timeout, deadline=self.deadline)
        try:
            server.ehlo()
            if self.security == "starttls":
                server.starttls(context=context)
                server.ehlo()
            if self.username and self.password:
                server.login(self.username, self.password())
        except BaseException:
            server.close()
            raise
        return server


class _Timed(smtplib.SMTP):
    """A connection that is cut after so many seconds, whatever it is doing; smtplib limits each read by itself only."""

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
            with suppress(OSError):  # it was closed meanwhile
                # Of the plain socket: the thread that waits in it may be in the middle of TLS.
                socket.socket.shutdown(self.sock, socket.SHUT_RDWR)

    def close(self) -> None:
        self._timer.cancel()
        super().close()


class _Plain(_Timed):
    """SMTP, with or without STARTTLS."""


class _Tls(_Timed, smtplib.SMTP_SSL):
    """TLS from the first byte."""


def _leave(server: smtplib.SMTP) -> None:
    """End the connection. What the server says to that is no news of the message."""
    try:
        server.quit()
    except (smtplib.SMTPException, OSError):
        server.close()


def _answered(code: int, text: bytes | str, *, personal: bool) -> DeliveryError:
    said = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return DeliveryError(f"the mail server said {code} {said}", permanent=code >= _PERMANENT, personal=personal)
