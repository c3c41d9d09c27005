"""Sessions of requests whose connections all have the limits of one guard, one proxy and one set of authorities.

They hook into a connection of urllib3: its `_new_conn` and its `response_class`.
"""

from __future__ import annotations

import email.errors
import email.message
import http.client
import socket
from functools import partial
from pathlib import Path
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.response import HTTPResponse

from watcher.core.errors import FetchError
from watcher.fetch.guarded_sockets import FileSource, Guard
from watcher.fetch.tls import create_tls_context

_MAX_INFORMATIONAL = 20  # 1xx responses before the one that counts


class MalformedHeader(http.client.HTTPException):
    """A malformed header line. http.client loses it and every line after it, Content-Length included."""


class _Response(http.client.HTTPResponse):
    """A response that is read past 1xx responses (RFC 9110 section 15.2), and whose lost headers are an error.

    `lenient`: only the status counts, so lost headers are no error.
    """

    def __init__(self, sock: socket.socket, *args: Any, guard: Guard, lenient: bool, **kwargs: Any) -> None:
        super().__init__(FileSource(sock, guard), *args, **kwargs)  # type: ignore[arg-type]
        self._lenient = lenient

    def _read_status(self) -> tuple[str, int, str]:
        for _ in range(_MAX_INFORMATIONAL):
            version, status, reason = super()._read_status()  # type: ignore[misc]
            if not 100 <= status < 200 or status == http.HTTPStatus.SWITCHING_PROTOCOLS:
                return version, status, reason
            http.client.parse_headers(self.fp)
        raise http.client.HTTPException(f"more than {_MAX_INFORMATIONAL} informational responses")

    def begin(self) -> None:
        super().begin()
        if (line := _malformed_line(self.msg)) is None:
            return
        if not self._lenient:
            raise MalformedHeader(f"the response has a line that is no header, {line[:100]!a}")
        # urllib3 would log what is wrong with them, together with the URL.
        self.msg.set_payload("")
        self.msg.defects.clear()


def _malformed_line(headers: email.message.Message) -> str | None:
    """Return the first line that is no header; None if there is no such line."""
    if isinstance(rest := headers.get_payload(), str) and rest.strip():
        return rest.strip().splitlines()[0]
    # Other defects are of multipart bodies, which are not read here.
    kinds = (email.errors.FirstHeaderLineIsContinuationDefect, email.errors.HeaderDefect)
    return next((str(getattr(defect, "line", "")) for defect in headers.defects if isinstance(defect, kinds)), None)


class _GuardedConnection(HTTPConnection):
    def __init__(self, *args: Any, guard: Guard, lenient: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._guard = guard
        self.response_class = partial(_Response, guard=guard, lenient=lenient)  # type: ignore[assignment]

    def getresponse(self) -> HTTPResponse:  # type: ignore[override]
        try:
            return super().getresponse()
        except BaseException:
            # urllib3 loses the file when it refuses the Content-Length of a response.
            self._guard.close_file()
            raise

    def _new_conn(self) -> socket.socket:
        if self.proxy is None:
            return self._guard.connect(self._dns_host, self.port, options=self.socket_options, check=True)
        try:
            # The operator chose the proxy, which usually has a private address.
            return self._guard.connect(self._dns_host, self.port, options=self.socket_options, check=False)
        except FetchError as error:
            if error.reason == "deadline":
                raise
            raise FetchError("proxy", f"the proxy cannot be reached: {error}", transient=error.transient) from error


class _GuardedTLSConnection(_GuardedConnection, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _GuardedConnection


class _PoolTLS(HTTPSConnectionPool):
    ConnectionCls = _GuardedTLSConnection

    def __init__(self, *args: Any, ca_file: Path | str | None, **kwargs: Any) -> None:
        super().__init__(*args, ssl_context=create_tls_context(ca_file), **kwargs)


class GuardedAdapter(HTTPAdapter):
    """A transport for requests whose connections all have the limits of one guard and trust the same authorities."""

    def __init__(self, guard: Guard, *, ca_file: Path | str | None, lenient: bool) -> None:
        # A pool passes unknown keywords on to its connections: so the guard reaches them.
        options: dict[str, Any] = {"guard": guard, "lenient": lenient}
        self._ca_file = ca_file
        self._pools = {"http": partial(_Pool, **options), "https": partial(_PoolTLS, ca_file=ca_file, **options)}
        super().__init__(max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        if proxy.lower().startswith("https:") and proxy not in self.proxy_manager:
            kwargs["proxy_ssl_context"] = create_tls_context(self._ca_file)
        manager = super().proxy_manager_for(proxy, **kwargs)
        manager.pool_classes_by_scheme = self._pools
        return manager

    def cert_verify(self, conn: Any, *_: Any, **__: Any) -> None:
        """Leave the authorities to the context of the pool: requests would add certifi's to them."""
        conn.cert_reqs = "CERT_REQUIRED"


def guard_session(
    session: requests.Session,
    guard: Guard,
    *,
    ca_file: Path | str | None = None,
    proxy: str | None = None,
    lenient: bool = False,
) -> requests.Session:
    """Return a session whose connections all have the limits of a guard. It ignores proxies of the environment."""
    session.trust_env = False
    session.proxies = {"http": proxy, "https": proxy} if proxy else {}
    for scheme in ("http://", "https://"):
        session.get_adapter(scheme).close()
        session.mount(scheme, GuardedAdapter(guard, ca_file=ca_file, lenient=lenient))
    return session


def session_for_one_request(
    seconds: float, *, ca_file: Path | str | None = None, proxy: str | None = None
) -> requests.Session:
    """Return a session for one request of up to 256 KiB, from now on, of which only the status counts.

    Private addresses are allowed.
    """
    guard = Guard(deadline=seconds, connect_timeout=seconds, read_timeout=seconds, wire_bytes=2**18, allow_private=True)
    guard.begin()
    return guard_session(requests.Session(), guard, ca_file=ca_file, proxy=proxy, lenient=True)
