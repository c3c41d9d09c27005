"""What is left over is put together only where there is no doubt."""

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


def test_another_name_in_the_same_place() -> None:
    assert pairs([tcp("a", "1")], [tcp("b", "1")]) == [(("a", "1", "tcp"), ("b", "1", "tcp"))]


def test_the_same_name_in_another_place() -> None:
    assert pairs([tcp("a", "1")], [tcp("a", "2")]) == [(("a", "1", "tcp"), ("a", "2", "tcp"))]


def test_two_names_in_one_place_are_not_told_apart() -> None:
    found = pairs([tcp("a", "1"), tcp("b", "1")], [tcp("c", "1")])
    assert len(found) == 3
    assert all(None in each for each in found)


def test_a_name_that_splits_over_two_ports_is_not_guessed() -> None:
    found = pairs([tcp("a", "1")], [tcp("a", "2"), tcp("a", "3")])
    assert len(found) == 3
    assert all(None in each for each in found)


def test_names_without_a_port_need_purpose_and_date() -> None:
    def nameless(name: str, **more: str) -> Row:
        return Row(name=name, protocol="tcp", description="What it is for", date="2001", **more)  # type: ignore[arg-type]

    assert pairs([nameless("a")], [nameless("b")]) == [(("a", "", "tcp"), ("b", "", "tcp"))]
    assert len(pairs([nameless("a")], [Row(name="b", protocol="tcp", description="Else", date="2001")])) == 2
    assert len(pairs([Row(name="a", protocol="tcp")], [Row(name="b", protocol="tcp")])) == 2


def test_a_move_wins_over_the_reserved_row_it_leaves_behind() -> None:
    found = pairs([tcp("a", "1")], [tcp("a", "2"), reserved("1", "tcp")])
    assert (("a", "1", "tcp"), ("a", "2", "tcp")) in found
    assert (None, ("", "1", "tcp")) in found


def test_a_service_that_went_is_paired_with_the_reserved_row_in_its_place() -> None:
    old = content([tcp("stays", "9999"), tcp("a", "1"), udp("a", "1")])
    new = content([tcp("stays", "9999"), reserved("1", "tcp"), reserved("1", "udp")])
    changes = compare(old, new, PORTS.pairing_rules(old, new)).changes
    assert [(change.kind, change.item.key.values) for change in changes] == [
        (Kind.DEPRECATED, ("", "1", "tcp")), (Kind.DEPRECATED, ("", "1", "udp")),
    ]  # fmt: skip
