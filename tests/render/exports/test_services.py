"""/etc/services and /etc/protocols: by the rules of services(5), and as the C library reads them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from tests.render import HOSTILE
from tests.render.exports.readers import READERS
from tests.support.exports import make_state, port, render, render_text, row
from tests.support.name_service import ask_library
from watcher.core.model import Item, Key
from watcher.registries.ports.identity import LABELS
from watcher.render.exports import base, protocols, service_rows, services
from watcher.render.exports.base import PROTOCOLS, OldName


def lines(*items: Item, old_names: Mapping[Key, tuple[OldName, ...]] | None = None, omitted: bool = False) -> list[str]:
    text = render_text("services", make_state(items, old_names=old_names), omitted=omitted)
    return [" ".join(line.split()) for line in text.splitlines() if line and not line.startswith("#")]


def key(name: str, number: str, protocol: str = "tcp") -> Key:
    return Key(LABELS, (name, number, protocol))


def alias(name: str, number: str, target: str, protocol: str = "tcp") -> Item:
    return port(name, number, protocol, notes=f'This entry is an alias to "{target}". This entry is now historic.')


def test_ports_are_in_order_with_the_protocols_of_each_in_theirs() -> None:
    assert lines(
        port("z", "10"), port("a", "9", "sctp"), port("a", "9", "udp"), port("a", "9"), port("x", "9", "dccp")
    ) == ["a 9/tcp", "a 9/udp", "a 9/sctp", "x 9/dccp", "z 10/tcp"]


def test_an_entry_that_the_registry_calls_an_alias_is_an_alias_in_the_line_of_its_service() -> None:
    assert lines(
        port("www", "80", notes='This is a duplicate of the "http" service and should not be used.'),
        port("http", "80", description="World Wide Web HTTP"),
        alias("914c/g", "211", "914c-g"),
        port("914c-g", "211"),
    ) == ["http 80/tcp www # World Wide Web HTTP", "914c-g 211/tcp 914c/g"]


def test_an_alias_of_a_service_on_another_port_has_a_line() -> None:
    assert lines(port("a", "1"), alias("b", "2", "a"), alias("c", "1", "a", "udp")) == [
        "a 1/tcp",
        "c 1/udp",
        "b 2/tcp",
    ]


def test_of_several_services_on_a_port_the_one_that_the_registry_assigned_it_to_comes_first() -> None:
    assert lines(
        port("bhoetty", "351", notes="This entry records an unassigned but widespread use (added 5/21/97)"),
        port("matip-type-b", "351"),
        port("shilp", "2049", notes="<== NOTE Conflict on 2049 !"),
        port("nfs", "2049"),
        port("mdqs", "666"),
        port("doom", "666"),
    ) == [
        "matip-type-b 351/tcp",
        "bhoetty 351/tcp",
        "doom 666/tcp",
        "mdqs 666/tcp",
        "nfs 2049/tcp",
        "shilp 2049/tcp",
    ]


def test_old_names_are_aliases_unless_another_entry_has_the_name() -> None:
    old = (OldName(name="nvm-express", renamed="2018-03-27"), OldName(name="taken", renamed="2017-01-01"))
    state = make_state([port("nvme", "4420"), port("taken", "9")], old_names={key("nvme", "4420"): old})
    rendered = render("services", state)
    assert "nvme           \t4420/tcp\tnvm-express\n" in rendered.files[""]
    assert [(lost.old_name, lost.reason) for lost in rendered.lost_names] == [("taken", services.TAKEN)]


def test_a_name_over_15_characters_is_written() -> None:
    assert lines(port("a-name-of-20-letters", "7")) == ["a-name-of-20-letters 7/tcp"]


def test_what_a_line_cannot_have_is_left_out_with_its_reason() -> None:
    items = [
        port("", "4", "tcp", description="Unassigned"),
        port("iad1", ""),
        port("boe-cms", "6400", ""),
        port("x11", "6000-6063"),
        port("Apple Remote Desktop (Net Assistant)", "3283"),
        port("c#", "5"),
        port("caf\u00e9", "6"),
        port("far", "65536"),
        port("arabic", "\u0663"),
        port("n" * 300, "8"),
        port("twice", "9"),
        port("twice", "9", ordinal=2),
    ]
    rendered = render("services", make_state(items), omitted=True)
    assert Counter(omission.reason for omission in rendered.omissions) == {
        service_rows.NO_NAME: 1,
        service_rows.NO_PORT: 1,
        service_rows.NO_PROTOCOL: 1,
        service_rows.RANGE: 1,
        service_rows.BAD_WORD: 3,
        service_rows.BAD_PORT: 2,
        service_rows.TOO_LONG: 1,
        service_rows.REPEATED: 1,
    }
    assert rendered.written == 1
    assert "# Left out: 11\n" in rendered.files[""]
    assert "# x11 6000-6063 tcp: with a range of ports\n" in rendered.files[""]
    assert "# twice 9 tcp (2): that repeat another entry\n" in rendered.files[""]


def test_a_line_has_room_for_a_thousand_characters_of_aliases() -> None:
    items = [port("a", "1"), *(alias(f"alias-number-{number:03}", "1", "a") for number in range(100))]
    rendered = render("services", make_state(items))
    (line,) = READERS["services"](rendered.files)
    assert 50 < len(line.names) < 101
    assert {omission.reason for omission in rendered.omissions} == {services.FULL}
    assert rendered.written == len(line.names)


def test_the_head_names_the_release_and_nothing_about_today() -> None:
    state = make_state([port("a", "1")], title="A \u2028Title", published="2020-06-25")
    assert render_text("services", state).splitlines()[:4] == [
        "# A <U+2028>Title",
        f"# source ports, release {state.release.id}, published 2020-06-25",
        f"# SHA-256 {state.release.sha256}",
        "",
    ]


def test_the_c_library_reads_hostile_entries_as_they_are_meant(tmp_path: Path) -> None:
    texts = [*HOSTILE, "a b", "x#y", "\\", "'", '"', "80/udp", "%s", "+", "-1", "*", "!"]
    items = [port(text, str(number), description=text) for number, text in enumerate(texts, 1)]
    items += [port("plain", str(number), text) for number, text in enumerate(texts, 1)]
    rendered = render("services", make_state(items), omitted=True)
    left_out = {omission.entry.item.key for omission in rendered.omissions}
    expected = {item.key.values for item in items if item.key not in left_out}
    answers = ask_library(
        tmp_path, services=rendered.files[""], names=[(name, protocol) for name, _, protocol in expected]
    )
    assert {(name, str(number), protocol) for name, _, number, protocol in answers.services} == expected
    assert None not in answers.ports
    assert len(expected) >= 12


def test_the_c_library_gives_the_first_of_several(tmp_path: Path) -> None:
    items = [
        port("http", "80"),
        port("www", "80", notes='This is a duplicate of the "http" service'),
        port("doom", "666"),
        port("mdqs", "666"),
        port("http-alt", "591"),
        port("http-alt", "8080"),
        port("nvme", "4420"),
    ]
    old = {key("nvme", "4420"): (OldName(name="nvm-express", renamed="2018-03-27"),)}
    rendered = render("services", make_state(items, old_names=old))
    assert [limited.entry.item.key.part("port") for limited in rendered.limited] == ["8080"]
    asked = ("http", "www", "doom", "mdqs", "http-alt", "nvme", "nvm-express", "nobody")
    answers = ask_library(
        tmp_path,
        services=rendered.files[""],
        names=[(name, "tcp") for name in asked],
        ports=[(number, "tcp") for number in (80, 666, 591, 8080, 4420, 9)],
    )
    assert answers.ports == [80, 80, 666, 666, 591, 4420, 4420, None]
    assert answers.names == ["http", "doom", "http-alt", "http-alt", "nvme", None]


def test_protocols_are_in_lower_case_with_the_spelling_of_the_registry_as_alias(tmp_path: Path) -> None:
    items = [
        row("n", "6", name="TCP", description="Transmission Control"),
        row("n", "135", name="Mobility Header"),
        row("n", "34", name="3PC", description="x # y\nz"),
        row("n", "61", description="any host internal protocol"),
        row("n", "145-252", status="unassigned", description="Unassigned"),
        row("n", "256", name="far"),
        row("n", "84", name="TTP"),
        row("n", "084", name="ttp"),
        row("n", "85", name="#x"),
        row("n", "86", name="tcp"),
    ]
    rendered = render("protocols", make_state(items, document=PROTOCOLS))
    assert rendered.written + len(rendered.omissions) == len(items)
    answers = ask_library(
        tmp_path,
        protocols=rendered.files[""],
        protocol_names=["tcp", "TCP", "mobility-header", "Mobility-Header", "3pc", "far"],
        numbers=[6, 34, 135, 84, 61, 85],
    )
    assert answers.numbers == [6, 6, 135, 135, 34, None]
    assert answers.protocol_names == ["tcp", "3pc", "mobility-header", "ttp", None, None]
    assert [number for _, _, number in answers.protocols] == [6, 34, 84, 135]


def test_a_protocol_that_a_line_cannot_have_is_left_out_with_its_reason() -> None:
    items = [
        row("n", "6", name="TCP", description="d" * 200),
        row("n", "7", name="Two Words"),
        row("n", "8", name="Raw8"),
        row("n", "255", name="Raw255"),
        row("n", "256", name="far"),
        row("n", "9" * 5000, name="huge"),
        row("n", "\u0663", name="arabic"),
        row("n", "253", name="Reserved", status="reserved"),
        row("n", "9", description="no name"),
        row("n", "10", name="#x"),
        row("n", "11", name="n" * 255),
        row("n", "12", name="m" * 256),
        row("n", "13", name="tcp"),
        row("n", "14", name="OLD-8"),
    ]
    old = {
        Key(("registry", "value"), ("n", "8")): tuple(
            OldName(name=name, renamed="2020-01-01") for name in ("TCP", "Former Name", "a#b", "o" * 256, "Old-8")
        )
    }
    rendered = render("protocols", make_state(items, document=PROTOCOLS, old_names=old), omitted=True)
    written = [line for line in rendered.files[""].splitlines() if line and not line.startswith("#")]
    assert [line.split("\t#")[0].split() for line in written] == [
        ["tcp", "6", "TCP"],
        ["two-words", "7", "Two-Words"],
        ["raw8", "8", "Raw8", "former-name", "Former-Name", "old-8", "Old-8"],
        ["n" * 255, "11"],
        ["raw255", "255", "Raw255"],
    ]
    assert len(written[0]) == base.LONGEST_LINE
    assert {(omission.entry.name[:9], omission.reason) for omission in rendered.omissions} == {
        ("far", protocols.BAD_NUMBER),
        ("huge", protocols.BAD_NUMBER),
        ("arabic", protocols.BAD_NUMBER),
        ("Reserved", protocols.FREE_VALUE),
        ("no name", protocols.NO_NAME),
        ("#x", protocols.BAD_NAME),
        ("m" * 9, protocols.BAD_NAME),
        ("tcp", protocols.REPEATED),
        ("OLD-8", protocols.REPEATED),
    }
    assert [(omission.entry.name, omission.reason) for omission in rendered.limited] == [
        ("Two Words", protocols.SPACES)
    ]
    assert [lost.old_name[:3] for lost in rendered.lost_names] == ["TCP", "a#b", "ooo"]
    comment = rendered.files[""].partition("\n\n")[0]
    for heading in ("# Left out: 9\n", "# Written in part: 1\n", "# Old names left out: 3\n"):
        assert heading in comment
