"""The network locks in conftest.py. 192.0.2.1 is reserved for documentation (RFC 5737): no host has it."""

from __future__ import annotations

import socket
import threading

import pytest
from pytest_socket import SocketConnectBlockedError

from tests.conftest import NetworkRefused, guard, is_here

STRANGER = ("192.0.2.1", 9)


@pytest.fixture(scope="session")
def refused_in_a_session_fixture() -> BaseException:
    """Made before pytest-socket's own guard could matter to a test: only the audit hook is certain to be there."""
    with socket.socket() as sock, pytest.raises(NetworkRefused) as caught:
        sock.connect_ex(STRANGER)
    return caught.value


def test_a_connect_to_another_machine_is_refused_and_names_it() -> None:
    with (
        socket.socket() as sock,
        pytest.warns(UserWarning, match="tried to use socket"),
        pytest.raises(SocketConnectBlockedError, match=r"192\.0\.2\.1"),
    ):
        sock.connect(STRANGER)


def test_connect_ex_which_pytest_socket_does_not_see_is_refused_too() -> None:
    with socket.socket() as sock:
        sock.setblocking(False)
        with pytest.raises(NetworkRefused, match=r"192\.0\.2\.1"):
            sock.connect_ex(STRANGER)


def test_a_datagram_to_another_machine_is_refused() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        with pytest.raises(NetworkRefused):
            sock.sendto(b"x", STRANGER)
        with pytest.raises(NetworkRefused):
            sock.sendmsg([b"x"], [], 0, STRANGER)


def test_a_name_fails_as_without_a_resolver() -> None:
    with pytest.raises(socket.gaierror, match="tests look up no names"):
        socket.getaddrinfo("www.example.com", 443)
    with pytest.raises(socket.gaierror, match="tests look up no names"):
        socket.gethostbyname("www.example.com")


def test_session_fixtures_and_threads_are_held_too(refused_in_a_session_fixture: BaseException) -> None:
    caught: list[BaseException] = []

    def stray() -> None:
        with socket.socket() as sock:
            try:
                sock.connect_ex(STRANGER)
            except NetworkRefused as error:
                caught.append(error)

    thread = threading.Thread(target=stray)
    thread.start()
    thread.join()
    assert isinstance(refused_in_a_session_fixture, NetworkRefused)
    assert len(caught) == 1


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_loopback_works(family: socket.AddressFamily) -> None:
    host = "127.0.0.1" if family == socket.AF_INET else "::1"
    with socket.socket(family) as server:
        try:
            server.bind((host, 0))
        except OSError as error:
            pytest.skip(f"this machine has no {host}: {error}")
        server.listen()
        with socket.socket(family) as client:
            client.connect(server.getsockname())
            peer, _ = server.accept()
            peer.close()


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.8.8.8", "::1", "::1%lo", "::ffff:127.0.0.1", "localhost", "", None, b"::1"]
)
def test_here_is_this_machine(host: object) -> None:
    assert is_here(host)


@pytest.mark.parametrize(
    "host", ["192.0.2.1", "::ffff:192.0.2.1", "2001:db8::1", "127.0.0.1.example.com", "10.0.0.1", b"a.example"]
)
def test_elsewhere_is_not(host: object) -> None:
    assert not is_here(host)


def test_the_guard_lets_other_events_and_unix_sockets_pass() -> None:
    guard("open", ("/etc/hostname", "r", 0))
    guard("socket.connect", (None, "/run/notify"))
