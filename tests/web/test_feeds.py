"""Feeds that independent readers accept: Atom by feedparser, the calendar by icalendar, JSON Feed by its rules."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import feedparser
import pytest
from icalendar import Calendar
from lxml import etree

from tests.support.group_releases import group, record, registry
from tests.support.imports import import_files
from tests.web.site import HOSTILE, Site, open_site

GROUP = """
[[source]]
name = "toys"
url = "https://registry.example/toys.xml"
registry = "iana"
"""
BASE = "https://watch.example.org"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    with open_site(folder, GROUP) as made:
        import_toys(made, folder)
        yield made


def import_toys(site: Site, folder: Path) -> None:
    """Import a group with early allocations, one expired and one with a hostile name."""
    kite = "kite (TEMPORARY - registered 2025-03-01, expires 2026-03-01)"
    top = f"{HOSTILE} (TEMPORARY - registered 2024-05-05, expires 2025-05-05)"
    plain = record("rfc1", value="1", description="ball")
    with site.context.open_monitor() as monitor:
        files = []
        for day, rows in (
            ("2024-01-01", [plain]),
            ("2025-04-01", [plain, record("rfc9350", value="2", description=kite)]),
            ("2025-05-01", [plain, record("rfc9350", value="2", description=kite),
                            record("draft-ietf-toy-03", value="3", description=top)]),
        ):  # fmt: skip
            files.append(folder / f"toys-{day}.xml")
            files[-1].write_bytes(group(registry("toys", *rows), updated=day))
        ingest = monitor.ingest(monitor.source("toys"))
        import_files(ingest, files, "xml")


FEEDS = {
    "": "gamma",
    "?source=ports": "gamma",
    "?source=ports&entry=20/tcp": "gamma",
    "?source=toys&entry=2": "kite",
    "?port=10-11": "alpha",
    "?event=service-renamed": "gamma",
    "?search=gamma": "gamma",
    "?document=rfc9350": "kite",
    "?kind=added&severity=info&protocol=tcp&service=hostile&since=2020-01-01&until=2030-01-01": "hostile",
}


@pytest.mark.parametrize("query", FEEDS)
def test_an_atom_feed_is_one_to_feedparser(site: Site, query: str) -> None:
    answer = site.get(f"/-/feed.atom{query}")
    feed = feedparser.parse(answer.body)
    assert not feed.bozo, feed.bozo_exception
    assert feed.version == "atom10"
    assert feed.feed.title.startswith("registry-watcher: ")
    links = {link.rel: link.href for link in feed.feed.links}
    assert links["self"] == f"{BASE}/-/feed.atom{query}"
    assert links["alternate"].startswith(f"{BASE}/")
    assert any(FEEDS[query] in entry.title for entry in feed.entries)
    ids = [entry.id for entry in feed.entries]
    assert len(set(ids)) == len(ids) >= 1
    for entry in feed.entries:
        assert entry.link.startswith(f"{BASE}/")
        assert site.get(entry.link.removeprefix(BASE)).status == 200
        assert entry.updated_parsed is not None
    newest = max(entry.updated for entry in feed.entries)
    assert parsedate_to_datetime(answer.headers["last-modified"]) == datetime.fromisoformat(newest)
    assert site.get(f"/-/feed.atom{query}").body == answer.body
    assert site.get(f"/-/feed.atom{query}", If_None_Match=answer.headers["etag"]).status == 304


@pytest.mark.parametrize("query", FEEDS)
def test_a_json_feed_says_what_the_atom_feed_says(site: Site, query: str) -> None:
    answer = site.get(f"/-/feed.json{query}")
    assert answer.headers["content-type"] == "application/feed+json; charset=utf-8"
    document = json.loads(answer.text)
    assert document["version"] == "https://jsonfeed.org/version/1.1"
    assert document["feed_url"] == f"{BASE}/-/feed.json{query}"
    atom = feedparser.parse(site.get(f"/-/feed.atom{query}").body)
    assert [item["id"] for item in document["items"]] == [entry.id for entry in atom.entries]
    for item in document["items"]:
        assert set(item) == {"id", "url", "title", "content_text", "date_published", "tags"}
        assert datetime.fromisoformat(item["date_published"]).tzinfo == UTC
        assert all(isinstance(tag, str) for tag in item["tags"])


def test_the_text_of_the_registry_is_text_in_every_feed(site: Site) -> None:
    for path in ("/-/feed.atom?source=toys&entry=3", "/-/deadlines.atom", "/-/feed.atom?service=hostile"):
        body = site.get(path).body
        names = {etree.QName(element).localname for element in etree.fromstring(body).iter()}
        assert names <= {"feed", "title", "id", "updated", "link", "author", "name", "entry", "category", "content"}
        assert "\u202e" not in body.decode()
    titles = [item["title"] for item in json.loads(site.get("/-/deadlines.json").text)["items"]]
    assert any("<script>alert(1)</script>" in title and "<U+202E>" in title for title in titles)


def test_the_deadlines_are_feeds_with_the_next_one_first(site: Site) -> None:
    feed = feedparser.parse(site.get("/-/deadlines.atom").body)
    assert not feed.bozo
    assert [entry.title.split()[-1] for entry in feed.entries] == ["2026-03-01", "2025-05-05"]
    assert "/toys/entry/2?" in feed.entries[0].link
    assert feed.entries[0].updated == "2025-03-01T00:00:00Z"


def test_the_deadlines_are_a_calendar(site: Site) -> None:
    answer = site.get("/-/deadlines.ics")
    assert answer.headers["content-type"] == "text/calendar; charset=utf-8"
    events: list[Any] = list(Calendar.from_ical(answer.body).walk("VEVENT"))
    assert sorted(event.decoded("DTSTART") for event in events) == [date(2025, 5, 5), date(2026, 3, 1)]
    assert site.get("/-/deadlines.ics").headers["etag"] == answer.headers["etag"]


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("?port=x", 400), ("?since=2024-02-30", 400), ("?severity=loud", 400), ("?colour=red", 400), ("?kind=", 400),
        ("?entry=20", 400), ("?source=none", 404), ("?source=ports&entry=none", 404), ("?event=none", 404),
        ("?document=none", 400), ("?protocol=none", 400),
    ],
)  # fmt: skip
def test_a_filter_that_makes_no_sense_is_an_error_and_no_feed_of_everything(
    site: Site, query: str, status: int
) -> None:
    for name in ("atom", "json"):
        assert site.get(f"/-/feed.{name}{query}").status == status


def test_pages_name_their_feeds(site: Site) -> None:
    for page, feed in (
        ("/", "/-/feed.atom"),
        ("/ports", "/-/feed.atom?source=ports"),
        ("/ports?event=port-*", "/-/feed.atom?source=ports&amp;event=port-%2A"),
        ("/ports/entry/20/tcp", "/-/feed.atom?source=ports&amp;entry=20%2Ftcp"),
        ("/-/document/rfc9350", "/-/feed.atom?document=RFC+9350"),
        ("/-/search?q=gamma", "/-/feed.atom?search=gamma"),
        ("/-/deadlines", "/-/deadlines.atom"),
    ):
        head = site.get(page).text.partition("</head>")[0]
        assert f'type="application/atom+xml" title="Atom" href="{feed}"' in head, page
        assert site.get(feed.replace("&amp;", "&")).status == 200
