"""Any registry of the IANA vocabulary: its key columns, and the events of its changes."""

from __future__ import annotations

import random

import pytest

from tests.support.change_sets import apply, invert
from tests.support.group_releases import IANA, content, explained, group, ids_by_sentence, record, registry
from watcher.core.errors import ParseError
from watcher.core.model import Content, Section
from watcher.diff.content import read_content


def labels(*records: str) -> tuple[str, ...]:
    """Return the key columns of one registry, without the path."""
    parsed = content(registry("r", *records))
    return next(key.labels[1:] for (section, key) in parsed.items if section is Section.ENTRY)


def numbered(*names: str) -> list[str]:
    return [record("rfc1", value=str(number), description=name) for number, name in enumerate(names)]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([{"value": "1", "name": "a"}, {"value": "2", "name": "b"}], ("value",)),
        ([{"name": "a", "description": "x"}, {"name": "b", "description": "x"}], ("name",)),
        ([{"code": "1", "name": "Unassigned"}, {"code": "2", "name": "Unassigned"}], ("code",)),
        ([{"description": "a long thing", "type": "1"}, {"description": "b", "type": "2"}], ("type",)),
        ([{"description": "a"}, {"description": "b"}], ("description",)),
        (
            [{"type": "audio", "subtype": "a"}, {"type": "audio", "subtype": "b"}, {"type": "text", "subtype": "a"}],
            ("type", "subtype"),
        ),
        ([{"value": "", "name": "a"}, {"value": "", "name": "b"}], ("name",)),
    ],
)
def test_the_key_is_chosen_from_the_rows(rows: list[dict[str, str]], expected: tuple[str, ...]) -> None:
    assert labels(*(record(**row) for row in rows)) == expected
    assert labels(*(record(**row) for row in reversed(rows))) == expected


def test_a_few_duplicates_do_not_change_the_key() -> None:
    rows = [record(value=str(number), name=f"n{number}") for number in range(20)]
    again = record(value="7", name="another seven")
    assert labels(*rows) == labels(*rows, again) == ("value",)
    before, after = content(registry("r", *rows)), content(registry("r", *rows, again))
    assert ids_by_sentence(before, after) == {"R: 7 another seven added": "entry-added"}


def test_rows_without_any_column_are_kept() -> None:
    parsed = content(registry("r", "<record/>", "<record/>", record(value="1")))
    assert parsed.entries == 3
    assert [problem.code for problem in parsed.problems] == ["duplicate_key"]


OLD = registry(
    "codes",
    record("rfc1", value="0", description="Reserved"),
    record("rfc2", value="1", description="first"),
    record("draft-toy-second", value="2", description="second"),
    record(value="3-99", description="Unassigned"),
    record(value="100-127", description="Private Use"),
    rule="Standards Action",
)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (
            record(value="3-99", description="Unassigned"),
            record("rfc3", value="3", description="third") + record(value="4-99", description="Unassigned"),
            {"Codes: 3 third assigned (was unassigned)": "entry-added"},
        ),
        (
            record("rfc2", value="1", description="first") ,
            record("rfc2", value="1", description="Unassigned"),
            {"Codes: 1 first removed; is now unassigned": "entry-removed"},
        ),
        (
            record("rfc2", value="1", description="first"),
            record("rfc2", value="1", description="Reserved"),
            {"Codes: 1 first is now reserved": "entry-deprecated"},
        ),
        (
            record("rfc2", value="1", description="first"),
            record("rfc2 rfc9", value="1", description="first (DEPRECATED)"),
            {"Codes: 1 first is now deprecated": "entry-deprecated"},
        ),
        (
            record("draft-toy-second", value="2", description="second"),
            record("rfc4", value="2", description="second"),
            {"Codes: 2 second: references [draft-toy-second] → [RFC4]": "reference-published"},
        ),
        (
            record("draft-toy-second", value="2", description="second"),
            record("draft-toy-second", value="5", description="second"),
            {"Codes: 5 second: value 2 → 5": "entry-modified"},
        ),
        (
            record("draft-toy-second", value="2", description="second"),
            "",
            {"Codes: 2 second removed": "entry-removed"},
        ),
        (
            record(value="3-99", description="Unassigned"),
            record(value="3-98", description="Unassigned") + record("rfc1", value="99", description="Reserved"),
            {"Codes: 99 is now reserved (was unassigned)": "entry-reserved"},
        ),
        ("<registration_rule>Standards Action", "<registration_rule>IETF Review",
         {"Codes: registration procedure Standards Action → IETF Review": "registration-procedure-changed"}),
        ("<title>Codes", "<title>The Codes", {"The Codes: title Codes → The Codes": "registry-note-changed"}),
    ],
)  # fmt: skip
def test_a_change_is_one_event(before: str, after: str, expected: dict[str, str]) -> None:
    assert before in OLD
    old, new = content(OLD), content(OLD.replace(before, after), updated="2020-02-01")
    assert ids_by_sentence(old, new) == expected
    changes = explained(old, new)[0]
    assert apply(changes, old.items) == new.items
    assert apply(invert(changes), new.items) == old.items


def test_a_redrawn_range_is_folded_into_the_assignment_that_caused_it() -> None:
    new = OLD.replace(
        record(value="3-99", description="Unassigned"),
        record("rfc3", value="50", description="fiftieth")
        + record(value="3-49", description="Unassigned")
        + record(value="51-99", description="Unassigned"),
    )
    changes, events = explained(content(OLD), content(new))
    assert [(event.id, event.was, len(event.changes)) for event in events] == [("entry-added", "unassigned", 4)]
    assert sum(change.quiet for change in changes.changes) == 3


def test_a_new_date_of_the_document_is_no_event() -> None:
    assert explained(content(OLD), content(OLD, updated="2021-01-01"))[1] == ()


@pytest.mark.fault(26)
def test_the_order_of_rows_and_registries_is_no_change() -> None:
    rows = numbered("a", "b", "c")
    one = content(registry("r", *rows), registry("s", *rows))
    other = content(registry("s", *rows[::-1]), registry("r", *rows[::-1]))
    assert one.digest == other.digest
    assert explained(one, other)[0].changes == ()


def test_entries_with_the_same_change_are_one_event_that_lists_them() -> None:
    old = [record("draft-toy", value=str(number), description=f"n{number}") for number in range(5)]
    new = [record("rfc7", value=str(number), description=f"n{number}") for number in range(5)]
    events = explained(content(registry("r", *old)), content(registry("r", *new)))[1]
    assert [(event.id, event.also, event.values) for event in events] == [
        ("reference-published", ("entry-modified",), ("0", "1", "2", "3", "4"))
    ]
    assert events[0].summary == "R: 0 n0, 1 n1, 2 n2, 3 n3, 4 n4: references [draft-toy] → [RFC7]"


def test_a_new_registry_is_one_event_with_its_entries() -> None:
    old = content(registry("r", *numbered("a", "b")))
    new = content(registry("r", *numbered("a", "b")), registry("s", *numbered("x", "y", "z")))
    _, events = explained(old, new)
    assert [(event.summary, event.id, len(event.changes)) for event in events] == [
        ("registry S added with 3 entries", "registry-added", 4)
    ]
    assert {event.id for event in explained(new, old)[1]} == {"registry-removed"}


def test_a_registry_under_another_id_keeps_its_entries() -> None:
    rows = numbered("a", "b", "c", "d")
    old = content(registry("r", *rows, title="Things"))
    assert ids_by_sentence(old, content(registry("things", *rows, title="Things"))) == {
        "registry Things: id r → things": "registry-renamed"
    }
    # Its entries identify it even if its title changed as well.
    assert ids_by_sentence(old, content(registry("things", *rows, title="All Things"))) == {
        "registry All Things: id r → things": "registry-renamed"
    }


@pytest.mark.fault(26)
def test_a_registry_with_another_parent_moved() -> None:
    rows = numbered("a", "b", "c")
    old = content(registry("r", *rows, title="Things"), registry("outer", *rows, title="Outer"))
    new = content(registry("outer", *rows, title="Outer", more=registry("r", *rows, title="Things")))
    assert {event.id for event in explained(old, new)[1]} == {"registry-moved"}


@pytest.mark.fault(26)
def test_a_row_that_is_now_in_another_registry_moved() -> None:
    a, b = numbered("a", "b"), [record("rfc9", value="77", description="seventy")]
    old = content(registry("r", *a, *b), registry("s", *a))
    new = content(registry("r", *a), registry("s", *a, *b))
    assert ids_by_sentence(old, new) == {"77 seventy moved from R to S": "entry-moved"}


@pytest.mark.fault(25)
def test_a_new_column_and_another_change_are_two_events() -> None:
    old = [record("rfc1", value=str(number), description=f"n{number}") for number in range(9)]
    new = [record("rfc1", value=str(number), description=f"n{number}", rec="Y") for number in range(8)]
    new.append(record("rfc1 rfc2", value="8", description="n8", rec="N"))
    assert ids_by_sentence(content(registry("r", *old)), content(registry("r", *new))) == {
        "R: column rec added (8 entries)": "schema-changed",
        "R: 8 n8: reference [RFC2] added": "reference-changed",
    }


@pytest.mark.fault(25)
def test_a_renamed_column_is_one_event() -> None:
    old = [record(value=str(number), meaning=f"n{number}") for number in range(6)]
    new = [record(value=str(number), description=f"n{number}") for number in range(6)]
    assert ids_by_sentence(content(registry("r", *old)), content(registry("r", *new))) == {
        "R: column meaning renamed to description (6 entries)": "schema-changed"
    }


@pytest.mark.parametrize(
    ("before", "after", "event"),
    [
        ("Y", "N", "recommendation-withdrawn"),
        ("Y", "D", "recommendation-withdrawn"),
        ("N", "Y", "recommendation-granted"),
        ("N", "D", "discouraged"),
        ("D", "N", "entry-modified"),
    ],
)
def test_a_change_of_recommended_in_tls_has_its_own_event(before: str, after: str, event: str) -> None:
    def suites(rec: str) -> Content:
        rows = [record("rfc8446", value=f"0x13,0x0{n}", description=f"TLS_TOY_{n}", rec="N") for n in range(3, 9)]
        return content(
            registry("tls-parameters-4", record(value="0x13,0x01", description="TLS_TOY", rec=rec), *rows),
            name="tls-parameters",
        )

    events = explained(suites(before), suites(after))[1]
    assert [event.id for event in events] == [event]


def test_private_use_is_a_name_among_special_purpose_blocks() -> None:
    def blocks(reachable: str) -> Content:
        return content(
            registry(
                "iana-ipv4-special-registry-1",
                *(
                    record(address=f"10.{n}.0.0/16", name="Private-Use", **{"global": reachable if n == 1 else "False"})
                    for n in range(4)
                ),
            ),
            name="iana-ipv4-special-registry",
        )

    assert ids_by_sentence(blocks("False"), blocks("True")) == {
        "Iana-Ipv4-Special-Registry-1: 10.1.0.0/16 Private-Use: now globally reachable": "address-use-changed"
    }


def test_merged_blocks_of_one_owner_are_not_removed() -> None:
    old = [record(value=f"{n * 10}-{n * 10 + 9}", description="Assigned by RIR") for n in range(4)]
    new = [record(value="0-39", description="Assigned by RIR"), record(value="40-49", description="Other")]
    old.append(new[1])
    events = explained(content(registry("r", *old)), content(registry("r", *new)))[1]
    (event,) = events
    assert (event.id, event.also, len(event.changes)) == ("entry-modified", ("range-redrawn", "entry-renumbered"), 4)
    assert event.summary == "R: Assigned by RIR: blocks redrawn: 0-9 → 0-39, 10-19 merged, 20-29 merged and 1 more"


def test_a_block_across_two_new_blocks_of_its_owner_is_not_removed() -> None:
    other = record(value="100-199", description="Other")
    old = registry("r", *(record(value=value, description="RIR") for value in ("0-3", "4-13", "14-19")), other)
    new = registry("r", *(record(value=value, description="RIR") for value in ("0-9", "10-19")), other)
    assert "entry-removed" not in ids_by_sentence(content(old), content(new)).values()


def test_a_reserved_name_is_the_entry_that_it_was() -> None:
    others = [record("rfc1", value=f"algorithm-{word}") for word in ("one", "two", "three", "four", "five")]
    old = content(registry("r", record("rfc4462", value="gss-*", note="Section 2.6"), *others))
    new = content(registry("r", record("rfc4462", value="gss-", note="Section 2.6", use="reserved"), *others))
    assert ids_by_sentence(old, new) == {"R: gss-* is now reserved": "entry-deprecated"}


def test_a_row_that_moved_with_another_case_and_date_is_one_entry() -> None:
    def toys(*, moved: bool) -> Content:
        row = record("rfc1", updated="2017-12-15" if moved else "2017-06-01", value="6", name="MSD" if moved else "msd")
        first = [record("rfc1", value=str(n), name=f"first {n}") for n in range(3)]
        second = [record("rfc1", value=str(n), name=f"second {n}") for n in range(3)]
        return content(
            registry("a", *first, *([] if moved else [row])), registry("b", *second, *([row] if moved else []))
        )

    assert ids_by_sentence(toys(moved=False), toys(moved=True)) == {"6 MSD moved from A to B": "entry-moved"}


def test_of_two_rows_with_one_key_the_one_that_changed_is_modified() -> None:
    def kinds(*contexts: str) -> Content:
        rows = [record("draft-toy-01", name="kind", context=context) for context in contexts]
        return content(registry("r", *rows, *(record("rfc1", name=f"other {n}", context="Card") for n in range(20))))

    changes = explained(kinds("Link", "Anniversary, Card, Title"), kinds("Anniversary, Card, Link, Title"))[0].changes
    assert [change.item.fields["context"] for change in changes if change.after is None] == ["Link"]


def test_an_address_block_merged_into_a_neighbour_is_not_removed() -> None:
    def blocks(*addresses: str) -> Content:
        return content(registry("r", *(record(value=block, description="variable scope") for block in addresses)))

    merged = ids_by_sentence(blocks("FF02::100-FF02::171", "FF02::175"), blocks("FF02::100-FF02::177"))
    assert set(merged.values()) == {"entry-modified"}
    # A block inside another one that existed before is an assignment by itself.
    inner = ids_by_sentence(blocks("FF02::100-FF02::177", "FF02::175"), blocks("FF02::100-FF02::177"))
    assert set(inner.values()) == {"entry-removed"}


def test_a_group_that_is_published_elsewhere_is_one_event() -> None:
    old = content(registry("r", *numbered("a", "b")), name="toys-1")
    new = read_content(b"<redirect xmlns='http://www.iana.org/assignments' registry='toys-2'/>", IANA)
    assert ids_by_sentence(old, new) == {"this registry group is now published as toys-2": "registry-moved"}


@pytest.mark.parametrize("data", [b"<registry/>", b'<registry xmlns="http://www.iana.org/assignments" id="x"/>'])
def test_a_document_without_content_is_refused(data: bytes) -> None:
    with pytest.raises(ParseError) as error:
        read_content(data, IANA)
    assert error.value.reason == "empty"


@pytest.mark.fault(25)
def test_unknown_elements_and_attributes_are_kept_and_reported() -> None:
    odd = '<record update="2020"><value>1</value><d>see <blink>this</blink></d></record>'
    parsed = read_content(group(registry("r", odd, record(value="2")), "<colour>red</colour>"), IANA)
    assert {problem.message for problem in parsed.problems} == {
        "unknown attribute 'update'",
        "unknown element <blink> inside <d>",
        "unknown element <colour>",
    }
    entry = next(item for item in parsed.items.values() if item.fields.get("value") == "1")
    assert entry.fields["@update"] == "2020"
    assert entry.fields["markup:d"] == "<d>see <blink>this</blink></d>"


def test_any_two_random_groups_differ_exactly() -> None:
    chance = random.Random(7)  # noqa: S311 - no secret
    words = ("a", "b", "Unassigned", "Reserved", "c (obsolete)")

    def some() -> Content:
        return content(*(
            registry(name, *(
                record(chance.choice(("rfc1", "")), value=str(chance.randrange(6)), description=chance.choice(words),
                       **({"type": chance.choice("xy")} if chance.random() < 0.3 else {}))
                for _ in range(chance.randrange(7))
            ), title=chance.choice("TU"))
            for name in chance.sample(("r", "s", "t"), chance.randrange(1, 4))
        ))  # fmt: skip

    for _ in range(400):
        old, new = some(), some()
        changes, events = explained(old, new)
        assert apply(changes, old.items) == new.items
        assert apply(invert(changes), new.items) == old.items
        named = {index for event in events for index in event.changes}
        loud = {index for index, change in enumerate(changes.changes)
                if change.section is Section.ENTRY and not change.quiet}  # fmt: skip
        assert loud <= named
