"""Writes a parsed document back in IANA's XML vocabulary, so that a test finds what reading lost."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from xml.sax.saxutils import escape, quoteattr

from watcher.core.model import MARKUP
from watcher.formats.base import Document, FieldMap, Row
from watcher.formats.iana_xml import NAMESPACE
from watcher.formats.iana_xml.reader import HEADER, PERSON

_KINDS = (
    ("draft", r"(draft-|RFC-)\S+"),
    ("uri", r"(https?|ftp)://\S+"),
    ("note", r"\d+"),
    ("person", r"\S+"),
)
_TOKEN = re.compile(r"\[([^\[\]]*)\]")


def document(reading: Document, columns: FieldMap) -> bytes:
    """Return the document; the order of rows inside a registry is kept, all else may stand in another order."""
    root = "".join(_registry(reading, "", columns))
    return f"<?xml version='1.0' encoding='UTF-8'?>\n{root}".encode()


def _registry(reading: Document, path: str, columns: FieldMap) -> Iterator[str]:
    namespace = "" if path else f' xmlns="{NAMESPACE}"'
    yield f"<registry{namespace}{_attributes(reading.headers[path], HEADER)}>"
    yield escape(reading.headers[path].get("#text", ""))
    yield from _children(reading.headers[path], HEADER)
    for row in reading.rows:
        if row.registry == path:
            yield from _row("record", row, columns)
    people = [row for row in reading.contacts if row.registry == path]
    if people:
        yield "<people>"
        for row in people:
            yield from _row("person", row, PERSON)
        yield "</people>"
    for inner in reading.headers:
        if inner and inner.rpartition("/")[0] == path and not _inside(inner, path, reading.headers):
            yield from _registry(reading, inner, columns)
    yield "</registry>"


def _inside(inner: str, path: str, headers: Mapping[str, object]) -> bool:
    """Return whether a path belongs to a longer one: an id may hold a slash."""
    return any(other not in (inner, path) and inner.startswith(f"{other}/") and len(other) > len(path)
               for other in headers if other)  # fmt: skip


def _row(tag: str, row: Row, columns: FieldMap) -> Iterator[str]:
    yield f"<{tag}{_attributes(row.fields, columns)}>{escape(row.fields.get('#text', ''))}"
    yield from _children(row.fields, columns)
    yield f"</{tag}>"


def _attributes(fields: Mapping[str, str], columns: FieldMap) -> str:
    names = {field: name for name, field in columns.attributes.items()}
    values = {names.get(field, field.removeprefix("@")): value for field, value in fields.items()
             if field.startswith("@") or (field in names and value)}  # fmt: skip
    return "".join(f" {name}={quoteattr(value)}" for name, value in values.items())


def _children(fields: Mapping[str, str], columns: FieldMap) -> Iterator[str]:
    elements = {field: name for name, field in columns.elements.items()}
    attributes = {*columns.attributes.values()}
    for field, text in fields.items():
        if field.startswith((MARKUP, "@", "#")) or field in attributes:
            continue
        if (markup := fields.get(MARKUP + field)) is not None:
            yield markup
        elif field in (columns.references, columns.people):
            yield "".join(_xref(token) for token in _TOKEN.findall(text))
        elif text or field not in columns.always:
            name = elements.get(field, field)
            yield f"<{name}>{_cell(text)}</{name}>"


def _cell(text: str) -> str:
    out, end = [], 0
    for token in _TOKEN.finditer(text):
        xref = _xref(token[1])
        if 'type="text"' not in xref:
            out += [escape(text[end : token.start()]), xref]
            end = token.end()
    return "".join([*out, escape(text[end:])]).replace("\n", "<br/>")


def _xref(token: str) -> str:
    """A reference in the form that its text alone tells."""
    if re.fullmatch(r"RFC\d+", token):
        return f'<xref type="rfc" data="{token.lower()}"/>'
    for kind, pattern in _KINDS:
        if re.fullmatch(pattern, token):
            return f'<xref type="{kind}" data={quoteattr(token)}/>'
    return f'<xref type="text">{escape(token)}</xref>'
