"""Reading the vocabulary: everything is kept, the cut reads as the whole, garbage is refused with its place."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.port_releases import PORTS, Row, person, release, reserved, tcp, udp
from watcher.core.errors import ParseError
from watcher.formats.base import Document, FieldMap, RowCache
from watcher.formats.iana_xml.reader import read, read_whole

ANY = FieldMap()
SAMPLE = sorted((Path(__file__).resolve().parents[2] / "snapshots" / "sample").glob("*.xml"))
NESTED = b"""<?xml version="1.0" encoding="UTF-8"?>
<registry xmlns="http://www.iana.org/assignments" id="group">
  <title>A group</title>
  <updated>2020-01-01</updated>
  <registry id="one">
    <title>One</title>
    <range><value>0-9</value><registration_rule>IETF Review</registration_rule></range>
    <record date="2020-01-01"><value>0</value><description>zero</description></record>
    <registry id="inner"><title>Inner</title>
      <record><value>0</value><odd>kept</odd></record>
    </registry>
    <record/>
  </registry>
  <registry><title>Without an id</title><record><value>7</value></record></registry>
  <people><person id="Jo"><name>Jo</name></person></people>
</registry>
"""


def facts(document: Document) -> object:
    """Everything a document says, in a form that can be compared."""
    return (
        document.id,
        document.published,
        {path: dict(fields) for path, fields in document.headers.items()},
        [(row.registry, dict(row.fields)) for row in document.rows],
        [(row.registry, dict(row.fields)) for row in document.contacts],
        document.problems,
    )


def one(record: str, columns: FieldMap = PORTS.columns) -> dict[str, str]:
    """The fields of one record, which the cut and the whole read alike."""
    data = release([Row(name="x", protocol="tcp")]).replace(b"<name>x</name>", record.encode())
    cut, whole = read(data, columns), read_whole(data, columns)
    assert facts(cut) == facts(whole)
    return dict(cut.rows[0].fields)


@pytest.mark.fault(29)
@pytest.mark.parametrize(
    ("updated", "published"),
    [
        ("2026-02-28", "2026-02-28"),
        ("2026-02-30", None),
        ("2024-13-01", None),
        ("soon", None),
        ("2020\u202e|x", None),
        ("", None),
        ("2020-01-01\n## x", None),
    ],
)
def test_an_invalid_date_is_kept_and_reported_and_not_used(updated: str, published: str | None) -> None:
    document = read(release([tcp("a", "1")], updated), PORTS.columns)
    assert document.published == published
    assert len(document.problems) == (updated != "" and published is None)
    assert document.headers[""]["updated"] == " ".join(updated.split())


def test_every_column_of_a_port_becomes_a_field() -> None:
    row = Row(
        name="ssh", port="22", protocol="tcp", description="Secure Shell", contact="A_B", assignee="C_D",
        references="rfc4251 draft-x-y", unauthorized="reported", notes="Defined\n  here", service_code="7",
        date="1995-07", updated="2020-02-30",
    )  # fmt: skip
    document = read(release([row], people=[person("A_B", "A B", uri="mailto:a&b.example")]), PORTS.columns)
    assert document.published == "2020-01-01"
    assert dict(document.rows[0].fields) == {
        "name": "ssh",
        "port": "22",
        "protocol": "tcp",
        "description": "Secure Shell",
        "assignee": "[C_D]",
        "contact": "[A_B]",
        "registered": "1995-07",
        "modified": "2020-02-30",
        "references": "[RFC4251][draft-x-y]",
        "service_code": "7",
        "unauthorized_use": "reported",
        "notes": "Defined here",
    }
    assert dict(document.contacts[0].fields) == {
        "id": "A_B", "name": "A B", "org": "", "uri": "mailto:a&b.example", "updated": "",
    }  # fmt: skip
    assert document.problems == ()


def test_registries_nest_and_every_row_knows_its_own() -> None:
    document = read(NESTED, ANY)
    assert [(row.registry, row.fields.get("value")) for row in document.rows] == [
        ("one", "0"), ("one/inner", "0"), ("one", None), ("#3", "7"),
    ]  # fmt: skip
    assert list(document.headers) == ["", "one", "one/inner", "#3"]
    assert document.headers["one"]["markup:range"].startswith("<range><value>0-9</value>")
    assert document.rows[1].fields["odd"] == "kept"
    assert facts(document) == facts(read_whole(NESTED, ANY))


@pytest.mark.fault(25)
def test_an_unknown_column_is_kept_under_its_own_name_and_reported_with_its_line() -> None:
    data = release([tcp("a", "1"), tcp("b", "2", more="<colour>red</colour>"), tcp("c", "3", more="<colour/>")])
    for document in (read(data, PORTS.columns), read_whole(data, PORTS.columns)):
        assert document.rows[1].fields["colour"] == "red"
        assert [(p.code, p.message) for p in document.problems] == [
            ("unknown_column", "unknown element <colour> (2 times)")
        ]
        line = document.problems[0].line
        assert line is not None
        assert b"<record" in data.splitlines()[line - 1]
        assert b"<name>b</name>" in data.splitlines()[line]


@pytest.mark.parametrize(
    ("record", "field", "text", "markup"),
    [
        ("<name>a <b>bold</b> move</name>", "name", "a bold move", True),
        ("<name>one<br/>two</name>", "name", "one\ntwo", False),
        ("<note>see <xref type='rfc' data='rfc1'/>.</note>", "notes", "see [RFC1].", False),
        ("<note>see <xref type='rfc' data='rfc1'>that</xref></note>", "notes", "see [that]", True),
        ("<note>a literal [RFC1]</note>", "notes", "a literal [RFC1]", True),
        ("<note>one</note><note>two</note>", "notes", "one\n\ntwo", True),
        ("<name kind='odd'>x</name>", "name", "x", True),
        ("<name>&lt;b&gt; &amp;amp;</name>", "name", "<b> &amp;", False),
        ("<xref type='uri' data='http://a.example'>Text</xref>", "references", "[Text]", True),
        ("<xref type='text'>a [b] c</xref>", "references", "[a [b] c]", True),
        ("stray<name>x</name>", "#text", "stray", False),
    ],
)
def test_a_cell_reads_as_printed_and_keeps_its_markup_if_the_text_is_not_exact(
    record: str, field: str, text: str, markup: bool
) -> None:
    fields = one(record)
    assert fields[field] == text
    assert (f"markup:{field}" in fields) is markup


def test_two_references_that_print_alike_are_different() -> None:
    assert one("<xref type='rfc' data='rfc1'/>") != one("<xref type='text'>RFC1</xref>")
    assert one("<note>a<xref type='note' data='1'/></note>") != one("<note>a[1]</note>")


@pytest.mark.fault(19, 20, 21)
@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"\xef\xbb\xbf \n\t", "empty"),
        (b"<html><body>502</body></html>", "not_expected_format"),
        (b"\n<?xml version='1.0'?><!DOCTYPE html PUBLIC 'x' 'y'><html/>", "not_expected_format"),
        (b"<?xml version='1.0'?><!DOCTYPE x [<!ENTITY e 'x'>]><registry>&e;</registry>", "doctype"),
        (b"<!DOCTYPE r SYSTEM 'file:///etc/passwd'><registry/>", "doctype"),
        (b"Service Name,Port Number\nx,1\n", "not_expected_format"),
        (b"<registry><record></registry>", "not_well_formed"),
        (b"<registry/><registry/>", "not_well_formed"),
        (b"<?xml version='1.0' encoding='utf-8'?><registry>\xff</registry>", "not_well_formed"),
        (b"<?xml version='1.0' encoding='no-such'?><registry/>", "not_well_formed"),
        (b"<?xml version='1.0' encoding='rot13'?><registry/>", "not_well_formed"),
        (b"<registry>&undefined;</registry>", "not_well_formed"),
        (b"<registry>\0</registry>", "not_well_formed"),
        (b"<feed xmlns='http://www.w3.org/2005/Atom'/>", "not_expected_format"),
    ],
)
def test_other_documents_are_refused_with_their_reason(data: bytes, reason: str) -> None:
    with pytest.raises(ParseError) as error:
        read(data, ANY)
    assert error.value.reason == reason
    assert "\n" not in str(error.value)


@pytest.mark.fault(7, 21)
def test_a_cut_document_is_refused_wherever_it_is_cut() -> None:
    data = SAMPLE[0].read_bytes()
    end = len(data.rstrip())
    for at in [*range(1, end, 997), end - 1]:
        with pytest.raises(ParseError):
            read(data[:at], PORTS.columns)


@pytest.mark.fault(21)
def test_an_error_has_its_line_and_column() -> None:
    with pytest.raises(ParseError, match=r"line 3, column \d+") as error:
        read(b"<registry>\n<title>x</title>\n<record></registry>", ANY)
    assert error.value.line == 3


@pytest.mark.fault(23)
def test_nothing_is_expanded_and_nothing_is_loaded(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("a secret")
    bomb = b"<!ENTITY a 'ha'>" + b"".join(b"<!ENTITY a%d '%s'>" % (n, b"&a%d;" % (n - 1) * 10) for n in range(1, 12))
    for doctype in (
        b"<!DOCTYPE r [<!ENTITY x SYSTEM 'file://%b'>]>" % str(secret).encode(),
        b"<!DOCTYPE r [%b]>" % bomb,
    ):
        with pytest.raises(ParseError) as error:
            read(doctype + b"<registry>&x;</registry>", ANY)
        assert error.value.reason == "doctype"
    include = (
        b'<registry xmlns:xi="http://www.w3.org/2001/XInclude"><record><xi:include href="%b"/></record></registry>'
    )
    document = read(include % str(secret).encode(), ANY)
    assert "a secret" not in str(facts(document))


@pytest.mark.fault(24)
@pytest.mark.parametrize(
    "data",
    [
        b"<registry>" * 100_000 + b"</registry>" * 100_000,
        b"<registry><record>" + b"<x>" * 5_000 + b"</x>" * 5_000 + b"</record></registry>",
        b"<registry><record><x>" + b"y" * 12_000_000 + b"</x></record></registry>",
    ],
    ids=["deep", "deep record", "long text"],
)
def test_hostile_sizes_end_in_a_refusal(data: bytes) -> None:
    with pytest.raises(ParseError) as error:
        read(data, ANY)
    assert error.value.reason == "not_well_formed"


@pytest.mark.fault(22)
def test_comments_cdata_and_other_encodings_are_read_whole() -> None:
    plain = release([tcp("a", "1"), udp("b", "2")])
    for variant in (
        plain.replace(b"<name>a", b"<!-- <record> --><name>a"),
        plain.replace(b"<name>a</name>", b"<name><![CDATA[a]]></name>"),
        plain.decode().replace("encoding='UTF-8'", "encoding='UTF-16'").encode("utf-16"),
        plain.decode().replace("encoding='UTF-8'", "encoding='ISO-8859-1'").encode("latin-1"),
        plain.replace(b"</record>", b"</record >"),
        plain.replace(b"\n", b"\r\n"),
        b"\xef\xbb\xbf" + plain,
        re.sub(rb"<(/?)(?=[a-z])", rb"<\1i:", plain).replace(b" xmlns=", b" xmlns:i="),
    ):
        assert facts(read(variant, PORTS.columns)) == facts(read(plain, PORTS.columns))


def test_a_cache_gives_the_same_row_for_the_same_bytes() -> None:
    cache = RowCache()
    first = read(release([tcp("a", "1"), tcp("b", "2"), reserved("3")]), PORTS.columns, cache)
    second = read(release([tcp("a", "1"), tcp("b", "2", notes="new"), reserved("3")]), PORTS.columns, cache)
    same = [new is old for new, old in zip(second.rows, first.rows, strict=True)]
    assert same == [True, False, True]
    assert len(cache.rows) == 3


def test_a_series_reads_the_same_with_one_cache_and_whole() -> None:
    assert len(SAMPLE) == 6
    cache = RowCache()
    for path in SAMPLE:
        data = path.read_bytes()
        assert facts(read(data, PORTS.columns, cache)) == facts(read_whole(data, PORTS.columns))


_TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=12)
_PIECE = st.one_of(
    _TEXT.map(lambda text: text.replace("&", "&amp;").replace("<", "&lt;")),
    st.sampled_from(
        ["<br/>", "<xref type='rfc' data='rfc1'/>", "<xref type='person' data='A'/>", "<xref type='text'>[x</xref>",
         "<record/>", "<recorder/>", "<person/>", "<!-- </record> -->", "<![CDATA[</record>]]>", "<p>x</p>", "\n  "]
    ),
)  # fmt: skip
_RECORDS = st.lists(st.lists(_PIECE, max_size=4).map("".join), max_size=6)


@settings(max_examples=300)
@given(st.lists(_RECORDS, min_size=1, max_size=3), st.booleans())
def test_chunks_read_the_same_as_the_whole_document(series: list[list[str]], nested: bool) -> None:
    cache = RowCache()
    for bodies in series:
        records = "".join(f"<record><value>{body}</value>{body}</record>\n" for body in bodies)
        inner = f"<registry id='n'>{records}<people><person id='A'/></people></registry>" if nested else records
        data = f'<registry xmlns="http://www.iana.org/assignments" id="x">{inner}</registry>'.encode()
        assert facts(read(data, ANY, cache)) == facts(read_whole(data, ANY))


@settings(max_examples=200)
@given(st.lists(_RECORDS, min_size=1, max_size=3), st.integers(1, 400))
def test_a_large_document_is_read_in_blocks_with_the_same_result(series: list[list[str]], block: int) -> None:
    cache = RowCache()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("watcher.formats.unchanged_ranges.BLOCK", block)
        patch.setattr("watcher.formats.iana_xml.chunks.BLOCK", block)
        patch.setattr("watcher.formats.iana_xml.chunks._MOST_KEPT", 0)
        for bodies in series:
            records = "".join(f"<record><value>{body}</value></record>\n" for body in bodies)
            inner = f"<registry id='n'>{records}</registry>{records}<people><person id='A'/><person id='B'/></people>"
            data = f'<registry xmlns="http://www.iana.org/assignments" id="x">{inner}</registry>'.encode()
            assert facts(read(data, ANY, cache)) == facts(read_whole(data, ANY))


def test_a_row_in_several_registries_is_one_row_in_each() -> None:
    first, same = "<record><value>0</value></record>", "<record><value>1</value></record>"
    cache = RowCache()
    seen = []
    for paths in (("a", "b"), ("b", "c"), ("c", "a", "b"), ("b",)):
        inner = "".join(f"<registry id='{path}'>{first}{same}</registry>" for path in paths)
        data = f'<registry xmlns="http://www.iana.org/assignments" id="x">{inner}{first}{same}</registry>'.encode()
        rows = [row for row in read(data, ANY, cache).rows if row.fields["value"] == "1"]
        assert [row.registry for row in rows] == [*paths, ""]
        assert len({*rows}) == len(rows)
        seen.append({row.registry: row for row in rows})
    assert seen[0]["b"] is seen[1]["b"] is seen[2]["b"] is seen[3]["b"]


@pytest.mark.fault(21, 22)
@settings(max_examples=200)
@given(st.randoms(use_true_random=False))
def test_damaged_bytes_are_read_or_refused_and_nothing_else(chance: random.Random) -> None:
    data = bytearray(SAMPLE[1].read_bytes())
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(data))
        edit = chance.randrange(3)
        if edit == 0:
            data[at] = chance.randrange(256)
        elif edit == 1:
            del data[at : at + chance.randint(1, 200)]
        else:
            data[at:at] = chance.choice([b"<", b">", b"&", b"</record>", b"<record>", b"<person/>", b"\0", b"<!--"])
    try:
        cut = read(bytes(data), PORTS.columns)
    except ParseError:
        return
    assert facts(cut) == facts(read_whole(bytes(data), PORTS.columns))


# Markup in a record or between two: some is harmless, some changes the meaning of what is around it.
_PLAIN = (*8 * (b"\n  ",), b"", b"\t", b"<description>x</description>", b"<xref type='rfc' data='rfc1'/>")
_PAIRS = (
    *((b"<!--", b"-->"), (b"<![CDATA[", b"]]>"), (b"<?x ", b"?>"), (b"<odd>", b"</odd>"), (b"<value a='", b"'/>")),
    *((b"<registry id='n'>", b"</registry>"), (b"<people>", b"</people>"), (b"<record>", b"</record>")),
    *((b"<person>", b"</person>"), (b"<registry xmlns='u'>", b"</registry>"), (b"<i:x xmlns:i='u'>", b"</i:x>")),
)
_NASTY = (
    *(b"<", b">", b"&", b"&amp;", b"&colour;", b"\0", b"\x0b", b"\x0c", b"\xc3", b"\xff", b"\xc3\xa9", b"text", b"-->"),
    *(b"<!DOCTYPE x>", b"<?x y?>", b"<!-- y -->", b"]]>", b"<i:x/>", b"<\xea\x9d\xae/>", b"<\xf0\x90\x80\x80/>"),
    *(b"<record/>", b"<record n='0'/>", b"<record n='2'/>", b"<records/>", b"<person/>", b"<person n='0'/>"),
)


class Series:
    """A document that changes from release to release, and sometimes has markup where it should not be."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._encoding = chance.choice((*6 * (b"UTF-8",), b"us-ascii", b"iso-8859-1"))
        self._records = [self._record() for _ in range(chance.randint(0, 12))]
        self._people = [self._person() for _ in range(chance.randint(0, 3))]

    def written(self) -> bytes:
        head = b'<?xml version="1.0" encoding="%b"?>\n' % self._encoding
        root = b'<registry xmlns="http://www.iana.org/assignments" id="x"><updated>2020-01-01</updated>'
        pieces = [*self._records, b"<people>", *self._people, b"</people>", b"</registry>\n"]
        for _ in range(self._chance.choice((0, 0, 0, 1, 2))):
            self._spoil(pieces)
        return head + root + b"".join(pieces)

    def step(self) -> None:
        """Go on to the next release."""
        for _ in range(self._chance.randint(0, 3)):
            rows, at = self._records, self._chance.randrange(len(self._records) + 1)
            edit = self._chance.randrange(5)
            if edit == 0:
                rows[at:at] = [self._record() for _ in range(self._chance.randint(1, 3))]
            elif edit == 1:
                rows[at : at + 1] = [self._record()]
            elif edit == 2:
                rows[:] = rows[at:] + rows[:at]
            elif edit == 3:
                del rows[at : at + self._chance.randint(1, 3)]
            else:
                rows[at:at] = rows[:2]

    def _spoil(self, pieces: list[bytes]) -> None:
        """Insert one piece of markup, or its two ends, between or into the pieces."""
        marks = self._chance.choice((*_PAIRS, *((nasty,) for nasty in _NASTY)))
        places = sorted(self._chance.randrange(len(pieces)) for _ in marks)
        for place, mark in zip(places, marks, strict=True):
            piece = pieces[place]
            ends = [match.end() for match in re.finditer(b">", piece)]
            at = self._chance.choice((0, len(piece), *ends))
            pieces[place] = piece[:at] + mark + piece[at:]

    def _record(self) -> bytes:
        before, inside = self._chance.choices(_PLAIN, k=2)
        between = before if before.isspace() else b""
        return between + b"<record><value>%d</value>%b</record>" % (self._chance.randrange(20), inside)

    def _person(self) -> bytes:
        return b"<person id='P%d'><name>x</name></person>" % self._chance.randrange(9)


def outcome_of(data: bytes, reader: Callable[[bytes], Document]) -> object:
    """Return the facts of a document, or why it is refused."""
    try:
        return facts(reader(data))
    except ParseError as error:
        return error.reason, error.line, error.column, str(error)


def alone(data: bytes) -> Document:
    """Read without chunks."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("watcher.formats.iana_xml.chunks._may_be_chunked", lambda _: False)
        return read(data, ANY)


@pytest.mark.fault(21, 22)
@settings(max_examples=500)
@given(st.randoms(use_true_random=False), st.integers(1, 600), st.booleans())
def test_the_next_release_reads_the_same_in_chunks_and_whole(chance: random.Random, step: int, large: bool) -> None:
    cache = RowCache()
    series = Series(chance)
    with pytest.MonkeyPatch.context() as patch:
        block = step * chance.randint(1, 4)
        for name, value in (
            *(("unchanged_ranges._COMPARED", max(step, 16)), ("iana_xml.chunks._FIRST_BLOCK", step)),
            *(("unchanged_ranges.BLOCK", block), ("iana_xml.chunks.BLOCK", block)),
        ):
            patch.setattr(f"watcher.formats.{name}", value)
        if large:
            patch.setattr("watcher.formats.iana_xml.chunks._MOST_KEPT", 0)
        for _ in range(5):
            data = series.written()
            assert outcome_of(data, lambda data: read(data, ANY, cache)) == outcome_of(data, alone), data
            series.step()


@pytest.mark.parametrize("marks", [*_PAIRS, *((nasty,) for nasty in _NASTY)], ids=repr)
def test_markup_anywhere_reads_the_same_in_chunks_and_whole(marks: tuple[bytes, ...]) -> None:
    document = (
        b'<?xml version="1.0" encoding="UTF-8"?>\n<registry xmlns="http://www.iana.org/assignments" id="x">\n'
        b"<record><value>1</value></record>\n<registry id='a'><record><value>2</value></record>"
        b"<record><value>3</value></record></registry><people><person id='A'></person></people></registry>"
    )
    places = [match.end() for match in re.finditer(b">", document)]
    for one in places:
        for other in places if len(marks) > 1 else (one,):
            if other < one:
                continue
            cache = RowCache()
            read(document, ANY, cache)
            data = document[:one] + marks[0] + document[one:other] + b"".join(marks[1:]) + document[other:]
            assert outcome_of(data, lambda data, cache=cache: read(data, ANY, cache)) == outcome_of(data, alone), data  # type: ignore[misc]


def test_a_record_added_before_a_nested_registry_moves_no_other_record() -> None:
    cache = RowCache()
    records = b"".join(b"<record><value>%d</value></record>" % number for number in range(200))
    root = b'<registry xmlns="http://www.iana.org/assignments" id="x">'
    old = root + records + b"<registry id='a'>" + records.replace(b"<value>", b"<value>a") + b"</registry></registry>"
    new = old.replace(root, root + b"<record><value>new</value></record>")
    for data in (old, new, old):
        assert outcome_of(data, lambda data: read(data, ANY, cache)) == outcome_of(data, alone)


@pytest.mark.fault(24)
def test_reused_rows_count_towards_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("watcher.formats.text.MAX_ROWS", 900)
    cache = RowCache()
    root = b'<registry xmlns="http://www.iana.org/assignments" id="x">'
    old = root + b"".join(b"<record><value>%d</value></record>" % number for number in range(900)) + b"</registry>"
    assert len(read(old, ANY, cache).rows) == 900
    with pytest.raises(ParseError, match="more than 900 rows"):
        read(old.replace(root, root + b"<record><value>new</value></record>"), ANY, cache)


def test_a_document_that_declares_ascii_and_is_not_is_refused() -> None:
    data = b'<?xml version="1.0" encoding="us-ascii"?><registry xmlns="http://www.iana.org/assignments" id="x"><record>'
    with pytest.raises(ParseError, match="not well-formed"):
        read(data + "<value>é</value></record></registry>".encode(), ANY)


def test_a_redirect_is_a_document_that_names_the_new_group() -> None:
    document = read(b"<redirect xmlns='http://www.iana.org/assignments' registry='other'/>", FieldMap())
    assert (document.headers[""]["moved_to"], document.rows, document.problems) == ("other", (), ())


def test_people_between_records_are_people_and_not_rows() -> None:
    people = b"<people><person id='Jo'><name>Jo</name></person></people>"
    records = b"<record><name>a</name></record><record><name>b</name></record><record><name>c</name></record>"
    for inside in (people + records, b"<registry id='x'>" + people + b"</registry>" + records):
        data = (
            b"<registry xmlns='http://www.iana.org/assignments' id='r'>".replace(b"'", b'"') + inside + b"</registry>"
        )
        document = read(data, FieldMap())
        assert [row.fields["name"] for row in document.rows] == ["a", "b", "c"]
        assert [row.fields["id"] for row in document.contacts] == ["Jo"]


def test_a_problem_that_comes_back_with_its_row_is_reported_again() -> None:
    odd = release([tcp("a", "1"), Row(name="b", more="\n    <colour>red</colour>")])
    plain = release([tcp("a", "1")])
    cache = RowCache()
    problem_counts = [len(read(data, PORTS.columns, cache).problems) for data in (odd, plain, odd)]
    assert problem_counts == [1, 0, 1]
