"""The pages: what they say, where their links lead, and that registry text is inert on all of them."""

from __future__ import annotations

import hashlib
import json
import re
from html import unescape
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlencode, urljoin, urlsplit

import pytest

from tests.monitor.test_moves import MOVE
from tests.support.port_releases import release, tcp
from tests.web.site import RELEASES, Site, open_site
from watcher.cli.context import load_settings
from watcher.core.check_results import OpenAlarm
from watcher.core.read_settings import ReadSettings
from watcher.daemon.self_check import SelfCheck
from watcher.monitor.candidate import Candidate
from watcher.monitor.health import UNHEALTHY
from watcher.monitor.ingest import ReleaseIngest
from watcher.monitor.monitor import Monitor
from watcher.monitor.source_parts import assemble_parts
from watcher.registries.event_details import describe_events
from watcher.reports.release_diff import compare_releases
from watcher.web.pages import timeline
from watcher.web.routes import ROUTES

PAGES = (
    "/",
    "/ports",
    "/ports?kind=modified&severity=notice&event=service-*&port=10-11&text=alpha&since=2020-01-01&until=2022-01-01",
    "/ports/compare",
    "/ports/compare?from=2020-01-01&to=2021-03-01&quiet=1",
    "/ports/compare?a=0&b=2",
    "/ports/releases",
    "/ports/releases?start=1",
    "/ports/map",
    "/ports/map?at=2021-03-01&from=2020-01-01&protocol=tcp&zoom=00",
    "/ports/release/2020-02-01",
    "/ports/entry/20/tcp",
    "/ports/entry/hostile",
    "/ports/entry/alpha?at=2020-01-15",
    "/ports/entry/Ann",
    "/-/search?q=service",
    "/-/search?q=20",
    "/-/deadlines",
    "/-/holds",
    "/-/document/rfc9147",
    "/none",
    "/ports/entry/none",
)


class Tags(HTMLParser):
    """Collects the tags of a page and what would run or load something."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.handlers: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        for name, value in attributes:
            if name == "href" and (tag == "a" or ("rel", "alternate") in attributes):
                self.links.append(value or "")
            elif name in ("src", "href", "action"):
                self.loaded.append(value or "")
            elif name.startswith("on") or name == "style":
                self.handlers.append(name)


def read(site: Site, path: str) -> Tags:
    tags = Tags()
    tags.feed(site.get(path).text)
    return tags


@pytest.mark.fault(31)
@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_answered_and_registry_text_is_inert(site: Site, path: str) -> None:
    answer = site.get(path)
    assert answer.status == (404 if "none" in path else 200), answer.text
    tags = read(site, path)
    assert tags.names.count("script") == (2 if path == "/" else 1)  # live.js
    assert tags.handlers == []
    assert "img" not in tags.names
    assert all(url.startswith(("/-/static/", "/-/search", "data:,")) for url in tags.loaded), tags.loaded
    if path == "/ports/entry/hostile":
        assert "{{7*7}}" in answer.text
        assert "&lt;script&gt;" in answer.text
    assert "\u202e" not in answer.text
    policy = answer.headers["content-security-policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy


def test_every_link_of_every_page_leads_to_a_page(site: Site) -> None:
    seen, waiting = set(), {path for path in PAGES if "none" not in path}
    while waiting and len(seen) < 150:
        path = waiting.pop()
        seen.add(path)
        answer = site.get(path)
        assert answer.status == 200, path
        if answer.headers["content-type"].startswith("text/html"):
            links = {urljoin(path, link) for link in read(site, path).links}
            assert not [link for link in links if urlsplit(link).netloc]
            waiting |= {link.partition("#")[0] for link in links} - seen
    assert len(seen) > 40


def test_the_overview_shows_sources_and_the_newest_events(site: Site) -> None:
    text = site.get("/").text
    assert 'href="/ports"' in text
    assert "gamma" in text
    assert "No early allocation expires" in text


def test_many_sources_are_shown_a_page_at_a_time(site: Site, tmp_path: Path) -> None:
    assert "Pages of sources" not in site.get("/").text
    more = "".join(f'[[source]]\nname = "s{n:03}"\nurl = "https://x.example/{n}"\n' for n in range(249))
    with open_site(tmp_path, more) as many:
        with many.context.open_monitor() as monitor, monitor.store.transaction():
            for name in ("s240", "unconfigured"):
                monitor.store.alarms.add_alarm(OpenAlarm(source=name, notice=UNHEALTHY, since="2020-01-01T00:00:00Z"))
        shown, path, pages = [], "/", 0
        while path:
            page = many.get(path).text
            shown += re.findall(r'<td class="main"><a href="/([^"]*)">', page)
            assert re.search(r'failing</span> <a href="/s240">s240</a></p>', page), path
            last, path = path, next(iter(re.findall(r'href="([^"]*)" rel="next"', page)), "")
            pages += 1
        assert (pages, shown) == (3, ["ports", *(f"s{n:03}" for n in range(249))])
        assert "201 to 250 of 250 sources" in page
        before = [re.findall(r'href="([^"]*)" rel="prev"', many.get(path).text) for path in (last, "/?after=s098", "/")]
        assert before == [["/?after=s098"], ["/"], []]
        found = many.get("/?source=24").text
        assert re.findall(r'<td class="main"><a href="/([^"]*)">', found) == [
            *(f"s{n}24" for n in (0, 1, 2)), *(f"s24{n}" for n in range(9)),
        ]  # fmt: skip
        assert "No source has this in its name" in many.get("/?source=absent").text
        assert many.get("/?after=absent").status == 404


def test_two_days_are_compared_events_first_and_the_differing_words_are_marked(site: Site) -> None:
    text = site.get("/ports/compare?from=2020-01-01&to=2020-02-01").text
    assert text.index("service-moved") < text.index("Exact changes")
    assert "<del>10</del>" in text
    assert "<ins>11</ins>" in text
    assert re.search(r"<del>The beta</del> <ins>|<ins>Second</ins> service", text)
    filtered = site.get("/ports/compare?from=2020-01-01&to=2020-02-01&text=beta").text
    assert "alpha" not in filtered.split('class="counts"')[1]


def test_every_filter_of_a_comparison_selects_events_and_their_changes(site: Site) -> None:
    address = "/ports/compare?from=2020-01-01&to=2021-03-01"
    whole = site.get(address).text
    assert all(name in whole for name in ("alpha", "gamma", "hostile"))
    for query, shown, hidden in (
        ("event=service-moved", "alpha", "gamma"),
        ("event=service-m*", "alpha", "gamma"),
        ("severity=notice&kind=added", "hostile", "gamma"),
        ("kind=modified&port=10-11", "alpha", "hostile"),
        ("text=second", "gamma", "alpha"),
    ):
        text = site.get(f"{address}&{query}").text.split('class="sliders"')[1].partition("<footer>")[0]
        events, _, changes = text.partition("Exact changes")
        assert shown in changes, query
        assert hidden not in events + changes, query
        # A slider keeps the filters.
        name, _, value = query.partition("&")[0].partition("=")
        assert f'type="hidden" name="{name}" value="{value}"' in text
    assert "<small>quiet</small>" not in whole
    assert "<small>quiet</small>" in site.get(f"{address}&quiet=1").text


def test_a_note_that_changed_differs_although_no_entry_does(tmp_path: Path) -> None:
    with open_site(tmp_path) as site:
        for note in ("A note.", "Another note."):
            site.check(release([tcp("later", "12")], "2024-05-01", note=note))
        for path in ("/ports/compare", "/ports/release/latest"):
            page = site.get(path).text
            assert "Nothing differs" not in page
            assert "No entry differs." in page
            assert "registry-note-changed" in page


def test_a_filter_keeps_the_releases_of_one_day_apart(tmp_path: Path) -> None:
    with open_site(tmp_path) as site:
        for number in (12, 13):
            site.check(release([tcp("later", str(number))], "2024-05-01"))
        page = site.get("/ports/compare").text
        form = page.partition('<form class="filters">')[2].partition("</form>")[0]
        fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', form))
        assert fields["from"] == fields["to"] == "2024-05-01"
        filtered = site.get(f"/ports/compare?{urlencode({**fields, 'text': 'later'})}").text
        assert "later moved from 12/tcp to 13/tcp" in filtered
        other = site.get(f"/ports/compare?{urlencode({**fields, 'from': '2020-02-01', 'text': ''})}").text
        assert "<title>ports: 2020-02-01 to 2024-05-01" in other


def test_a_comparison_says_what_it_does_not_show(site: Site) -> None:
    address = "/ports/compare?from=2020-01-01&to=2021-03-01"
    assert "changes; quiet changes and columns that are the same are not shown" in site.get(address).text
    assert "changes; columns that are the same" in site.get(f"{address}&quiet=1").text
    assert "No event or change matches; quiet changes are not shown." in site.get(f"{address}&text=nowhere").text
    assert site.get("/ports/compare?from=2020-01-01&to=2020-01-01").text.count("Nothing differs.") == 1
    assert "No port changed its use" in site.get("/ports/map?at=2020-01-01&from=2020-01-01").text


@pytest.mark.parametrize("path", ["/ports?", "/ports/compare?from=2020-01-01&to=2021-03-01&"])
def test_ports_are_filtered_as_the_field_shows(site: Site, path: str) -> None:
    """Its example is `443, 8000-8100`."""
    for ports, names in (("10-11", {"alpha"}), ("10-11, 35", {"alpha", "hostile"}), ("20 35", {"gamma", "hostile"})):
        query = urlencode({"port": ports})
        found = site.get(f"{path}{query}").text.partition('class="events')[2].partition("</ul>")[0]
        assert {name for name in ("alpha", "gamma", "hostile") if name in found} == names, ports
    assert len(json.loads(site.get(f"/-/feed.json?{query}").text)["items"]) == 3


@pytest.mark.parametrize(
    "path",
    [
        "/ports?since=2020-13-01",
        "/ports?until=yesterday",
        "/ports?port=70000",
        "/ports?port=443,x",
        "/ports?kind=none",
        "/ports?severity=high",
        "/ports?before=1",
        "/ports/compare?port=9-8",
        "/ports/compare?kind=none",
        "/ports/map?at=2020-02-30",
        "/ports/map?from=x",
        "/ports/map?protocol=http",
    ],
)
def test_a_filter_that_makes_no_sense_is_an_error(site: Site, path: str) -> None:
    answer = site.get(path)
    assert answer.status == 400
    assert path.partition("=")[2].partition(",")[2] or path.partition("=")[2] in answer.text


def test_older_events_follow_one_another_also_within_a_day(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = re.compile(r'href="(/-/event/\w+)"')
    every = shown.findall(site.get("/ports").text)
    monkeypatch.setattr(timeline, "_EVENTS", 1)
    found, path = [], "/ports?kind=&until=2022-01-01"
    while path:
        text = site.get(path).text
        found += shown.findall(text)
        path = next((unescape(link) for link in re.findall(r'href="([^"]*)">Older events', text)), "")
        assert len(found) <= len(every)
    assert found == every
    assert len(every) > len(RELEASES)


def test_a_year_without_a_change_has_its_place_in_the_chart(tmp_path: Path) -> None:
    with open_site(tmp_path) as site:
        site.check(release([tcp("later", "12")], "2024-05-01"))
        chart = site.get("/ports").text.partition("<svg")[2].partition("</svg>")[0]
    assert re.findall(r'class="middle">(\d+)<', chart) == ["2020", "2021", "2022", "2023", "2024"]


def test_a_removed_entry_has_its_page_on_every_day(site: Site) -> None:
    for day, alert in (("2020-01-15", False), ("2020-02-15", True), ("2022-01-01", True)):
        text = site.get(f"/ports/entry/10/tcp?at={day}").text
        assert ("No such entry in the release" in text or "no such entry any more" in text) is alert, day
        assert "alpha" in text
    link = re.search(r'href="([^"]*)">Permanent link', site.get("/ports/entry/10/tcp?at=2020-01-15").text)
    assert link
    assert "alpha" in site.get(link[1].replace("&amp;", "&")).text


def test_a_contact_has_no_status(site: Site) -> None:
    assert "assigned" not in site.get("/ports/entry/Ann").text
    assert "assigned since" in site.get("/ports/entry/20/tcp").text


def test_a_contact_leads_to_the_entries_that_name_it(site: Site) -> None:
    text = site.get("/ports/entry/Ann").text
    cloud = text.partition("Entries that name this contact")[2].partition("</p>")[0]
    assert re.findall(r'href="([^"]*)">([^<]*)</a>', cloud) == [("/ports/entry/11/tcp", "11/tcp alpha")]
    assert "Entries that name" not in site.get("/ports/entry/20/tcp").text


def test_links_lead_to_the_pages_of_documents(tmp_path: Path) -> None:
    with open_site(tmp_path) as site:
        site.check(release([tcp("later", "12", references="rfc9110 draft-ietf-x-y-01")], "2024-05-01"))
        text = site.get("/ports/entry/12/tcp").text
        assert re.findall(r'href="/-/document/([^"]*)">([^<]*)', text) == [
            ("draft-ietf-x-y", "draft-ietf-x-y"),
            ("rfc9110", "RFC 9110"),
        ]
        assert '<a class="button" href="/-/document/rfc9110">' in site.get("/-/search?q=RFC+9110").text
        assert site.get("/-/document/draft-ietf-x-y").status == 200


def test_an_entry_that_moved_to_another_group_is_followed_there_and_back(tmp_path: Path) -> None:
    with open_site(tmp_path) as site:
        with site.context.open_monitor() as monitor:
            for source, data in MOVE:
                ingest = ReleaseIngest(
                    assemble_parts(
                        f"iana.{source}",
                        settings=ReadSettings(registry="iana", format="xml"),
                        store=monitor.store,
                        archive=monitor.archive,
                        collection="iana",
                    )
                )
                ingest.ingest(Candidate(data=data, origin=source))
        old = site.get("/iana.old-types/entry/session%20token?registry=types")
        assert "It is in another group now" in old.text
        there = re.search(r'href="(/iana\.new-types/entry/[^"]*)"', old.text)
        assert there
        new = site.get(there[1].replace("&amp;", "&"))
        assert "session token" in new.text
        assert "in iana.old-types</small>" in new.text  # its state there, in the life of the entry
        assert 'href="/iana.old-types/entry/' in new.text


def test_an_entry_is_followed_over_a_rename_and_shown_as_of_a_day(site: Site) -> None:
    now = site.get("/ports/entry/20/tcp").text
    assert "service-renamed" in now
    assert "beta" in now
    assert "gamma" in now
    then = site.get("/ports/entry/20/tcp?at=2020-01-15").text
    assert "gamma" not in then
    assert "As of today" in then


def test_a_release_is_downloaded_byte_for_byte(site: Site) -> None:
    answer = site.get("/ports/release/2020-02-01/bytes")
    assert hashlib.sha256(answer.body).digest() == hashlib.sha256(RELEASES[1]).digest()
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.headers["content-type"] == "application/octet-stream"
    assert hashlib.sha256(RELEASES[1]).hexdigest() in site.get("/ports/release/2020-02-01").text


def test_the_map_has_every_port_once_and_lights_up_what_changed(site: Site) -> None:
    text = site.get("/ports/map?at=2021-03-01&from=2020-01-01").text
    counts = [int(number.replace(",", "")) for number in re.findall(r'use-\w+">([\d,]+) ', text)]
    assert sum(counts) == 65_536
    assert "Changed until 2021-03-01" in site.get("/ports/map?at=2020-01-01&from=2021-03-01").text
    assert "all tcp ports on" in site.get("/ports/map?protocol=tcp").text
    zoomed = site.get("/ports/map?at=2021-03-01&zoom=00").text
    assert sum(int(number.replace(",", "")) for number in re.findall(r'use-\w+">([\d,]+) ', zoomed)) == 65_536 / 16
    cloud = text.split("Changed since")[-1].split("Ranges")[0]
    assert re.findall(r">(\d+(?:-\d+)?)</a>", cloud) == ["10-11", "20", "35"]


def test_search_finds_entries_as_their_words_are_typed(site: Site) -> None:
    part = site.get("/-/search?q=sec&part=1").text
    assert "<html" not in part
    assert "gamma" in part
    assert site.get("/-/search?q=+&part=1").text == ""
    assert "No entry" in site.get("/-/search?q=nothing+like+it").text


def test_search_shows_the_entry_of_that_name_or_number_first(tmp_path: Path) -> None:
    with open_site(tmp_path) as site:
        long = "a description that is longer than those of the others"
        rows = [tcp("x-web", "2", description="web"), tcp("web", "80", description=long), tcp("alt", "8080")]
        site.check(release([*rows, tcp("n", "800", description="80")], "2024-05-01"))
        for words, first in (
            ("web", "80/tcp web"),
            ("WEB", "80/tcp web"),
            ("80", "80/tcp web"),
            ("alt ", "8080/tcp alt"),
        ):
            entries = site.get(f"/-/search?{urlencode({'q': words, 'part': 1})}").text.partition("Entries</h2>")[2]
            assert re.findall(r"entry/[^>]*>([^<]*)</a>", entries)[0] == first, words


def test_search_finds_registries_by_name_and_lists_all_without_words(site: Site) -> None:
    for query, number in (("q=PORT", 1), ("", 1), ("q=gamma", 0)):
        results = site.get(f"/-/search?{query}").text.split('id="results"')[1]
        assert results.count('<a href="/ports">ports</a> </p>') == results.count("Registries</h2>") == number


def test_every_route_has_a_page_in_these_tests() -> None:
    covered = {re.sub(r"\?.*", "", path) for path in PAGES} | {"/-/sign-in", "/-/event/1234"}  # test_operator.py
    for route in ROUTES:
        if route.is_page and route.method == "GET":
            pattern = re.escape(route.path).replace(r"\{\}", "[^/]+").replace(r"\{\*\}", ".+")
            assert any(re.fullmatch(pattern, path) for path in covered), route.path


def test_a_page_without_a_script_has_all_its_content(site: Site, tmp_path: Path) -> None:
    """Nothing but the search as one types needs the script: every form has an address and a button."""
    for path in PAGES:
        text = site.get(path).text
        forms = re.findall(r"<form.*?</form>", text, re.DOTALL)
        assert forms
        assert all("<button" in form for form in forms)


def test_the_daemon_serves_the_pages_with_the_token_of_its_configuration(site: Site, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("s3cret\n")
    (tmp_path / "token").chmod(0o600)
    history = site.context.settings().store.path
    (tmp_path / "config.toml").write_text(
        f'[store]\npath = "{history}"\n[web]\nlisten = "127.0.0.1:0"\ntoken = "file:token"\n'
        'address = "https://watch.example.org/"\n'
    )
    (tmp_path / "config.toml").chmod(0o600)
    settings = load_settings(tmp_path / "config.toml")
    checks = SelfCheck(lambda: settings, lambda: Monitor(settings, create=False), site.context.clock)
    with checks.serve_web() as port:
        assert port is not None
        served = Site(port=port, context=site.context)
        assert served.get("/").status == 401
        assert served.get("/healthz").status in (200, 503)
        authorization = "Bearer s3cret"
        assert served.get("/ports/entry/20/tcp", Authorization=authorization).status == 200
        feed = served.get("/-/feed.atom", Authorization=authorization).text
        assert 'href="https://watch.example.org/ports/release/' in feed


def test_every_permanent_link_of_a_message_opens_a_page_that_names_its_entry(site: Site) -> None:
    with site.context.open_store() as store:
        releases = store.history.list_releases("ports")
        comparisons = [
            compare_releases(store.history, {}, "ports", old.release.id, new.release.id)
            for old, new in pairwise(releases)
        ]
    opened = 0
    for comparison in comparisons:
        for event, details in zip(comparison.events, describe_events(comparison, address="http://w"), strict=True):
            answer = site.get(details.link.removeprefix("http://w"))
            assert answer.status == 200, details.link
            assert not event.ports or any(port in answer.text for port in event.ports), details.link
            opened += 1
    assert opened >= 4


def test_what_operators_decided_about_an_event_stands_beside_it(tmp_path: Path) -> None:
    rule = '[[ignore]]\nentries = ["gamma"]\nreason = "not ours <b>"\n'
    with open_site(tmp_path, rule) as ignoring:
        for path in ("/", "/ports", "/ports/entry/20/tcp", "/-/search?q=gamma"):
            assert "(ignored: not ours &lt;b&gt;)" in ignoring.get(path).text, path
        assert '"ignored": "not ours <b>"' in ignoring.get("/api/v1/events?service=gamma").text
