"""The HTTP server: what it refuses, and what a client cannot do to it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from watcher.core.errors import ConfigError
from watcher.web.page import PageResponse
from watcher.web.server import send, serve

pytestmark = pytest.mark.fault(68)


def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    if environ["PATH_INFO"] == "/broken":
        raise RuntimeError("a defect")
    return send(start_response, PageResponse(body=b"well\n"))


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


def request(method: str = "GET", host: str = "localhost", path: str = "/") -> str:
    return f"{method} {path} HTTP/1.1\r\nHost: {host}\r\n\r\n"


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
    with serve("127.0.0.1:0", app, ["Watch.example.org"]) as port:
        assert ask(port, request(host=host)).split()[1] == str(status)


def test_only_get_and_head_are_answered() -> None:
    with serve("127.0.0.1:0", app) as port:
        for method in ("POST", "PUT", "DELETE", "OPTIONS", "PATCH", "BREW"):
            assert ask(port, request(method)).split()[1] == "405"
        whole, head = ask(port, request()), ask(port, request("HEAD"))
        refused = ask(port, request("HEAD", host="other.example"))
    assert refused.split()[1] == "403"
    assert refused.endswith("\r\n\r\n")
    assert whole.endswith("\r\n\r\nwell\n")
    assert head.endswith("\r\n\r\n")
    assert "nosniff" in head
    assert "no-store" in head


def test_a_defect_in_one_answer_ends_only_that_answer(capfd: pytest.CaptureFixture[str]) -> None:
    with serve("127.0.0.1:0", app) as port:
        assert ask(port, request(path="/broken")).split()[1] == "500"
        assert ask(port, request()).split()[1] == "200"
    assert "a defect" in capfd.readouterr().err


@pytest.mark.parametrize(
    "text", ["GET / HTTP/1.1\r\nHost: local", "", "GET /" + "x" * 70_000, "\x00\xff" * 50 + "\r\n"]
)
def test_a_client_that_is_slow_or_sends_nonsense_is_cut_off(text: str) -> None:
    with serve("127.0.0.1:0", app, deadline=0.2) as port:
        assert "well" not in ask(port, text)
        assert ask(port, request()).split()[1] == "200"


def test_many_silent_clients_cost_few_threads_and_are_closed_soon() -> None:
    with serve("127.0.0.1:0", app, deadline=0.5) as port:
        before = threading.active_count()
        silent = [socket.create_connection(("127.0.0.1", port), timeout=20) for _ in range(60)]
        for sock in silent:
            assert sock.recv(1) == b""  # refused at once, or cut off
            sock.close()
        assert threading.active_count() <= before + 16  # a thread and a timer for each of eight
        assert ask(port, request()).split()[1] == "200"


def test_an_address_that_cannot_be_bound_is_an_error() -> None:
    with (
        serve("127.0.0.1:0", app) as port,
        pytest.raises(ConfigError, match=f"cannot listen on 127.0.0.1:{port}"),
        serve(f"127.0.0.1:{port}", app),
    ):
        pass
