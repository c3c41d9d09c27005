"""The webhook channel, by the Standard Webhooks specification: headers, signature, what a status code means."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar
from urllib.parse import urlsplit

import requests
from standardwebhooks import Webhook as Signer
from standardwebhooks.webhooks import EmptyWebhookSecretError

from watcher import __version__
from watcher.alerts.channels import webhook_message
from watcher.config.settings import Settings, WebhookSettings
from watcher.config.value_types import SecretRef
from watcher.core.errors import DeliveryError, FetchError
from watcher.core.model import Comparison
from watcher.core.operations import Delivery, Notice
from watcher.fetch.guarded_sockets import session_for_one_request
from watcher.fetch.responses import parse_retry_after

_REPLY_BYTES = 65536  # that are read of a response
_GONE = 410


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookChannel:
    """A channel that posts to one URL, signed with each line of its secret. Relative paths are under `folder`."""

    settings: WebhookSettings
    folder: Path
    max_digest_bytes: ClassVar[int] = 18_000

    @property
    def name(self) -> str:
        return self.settings.name

    def recipients(self) -> Sequence[str]:
        return ("",)

    def render_release(self, comparison: Comparison, *, delivery_id: str, created: str) -> str:
        return webhook_message.release_body(comparison, delivery_id=delivery_id, occurred=created).decode()

    def render_notice(self, notice: Notice, *, delivery_id: str) -> str:
        return webhook_message.notice_body(notice, delivery_id=delivery_id).decode()

    def render_digest(self, bodies: Sequence[str], *, delivery_id: str, created: str) -> str:
        events = [json.loads(body) for body in bodies]
        return webhook_message.digest_body(events, delivery_id=delivery_id, occurred=created).decode()

    def render_test(self, *, delivery_id: str, created: str) -> str:
        return webhook_message.test_body(delivery_id=delivery_id, occurred=created, channel=self.name).decode()

    def secrets(self) -> Mapping[str, SecretRef]:
        return {f"channel {self.name}": self.settings.secret}

    def server(self) -> tuple[str, int] | None:
        url = urlsplit(self.settings.url)
        return url.hostname or "", url.port or (443 if url.scheme == "https" else 80)

    def send(self, delivery: Delivery, now: datetime) -> None:
        """Post the body. 2xx is success, 410 disables the channel; after everything else a retry can help."""
        headers = self.sign(delivery, now)
        with session_for_one_request(self.settings.timeout) as session:
            try:
                response = session.post(
                    self.settings.url, data=delivery.body.encode(), headers=headers, allow_redirects=False, stream=True
                )
                # Read it, so that the server can finish. An error while reading does not change the status.
                with response, suppress(FetchError, requests.RequestException):
                    next(response.iter_content(_REPLY_BYTES), None)
            except FetchError as error:
                raise DeliveryError(f"no answer: {error}", permanent=False) from error
            except requests.RequestException as error:
                raise DeliveryError(f"no answer: {_describe_without_url(error)}", permanent=False) from error
        _check_status(response.status_code, response.headers.get("Retry-After"), now)

    def sign(self, delivery: Delivery, now: datetime) -> dict[str, str]:
        """Return the headers of one try, with a timestamp and one signature for each secret. `now` is aware."""
        # standardwebhooks takes any time for UTC.
        utc = now.astimezone(UTC)
        secrets = self.settings.secret.read(self.folder).split()
        if not secrets:
            raise DeliveryError("the webhook has no secret", permanent=False)
        try:
            signatures = [Signer(secret).sign(delivery.id, utc, delivery.body) for secret in secrets]
        except (ValueError, EmptyWebhookSecretError) as error:
            raise DeliveryError(
                f"a secret of the webhook is not whsec_ followed by base64 ({type(error).__name__})", permanent=False
            ) from None
        return {
            "Content-Type": "application/json",
            "User-Agent": f"registry-watcher/{__version__}",
            "webhook-id": delivery.id,
            "webhook-timestamp": str(int(utc.timestamp())),
            "webhook-signature": " ".join(signatures),
        }


def create_channel(settings: WebhookSettings, config: Settings) -> WebhookChannel:
    return WebhookChannel(settings=settings, folder=config.folder)


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


def _describe_without_url(error: requests.RequestException) -> str:
    """Return the kind of error; its text would show the URL, which may hold a token."""
    reason = error.args[0] if error.args else error
    return type(getattr(reason, "reason", reason)).__name__
