from __future__ import annotations

import pytest

from tests.inventory.lists import read_text
from watcher.core.model import Event, Item, Key, Kind, Section, Severity
from watcher.inventory.catalog import read_list


def event(**fields: object) -> Event:
    common = {"id": "x", "kind": Kind.MODIFIED, "severity": Severity.INFO, "summary": "", "fingerprint": ""}
    return Event(**{**common, "changes": (), **fields})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "fields", "expected"),
    [
        ("22/tcp", {"ports": ("22",), "protocols": ("tcp",)}, True),
        ("22/tcp", {"ports": ("22",), "protocols": ("udp",)}, False),
        ("22/tcp", {"ports": ("22",)}, True),
        ("22", {"ports": ("20-30",), "protocols": ("udp",)}, True),
        ("8000-8100", {"ports": ("8100-8200",), "protocols": ("tcp",)}, True),
        ("22", {"ports": ("23",)}, False),
        ("krb_prop", {"service": "krb-prop"}, True),
        ("SSH", {"service": "ssh", "ports": ("22",), "protocols": ("tcp",)}, True),
        ("ssh", {"service": "other, ssh"}, True),
        ("ssh", {"service": "ssh-mgmt"}, False),
        ("ssh 22/tcp", {"service": "ssh", "protocols": ("udp",)}, False),
        ("ssh 22/tcp", {"service": "ssh"}, True),
        ("http 80/tcp www", {"service": "www"}, True),
    ],
)
def test_an_event_of_ports_is_mine_by_port_or_name(text: str, fields: dict[str, object], expected: bool) -> None:
    assert read_text(text).matches_event(event(**fields), "ports") is expected


def test_an_event_is_mine_by_the_name_that_an_entry_had_before() -> None:
    mine = read_text("nvm-express\n")
    renamed = event(service="nvme", ports=("4420",), protocols=("tcp",))
    assert not mine.matches_event(renamed, "ports")
    assert mine.matches_event(renamed, "ports", ["nvm-express"])


@pytest.mark.parametrize(
    ("text", "values", "expected"),
    [
        ("0x1301", ("0x13,0x01",), True),
        ("4865", ("0x13,0x01",), True),
        ("0x13,0x02", ("0x13,0x01",), False),
        ("9", ("0x00,0x09",), True),
        ("0x00,0x09", ("9",), False),  # one octet less: of another registry
        ("40", ("32-63",), True),
        ("TLS_X", ("TLS_X",), True),
        ("64", ("32-63",), False),
    ],
)
def test_an_event_of_codes_is_mine_in_any_notation(text: str, values: tuple[str, ...], expected: bool) -> None:
    mine = read_text(text, registry="tls-parameters")
    of_values = event(values=values, registries=("tls-parameters-4",))
    assert mine.matches_event(of_values, "iana.tls-parameters") is expected
    assert not mine.matches_event(of_values, "iana.cose")


def test_a_table_limits_a_list_to_one_registry_of_its_group() -> None:
    mine = read_text("5", registry="tls-parameters", table="tls-parameters-6")
    assert mine.matches_event(event(values=("5",), registries=("tls-parameters-6",)), "tls-parameters")
    assert not mine.matches_event(event(values=("5",), registries=("tls-parameters-4",)), "tls-parameters")


def test_entries_of_a_registry_are_mine_as_events_are() -> None:
    port = Item(section=Section.ENTRY, key=Key(("name", "port", "protocol"), ("ssh", "22", "tcp")), fields={})
    code = Item(section=Section.ENTRY, key=Key(("registry", "value"), ("a", "0x05")), fields={"name": "five"})
    assert read_text("22/tcp").matches(port, "ports")
    assert read_text("ssh").matches(port, "ports")
    assert not read_text("22/udp").matches(port, "ports")
    assert read_text("5", registry="g").matches(code, "iana.g")
    assert read_text("FIVE", registry="g").matches(code, "g")
    assert not read_text("6", registry="g").matches(code, "g")
    contact = Item(section=Section.CONTACT, key=Key(("id",), ("ssh",)), fields={})
    assert not read_text("ssh").matches(contact, "ports")


def test_a_list_is_of_the_sources_that_it_names() -> None:
    assert read_text("22").concerns_source("iana.service-names-port-numbers")
    assert not read_text("22").concerns_source("iana.cose")
    assert read_text("22", source="ports").sources == ("ports",)
    assert read_list(b"22/tcp", file="x", port_sources=("my-ports",)).concerns_source("my-ports")
