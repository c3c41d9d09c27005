"""What an export receives of a release: names, code points, a stable order, old names."""

from __future__ import annotations

import pytest

from tests.support.exports import make_state, port, row
from tests.support.group_releases import IANA, group, record, registry
from watcher.core.errors import UsageError
from watcher.core.model import Item, Key, Release, Section
from watcher.diff.content import read_content
from watcher.registries.ports.shared_values import find_alias_target, is_secondary_use
from watcher.render.exports.base import ExportedRelease
from watcher.reports.export import describe_content


def export(*inner: str, registry: str = "") -> ExportedRelease:
    content = read_content(group(*inner), IANA)
    release = Release(id="a" * 12, source="toy", published=None, observed=None, sha256="a" * 64, entries=0)
    return describe_content("toy", release, content, registry=registry)


def named(state: ExportedRelease) -> list[tuple[str, str]]:
    return [(entry.value, entry.name) for entry in state.entries]


def test_a_value_and_the_name_without_remarks() -> None:
    state = export(
        registry(
            "suites",
            record(value="0x13,0x01", description="TLS_AES_128_GCM_SHA256"),
            record(value="0x00,0x0A", description="OLD_SUITE (deprecated)"),
            record(value="0x01-55,*", description="Unassigned"),
        )
    )
    assert named(state) == [
        ("0x00,0x0A", "OLD_SUITE"),
        ("0x01-55,*", "Unassigned"),
        ("0x13,0x01", "TLS_AES_128_GCM_SHA256"),
    ]


def test_a_name_that_is_the_key_has_its_code_point_from_another_column() -> None:
    state = export(
        registry("labels", *(record(name=name, label=label) for name, label in (("alg", "1"), ("kid", "-4"))))
    )
    assert named(state) == [("-4", "kid"), ("1", "alg")]


def test_a_number_without_a_name_is_a_value_and_no_name() -> None:
    assert named(export(registry("n", record(value="61"), record(value="62", name="CFTP")))) == [
        ("61", ""),
        ("62", "CFTP"),
    ]


def test_registries_and_numbers_are_in_natural_order() -> None:
    state = export(
        registry("r-10", record(value="1", name="a")),
        registry("r-4", record(value="10", name="b"), record(value="9", name="c"), record(value="0x1F", name="d")),
    )
    assert [(entry.registry, entry.value) for entry in state.entries] == [
        ("r-4", "9"),
        ("r-4", "10"),
        ("r-4", "0x1F"),
        ("r-10", "1"),
    ]
    assert [*state.headers] == ["", "r-4", "r-10"]


def test_a_limited_export_has_the_registry_and_those_below_it() -> None:
    inner = registry("outer", record(value="1", name="a"), more=registry("inner", record(value="2", name="b")))
    other = registry("outer-2", record(value="3", name="c"))
    for path, values in (("", "123"), ("outer", "12"), ("outer/inner", "2"), ("outer-2", "3")):
        state = export(inner, other, registry=path)
        assert {entry.value for entry in state.entries} == {*values}
    assert export(inner, registry="outer/inner").title == "Inner"
    with pytest.raises(UsageError, match="toy has no registry 'out'"):
        export(inner, registry="out")


def test_the_order_of_ports_does_not_depend_on_the_order_of_rows() -> None:
    items = [
        port("b", "2"),
        port("a", "2"),
        port("c", "1-9", "udp"),
        port("d", ""),
        port("", "0", ""),
        port("e", "1", "x"),
    ]
    orders = [[entry.item.key.values for entry in make_state(order).entries] for order in (items, items[::-1])]
    assert (
        orders[0]
        == orders[1]
        == [
            ("", "0", ""),
            ("e", "1", "x"),
            ("c", "1-9", "udp"),
            ("a", "2", "tcp"),
            ("b", "2", "tcp"),
            ("d", "", "tcp"),
        ]
    )


def test_columns_of_a_row_are_in_a_stable_order_with_the_key_first() -> None:
    for fields in ({"name": "a", "about": "x"}, {"about": "x", "name": "a"}):
        (entry,) = make_state([row("r", "1", **fields)]).entries
        assert [*entry.fields] == ["value", "about", "name"]


def test_no_header_and_no_contact_is_lost_to_an_equal_id() -> None:
    def contact(ordinal: int, name: str) -> Item:
        return Item(section=Section.CONTACT, key=Key(("id",), ("A_B",), ordinal), fields={"name": name})

    state = make_state([contact(1, "one"), contact(2, "two")])
    assert {identifier: fields["name"] for identifier, fields in state.contacts.items()} == {
        "A_B": "one",
        "A_B (2)": "two",
    }


@pytest.mark.parametrize(
    ("notes", "target"),
    [
        ('This entry is an alias to "sql-net". This entry is now historic', "sql-net"),
        ('New contact added 2008-02-01 This entry is an alias to "EtherNet-IP-1".', "EtherNet-IP-1"),
        ('This is a duplicate of the "http" service and should not be used', "http"),
        ("Defined TXT keys: ip, port, cgi-alias", ""),
        ("", ""),
    ],
)
def test_the_notes_say_what_an_alias_is_an_alias_of(notes: str, target: str) -> None:
    assert find_alias_target({"notes": notes}) == target


def test_the_notes_say_that_a_port_is_another_services() -> None:
    assert is_secondary_use({"notes": "This entry records an unassigned but widespread use (added 5/21/97)"})
    assert is_secondary_use({"notes": "<== NOTE Conflict on 2049 !"})
    assert not is_secondary_use({"notes": "(assigned long ago)"})
