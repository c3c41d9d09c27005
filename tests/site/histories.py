"""A history of a port registry and a group that grows release by release, and the sites that are written from it."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from html import unescape
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

from tests.support.group_releases import group, record, registry
from tests.support.port_releases import Row, release, tcp, udp
from tests.support.run_cli import run_command
from tests.web.site import HOSTILE, PEOPLE
from watcher.site.deltas import Notification

CONFIG = """
[[source]]
name = "ports"
url = "https://registry.example/ports.xml"

[[source]]
name = "toy"
registry = "iana"
url = "https://registry.example/toy.xml"
"""
FREE = Row(description="Unassigned", port="30-40")
WIDE = Row(description="Unassigned", port="2000-9000")  # more ports than a page shows
FILLER = [tcp(f"filler-{number}", str(1000 + number)) for number in range(20)]  # a delta is smaller than all of it
PORTS = (
    release([tcp("alpha", "10", contact="Ann"), tcp("beta", "20"), FREE, WIDE, *FILLER], "2020-01-01", PEOPLE),
    release(
        [tcp("alpha", "11", contact="Ann"), tcp("beta", "20", description="Second"), FREE, *FILLER],
        "2020-02-01", PEOPLE,
    ),
    release(
        [tcp("alpha", "11", contact="Ann"), tcp("gamma", "20", description="Second"),
         tcp("hostile/x", "35", description=HOSTILE), FREE, *FILLER],
        "2021-03-01", PEOPLE,
    ),
    release(
        [tcp("alpha", "11"), udp("gamma", "21"), tcp("hostile/x", "35", description=HOSTILE), *FILLER], "2021-03-01"
    ),
)  # fmt: skip
_COLOURS = ["red", "blue", "sea/green", "..", "a" * 300]
TOYS = tuple(
    group(
        registry("colours", *(record(value=str(place), name=name) for place, name in enumerate(_COLOURS[:number], 1))),
        registry("sizes", record(value="1", name=f"size {number}", references="rfc9000")),
        updated=f"2021-0{number}-01",
    )
    for number in (2, 3, 4, 5)
)
SERIES = {"ports": PORTS, "toy": TOYS}


class GrowingHistory:
    """A folder with a history. `add` imports the next release of a source."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = folder / "config.toml"
        self.config.write_text(CONFIG)
        self.config.chmod(0o600)
        self.number = dict.fromkeys(SERIES, 0)

    def add(self, source: str, number: int = 1) -> None:
        files = []
        for data in SERIES[source][self.number[source] :][:number]:
            files.append(self.folder / f"{source}-{self.number[source]}.xml")
            files[-1].write_bytes(data)
            self.number[source] += 1
        assert self.command("import", source, *map(str, files)).startswith(f"{source}: ")

    def command(self, *arguments: str, code: int = 0) -> str:
        """Return what a command printed; of one that fails, its error."""
        done = run_command(self.config, *arguments)
        assert done.returncode == code, done.stderr
        return done.stdout if code == 0 else done.stderr

    def write(self, name: str = "site", *arguments: str) -> Path:
        self.command("site", str(self.folder / name), *arguments)
        return self.folder / name


def read_files(site: Path) -> dict[str, bytes]:
    """Return every file that a server would serve."""
    return {
        path.relative_to(site).as_posix(): path.read_bytes()
        for path in sorted(site.rglob("*"))
        if path.is_file() and ".watcher-site" not in path.parts
    }


def touched(before: dict[str, tuple[int, bytes]], after: dict[str, tuple[int, bytes]]) -> set[str]:
    """Return the files that were written, whatever their bytes."""
    return {name for name in {*before, *after} if before.get(name) != after.get(name)}


def read_states(site: Path) -> dict[str, tuple[int, bytes]]:
    """Return every file with its inode's time and its bytes."""
    return {name: ((site / name).stat().st_mtime_ns, data) for name, data in read_files(site).items()}


def list_links(page: bytes) -> list[str]:
    return [unescape(link) for link in re.findall(r'(?:href|src|action)="([^"]*)"', page.decode())]


def crawl(site: Path) -> set[str]:
    """Return the pages that links lead to from the first one. Every link must lead to a file."""
    seen, waiting = set(), {"index.html"} if (site / "index.html").exists() else set()
    while waiting:
        name = waiting.pop()
        seen.add(name)
        if not name.endswith(".html"):
            continue
        for link in list_links((site / name).read_bytes()):
            if link.startswith(("data:", "#")):
                continue
            target = ((site / name).parent / unquote(link.partition("?")[0].partition("#")[0])).resolve()
            assert target.is_file(), f"{name} links to {link}"
            waiting |= {target.relative_to(site.resolve()).as_posix()} - seen
    return seen


def check_deltas(folder: Path) -> Notification | None:
    """Return the notification in a folder, all of whose files must be there with their bytes."""
    if not (folder / "notification.json").exists():
        return None
    notification = Notification.read((folder / "notification.json").read_bytes())
    for listed in (notification.snapshot, *notification.deltas):
        data = (folder / listed.file).read_bytes()
        assert (hashlib.sha256(data).hexdigest(), len(data)) == (listed.sha256, listed.size)
        header = json.loads(data.split(b"\n", 1)[0])
        assert (header["version"], header["session"]) == (listed.version, notification.session)
    return notification


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serve_files(folder: Path) -> Iterator[str]:
    """Serve a folder on loopback as any web server does; give its address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
