"""A time-stamping authority (RFC 3161) on loopback: OpenSSL signs, a small HTTP server serves."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

CONFIG = """
[tsa]
default_tsa = own
[own]
serial = {folder}/serial
crypto_device = builtin
signer_cert = {folder}/tsa.pem
signer_key = {folder}/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
accuracy = secs:1
ess_cert_id_alg = sha256
[extensions]
basicConstraints = CA:false
keyUsage = critical, digitalSignature
extendedKeyUsage = critical, timeStamping
"""


@dataclass(slots=True)
class TimestampServer:
    """An authority in a folder. `answer` is sent in place of a time stamp, with its status."""

    folder: Path
    port: int = 0
    answer: tuple[int, bytes] | None = None
    requests: list[bytes] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    @property
    def roots(self) -> Path:
        return self.folder / "ca.pem"

    def openssl(self, *arguments: str) -> str:
        """Run OpenSSL in the folder; return what it prints."""
        process = subprocess.run(
            ["openssl", *arguments], cwd=self.folder, capture_output=True, text=True, check=False, timeout=60
        )
        assert process.returncode == 0, process.stderr
        return process.stdout

    def create(self) -> None:
        """Make the keys of a root and of the authority."""
        self.folder.mkdir()
        (self.folder / "openssl.cnf").write_text(CONFIG.format(folder=self.folder))
        (self.folder / "serial").write_text("01\n")
        curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
        self.openssl(
            "req", "-x509", *curve, "-keyout", "ca.key", "-out", "ca.pem", "-days", "3650", "-subj", "/CN=Root"
        )
        self.openssl("req", *curve, "-keyout", "tsa.key", "-out", "tsa.csr", "-subj", "/CN=Authority")
        self.openssl(
            *("x509", "-req", "-in", "tsa.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"),
            *("-out", "tsa.pem", "-days", "3650", "-extfile", "openssl.cnf", "-extensions", "extensions"),
        )

    def sign(self, request: bytes) -> tuple[int, bytes]:
        self.requests.append(request)
        if self.answer is not None:
            return self.answer
        (self.folder / "request.tsq").write_bytes(request)
        self.openssl(
            *("ts", "-reply", "-config", "openssl.cnf", "-section", "own"),
            *("-queryfile", "request.tsq", "-out", "response.tsr"),
        )
        return 200, (self.folder / "response.tsr").read_bytes()


@contextmanager
def serve_timestamps(folder: Path) -> Iterator[TimestampServer]:
    """Serve during the block."""
    authority = TimestampServer(folder=folder)
    authority.create()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.headers["Content-Type"] == "application/timestamp-query"
            status, body = authority.sign(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(status)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            """Log nothing: the requests are recorded."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    authority.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield authority
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
