"""Every kind of list is read in time that is proportional to its bytes, whatever they are."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

import pytest

from tests.support.growth import assert_linear, cpu
from watcher.core.errors import ParseError
from watcher.inventory.base import MAX_LINE
from watcher.inventory.catalog import LIST_FORMATS, read_list

pytestmark = pytest.mark.fault(70)
MakeText = Callable[[int, int], str]  # size, number of the try → text
ENOUGH = 0.03  # CPU seconds
LINE = MAX_LINE // 2 - 1000  # the larger of two sizes still fits into a line


def lines(line: str) -> MakeText:
    """Return a text of many lines with `{n}` in them."""
    return lambda size, number: "".join(line.format(n=place % 60000, t=number) + "\n" for place in range(size))


def long_line(begin: str, unit: str, end: str = "") -> MakeText:
    """Return a text with one line as long as a line may be; `size` is one of two sizes of which the larger fits."""
    return lambda size, number: f"{begin}{number}{unit * (min(size, 2 * LINE) // len(unit))}{end}\n"


def rules_with_one_set(size: int, number: int) -> str:
    left = {"payload": {"protocol": "tcp", "field": "dport"}}
    rule = {"family": "inet", "table": "t", "chain": "c", "expr": [{"match": {"left": left, "right": "@s"}}]}
    elements = [{"prefix": place} for place in range(size)]
    one = {"set": {"family": "inet", "table": "t", "name": "s", "elem": [number, *elements]}}
    return json.dumps({"nftables": [{"metainfo": {}}, one, *({"rule": rule} for _ in range(size))]})


def protocols_and_ports(size: int, number: int) -> str:
    protocols = {"match": {"left": {"meta": {"key": "l4proto"}}, "right": {"set": ["tcp", "udp"] * size}}}
    ports = {"payload": {"protocol": "th", "field": "dport"}}
    match = {"match": {"left": ports, "right": {"set": [number + place % 60000 for place in range(size)]}}}
    return json.dumps({"nftables": [{"rule": {"family": "inet", "chain": "c", "expr": [protocols, match]}}]})


def nested_sets(size: int, number: int) -> str:
    left = {"payload": {"protocol": "tcp", "field": "dport"}}
    sets = [
        {"set": {"family": "i", "table": "t", "name": f"s{place}", "elem": [number, f"@s{place + 1}"] * 2}}
        for place in range(size)
    ]
    rule = {"family": "i", "table": "t", "chain": "c", "expr": [{"match": {"left": left, "right": "@s0"}}]}
    return json.dumps({"nftables": [*sets, {"rule": rule}]})


def nmap_xml(inner: str) -> MakeText:
    return lambda size, number: f"<nmaprun><host><ports>{number}{inner * size}</ports></host></nmaprun>"


OPEN = '<port protocol="tcp" portid="22"><state state="open"/></port>'
CASES: Mapping[str, tuple[str, MakeText, int]] = {
    "services": ("services", lines("name{t}-{n} {n}/tcp a{n} b{n} # c"), 2000),
    "services, comments": ("services", lambda size, number: f"ssh {number}/tcp\n" + "# x # y\n" * size, 8000),
    "services, aliases": ("services", long_line("ssh ", "/tcp a b"), LINE),
    "services, space": ("services", long_line("ssh", " "), LINE),
    "list": ("list", lines("{n}-{n}/tcp # {t}"), 1500),
    "list, colons": ("list", long_line("", ":1-"), LINE),
    "list, comment": ("list", long_line("22 #", " #"), LINE),
    "ss": ("ss", lines('tcp LISTEN {t} 128 0.0.0.0:{n} 0.0.0.0:* users:(("sshd",pid=700,fd=3))'), 1500),
    "ss, colons": ("ss", long_line("tcp LISTEN 0 1 ", ":", " :"), LINE),
    "ss, colons and space": ("ss", long_line("tcp LISTEN 0 0 ", ": "), LINE),
    "ss, processes": ("ss", long_line('tcp LISTEN 0 0 0:22 0:1 users:(("', 'users:(("'), LINE),
    "nmap-xml": ("nmap-xml", nmap_xml(OPEN), 1500),
    "nmap-xml, attributes": ("nmap-xml", nmap_xml('<port portid="22" protocol="tcp" state="open"/>'), 3000),
    "nmap-xml, comments": ("nmap-xml", nmap_xml("<!-- - -->"), 8000),
    "nmap-greppable": ("nmap-greppable", lines("Host: 192.0.2.1 ({t})\tPorts: {n}/open/tcp//x//y/"), 2000),
    "nmap-greppable, ports": ("nmap-greppable", long_line("Host: 192.0.2.1 ()\tPorts: 2", "/open/tcp//x//y/, 2"), LINE),
    "nmap-greppable, tabs": ("nmap-greppable", long_line("Host: 192.0.2.1 ()", "\tPorts: "), LINE),
    "nftables, one set": ("nftables", rules_with_one_set, 700),
    "nftables, protocols": ("nftables", protocols_and_ports, 1500),
    "nftables, sets in sets": ("nftables", nested_sets, 2000),
    "iptables": ("iptables", lines('-A IN -p tcp -m tcp --dport {n} -m comment --comment "{t}"'), 500),
    "iptables, ports": ("iptables", long_line("-A IN -p tcp -m multiport --dports 1", ",22,23000-23010"), LINE),
    "iptables, words": ("iptables", long_line("-A IN -p tcp ", " --comment --dport 1"), LINE),
    "iptables, quotes": ("iptables", long_line("-A IN ", '"a"'), LINE),
    "iptables, open quotes": ("iptables", long_line('-A IN "', 'ab\\"'), LINE),
    "json": ("json", lambda size, number: json.dumps({f"n{number}-{place}": place for place in range(size)}), 1000),
    "json, one name": ("json", lambda size, number: json.dumps([{"name": "a", "code": number}] * size), 1000),
    "json, tables": ("json", lambda size, _: json.dumps({f"t{place}": {"a": 1} for place in range(size)}), 1000),
    "csv": ("csv", lines("n{t},{n},tcp"), 1000),
    "csv, columns": ("csv", long_line("a,1", ",1"), LINE),
    "csv, quotes": ("csv", long_line("a,1,", '"",'), LINE),
    "csv, one cell": ("csv", lambda size, number: f'a,{number},"' + "x\n" * size + '"\n', 8000),
}


def test_every_kind_of_list_has_a_case() -> None:
    assert {kind for kind, _, _ in CASES.values()} == {*LIST_FORMATS}


@pytest.mark.parametrize("name", CASES)
def test_the_time_for_a_list_grows_with_its_size(name: str) -> None:
    kind, make_text, size = CASES[name]
    data = make_text(size, 0).encode()
    # What takes less than this is read several times, so that it can be measured.
    times = 1 + int(ENOUGH / max(cpu(lambda: read_or_refuse(data, kind)), 1e-4))

    def make(size: int, number: int) -> Callable[[], object]:
        data = make_text(size, number + 1).encode()
        return lambda: [read_or_refuse(data, kind) for _ in range(times)]

    assert_linear(make, size)


def read_or_refuse(data: bytes, kind: str) -> None:
    """Let every format look at a list, and the one that it is made for read it, of ports and of codes."""
    for list_format in ("", kind):
        for registry in ("", "cose") if LIST_FORMATS[kind].for_codes else ("",):
            try:
                read_list(data, file="x", registry=registry, list_format=list_format)
            except ParseError as error:
                assert error.reason  # noqa: PT017 - a refusal is an answer
