"""Hostile text in every place that a page shows: no template lets it become markup, an address or an invisible sign."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import quote

import pytest

from tests.support.group_releases import group, record, registry
from tests.support.port_releases import Row, person, release, tcp
from tests.web.site import HOSTILE, Site, open_site
from tests.web.test_pages import Tags
from watcher.core.operations import Acknowledgement, Delivery
from watcher.monitor.candidate import Candidate
from watcher.monitor.result import Outcome
from watcher.store.event_query import EventQuery
from watcher.web.access import WebAccess
from watcher.web.html import STATIC

pytestmark = pytest.mark.fault(31)
TOKEN = "a token of many letters"
BEARER = f"Bearer {TOKEN}"
NAME = '"><script>alert(1)</script>'
CONFIG = """
[[source]]
name = "toys"
url = "https://registry.example/toys.xml"
registry = "iana"

[[source]]
name = "tree"
type = "collection"
groups = ["toy-parameters"]
"""
EVIL = [person("Evil", name=HOSTILE, org=HOSTILE, uri=f"javascript:alert(1){NAME}")]


def fill(site: Site) -> None:
    """Put hostile text into entries, contacts, registries, events, holds, messages and decisions."""
    temporary = f"{HOSTILE} (TEMPORARY - registered 2025-12-01, expires 2026-02-01)"
    with site.context.open_monitor() as monitor:
        toys, group_of_tree = (monitor.ingest(monitor.source(name)) for name in ("toys", "tree.toy-parameters"))
        for day, names in (("2025-01-01", ["ball"]), ("2025-12-01", ["ball", temporary])):
            rows = [record("rfc9350", value=f"{place}", description=name) for place, name in enumerate(names)]
            data = group(registry("toys", *rows, title=HOSTILE, note=HOSTILE), updated=day)
            for ingest in (toys, group_of_tree):
                assert ingest.ingest(Candidate(data=data, origin="toys")).outcome in (Outcome.BASELINE, Outcome.CHANGED)
        store = monitor.store
        event = store.history.events.find(EventQuery(services=("hostile",)))[0]
        with store.transaction():
            store.acknowledgements.record(
                [
                    Acknowledgement(
                        source="ports", fingerprint=event.event.fingerprint, note=HOSTILE, at="2026-01-05T09:00:00Z"
                    )
                ]
            )
            store.channel_failures.record_failure(NAME, NAME, HOSTILE, "2026-01-05T09:00:00Z")
            store.outbox.add_deliveries(
                [
                    Delivery(
                        id="1",
                        channel=NAME,
                        recipient=NAME,
                        source=NAME,
                        release="",
                        body="{}",
                        created="2026-01-05T09:00:00Z",
                    )
                ],
                now="2026-01-05T09:00:00Z",
            )
    odd = release(
        [tcp("hostile", "35", description=HOSTILE, contact="Evil"), Row(description=NAME, port="50")],
        "2020-06-01",
        EVIL,
    )
    assert site.check(odd).outcome is Outcome.HELD
    new = release([tcp("hostile", "36", description=f"{HOSTILE} again", contact="Evil"), tcp("alpha", "11"),
                   tcp("gamma", "20"), Row(description="Unassigned", port="37-40")], "2021-04-01", EVIL)  # fmt: skip
    assert site.check(new).outcome is Outcome.CHANGED


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    access = WebAccess(token=TOKEN, requests_per_minute=10_000_000)
    with open_site(tmp_path_factory.mktemp("site"), CONFIG, access=lambda: access) as made:
        fill(made)
        yield made


ODD = quote(HOSTILE.replace("/", ""), safe="")
# Template → addresses of it that show hostile text, from the registry or from the address itself.
PAGES = {
    "overview.html": ["/"],
    "timeline.html": ["/ports", "/toys", f"/ports?event={ODD}&text={ODD}&port={ODD}&since={ODD}"],
    "collection.html": ["/tree", f"/tree?order={ODD}"],
    "compare.html": ["/ports/compare", f"/ports/compare?from=2020-01-01&to=2021-04-01&quiet=1&text={ODD}&event={ODD}",
                     "/ports/compare?from=2020-01-01&to=2021-04-01", "/toys/compare"],
    "port_map.html": [f"/ports/map?at={ODD}&from=2020-01-01&zoom={ODD}&protocol={ODD}"],
    "releases.html": ["/ports/releases", "/toys/releases"],
    "release.html": ["/ports/release/latest", "/toys/release/latest"],
    "entry.html": ["/ports/entry/hostile", "/ports/entry/Evil", "/ports/entry/36/tcp", f"/toys/entry/1?registry={ODD}"],
    "search.html": ["/-/search?q=alert", f"/-/search?q={ODD}"],
    "_results.html": ["/-/search?q=alert&part=1", f"/-/search?q={ODD}&part=1"],
    "deadlines.html": ["/-/deadlines"],
    "holds.html": ["/-/holds"],
    "document.html": ["/-/document/rfc9350"],
    "event.html": [],  # that of the fixture
    "sign_in.html": [f"/-/sign-in?next=/{ODD}"],
    "error.html": [f"/{ODD}", f"/ports/entry/{ODD}", f"/-/event/{ODD}", f"/-/document/{ODD}", f"/ports/release/{ODD}"],
}  # fmt: skip
NOT_SHOWN = {
    "timeline.html",
    "releases.html",
    "port_map.html",
    "sign_in.html",
}  # they show hostile text in fields of forms alone


def assert_inert(text: str, path: str) -> None:
    tags = Tags()
    tags.feed(text)
    assert tags.names.count("script") <= 2, path
    assert tags.handlers == [], path
    assert not {"img", "iframe", "object", "b"} & {*tags.names}, path
    assert all(url.startswith(("/", "data:,")) for url in tags.loaded), (path, tags.loaded)
    assert all(url.startswith(("/", "#")) and not url.startswith("//") for url in tags.links), (path, tags.links)
    assert "\u202e" not in text, path
    assert "49" not in re.findall(r"alert\(2\)&gt; (\w+)", text), path  # {{7*7}} is text


def test_every_template_is_among_these() -> None:
    others = {"base.html", "_macros.html", "site_overview.html"}  # the last one is a page of `watcher site`
    names = {path.name for path in (STATIC.parent / "templates").iterdir()} - others
    assert names == PAGES.keys()


@pytest.mark.parametrize("template", PAGES)
def test_hostile_text_is_inert_in_every_template(site: Site, template: str) -> None:
    with site.context.open_store() as store:
        event = store.history.events.find(EventQuery(services=("hostile",)))[0].event.fingerprint
    shown = ""
    for path in PAGES[template] or [f"/-/event/{event}"]:
        answer = site.get(path, Authorization=BEARER)
        assert answer.status in (200, 400, 404), path
        assert_inert(answer.text, path)
        shown += answer.text
    if template not in NOT_SHOWN:
        assert "&lt;script&gt;" in shown


@pytest.mark.parametrize(
    "path", ["/-/feed.atom", "/-/feed.json", "/-/deadlines.atom", "/-/deadlines.ics", "/api/v1/events"]
)
def test_hostile_text_is_no_markup_elsewhere(site: Site, path: str) -> None:
    answer = site.get(path, Authorization=BEARER)
    assert answer.status == 200
    assert "text/html" not in answer.headers["content-type"]
    assert answer.headers["x-content-type-options"] == "nosniff"
