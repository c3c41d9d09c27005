"""A server that misbehaves on purpose: raw sockets on loopback, one scripted answer per request.

It reads the head of a request; the test gives it every byte that it sends.
"""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import pytest


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request, header names in lower case; `connection` counts accepted connections from 1."""

    method: str
    target: str
    headers: dict[str, str] = field(default_factory=dict)
    connection: int = 1


Answer = Callable[[socket.socket, threading.Event], bool]
"""Sends one answer and returns whether the connection stays open; the event is set when the server stops."""


def raw(data: bytes, *, keep: bool = False) -> Answer:
    """Send these bytes; then end the connection unless it is kept."""

    def answer(sock: socket.socket, _: threading.Event) -> bool:
        sock.sendall(data)
        return keep

    return answer


def head(status: int = 200, **headers: str | int) -> bytes:
    """Return a status line and headers; underscores stand for hyphens."""
    lines = [f"HTTP/1.1 {status} X", *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def reply(body: bytes = b"", status: int = 200, **headers: str | int) -> Answer:
    """Send a well-formed answer with its true length, and keep the connection."""
    return raw(head(status, **{"Content_Length": len(body), **headers}) + body, keep=True)


def not_modified(**headers: str | int) -> Answer:
    return raw(head(304, **headers), keep=True)


def hang(data: bytes = b"") -> Answer:
    """Send these bytes and then nothing, for as long as the server lives."""

    def answer(sock: socket.socket, stopped: threading.Event) -> bool:
        sock.sendall(data)
        stopped.wait()
        return False

    return answer


def drip(start: bytes, byte: bytes = b"x", every: float = 0.05) -> Answer:
    """Send these bytes and then one more every so often, for ever."""

    def answer(sock: socket.socket, stopped: threading.Event) -> bool:
        sock.sendall(start)
        while not stopped.wait(every):
            sock.sendall(byte)
        return False

    return answer


def flood(start: bytes, block: bytes, sent: list[int] | None = None) -> Answer:
    """Send these bytes and then a block again and again, as fast as it is taken; add the size of each to `sent`."""

    def answer(sock: socket.socket, stopped: threading.Event) -> bool:
        sock.sendall(start)
        while not stopped.is_set():
            sock.sendall(block)
            if sent is not None:
                sent.append(len(block))
        return False

    return answer


def reset(data: bytes = b"") -> Answer:
    """Send these bytes and end the connection with a RST."""

    def answer(sock: socket.socket, _: threading.Event) -> bool:
        sock.sendall(data)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return False

    return answer


class FaultServer:
    """Answers the n-th request with the n-th answer, and every later one with the last; a context manager.

    `raw_start` is sent as soon as a connection is accepted, in place of reading a request: faults below HTTP.
    """

    def __init__(self, *answers: Answer, tls: ssl.SSLContext | None = None, raw_start: Answer | None = None) -> None:
        self.requests: list[Request] = []
        self.connections = 0
        self._answers = answers
        self._tls = tls
        self._raw_start = raw_start
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]

    def url(self, path: str = "/", *, host: str = "127.0.0.1") -> str:
        scheme = "https" if self._tls else "http"
        return f"{scheme}://{host}:{self.port}{path}"

    def __enter__(self) -> Self:
        self._spawn(self._accept)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped.set()
        self._shut(self._listener)
        with self._lock:
            for sock in self._open:
                self._shut(sock)
        for thread in list(self._threads):
            thread.join(timeout=30)
            if thread.is_alive():
                pytest.fail("a thread of the fault server did not end")
        self._listener.close()

    @staticmethod
    def _shut(sock: socket.socket) -> None:
        try:
            sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # the other side was faster

    def _spawn(self, target: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=target, args=args)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._stopped.is_set():
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return  # the listener was shut
            with self._lock:
                self.connections += 1
                self._open.add(sock)
            self._spawn(self._serve, sock, self.connections)

    def _serve(self, sock: socket.socket, connection: int) -> None:
        talk = sock
        try:
            if self._raw_start is not None:
                self._raw_start(sock, self._stopped)
                return
            if self._tls is not None:
                talk = self._tls.wrap_socket(sock, server_side=True)
                with self._lock:
                    self._open.discard(sock)
                    self._open.add(talk)
            self._converse(talk, connection)
        except OSError:
            return  # the client went away, which is what many of these faults are about
        finally:
            with self._lock:
                self._open -= {sock, talk}
            talk.close()
            sock.close()

    def _converse(self, sock: socket.socket, connection: int) -> None:
        with sock.makefile("rb") as lines:
            while not self._stopped.is_set():
                first = lines.readline().decode("latin-1").split()
                if not first:
                    return
                headers: dict[str, str] = {}
                while line := lines.readline().decode("latin-1").strip():
                    name, _, value = line.partition(":")
                    headers[name.lower()] = value.strip()
                lines.read(int(headers.get("content-length", "0")))
                with self._lock:
                    number = len(self.requests)
                    asked = Request(method=first[0], target=first[1], headers=headers, connection=connection)
                    self.requests.append(asked)
                if not self._answers[min(number, len(self._answers) - 1)](sock, self._stopped):
                    return
