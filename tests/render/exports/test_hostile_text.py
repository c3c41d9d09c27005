"""No text of a registry acts in an export: not on its format, not on the program that reads it, not on a terminal."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence

import daff
import jsonpatch
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.render import HOSTILE, TEXT
from tests.render.exports.readers import READERS
from tests.support.exports import make_state, port, render, render_text, row
from watcher.core.errors import UsageError
from watcher.core.model import Item, Key, Section, Status
from watcher.render.exports import EXPORTS
from watcher.render.exports.base import PORTS, PROTOCOLS, ExportedRelease, OldName
from watcher.render.exports.csv import make_table

# What ends a field, a line, a comment or a cell in one of the formats, and what its program takes for nothing.
BREAKS = (
    "-->",
    "--",
    "->",
    "#",
    "\t",
    "a b",
    "\r\n",
    ",",
    '"',
    "'",
    "NULL",
    "_NULL",
    "...",
    "@@",
    "-",
    "(empty)",
    "\\x09",
)
ENDS = ("\ufffe", "\uffff", "\ud800", "\x85", "80/tcp", "$(id)", "*/", "%s", "a/b", "../x", "x" * 1200, "")
ANY = st.sampled_from([*HOSTILE, *BREAKS, *ENDS]) | TEXT
# Names and numbers that are mostly good, so that the rows reach the files.
NAME = st.sampled_from(["http", "ssh", "a_b", "z39.50", "http"]) | ANY
NUMBER = st.sampled_from(["1", "2", "65535", "65536", "1-3", "007", "\u0663", "-1", "1" * 30]) | ANY
PROTOCOL = st.sampled_from(["tcp", "udp", "sctp", "dccp", "icmp"]) | ANY

LANGUAGES = ("c", "go", "rust", "python", "typescript")

FEW = settings(max_examples=30)  # for each format


@st.composite
def port_entries(draw: st.DrawFn) -> list[Item]:
    texts = st.fixed_dictionaries({"description": ANY, "notes": ANY, "assignee": ANY, "references": ANY})
    items = {}
    for _ in range(draw(st.integers(0, 5))):
        key = (draw(NAME), draw(NUMBER), draw(PROTOCOL))
        notes = draw(st.just({}) | st.builds(lambda name: {"notes": f'This entry is an alias to "{name}".'}, NAME))
        items[key] = port(*key, **{**draw(texts), **notes}, status=draw(st.sampled_from(list(Status))))
    return list(items.values())


@st.composite
def rows(draw: st.DrawFn) -> list[Item]:
    # A column of daff cannot be called "...": the export is refused.
    names = (st.sampled_from(["key", "registry", "status", "one", "two"]) | ANY).filter(
        lambda name: name not in ("value", "name", "...")
    )
    columns = draw(st.lists(names, max_size=3))
    items = {}
    for _ in range(draw(st.integers(0, 5))):
        path, value = draw(st.sampled_from(["", "first", "first/inner"]) | ANY), draw(st.sampled_from(["1", "2"]) | ANY)
        fields = {
            "value": value,
            "name": draw(NAME),
            **{column: draw(ANY) for column in columns if draw(st.booleans())},
        }
        label = draw(st.sampled_from(["value", "value", "name"]))
        key = Key(("registry", label), (path, fields[label]))
        items[key] = Item(section=Section.ENTRY, key=key, fields=fields, status=Status.ASSIGNED)
    return list(items.values())


@st.composite
def releases(draw: st.DrawFn) -> ExportedRelease:
    ports = draw(st.booleans())
    items = draw(port_entries() if ports else rows())
    contact = Item(section=Section.CONTACT, key=Key(("id",), (draw(ANY),)), fields={"name": draw(ANY)})
    names = st.lists(st.builds(OldName, name=NAME, renamed=st.just("2020-01-01")), max_size=2, unique=True)
    return make_state(
        [*items, contact],
        document=PORTS if ports else draw(st.just(PROTOCOLS) | ANY),
        title=draw(ANY),
        published=draw(st.none() | ANY),
        old_names={item.key: tuple(draw(names)) for item in items if draw(st.booleans())},
    )


def written_of(name: str, states: Sequence[ExportedRelease], *, raw: bool, omitted: bool) -> tuple[int, list[object]]:
    rendered = render(name, *states, raw=raw, omitted=omitted)
    return rendered.written, READERS[name](rendered.files)


def test_every_format_has_a_reader() -> None:
    assert {*READERS} == {*EXPORTS}


@pytest.mark.fault(31)
@pytest.mark.parametrize("name", [name for name in EXPORTS if not EXPORTS[name].between])
@FEW
@given(state=releases(), raw=st.booleans(), omitted=st.booleans())
def test_a_reader_sees_the_written_entries_and_nothing_else(
    name: str, state: ExportedRelease, raw: bool, omitted: bool
) -> None:
    raw = raw and "\0" not in json.dumps(render_text("json", state))  # csv.reader refuses NUL
    rendered = render(name, state, raw=raw, omitted=omitted)
    records = READERS[name](rendered.files)
    assert rendered.written + len(rendered.omissions) == len(state.entries)
    if name in ("services", "zeek"):  # a line has several entries
        entries = {(entry.fields.get("name"), entry.fields.get("protocol")) for entry in state.entries}
        old = {(old.name, entry.fields.get("protocol")) for entry in state.entries for old in entry.old_names}
        assert {(text, record.protocol) for record in records for text in record.names} <= entries | old
    elif name not in ("markdown", *LANGUAGES):  # a constant stands for all entries of one name and value
        assert len(records) == rendered.written


@pytest.mark.fault(33)
@FEW
@given(state=releases())
def test_no_cell_of_csv_is_a_formula(state: ExportedRelease) -> None:
    for record in READERS["csv"]({"": render_text("csv", state)}):
        for cell in record.values():
            assert not cell.lstrip().startswith(("=", "+", "-", "@", "＝", "＋", "－", "＠"))  # noqa: RUF001


@FEW
@given(state=releases())
def test_json_has_every_text_as_it_is(state: ExportedRelease) -> None:
    def readable(text: str) -> str:
        return text.encode("utf-8", "replace").decode()  # a surrogate has no encoding

    for name in ("json", "jsonl"):
        records = READERS[name]({"": render_text(name, state)})
        expected = [{readable(key): readable(text) for key, text in entry.fields.items()} for entry in state.entries]
        assert [record["fields"] for record in records] == expected


@FEW
@given(old=releases(), new=releases())
def test_a_json_patch_makes_the_newer_document_of_the_older_one(old: ExportedRelease, new: ExportedRelease) -> None:
    before, after = (json.loads(render_text("json", state)) for state in (old, new))
    assert jsonpatch.apply_patch(before, render_text("rfc6902", old, new)) == after


@FEW
@given(old=releases(), new=releases())
def test_a_json_patch_is_refused_by_another_document(old: ExportedRelease, new: ExportedRelease) -> None:
    patch = jsonpatch.JsonPatch.from_string(render_text("rfc6902", old, new))
    other = json.loads(render_text("json", make_state([port("other", "9")])))
    with pytest.raises(jsonpatch.JsonPatchTestFailed):
        patch.apply(other)


@FEW
@given(old=releases(), new=releases(), raw=st.booleans())
def test_a_daff_table_makes_the_newer_csv_of_the_older_one(
    old: ExportedRelease, new: ExportedRelease, raw: bool
) -> None:
    before, after = (make_table(state, raw=raw) for state in (old, new))
    if not raw or all(len({row[0] for row in table}) == len(table) for table in (before, after)):
        patch = list(csv.reader(io.StringIO(render_text("daff", old, new, raw=raw), newline="")))
        table = daff.PythonTableView([*map(list, before)])
        assert daff.HighlightPatch(table, daff.PythonTableView(patch)).apply()
        assert table.data == after


@FEW
@given(state=releases())
def test_the_same_release_gives_the_same_bytes(state: ExportedRelease) -> None:
    for name, export in EXPORTS.items():
        states = (state, state) if export.between else (state,)
        assert render(name, *states).files == render(name, *states).files


def test_a_column_that_daff_takes_for_left_out_ones_is_refused() -> None:
    with pytest.raises(UsageError, match=r"a column is called '\.\.\.'"):
        render("daff", make_state([row("", "1", **{"...": "x"})]), make_state([]))


@pytest.mark.parametrize("text", [*HOSTILE, *BREAKS, *ENDS])
@pytest.mark.parametrize("name", [name for name in EXPORTS if EXPORTS[name].document != PROTOCOLS])
def test_a_hostile_description_makes_no_line_of_its_own(name: str, text: str) -> None:
    plain, hostile = (make_state([port("ssh", "22", description=words)], title=words) for words in ("x", text))
    empty = make_state([])
    states = (lambda state: (empty, state)) if EXPORTS[name].between else (lambda state: (state,))
    number, records = written_of(name, states(plain), raw=False, omitted=True)
    hostile_number, hostile_records = written_of(name, states(hostile), raw=False, omitted=True)
    assert (hostile_number, len(hostile_records)) == (number, len(records))
