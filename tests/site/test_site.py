"""`watcher site`: what its files say, which of them a release touches, and that a kill leaves them consistent."""

from __future__ import annotations

import fcntl
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from lxml import etree, html

from tests.site.histories import (
    GrowingHistory,
    check_deltas,
    crawl,
    list_links,
    read_files,
    read_states,
    touched,
)
from tests.support.process_killer import ProcessKiller

ATOM = "{http://www.w3.org/2005/Atom}"
_DEADLINES = [f"deadlines.{kind}" for kind in ("html", "json", "ics")]
SHARED_NAMES = (*_DEADLINES, "events.json", "feed.atom", "feed.json", "sources.json")
SHARED = {"index.html", *(f"-/{name}" for name in SHARED_NAMES)}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[GrowingHistory, Path]:
    history = GrowingHistory(tmp_path_factory.mktemp("written"))
    history.add("ports", 3)
    history.add("toy", 3)
    return history, history.write("site", "--address", "https://registries.example.org/iana")


@pytest.fixture
def growing(tmp_path: Path) -> GrowingHistory:
    history = GrowingHistory(tmp_path)
    history.add("ports", 3)
    history.add("toy", 2)
    return history


def test_every_link_is_relative_and_leads_to_a_file(written: tuple[GrowingHistory, Path]) -> None:
    _, site = written
    seen = crawl(site)
    pages = {name for name in read_files(site) if name.endswith(".html")}
    # Entries have a page under their former names too, for links from elsewhere.
    assert {name for name in pages if "/entry/" not in name} <= seen
    assert {"ports/map.html", "ports/releases.html", "ports/entry/20/tcp.html", "ports/entry/hostile=2Fx.html"} <= pages
    for name in pages:
        for link in list_links((site / name).read_bytes()):
            assert link == "data:," or not (urlsplit(link).scheme or link.startswith("/")), (name, link)


@pytest.mark.fault(31)
def test_pages_need_no_server_and_registry_text_is_inert_in_them(written: tuple[GrowingHistory, Path]) -> None:
    _, site = written
    for name, data in read_files(site).items():
        if name.endswith(".html"):
            page = html.document_fromstring(data, parser=html.HTMLParser(encoding="utf-8"))
            assert [element.tag for element in page.iter("script", "form", "input", "button", "img", "iframe")] == [], (
                name
            )
            attributes = {str(attribute) for element in page.iter() for attribute in element.attrib}
            assert [attribute for attribute in attributes if attribute.startswith(("on", "hx-", "style"))] == [], name
            assert "\u202e" not in data.decode()
    entry = (site / "ports/entry/35/tcp.html").read_text()
    assert "&lt;script&gt;alert(1)" in entry
    assert "{{7*7}}" in entry


def test_a_page_says_what_the_server_says(written: tuple[GrowingHistory, Path]) -> None:
    _, site = written
    overview = (site / "index.html").read_text()
    assert "gamma" in overview
    assert '<a href="toy/index.html">toy</a>' in overview
    changes = next(site.glob("ports/release/*-changes.html")).parent
    assert any("<del>10</del>" in path.read_text() for path in changes.glob("*-changes.html"))
    beta = (site / "ports/entry/20/tcp.html").read_text()
    assert "service-renamed" in beta
    # The server alone has all the pages that these lists lead to.
    assert not [path for path in site.rglob("*.html") if 'class="served"' in path.read_text()]


def test_json_has_the_releases_the_changes_and_the_newest_content(written: tuple[GrowingHistory, Path]) -> None:
    _, site = written
    sources = json.loads((site / "-/sources.json").read_bytes())["sources"]
    assert [(source["source"], source["releases"]) for source in sources] == [("ports", 3), ("toy", 3)]
    releases = json.loads((site / "ports/releases.json").read_bytes())["releases"]
    assert [release["published"] for release in releases] == ["2021-03-01", "2020-02-01", "2020-01-01"]
    changes = json.loads((site / f"ports/release/{releases[0]['release']}.json").read_bytes())
    assert changes["new"]["published"] == "2021-03-01"
    assert {change["key"]["name"] for change in changes["changes"] if "name" in change["key"]} >= {"gamma", "hostile/x"}
    latest = json.loads((site / "toy/latest.json").read_bytes())
    assert latest["release"]["published"] == "2021-04-01"
    assert (site / "ports/latest.csv").read_text().count("\n") > 4


def test_a_feed_has_absolute_links_where_the_address_is_known(written: tuple[GrowingHistory, Path]) -> None:
    history, site = written
    links = {link.get("href") for link in etree.parse(site / "ports/feed.atom").iter(f"{ATOM}link")}
    assert links
    for link in filter(None, links):
        path = link.removeprefix("https://registries.example.org/iana/")
        assert (site / path).is_file(), link
    plain = history.write("plain")
    for feed in ("-/feed.atom", "toy/feed.atom"):
        for link in etree.parse(plain / feed).iter(f"{ATOM}link"):
            assert ((plain / feed).parent / str(link.get("href"))).resolve().is_file()
        items = json.loads((plain / feed).with_suffix(".json").read_bytes())["items"]
        assert items
        assert all(((plain / feed).parent / item["url"]).is_file() for item in items)


def test_renovate_reads_the_releases_of_a_source(written: tuple[GrowingHistory, Path], tmp_path: Path) -> None:
    _, site = written
    releases = json.loads((site / "ports/renovate.json").read_bytes())["releases"]
    assert [release["version"] for release in releases] == ["2020.1.1", "2020.2.1", "2021.3.1"]
    assert all(datetime.fromisoformat(release["releaseTimestamp"]).tzinfo == UTC for release in releases)
    assert all(re.fullmatch(r"[0-9a-f]{64}", release["digest"]) for release in releases)
    assert all(
        release["changelogUrl"].startswith("https://registries.example.org/iana/ports/release/") for release in releases
    )
    history = GrowingHistory(tmp_path)
    history.add("ports", 4)  # the last two of one day
    versions = json.loads((history.write() / "ports/renovate.json").read_bytes())["releases"]
    assert [version["version"] for version in versions][2:] == ["2021.3.1", "2021.3.1.2"]


def test_the_same_history_gives_the_same_files(growing: GrowingHistory) -> None:
    first = growing.write("one")
    assert read_files(first) == read_files(growing.write("two"))
    assert check_deltas(first / "ports/deltas") is not None


def test_a_release_touches_its_own_files_and_the_ones_about_all_sources(growing: GrowingHistory) -> None:
    site = growing.write()
    before = read_states(site)
    growing.add("toy")
    growing.write()
    changed = touched(before, read_states(site))
    assert {name for name in changed if not name.startswith("toy/")} <= SHARED
    assert {"toy/index.html", "toy/deltas/notification.json", "toy/feed.atom", "index.html"} <= changed
    oldest = growing.command("releases", "toy", "--format", "csv").splitlines()[1].split(",")
    assert not [name for name in changed if any(name == f"toy/release/{cell}.html" for cell in oldest)]
    assert "toy/entry/3+colours.html" in before  # an entry that this release did not change
    assert "toy/entry/3+colours.html" not in changed
    fresh = read_files(growing.write("fresh"))
    kept = {name for name in read_files(site) if name not in fresh}
    assert kept == {name for name in before if name.startswith("toy/deltas/snapshot-2-")}
    assert {name: data for name, data in read_files(site).items() if name not in kept} == fresh


def test_nothing_is_touched_where_nothing_changed(growing: GrowingHistory) -> None:
    site = growing.write()
    before = read_states(site)
    assert "0 sources changed; 0 files added, 0 changed, 0 removed" in growing.command("site", str(site))
    assert read_states(site) == before


def test_a_lost_file_is_written_again(growing: GrowingHistory) -> None:
    site = growing.write()
    before = read_files(site)
    (site / "ports/map.html").unlink()
    (site / "toy/latest.json").unlink()
    growing.write()
    assert read_files(site) == before


def test_releases_in_any_order_give_the_same_site(growing: GrowingHistory, tmp_path: Path) -> None:
    growing.write()
    growing.add("ports")
    growing.add("toy", 2)
    site = growing.write("site", "--keep", "0s")
    assert read_files(site) == read_files(growing.write("fresh"))
    (tmp_path / "other").mkdir()
    late = GrowingHistory(tmp_path / "other")
    late.number["toy"] = 1
    late.add("toy", 3)
    late.add("ports", 4)
    written = late.write()
    session = check_deltas(written / "toy/deltas").session
    late.number["toy"] = 0
    late.add("toy")  # before all others
    late.write("site", "--keep", "0s")
    assert check_deltas(written / "toy/deltas").session != session
    others = {name: data for name, data in read_files(written).items() if not name.startswith("toy/deltas/")}
    assert others == {name: data for name, data in read_files(site).items() if not name.startswith("toy/deltas/")}


def test_files_that_are_not_needed_stay_for_a_while_and_other_files_for_ever(growing: GrowingHistory) -> None:
    site = growing.write()
    (site / "robots.txt").write_text("mine")
    (site / "toy/own.html").write_text("mine")
    before = read_files(site)
    growing.write("site", "ports")
    assert {name for name in before if name.startswith("toy/")} <= {*read_files(site)}
    assert "toy" not in (site / "index.html").read_text()
    growing.write("site", "ports", "--keep", "0s")
    assert {name for name in read_files(site) if not name.startswith(("ports/", "-/"))} == {
        "index.html",
        "robots.txt",
        "toy/own.html",
    }
    assert not (site / "toy/release").exists()


def test_a_file_of_somebody_else_is_never_replaced(growing: GrowingHistory) -> None:
    site = growing.folder / "site"
    site.mkdir()
    (site / "index.html").write_text("mine")
    error = growing.command("site", str(site), code=2)
    assert "index.html: was not written by watcher site" in error
    assert read_files(site)["index.html"] == b"mine"
    assert not [name for name in read_files(site) if not name.endswith((".watcher-new", "index.html"))]
    (site / "index.html").unlink()
    growing.write()
    assert not list(site.rglob("*.watcher-new"))


def test_only_the_chosen_sources_are_named_anywhere(growing: GrowingHistory) -> None:
    site = growing.write("site", "p*")
    assert [name for name, data in read_files(site).items() if b"toy" in data or "toy" in name] == []
    assert "no history of a source named" in growing.command("site", str(site), "none", code=2)


def test_what_operators_noted_is_not_published(growing: GrowingHistory) -> None:
    rows = growing.command("history", "ports", "--format", "json")
    fingerprint = json.loads(rows)["events"][-1]["fingerprint"]
    growing.command("ack", fingerprint[:12], "--note", "our secret plan")
    assert "our secret plan" in growing.command("history", "ports")
    assert [name for name, data in read_files(growing.write()).items() if b"secret plan" in data] == []


def test_two_processes_do_not_write_one_site(growing: GrowingHistory) -> None:
    site = growing.write()
    with (site / ".watcher-site" / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert "another process is writing this site" in growing.command("site", str(site), code=2)


@pytest.mark.fault(50)
def test_a_kill_at_any_step_leaves_a_consistent_site(growing: GrowingHistory, killing: ProcessKiller) -> None:
    site = growing.write()
    growing.add("toy")
    growing.add("ports")
    expected = read_files(growing.write("fresh"))
    now = datetime(2030, 1, 1, tzinfo=UTC)
    kills = 0
    whole = killing.run(growing.config, "site", str(growing.folder / "counted"), now=now)
    assert whole.code == 0, whole.output
    step = 1
    while True:
        ended = killing.run(growing.config, "site", str(site), "--keep", "0s", at=step, now=now)
        assert crawl(site)
        for source in ("ports", "toy"):
            check_deltas(site / source / "deltas")
        if not ended.killed:
            break
        kills += 1
        # One step more each time, from what the last kill left; most steps sync files.
        step += 13 if step > 20 else 4
    assert (ended.code, kills > 10) == (0, True), ended.output
    assert read_files(site) == expected
