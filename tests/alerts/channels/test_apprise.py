"""The apprise channel, with apprise itself, against a real HTTP server on loopback through its json:// URL."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.support.alerts import KnownSecret
from watcher.alerts import messages
from watcher.alerts.channels import create_channel
from watcher.alerts.channels.base import Channel
from watcher.config import load as configuration
from watcher.config.channel_settings import AppriseSettings
from watcher.config.settings import Settings
from watcher.config.value_types import SecretRef
from watcher.core import extras
from watcher.core.errors import ConfigError, DeliveryError
from watcher.registries.catalog import EVENT_IDS

NOW = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)


class Receiver(ThreadingHTTPServer):
    """A server that keeps what is posted to it and answers with a status; without one it never answers."""

    def __init__(self, status: int | None = 200) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status = status
        self.posted: list[tuple[str, Any]] = []
        self.ended = threading.Event()

    @property
    def place(self) -> str:
        return f"127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.posted.append((self.path, json.loads(body)))
        if self.server.status is None:
            self.server.ended.wait()
            return
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""


@contextmanager
def receiver(status: int | None = 200) -> Iterator[Receiver]:
    with Receiver(status) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.ended.set()
            server.shutdown()
            thread.join()


def apprise_channel(urls: str, timeout: float = 60, ca_file: Path | None = None) -> Channel:
    table = AppriseSettings(name="chat", type="apprise", url=SecretRef("env:NONE"), timeout=timeout, ca_file=ca_file)
    return create_channel(table.model_copy(update={"url": KnownSecret(urls)}), Settings(folder=Path("/")))


def failure(channel: Channel) -> str:
    with pytest.raises(DeliveryError) as caught:
        channel.send(messages.render_test(channel, "", NOW), NOW)
    assert not caught.value.permanent
    return str(caught.value)


def test_title_and_text_arrive_at_every_url() -> None:
    with receiver() as server:
        channel = apprise_channel(f"json://{server.place}/one\njson://{server.place}/two\n")
        channel.send(messages.render_test(channel, "", NOW), NOW)
    assert [path for path, _ in server.posted] == ["/one/", "/two/"] or [path for path, _ in server.posted] == [
        "/one",
        "/two",
    ]
    for _, body in server.posted:
        assert body["title"] == "[registry-watcher] test of channel chat"
        assert body["message"].startswith("This is a test of channel chat, sent at 2026-11-23T20:00:00Z.")


def test_a_refusal_is_a_failed_try_that_shows_no_secret() -> None:
    with receiver(status=500) as server:
        said = failure(apprise_channel(f"json://user:t0psecret@{server.place}/hooks/T0KEN-OF-OURS"))
    assert said.startswith("apprise: URL 1 failed: ")
    assert "500" in said
    assert not any(secret in said for secret in ("t0psecret", "T0KEN-OF-OURS", "hooks"))


def test_a_service_that_does_not_answer_is_given_up_at_the_deadline() -> None:
    with receiver(status=None) as server:
        said = failure(apprise_channel(f"json://{server.place}/?rto=500", timeout=4))
    assert said == "apprise: no end after 4 s"


def test_a_url_that_apprise_does_not_know_is_a_failed_try_that_does_not_repeat_it() -> None:
    assert failure(apprise_channel("nonsense://token-of-ours")) == "apprise: URL 1 names no service that apprise knows"
    assert failure(apprise_channel("\n")) == "apprise: the secret has no URL"


@pytest.mark.fault(83)
def test_a_private_authority_is_trusted_if_it_is_configured(tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with receiver() as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        url = f"jsons://{server.place}/one"
        assert "URL 1 failed: " in failure(apprise_channel(url))
        assert server.posted == []
        channel = apprise_channel(url, ca_file=tmp_path / "ca.pem")
        channel.send(messages.render_test(channel, "", NOW), NOW)
    assert len(server.posted) == 1


def test_the_urls_of_a_secret_are_examined_without_a_message() -> None:
    with receiver() as server:
        assert apprise_channel(f"json://{server.place}/one").find_problems() == ()
        (problem,) = apprise_channel(f"json://{server.place}/one\nnonsense://token\n").find_problems()
    assert problem == "url: apprise: URL 2 names no service that apprise knows"
    assert server.posted == []
    assert apprise_channel("").find_problems() == ("url: apprise: the secret has no URL",)


def test_a_long_text_is_cut_at_a_line_and_says_so() -> None:
    channel = apprise_channel("")
    bodies = [json.dumps({"title": f"t{number}", "text": "line\n" * 500}) for number in range(3)]
    digest = json.loads(channel.render_digest(bodies, delivery_id="d", created="2026-11-23T20:00:00Z"))
    assert digest["title"] == "t0 (and 2 more)"
    assert len(digest["text"]) < 3_600
    assert "more lines are not shown here" in digest["text"]


def test_without_the_extra_the_error_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda _: None)
    hint = 'apprise is not installed; install it with: pip install "registry-watcher[apprise]"'
    assert failure(apprise_channel("json://127.0.0.1/")) == f"channel chat: {hint}"
    path = tmp_path / "config.toml"
    path.write_text('[[channel]]\nname = "chat"\ntype = "apprise"\nurl = "file:urls"\n')
    path.chmod(0o600)
    with pytest.raises(ConfigError) as caught:
        configuration.load(path, registries=(), formats={}, events=EVENT_IDS)
    assert caught.value.problems[0] == f"{path}: channel[0].type: {hint}"
