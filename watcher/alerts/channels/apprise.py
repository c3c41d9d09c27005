"""The apprise channel: chat and push services, each by a URL of the library apprise, which is an optional extra."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import ClassVar

from watcher.alerts.channels import email_message
from watcher.alerts.channels.child_process import SAFE_PATH, run_program
from watcher.alerts.channels.mail_bodies import MailBodies
from watcher.config.channel_settings import AppriseSettings
from watcher.config.settings import Settings
from watcher.config.value_types import ProxyUrl, SecretRef
from watcher.core.errors import ConfigError, DeliveryError
from watcher.core.extras import APPRISE_IS_MISSING, is_installed
from watcher.core.operations import Delivery

_SENDER = "watcher.alerts.channels.apprise_sender"
_MOST = 3_500  # characters: most services cut or refuse longer texts
_PASSED = ("PYTHONPATH", "SSL_CERT_FILE", "SSL_CERT_DIR")


@dataclass(frozen=True, slots=True, kw_only=True)
class AppriseChannel(MailBodies):
    """A channel that hands each message to apprise, in a process of its own.

    The process is ended at the deadline, which apprise itself does not have, and keeps 25 MB of code out of this one.
    """

    settings: AppriseSettings
    folder: Path
    proxy: ProxyUrl | None = None
    ca_file: Path | None = None
    address: str = ""
    max_digest_bytes: ClassVar[int] = 20_000

    @property
    def name(self) -> str:
        return self.settings.name

    def recipients(self) -> Sequence[str]:
        return ("",)

    def render_digest(self, bodies: Sequence[str], *, delivery_id: str, created: str) -> str:  # noqa: ARG002
        messages = [json.loads(body) for body in bodies]
        text = "\n\n\n".join(f"{message['title']}\n\n{message['text']}" for message in messages)
        return _write_body(f"{messages[0]['title']} (and {len(messages) - 1} more)", text)

    @staticmethod
    def write_body(mail: email_message.Mail) -> str:
        return _write_body(mail.subject, mail.text)

    def secrets(self) -> Mapping[str, SecretRef]:
        return {f"apprise {self.name}": self.settings.url}

    def server(self) -> tuple[str, int] | None:
        return None

    def find_problems(self) -> Sequence[str]:
        """Return the URLs of the secret that name no service. Nothing is sent."""
        try:
            self._run("urls")
        except ConfigError:
            return ()  # a secret that cannot be read
        except DeliveryError as error:
            return (f"url: {error}",)
        return ()

    def send(self, delivery: Delivery, now: datetime) -> None:  # noqa: ARG002 - as Channel
        """Send to every URL of the secret, one on each line. After a failure all of them get the message again."""
        self._run("send", **json.loads(delivery.body))

    def _run(self, action: str, **message: str) -> None:
        """Run the sender with `send` or `urls` for the URLs of the secret. Raises ConfigError and DeliveryError."""
        if not is_installed("apprise"):
            raise DeliveryError(f"channel {self.name}: {APPRISE_IS_MISSING}", permanent=False)
        urls = self.settings.url.read(self.folder).split()
        order = {"urls": urls, "ca_file": str(self.ca_file or ""), **message}
        result = run_program(
            [sys.executable, "-m", _SENDER, action],
            text=json.dumps(order),
            folder=self.folder,
            environment=self._environment(),
            seconds=self.settings.timeout,
        )
        if result.code is None:
            raise DeliveryError(f"apprise: no end after {self.settings.timeout:g} s", permanent=False)
        if result.code != 0:
            words = " ".join(result.errors.split())
            raise DeliveryError(f"apprise: {words or f'exit code {result.code}'}", permanent=False)

    def _environment(self) -> Mapping[str, str]:
        proxy = self.proxy.read(self.folder) if self.proxy is not None else ""
        passed = {name: os.environ[name] for name in _PASSED if name in os.environ}
        proxies = {"HTTP_PROXY": proxy, "HTTPS_PROXY": proxy} if proxy else {}
        return {"PATH": SAFE_PATH, "LANG": "C.UTF-8", **passed, **proxies}


def create_channel(settings: AppriseSettings, config: Settings) -> AppriseChannel:
    proxy = settings.proxy if settings.proxy is not None else config.fetch.proxy
    return AppriseChannel(
        settings=settings,
        folder=config.folder,
        proxy=proxy,
        ca_file=config.ca_file(settings.ca_file),
        address=config.web.address or "",
    )


def _write_body(title: str, text: str) -> str:
    """Return title and text as JSON, the text cut at a line."""
    if len(text) > _MOST:
        kept = text[:_MOST].rpartition("\n")[0] or text[:_MOST]
        text = f"{kept}\n\n… {text.count(chr(10)) - kept.count(chr(10)):,} more lines are not shown here.\n"
    return json.dumps({"title": title, "text": text}, ensure_ascii=False)
