"""Measure the pages: the time of each while the daemon writes, the bytes of the first one, the memory of serving."""

from __future__ import annotations

import gzip
import http.client
import re
import shutil
import socket
import sqlite3
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from bench.measuring import WATCHER, Part, Target, cost, memory_of, table
from bench.memory import run_daemon
from bench.series import make_next
from bench.tree import publish
from tests.support.index_server import INDEX, IndexServer, group_path, group_xml, serve_index

_YEARS = 10
_PATIENCE = 300.0
_ROUNDS = 20  # of all pages while the daemon is idle
_PAUSE = 5.0  # seconds before the memory of an idle daemon is read
_GROUP = "iana.group-000"
_PORTS = "/ports.xml"
_CONFIG = """[fetch]
allow_private = true
min_interval = 0
[daemon]
jitter = "0s"
{web}
[[source]]
name = "ports"
url = "{url}{ports}"
[[source]]
name = "iana"
type = "collection"
index = "{url}{index}"
url = "{url}/assignments/{{group}}/{{group}}.xml"
"""
_WEB = '[web]\nlisten = "127.0.0.1:{port}"\nrequests_per_minute = 10000000'


@dataclass(slots=True)
class _Times:
    """The milliseconds of one page: of the first request, and of later ones.

    `beside` are those of `watcher serve` while the daemon writes, `within` those of the daemon that writes.
    """

    first: float
    idle: list[float] = field(default_factory=list)
    beside: list[float] = field(default_factory=list)
    within: list[float] = field(default_factory=list)


def measure(files: Sequence[Path], store: Path, folder: Path, groups: int) -> Part:
    """Ask the daemon for every kind of page while it is idle, and while it ingests a release of every group.

    `store` has a history of all files. Raises SystemExit if a page fails or the daemon ingests nothing meanwhile.
    """
    tree = IndexServer()
    values = publish(tree, groups)
    place = folder / "served"
    shutil.copytree(store, place)
    port = _find_free_port()
    with serve_index(tree):
        _configure(place, tree, "")
        newest = _add_years(place, files)
        tree.pages[_PORTS] = newest.read_bytes()
        cost([*WATCHER, "check"], place)
        with run_daemon(place) as process:
            without = _read_idle_memory(process)
        _configure(place, tree, _WEB.format(port=port))
        with run_daemon(place) as process:
            _wait(lambda: _is_open(port), place, process)
            paths = _list_paths(files, newest)
            times = {name: _Times(_ask(port, path)) for name, path in paths.items()}
            for _ in range(_ROUNDS):
                for name, path in paths.items():
                    times[name].idle.append(_ask(port, path))
            sizes = _measure_overview(port)
            serving = _read_idle_memory(process)
        for name, texts in values.items():
            tree.pages[group_path(name)] = group_xml(name, *texts, f"New in {name}", updated="2020-02-01")
        _forget_checks(place)
        other = _find_free_port()
        with run_daemon(place, "serve", "--listen", f"127.0.0.1:{other}") as server:
            _wait(lambda: _is_open(other), place, server)
            for path in paths.values():
                _ask(other, path)
            with run_daemon(place) as process:
                _wait(lambda: _is_open(port), place, process)
                rounds = _ask_while_it_writes(place, process, (other, port), paths, times, groups)
    return _describe(times, sizes, (without, serving), rounds, groups)


def _add_years(place: Path, files: Sequence[Path]) -> Path:
    """Import a release a month after the newest file until the history has ten years; return the newest."""
    last, first = date.fromisoformat(files[-1].stem), date.fromisoformat(files[0].stem)
    months = max(0, (first.year + _YEARS - last.year) * 12 + first.month - last.month)
    newest, later = files[-1], place / "later"
    later.mkdir()
    for month in range(last.month, last.month + months):
        day = date(last.year + month // 12, month % 12 + 1, 28).isoformat()
        (later / f"{day}.xml").write_bytes(make_next(newest.read_bytes(), day))
        newest = later / f"{day}.xml"
    if months:
        cost([*WATCHER, "import", "ports", str(later)], place)
    return newest


def _list_paths(files: Sequence[Path], newest: Path) -> Mapping[str, str]:
    """Return a path for every kind of page, by what the page shows."""
    first, last = files[0].stem, files[-1].stem
    year = f"{int(last[:4]) - 1}{last[4:]}"
    return {
        "overview": "/",
        "timeline of ports": "/ports",
        "timeline of ports, filtered": "/ports?event=port-*&severity=notice",
        "two neighbouring releases": "/ports/compare",
        "a year": f"/ports/compare?from={year}&to={last}",
        "first and last release": f"/ports/compare?from={first}&to={newest.stem}",
        "port map": "/ports/map",
        "port map with what changed since the first release": f"/ports/map?from={first}",
        "port map, zoomed": "/ports/map?zoom=00",
        "release": f"/ports/release/{last}",
        "entry: port 443": "/ports/entry/443",
        "entry: https": "/ports/entry/https",
        "entry on a day": f"/ports/entry/22/tcp?at={first}",
        "search: http": "/-/search?q=http",
        "search, as one types": "/-/search?q=htt&part=1",
        "document: RFC 9110": "/-/document/rfc9110",
        "deadlines": "/-/deadlines",
        "holds": "/-/holds",
        "timeline of a group": f"/{_GROUP}",
        "entry of a group": f"/{_GROUP}/entry/0",
        "feed of ports": "/-/feed.atom?source=ports",
        "API: events": "/api/v1/events?source=ports&limit=50",
    }


def _ask_while_it_writes(
    place: Path,
    process: subprocess.Popen[bytes],
    ports: tuple[int, int],
    paths: Mapping[str, str],
    times: Mapping[str, _Times],
    groups: int,
) -> int:
    """Ask both servers for all pages again and again while the daemon ingests; return how often."""
    before, rounds = _count_releases(place), 0
    _wait(lambda: _count_releases(place) > before, place, process)
    while _count_releases(place) < before + groups - 1:
        for name, path in paths.items():
            times[name].beside.append(_ask(ports[0], path))
            times[name].within.append(_ask(ports[1], path))
        rounds += 1
    if not rounds:
        raise SystemExit("the daemon had ingested all releases before the first page was asked for")
    return rounds


def _ask(port: int, path: str) -> float:
    """Return the milliseconds of one request, its connection included. The page is sent compressed."""
    started = time.perf_counter()
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=_PATIENCE)) as connection:
        connection.request("GET", path, headers={"Accept-Encoding": "gzip"})
        answer = connection.getresponse()
        answer.read()
    if answer.status != 200:
        raise SystemExit(f"{path}: status {answer.status}")
    return (time.perf_counter() - started) * 1000


def _measure_overview(port: int) -> tuple[int, int]:
    """Return the bytes of the first page with its style sheet and script: uncompressed, and as they are sent."""
    plain = sent = 0
    waiting = ["/"]
    while waiting:
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=_PATIENCE)) as connection:
            connection.request("GET", waiting.pop(), headers={"Accept-Encoding": "gzip"})
            answer = connection.getresponse()
            body = answer.read()
        sent += len(body)
        text = gzip.decompress(body) if answer.headers["Content-Encoding"] == "gzip" else body
        plain += len(text)
        if answer.headers["Content-Type"].startswith("text/html"):
            waiting += re.findall(r'(?:src|href)="(/-/static/[^"]+)"', text.decode())
    return plain, sent


def _describe(
    times: Mapping[str, _Times], sizes: tuple[int, int], memory: tuple[float, float], rounds: int, groups: int
) -> Part:
    lines: list[list[object]] = []
    for name, page in times.items():
        pairs = [(statistics.median(spent), _p95(spent)) for spent in (page.idle, page.beside, page.within)]
        lines.append([name, page.first, *(number for pair in pairs for number in pair)])
    beside = max(times, key=lambda name: _p95(times[name].beside))
    within = max(times, key=lambda name: _p95(times[name].within))
    head = ["page", "first", "idle: median", "95 %", "beside: median", "95 %", "within: median", "95 %"]
    return Part(
        text=(
            f"{_YEARS} years of ports and {groups} generated groups. Milliseconds of whole requests on loopback, one "
            "after another, each in a new connection. *First*: the first request to a daemon with `[web]`. *Idle*: "
            f"{_ROUNDS} later ones while it has nothing to do. *Beside* and *within*: {rounds} requests each, to "
            "`watcher serve` and to the daemon itself, while the daemon ingests a new release of every group. The "
            f"daemon is one Python process, in which pages wait for the ingest.\n\n{table(head, lines)}\n\n"
            f"The slowest page beside the daemon is: {beside}; within it: {within}. "
            f"The overview with its style sheet and script has {sizes[0] / 1000:.1f} kB, of which "
            f"{sizes[1] / 1000:.1f} kB are sent. The idle daemon needs {memory[0]:.0f} MB without `[web]`, and "
            f"{memory[1]:.0f} MB after it served all these pages."
        ),
        targets=[
            Target(
                what="slowest page of `watcher serve` while the daemon writes, 95th percentile",
                measured=_p95(times[beside].beside),
                limit=50,
                unit="ms",
            ),
            Target(
                what="slowest page of the daemon while it writes, 95th percentile",
                measured=_p95(times[within].within),
                limit=50,
                unit="ms",
            ),
            Target(what="overview with style sheet and script", measured=sizes[0] / 1000, limit=100, unit="kB"),
            Target(
                what="memory that `[web]` adds to the idle daemon",
                measured=memory[1] - memory[0],
                limit=40,
                unit="MB",
            ),
        ],
    )


def _p95(values: Sequence[float]) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * 0.95))]


def _configure(place: Path, tree: IndexServer, web: str) -> None:
    (place / "config.toml").write_text(_CONFIG.format(web=web, url=tree.url, ports=_PORTS, index=INDEX))
    (place / "config.toml").chmod(0o600)


def _read_idle_memory(process: subprocess.Popen[bytes]) -> float:
    time.sleep(_PAUSE)
    return memory_of(process.pid)[0]


def _forget_checks(place: Path) -> None:
    """Remove the checks, so that all sources are due."""
    with closing(sqlite3.connect(place / "history.db")) as database, database:
        database.execute("DELETE FROM checks")


def _count_releases(place: Path) -> int:
    with closing(sqlite3.connect(f"file:{place / 'history.db'}?mode=ro", uri=True)) as database:
        number: int = database.execute("SELECT count(*) FROM releases").fetchone()[0]
    return number


def _is_open(port: int) -> bool:
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0


def _wait(is_so: Callable[[], bool], place: Path, process: subprocess.Popen[bytes]) -> None:
    started = time.monotonic()
    while not is_so():
        if process.poll() is not None or time.monotonic() > started + _PATIENCE:
            raise SystemExit(f"the daemon: {(place / 'daemon.log').read_text()[-2000:]}")
        time.sleep(0.05)


def _find_free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port
