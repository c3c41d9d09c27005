"""One session with a mail server: a deadline for all of it, replies of a bounded size, EHLO or HELO, TLS, login."""

from __future__ import annotations

import smtplib
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from watcher.config.channel_settings import SmtpSettings
from watcher.config.value_types import default_ehlo_name
from watcher.core.errors import NO_THREAD, ConfigError, DeliveryError
from watcher.core.redaction import hide_secrets, login_secrets
from watcher.fetch.tls import create_tls_context

_REPLY_BYTES = 2**16


class Login:
    """User and password of one session. The password is read when it is sent, and hidden in what the server says."""

    def __init__(self, smtp: SmtpSettings, folder: Path) -> None:
        self._smtp = smtp
        self._folder = folder
        self._secrets: frozenset[str] = frozenset()

    def log_in(self, server: smtplib.SMTP) -> None:
        """Log in if user and password are configured. Raises ConfigError if the password cannot be read."""
        if self._smtp.username and self._smtp.password:
            self._secrets = self._read_secrets()
            server.login(self._smtp.username, self._smtp.password.read(self._folder))

    def hide(self, text: str) -> str:
        """Return a text without the password and without what is sent of user and password.

        A server that refuses before the login may know them from an earlier session.
        """
        if not self._secrets:
            with suppress(ConfigError):
                self._secrets = self._read_secrets()
        return hide_secrets(text, self._secrets)

    def _read_secrets(self) -> frozenset[str]:
        if not (self._smtp.username and self._smtp.password):
            return frozenset()
        return login_secrets(self._smtp.username, self._smtp.password.read(self._folder))


def open_session(smtp: SmtpSettings, login: Login, *, ca_file: Path | None, deadline: float) -> smtplib.SMTP:
    """Return a session that is ready for a message. Raises what smtplib raises, ConfigError and DeliveryError."""
    context = create_tls_context(ca_file) if smtp.security != "none" else None
    create = partial(_TlsSession, context=context) if smtp.security == "tls" else _Session
    name = smtp.ehlo_name or default_ehlo_name(smtp.sender)
    server = create(smtp.host, smtp.port, name, timeout=smtp.timeout, deadline=deadline)
    try:
        server.ehlo_or_helo_if_needed()
        if smtp.security == "starttls":
            server.starttls(context=context)
            server.ehlo_or_helo_if_needed()
        login.log_in(server)
    except BaseException:
        server.close()
        raise
    return server


class _Session(smtplib.SMTP):
    """A session that is cut after `deadline` seconds, and whose server may send only so much in one reply.

    smtplib limits each single read and each single line.
    """

    def __init__(self, *arguments: Any, deadline: float, **options: Any) -> None:
        self._timer = threading.Timer(deadline, self._cut)
        self._timer.daemon = True
        try:
            self._timer.start()
        except RuntimeError:
            raise DeliveryError(NO_THREAD, permanent=False) from None
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

    def getreply(self) -> tuple[int, bytes]:
        if self.file is None and self.sock is not None:
            self.file = self.sock.makefile("rb")
        file = self.file
        self.file = _LimitedReply(file)
        try:
            return super().getreply()
        finally:
            if self.file is not None:  # not closed
                self.file = file

    def auth(self, mechanism: str, authobject: Callable[..., Any], **options: Any) -> tuple[int, bytes]:
        """Log in by one mechanism. A challenge that cannot be answered is a refusal, so that the next one is tried."""
        try:
            return super().auth(mechanism, authobject, **options)
        except UnicodeError:
            raise
        except ValueError as error:  # not base64, or MD5 is not available (FIPS)
            self.docmd("*")  # RFC 4954 section 4: cancels
            raise smtplib.SMTPAuthenticationError(501, f"{mechanism}: bad challenge: {error}".encode()) from error


class _TlsSession(_Session, smtplib.SMTP_SSL):
    """TLS from the first byte."""


class _LimitedReply:
    """The file of a session for one reply. A longer one is an OSError, as smtplib expects of a broken connection."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self._left = _REPLY_BYTES

    def readline(self, size: int) -> bytes:
        line: bytes = self._file.readline(size)
        self._left -= len(line)
        if self._left < 0:
            raise OSError(f"a reply of more than {_REPLY_BYTES} bytes")
        return line

    def close(self) -> None:
        self._file.close()
