"""Sockets that hold one fetch to its deadline, its number of bytes and public addresses.

They hook into a connection of urllib3: its `_new_conn` and its `response_class`. The deadline covers everything but
`getaddrinfo`: nothing can interrupt that, and it ends when the resolver's own limits say so.
"""

from __future__ import annotations

import io
import socket
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from watcher.core.clock import Clock, SystemClock
from watcher.core.errors import FetchError
from watcher.fetch.addresses import refusal

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


class Guard(Struct, kw_only=True):
    """The time and bytes left to the present fetch. All connections of one fetcher share it, so one thread uses it."""

    deadline: float
    connect_timeout: float
    read_timeout: float
    wire_bytes: int
    allow_private: bool
    clock: Clock = field(default_factory=SystemClock)
    _ends: float = 0.0
    _received: int = 0
    _file: io.BufferedReader | None = None

    def begin(self) -> None:
        self._ends = self.clock.monotonic() + self.deadline

    def extend(self, seconds: float) -> None:
        """Extend the deadline by the time that the fetch had to wait for others."""
        self._ends += seconds

    def start_response(self) -> None:
        self._received = 0

    def seconds_left(self) -> float:
        """Return the seconds left. Raises FetchError (`deadline`) if there are none."""
        left = self._ends - self.clock.monotonic()
        if left <= 0:
            raise FetchError("deadline", f"not finished within {self.deadline:g} s", transient=True)
        return left

    def limit_read(self, sock: socket.socket) -> None:
        sock.settimeout(min(self.read_timeout, self.seconds_left()))

    def count_bytes(self, count: int) -> None:
        """Count received bytes: the last defence against a response that fools the HTTP parser."""
        self._received += count
        if self._received > self.wire_bytes:
            raise FetchError("too_large", f"more than {self.wire_bytes} bytes on the wire", transient=False)

    def open_file(self, sock: socket.socket) -> io.BufferedReader:
        self._file = io.BufferedReader(_GuardedReader(sock, self))
        return self._file

    def close_file(self) -> None:
        """Close the file that was opened last."""
        if self._file is not None:
            self._file.close()

    def connect(self, host: str, port: int, *, options: Any, check: bool) -> socket.socket:
        """Return a socket connected to a host; with `check` to a public address only, which is checked twice."""
        check = check and not self.allow_private
        last: FetchError | None = None
        for family, kind, protocol, _, address in _resolve(host, port):
            if check and (error := address_error(host, str(address[0]))):
                last = last or error
                continue
            sock = socket.socket(family, kind, protocol)
            try:
                for option in options or ():
                    sock.setsockopt(*option)
                sock.settimeout(min(self.connect_timeout, self.seconds_left()))
                sock.connect(address)
                if check:
                    _check_peer(sock, host)
            except OSError as error:
                sock.close()
                last = _connect_error(host, port, error)
            except FetchError:
                sock.close()
                raise
            else:
                return sock
        raise last or FetchError("dns", f"{host} has no address", transient=True)


def address_error(host: str, address: str) -> FetchError | None:
    """Return the error that a host is at an address that is not public; None for a public address."""
    if (why := refusal(address)) is None:
        return None
    message = f"{host} is at {address}, which is not public ({why}); allow_private = true in [fetch] allows it"
    return FetchError("address_refused", message, transient=False)


def _check_peer(sock: socket.socket, host: str) -> None:
    if error := address_error(host, str(sock.getpeername()[0])):
        raise error


def _resolve(host: str, port: int) -> list[Any]:
    try:
        return socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        raise FetchError("dns", f"{host} could not be resolved: {error.strerror}", transient=True) from error
    except UnicodeError as error:
        raise FetchError("bad_url", f"{host!a} is not a host name", transient=False) from error


def _connect_error(host: str, port: int, error: OSError) -> FetchError:
    if isinstance(error, TimeoutError):
        return FetchError("timeout", f"no connection to {host} port {port} in time", transient=True)
    return FetchError("connect", f"no connection to {host} port {port}: {error.strerror}", transient=True)


class _GuardedReader(io.RawIOBase):
    """The guarded read side of a socket. Its own file keeps the socket open once urllib3 has let it go."""

    def __init__(self, sock: socket.socket, guard: Guard) -> None:
        self._sock = sock
        self._file = sock.makefile("rb", buffering=0)
        self._guard = guard

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int | None:
        self._guard.limit_read(self._sock)
        count = self._file.readinto(buffer)
        self._guard.count_bytes(count or 0)
        return count

    def close(self) -> None:
        if not self.closed:
            self._file.close()
        super().close()


class FileSource:
    """Stands in for a socket: `http.client.HTTPResponse` calls only `makefile`."""

    def __init__(self, sock: socket.socket, guard: Guard) -> None:
        self._sock = sock
        self._guard = guard

    def makefile(self, *_: object) -> io.BufferedReader:
        return self._guard.open_file(self._sock)
