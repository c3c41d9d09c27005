"""Memento (RFC 7089), by an independent client and by a strict reader of its headers and of link format (RFC 6690)."""

from __future__ import annotations

import json
import re
from datetime import datetime
from email.utils import format_datetime, parsedate_to_datetime

import pytest
from memento_client import MementoClient

from tests.web.site import ACCESS, RELEASES, Answer, Site, open_site
from watcher.web.access import WebAccess

BASE = ACCESS.address
BEFORE, BETWEEN, AFTER = (
    "Thu, 31 May 2007 20:35:00 GMT",
    "Wed, 15 Jan 2020 12:00:00 GMT",
    "Mon, 01 Jan 2035 00:00:00 GMT",
)
# Original → days of its mementos: a source changes with each release, an entry with some of them.
ORIGINALS = {
    "/ports": ["2020-01-01", "2020-02-01", "2021-03-01"],
    "/ports/release/latest/bytes": ["2020-01-01", "2020-02-01", "2021-03-01"],
    "/ports/entry/alpha": ["2020-01-01", "2020-02-01"],
    "/ports/entry/10/tcp": ["2020-01-01", "2020-02-01"],  # the second removed it
    "/ports/entry/20/tcp": ["2020-01-01", "2020-02-01", "2021-03-01"],
    "/ports/entry/hostile": ["2021-03-01"],
    "/api/v1/sources/ports/entries/20%2Ftcp": ["2020-01-01", "2020-02-01", "2021-03-01"],
}
_LINK = re.compile(r'<([^<>\s]+)>((?:; ?[a-z]+="[^"]*")+)')


def read_links(text: str) -> list[tuple[str, dict[str, str]]]:
    """Read links, all of the text: whatever is no link between commas is an error."""
    links, place = [], 0
    text = text.strip()
    while place < len(text):
        match = _LINK.match(text, place)
        assert match, text[place : place + 80]
        names = re.findall(r'([a-z]+)="([^"]*)"', match[2])
        assert len(dict(names)) == len(names)
        links.append((match[1], dict(names)))
        separator = re.compile(r",\s*|$").match(text, match.end())
        assert separator, text[match.end() : match.end() + 40]
        place = separator.end()
    return links


def day_of(year: int, month: int, day: int) -> datetime:
    """Return midnight as the client has it: UTC without a zone."""
    return datetime(year, month, day)  # noqa: DTZ001


def by_relation(answer: Answer) -> dict[str, str]:
    return {rel: url for url, names in read_links(answer.headers["link"]) for rel in names["rel"].split()}


def strip(url: str) -> str:
    assert url.startswith(f"{BASE}/")
    return url.removeprefix(BASE)


@pytest.mark.parametrize("original", ORIGINALS)
def test_an_original_names_its_timegate_and_the_timemap_lists_its_states(site: Site, original: str) -> None:
    named = by_relation(site.get(original))
    assert (strip(named["timegate"]), strip(named["timemap"])) == (f"/-/timegate{original}", f"/-/timemap{original}")
    answer = site.get(strip(named["timemap"]))
    assert answer.headers["content-type"] == "application/link-format"
    links = read_links(answer.text)
    relations = [names["rel"] for _, names in links]
    assert relations[:3] == ["original", "self", "timegate"]
    mementos = [(url, names) for url, names in links if "memento" in names["rel"].split()]
    days = [parsedate_to_datetime(names["datetime"]).date().isoformat() for _, names in mementos]
    assert days == ORIGINALS[original]
    assert "first" in mementos[0][1]["rel"]
    assert "last" in mementos[-1][1]["rel"]
    assert sum("first" in relation for relation in relations) == sum("last" in relation for relation in relations) == 1
    itself = {names["rel"]: names for _, names in links}["self"]
    assert (itself["from"], itself["until"]) == (mementos[0][1]["datetime"], mementos[-1][1]["datetime"])
    for url, names in mementos:
        memento = site.get(strip(url))
        assert memento.status == 200
        assert memento.headers["memento-datetime"] == names["datetime"]
        back = by_relation(memento)
        assert (strip(back["original"]), back["timemap"]) == (original, named["timemap"])


@pytest.mark.parametrize("original", ORIGINALS)
def test_a_timegate_leads_to_the_state_that_held(site: Site, original: str) -> None:
    days = ORIGINALS[original]
    for when, day in ((BEFORE, days[0]), (BETWEEN, days[0]), (AFTER, days[-1]), (None, days[-1])):
        answer = site.get(f"/-/timegate{original}", **({"Accept_Datetime": when} if when else {}))
        assert answer.status == 302
        assert answer.headers["vary"].lower() == "accept-datetime"
        assert "memento-datetime" not in answer.headers
        relations = by_relation(answer)
        assert {"original", "timemap", "first", "last", "memento"} <= relations.keys()
        assert "timegate" not in relations
        memento = site.get(strip(answer.headers["location"]))
        assert parsedate_to_datetime(memento.headers["memento-datetime"]).date().isoformat() == day


@pytest.mark.parametrize(
    "date",
    ["yesterday", "2020-01-15", "2020-01-15T00:00:00Z", "Wed, 15 Jan 2020 12:00:00 +0000",
     "Thu, 15 Jan 2020 12:00:00 GMT",
     "Wed, 32 Jan 2020 12:00:00 GMT", "Wednesday, 15-Jan-20 12:00:00 GMT", "Wed, 15 Jan 2020 12:00 GMT", " "],
)  # fmt: skip
def test_a_malformed_date_is_refused(site: Site, date: str) -> None:
    answer = site.get("/-/timegate/ports", Accept_Datetime=date)
    assert answer.status == 400
    assert "location" not in answer.headers


@pytest.mark.parametrize(
    "path",
    ["/none", "/ports/entry/none", "/ports/map", "/ports/entry/", "/api/v1/events", "/-/holds", "/ports/release/x"],
)
def test_what_has_no_states_has_no_timegate(site: Site, path: str) -> None:
    assert site.get(f"/-/timegate{path}").status == 404
    assert site.get(f"/-/timemap{path}").status == 404


def test_a_memento_of_the_document_is_its_bytes(site: Site) -> None:
    answer = site.get("/-/timegate/ports/release/latest/bytes", Accept_Datetime=BETWEEN)
    assert site.get(strip(answer.headers["location"])).body == RELEASES[0]
    assert site.get("/ports/release/latest/bytes").body == RELEASES[-1]


def test_a_memento_in_the_api_says_what_held(site: Site) -> None:
    answer = site.get("/-/timegate/api/v1/sources/ports/entries/20%2Ftcp", Accept_Datetime=BETWEEN)
    (current,) = json.loads(site.get(strip(answer.headers["location"])).text)["current"]
    assert current["name"] == "beta"


@pytest.mark.parametrize("path", ["/ports", "/ports/entry/20/tcp", "/api/v1/sources/ports/entries/20%2Ftcp"])
def test_an_independent_client_finds_the_state_of_a_day(tmp_path_factory: pytest.TempPathFactory, path: str) -> None:
    access = WebAccess(requests_per_minute=10_000_000)  # without an address, links lead to the host that was asked
    with open_site(tmp_path_factory.mktemp("site"), access=lambda: access) as made:
        address = f"http://127.0.0.1:{made.port}"
        with MementoClient(check_native_timegate=True) as client:
            for when, day in ((day_of(2020, 1, 15), "2020-01-01"), (day_of(2007, 1, 1), "2020-01-01"),
                              (day_of(2020, 6, 1), "2020-02-01"), (day_of(2035, 1, 1), "2021-03-01")):  # fmt: skip
                info = client.get_memento_info(f"{address}{path}", when)
                assert info["original_uri"] == f"{address}{path}"
                assert info["timegate_uri"] == f"{address}/-/timegate{path}"
                closest = info["mementos"]["closest"]
                assert closest["http_status_code"] == 200
                assert closest["datetime"].date().isoformat() == day
                assert info["mementos"]["first"]["datetime"] == day_of(2020, 1, 1)
                assert info["mementos"]["last"]["datetime"] == day_of(2021, 3, 1)
                again = client.get_memento_info(closest["uri"][0], when)  # from a memento back to its original
                assert again["original_uri"] == f"{address}{path}"


def test_dates_of_these_tests_are_well_formed() -> None:
    for date in (BEFORE, BETWEEN, AFTER):
        assert format_datetime(parsedate_to_datetime(date), usegmt=True) == date
