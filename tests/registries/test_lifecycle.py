"""The events of early allocations, in small registry groups."""

from __future__ import annotations

import pytest

from tests.support.group_releases import content, explained, record, registry
from watcher.core.model import Event, Kind, Severity, Status
from watcher.registries.generic.lifecycle import Stage, read_stage

SINCE = "TEMPORARY - registered 2022-03-23"
FIRST = f"({SINCE}, expires 2023-03-23)"
SECOND = f"({SINCE}, extension registered 2023-02-13, expires 2024-03-23)"
OTHER = record("rfc1", value="1", name="other")


def events_of(before: list[str], after: list[str], *, updated: str = "2023-12-01") -> list[Event]:
    old, new = (content(registry("toys", OTHER, *rows), updated=updated) for rows in (before, after))
    return list(explained(old, new)[1])


def row(value: str, name: str, references: str = "draft-toy") -> str:
    return record(references, value=value, name=name)


def test_the_sentence_of_an_added_early_allocation_has_its_last_day() -> None:
    (event,) = events_of([], [row("7", f"foo {FIRST}")])
    assert (event.id, event.also, event.severity) == ("entry-added", ("temporary-registered",), Severity.NOTICE)
    assert event.summary == "Toys: 7 foo added, temporary until 2023-03-23"
    assert event.service == "foo"


def test_an_added_row_that_is_retired_already_says_so() -> None:
    (event,) = events_of([], [row("7", "foo (deprecated)", "rfc9999")])
    assert event.id == "entry-added"
    assert event.summary.endswith(" added; is already deprecated")


def test_extensions_with_the_same_dates_are_one_event() -> None:
    (event,) = events_of([row("7", f"foo {FIRST}"), row("8", f"bar {FIRST}")],
                         [row("7", f"foo {SECOND}"), row("8", f"bar {SECOND}")])  # fmt: skip
    assert (event.id, event.kind, event.severity, event.also) == (
        "temporary-extended",
        Kind.MODIFIED,
        Severity.INFO,
        (),
    )
    assert event.summary == ("Toys: 7 foo, 8 bar: temporary registration extended, expires 2023-03-23 → 2024-03-23")
    assert dict(event.facts) == {
        "temporary": "yes",
        "temporary_since": "2022-03-23",
        "extended": "2023-02-13",
        "temporary_until": "2024-03-23",
        "temporary_until_before": "2023-03-23",
    }


def test_a_document_sent_to_the_iesg_ends_the_expiry() -> None:
    (event,) = events_of(
        [row("7", f"foo {FIRST}")], [row("7", f"foo ({SINCE}, document sent to IESG Evaluation 2023-03-01)")]
    )
    assert event.id == "temporary-extended"
    assert event.summary == (
        "Toys: 7 foo: temporary registration extended: its document was sent to the IESG on 2023-03-01; "
        "expires 2023-03-23 → without a date"
    )


def test_a_corrected_spelling_is_no_extension() -> None:
    events = events_of([row("7", f"foo ({SINCE}, exprires 2023-03-23)")], [row("7", f"foo {FIRST}")])
    assert [event.id for event in events] == ["entry-modified"]


def test_a_removed_remark_makes_the_entry_permanent_under_the_same_name() -> None:
    (event,) = events_of([row("7", f"foo {FIRST}")], [row("7", "foo", "RFC-toy-03")])
    assert (event.id, event.severity) == ("temporary-made-permanent", Severity.NOTICE)
    assert "entry-renamed" not in event.also
    assert event.summary == (
        "Toys: 7 foo: made permanent (temporary since 2022-03-23), references [draft-toy] → [RFC-toy-03]"
    )


def test_a_remark_in_the_key_is_no_new_name() -> None:
    (event,) = events_of([record("draft-toy", value=f"foo {FIRST}")], [record("draft-toy", value=f"foo {SECOND}")])
    assert (event.id, event.also, event.values) == ("temporary-extended", (), ("foo",))


def test_other_differences_are_part_of_the_sentence() -> None:
    (event,) = events_of([row("7", f"foo {FIRST}")], [row("7", "bar", "RFC-toy-03")])
    assert event.id == "temporary-made-permanent"
    assert "entry-renamed" in event.also
    assert event.summary.endswith("name foo → bar, references [draft-toy] → [RFC-toy-03]")


@pytest.mark.parametrize(
    ("after", "also"),
    [
        ([], "entry-removed"),
        ([record(value="7", name="Unassigned")], "entry-removed"),
        ([record(value="7", name="Reserved")], "entry-deprecated"),
    ],
)
@pytest.mark.parametrize(("updated", "words"), [("2023-12-01", "it expired"), ("2023-01-01", "it would have expired")])
def test_an_early_allocation_that_is_removed_was_withdrawn(
    after: list[str], also: str, updated: str, words: str
) -> None:
    (event,) = events_of([row("7", f"foo {FIRST}")], after, updated=updated)
    assert (event.id, event.kind, event.severity) == ("temporary-withdrawn", Kind.REMOVED, Severity.NOTICE)
    assert also in event.also
    assert event.summary == (f"Toys: 7 foo removed: temporary registration of 2022-03-23 withdrawn, {words} 2023-03-23")


def test_an_early_allocation_that_stays_as_deprecated_is_still_a_warning() -> None:
    (event,) = events_of([row("7", f"foo {FIRST}")], [row("7", "foo (deprecated)")])
    assert (event.id, event.severity) == ("entry-deprecated", Severity.WARNING)
    assert "temporary-withdrawn" in event.also


def test_a_reserved_row_with_the_remark_is_no_early_allocation() -> None:
    assert events_of([record(value="7", name=f"Reserved {FIRST}")], [record(value="7", name="Reserved")]) == []


def test_a_reserved_type_of_a_temporary_class_is_free() -> None:
    rows = [
        record(klass="40", klass_description=f"foo {FIRST}", type="0", type_description=f"Reserved {FIRST}"),
        record(klass="40", klass_description=f"foo {FIRST}", type="1", type_description=f"bar {FIRST}"),
        *(record(klass=str(number), klass_description="x", type="1", type_description="y") for number in range(9)),
    ]
    items = content(registry("toys", *rows)).items
    statuses = {
        item.fields["type_description"].split()[0]: item.status for item in items.values() if "klass" in item.fields
    }
    assert (statuses["Reserved"], statuses["bar"]) == (Status.RESERVED, Status.ASSIGNED)


@pytest.mark.parametrize(
    ("name", "references", "stage"),
    [
        (f"foo {FIRST}", "draft-toy", Stage.TEMPORARY),
        (f"foo {SECOND}", "draft-toy", Stage.EXTENDED),
        ("foo", "draft-toy", Stage.REGISTERED),
        ("foo", "Ann", Stage.REGISTERED),
        ("foo", "RFC-toy-03", Stage.APPROVED),
        ("foo", "rfc9999", Stage.PUBLISHED),
        ("foo (deprecated)", "rfc9999", Stage.DEPRECATED),
        ("Reserved", "rfc9999", Stage.RESERVED),
    ],
)
def test_the_stage_is_read_from_status_remark_and_reference(name: str, references: str, stage: Stage) -> None:
    items = content(registry("toys", OTHER, row("7", name, references))).items
    item = next(item for (_, key), item in items.items() if key.part("value") == "7")
    assert read_stage(item) is stage
