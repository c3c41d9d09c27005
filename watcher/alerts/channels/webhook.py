"""The webhook channel, by the Standard Webhooks specification: headers, signature, what a status code means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar
from urllib.parse import urlsplit

from standardwebhooks import Webhook as Signer

from watcher import __version__
from watcher.alerts.channels import webhook_message
from watcher.alerts.channels.json_bodies import JsonBodies
from watcher.config.channel_settings import WebhookSettings
from watcher.config.settings import Settings
from watcher.config.value_types import ProxyUrl, SecretRef, split_webhook_secrets
from watcher.core.errors import DeliveryError, FetchError
from watcher.core.operations import Delivery
from watcher.fetch.responses import LIBRARY_ERRORS, explain_without_url, parse_retry_after
from watcher.fetch.sessions import session_for_one_request

_REPLY_BYTES = 65536  # that are read of a response
_GONE = 410


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookChannel(JsonBodies):
    """A channel that posts to one URL, signed with each line of its secret. Relative paths are under `folder`.

    `address` is that of the web interface, "" without one.
    """

    settings: WebhookSettings
    folder: Path
    ca_file: Path | None = None
    proxy: ProxyUrl | None = None
    address: str = ""
    max_digest_bytes: ClassVar[int] = 18_000
    max_body_bytes: ClassVar[int] = webhook_message.MAX_BYTES

    @property
    def name(self) -> str:
        return self.settings.name

    def recipients(self) -> Sequence[str]:
        return ("",)

    def secrets(self) -> Mapping[str, SecretRef]:
        return {f"channel {self.name}": self.settings.secret}

    def server(self) -> tuple[str, int] | None:
        url = urlsplit(self.settings.url)
        return url.hostname or "", url.port or (443 if url.scheme == "https" else 80)

    def find_problems(self) -> Sequence[str]:
        return ()

    def send(self, delivery: Delivery, now: datetime) -> None:
        """Post the body. 2xx is success, 410 disables the channel; after everything else a retry can help."""
        headers = self.sign(delivery, now)
        proxy = self.proxy.read(self.folder) if self.proxy is not None else None
        with session_for_one_request(self.settings.timeout, ca_file=self.ca_file, proxy=proxy) as session:
            try:
                response = session.post(
                    self.settings.url, data=delivery.body.encode(), headers=headers, allow_redirects=False, stream=True
                )
                # Read it, so that the server can finish. An error while reading does not change the status.
                with response, suppress(FetchError, *LIBRARY_ERRORS):
                    next(response.iter_content(_REPLY_BYTES), None)
            except (FetchError, *LIBRARY_ERRORS) as error:
                words = explain_without_url(error, self.settings.url)
                raise DeliveryError(f"no answer: {words}", permanent=False) from error
        _check_status(response.status_code, response.headers.get("Retry-After"), now)

    def sign(self, delivery: Delivery, now: datetime) -> dict[str, str]:
        """Return the headers of one try, with a timestamp and one signature for each secret. `now` is aware."""
        # standardwebhooks takes any time for UTC.
        utc = now.astimezone(UTC)
        try:
            secrets = split_webhook_secrets(self.settings.secret.read(self.folder))
        except ValueError as error:
            raise DeliveryError(f"the secret of the webhook: {error}", permanent=False) from None
        return {
            "Content-Type": self.settings.content_type,
            "User-Agent": f"registry-watcher/{__version__}",
            "webhook-id": delivery.id,
            "webhook-timestamp": str(int(utc.timestamp())),
            "webhook-signature": " ".join(Signer(secret).sign(delivery.id, utc, delivery.body) for secret in secrets),
        }


def create_channel(settings: WebhookSettings, config: Settings) -> WebhookChannel:
    proxy = settings.proxy if settings.proxy is not None else config.fetch.proxy
    return WebhookChannel(
        settings=settings,
        folder=config.folder,
        ca_file=config.ca_file(settings.ca_file),
        proxy=proxy,
        address=config.web.address or "",
    )


def _check_status(status: int, retry_after: str | None, now: datetime) -> None:
    if 200 <= status < 300:
        return
    if 300 <= status < 400:
        # Retried, because the operator can correct the URL and no message may be lost until then.
        raise DeliveryError(f"HTTP {status}: redirects are not followed; configure the final URL", permanent=False)
    if status == _GONE:
        raise DeliveryError("HTTP 410: the endpoint is gone", permanent=False, gone=True)
    wait = parse_retry_after(retry_after or "", now=now, least=1)
    raise DeliveryError(f"HTTP {status}", permanent=False, retry_after=wait)
