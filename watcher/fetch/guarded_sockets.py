"""Sockets that hold one fetch to its deadline, its number of bytes and public addresses.

They hook into a connection of urllib3: its `_new_conn` and its `response_class`. The deadline covers everything but
`getaddrinfo`: nothing can interrupt that, and it ends when the resolver's own limits say so.
"""

from __future__ import annotations

import http.client
import io
import ipaddress
import socket
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from watcher.core.clock import Clock, SystemClock
from watcher.core.errors import FetchError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_NAT64 = ipaddress.ip_network("64:ff9b::/96")  # RFC 6052
_NAT64_LOCAL = ipaddress.ip_network("64:ff9b:1::/48")  # RFC 8215
_IPV4_COMPATIBLE = ipaddress.ip_network("::/96")  # RFC 4291 section 2.5.5.1
_SHARED = ipaddress.ip_network("100.64.0.0/10")  # RFC 6598
_LOW_32 = 2**32 - 1


def refusal(text: str) -> str | None:
    """Return why an IP address is not a public one ("loopback", "private", …); None for a public one.

    An IPv4 address inside an IPv6 one (mapped, compatible, NAT64, 6to4, Teredo) is judged as the IPv4 address, because
    `is_global` calls all of those public.
    """
    address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        if address in _NAT64_LOCAL:
            return "NAT64 of a local network"
        embedded = _embedded_ipv4(address)
        if embedded is not None:
            return refusal(str(embedded))
    kinds = {
        "unspecified": address.is_unspecified,
        "loopback": address.is_loopback,
        "link-local": address.is_link_local,
        "multicast": address.is_multicast,
        "shared (carrier-grade NAT)": address.version == 4 and address in _SHARED,
        "private": address.is_private or getattr(address, "is_site_local", False),
        "reserved": address.is_reserved or not address.is_global,
    }
    return next((name for name, applies in kinds.items() if applies), None)


def _embedded_ipv4(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    if address.is_unspecified or address.is_loopback:
        return None  # `::` and `::1` lie in the IPv4-compatible block and embed no IPv4 address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    if address in _NAT64 or address in _IPV4_COMPATIBLE:
        return ipaddress.IPv4Address(int(address) & _LOW_32)
    return None


@dataclass(slots=True, kw_only=True)
class Guard:
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
        """Close the file opened last: urllib3 loses it when it refuses the Content-Length of a response."""
        if self._file is not None:
            self._file.close()

    def connect(self, host: str, port: int, *, options: Any, check: bool) -> socket.socket:
        """Return a socket connected to a host; with `check` to a public address only, which is checked twice."""
        check = check and not self.allow_private
        last: FetchError | None = None
        for family, kind, protocol, _, address in _resolve(host, port):
            if check and (why := refusal(str(address[0]))):
                last = last or FetchError("address_refused", f"{host} is at a {why} address", transient=False)
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


def _check_peer(sock: socket.socket, host: str) -> None:
    if why := refusal(str(sock.getpeername()[0])):
        raise FetchError("address_refused", f"{host} is at a {why} address", transient=False)


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


class _FileSource:
    """Stands in for a socket: `http.client.HTTPResponse` calls only `makefile`."""

    def __init__(self, sock: socket.socket, guard: Guard) -> None:
        self._sock = sock
        self._guard = guard

    def makefile(self, *_: object) -> io.BufferedReader:
        return self._guard.open_file(self._sock)


def _response(sock: socket.socket, *args: Any, guard: Guard, **kwargs: Any) -> http.client.HTTPResponse:
    return http.client.HTTPResponse(_FileSource(sock, guard), *args, **kwargs)  # type: ignore[arg-type]


class _GuardedConnection(HTTPConnection):
    def __init__(self, *args: Any, guard: Guard, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._guard = guard
        self.response_class = partial(_response, guard=guard)  # type: ignore[assignment]

    def _new_conn(self) -> socket.socket:
        # The operator chose the proxy, which usually has a private address.
        return self._guard.connect(self._dns_host, self.port, options=self.socket_options, check=self.proxy is None)


class _GuardedTLSConnection(_GuardedConnection, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _GuardedConnection


class _PoolTLS(HTTPSConnectionPool):
    ConnectionCls = _GuardedTLSConnection


class GuardedAdapter(HTTPAdapter):
    """A transport for requests whose connections all have the limits of one guard."""

    def __init__(self, guard: Guard) -> None:
        # A pool passes unknown keywords on to its connections: so the guard reaches them.
        self._pools = {"http": partial(_Pool, guard=guard), "https": partial(_PoolTLS, guard=guard)}
        super().__init__(max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **kwargs)
        manager.pool_classes_by_scheme = self._pools
        return manager


def guard_session(session: requests.Session, guard: Guard) -> requests.Session:
    """Return a session whose connections all have the limits of a guard, and that ignores the environment."""
    session.trust_env = False
    for scheme in ("http://", "https://"):
        session.get_adapter(scheme).close()
        session.mount(scheme, GuardedAdapter(guard))
    return session


def session_for_one_request(seconds: float) -> requests.Session:
    """Return a session for one request of up to 256 KiB, from now on; private addresses are allowed."""
    guard = Guard(deadline=seconds, connect_timeout=seconds, read_timeout=seconds, wire_bytes=2**18, allow_private=True)
    guard.begin()
    return guard_session(requests.Session(), guard)
