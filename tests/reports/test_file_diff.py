"""Comparing two files without the command line: values in, a comparison out."""

from __future__ import annotations

import pytest

from tests.support.port_releases import release, tcp
from watcher.core.errors import UsageError
from watcher.core.read_settings import ReadSettings
from watcher.render import markdown, text
from watcher.render.text import render_comparison
from watcher.reports.file_diff import InputFile, compare_files

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
    assert comparison.marks.get("unrelated", "") == sentence
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


@pytest.mark.parametrize(
    ("old", "suffix", "settings", "guessed"),
    [
        (
            b"Code,Name\n1,a\n2,b\n",
            "csv",
            ReadSettings(),
            "key Name (chosen from the rows); the first row was taken for titles (header is not set)",
        ),
        (
            b"1,ab,x\n2,cd,x\n",
            "csv",
            ReadSettings(key=("column 1",)),
            "the first row was taken for an entry (header is not set)",
        ),
        (b"Code,Name\n1,a\n2,b\n", "csv", ReadSettings(header=True), "key Name (chosen from the rows)"),
        (b"Code,Name\n1,a\n2,b\n", "csv", ReadSettings(header=True, key=("Code",)), ""),
        (b'[{"id": "1", "n": "a"}]', "json", ReadSettings(key=("id",)), ""),
    ],
)
def test_a_difference_of_plain_tables_says_what_was_guessed(
    old: bytes, suffix: str, settings: ReadSettings, guessed: str
) -> None:
    files = [InputFile(name=f"{name}.{suffix}", data=old) for name in ("old", "new")]
    comparison = compare_files(*files, settings=settings)
    assert comparison.marks.get("guessed", "") == guessed
    assert guessed in render_comparison(comparison)


@pytest.mark.parametrize(("name", "read_as"), [("list.txt", "txt"), ("values", "xml")])
def test_a_file_of_another_format_than_its_name_says_is_answered_with_the_option(name: str, read_as: str) -> None:
    file = InputFile(name=name, data=b"alpha\nbeta\n")
    with pytest.raises(UsageError, match=f"^{name}: .*; it was read as {read_as}, --as names another format$"):
        compare_files(file, file)
