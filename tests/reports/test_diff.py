"""Comparing two files without the command line: values in, a comparison out."""

from __future__ import annotations

import pytest

from tests.support.port_releases import release, tcp
from watcher.core.errors import UsageError
from watcher.render import markdown, text
from watcher.reports.diff import InputFile, compare_files

OLD = InputFile(name="old.xml", data=release([tcp("a", "1")]))
NEW = InputFile(name="new.xml", data=release([tcp("a", "1"), tcp("b", "2")], "2020-01-02"))


def test_two_files_are_compared_from_their_bytes() -> None:
    comparison = compare_files(OLD, NEW)
    assert comparison.source == "ports"
    assert [event.id for event in comparison.events] == ["port-assigned"]


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (
            b"Code,Name\n1,a\n",
            b"error,text\n502,gateway\n",
            "none of the columns Code, Name is left: it has error, text",
        ),
        (b"Code,Name\n1,a\n2,b\n3,c\n", b"Code,Name\n7,x\n", "none of the 3 entries is left"),
        (b"Code,Name\n1,a\n2,b\n3,c\n", b"Code,Name\n7,x\n3,c\n", ""),
        (b"Code,Name\n1,a\n", b"Code,Name\n2,b\n", ""),
        (b"1,a,x\n2,b,x\n3,c,x\n", b"sorry\nplease wait\n", "none of the 3 entries is left"),
    ],
)
def test_a_difference_of_unrelated_tables_says_so(old: bytes, new: bytes, sentence: str) -> None:
    comparison = compare_files(InputFile(name="old.csv", data=old), InputFile(name="new.csv", data=new))
    assert dict(comparison.marks) == ({"unrelated": sentence} if sentence else {})
    assert ("unrelated: " in text.render_comparison(comparison)) == bool(sentence)
    assert ("unrelated: " in markdown.render_comparison(comparison)) == bool(sentence)


def test_a_difference_of_two_registries_says_so() -> None:
    other = OLD.data.replace(b'id="service-names-port-numbers"', b'id="other"')
    comparison = compare_files(InputFile(name="old.xml", data=other), NEW, registry="iana")
    assert comparison.marks == {"unrelated": "this is the registry 'service-names-port-numbers'; it was 'other'"}


@pytest.mark.parametrize("unknown", [{"registry": "protes"}, {"format": "xmll"}])
def test_an_unknown_registry_or_format_is_an_error_with_a_suggestion(unknown: dict[str, str]) -> None:
    with pytest.raises(UsageError, match=r"unknown (registry|format) .*; did you mean '(ports|xml)'"):
        compare_files(OLD, NEW, **unknown)  # type: ignore[arg-type]
