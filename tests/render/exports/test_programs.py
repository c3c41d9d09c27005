"""nmap, tshark and firewalld read their files, hostile text included."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable
from pathlib import Path

import pytest
from lxml import etree

from tests.render import HOSTILE
from tests.support.exports import make_state, port, render, render_text
from tests.support.programs import require_program, run_program
from watcher.core.model import Item, Key
from watcher.registries.ports.identity import LABELS
from watcher.render.exports.base import OldName

# Names that are a word, and a description that ends a field, a line or a comment.
NAMES = ("http", "c+-_.:;\\", "'quoted\"", "<b>&amp;", "-->", "*", "%s", "$(id)", "=1", "last")
ITEMS = [
    *(port(name, str(6000 + number), description=HOSTILE[number]) for number, name in enumerate(NAMES)),
    *(port(name, str(6000 + number), "udp", description=HOSTILE[number]) for number, name in enumerate(NAMES)),
    port("reserved-name", "6100", "sctp"),
    port("second", "6000"),  # behind http on its port
    port("a-range", "7000-7002"),
    port("a-range", "7000-7002", "udp"),
]


def expected(name: str, items: Iterable[Item]) -> dict[tuple[int, str], str]:
    """Return the name of each port that a file has: the first of those with a line."""
    rendered = render(name, make_state(items))
    left_out = {omission.entry.item.key for omission in rendered.omissions}
    services: dict[tuple[int, str], str] = {}
    for item in items:
        service, ports, protocol = item.key.values
        low, _, high = ports.partition("-")
        for number in range(int(low), int(high or low) + 1) if item.key not in left_out else ():
            services[number, protocol] = service
    return services


def test_nmap_finds_every_port_by_its_name(tmp_path: Path) -> None:
    nmap = require_program("nmap", "nmap")
    (tmp_path / "nmap-services").write_text(render_text("nmap-services", make_state(ITEMS), omitted=True))
    services = expected("nmap-services", ITEMS)
    tcp = sorted(number for number, protocol in services if protocol == "tcp")
    # Of 25 closed ports or fewer each has a line. The ports of this machine may be open or closed.
    run_program(
        nmap, "--datadir", tmp_path, "-n", "-Pn", "-sT", "-p", ",".join(map(str, tcp)), "-oX", "out.xml", "127.0.0.1",
        folder=tmp_path,
    )  # fmt: skip
    root = etree.parse(str(tmp_path / "out.xml")).getroot()
    found = {int(element.get("portid", "")): element.find("service") for element in root.iter("port")}
    assert {number: service.get("name") for number, service in found.items() if service is not None} == {
        number: services[number, "tcp"] for number in tcp
    }
    # By name, and all that have one. A mask takes * and ? for any text.
    assert scanned(nmap, "http", tmp_path) == [6000]
    assert scanned(nmap, "htt?,l*", tmp_path) == [6000, 6009]
    assert scanned(nmap, "*", tmp_path) == tcp


def scanned(nmap: str, mask: str, folder: Path) -> list[int]:
    """Return the TCP ports that nmap scans for a mask of names."""
    run_program(
        nmap, "--datadir", folder, "-n", "-Pn", "-sT", "-p", mask, "-oX", "mask.xml", "127.0.0.1", folder=folder
    )
    (info,) = etree.parse(str(folder / "mask.xml")).getroot().iter("scaninfo")
    numbers = []
    for part in info.get("services", "").split(","):
        low, _, high = part.partition("-")
        numbers += range(int(low), int(high or low) + 1)
    return numbers


def capture(services: Iterable[tuple[int, str]]) -> bytes:
    """Return a capture (pcap, raw IP) with one packet to each port."""
    packets = b""
    for number, protocol in services:
        segment = {
            "tcp": struct.pack("!HHIIBBHHH", 1, number, 0, 0, 0x50, 2, 0, 0, 0),
            "udp": struct.pack("!HHHH", 1, number, 8, 0),
            "dccp": struct.pack("!HHBBHBBHI", 1, number, 4, 0, 0, 0, 0, 0, 0),
        }[protocol]
        kind = {"tcp": 6, "udp": 17, "dccp": 33}[protocol]
        address = b"\x7f\0\0\1"
        ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(segment), 0, 0, 64, kind, 0, address, address)
        packets += struct.pack("<IIII", 0, 0, len(ip + segment), len(ip + segment)) + ip + segment
    return struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101) + packets


def test_tshark_names_every_port(tmp_path: Path) -> None:
    tshark = require_program("tshark", "tshark")
    (tmp_path / "services").write_text(render_text("wireshark", make_state(ITEMS), omitted=True))
    services = {place: name for place, name in expected("wireshark", ITEMS).items() if place[1] != "sctp"}
    assert services[7001, "udp"] == "a-range"
    (tmp_path / "packets.pcap").write_bytes(capture(services))
    shown = run_program(
        tshark, "-r", "packets.pcap", "-N", "t", "-T", "fields", "-e", "_ws.col.Info",
        folder=tmp_path, WIRESHARK_CONFIG_DIR=str(tmp_path),
    ).splitlines()  # fmt: skip
    arrows = [re.match(r".*? \u2192 (.*)\((\d+)\)", line) for line in shown]
    assert [match and (int(match[2]), match[1]) for match in arrows] == [
        (number, name) for (number, _), name in services.items()
    ]


def test_firewalld_reads_every_service(tmp_path: Path) -> None:
    firewall = require_program("firewall-offline-cmd", "firewalld")
    config = Path("/etc/firewalld/firewalld.conf")
    if not config.exists():
        pytest.skip("firewalld is not configured here (/etc/firewalld/firewalld.conf)")
    (tmp_path / "services").mkdir()
    (tmp_path / "firewalld.conf").write_bytes(config.read_bytes())
    items = [
        *(port(f"name-{number}", str(6000 + number), description=text) for number, text in enumerate(HOSTILE)),
        port("x11", "6000-6063", "udp"),
        port("x11", "6000-6063", "tcp"),
        port("dots.in.it", "1"),
    ]
    old = {Key(LABELS, ("name-0", "6000", "tcp")): (OldName(name="before", renamed="2020-01-01"),)}
    rendered = render("firewalld", make_state(items, title="--> <x> --", old_names=old), omitted=True)
    for name, text in rendered.files.items():
        (tmp_path / "services" / name).write_text(text, encoding="utf-8")

    def ask(*arguments: str) -> str:
        return run_program(firewall, f"--system-config={tmp_path}", *arguments, folder=tmp_path)

    ask("--check-config")
    names = {*ask("--get-services").split()}
    assert {"before", "x11", *(f"name-{number}" for number in range(len(HOSTILE)))} <= names
    assert ask("--service=x11", "--get-ports").split() == ["6000-6063/tcp", "6000-6063/udp"]
    assert ask("--service=name-3", "--get-ports").split() == ["6003/tcp"]
    assert "includes: name-0\n" in ask("--info-service=before")
