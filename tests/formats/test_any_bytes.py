"""Whatever a server sends, a reader gives a Reading or a ParseError."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.factory import PORTS, person, release, tcp, unassigned
from tests.formats.test_ports_text import PLAIN, page
from tests.formats.test_record_jar import JAR
from tests.tree import page as index_page
from tests.xhtml_pages import pages
from watcher.contents import FORMATS
from watcher.errors import ParseError
from watcher.formats import iana_xml
from watcher.formats.contract import Columns, Layout

PIECES = [b"a,b\n", b'"', b",", b"\t", b"\n", b"%%\n", b"Type: x\n", b" ", b'{"a":', b"[", b"]", b"}", b"1", b"null"]
PIECES += [b"<html>", b"</html>", b"<table>", b"</table>", b"<tr>", b"<td>", b"\0", b"\xff", b"\xef\xbb\xbf", b"&"]
COLUMNS = (Columns(), PORTS.columns, Columns(layout=Layout(header=False, names=("a", "b"), path="a.b")))
MADE = iana_xml.read(release([tcp("a", "1", contact="Jo"), unassigned("2-9")], people=[person("Jo")]), PORTS.columns)
WHOLE = {
    "xml": release([tcp("a", "1"), unassigned("2-9")]),
    "csv": b'Service Name,Port Number\r\na,1\r\n"b\r\nc",2\r\n',
    "tsv": b"Service Name\tPort Number\na\t1\n",
    "json": b'{"x": [{"a": {"b": [1, "two"]}, "c": null}]}',
    "jsonl": b'{"a": 1}\n{"b": [{"c": 2}]}\n',
    "record-jar": JAR,
    "xhtml": b"".join(pages(MADE, PORTS.columns, 1)),
    "txt": page(PLAIN),
    "index": index_page(["a", "b"]),
}


def read_or_refused(format: str, data: bytes, columns: Columns) -> None:  # noqa: A002
    try:
        reading = FORMATS[format](data, columns)
    except ParseError as error:
        if not error.reason:
            raise
        return
    assert "" in reading.headers
    for row in (*reading.rows, *reading.contacts):
        assert all(isinstance(text, str) for text in row.fields.values())


def test_every_format_has_a_whole_document_here() -> None:
    assert WHOLE.keys() == FORMATS.keys()
    for format, data in WHOLE.items():  # noqa: A001
        assert FORMATS[format](data, Columns()).rows


@pytest.mark.parametrize("format", sorted(FORMATS))
@settings(deadline=None)
@given(
    st.one_of(st.binary(max_size=60), st.lists(st.sampled_from(PIECES), max_size=12).map(b"".join)),
    st.sampled_from(COLUMNS),
)
def test_any_bytes_are_read_or_refused(format: str, data: bytes, columns: Columns) -> None:  # noqa: A002
    read_or_refused(format, data, columns)


@pytest.mark.parametrize("format", sorted(FORMATS))
@settings(deadline=None)
@given(st.randoms(use_true_random=False), st.sampled_from(COLUMNS))
def test_damaged_documents_are_read_or_refused(format: str, chance: random.Random, columns: Columns) -> None:  # noqa: A002
    data = bytearray(WHOLE[format])
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(data) + 1)
        match chance.randrange(3):
            case 0:
                data[at : at + 1] = bytes([chance.randrange(256)])
            case 1:
                del data[at : at + chance.randint(1, 60)]
            case _:
                data[at:at] = chance.choice(PIECES)
    read_or_refused(format, bytes(data), columns)


@pytest.mark.parametrize(
    ("format", "data"),
    [
        ("json", b"[" + b"{}," * 1_100_000 + b"{}]"),
        ("json", b"[[" + b"1," * 11_000_000 + b"1]]"),
        ("jsonl", b"{}\n" * 1_100_000),
        ("record-jar", b"%%\na:b\n" * 600_000),
        ("txt", WHOLE["txt"].replace(b"rdp", b"\n" * 1_100_000 + b"rdp")),
    ],
    ids=["objects", "values", "lines", "records", "text"],
)
def test_hostile_sizes_end_in_a_refusal(format: str, data: bytes) -> None:  # noqa: A002
    with pytest.raises(ParseError) as error:
        FORMATS[format](data, Columns())
    assert error.value.reason == "too_large"


def test_the_readers_are_all_of_their_folder() -> None:
    folder = Path(iana_xml.__file__).parent
    readers = {path.stem for path in folder.glob("*.py") if "\ndef read(" in path.read_text("utf-8")}
    assert {reader.__module__.rpartition(".")[2] for reader in FORMATS.values()} == readers
