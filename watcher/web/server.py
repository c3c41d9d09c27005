"""A small HTTP server for a WSGI application that only answers: GET and HEAD, few at a time, none for long.

What a client does can cost a thread and some seconds, never more: beyond so many connections a new one is closed, and
one that is slow is cut off. A name in the Host header that is not ours is refused, so that no page in a browser can be
made to read it under a name of its own (DNS rebinding).
"""

from __future__ import annotations

import ipaddress
import socket
import socketserver
import threading
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

import structlog

from watcher.core.errors import ConfigError

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

_MOST = 8  # connections at a time
_DEADLINE = 10.0  # seconds for a connection, all in all
_SILENT = 5.0  # seconds between two signs of a client


class _Handler(WSGIRequestHandler):
    timeout = _SILENT

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Say nothing: who asks how we are is no news."""


class _Server(socketserver.ThreadingMixIn, WSGIServer):
    daemon_threads = True
    block_on_close = False
    deadline = _DEADLINE
    request_queue_size = 64  # who comes in a crowd is refused at once, not left waiting

    def __init__(self, host: str, port: int) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._room = threading.BoundedSemaphore(_MOST)
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
        end = threading.Timer(self.deadline, _cut, [request])
        end.daemon = True
        end.start()
        try:
            super().process_request_thread(request, client_address)
        finally:
            end.cancel()
            self._room.release()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - the base class's shape
        structlog.get_logger("watcher.web").debug("a request was not answered", exc_info=True)


def _cut(request: socket.socket) -> None:
    with suppress(OSError):  # it has ended by itself
        request.shutdown(socket.SHUT_RDWR)


@contextmanager
def served(
    listen: str, app: WSGIApplication, hosts: Collection[str] = (), deadline: float = _DEADLINE
) -> Iterator[int]:
    """Serve an application at ADDRESS:PORT for as long as the context lasts; give the port. Raises ConfigError.

    `hosts` are the names it may be asked under besides `localhost` and any address; `deadline` is in seconds.
    """
    host, _, port = listen.rpartition(":")
    try:
        server = _Server(host.strip("[]"), int(port))
    except OSError as error:
        raise ConfigError(f"metrics.listen: cannot listen on {listen}: {error.strerror}") from None
    server.deadline = deadline
    server.set_app(_guarded(app, {name.lower() for name in hosts}))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _guarded(app: WSGIApplication, hosts: Collection[str]) -> WSGIApplication:
    def guarded(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            return answer(start_response, "405 Method Not Allowed", "only GET and HEAD\n", ("Allow", "GET, HEAD"))
        if not _ours(environ.get("HTTP_HOST", ""), hosts):
            return answer(start_response, "403 Forbidden", "asked under a name that is not in [metrics] hosts\n")
        body = app(environ, start_response)
        return body if environ["REQUEST_METHOD"] == "GET" else ()

    return guarded


def _ours(host: str, hosts: Collection[str]) -> bool:
    try:
        name = urlsplit(f"//{host}").hostname or ""
        ipaddress.ip_address(name)
    except ValueError:
        return host.rpartition(":")[0].lower() in {"localhost", *hosts} or host.lower() in {"localhost", *hosts}
    return True


def answer(
    start: Callable[[str, list[tuple[str, str]]], object], status: str, text: str, *more: tuple[str, str]
) -> list[bytes]:
    """Begin a plain answer and return its body."""
    body = text.encode()
    headers = [
        ("Content-Type", "text/plain; charset=utf-8"),
        ("Content-Length", str(len(body))),
        ("Cache-Control", "no-store"),
        ("X-Content-Type-Options", "nosniff"),
        *more,
    ]
    start(status, headers)
    return [body]
