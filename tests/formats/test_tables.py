"""Sources in other formats than IANA XML: tables, JSON and pages, from the server to the history."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest

from tests.support import xhtml_pages
from tests.support.fake_clock import FakeClock
from tests.support.fault_server import FaultServer, reply
from tests.support.port_releases import PORTS, Row, release, tcp, unassigned
from watcher.cli.context import load_settings
from watcher.config.settings import SourceSettings
from watcher.diff.content import read_content
from watcher.formats.iana_xml import reader
from watcher.monitor.monitor import Monitor
from watcher.monitor.result import CheckResult, Outcome

TIMES = (datetime(2026, 1, 2, tzinfo=UTC) + timedelta(hours=hours) for hours in count())


def check(folder: Path, url: str, options: str) -> CheckResult:
    """One check of one source."""
    path = folder / "config.toml"
    path.write_text(
        "[fetch]\nallow_private = true\nmin_interval = 0\nattempts = 1\n"
        f'[[source]]\nname = "t"\nurl = "{url}"\n{options}\n'
    )
    path.chmod(0o600)
    with Monitor(load_settings(path), clock=FakeClock(next(TIMES))) as service:
        source = service.source("t")
        assert isinstance(source, SourceSettings)
        return service.check(source)


def summaries(taken: CheckResult) -> list[str]:
    return [event.summary for event in taken.comparison.events] if taken.comparison else []


def test_a_table_is_known_by_the_columns_that_the_configuration_names(tmp_path: Path) -> None:
    old = b"code,area,name\r\n1,a,one\r\n1,b,other one\r\n2,a,two\r\n"
    new = old.replace(b"2,a,two", b"2,a,deux") + b"3,a,three\r\n"
    options = 'registry = "iana"\nformat = "csv"\nkey = ["area", "code"]'
    with FaultServer(reply(old), reply(new)) as server:
        assert check(tmp_path, server.url("/t.csv"), options).outcome is Outcome.BASELINE
        result = check(tmp_path, server.url("/t.csv"), options)
    assert summaries(result) == ["a 3 three added", "a 2 two renamed to deux"]


def test_a_table_without_its_key_is_no_release(tmp_path: Path) -> None:
    with FaultServer(reply(b"code,name\r\n1,one\r\n")) as server:
        result = check(tmp_path, server.url(), 'registry = "iana"\nformat = "csv"\nkey = ["area"]')
    assert (result.outcome, result.reason) == (Outcome.FAILED, "no_key")
    assert result.message is not None
    assert "'area'" in result.message


def test_a_table_without_titles_has_those_of_the_configuration(tmp_path: Path) -> None:
    options = 'registry = "iana"\nformat = "tsv"\ncolumns = ["code", "name"]'
    with FaultServer(reply(b"1\tone\n2\ttwo\n"), reply(b"1\tone\n2\ttwo\n3\tthree\n")) as server:
        check(tmp_path, server.url(), options)
        result = check(tmp_path, server.url(), options)
    assert (result.outcome, summaries(result)) == (Outcome.CHANGED, ["three added"]), result


@pytest.mark.parametrize(
    ("kind", "old", "new"),
    [
        ("json", b'{"made": "x", "items": [{"id": 1, "name": "one"}]}',
         b'{"made": "x", "items": [{"id": 1, "name": "one"}, {"id": 2, "name": "two"}]}'),
        ("jsonl", b'{"id": 1, "name": "one"}\n', b'{"id": 1, "name": "one"}\n{"id": 2, "name": "two"}\n'),
    ],
)  # fmt: skip
def test_json_is_read_without_any_code(tmp_path: Path, kind: str, old: bytes, new: bytes) -> None:
    options = f'registry = "iana"\nformat = "{kind}"\nkey = ["id"]'
    with FaultServer(reply(old), reply(new)) as server:
        check(tmp_path, server.url(), options)
        result = check(tmp_path, server.url(), options)
    assert summaries(result) == ["2 two added"]


PAGES = 'registry = "ports"\nformat = "xhtml"'
ROWS: list[Row] = [tcp(f"s{number}", str(number)) for number in range(1, 7)]


def in_pages(data: bytes) -> list[bytes]:
    return xhtml_pages.pages(reader.read(data, PORTS.columns), PORTS.columns, size=3)


def test_all_pages_are_one_release_and_each_is_fetched_once(tmp_path: Path) -> None:
    old, new = release([*ROWS, unassigned("7-9")]), release([*ROWS, tcp("new", "7"), unassigned("8-9")], "2020-02-01")
    pages = [*in_pages(old), *in_pages(new)]
    assert len(pages) == 6
    with FaultServer(*map(reply, pages)) as server:
        assert check(tmp_path, server.url("/ports.xhtml"), PAGES).outcome is Outcome.BASELINE
        result = check(tmp_path, server.url("/ports.xhtml"), PAGES)
        targets = [request.target for request in server.requests]
    assert summaries(result) == ["7/tcp assigned to new (was unassigned)"]
    assert targets == ["/ports.xhtml", "/ports.xhtml?&page=2", "/ports.xhtml?&page=3"] * 2
    assert result.release is not None
    assert result.release.release.entries == read_content(new, PORTS).entries


def test_a_page_that_cannot_be_fetched_fails_the_check(tmp_path: Path) -> None:
    first, second, _ = in_pages(release([*ROWS, unassigned("7-9")]))
    with FaultServer(reply(first), reply(second), reply(b"", 503)) as server:
        result = check(tmp_path, server.url("/ports.xhtml"), PAGES)
    assert (result.outcome, result.reason) == (Outcome.FAILED, "http_status")


def test_pages_of_two_releases_are_refused(tmp_path: Path) -> None:
    first, _, _ = in_pages(release([*ROWS, unassigned("7-9")]))
    _, second, third = in_pages(release([*ROWS, unassigned("7-10")], "2020-02-01"))
    with FaultServer(reply(first), reply(second), reply(third)) as server:
        result = check(tmp_path, server.url("/ports.xhtml"), PAGES)
    assert (result.outcome, result.reason) == (Outcome.FAILED, "mixed_pages")
