"""The webhook channel against a real HTTP server: what arrives, and what each response means."""

from __future__ import annotations

import base64
import gzip
import json
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook as Verifier
from standardwebhooks import WebhookVerificationError

from tests.support.alerts import KnownSecret, webhook_channel
from tests.support.fault_server import Answer, FaultServer, flood, hang, head, raw, reply, reset
from watcher import __version__
from watcher.alerts import messages
from watcher.alerts.channels import create_channel
from watcher.alerts.channels.webhook import WebhookChannel
from watcher.alerts.messages import delivery_id
from watcher.config.settings import Settings
from watcher.config.value_types import ProxyUrl, SecretRef
from watcher.core.errors import ConfigError, DeliveryError
from watcher.core.operations import Delivery

NOW = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)
SECRET = "whsec_" + base64.b64encode(b"a secret of 24 bytes ...").decode()
OTHER = "whsec_" + base64.b64encode(b"another one of 24 bytes.").decode()
BODY = json.dumps({"data": {"summary": "2000/tcp assigned to naïve 字 ≠ \u2028"}}, ensure_ascii=False)
DELIVERY = Delivery(
    id=delivery_id("hook", "ports"),
    channel="hook",
    recipient="",
    source="ports",
    release="b" * 12,
    body=BODY,
    created="2026-11-23T20:00:00Z",
)


@dataclass
class Receiver:
    """The response of a web server, and the requests that it received."""

    status: int = 204
    headers: dict[str, str] = field(default_factory=dict)
    asked: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)


@contextmanager
def served(receiver: Receiver) -> Iterator[str]:
    """Run a web server on a free port of this machine; yield the URL of its hook."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.asked.append((self.command, self.path, dict(self.headers.items()), body))
            self.send_response(receiver.status)
            for name, value in receiver.headers.items():
                self.send_header(name, value)
            self.end_headers()

        do_GET = do_POST  # noqa: N815 - the base class's name

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/hook?token=t0ken"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def channel(url: str, *secrets: str, timeout: float = 10.0) -> WebhookChannel:
    return webhook_channel(url=url, secret=KnownSecret("\n".join(secrets or (SECRET,))), timeout=timeout)


def error_of(status: int, **headers: str) -> DeliveryError:
    receiver = Receiver(status, headers={name.replace("_", "-"): value for name, value in headers.items()})
    with served(receiver) as url, pytest.raises(DeliveryError, match=f"HTTP {status}") as caught:
        channel(url).send(DELIVERY, NOW)
    assert len(receiver.asked) == 1
    return caught.value


def test_a_receiver_verifies_the_signature_over_the_bytes_it_got() -> None:
    receiver, now = Receiver(), datetime.now(UTC)
    with served(receiver) as url:
        channel(url).send(DELIVERY, now)
    ((method, path, headers, body),) = receiver.asked
    assert (method, path) == ("POST", "/hook?token=t0ken")
    assert body == BODY.encode()
    assert Verifier(SECRET).verify(body, headers) == json.loads(BODY)
    with pytest.raises(WebhookVerificationError, match="No matching signature"):
        Verifier(OTHER).verify(body, headers)
    with pytest.raises(WebhookVerificationError, match="No matching signature"):
        Verifier(SECRET).verify(body.replace(b"2000", b"2001"), headers)


def test_the_headers_name_the_message_the_time_and_the_program() -> None:
    receiver = Receiver()
    with served(receiver) as url:
        channel(url).send(DELIVERY, NOW)
    headers = {name.lower(): value for name, value in receiver.asked[0][2].items()}
    assert headers["webhook-id"] == DELIVERY.id
    assert headers["webhook-timestamp"] == str(int(NOW.timestamp()))
    assert headers["webhook-signature"].startswith("v1,")
    assert headers["content-type"] == "application/cloudevents+json"  # CloudEvents HTTP binding, section 3.2
    assert headers["user-agent"] == f"registry-watcher/{__version__}"


@pytest.mark.fault(47)
def test_a_retry_has_the_same_id_and_a_new_signature() -> None:
    first = channel("http://127.0.0.1/").sign(DELIVERY, NOW)
    second = channel("http://127.0.0.1/").sign(DELIVERY, NOW + timedelta(hours=2))
    assert first["webhook-id"] == second["webhook-id"]
    assert int(second["webhook-timestamp"]) - int(first["webhook-timestamp"]) == 7200
    assert first["webhook-signature"] != second["webhook-signature"]


@pytest.mark.fault(47)
def test_the_time_zone_does_not_change_the_signature() -> None:
    elsewhere = NOW.astimezone(timezone(timedelta(hours=-9, minutes=-30)))
    assert channel("http://127.0.0.1/").sign(DELIVERY, elsewhere) == channel("http://127.0.0.1/").sign(DELIVERY, NOW)


@pytest.mark.fault(47)
def test_during_a_rotation_each_secret_verifies() -> None:
    receiver, now = Receiver(), datetime.now(UTC)
    with served(receiver) as url:
        channel(url, SECRET, OTHER).send(DELIVERY, now)
    ((_, _, headers, body),) = receiver.asked
    for secret in (SECRET, OTHER):
        assert Verifier(secret).verify(body, headers) == json.loads(BODY)
    third = "whsec_" + base64.b64encode(b"nobody holds this secret").decode()
    with pytest.raises(WebhookVerificationError):
        Verifier(third).verify(body, headers)


@pytest.mark.fault(47)
def test_the_content_type_can_be_that_of_plain_json() -> None:
    receiver = Receiver()
    with served(receiver) as url:
        webhook_channel(url=url, secret=KnownSecret(SECRET), content_type="application/json").send(DELIVERY, NOW)
    assert receiver.asked[0][2]["Content-Type"] == "application/json"


@pytest.mark.fault(63)
@pytest.mark.parametrize(
    "secret",
    ["whsec_", "whsec_!!!!", "whsec_=", "whsec_a", "whsec_é", "whsec_my-very secret", SECRET + "!", SECRET[:-1]],
)
def test_an_invalid_secret_is_retried_and_not_shown(secret: str) -> None:
    receiver = Receiver()
    with served(receiver) as url, pytest.raises(DeliveryError, match="secret") as caught:
        channel(url, secret).send(DELIVERY, NOW)
    assert not caught.value.permanent
    assert receiver.asked == []
    assert secret == "whsec_" or secret not in str(caught.value)


def test_without_a_secret_nothing_is_sent() -> None:
    receiver = Receiver()
    with served(receiver) as url, pytest.raises(DeliveryError, match="no secret") as caught:
        channel(url, "").send(DELIVERY, NOW)
    assert not caught.value.permanent
    assert receiver.asked == []


def test_a_secret_that_cannot_be_read_is_a_configuration_error() -> None:
    receiver = Receiver()
    with served(receiver) as url, pytest.raises(ConfigError, match="No such file"):
        webhook_channel(url=url, secret=SecretRef("file:webhook-secret")).send(DELIVERY, NOW)
    assert receiver.asked == []


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
@pytest.mark.fault(44)
def test_every_2xx_is_success(status: int) -> None:
    receiver = Receiver(status)
    with served(receiver) as url:
        channel(url).send(DELIVERY, NOW)
    assert len(receiver.asked) == 1


@pytest.mark.parametrize("status", [300, 301, 302, 303, 307, 308])
@pytest.mark.fault(44)
def test_a_redirect_is_not_followed_and_is_retried(status: int) -> None:
    elsewhere = Receiver()
    with served(elsewhere) as url:
        error = error_of(status, Location=url)
    assert not error.permanent
    assert elsewhere.asked == []


@pytest.mark.fault(44)
def test_410_means_that_the_endpoint_is_gone_and_fails_no_message() -> None:
    error = error_of(410)
    assert (error.gone, error.permanent) == (True, False)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 408, 409, 422, 429, 500, 502, 503, 504, 599])
@pytest.mark.fault(44)
def test_every_other_status_is_retried(status: int) -> None:
    error = error_of(status)
    assert not error.permanent
    assert error.retry_after is None


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120.0),
        (" 7 ", 7.0),
        ("0", 1.0),
        ("999999999", 86400.0),
        ("9" * 400, 86400.0),
        (format_datetime(NOW + timedelta(minutes=5), usegmt=True), 300.0),
        (format_datetime(NOW - timedelta(days=1), usegmt=True), 1.0),
        (format_datetime(NOW + timedelta(days=400), usegmt=True), 86400.0),
    ],
)
@pytest.mark.fault(44)
def test_retry_after_is_obeyed_within_bounds(status: int, value: str, seconds: float) -> None:
    assert error_of(status, Retry_After=value).retry_after == seconds


@pytest.mark.parametrize(
    "value",
    [
        "soon",
        "-5",
        "1.5",
        "",
        "Mon, 99 Foo 2026 00:00:00 GMT",
        "Mon, 23 Nov 2026 21:00:00 -0000",
        "Mon, 23 Nov 2026 21:00:00 +99999999999999",
        "²",
    ],
)
def test_an_invalid_retry_after_is_ignored(value: str) -> None:
    error = error_of(429, Retry_After=value)
    assert not error.permanent
    assert error.retry_after is None


@given(st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=60))
def test_no_retry_after_value_raises_an_error(value: str) -> None:
    from_the_server = raw(head(503, Retry_After=value, Content_Length=0))
    with FaultServer(from_the_server) as server, pytest.raises(DeliveryError) as caught:
        channel(server.url()).send(DELIVERY, NOW)
    assert not caught.value.permanent
    assert caught.value.retry_after is None or 1 <= caught.value.retry_after <= 86400


FAULTS: dict[str, Answer] = {
    "nothing": hang(),
    "closes": raw(b""),
    "resets": reset(),
    "half a status line": raw(b"HTTP/1.1 20"),
    "not HTTP": raw(b"220 mail.example.org ESMTP\r\n\r\n"),
    "noise": raw(b"\xff\xfe\x00\r\n\r\n"),
    "endless head": flood(b"HTTP/1.1 200 OK\r\n", b"X: " + b"y" * 1000 + b"\r\n"),
    "endless line": flood(b"HTTP/1.1 200 OK\r\nX: ", b"y" * 1000),
}
BODIES: dict[str, Answer] = {
    "broken chunks": raw(head(200, Transfer_Encoding="chunked") + b"zz\r\nx"),
    "broken gzip": reply(b"this is no gzip", Content_Encoding="gzip"),
    "cut": raw(head(200, Content_Length=100) + b"x"),
}


@pytest.mark.parametrize("body", BODIES)
def test_the_body_after_a_2xx_does_not_matter(body: str) -> None:
    with FaultServer(BODIES[body]) as server:
        channel(server.url()).send(DELIVERY, NOW)
    assert len(server.requests) == 1


@pytest.mark.parametrize("fault", FAULTS)
def test_a_server_that_breaks_off_or_sends_nonsense_is_retried(fault: str) -> None:
    with FaultServer(FAULTS[fault]) as server, pytest.raises(DeliveryError, match="no answer") as caught:
        channel(server.url("/t0ken"), timeout=0.5).send(DELIVERY, NOW)
    assert not caught.value.permanent
    assert "t0ken" not in str(caught.value)


@pytest.mark.fault(63)
def test_a_connection_that_is_refused_is_retried_and_the_url_is_not_shown() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(DeliveryError, match=r"no answer: no connection to 127\.0\.0\.1") as caught:
        channel(f"http://127.0.0.1:{port}/t0ken").send(DELIVERY, NOW)
    assert not caught.value.permanent
    assert "t0ken" not in str(caught.value)


@pytest.mark.fault(83)
def test_a_private_authority_is_trusted_if_it_is_configured(tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with FaultServer(reply(), tls=context) as server:
        replace(channel(server.url()), ca_file=tmp_path / "ca.pem").send(DELIVERY, NOW)
    assert len(server.requests) == 1


@pytest.mark.fault(83)
def test_a_proxy_is_used_if_it_is_configured() -> None:
    with FaultServer(reply()) as proxy:
        replace(channel("http://hooks.invalid/t0ken"), proxy=ProxyUrl(proxy.url())).send(DELIVERY, NOW)
        assert [asked.target for asked in proxy.requests] == ["http://hooks.invalid/t0ken"]
    with pytest.raises(DeliveryError, match="no answer: the proxy cannot be reached: no connection to 127") as caught:
        replace(channel("http://hooks.invalid/t0ken"), proxy=ProxyUrl(proxy.url())).send(DELIVERY, NOW)
    assert not caught.value.permanent


@pytest.mark.fault(83)
def test_a_channel_has_the_proxy_and_the_authorities_of_its_table_else_those_of_fetch(tmp_path: Path) -> None:
    fetch = {"proxy": "http://127.0.0.1:1/", "ca_file": "all.pem"}

    def created(**own: str) -> WebhookChannel:
        table = {"name": "hook", "type": "webhook", "url": "http://x/", "secret": "env:NONE", **own}
        settings = Settings.model_validate({"fetch": fetch, "channel": [table], "folder": tmp_path})
        made = create_channel(settings.channel[0], settings)
        assert isinstance(made, WebhookChannel)
        return made

    assert (created().proxy, created().ca_file) == ("http://127.0.0.1:1/", tmp_path / "all.pem")
    own = created(proxy="", ca_file="own.pem")
    assert (own.proxy, own.ca_file) == ("", tmp_path / "own.pem")


@pytest.mark.parametrize("line", [b"preload", b"X-FRAME-OPTIONS : SAMEORIGIN"])
def test_an_accepted_message_is_sent_whatever_the_headers_of_the_reply(
    line: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    with FaultServer(raw(b"HTTP/1.1 204 X\r\n" + line + b"\r\nServer: x\r\n\r\n")) as server:
        channel(server.url("/t0ken")).send(DELIVERY, NOW)
    assert caplog.records == []  # urllib3 logs malformed headers with the URL


@pytest.mark.parametrize("url", ["http://hook.invalid/t0ken", "http://127.0.0.1:99999/t0ken", "http://[::1/t0ken"])
def test_an_unusable_url_is_retried(url: str) -> None:
    with pytest.raises(DeliveryError, match="no answer") as caught:
        channel(url).send(DELIVERY, NOW)
    assert not caught.value.permanent
    assert "t0ken" not in str(caught.value)


@pytest.mark.fault(44)
def test_a_certificate_of_an_unknown_authority_gets_nothing() -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    with (
        FaultServer(reply(), tls=context) as server,
        pytest.raises(DeliveryError, match="unknown authority; set ca_file") as caught,
    ):
        channel(server.url()).send(DELIVERY, NOW)
    assert not caught.value.permanent
    assert server.requests == []


def test_a_proxy_from_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    receiver, proxy = Receiver(), Receiver(502)
    with served(receiver) as url, served(proxy) as elsewhere:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
            monkeypatch.setenv(name, elsewhere)
        monkeypatch.delenv("no_proxy", raising=False)
        channel(url).send(DELIVERY, NOW)
    assert (len(receiver.asked), len(proxy.asked)) == (1, 0)


@dataclass
class Slow:
    """Sends some bytes at once and then one by one, and records whether the client waited for all of them."""

    start: bytes
    rest: bytes
    waited: bool = False

    def __call__(self, sock: socket.socket, stopped: threading.Event) -> bool:
        sock.sendall(self.start)
        for byte in self.rest:
            if stopped.wait(0.001):
                return False
            sock.sendall(bytes([byte]))
        self.waited = True
        return False


@pytest.mark.fault(44)
def test_a_body_that_drips_is_not_waited_for() -> None:
    slow = Slow(head(200, Content_Length=3_000), b"x" * 3_000)
    with FaultServer(slow) as server:
        _outcome(server, 0.2)
    assert not slow.waited


@pytest.mark.fault(44)
def test_a_head_that_drips_is_not_waited_for() -> None:
    slow = Slow(b"HTTP/1.1 200 OK\r\nX: ", b"y" * 3_000 + b"\r\nContent-Length: 0\r\n\r\n")
    with FaultServer(slow) as server:
        _outcome(server, 0.2)
    assert not slow.waited


def _outcome(server: FaultServer, timeout: float) -> None:
    """Send; the caller does not care whether that is a success."""
    with suppress(DeliveryError):
        channel(server.url(), timeout=timeout).send(DELIVERY, NOW)


@pytest.mark.fault(44, 76)
def test_an_endless_body_is_read_a_little_and_the_status_counts() -> None:
    sent: list[int] = []
    with FaultServer(flood(head(200), b"x" * 65536, sent)) as server:
        channel(server.url()).send(DELIVERY, NOW)
        assert server.connections == 1
    assert sum(sent) < 64 * 2**20


def test_a_gzip_bomb_is_not_unpacked() -> None:
    bomb = gzip.compress(bytes(64 * 2**20))
    with FaultServer(reply(bomb, Content_Encoding="gzip")) as server:
        channel(server.url()).send(DELIVERY, NOW)
        assert len(server.requests) == 1


def test_a_test_message_is_signed_like_any_other_and_says_that_it_is_one() -> None:
    delivery = messages.render_test(webhook_channel(), "", NOW)
    receiver = Receiver()
    with served(receiver) as url:
        channel(url).send(delivery, datetime.now(UTC))
    ((_, _, headers, body),) = receiver.asked
    message: dict[str, Any] = Verifier(SECRET).verify(body, headers)
    assert (message["type"], message["id"]) == ("org.registry-watcher.test", delivery.id)
