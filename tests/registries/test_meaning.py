"""Kinds of change that got wrong sentences in real registries, each with small data made for it."""

from __future__ import annotations

from tests.support.group_releases import content, explained, ids_by_sentence, record, registry
from watcher.core.model import Severity


def _person(name: str, address: str, updated: str) -> str:
    return (
        f'<person id="{name}"><name>Ann</name><uri>mailto:{address}&amp;x.example</uri><updated>{updated}</updated>'
        "</person>"
    )


def test_a_person_whose_id_moved_up_is_the_same_person() -> None:
    old = content(
        registry("r", record("A_B_2", value="1", description="one"), record("A_B_3", value="2", description="two")),
        people=_person("A_B", "a", "2001-01-01")
        + _person("A_B_2", "b", "2002-01-01")
        + _person("A_B_3", "c", "2003-01-01"),
    )
    new = content(
        registry("r", record("A_B", value="1", description="one"), record("A_B_2", value="2", description="two")),
        people=_person("A_B", "b", "2002-01-01") + _person("A_B_2", "c", "2003-01-01"),
    )
    assert ids_by_sentence(old, new) == {}


def test_text_that_moved_to_another_column_is_part_of_the_changed_columns() -> None:
    def rows(*, is_old: bool) -> str:
        return registry(
            "r",
            *(
                record(
                    value=str(n),
                    refs=f"[RFC9]{'' if is_old else f', Section {n}'}",
                    form=f"Section {n}" if is_old else "",
                )
                for n in range(1, 5)
            ),
        )

    assert ids_by_sentence(content(rows(is_old=True)), content(rows(is_old=False))) == {
        "R: column form removed (4 entries)": "schema-changed"
    }


def test_an_entry_with_the_first_text_of_a_column_says_that_the_column_is_new() -> None:
    old = [record(value=str(n), description=f"n{n}") for n in range(4)]
    _, (event,) = explained(
        content(registry("r", *old)), content(registry("r", *old, record(value="9", description="n9", comment="draft")))
    )
    assert (event.id, event.also) == ("entry-added", ("schema-changed",))
    assert event.summary == "R: 9 n9 added; column comment added"


def test_an_erratum_about_the_case_of_a_name_renames_it() -> None:
    rows = [record("rfc1", name=f"name{n}", description="d") for n in range(3)]
    erratum = '<record><name>status</name><description>s</description><xref type="rfc-errata" data="6834"/></record>'
    old = content(registry("r", *rows, record(name="Status", description="s")))
    _, (event,) = explained(old, content(registry("r", *rows, erratum)))
    assert (event.id, event.also, event.severity) == (
        "entry-modified",
        ("entry-renamed", "erratum-added"),
        Severity.INFO,
    )


def test_an_entry_that_keeps_its_name_can_be_reserved() -> None:
    def rows(text: str) -> str:
        return registry(
            "r", *(record(value=str(n), name=f"n{n}", meaning=text if n == 5 else f"m{n}") for n in range(7))
        )

    assert ids_by_sentence(content(rows("Hello info")), content(rows("RESERVED (for hello)"))) == {
        "R: 5 n5 is now reserved: meaning Hello info → RESERVED (for hello)": "entry-reserved"
    }


def test_the_code_points_of_names_that_changed_are_one_warning() -> None:
    def rows(first: int) -> str:
        return registry("r", *(record(name=f"name{n}", key=str(first + n), description=f"d{n}") for n in range(3)))

    _, (event,) = explained(content(rows(128)), content(rows(32768)))
    assert (event.id, event.also, event.severity) == ("entry-modified", ("entry-renumbered",), Severity.WARNING)
    assert event.summary == "R: name0: key 128 → 32768, name1: key 129 → 32769, name2: key 130 → 32770"


def test_rows_that_went_into_blocks_of_another_owner_are_redrawn_not_removed() -> None:
    old = [record(value=f"{n * 10}-{n * 10 + 9}", description=f"Assigned to {'AB'[n % 2]}") for n in range(6)]
    _, events = explained(
        content(registry("r", *old)), content(registry("r", record(value="0-59", description="Assigned to A")))
    )
    assert "entry-removed" not in {event.id for event in events}
    assert "R: 3 rows redrawn into larger blocks: 10-19 Assigned to B → 0-59 Assigned to A" in {
        e.summary for e in events
    }


def test_a_row_that_was_listed_under_two_headings_is_merged_not_removed() -> None:
    rows = [record(collection="Job", name=f"name{n}", syntax="text") for n in range(4)]
    rows += [record(collection="Status", name=f"name{n}", syntax="text") for n in range(3)]
    _, (event,) = explained(
        content(registry("r", *rows, record(collection="Status", name="name3", syntax="text"))),
        content(registry("r", *rows)),
    )
    assert (event.id, event.also) == ("entry-modified", ("twin-removed",))


def test_a_range_that_was_set_aside_elsewhere_was_renumbered() -> None:
    def rows(value: str) -> str:
        return registry(
            "r",
            record(value="1", description="one"),
            record("rfc7", date="2016-04-14", value=value, description="Experimental"),
        )

    assert ids_by_sentence(content(rows("65531-65534")), content(rows("251-254"))) == {
        "R: 251-254 Experimental: value 65531-65534 → 251-254": "entry-modified"
    }


def test_a_value_is_reserved_in_one_part_of_a_key_alone() -> None:
    rows = [record(value=v, type=str(n), description="pdu") for v in ("0-1", "0", "2") for n in range(9)]
    old = [
        *rows,
        record(value="0", type="9", description="Reserved"),
        record(value="0-1", type="11-254", description="Unassigned"),
    ]
    new = [
        *rows,
        record(value="0", type="9", description="Reserved"),
        record(value="0-1", type="11", description="Reserved"),
        record(value="0-1", type="12-254", description="Unassigned"),
    ]
    assert ids_by_sentence(content(registry("r", *old)), content(registry("r", *new))) == {
        "R: 0-1 11 is now reserved (was unassigned)": "entry-reserved"
    }


def test_a_placeholder_that_became_the_number_of_the_rfc_is_no_new_name() -> None:
    def rows(number: str, reference: str) -> str:
        return registry("r", *(record(reference, value=str(n), name=f"Delay_RFC{number}sec{n}") for n in range(3)))

    _, (event,) = explained(content(rows("XXXX", "RFC-toy-02")), content(rows("8912", "rfc8912")))
    assert (event.id, len(event.changes)) == ("reference-published", 3)


def test_a_retired_entry_that_is_removed_says_so_and_is_no_warning() -> None:
    rows = [record(value=str(n), description=f"n{n}") for n in range(3)]
    _, (event,) = explained(
        content(registry("r", *rows, record(value="9", description="old (obsolete)"))), content(registry("r", *rows))
    )
    assert (event.severity, event.summary) == (Severity.INFO, "R: 9 old removed (was obsolete)")


def test_two_names_of_one_owner_are_two_entries() -> None:
    def rows(name: str, day: str) -> str:
        others = (record(f"X_{n}", name=f"type-{n}", org=f"Organization {n}") for n in range(8))
        person = '<xref type="person" data="Ann_Ashby"/>'
        own = f'<record date="{day}"><name>{name}</name><org>Toy Standards Committee</org>{person}</record>'
        return registry("types", own, *others)

    old, new = content(rows("model/prc", "2022-02-18")), content(rows("form/fdf", "2022-03-08"))
    assert sorted(ids_by_sentence(old, new).values()) == ["entry-added", "entry-removed"]


def test_an_element_without_text_changed_in_no_line_breaks() -> None:
    """As `<hide/>` in the tables of IDNA."""
    old = content(registry("r", record(value="1")))
    new = content(registry("r", record(value="1"), more="<hide/>"))
    assert ids_by_sentence(old, new) == {"R: hide changed": "registry-note-changed"}
