"""The HTTP server: what it refuses, and what a client cannot do to it."""

from __future__ import annotations

import base64
import gc
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime

import pytest
from structlog.testing import capture_logs

from tests.support.fake_clock import FakeClock
from watcher.config.settings import Settings
from watcher.core.errors import ConfigError, StoreError, UsageError
from watcher.monitor.monitor import Monitor
from watcher.web.access import WebAccess
from watcher.web.app import WebApp, create_app
from watcher.web.html import render_text_error
from watcher.web.page import PageContext, PageRequest, PageResponse
from watcher.web.policy import READ, STATIC
from watcher.web.routes import Route
from watcher.web.server import serve

pytestmark = pytest.mark.fault(68)


def well(context: PageContext, request: PageRequest) -> PageResponse:
    return PageResponse(body=f"well {'|'.join(request.parts)}\n".encode())


def broken(context: PageContext, request: PageRequest) -> PageResponse:
    raise {"usage": UsageError("no such thing"), "store": StoreError("locked")}.get(
        request.text("how"), RuntimeError("a defect")
    )


ROUTES = (
    Route("/", well, READ, render_text_error),
    Route("/{}/entry/{*}", well, READ, render_text_error),
    Route("/broken", broken, READ, render_text_error),
    Route("/open", well, STATIC, render_text_error),
)


def app(hosts: tuple[str, ...] = (), token: str = "", rate: int = 1_000_000, clock: FakeClock | None = None) -> WebApp:
    access = WebAccess(hosts=hosts, token=token, setting="metrics.hosts", requests_per_minute=rate)
    context = PageContext(
        settings=Settings,
        open_monitor=lambda: Monitor(Settings()),
        clock=clock or FakeClock(),
        started=datetime.now(UTC),
        access=lambda: access,
    )
    return create_app(context, ROUTES)


@contextmanager
def asked(port: int, text: str) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port), timeout=20) as sock:
        sock.sendall(text.encode("latin-1"))
        yield sock


def ask(port: int, text: str) -> str:
    answer = b""
    # A client that is cut off sees a reset.
    with asked(port, text) as sock, suppress(ConnectionResetError):
        while more := sock.recv(65536):
            answer += more
    return answer.decode()


def request(method: str = "GET", host: str = "localhost", path: str = "/", more: str = "") -> str:
    return f"{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{more}\r\n"


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200),
        ("LOCALHOST:9876", 200),
        ("127.0.0.1:9876", 200),
        ("192.0.2.7", 200),
        ("[::1]:9876", 200),
        ("watch.example.org", 200),
        ("watch.example.org:80", 200),
        ("evil.example.org", 403),
        ("localhost.evil.example.org", 403),
        ("localhost@evil.example.org", 403),
        ("[::1", 403),
        ("", 403),
    ],
)
def test_it_answers_only_under_configured_host_names(host: str, status: int) -> None:
    with serve("127.0.0.1:0", app(("Watch.example.org",))) as port:
        assert ask(port, request(host=host)).split()[1] == str(status)


@pytest.mark.parametrize("pause", [False, True])
@pytest.mark.parametrize(
    ("head", "body"),
    [
        ("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "zz\r\n"),
        ("Transfer-Encoding: chunked\r\n", "zz\r\n\r\n"),
        ("Transfer-Encoding: chunked\r\n", "ffffffffffffffffffffff\r\n"),
        ("Content-Length: 0\r\n", "\0\0\r\n\r\n"),
    ],
)
def test_a_request_whose_body_is_not_http_is_refused_without_a_traceback(
    caplog: pytest.LogCaptureFixture, head: str, body: str, pause: bool
) -> None:
    with serve("127.0.0.1:0", app()) as port:
        begin = f"POST / HTTP/1.1\r\nHost: localhost\r\n{head}\r\n"
        with asked(port, begin if pause else begin + body) as sock, suppress(ConnectionError):
            if pause:
                assert sock.recv(5) == b"HTTP/"
                sock.sendall(body.encode())
            assert sock.recv(65536)
            while sock.recv(65536):
                pass
        assert ask(port, request()).split()[1] == "200"
    assert [record.getMessage() for record in caplog.records if record.exc_info or record.levelname == "ERROR"] == []


def test_a_request_waits_little_for_threads_that_compute_and_for_garbage() -> None:
    before, frozen = sys.getswitchinterval(), gc.get_freeze_count()
    sys.setswitchinterval(0.005)
    gc.unfreeze()
    try:
        with serve("127.0.0.1:0", app()):
            assert sys.getswitchinterval() < 0.001
            assert gc.get_freeze_count() > 10_000
    finally:
        sys.setswitchinterval(before)
        if frozen:
            gc.freeze()


def test_only_get_and_head_are_answered() -> None:
    with serve("127.0.0.1:0", app()) as port:
        for method in ("POST", "PUT", "DELETE", "OPTIONS", "PATCH"):
            answer = ask(port, request(method))
            assert answer.split()[1] == "405"
            assert "allow: GET, HEAD" in answer
        assert ask(port, request("BREW")).split()[1] == "405"
        whole, head = ask(port, request()), ask(port, request("HEAD"))
        refused = ask(port, request("HEAD", host="other.example"))
    assert refused.split()[1] == "403"
    assert refused.endswith("\r\n\r\n")
    assert whole.endswith("\r\n\r\nwell \n")
    assert head.endswith("\r\n\r\n")
    assert "content-length: 6" in head
    for header in ("nosniff", "private, no-cache", "default-src 'none'", "frame-ancestors 'none'"):
        assert header in head


def test_parts_of_a_path_are_decoded_one_by_one() -> None:
    with serve("127.0.0.1:0", app()) as port:
        assert ask(port, request(path="/a/entry/x%2Fy/z%00")).endswith("well a|x/y|z\0\n")
        assert ask(port, request(path="/a//x")).split()[1] == "404"
        assert ask(port, request(path="/" + "?x=1" * 700)).split()[1] == "400"


def test_a_page_that_did_not_change_is_not_sent_again() -> None:
    with serve("127.0.0.1:0", app()) as port:
        first = ask(port, request(path="/"))
        tag = next(line.split(": ")[1] for line in first.splitlines() if line.startswith("etag"))
        again = ask(port, request(path="/", more=f"If-None-Match: {tag}\r\n"))
    assert again.split()[1] == "304"
    assert again.endswith("\r\n\r\n")


def test_a_defect_in_one_answer_ends_only_that_answer() -> None:
    with serve("127.0.0.1:0", app()) as port, capture_logs() as logs:
        assert ask(port, request(path="/broken")).split()[1] == "500"
        assert "a defect" not in ask(port, request(path="/broken"))
        assert ask(port, request(path="/broken?how=usage")).split()[1] == "404"
        assert ask(port, request(path="/broken?how=store")).split()[1] == "503"
        assert ask(port, request()).split()[1] == "200"
    assert [log["event"] for log in logs] == ["page failed"] * 2


@pytest.mark.parametrize(
    "text", ["GET / HTTP/1.1\r\nHost: local", "", "GET /" + "x" * 70_000, "\x00\xff" * 50 + "\r\n"]
)
def test_a_client_that_is_slow_or_sends_nonsense_is_cut_off(text: str) -> None:
    with serve("127.0.0.1:0", app(), deadline=1) as port:
        assert "well" not in ask(port, text)
        assert ask(port, request()).split()[1] == "200"


def test_many_silent_clients_cost_no_threads_and_are_closed_soon() -> None:
    with serve("127.0.0.1:0", app(), deadline=1.5) as port:
        before = threading.active_count()
        silent = [socket.create_connection(("127.0.0.1", port), timeout=20) for _ in range(60)]
        assert threading.active_count() == before
        for sock in silent:
            with suppress(ConnectionResetError):
                assert sock.recv(1) == b""  # cut off
            sock.close()
        assert ask(port, request()).split()[1] == "200"


def test_an_address_that_cannot_be_bound_is_an_error() -> None:
    with (
        serve("127.0.0.1:0", app()) as port,
        pytest.raises(ConfigError, match=rf"web\.listen: cannot listen on 127.0.0.1:{port}"),
        serve(f"127.0.0.1:{port}", app()),
    ):
        pass


def test_readers_need_the_token_if_there_is_one() -> None:
    def basic(password: str) -> str:
        return f"Authorization: Basic {base64.b64encode(f'anybody:{password}'.encode()).decode()}\r\n"

    with serve("127.0.0.1:0", app(token="s3cret ü")) as port:
        for header in (
            "",
            basic("wrong"),
            basic(""),
            "Authorization: Basic ???\r\n",
            "Authorization: Bearer wrong\r\n",
        ):
            refused = ask(port, request(more=header))
            assert refused.split()[1] == "401"
            assert "basic realm" in refused.lower()
            assert "well" not in refused
        assert ask(port, request(path="/open")).split()[1] == "200"
        assert ask(port, request(more=basic("s3cret ü"))).split()[1] == "200"
