"""The text of one cell of the IANA XML vocabulary. Knows `xref`, `br` and mixed content, and no registry.

The text is what IANA prints: `[RFC6335]`, `[draft-ietf-core-coap]`, `[Jon_Postel]`. A `<br/>` becomes a line feed, any
other run of white space one space. If the text does not determine the elements, `exact` is False and the caller keeps
the markup beside the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from watcher.core.patterns import regex
from watcher.formats.text import fold

if TYPE_CHECKING:
    from lxml.etree import _Element

_TOKEN = regex(r"\[([^\[\]]*)\]")
_KINDS = regex(
    r"(?P<rfc>RFC\d+)|(?P<draft>(?:draft-|RFC-)\S+)|(?P<uri>(?:https?|ftp)://\S+)|(?P<note>\d+)|(?P<person>[^\s\[\]]+)"
)


class Cell(NamedTuple):
    """The text of a cell; `exact` if nothing in the cell is missing from it."""

    text: str
    exact: bool


def local_name(tag: object) -> str:
    """Return an element name without its namespace."""
    return str(tag).rpartition("}")[2]


def _reference(xref: _Element) -> Cell:
    kind, data = xref.get("type", ""), xref.get("data", "")
    content = fold("".join(str(text) for text in xref.itertext()) if len(xref) else xref.text)
    text = content or (data.upper() if kind == "rfc" else data)
    plain = len(xref) == 0 and len(xref.attrib) == (2 if data else 1) and fold(data) == data
    if kind == "text":
        return Cell(text, plain and not data and _kind(text) == "text")
    exact = plain and not content and _kind(text) == kind and (kind != "rfc" or data == data.lower())
    return Cell(text, exact)


def _kind(text: str) -> str:
    match = _KINDS.fullmatch(text)
    return str(match.lastgroup) if match else "text"


def read_cell(element: _Element) -> Cell:
    if len(element) == 0:
        text = fold(element.text)
        return Cell(text, not element.attrib and not _references_in(text))
    pieces, tokens = [element.text or ""], []
    exact = not element.attrib
    for child in element:
        name = local_name(child.tag)
        if name == "xref":
            reference = _reference(child)
            exact = exact and reference.exact and _kind(reference.text) != "text"
            tokens.append(reference.text)
            pieces.append(f"[{reference.text}]")
        elif name == "br" and not child.attrib and len(child) == 0 and not child.text:
            pieces.append("\0")
        else:
            exact = False
            pieces.append(" " + read_cell(child).text + " ")
        pieces.append(child.tail or "")
    text = "\n".join(fold(line) for line in "".join(pieces).split("\0"))
    stripped = text.strip("\n")
    return Cell(stripped, exact and stripped == text and _references_in(stripped) == tokens)


def _references_in(text: str) -> list[str]:
    return [token for token in _TOKEN.findall(text) if _kind(token) != "text"] if "[" in text else []


def read_references(xrefs: Iterable[_Element], *, texts: bool = True) -> Cell:
    """Return references as IANA prints them; `texts`: bracketed free text here can only be a reference."""
    cells = [_reference(xref) for xref in xrefs]
    exact = all(
        cell.exact and "[" not in cell.text and "]" not in cell.text and (texts or _kind(cell.text) != "text")
        for cell in cells
    )
    return Cell("".join(f"[{cell.text}]" for cell in cells), exact)


def write_markup(elements: Iterable[_Element]) -> str:
    """Return some elements as canonical markup: no namespace, attributes sorted, white space folded."""
    return "".join(_markup(element).strip() for element in elements)


def _markup(element: _Element) -> str:
    name = local_name(element.tag)
    attributes = "".join(
        f' {local_name(str(key))}="{_escape(str(value))}"' for key, value in sorted(element.attrib.items())
    )
    inner = _text(element.text) + "".join(_markup(child) + _text(child.tail) for child in element)
    return f"<{name}{attributes}>{inner}</{name}>" if inner else f"<{name}{attributes}/>"


def _text(text: str | None) -> str:
    return _escape(re.sub(r"\s+", " ", text)) if text else ""


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
