"""`watcher plot` on an imported history: what the pictures say in words, and that they need nothing beside them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from lxml import etree

from tests.support.cli_fixtures import RunCli
from tests.support.port_releases import Row, release, tcp, udp
from watcher.render.plots import COLOURS
from watcher.reports.plots import PLOTS
from watcher.web.html import STATIC

CONFIG = '[[source]]\nname = "ports"\nurl = "https://example.org/ports.xml"\n'
FREE = Row(description="Unassigned", port="100-199")
RELEASES = (
    ("2020-01-01", [tcp("a", "1", date="2001-02-03"), FREE]),
    ("2020-02-01", [tcp("a", "1", date="2001-02-03"), tcp("b", "2", date="2020-01-20"), FREE]),
    ("2022-03-01", [tcp("a", "1", date="2001-02-03"), tcp("c", "3", date="2022-02"), udp("c", "3", date="2022-02")]),
)
NAMESPACE = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def plotted(run: RunCli, tmp_path: Path) -> RunCli:
    (tmp_path / "config.toml").write_text(CONFIG)
    (tmp_path / "config.toml").chmod(0o600)
    for day, rows in RELEASES:
        (tmp_path / f"{day}.xml").write_bytes(release(rows, day))
    assert run("import", "ports", *(f"{day}.xml" for day, _ in RELEASES)).code == 0
    return run


def plot(run: RunCli, *arguments: str) -> etree._Element:
    done = run("plot", "ports", *arguments, "--out", "-")
    assert (done.code, done.err) == (0, "")
    return etree.fromstring(done.out.encode())


def describe(picture: etree._Element) -> list[str]:
    return (picture.findtext(f"{NAMESPACE}desc") or "").split("\n")


def test_changes_are_counted_by_year_and_in_a_short_time_by_month(plotted: RunCli) -> None:
    assert describe(plot(plotted)) == ["2020: 1 added", "2021: none", "2022: 2 added, 1 removed"]
    assert describe(plot(plotted, "--until", "2021-01-01")) == ["2020-02: 1 added"]
    assert describe(plot(plotted, "--since", "2022-03-01", "--until", "2022-03-01")) == ["2022-03: 2 added, 1 removed"]
    titles = [element.text for element in plot(plotted).iter(f"{NAMESPACE}title")]
    assert titles[0] == "ports: changes of entries, 2020-02-01 to 2022-03-01"
    assert titles[1:] == ["2020: 1 added", "2022: 2 added", "2022: 1 removed"]


@pytest.mark.fault(29, 70)
def test_a_mistyped_year_makes_no_thousands_of_empty_ones(plotted: RunCli, tmp_path: Path) -> None:
    (tmp_path / "9999-12-31.xml").write_bytes(release(RELEASES[0][1], "9999-12-31"))
    assert plotted("import", "ports", "9999-12-31.xml").code == 0
    lines = describe(plot(plotted))
    assert [line.partition(":")[0] for line in lines] == ["2020", "2022", "9999"]


def test_assignments_are_counted_by_the_dates_of_the_registry(plotted: RunCli) -> None:
    lines = describe(plot(plotted, "--kind", "assignments"))
    assert (lines[0], lines[-1], len(lines)) == ("2001: 1 assigned", "2022: 2 assigned", 22)
    assert describe(plot(plotted, "--kind", "assignments", "--since", "2010-01-01")) == ["2022: 2 assigned"]


def test_the_space_and_the_map_count_every_port_once(plotted: RunCli) -> None:
    lines = describe(plot(plotted, "--kind", "space"))
    assert lines[0] == "2020-01-01: 1 assigned, 100 unassigned, 65,435 unlisted"
    assert lines[-1] == "2022-03-01: 2 assigned, 65,534 unlisted"
    first, second = describe(plot(plotted, "--kind", "map", "--since", "2020-02-01"))
    assert "2 assigned, 65,534 unlisted" in first
    assert second == "Changed since 2020-02-01: 2-3, 100-199."
    assert "1 assigned" in describe(plot(plotted, "--kind", "map", "--until", "2020-01-15", "--protocol", "tcp"))[0]


@pytest.mark.parametrize("kind", PLOTS)
def test_a_picture_stands_alone_is_the_same_again_and_has_a_title(plotted: RunCli, tmp_path: Path, kind: str) -> None:
    arguments = ("--kind", kind, "--size", "500x400")
    picture = plot(plotted, *arguments)
    assert plotted("plot", "ports", *arguments, "--out", "a.svg").code == 0
    assert etree.tostring(picture) == etree.tostring(etree.fromstring((tmp_path / "a.svg").read_bytes()))
    assert (picture.get("width"), picture.get("height"), picture.get("role")) == ("500", "400", "img")
    named = str(picture.get("aria-labelledby")).split()
    assert [element.get("id") for element in picture[:2]] == named
    text = (tmp_path / "a.svg").read_text()
    assert "prefers-color-scheme:dark" in text
    assert re.findall(r"https?://[^\"]+", text) == ["http://www.w3.org/2000/svg"]
    assert "<script" not in text
    used = {name for element in picture.iter() for name in (element.get("class") or "").split()}
    assert used - {"back", "head", "grid", "middle", "end", "key", "map"} <= {*COLOURS}


def test_the_colours_are_those_of_the_pages() -> None:
    light, dark = (STATIC / "style.css").read_text().split("prefers-color-scheme", 1)
    for name, (in_light, in_dark) in COLOURS.items():
        assert f"--{name}: {in_light};" in light, name
        assert f"--{name}: {in_dark};" in dark, name


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("ports", "--since", "2023-01-01"), "ports has no release since 2023-01-01 that changed another one"),
        (("ports", "--kind", "assignments", "--until", "1999-01-01"), "try --kind changes"),
        (("ports", "--kind", "space", "--since", "2022-01-01"), "in two months"),
        (("ports", "--protocol", "tcp"), "changes: has no --protocol"),
        (("ports", "--size", "10x10"), "a plot needs 200 pixels each way"),
        (("ports", "--size", "big"), "'big' is not a size in pixels"),
        (("none",), "no history of a source named"),
    ],
)
def test_what_cannot_be_plotted_is_an_error(plotted: RunCli, arguments: tuple[str, ...], words: str) -> None:
    done = plotted("plot", *arguments, "--out", "-")
    assert done.code == 2
    assert words in done.err
