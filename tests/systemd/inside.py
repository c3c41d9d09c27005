"""The other side, inside the sandbox: a server of releases, receiver of webhooks, and resolver that never answers.

Says on standard output what happens, a line each: `ready`, `GET /ports.xml`, `POST /hook release.changed`, … What is
under /slow is never answered. Ends with its input. Runs by itself: no other module of the tests is seen there.
"""

from __future__ import annotations

import json
import socket
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from standardwebhooks import Webhook

SERVED = Path("/srv")


class Handler(BaseHTTPRequestHandler):
    """GET gives a file of /srv; POST takes a webhook whose signature is good."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        say(f"GET {self.path}")
        hang_if_slow(self.path)
        body = (SERVED / Path(self.path).name).read_bytes()
        self.send_response(200)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        Webhook((SERVED / "webhook-secret").read_text()).verify(body, headers)
        document = json.loads(body)
        kind = document["type"].removeprefix("org.registry-watcher.")
        say(f"POST {self.path} {kind} {document['data'].get('id', '')}")
        hang_if_slow(self.path)
        self.send_response(204)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Say nothing of its own."""


def say(line: str) -> None:
    sys.stdout.write(line.strip() + "\n")
    sys.stdout.flush()


def hang_if_slow(path: str) -> None:
    if path.startswith("/slow"):
        threading.Event().wait()


if __name__ == "__main__":
    resolver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    resolver.bind(("127.0.0.1", 53))
    server = ThreadingHTTPServer(("127.0.0.1", 8080), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    say("ready")
    sys.stdin.read()
