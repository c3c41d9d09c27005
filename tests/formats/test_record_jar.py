"""Reading the language subtag registry's format."""

from __future__ import annotations

import pytest

from watcher.core.errors import ParseError
from watcher.formats.base import FieldMap
from watcher.formats.record_jar import read

ANY = FieldMap()
JAR = b"""File-Date: 2020-01-31
%%
Type: language
Subtag: aa
Description: One
Description: Another
  name of it
Added: 2005-10-16
%%
Type: language
Subtag: ab
Comments : see
\taa: it says more
%%
"""


def test_records_are_rows_and_repeated_fields_one_field() -> None:
    document = read(JAR, ANY)
    assert [dict(row.fields) for row in document.rows] == [
        {"Type": "language", "Subtag": "aa", "Description": "One\nAnother name of it", "Added": "2005-10-16"},
        {"Type": "language", "Subtag": "ab", "Comments": "see aa: it says more"},
    ]
    assert (document.published, dict(document.headers[""])) == ("2020-01-31", {"id": "", "updated": "2020-01-31"})
    assert (document.id, document.contacts, document.problems) == (None, (), ())


def test_white_space_and_line_ends_make_no_difference() -> None:
    plain = read(JAR, ANY)
    for other in (JAR.replace(b"\n", b"\r\n"), b"\xef\xbb\xbf" + JAR, JAR.removesuffix(b"%%\n"), JAR + b"\n\n"):
        assert [row.fields for row in read(other, ANY).rows] == [row.fields for row in plain.rows]


def test_a_jar_without_a_date_has_none_and_one_that_is_no_date_is_reported() -> None:
    document = read(b"Type: x\n%%\nType: y\n", ANY)
    assert (document.published, len(document.rows)) == (None, 2)
    for day in (b"yesterday", b"2024-13-01", b"2024-02-30"):
        odd = read(b"File-Date: " + day + b"\n%%\nType: y\n", ANY)
        assert (odd.published, [problem.message for problem in odd.problems]) == (None, ["File-Date is not a date"])


@pytest.mark.parametrize(
    ("data", "reason", "line"),
    [
        (b"\n", "empty", None),
        (b"<!DOCTYPE html>\n<html>", "not_expected_format", 1),
        (b"Type: x\nno field at all\n", "not_well_formed", 2),
        (b"Type: x\n%%\n  goes on\n", "not_well_formed", 3),
        (b"Type: x\n\n  goes on\n", "not_well_formed", 3),
        (b"Type: \xff\n", "not_well_formed", 1),
        (b"Type: x\0\n", "not_well_formed", 1),
        (b"Type: " + b"x" * 2_200_000 + b"\n", "too_large", 1),
    ],
)
def test_a_broken_record_jar_is_refused_with_its_line(data: bytes, reason: str, line: int | None) -> None:
    with pytest.raises(ParseError) as error:
        read(data, ANY)
    assert (error.value.reason, error.value.line) == (reason, line)


def test_a_jar_that_ends_inside_a_line_is_read_and_reported() -> None:
    assert [problem.code for problem in read(JAR[:-20], ANY).problems] == ["unfinished"]


def test_a_record_has_every_field_that_the_registry_always_has() -> None:
    columns = FieldMap(titles={"Subtag": "value"}, always=("value", "Added"))
    assert dict(read(b"Subtag: aa\n", columns).rows[0].fields) == {"value": "aa", "Added": ""}
