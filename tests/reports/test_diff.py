"""Comparing two files without the command line: values in, a comparison out."""

from __future__ import annotations

import pytest

from tests.support.port_releases import release, tcp
from watcher.core.errors import UsageError
from watcher.reports.diff import InputFile, compare_files

OLD = InputFile(name="old.xml", data=release([tcp("a", "1")]))
NEW = InputFile(name="new.xml", data=release([tcp("a", "1"), tcp("b", "2")], "2020-01-02"))


def test_two_files_are_compared_from_their_bytes() -> None:
    comparison = compare_files(OLD, NEW)
    assert comparison.source == "ports"
    assert [event.id for event in comparison.events] == ["port-assigned"]


@pytest.mark.parametrize("unknown", [{"registry": "protes"}, {"format": "xmll"}])
def test_an_unknown_registry_or_format_is_an_error_that_lists_the_known_ones(unknown: dict[str, str]) -> None:
    with pytest.raises(UsageError, match=r"must be one of .*(ports|csv)"):
        compare_files(OLD, NEW, **unknown)  # type: ignore[arg-type]
