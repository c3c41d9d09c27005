"""Sockets that keep one fetch inside its time, its bytes and the addresses it may talk to.

Knows sockets, addresses and the two seams of urllib3 where they meet (a connection's `_new_conn` and its
`response_class`); knows nothing of HTTP's meaning, of redirects or of retries: that is `watcher/fetch/http.py`.

What the deadline covers: connecting, the TLS handshake (the standard library holds a handshake to one timeout as a
whole), a proxy's answer, every read of headers, chunk sizes and body. What it does not cover: `getaddrinfo`, which
cannot be interrupted and ends when the resolver's own limits say so.
"""

from __future__ import annotations

import http.client
import io
import ipaddress
import socket
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from watcher.core.errors import FetchError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_NAT64 = ipaddress.ip_network("64:ff9b::/96")  # RFC 6052
_NAT64_LOCAL = ipaddress.ip_network("64:ff9b:1::/48")  # RFC 8215
_IPV4_COMPATIBLE = ipaddress.ip_network("::/96")  # RFC 4291 section 2.5.5.1
_SHARED = ipaddress.ip_network("100.64.0.0/10")  # RFC 6598
_LOW_32 = 2**32 - 1


def refused(address: str) -> str | None:
    """Return why an IP address is not a public one ("loopback", "private", …); None for a public one.

    An IPv4 address carried inside an IPv6 one (mapped, compatible, NAT64, 6to4, Teredo) is judged as itself:
    `is_global` alone calls those public.
    """
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        if found in _NAT64_LOCAL:
            return "NAT64 of a local network"
        carried = _carried(found)
        if carried is not None:
            return refused(str(carried))
    verdicts = {
        "unspecified": found.is_unspecified,
        "loopback": found.is_loopback,
        "link-local": found.is_link_local,
        "multicast": found.is_multicast,
        "shared (carrier-grade NAT)": found.version == 4 and found in _SHARED,
        "private": found.is_private or getattr(found, "is_site_local", False),
        "reserved": found.is_reserved or not found.is_global,
    }
    return next((name for name, holds in verdicts.items() if holds), None)


def _carried(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    if address.is_unspecified or address.is_loopback:
        return None  # `::` and `::1` lie in the IPv4-compatible block and have a meaning of their own
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    if address in _NAT64 or address in _IPV4_COMPATIBLE:
        return ipaddress.IPv4Address(int(address) & _LOW_32)
    return None


class Guard:
    """What the fetch under way may still spend; shared by every connection of one Fetcher, so of one thread."""

    def __init__(
        self,
        *,
        deadline: float,
        connect_timeout: float,
        read_timeout: float,
        wire_bytes: int,
        allow_private: bool,
        clock: Callable[[], float],
    ) -> None:
        self._deadline = deadline
        self._connect_timeout = connect_timeout
        self._read_timeout = read_timeout
        self._wire_bytes = wire_bytes
        self._allow_private = allow_private
        self._clock = clock
        self._ends = clock()
        self._received = 0
        self._file: io.BufferedReader | None = None

    def begin(self) -> None:
        """Start the deadline of a fetch."""
        self._ends = self._clock() + self._deadline

    def request(self) -> None:
        """Start counting the bytes of an answer."""
        self._received = 0

    def left(self) -> float:
        """Return the seconds left. Raises FetchError (`deadline`) when there are none."""
        left = self._ends - self._clock()
        if left <= 0:
            raise FetchError("deadline", f"not finished within {self._deadline:g} s", transient=True)
        return left

    def before_read(self, sock: socket.socket) -> None:
        sock.settimeout(min(self._read_timeout, self.left()))

    def after_read(self, count: int) -> None:
        """Count what came over the wire: the last defence against an answer that fools the HTTP parser."""
        self._received += count
        if self._received > self._wire_bytes:
            raise FetchError("too_large", f"more than {self._wire_bytes} bytes on the wire", transient=False)

    def open(self, sock: socket.socket) -> io.BufferedReader:
        """Return the file that an answer is read from."""
        self._file = io.BufferedReader(_GuardedReader(sock, self))
        return self._file

    def abandon(self) -> None:
        """Close the file opened last: urllib3 loses it when it refuses an answer's Content-Length."""
        if self._file is not None:
            self._file.close()

    def connect(self, host: str, port: int, *, options: Any, check: bool) -> socket.socket:
        """Return a socket connected to a host, to an address that may be talked to.

        An address that may not is never sent a packet, and the address that was reached is looked at again.
        """
        check = check and not self._allow_private
        last: FetchError | None = None
        for family, kind, protocol, _, address in _resolve(host, port):
            if check and (why := refused(str(address[0]))):
                last = last or FetchError("address_refused", f"{host} is at a {why} address", transient=False)
                continue
            sock = socket.socket(family, kind, protocol)
            try:
                for option in options or ():
                    sock.setsockopt(*option)
                sock.settimeout(min(self._connect_timeout, self.left()))
                sock.connect(address)
                if check:
                    _look_at_peer(sock, host)
            except OSError as error:
                sock.close()
                last = _not_connected(host, port, error)
            except FetchError:
                sock.close()
                raise
            else:
                return sock
        raise last or FetchError("dns", f"{host} has no address", transient=True)


def _look_at_peer(sock: socket.socket, host: str) -> None:
    if why := refused(str(sock.getpeername()[0])):
        raise FetchError("address_refused", f"{host} is at a {why} address", transient=False)


def _resolve(host: str, port: int) -> list[Any]:
    try:
        return socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        raise FetchError("dns", f"{host} could not be resolved: {error.strerror}", transient=True) from error
    except UnicodeError as error:
        raise FetchError("bad_url", f"{host!a} is not a host name", transient=False) from error


def _not_connected(host: str, port: int, error: OSError) -> FetchError:
    if isinstance(error, TimeoutError):
        return FetchError("timeout", f"no connection to {host} port {port} in time", transient=True)
    return FetchError("connect", f"no connection to {host} port {port}: {error.strerror}", transient=True)


class _GuardedReader(io.RawIOBase):
    """The read side of a socket, held to what is left before every read.

    It wraps the socket's own unbuffered file, which is what keeps the socket open after its connection let go of it.
    """

    def __init__(self, sock: socket.socket, guard: Guard) -> None:
        self._sock = sock
        self._file = sock.makefile("rb", buffering=0)
        self._guard = guard

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int | None:
        self._guard.before_read(self._sock)
        count = self._file.readinto(buffer)
        self._guard.after_read(count or 0)
        return count

    def close(self) -> None:
        if not self.closed:
            self._file.close()
        super().close()


class _Files:
    """The one method of a socket that `http.client.HTTPResponse` uses."""

    def __init__(self, sock: socket.socket, guard: Guard) -> None:
        self._sock = sock
        self._guard = guard

    def makefile(self, *_: object) -> io.BufferedReader:
        return self._guard.open(self._sock)


def _response(sock: socket.socket, *args: Any, guard: Guard, **kwargs: Any) -> http.client.HTTPResponse:
    return http.client.HTTPResponse(_Files(sock, guard), *args, **kwargs)  # type: ignore[arg-type]


class _Guarded(HTTPConnection):
    def __init__(self, *args: Any, guard: Guard, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._guard = guard
        self.response_class = partial(_response, guard=guard)  # type: ignore[assignment]

    def _new_conn(self) -> socket.socket:
        # A proxy is the operator's own choice, and usually stands on a private address.
        return self._guard.connect(self._dns_host, self.port, options=self.socket_options, check=self.proxy is None)


class _GuardedTLS(_Guarded, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Guarded


class _PoolTLS(HTTPSConnectionPool):
    ConnectionCls = _GuardedTLS


class GuardedAdapter(HTTPAdapter):
    """A transport for requests, every connection of which is held by one guard."""

    def __init__(self, guard: Guard) -> None:
        # A pool hands keywords that it does not know to its connections: that is how the guard reaches them.
        self._pools = {"http": partial(_Pool, guard=guard), "https": partial(_PoolTLS, guard=guard)}
        super().__init__(max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **kwargs)
        manager.pool_classes_by_scheme = self._pools
        return manager
