"""Releases without any date: documents that bear none, imported from files that nobody dated."""

from __future__ import annotations

import json
import re
from pathlib import Path
from urllib.parse import urljoin

import pytest

from tests.support.cli_fixtures import RunCli
from tests.web import site as web_site
from tests.web.site import RELEASES, Site, open_site

UNDATED = [re.sub(rb"<updated>.*?</updated>", b"", data, count=1) for data in RELEASES]


def follow_links(site: Site) -> dict[str, int]:
    """Return the status of every page that links without a question lead to, by its path."""
    statuses: dict[str, int] = {}
    paths = ["/", "/-/feed.atom", "/-/feed.json", "/ports/map", "/ports/releases", "/-/timegate/ports"]
    while paths:
        path = paths.pop()
        if path in statuses:
            continue
        answer = site.get(path)
        statuses[path] = answer.status
        if "html" in answer.headers["content-type"]:
            links = re.findall(r'href="([^"#?]*)', answer.text)
            paths += [link for link in (urljoin(path, link) for link in links) if link[0] == "/"]
    return statuses


@pytest.mark.parametrize("dated", [0, 1])
def test_every_page_is_answered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dated: int) -> None:
    monkeypatch.setattr(web_site, "RELEASES", [*UNDATED[: 3 - dated], *RELEASES[3 - dated :]])
    with open_site(tmp_path) as site:
        statuses = follow_links(site)
        assert statuses.pop("/-/timegate/ports") == (302 if dated else 404)
        assert {path: status for path, status in statuses.items() if status != 200} == {}
        undated = json.loads(site.get("/api/v1/sources/ports/releases").text)["releases"][-1]
        assert (undated["published"], undated["observed"]) == (None, None)
        page = site.get(f"/ports/release/{undated['release']}")
        assert "memento-datetime" not in page.headers
        assert 'rel="timemap"' in page.headers["link"]
        mementos = site.get("/-/timemap/ports")
        if dated:
            assert mementos.text.count("datetime=") == 1
        else:
            assert "no release with a date" in mementos.text


def test_commands_name_them_and_leave_them_out_where_a_date_is_needed(run: RunCli, tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(web_site.CONFIG)
    (tmp_path / "config.toml").chmod(0o600)
    for number, data in enumerate(UNDATED):
        (tmp_path / f"{chr(97 + number)}.xml").write_bytes(data)
    assert run("import", "ports", "a.xml", "b.xml", "c.xml").code == 0
    assert "(3 releases, no date to no date)" in run("history", "ports", "--port", "9").out
    assert "no events since the release of no date" in run("show", "ports", "30").out
    plot = run("plot", "ports", "--out", "plot.svg")
    assert (plot.code, plot.err) == (2, "watcher: error: ports has no release that changed another one\n")
    assert run("site", "site").code == 0
    assert json.loads((tmp_path / "site" / "ports" / "renovate.json").read_text()) == {"releases": []}
    (tmp_path / "d.xml").write_bytes(RELEASES[0].replace(b"2020-01-01", b"2022-01-01"))
    assert run("import", "ports", "d.xml").code == 0
    assert run("plot", "ports", "--out", "plot.svg").code == 0
    assert run("site", "site").code == 0
    (listed,) = json.loads((tmp_path / "site" / "ports" / "renovate.json").read_text())["releases"]
    assert listed["version"] == "2022.1.1"
