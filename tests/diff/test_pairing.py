"""Removed and added items are paired only where it is certain that they are one."""

from __future__ import annotations

from tests.support.port_releases import PORTS, Row, content, reserved, tcp, udp
from watcher.core.model import Kind
from watcher.diff.compare import compare


def pairs(old: list[Row], new: list[Row]) -> list[tuple[tuple[str, ...] | None, tuple[str, ...] | None]]:
    stays = tcp("stays", "9999")
    one, other = content([stays, *old]), content([stays, *new])
    changes = compare(one, other, PORTS.pairing_rules(one, other)).changes
    return [
        (change.before.key.values if change.before else None, change.after.key.values if change.after else None)
        for change in changes
    ]


def test_another_name_on_the_same_port_and_protocol_is_paired() -> None:
    assert pairs([tcp("a", "1")], [tcp("b", "1")]) == [(("a", "1", "tcp"), ("b", "1", "tcp"))]


def test_the_same_name_on_another_port_is_paired() -> None:
    assert pairs([tcp("a", "1")], [tcp("a", "2")]) == [(("a", "1", "tcp"), ("a", "2", "tcp"))]


def test_two_names_on_one_port_are_not_paired() -> None:
    changed = pairs([tcp("a", "1"), tcp("b", "1")], [tcp("c", "1")])
    assert len(changed) == 3
    assert all(None in pair for pair in changed)


def test_a_name_that_splits_over_two_ports_is_not_paired() -> None:
    changed = pairs([tcp("a", "1")], [tcp("a", "2"), tcp("a", "3")])
    assert len(changed) == 3
    assert all(None in pair for pair in changed)


def test_names_without_a_port_are_paired_by_purpose_and_date() -> None:
    def nameless(name: str, **more: str) -> Row:
        return Row(name=name, protocol="tcp", description="What it is for", date="2001", **more)  # type: ignore[arg-type]

    assert pairs([nameless("a")], [nameless("b")]) == [(("a", "", "tcp"), ("b", "", "tcp"))]
    assert len(pairs([nameless("a")], [Row(name="b", protocol="tcp", description="Else", date="2001")])) == 2
    assert len(pairs([Row(name="a", protocol="tcp")], [Row(name="b", protocol="tcp")])) == 2


def test_a_move_wins_over_the_reserved_row_on_the_old_port() -> None:
    changed = pairs([tcp("a", "1")], [tcp("a", "2"), reserved("1", "tcp")])
    assert (("a", "1", "tcp"), ("a", "2", "tcp")) in changed
    assert (None, ("", "1", "tcp")) in changed


def test_a_removed_service_is_paired_with_the_row_that_reserves_its_port() -> None:
    old = content([tcp("stays", "9999"), tcp("a", "1"), udp("a", "1")])
    new = content([tcp("stays", "9999"), reserved("1", "tcp"), reserved("1", "udp")])
    changes = compare(old, new, PORTS.pairing_rules(old, new)).changes
    assert [(change.kind, change.item.key.values) for change in changes] == [
        (Kind.DEPRECATED, ("", "1", "tcp")), (Kind.DEPRECATED, ("", "1", "udp")),
    ]  # fmt: skip
