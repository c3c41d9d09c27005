"""Two tables whose entries are made on demand have the comparison of tables whose entries are all made."""

from __future__ import annotations

import csv
import io
import json
import random
from collections.abc import Mapping, Sequence
from itertools import permutations

import pytest
from msgspec.structs import replace

import watcher.diff.row_items
from tests.support import real_data
from watcher.core.errors import UsageError
from watcher.core.model import Comparison, Content, Section
from watcher.core.read_settings import ReadSettings
from watcher.diff.content import read_content
from watcher.diff.row_items import ReadTable, RowItems, pair_contents
from watcher.formats.base import RowCache
from watcher.formats.catalog import FORMATS
from watcher.registries.base import apply_settings
from watcher.registries.catalog import REGISTRIES
from watcher.reports.file_diff import InputFile, compare_files

ROUNDS = 12
Table = Sequence[Mapping[str, str]]
CODES = (
    "1",
    "2",
    "02",
    "0x2",
    "2-4",
    "3",
    "3-9",
    "10-20",
    "12",
    "A1",
    "FF",
    "alpha",
    "alpha (old)",
    "Alpha",
    "beta",
    "",
)
NAMES = (
    "Acme",
    "Acme",
    "Reserved",
    "Unassigned",
    "Unassigned (was Acme)",
    "Bolt",
    "Cog (deprecated)",
    "Bolt [RFC1]",
    "",
)
TEXTS = ("", "x", "see [RFC9110]", "see [RFC9110], [RFC1]", "Private Use", "obsolete", "one two", "one  two", "ÜBER")
COLUMNS = ("code", "name", "text", "kind", "registry", "rank")
SETTINGS = (
    ReadSettings(key=("code",)),
    ReadSettings(key=("code", "kind")),
    ReadSettings(key=("kind", "code")),
    ReadSettings(key=("registry", "code")),
    ReadSettings(key=("code",), title=("text",), ignore=("rank",)),
    ReadSettings(key=("name",)),
    ReadSettings(key=("name",), renames=True),
    ReadSettings(),
)


def compare(
    old: bytes, new: bytes, suffix: str, registry: str | None, settings: ReadSettings, *, whole: bool
) -> object:
    files = [InputFile(name=f"{name}.{suffix}", data=data) for name, data in (("old", old), ("new", new))]
    try:
        comparison = compare_files(*files, registry=registry, settings=settings, with_ids=whole)
    except UsageError as error:
        return str(error)
    # Only a reading of every row gives these.
    sides = [replace(side, id="", problems=()) for side in (comparison.old, comparison.new)]
    return replace(comparison, old=sides[0], new=sides[1])


def draw_row(chance: random.Random, number: int) -> dict[str, str]:
    is_plain = chance.random() < 0.5
    return {
        "code": str(number) if is_plain else chance.choice(CODES),
        "name": chance.choice((*NAMES, f"Name {number}")),
        "text": chance.choice(TEXTS),
        "kind": chance.choice(("a", "b", "")),
        "registry": chance.choice(("r", "s", "")),
        "rank": str(number),
    }


def change(rows: list[dict[str, str]], chance: random.Random) -> list[dict[str, str]]:
    """Return rows with a few of them changed, removed, repeated or in another place."""
    rows = [{**row} for row in rows if chance.random() > 0.02]
    for row in chance.sample(rows, chance.randrange(4)):
        column = chance.choice(COLUMNS)
        row[column] = draw_row(chance, chance.randrange(100))[column]
    if chance.random() < 0.2:
        column = chance.choice(COLUMNS[1:])
        for row in chance.sample(rows, 5):
            row[column] = "" if row[column] else "x"
    rows += [draw_row(chance, 200 + chance.randrange(50)) for _ in range(chance.randrange(3))]
    rows += [{**chance.choice(rows)} for _ in range(chance.randrange(2))]
    return chance.sample(rows, len(rows)) if chance.random() < 0.2 else rows


def write_csv(rows: Table) -> bytes:
    text = io.StringIO()
    csv.DictWriter(text, COLUMNS).writeheader()
    csv.DictWriter(text, COLUMNS).writerows(rows)
    return text.getvalue().encode()


def write_json(rows: Table) -> bytes:
    return json.dumps({"list": [{name: text for name, text in row.items() if text} for row in rows]}).encode()


def write_jsonl(rows: Table) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


WRITERS = {"csv": write_csv, "json": write_json, "jsonl": write_jsonl}


@pytest.fixture(name="paired")
def paired_fixture(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Content, Content]]:
    """All contents that `compare_files` makes of tables from now on."""
    contents: list[tuple[Content, Content]] = []

    def pair(old: ReadTable, new: ReadTable) -> tuple[Content, Content]:
        contents.append(pair_contents(old, new))
        return contents[-1]

    monkeypatch.setattr(watcher.diff.row_items, "pair_contents", pair)
    return contents


@pytest.mark.parametrize("suffix", WRITERS)
def test_random_tables_have_the_comparison_of_whole_tables(
    suffix: str, paired: Sequence[tuple[Content, Content]]
) -> None:
    chance = random.Random(suffix)  # noqa: S311 - no secret
    for settings in SETTINGS:
        rows = [draw_row(chance, number) for number in range(40)]
        for _ in range(ROUNDS):
            old, rows = rows, change(rows, chance)[:60]
            before, after = map(WRITERS[suffix], (old, rows))
            found = compare(before, after, suffix, None, settings, whole=False)
            assert found == compare(before, after, suffix, None, settings, whole=True)
    on_demand = sum(isinstance(new.items, RowItems) for _, new in paired)
    assert on_demand > 0.6 * ROUNDS * len(SETTINGS) or suffix == "jsonl"  # whose equal lines are different rows


def test_an_error_is_that_of_the_whole_tables() -> None:
    good = b"code,name\n1,a\n2,b\n"
    for bad in (b"", b"code,name\n1,a,x\n", b"id,name\n1,a\n2,b\n", b"<html>", b"code,name\n1,\xff\n"):
        for pair in ((good, bad), (bad, good), (bad, bad)):
            found = compare(*pair, "csv", None, ReadSettings(key=("code",)), whole=False)
            assert found == compare(*pair, "csv", None, ReadSettings(key=("code",)), whole=True)
            assert isinstance(found, str)


def test_tables_without_a_common_row_are_said_to_be_unrelated() -> None:
    tables = (b"code,name\n1,a\n2,b\n3,c\n", b"code,name\n4,d\n5,e\n6,f\n", b"x,y\n1,a\n2,b\n3,c\n")
    for settings in (ReadSettings(), ReadSettings(key=("code",), renames=True)):
        for old, new in permutations(tables[:2] if settings.key else tables, 2):
            found = compare(old, new, "csv", None, settings, whole=False)
            assert found == compare(old, new, "csv", None, settings, whole=True)
            assert isinstance(found, Comparison)
            assert "unrelated" in found.marks


def test_all_items_on_demand_are_those_of_the_whole_table() -> None:
    chance = random.Random(7)  # noqa: S311 - no secret
    for settings in SETTINGS:
        rules = apply_settings(REGISTRIES["iana"], settings)
        rows = [draw_row(chance, number) for number in range(40)]
        pair = [write_csv(table) for table in (rows, change(rows, chance))]
        cache = RowCache()
        tables = [ReadTable(FORMATS["csv"].read(data, rules.columns, cache), rules, str(data)) for data in pair]
        for content, data in zip(pair_contents(*tables), pair, strict=True):
            whole = read_content(data, rules, "csv")
            assert dict(content.items) == dict(whole.items)
            assert {key: content.items[key] for key in whole.items} == dict(whole.items)
            assert isinstance(content.items, RowItems)
            for row in content.items.list_rows():
                made = content.items.make_entries([row])
                assert row.fields in [item.fields for item in made]
                assert all(whole.items[item.section, item.key] == item for item in made)
            by_path = [entry for path in ("", "r", "s") for entry in content.items.entries(path)]
            assert {(entry.section, entry.key): entry for entry in by_path} == {
                key: item for key, item in whole.items.items() if item.section is Section.ENTRY
            }


def test_a_removed_row_that_another_one_has_merged_is_found_among_all_rows() -> None:
    rows = [{"kind": "x", "name": f"name {number}", "text": str(number)} for number in range(20)]
    twins = [{"kind": kind, "name": "foo", "text": "a b"} for kind in ("Document Status", "Document Description")]
    before, after = (
        write_csv([{**row, "code": "", "registry": "", "rank": ""} for row in table])
        for table in ([*twins, *rows], [*twins[1:], *rows])
    )
    found = compare(before, after, "csv", None, ReadSettings(key=("kind", "name")), whole=False)
    assert found == compare(before, after, "csv", None, ReadSettings(key=("kind", "name")), whole=True)
    assert isinstance(found, Comparison)
    assert [event.also for event in found.events] == [("twin-removed",)]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_real_tables_have_the_comparison_of_whole_tables(paired: Sequence[tuple[Content, Content]]) -> None:
    before: Mapping[str, bytes] = {}
    for date in real_data.formats_dates():
        files = {path: data for path, data in real_data.formats_files(date).items() if path.endswith((".csv", ".txt"))}
        for path, new in files.items():
            old = before.get(path, new)
            if old != new:
                group, _, name = path.partition("/")
                registry, suffix = "ports" if group == "service-names-port-numbers" else "iana", name.rpartition(".")[2]
                found = compare(old, new, suffix, registry, ReadSettings(), whole=False)
                assert found == compare(old, new, suffix, registry, ReadSettings(), whole=True), (date, path)
        before = files
    assert sum(isinstance(new.items, RowItems) for _, new in paired) > 40
