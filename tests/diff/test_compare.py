"""The difference is exact and complete, both ways, for any two releases."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.change_sets import apply, invert
from tests.support.port_releases import PORTS, Row, content, person, tcp, udp
from watcher.core.model import Content, FieldChange, Item, Key, Kind, Section
from watcher.diff.classify import explain
from watcher.diff.compare import compare, field_changes

_NAMES = st.sampled_from(["", "a", "b", "c", "rdp"])
_ROWS = st.builds(
    Row,
    name=_NAMES,
    port=st.sampled_from(["", "1", "2", "3-9", "4-9", "10"]),
    protocol=st.sampled_from(["", "tcp", "udp"]),
    description=st.sampled_from(["", "Unassigned", "Reserved", "The service", "Deprecated"]),
    contact=st.sampled_from(["", "Jo", "Al"]),
    assignee=st.sampled_from(["", "Jo"]),
    references=st.sampled_from(["", "rfc1", "rfc1 rfc2"]),
    notes=st.sampled_from(["", "a note"]),
    date=st.sampled_from(["", "2001", "2002"]),
    more=st.sampled_from(["", "<colour>red</colour>"]),
)
_PEOPLE = st.lists(
    st.builds(person, st.sampled_from(["Jo", "Al"]), st.sampled_from(["x", "y"])), max_size=2, unique=True
)
_CONTENTS = st.builds(
    lambda rows, people, date: content(rows, people=people, updated=date),
    st.lists(_ROWS, min_size=1, max_size=8),
    _PEOPLE,
    st.sampled_from(["2020-01-01", "2020-01-02"]),
)


def assert_exact(old: Content, new: Content) -> None:
    changes, events = explain(PORTS, old, new)
    assert apply(changes, old.items) == new.items
    assert apply(invert(changes), new.items) == old.items
    assert bool(changes.changes) is (old.items != new.items)
    assert (old.digest == new.digest) is (old.items == new.items)
    named = {index for event in events for index in event.changes}
    assert named <= set(range(len(changes.changes)))
    for event in events:
        assert not changes.changes[event.changes[0]].quiet


@settings(max_examples=400)
@given(_CONTENTS, _CONTENTS)
def test_a_change_set_leads_from_the_old_content_to_the_new_and_inverted_back(old: Content, new: Content) -> None:
    assert_exact(old, new)


@settings(max_examples=200)
@given(_CONTENTS, _CONTENTS)
def test_a_change_set_without_pairing_is_exact_too(old: Content, new: Content) -> None:
    changes = compare(old, new)
    assert apply(changes, old.items) == new.items
    # Without pairing only a count of duplicates can change.
    assert all(
        change.before.key.values == change.after.key.values
        for change in changes.changes
        if change.before is not None and change.after is not None
    )


def test_every_field_is_compared() -> None:
    old = content([tcp("a", "1")])
    for name in (
        "description",
        "contact",
        "assignee",
        "references",
        "unauthorized",
        "notes",
        "service_code",
        "date",
        "updated",
    ):
        value = "rfc1" if name == "references" else "2020" if name in ("date", "updated") else "Jo"
        new = content([tcp("a", "1", **{name: value})])
        changes = compare(old, new, PORTS.pairing_rules(old, new)).changes
        assert len(changes) == 1
        assert changes[0].kind is Kind.MODIFIED
        assert len(changes[0].fields) == 1
        assert changes[0].fields[0].after


def test_contacts_and_header_are_compared_too() -> None:
    old = content([tcp("a", "1")], people=[person("Jo", "Jo"), person("Al", "Al")])
    new = content([tcp("a", "1")], people=[person("Jo", "Joe")], updated="2020-01-02", note="Other.")
    changes = [
        (change.section, change.kind, [field.name for field in change.fields]) for change in compare(old, new).changes
    ]
    assert changes == [
        (Section.CONTACT, Kind.REMOVED, []),
        (Section.CONTACT, Kind.MODIFIED, ["name"]),
        (Section.REGISTRY, Kind.MODIFIED, ["updated", "note"]),
    ]


def test_an_added_or_removed_field_is_a_change() -> None:
    def item(**fields: str) -> Item:
        return Item(section=Section.ENTRY, key=Key(("name",), ("x",)), fields=fields)

    assert field_changes(item(a="1", b="2"), item(a="1", c="3")) == (
        FieldChange(name="c", before="", after="3"),
        FieldChange(name="b", before="2", after=""),
    )
    assert field_changes(item(a="1"), item(a="1")) == ()


def test_changes_are_sorted_by_port_number_not_as_text() -> None:
    changes = compare(content([tcp("z", "1")]), content([tcp("b", "100"), tcp("a", "9"), tcp("c", ""), tcp("z", "1")]))
    assert [change.item.key.part("port") for change in changes.changes] == ["", "9", "100"]


def test_changes_of_other_items_cannot_be_applied() -> None:
    old, new = content([tcp("a", "1")]), content([tcp("a", "1", notes="n"), udp("a", "1")])
    changes = compare(old, new)
    with pytest.raises(ValueError, match="cannot be applied"):
        apply(changes, new.items)
    with pytest.raises(ValueError, match="exists already"):
        apply(
            compare(content([tcp("x", "5")]), content([tcp("x", "5"), tcp("a", "1")])),
            {**old.items, **content([tcp("x", "5")]).items},
        )
