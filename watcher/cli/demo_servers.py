"""Real servers on loopback that serve the sample releases and receive what is sent: for `watcher demo` and tests."""

from __future__ import annotations

import base64
import json
import secrets
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import Message
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Message as MessageHandler
from standardwebhooks import Webhook, WebhookVerificationError

SOURCE = "ports"
_PATH = "/assignments/service-names-port-numbers/service-names-port-numbers.xml"
_HOOK = "/hook"
_PACKAGE = Path(__file__).parents[1]
_CONFIG = """\
# The configuration of `watcher demo`. Its servers have stopped, so the source and the channels are disabled. History
# and snapshots are in this folder; try:
#
#   watcher --config {file} history
#   watcher --config {file} releases ports

[store]
path = "history.db"
snapshots = "snapshots"

[fetch]
allow_private = true

[smtp]
host = "127.0.0.1"
port = {smtp}

[[source]]
name = "{source}"
url = "{url}{path}"
registry = "ports"
enabled = {enabled}

[[channel]]
name = "mail"
type = "email"
to = ["noc@example.org"]
enabled = {enabled}

[[channel]]
name = "hook"
type = "webhook"
url = "{url}{hook}"
secret = "file:webhook-secret"
enabled = {enabled}
"""


def list_sample_releases() -> list[Path]:
    """Return the sample releases, the oldest first: from the installed package, else from the checkout."""
    for folder in (_PACKAGE / "sample", _PACKAGE.parent / "snapshots" / "sample"):
        if releases := sorted(folder.glob("*.xml")):
            return releases
    return []


class DemoServers:
    """An HTTP server that serves one release and receives webhooks, and an SMTP server. Both run inside `open`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = folder / "config.toml"
        self.webhooks: list[dict[str, Any]] = []
        self.forged = 0
        self.mails: list[Message] = []
        self.requests: list[int] = []
        self._secret = "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode()
        self._body = b""

    def publish(self, release: Path) -> None:
        self._body = release.read_bytes()

    @contextmanager
    def open(self) -> Iterator[None]:
        """Start both servers and write a configuration that uses them; at the end stop them and disable all of it."""
        web = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        thread = threading.Thread(target=web.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        mail = Controller(_Mailbox(self.mails), hostname="127.0.0.1", port=free_port())
        mail.start()
        url = f"http://127.0.0.1:{web.server_port}"
        try:
            self._write_config(url, mail.port, enabled=True)
            yield
        finally:
            mail.stop()
            web.shutdown()
            web.server_close()
            thread.join()
            self._write_config(url, mail.port, enabled=False)

    def _write_config(self, url: str, smtp: int, *, enabled: bool) -> None:
        secret = self.folder / "webhook-secret"
        secret.write_text(self._secret)
        secret.chmod(0o600)
        text = _CONFIG.format(
            file=self.config, smtp=smtp, source=SOURCE, url=url, path=_PATH, hook=_HOOK, enabled=str(enabled).lower()
        )
        self.config.write_text(text, encoding="utf-8")
        self.config.chmod(0o600)

    def answer(self, etag: str | None) -> tuple[int, bytes, str]:
        """Return status, body and ETag for an If-None-Match."""
        current = f'"{sha256(self._body).hexdigest()[:16]}"'
        status = 304 if etag == current else 200
        self.requests.append(status)
        return status, b"" if status == 304 else self._body, current

    def receive(self, body: bytes, headers: dict[str, str]) -> int:
        """Keep a webhook if its signature is valid. Returns the status of the response."""
        try:
            Webhook(self._secret).verify(body, headers)
        except WebhookVerificationError:
            self.forged += 1
            return 401
        self.webhooks.append(json.loads(body))
        return 204


class _Mailbox(MessageHandler):
    def __init__(self, mails: list[Message]) -> None:
        super().__init__()
        self._mails = mails

    def handle_message(self, message: Message) -> None:
        self._mails.append(message)


def _handler(servers: DemoServers) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            status, body, etag = servers.answer(self.headers.get("If-None-Match"))
            self.send_response(status)
            self.send_header("ETag", etag)
            if status == 200:
                self.send_header("Content-Type", "application/xml")
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            headers = {name.lower(): value for name, value in self.headers.items()}
            status = servers.receive(body, headers)
            self.send_response(status)
            if status != 204:
                self.send_header("Content-Length", "0")  # else a client waits for a body
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Log nothing: the demo prints what happens."""

    return Handler


def free_port() -> int:
    """Return a port of loopback that no program uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
