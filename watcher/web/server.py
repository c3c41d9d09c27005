"""A small HTTP server for a WSGI application that only reads: GET and HEAD, few connections, none for long.

A client can cost one thread for some seconds, never more: a connection beyond the limit is closed, a slow one is cut
off. A Host header that is not configured is refused, so that no web page can read this one under another name (DNS
rebinding).
"""

from __future__ import annotations

import ipaddress
import socket
import socketserver
import threading
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

import structlog

from watcher.core.errors import ConfigError
from watcher.web.page import PageResponse

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

_CONNECTIONS = 8  # at a time
_DEADLINE = 10.0  # seconds, the longest life of a connection
_IDLE = 5.0  # seconds that a client may send nothing

METHOD_NOT_ALLOWED = PageResponse(status="405 Method Not Allowed", body=b"only GET and HEAD\n")
FORBIDDEN = PageResponse(status="403 Forbidden", body=b"the host name is not in [metrics] hosts\n")


class _Handler(WSGIRequestHandler):
    timeout = _IDLE

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Log nothing: scrapes come every few seconds."""


class _Server(socketserver.ThreadingMixIn, WSGIServer):
    daemon_threads = True
    block_on_close = False
    deadline = _DEADLINE
    request_queue_size = 64  # a crowd is accepted and refused at once, not left waiting

    def __init__(self, host: str, port: int) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._room = threading.BoundedSemaphore(_CONNECTIONS)
        super().__init__((host, port), _Handler)

    def server_bind(self) -> None:
        """Bind without asking a resolver for the name of this machine."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])
        self.setup_environ()

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self._room.acquire(blocking=False):
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except BaseException:
            self._room.release()
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        timer = threading.Timer(self.deadline, _cut_off, [request])
        timer.daemon = True
        timer.start()
        try:
            super().process_request_thread(request, client_address)
        finally:
            timer.cancel()
            self._room.release()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - the base class's shape
        structlog.get_logger("watcher.web").debug("request failed", exc_info=True)


def _cut_off(request: socket.socket) -> None:
    with suppress(OSError):  # it has ended already
        request.shutdown(socket.SHUT_RDWR)


@contextmanager
def serve(listen: str, app: WSGIApplication, hosts: Collection[str] = (), deadline: float = _DEADLINE) -> Iterator[int]:
    """Serve at ADDRESS:PORT, under `hosts` too, during the block; give the port. Raises ConfigError."""
    host, _, port = listen.rpartition(":")
    try:
        server = _Server(host.strip("[]"), int(port))
    except OSError as error:
        raise ConfigError(f"metrics.listen: cannot listen on {listen}: {error.strerror}") from None
    server.deadline = deadline
    server.set_app(_guard(app, {name.lower() for name in hosts}))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _guard(app: WSGIApplication, hosts: Collection[str]) -> WSGIApplication:
    def guarded(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            return send(start_response, METHOD_NOT_ALLOWED, ("Allow", "GET, HEAD"))
        is_own = _is_own_host(environ.get("HTTP_HOST", ""), hosts)
        body = app(environ, start_response) if is_own else send(start_response, FORBIDDEN)
        return body if environ["REQUEST_METHOD"] == "GET" else ()

    return guarded


def _is_own_host(host: str, hosts: Collection[str]) -> bool:
    try:
        name = urlsplit(f"//{host}").hostname or ""
        ipaddress.ip_address(name)
    except ValueError:
        return host.rpartition(":")[0].lower() in {"localhost", *hosts} or host.lower() in {"localhost", *hosts}
    return True


def send(start_response: StartResponse, response: PageResponse, *headers: tuple[str, str]) -> list[bytes]:
    start_response(
        response.status,
        [
            ("Content-Type", response.content_type),
            ("Content-Length", str(len(response.body))),
            ("Cache-Control", "no-store"),
            ("X-Content-Type-Options", "nosniff"),
            *headers,
        ],
    )
    return [response.body]
