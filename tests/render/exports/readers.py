"""A reader for each export format, by the rules of the program that reads it; none of them imports a format.

Each raises where a file breaks the rules, and returns the lines or records that its program would see.
"""

from __future__ import annotations

import ast
import csv
import io
import json
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from lxml import etree

from tests.render import hidden

Files = Mapping[str, str]


class Service(NamedTuple):
    """A line of a file of services: its names, the first and the last port, and a protocol."""

    names: tuple[str, ...]
    low: int
    high: int
    protocol: str


def read_csv(files: Files) -> list[dict[str, str]]:
    header, *rows = csv.reader(io.StringIO(files[""], newline=""), strict=True)
    assert all(len(row) == len(header) for row in rows)
    # Two columns with one name after escaping would be one member of a dictionary.
    return [
        {f"{place} {name}": cell for place, (name, cell) in enumerate(zip(header, row, strict=True))} for row in rows
    ]


def read_json(files: Files) -> list[Any]:
    assert hidden(files[""].replace("\n", "")) == set()
    document = json.loads(files[""])
    entries: list[Any] = document["entries"]
    return entries


def read_json_lines(files: Files) -> list[Any]:
    header, *entries = [json.loads(line) for line in files[""].split("\n")[:-1]]
    assert "release" in header
    return entries


def _lines(text: str) -> list[str]:
    """Return the lines of a file of printable ASCII and tabs."""
    assert re.fullmatch(r"[\x20-\x7e\t\n]*", text)
    assert text.endswith("\n")
    return text.split("\n")[:-1]


def read_services(files: Files) -> list[Service]:
    """Read as glibc does (nss/nss_files/files-service.c): a # ends a line, white space ends a field."""
    services = []
    for line in _lines(files[""]):
        assert len(line) < 1024
        fields = line.partition("#")[0].split()
        if fields:
            assert not line[0].isspace()
            name, place, *aliases = fields
            match = re.fullmatch(r"(\d+)/(\S+)", place)
            assert match, line
            assert int(match[1]) <= 65535
            services.append(Service((name, *aliases), int(match[1]), int(match[1]), match[2]))
    return services


def read_protocols(files: Files) -> list[tuple[int, tuple[str, ...]]]:
    protocols = []
    for line in _lines(files[""]):
        if fields := line.partition("#")[0].split():
            name, number, *aliases = fields
            assert 0 <= int(number) <= 255
            protocols.append((int(number), (name, *aliases)))
    return protocols


def read_nmap_services(files: Files) -> list[Service]:
    """Read as nmap does (services.cc): "%127s %hu%c%15s %f"."""
    services = []
    for line in _lines(files[""]):
        if not line.startswith("#"):
            match = re.fullmatch(r"(\S{1,127})\t(\d+)/(tcp|udp|sctp)\t(0\.000000)(\t# .*)?", line)
            assert match, line
            services.append(Service((match[1],), int(match[2]), int(match[2]), match[3]))
    return services


def read_wireshark(files: Files) -> list[Service]:
    """Read as Wireshark does (epan/addr_resolv.c): several protocols behind a port or a range."""
    services = []
    for line in _lines(files[""]):
        if fields := line.partition("#")[0].split():
            name, place = fields
            ports, *protocols = place.split("/")
            low, _, high = ports.partition("-")
            assert protocols
            services += [Service((name,), int(low), int(high or low), protocol) for protocol in protocols]
    return services


def read_firewalld(files: Files) -> list[Service]:
    """Read as firewalld does (firewall/core/io/service.py); services that include others have no port here."""
    services = []
    for file, text in files.items():
        if not file.endswith(".xml"):
            assert file == "OMITTED.txt"
            continue
        name = file.removesuffix(".xml")
        assert re.fullmatch(r"[A-Za-z0-9_-]+", name)
        root = etree.fromstring(text.encode())
        assert root.tag == "service"
        assert {element.tag for element in root} <= {"short", "description", "port", "include"}
        for element in root.iter("port"):
            assert element.get("protocol") in ("tcp", "udp", "sctp", "dccp")
            low, _, high = element.get("port", "").partition("-")
            services.append(Service((name,), int(low), int(high or low), element.get("protocol", "")))
    return services


def read_zeek(files: Files) -> list[Service]:
    """Read as Zeek's ASCII reader does: fields between tabs, members of a set between commas, escapes inside them."""
    services = []
    fields: list[str] = []
    for line in files[""].split("\n")[:-1]:
        assert hidden(line.replace("\t", "")) == set()
        if line.startswith("#"):
            fields = line.split("\t")[1:] if line.startswith("#fields\t") else fields
            continue
        cells = dict(zip(fields, line.split("\t"), strict=True))
        aliases = [] if cells["aliases"] == "(empty)" else [_unescape(name) for name in cells["aliases"].split(",")]
        services.append(Service((_unescape(cells["name"]), *aliases), int(cells["p"]), int(cells["p"]), cells["proto"]))
    return services


def _unescape(text: str) -> str:
    return re.sub(r"\\x([0-9a-f]{2})", lambda match: chr(int(match[1], 16)), text)


def read_markdown(files: Files) -> list[list[str]]:
    """Return the rows of all tables. Outside of code and escapes there is no sign of Markdown or HTML."""
    rows: list[list[str]] = []
    width = 0
    for line in files[""].split("\n"):
        assert hidden(line) == set()
        bare = re.sub(r"\\.|`[^`]*`", "", line)
        if line.startswith("|---|"):
            width = line.count("|")
            assert rows.pop(), "the names of the columns"
        elif line.startswith("|"):
            assert not re.search(r"[`*_\[\]<>#~!&\\]|@|://|www\.", bare, re.IGNORECASE), line
            assert width in (0, bare.count("|")) or rows is None or line.endswith("|")
            rows.append(re.split(r"(?<!\\)\|", line)[1:-1])
        else:
            assert not re.search(r"[`*_\[\]<>~!&\\]|@|://|www\.", bare.lstrip("# "), re.IGNORECASE), line
    return rows


def read_json_patch(files: Files) -> list[Any]:
    operations = json.loads(files[""])
    assert operations[0]["op"] == "test"
    return operations[1:]


def read_daff(files: Files) -> list[list[str]]:
    table = list(csv.reader(io.StringIO(files[""], newline=""), strict=True))
    assert len({len(row) for row in table}) == 1
    return [row for row in table if row[0] not in ("@@", "!", "...", "")]


_TOKEN = re.compile(
    r"""/\*(?:(?!\*/|/\*).)*\*/|//[^\n]*|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|[A-Za-z_]\w*|[0-9][\w.]*|\s+|[^\w\s]""",
    re.DOTALL,
)
_CONSTANT = re.compile(r"[A-Z][A-Za-z0-9_]*")


def read_source(files: Files) -> list[str]:
    """Return the identifiers of constants in a source file whose brackets match outside of comments and literals."""
    _lines(files[""])
    open_brackets: list[str] = []
    names = []
    place = 0
    while place < len(files[""]):
        token = _TOKEN.match(files[""], place)
        assert token, files[""][place : place + 40]
        place = token.end()
        if token[0] in ("(", "[", "{"):
            open_brackets.append(token[0])
        elif token[0] in (")", "]", "}"):
            assert open_brackets.pop() == {")": "(", "]": "[", "}": "{"}[token[0]]
        elif _CONSTANT.fullmatch(token[0]):
            names.append(token[0])
    assert open_brackets == []
    return names


def read_python(files: Files) -> list[str]:
    """Return the names of the constants; what stands in a module is a declaration, never a call of registry text."""
    _lines(files[""])
    tree = ast.parse(files[""])
    assert {type(node) for node in tree.body} <= {ast.ImportFrom, ast.ClassDef, ast.Assign, ast.AnnAssign, ast.Expr}
    return [node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)]


READERS: Mapping[str, Callable[[Files], list[Any]]] = {
    "csv": read_csv,
    "json": read_json,
    "jsonl": read_json_lines,
    "services": read_services,
    "protocols": read_protocols,
    "nmap-services": read_nmap_services,
    "wireshark": read_wireshark,
    "firewalld": read_firewalld,
    "zeek": read_zeek,
    "c": read_source,
    "go": read_source,
    "rust": read_source,
    "python": read_python,
    "typescript": read_source,
    "markdown": read_markdown,
    "rfc6902": read_json_patch,
    "daff": read_daff,
}
