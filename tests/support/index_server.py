"""Serves an index page and a document per registry group on loopback, with ETags, and records the requests."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

INDEX = "/protocols/"


@dataclass(frozen=True, slots=True)
class IndexRequest:
    """One request; `connection` counts connections from 1."""

    path: str
    conditional: bool
    status: int
    connection: int


@dataclass(slots=True)
class IndexServer:
    """The pages served, by path. `answers` are statuses (with headers) sent in place of a page."""

    pages: dict[str, bytes] = field(default_factory=dict)
    answers: dict[str, tuple[int, dict[str, str]]] = field(default_factory=dict)
    requests: list[IndexRequest] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def publish(self, *groups: str, index: bool = True) -> None:
        """Serve groups, each with a small document, and an index of exactly these groups."""
        for group in groups:
            self.pages.setdefault(group_path(group), group_xml(group))
        if index:
            self.pages[INDEX] = index_page(groups)

    def take_requests(self) -> list[IndexRequest]:
        """Return the requests since the last call."""
        taken, self.requests = self.requests, []
        return taken


def group_path(group: str) -> str:
    return f"/assignments/{group}/{group}.xml"


def group_xml(group: str, *values: str, updated: str = "2020-01-01") -> bytes:
    """A registry group with one registry in it."""
    records = "".join(
        f"    <record><value>{number}</value><description>{text}</description></record>\n"
        for number, text in enumerate(values or ("Reserved", f"First of {group}"))
    )
    return (
        "<?xml version='1.0' encoding='UTF-8'?>\n"
        f'<registry xmlns="http://www.iana.org/assignments" id="{group}">\n'
        f"  <title>The {group} registry</title>\n  <updated>{updated}</updated>\n"
        f'  <registry id="{group}-1">\n    <title>Values of {group}</title>\n{records}  </registry>\n</registry>\n'
    ).encode()


def index_page(groups: Iterable[str]) -> bytes:
    """An index as IANA lays it out."""
    lines = "".join(
        f'<tr class="iana-protocol-group"><td colspan="3">Protocol of {group}</td></tr>\n'
        f'<tr><td><a href="/assignments/{group}">Values of {group}</a></td>\n'
        f'<td><a href="https://example.org/rfc1">RFC 1</a><br/>'
        f'<span class="iana-protocol-comment">Expert\n Review</span></td></tr>\n'
        for group in groups
    )
    return f"<!DOCTYPE html>\n<html><body><table>{lines}</table></body></html>\n".encode()


@contextmanager
def serve_index(tree: IndexServer) -> Iterator[IndexServer]:
    """Serve during the block."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(tree))
    tree.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield tree
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(tree: IndexServer) -> type[BaseHTTPRequestHandler]:
    numbers: dict[object, int] = {}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body, headers = tree.pages.get(self.path), {"ETag": ""}
            status = 200 if body is not None else 404
            if body is not None:
                headers["ETag"] = f'"{sha256(body).hexdigest()[:16]}"'
                status = 304 if self.headers["If-None-Match"] == headers["ETag"] else 200
            if self.path in tree.answers:
                status, headers = tree.answers[self.path]
            content = body if status == 200 and body is not None else b""
            number = numbers.setdefault(self.connection, len(numbers) + 1)
            tree.requests.append(IndexRequest(self.path, "If-None-Match" in self.headers, status, number))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            if status != 304:
                self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            """Log nothing: the requests are recorded."""

    return Handler
