from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.inventory.lists import LISTS, NFTABLES, NMAP_XML, read_text
from watcher.core.errors import ParseError
from watcher.inventory.base import MAX_BYTES
from watcher.inventory.catalog import LIST_FORMATS, read_list
from watcher.inventory.model import Inventory


def titles(text: str, **options: str) -> list[tuple[str, int]]:
    return [(entry.title, entry.line) for entry in read_text(text, **options).entries]


def refusal(text: str | bytes, **options: str) -> str:
    data = text if isinstance(text, bytes) else text.encode()
    with pytest.raises(ParseError) as refused:
        read_list(data, file="mine", **options)
    return str(refused.value)


def read_or_refuse(data: bytes, **options: str) -> tuple[Inventory | None, str]:
    try:
        return read_list(data, file="mine", **options), ""
    except ParseError as error:
        return None, str(error)


def test_every_kind_has_a_list_here() -> None:
    assert sorted(LISTS) == sorted(LIST_FORMATS)


@pytest.mark.parametrize("kind", sorted(LISTS))
def test_the_kind_of_a_list_is_recognized_and_its_entries_are_read(kind: str) -> None:
    text, expected = LISTS[kind]
    inventory = read_text(text)
    assert inventory.list_format == kind
    assert [(entry.title, entry.line) for entry in inventory.entries] == expected
    assert titles(text, list_format=kind) == expected
    assert inventory.entries[0].where == f"mine:{expected[0][1]}"


def test_aliases_of_services_are_names_and_comments_are_labels() -> None:
    ssh, http, _ = read_text(LISTS["services"][0]).entries
    assert (ssh.label, http.names) == ("SSH Remote Login Protocol", ("http", "www", "httpd"))


def test_the_names_of_scanners_are_labels_and_no_claims() -> None:
    for kind in ("nmap-xml", "nmap-greppable"):
        entry = read_text(LISTS[kind][0]).entries[0]
        assert (entry.name, entry.label) == ("", "192.0.2.1 ssh")
    assert [entry.label for entry in read_text(LISTS["ss"][0]).entries] == ["", "sshd", ""]
    labels = [entry.label for entry in read_text(LISTS["iptables"][0]).entries]
    assert labels == ["INPUT: remote login", "INPUT", "INPUT"]
    assert read_text(NFTABLES).entries[0].label == "inet filter input remote login"
    (entry,) = read_text("-A IN -p tcp --dport 22 -m comment --comment " + r'"it\'s \"ours\" --dport 23"').entries
    assert entry.label == 'IN: it\'s "ours" --dport 23'


@pytest.mark.parametrize(
    ("operator", "ports"),
    [(">=", "1024-65535/tcp"), (">", "1025-65535/tcp"), ("<=", "0-1024/tcp"), ("<", "0-1023/tcp"), ("!=", None)],
)
def test_a_comparison_of_nftables_is_a_range(operator: str, ports: str | None) -> None:
    match = {"left": {"payload": {"protocol": "tcp", "field": "dport"}}, "op": operator, "right": 1024}
    rules = [
        {"rule": {"expr": [{"match": match}]}},
        {"rule": {"expr": [{"match": {**match, "op": "==", "right": 22}}]}},
    ]
    assert [title for title, _ in titles(json.dumps({"nftables": rules}))] == [*filter(None, [ports]), "22/tcp"]


def test_a_host_without_a_port_and_a_version_with_commas_are_read_from_greppable_output() -> None:
    text = (
        "# Nmap 7.93 scan initiated as: nmap -oG - 192.0.2.0/24\n"
        "Host: 192.0.2.1 ()\tStatus: Up\nHost: 192.0.2.1 ()\tPorts: \tIgnored State: closed (200)\n"
        "Host: 192.0.2.2 ()\tPorts: 22/open/tcp//ssh//OpenSSH, 9.2/, 80/open/tcp//http//httpd ((Debian), PHP 8)/\n"
    )
    assert titles(text) == [("22/tcp", 4), ("80/tcp", 4)]
    assert read_text("".join(text.splitlines(keepends=True)[:3])).entries == ()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A128GCM,1\nA192GCM,2\n", [("A128GCM 1", 1), ("A192GCM 2", 2)]),
        ("# ours\ncode;name\n0x13,0x01;TLS_AES_128_GCM_SHA256\n", [("TLS_AES_128_GCM_SHA256 0x13,0x01", 3)]),
        ('Value\tDescription\tName\n"0x13,0x01"\tx\tTLS_A\n', [("TLS_A 0x13,0x01", 2)]),
        ('name,code\n"two\nlines",1\n', None),
        ('{"A128GCM": 1,\n "ES256": -7}', [("A128GCM 1", 1), ("ES256 -7", 2)]),
        ('{"1": "A128GCM"}', [("A128GCM 1", 1)]),
        ('[{"name": "A", "value": 1},\n {"name": "B", "value": "0x02"}]', [("A 1", 1), ("B 0x02", 2)]),
        ('[["A", 1], [2, "B"], "C", 4]', [("A 1", 1), ("B 2", 1), ("C", 1), ("4", 1)]),
        ("0x13,0x01\n0x1302\nTLS_X\n", [("0x13,0x01", 1), ("0x1302", 2), ("TLS_X", 3)]),
    ],
)
def test_names_and_codes_are_read_from_tables_of_many_shapes(text: str, expected: list[tuple[str, int]] | None) -> None:
    if expected is None:
        assert refusal(text, registry="cose") == "mine: line 3: a name with a control character: 'two\\nlines'"
    else:
        assert titles(text, registry="cose") == expected


def test_an_object_of_objects_names_the_table_of_each_code() -> None:
    entries = read_text('{"algorithms": {"A": 1},\n"curves": {"B": 1}}', registry="cose").entries
    assert [(entry.table, entry.title, entry.line) for entry in entries] == [
        ("algorithms", "A 1", 1),
        ("curves", "B 1", 2),
    ]


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("", {}, "mine: the list is empty"),
        ("# nothing\n", {}, "mine: no entry in a list of the format list"),
        ("22/tcp\n70000/tcp\n", {}, "mine: line 2: '70000' is not a port or a range of ports"),
        ("22/tcp\n22/t_p\n", {}, "mine: line 2: 't_p' is no protocol (tcp, udp, sctp, dccp)"),
        ("22/tcp\n90-80\n", {}, "mine: line 2: '90-80' is not a port or a range of ports"),
        ("ssh 22/tcp\nbroken\n", {}, "mine: line 2: not `name port/protocol aliases`: 'broken'"),
        ("a b c\nd e f\n", {}, "mine: a list of no known format; name one of " + ", ".join(LIST_FORMATS)),
        ("22\n", {"list_format": "servics"}, "mine: unknown list format 'servics'; did you mean 'services'?"),
        ("*filter\n-A X --dport 99999\n", {}, "mine: line 2: '99999' is not a port or a range of ports"),
        ('*filter\n-A X "\n', {}, "mine: line 2: a rule with a quotation mark that has no end"),
        (
            '{"nftables": [{"rule": {"expr": [{"xt": {"type": "match", "name": "multiport"}}]}}]}',
            {},
            (
                "mine: line 1: a rule of iptables whose ports nft does not print (match multiport); "
                "read its table with iptables-save, and the others with `nft -j list table`"
            ),
        ),
        ("[1,\n2", {"registry": "cose"}, "mine: line 2, column 2: not JSON: Expecting ',' delimiter"),
        ("[" * 100_000, {"registry": "cose"}, "mine: JSON that is nested too deep"),
        ('{"a": true}', {"registry": "cose"}, "mine: true or false in place of a name or code"),
        ('{"a": {"b": {"c": 1}}}', {"registry": "cose"}, "mine: line 1: 'b' is nested too deep"),
        ('x,1\n"y,2\n', {"registry": "cose"}, "mine: line 2: not CSV: unexpected end of data"),
    ],
)
def test_what_cannot_be_read_is_refused_with_file_line_and_reason(
    text: str, options: dict[str, str], message: str
) -> None:
    assert refusal(text, **options) == message


def test_bytes_that_are_no_text_are_refused_with_their_line() -> None:
    assert refusal(b"22\n\xff\n") == "mine: line 2: not UTF-8: invalid start byte"
    assert refusal(b"22\n2\0\n") == "mine: line 2: a NUL in the text"
    assert refusal(b" " * (MAX_BYTES + 1)) == "mine: a list of more than 64 MiB"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("<!DOCTYPE nmaprun>", '<!DOCTYPE nmaprun [<!ENTITY a "b">]>'), "line 2: a DOCTYPE that can define entities"),
        (("<!DOCTYPE nmaprun>", "<!DOCTYPE html>"), "line 2: a DOCTYPE that can define entities"),
        (("</nmaprun>", ""), "line 13, column 1: not well-formed: no element found"),
        (('portid="22"', 'portid="99999"'), "line 7: '99999' is not a port"),
        (("<ports>", "<ports>" + "<a>" * 200 + "</a>" * 200), "line 6: elements nested deeper than 100"),
    ],
)
def test_hostile_xml_of_nmap_is_refused(change: tuple[str, str], message: str) -> None:
    assert message in refusal(NMAP_XML.replace(*change), list_format="nmap-xml")


def test_an_entity_bomb_is_refused_before_it_is_expanded() -> None:
    bomb = '<!DOCTYPE nmaprun [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]><nmaprun>&b;</nmaprun>'
    assert "DOCTYPE" in refusal(bomb)


def test_an_address_of_ss_that_is_cut_off_before_its_port_is_refused() -> None:
    line = "tcp LISTEN 0 128 [:: [::]:*\n"
    assert read_or_refuse(line.encode(), list_format="ss") == (None, "mine: line 1: a port is missing")


@given(st.sampled_from(sorted(LISTS)), st.data())
@settings(deadline=None)
def test_any_change_of_a_list_gives_entries_or_a_reason(kind: str, data: st.DataObject) -> None:
    text = LISTS[kind][0]
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 20)))
    changed = text[:start] + data.draw(st.text(max_size=20)) + text[end:]
    inventory, reason = read_or_refuse(changed.encode("utf-8", "replace"), list_format=kind)
    if inventory is None:
        assert reason.startswith("mine: ")
        return
    lines = changed.count("\n") + 1
    assert all(1 <= entry.line <= lines for entry in inventory.entries)
    assert all(entry.name or entry.ports or entry.code for entry in inventory.entries)


@given(st.binary(max_size=300), st.sampled_from(["", "cose"]))
@settings(deadline=None)
def test_any_bytes_give_entries_or_a_reason(data: bytes, registry: str) -> None:
    inventory, reason = read_or_refuse(data, registry=registry)
    assert inventory is not None or reason.startswith("mine: ")
