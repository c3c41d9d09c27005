"""A small history behind a real server on loopback, for the tests of pages, API and feeds."""

from __future__ import annotations

import http.client
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

from tests.support.fake_clock import FakeClock
from tests.support.imports import import_files
from tests.support.port_releases import Row, person, release, tcp
from watcher.cli.context import load_settings
from watcher.core.times import to_text
from watcher.monitor.candidate import Candidate
from watcher.monitor.monitor import Monitor
from watcher.monitor.result import CheckResult
from watcher.web.access import WebAccess
from watcher.web.app import create_app
from watcher.web.page import PageContext
from watcher.web.server import serve
from watcher.web.streams import Streams

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)> {{7*7}} \u202egnp"
CONFIG = """
[[source]]
name = "ports"
url = "https://registry.example/ports.xml"
"""
PEOPLE = [person("Ann", name="Ann Example", org="Example Org", uri="mailto:ann&example.org")]
ACCESS = WebAccess(address="https://watch.example.org", requests_per_minute=10_000_000)
RELEASES = (
    release([tcp("alpha", "10", contact="Ann"), tcp("beta", "20"), Row(description="Unassigned", port="30-40")],
            "2020-01-01", PEOPLE),
    release([tcp("alpha", "11", contact="Ann"), tcp("beta", "20", description="Second service"),
             Row(description="Unassigned", port="30-40")], "2020-02-01", PEOPLE),
    release([tcp("alpha", "11", contact="Ann"), tcp("gamma", "20", description="Second service"),
             tcp("hostile", "35", description=HOSTILE), Row(description="Unassigned", port="30-34"),
             Row(description="Unassigned", port="36-40")], "2021-03-01", PEOPLE),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    status: int
    text: str
    body: bytes
    headers: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A server and its address."""

    port: int
    context: PageContext

    def check(self, data: bytes, at: str = "") -> CheckResult:
        """Ingest a release as a check does that was served it, in another connection to the history."""
        observed = at or to_text(self.context.clock.now())
        with self.context.open_monitor() as monitor:
            candidate = Candidate(data=data, origin="https://registry.example/ports.xml", observed=observed, live=True)
            return monitor.ingest(monitor.source("ports")).ingest(candidate)

    def wait(self, until: Callable[[], bool], seconds: float = 30.0) -> None:
        """Wait for something that the server does."""
        deadline = time.monotonic() + seconds
        while not until():
            assert time.monotonic() < deadline, "the awaited condition did not come true"
            time.sleep(0.02)

    def get(self, path: str, **headers: str) -> Answer:
        return self.ask("GET", path, **headers)

    def post(self, path: str, fields: Mapping[str, str], **headers: str) -> Answer:
        """Send a form as a page of this server does; an empty header is left out."""
        own = {"Content_Type": "application/x-www-form-urlencoded", "Sec_Fetch_Site": "same-origin"}
        return self.ask("POST", path, urlencode(fields), **{**own, **headers})

    def ask(self, method: str, path: str, body: str = "", **headers: str) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        sent = {name.replace("_", "-"): value for name, value in headers.items() if value}
        connection.request(method, path, body or None, headers=sent)
        response = connection.getresponse()
        body = response.read()
        connection.close()
        return Answer(
            status=response.status,
            text=body.decode("utf-8", "replace"),
            body=body,
            headers={name.lower(): value for name, value in response.getheaders()},
        )


@contextmanager
def open_site(
    folder: Path,
    more: str = "",
    *,
    access: Callable[[], WebAccess] | None = None,
    deliver: Callable[[], None] | None = None,
    streams: Streams | None = None,
) -> Iterator[Site]:
    """Import the releases and serve their history during the block; `more` is added to the configuration."""
    (folder / "config.toml").write_text(CONFIG + more)
    (folder / "config.toml").chmod(0o600)
    settings = load_settings(folder / "config.toml")
    clock = FakeClock()
    with Monitor(settings, clock=clock) as monitor:
        files = []
        for number, data in enumerate(RELEASES):
            files.append(folder / f"{number}.xml")
            files[-1].write_bytes(data)
        ingest = monitor.ingest(monitor.source("ports"))
        import_files(ingest, files, "xml")
    context = PageContext(
        settings=lambda: settings,
        open_monitor=lambda: Monitor(settings, clock=clock),
        clock=clock,
        started=clock.now(),
        access=access or (lambda: ACCESS),
        deliver=deliver,
        streams=streams or Streams(),
    )
    with serve("127.0.0.1:0", create_app(context)) as port:
        yield Site(port=port, context=context)
