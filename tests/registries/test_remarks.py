"""The facts behind a name, in the spellings that IANA has printed."""

from __future__ import annotations

import pytest

from watcher.registries.shared.remarks import (
    NO_FACTS,
    EntryFacts,
    is_approved,
    is_temporary,
    read_facts,
    read_text,
    strip_remarks,
    strip_temporary,
)


def allocation(since: str = "", extended: str = "", until: str = "", evaluation: str = "") -> EntryFacts:
    return EntryFacts(
        temporary=True, temporary_since=since, extended=extended, temporary_until=until, in_evaluation=evaluation
    )


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        ("Foo (TEMPORARY - registered 2022-03-23, expires 2023-03-23)", allocation("2022-03-23", "", "2023-03-23")),
        (
            "Foo (TEMPORARY - registered 2022-03-23, extension registered 2023-02-13, expires 2024-03-23)",
            allocation("2022-03-23", "2023-02-13", "2024-03-23"),
        ),
        (
            "SR-ERO (TEMPORARY - registered 2015-08-14, extended 2016-06-29, expires 2017-08-14)",
            allocation("2015-08-14", "2016-06-29", "2017-08-14"),
        ),
        (
            "yang:ietf-syslog (TEMPORARY - registered 2021-07-11, exprires 2022-07-11)",
            allocation("2021-07-11", "", "2022-07-11"),
        ),
        ("DCB (TEMPORARY - registered 2019-01-23, expires 2020-01-23.)", allocation("2019-01-23", "", "2020-01-23")),
        (
            "F (TEMPORARY - registered 2020-08-05, extended 2022-06-24, document sent to IESG Evaluation 2022-09-20)",
            allocation("2020-08-05", "2022-06-24", "", "2022-09-20"),
        ),
        (
            "TEMPORARY - registered 2021-07-11, expires 2022-07-11[draft-toy-26]'s module file will be posted",
            allocation("2021-07-11", "", "2022-07-11"),
        ),
        (
            "TEMPORARY - registered 2021-07-11, extension registered 2022-05-11, expires 2023-07-11. ",
            allocation("2021-07-11", "2022-05-11", "2023-07-11"),
        ),
        (
            "Foo\n(TEMPORARY - registered\n2021-07-11,\nextension\nregistered 2022-05-11, expires\n2023-07-11)",
            allocation("2021-07-11", "2022-05-11", "2023-07-11"),
        ),
        ("Foo (TEMPORARY - registered 2019-01-23, expires 2020-01-23", allocation("2019-01-23", "", "2020-01-23")),
        ("Foo (temporary - registered: 2019-01-23; expires on 2020-01-23)", allocation("2019-01-23", "", "2020-01-23")),
        ("Foo (TEMPORARY - registered 2019-02-30, expires 2020-01-23)", allocation("", "", "2020-01-23")),
        ("Foo (TEMPORARY)", allocation()),
    ],
)
def test_an_early_allocation_is_read_in_every_spelling(text: str, facts: EntryFacts) -> None:
    assert read_text(text) == facts
    assert is_temporary({"description": text})
    assert "TEMPORARY" not in strip_temporary(text).upper()


@pytest.mark.parametrize(
    "text",
    [
        *("TEMPORARY_FAILURE", "Temporary Redirect", "SUN ND PROTOCOL-Temporary", "Temporary failure (4.2.0)"),
        "For widespread experiments, temporary reservations are available.",
        "This condition might be temporary, for example the server is operating in a mode",
    ],
)
def test_a_name_with_the_word_is_no_early_allocation(text: str) -> None:
    assert read_text(text) == NO_FACTS
    assert not is_temporary({"description": text})
    assert strip_temporary(text) == text


@pytest.mark.parametrize(
    ("text", "remark", "footnotes", "name"),
    [
        ("connection_id (deprecated)", "deprecated", "", "connection_id"),
        ("MD (OBSOLETE - use MX)", "OBSOLETE - use MX", "", "MD"),
        ("x - DEPRECATED in favor of y", "DEPRECATED in favor of y", "", "x"),
        ("A (Removed 2019-03-01)", "Removed 2019-03-01", "", "A"),
        ("A\n(HISTORIC)", "HISTORIC", "", "A"),
        ("Foo [2]", "", "2", "Foo"),
        ("Foo[1][2]", "", "1, 2", "Foo"),
        ("A (deprecated) [3]", "deprecated", "3", "A"),
        ("(deprecated)", "", "", "(deprecated)"),
        ("[1]", "", "", "[1]"),
        ("Inverse Query", "", "", "Inverse Query"),
        ("secure (see RFC 1)", "", "", "secure (see RFC 1)"),
    ],
)
def test_a_remark_and_a_footnote_mark_are_no_part_of_a_name(text: str, remark: str, footnotes: str, name: str) -> None:
    facts = read_text(text)
    assert (facts.remark, facts.footnotes) == (remark, footnotes)
    assert strip_remarks(text) == name


def test_facts_come_from_any_column_and_remarks_only_from_names() -> None:
    prose = f"{'A sentence that explains the row at length. ' * 4}(deprecated)"
    fields = {
        "value": "7",
        "description": "Foo (deprecated)",
        "notes": "TEMPORARY - registered 2021-07-11, expires 2022-07-11",
        "references": "[RFC9999][3]",
        "markup:notes": "TEMPORARY - registered 1999-01-01, expires 2000-01-01",
    }
    assert read_facts(fields).as_dict() == {
        "temporary": "yes",
        "temporary_since": "2021-07-11",
        "temporary_until": "2022-07-11",
        "remark": "deprecated",
    }
    assert read_facts({"value": "7", "description": prose}) == NO_FACTS


@pytest.mark.parametrize(
    ("references", "approved"),
    [("[RFC9999]", True), ("[RFC-ietf-toy-03]", True), ("[draft-ietf-toy-03]", False), ("", False), ("[Ann]", False)],
)
def test_an_approved_document_is_an_rfc_or_waits_for_its_number(references: str, approved: bool) -> None:
    assert is_approved(references) is approved
