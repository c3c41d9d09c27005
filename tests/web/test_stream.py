"""The live stream sends what checks of any process see, resumes where a client was, and ends with the server."""

from __future__ import annotations

import http.client
import json
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.imports import import_files
from tests.support.port_releases import Row, release, tcp
from tests.web.site import PEOPLE, Site, open_site
from watcher.monitor.result import Outcome
from watcher.reports.events import event_document, find_events
from watcher.store.event_query import EventQuery
from watcher.web.stream import EventStream
from watcher.web.streams import Streams

REST = [tcp("hostile", "35"), Row(description="Unassigned", port="36-40")]
APRIL = release(
    [tcp("alpha", "12", contact="Ann"), tcp("gamma", "20", description="Second service"), *REST], "2021-04-01", PEOPLE
)
MAY = release(
    [tcp("alpha", "13", contact="Ann"), tcp("gamma", "21", description="Second service"), *REST], "2021-05-01", PEOPLE
)
JUNE = release(
    [tcp("alpha", "13", contact="Ann"), tcp("delta", "21", description="Second service"), *REST], "2021-06-01", PEOPLE
)
# Run as another process, which opens the history for itself.
CHECK = """
import pathlib, sys
from watcher.cli.context import load_settings
from watcher.monitor.candidate import Candidate
from watcher.monitor.monitor import Monitor

with Monitor(load_settings(pathlib.Path(sys.argv[1]))) as monitor:
    candidate = Candidate(data=pathlib.Path(sys.argv[2]).read_bytes(), origin="u", observed=sys.argv[3], live=True)
    print(monitor.ingest(monitor.source("ports")).ingest(candidate).outcome)
"""


class Reader:
    """One client of a stream."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.response = response
        self.last = ""

    def next_block(self) -> dict[str, str]:
        """Return the fields of the next block; {} at the end of the stream, a comment as the field ""."""
        fields: dict[str, str] = {}
        for line in self.response:
            text = line.decode().rstrip("\n")
            if not text:
                self.last = fields.get("id", self.last)
                return fields
            name, _, value = text.partition(":")
            fields[name] = value.removeprefix(" ")
        return fields

    def next_event(self) -> dict[str, Any]:
        while "data" not in (fields := self.next_block()):
            assert fields, "the stream ended"
        document: dict[str, Any] = json.loads(fields["data"])
        return document

    def next_events(self, number: int) -> list[str]:
        """Return what the next events say; a comment comes after the last one of a round."""
        return [str(self.next_event()["summary"]) for _ in range(number)]


@contextmanager
def streaming(site: Site, query: str = "", **headers: str) -> Iterator[Reader]:
    connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=60)
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request("GET", f"/api/v1/stream{query}", headers=sent)
    response = connection.getresponse()
    assert response.status == 200, response.read()
    assert response.headers["content-type"].startswith("text/event-stream")
    assert response.headers["cache-control"] == "no-store"
    reader = Reader(response)
    assert reader.next_block()["retry"] == "3000"
    try:
        yield reader
    finally:
        response.close()
        connection.close()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with open_site(tmp_path) as made:
        yield made


def summaries(site: Site, dated: str) -> Sequence[str]:
    """Return what the events of the releases since a day say, in the order in which they were written."""
    with site.context.open_store() as store:
        events = store.history.events.find(EventQuery(since=dated))
    return [event.event.summary for event in events]


def test_events_that_a_check_of_another_process_sees_are_sent(site: Site, tmp_path: Path) -> None:
    (tmp_path / "april.xml").write_bytes(APRIL)
    with streaming(site) as reader:
        arguments = [str(tmp_path / "config.toml"), str(tmp_path / "april.xml"), "2026-01-05T10:00:00Z"]
        checked = subprocess.run(
            [sys.executable, "-c", CHECK, *arguments], capture_output=True, text=True, timeout=60, check=True
        )
        assert checked.stdout.strip() == "changed"
        first = reader.next_event()
        with site.context.open_store() as store:
            report = find_events(store.history, site.context.observation(store), EventQuery(since="2021-04-01"))
        assert first == json.loads(json.dumps(event_document(report.events[0])))
        rest = reader.next_events(len(report.events) - 1)
        assert [first["summary"], *rest] == summaries(site, "2021-04-01")
        assert "alpha" in first["summary"]


def test_a_client_that_was_away_gets_what_it_missed_and_nothing_twice(site: Site) -> None:
    with streaming(site) as reader:
        assert site.check(APRIL, "2026-01-05T10:00:00Z").outcome is Outcome.CHANGED
        april = reader.next_events(len(summaries(site, "2021-04-01")))
    site.check(MAY, "2026-01-05T11:00:00Z")
    may = summaries(site, "2021-05-01")
    assert len(may) >= 2
    with streaming(site, Last_Event_ID=reader.last) as again:
        assert again.next_event()["summary"] == may[0]  # cut off in the middle of a release
    with streaming(site, f"?last_event_id={again.last}") as third:
        assert third.next_events(len(may) - 1) == may[1:]
        site.check(JUNE, "2026-01-05T12:00:00Z")
        assert third.next_events(len(summaries(site, "2021-06-01"))) == summaries(site, "2021-06-01")
    assert not {*april} & {*may}


def test_what_is_imported_or_judged_again_is_no_news(site: Site, tmp_path: Path) -> None:
    site.check(APRIL, "2026-01-05T10:00:00Z")
    with streaming(site) as reader:
        with site.context.open_monitor() as monitor:
            ingest = monitor.ingest(monitor.source("ports"))
            ingest.rebuild_events()
            (tmp_path / "old.xml").write_bytes(release([tcp("alpha", "9"), *REST], "2019-12-01", PEOPLE))
            import_files(ingest, [tmp_path / "old.xml"], "xml")
            assert summaries(site, "2019-12-01")[0] != summaries(site, "2020-02-01")[0]
        site.check(MAY, "2026-01-05T11:00:00Z")
        assert reader.next_events(len(summaries(site, "2021-05-01"))) == summaries(site, "2021-05-01")


def test_after_a_history_was_derived_again_what_was_missed_is_sent(site: Site) -> None:
    """Then all rows are other ones: what was seen shortly before is sent once more, and nothing is lost."""
    with streaming(site) as reader:
        site.check(APRIL, "2026-01-05T10:00:00Z")
        reader.next_events(len(summaries(site, "2021-04-01")))
    site.check(MAY, "2026-01-05T11:00:00Z")
    with site.context.open_monitor() as monitor:
        monitor.ingest(monitor.source("ports")).rebuild()
    with streaming(site, Last_Event_ID=reader.last) as again:
        expected = summaries(site, "2021-04-01")
        assert again.next_events(len(expected)) == expected


def test_the_filters_of_the_api_limit_a_stream(site: Site) -> None:
    with streaming(site, "?port=20-21&event=service-*") as reader:
        site.check(APRIL, "2026-01-05T10:00:00Z")  # changes port 12 alone
        site.check(MAY, "2026-01-05T11:00:00Z")
        (line,) = reader.next_events(1)
        assert "gamma" in line
        site.check(JUNE, "2026-01-05T12:00:00Z")
        (line,) = reader.next_events(1)
        assert "delta" in line


def test_a_release_of_which_the_filters_select_nothing_moves_the_place_alone(site: Site) -> None:
    stream = EventStream(context=site.context, query=EventQuery(ports=((20, 21),), events=("service-*",)))
    with site.context.open_store() as store:
        before = stream._newest(store)
    site.check(APRIL, "2026-01-05T10:00:00Z")  # changes port 12 alone
    events, after = stream.read_new(before)
    assert (list(events), after.row > before.row) == ([], True)
    site.check(MAY, "2026-01-05T11:00:00Z")
    events, _ = stream.read_new(after)
    assert ["gamma" in observed.stored.event.summary for _, observed in events] == [True]


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("?port=x", 400), ("?severity=loud", 400), ("?colour=red", 400), ("?source=none", 404), ("?event=none", 404),
        ("?last_event_id=5", 400), ("?last_event_id=1-1-1-ff-2026-13-01T00:00:00Z", 400), ("?since=2026-01-01", 400),
    ],
)  # fmt: skip
def test_a_wrong_question_is_an_error_and_no_stream(site: Site, query: str, status: int) -> None:
    answer = site.get(f"/api/v1/stream{query}")
    assert answer.status == status
    assert list(json.loads(answer.text)) == ["error"]


def test_a_quiet_stream_has_heartbeats_and_outlives_the_deadline_of_a_response(site: Site) -> None:
    with streaming(site) as reader:
        beats = [reader.next_block() for _ in range(3)]  # of five seconds each; a response has ten
    assert beats == [{"": "heartbeat"}] * 3


def test_there_are_only_so_many_streams_and_a_place_is_given_back(tmp_path: Path) -> None:
    with open_site(tmp_path, streams=Streams(2)) as made:
        with streaming(made), streaming(made):
            answer = made.get("/api/v1/stream")
            assert answer.status == 503
            assert "too many streams" in answer.text
            assert made.get("/ports").status == 200
        made.wait(lambda: made.context.streams.count < 2)
        with streaming(made):
            pass


def test_a_stream_ends_cleanly_with_the_server(tmp_path: Path) -> None:
    with open_site(tmp_path) as made:
        connection = http.client.HTTPConnection("127.0.0.1", made.port, timeout=60)
        connection.request("GET", "/api/v1/stream")
        response = connection.getresponse()
    # The server has stopped. The last chunk is complete: http.client would raise IncompleteRead otherwise.
    text = response.read().decode()
    connection.close()
    assert re.match(r"retry: 3000\nid: \S+\n\n", text)
    assert made.context.streams.count == 0
