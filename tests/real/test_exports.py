"""Real port releases as /etc/services: what the C library answers, and what the file cannot say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import real_data
from tests.support.exports import render
from tests.support.name_service import ask_library
from watcher.core.model import Release
from watcher.diff.content import read_content
from watcher.registries.catalog import REGISTRIES
from watcher.render.exports.base import ExportedRelease, ExportEntry
from watcher.render.exports.services import OTHER_PORT
from watcher.reports.export import describe_content

DATES = ("2017-03-10", "2018-12-19", "2019-01-09", "2021-02-25", "2023-12-27")
EVERY = 60  # a look-up reads the file of 11,500 lines from its beginning, and takes a millisecond


def export(date: str) -> ExportedRelease:
    content = read_content(real_data.ports_release(date), REGISTRIES["ports"])
    release = Release(
        id=content.digest[:12], source="ports", published=date, observed=None, sha256="0" * 64, entries=content.entries
    )
    return describe_content("ports", release, content)


def test_five_dates_exist() -> None:
    assert {*DATES} <= {*real_data.ports_dates()}


@pytest.mark.parametrize("date", DATES)
def test_the_c_library_knows_every_entry_that_the_file_can_say(date: str, tmp_path: Path) -> None:
    compare(export(date), tmp_path, every=EVERY)


@pytest.mark.slow  # 26 CPU seconds a date: 23,000 look-ups, of which each reads half of the file
@pytest.mark.timeout(600)
@pytest.mark.parametrize("date", DATES)
def test_the_c_library_answers_for_each_single_entry(date: str, tmp_path: Path) -> None:
    compare(export(date), tmp_path, every=1)


def compare(state: ExportedRelease, folder: Path, *, every: int) -> None:
    """Compare the file with the release: all lines, and one look-up in `every` beside all that are special."""
    rendered = render("services", state)
    left_out = {omission.entry.item.key for omission in rendered.omissions}
    limited = {omission.entry.item.key for omission in rendered.limited}
    written = [entry for entry in state.entries if entry.item.key not in left_out]
    # Both sets are the whole.
    assert len(left_out) == len(rendered.omissions)
    assert len(written) == rendered.written
    assert {omission.reason for omission in rendered.limited} == {OTHER_PORT}
    places = Counter((int(entry.value), entry.fields["protocol"]) for entry in written)
    asked = [
        entry
        for number, entry in enumerate(written)
        if number % every == 0 or entry.item.key in limited or places[int(entry.value), entry.fields["protocol"]] > 1
    ]
    answers = ask_library(
        folder,
        services=rendered.files[""],
        names=[(entry.name, entry.fields["protocol"]) for entry in asked],
        ports=[(int(entry.value), entry.fields["protocol"]) for entry in asked],
    )
    lines = {(name, port, protocol) for name, aliases, port, protocol in answers.services for name in (name, *aliases)}
    assert lines == {(entry.name, int(entry.value), entry.fields["protocol"]) for entry in written}
    assert answers.ports == [
        lowest_port(entry, state) if entry.item.key in limited else int(entry.value) for entry in asked
    ]
    assert answers.names == [first_name(entry, written) for entry in asked]


def lowest_port(entry: ExportEntry, state: ExportedRelease) -> int:
    """Return the lowest port that has the name and the protocol of an entry."""
    return min(
        int(other.value)
        for other in state.entries
        if other.name == entry.name and other.fields["protocol"] == entry.fields["protocol"] and other.value.isdecimal()
    )


def first_name(entry: ExportEntry, written: list[ExportEntry]) -> str:
    """Return the service of a port: neither an alias nor a use beside the assignment, of several the first by name."""

    def services() -> Iterator[tuple[bool, bool, str]]:
        for other in by_port(written).get(entry.value, ()):
            if other.fields["protocol"] == entry.fields["protocol"]:
                notes = other.fields["notes"]
                is_other_name = "alias to" in notes or "duplicate of" in notes
                yield is_other_name, "widespread use" in notes or "Conflict" in notes, other.name

    return min(services())[2]


_BY_PORT: dict[int, dict[str, list[ExportEntry]]] = {}


def by_port(written: list[ExportEntry]) -> dict[str, list[ExportEntry]]:
    if id(written) not in _BY_PORT:
        _BY_PORT.clear()
        rows: dict[str, list[ExportEntry]] = {}
        for entry in written:
            rows.setdefault(entry.value, []).append(entry)
        _BY_PORT[id(written)] = rows
    return _BY_PORT[id(written)]
