"""Runs bytes through reading, comparing, classifying and rendering, without a store: for tests of hostile bytes."""

from __future__ import annotations

import random
from collections.abc import Mapping
from functools import cache

from tests.formats.test_iana_ports_text import PLAIN, page
from tests.formats.test_record_jar import JAR
from tests.render import hidden
from tests.support.change_sets import apply
from tests.support.group_releases import group, record, registry
from tests.support.index_server import index_page
from tests.support.port_releases import PORTS, person, release, tcp, unassigned
from tests.support.xhtml_pages import pages
from watcher.alerts.channels import webhook_message
from watcher.core.errors import ParseError
from watcher.core.model import Comparison, Content, Release
from watcher.diff.classify import explain
from watcher.diff.content import read_content
from watcher.formats.iana_xml import reader
from watcher.registries.base import Registry
from watcher.registries.catalog import REGISTRIES
from watcher.render import html, markdown, text

PIECES = [b"a,b\n", b'"', b",", b"\t", b"\n", b"%%\n", b"Type: x\n", b" ", b'{"a":', b"[", b"]", b"}", b"1", b"null"]
PIECES += [b"<html>", b"</html>", b"<table>", b"</table>", b"<tr>", b"<td>", b"\0", b"\xff", b"\xef\xbb\xbf", b"&"]
MADE = reader.read(release([tcp("a", "1", contact="Jo"), unassigned("2-9")], people=[person("Jo")]), PORTS.columns)
WHOLE = {
    "xml": release([tcp("a", "1"), unassigned("2-9")]),
    "csv": b'Service Name,Port Number\r\na,1\r\n"b\r\nc",2\r\n',
    "tsv": b"Service Name\tPort Number\na\t1\n",
    "json": b'{"x": [{"a": {"b": [1, "two"]}, "c": null}]}',
    "jsonl": b'{"a": 1}\n{"b": [{"c": 2}]}\n',
    "record-jar": JAR,
    "xhtml": b"".join(pages(MADE, PORTS.columns, 1)),
    "txt": page(PLAIN),
    "lines": b"# two\nalpha\nbeta\n",
    "index": index_page(["a", "b"]),
}


OTHERS = {
    "group": group(registry("a", record(value="1", name="b")), registry("c", record("rfc1", value="2-9"))),
    "redirect": b'<registry xmlns="http://www.iana.org/assignments" id="toy"><title>T</title></registry>',
}


def documents(format: str) -> Mapping[str, bytes]:  # noqa: A002 - the config's word
    """Whole documents to begin from."""
    return {"whole": WHOLE[format]} | (OTHERS if format == "xml" else {})


def damage(data: bytes, chance: random.Random) -> bytes:
    """A document with a few bytes changed, cut out or put in."""
    changed = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(changed) + 1)
        match chance.randrange(3):
            case 0:
                changed[at : at + 1] = bytes([chance.randrange(256)])
            case 1:
                del changed[at : at + chance.randint(1, 60)]
            case _:
                changed[at:at] = chance.choice(PIECES)
    return bytes(changed)


@cache
def _start(format: str, registry: str) -> Content | None:  # noqa: A002
    try:
        return read_content(WHOLE[format], REGISTRIES[registry], format)
    except ParseError:
        return None


def run_pipeline(format: str, data: bytes, *registries: Registry) -> bool:  # noqa: A002
    """Read a document under the rules of some registries, by default all; compare, judge and render it.

    Returns whether any of them took it; nothing but a ParseError with a reason may stop it.
    """
    was_read = False
    for rules in registries or REGISTRIES.values():
        try:
            content = read_content(data, rules, format)
        except ParseError as error:
            if not error.reason:
                raise
            continue
        was_read = True
        start = _start(format, rules.id) or content
        for old, new in ((start, content), (content, start)):
            _render_everything(rules, old, new)
    return was_read


def _render_everything(rules: Registry, old: Content, new: Content) -> None:
    changes, events = explain(rules, old, new)
    assert apply(changes, old.items) == new.items
    sides = [
        Release(
            id=side.digest, source="fuzzed", published=side.published, observed=None, sha256=side.digest,
            entries=side.entries,
        )
        for side in (old, new)
    ]  # fmt: skip
    comparison = Comparison(source="fuzzed", old=sides[0], new=sides[1], changes=changes, events=events)
    shown = [
        text.render_comparison(comparison, all=True),
        html.render_comparison(comparison),
        markdown.render_comparison(comparison),
    ]
    assert not {char for whole in shown for line in whole.split("\n") for char in hidden(line)}
    assert (
        len(webhook_message.release_body(comparison, delivery_id="id", occurred="2020-01-01T00:00:00Z"))
        <= webhook_message.MAX_BYTES
    )
