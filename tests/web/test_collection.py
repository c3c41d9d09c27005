"""A collection has a page that lists its groups, also before its index was read."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path

from tests.support.group_releases import group, record, registry
from tests.support.imports import import_files
from tests.web.site import open_site
from watcher.store.check_log import Check

CONFIG = """
[[source]]
name = "iana"
type = "collection"
index = "https://registry.example/protocols"
"""


def test_the_overview_leads_to_the_groups_of_a_collection(tmp_path: Path) -> None:
    with open_site(tmp_path, CONFIG) as site:
        assert "No group has a release yet." in site.get("/iana").text
        for name, days in (("toys", ("2025-01-01", "2025-02-01")), ("balls", ("2025-03-01",))):
            files = []
            for number, day in enumerate(days, 1):
                rows = [record(value=f"{place}", description=f"thing [RFC{place}]") for place in range(number)]
                files.append(tmp_path / name / day / f"{name}.xml")
                files[-1].parent.mkdir(parents=True)
                files[-1].write_bytes(group(registry("toys", *rows), name=name, updated=day))
            with site.context.open_monitor() as monitor:
                ingest = monitor.ingest(monitor.source(f"iana.{name}", new=True))
                import_files(ingest, files, "xml")
        overview = site.get("/").text
        assert "2 groups" in overview
        assert 'href="/iana"' in overview
        page = site.get("/iana").text
        cells = r'href="/iana\.(\w+)">.*?Releases">(\d).*?Newest">([\d-]+).*?Entries">(\d)'
        assert re.findall(cells, page) == [("balls", "1", "2025-03-01", "1"), ("toys", "2", "2025-02-01", "2")]
        assert "added" in page
        newest = site.get("/iana?order=newest").text
        assert [name for name, *_ in re.findall(cells, newest)] == ["balls", "toys"]
        links = [
            unescape(each) for each in re.findall(r'class="more" href="([^"]*)">thing', site.get("/iana.toys").text)
        ]
        assert links == ["/iana.toys/entry/1?registry=toys"]
        assert "thing" in site.get(links[0]).text


def test_the_overview_says_of_groups_what_the_status_says(tmp_path: Path) -> None:
    listed = CONFIG.replace('index = "https://registry.example/protocols"', 'groups = ["toys", "balls"]')
    with open_site(tmp_path, listed) as site:
        row = r'<a href="/iana">iana</a>(.*?)</tr>'
        assert "2 groups, 2 never checked" in re.findall(row, site.get("/").text, re.DOTALL)[0]
        with site.context.open_monitor() as monitor:
            for name, outcome in (("toys", "unchanged"), ("balls", "failed")):
                check = Check(source=f"iana.{name}", at="2025-01-02T03:04:05Z", outcome=outcome, reason="not_found")
                monitor.store.checks.record_check(check, url="http://a/", registry="iana", validators=None)
        overview = site.get("/").text
        row_of_collection = re.findall(row, overview, re.DOTALL)[0]
        assert "2 groups, 1 failing" in row_of_collection
        assert "2025-01-02 03:04" in row_of_collection
        assert "never checked" not in row_of_collection
        assert re.search(r'<a href="/iana.balls">iana.balls</a>.*?not_found', overview, re.DOTALL)
