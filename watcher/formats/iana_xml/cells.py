"""One cell of the IANA XML vocabulary as text. Knows `xref`, `br` and mixed content, and no registry.

A cell reads as IANA prints it: `[RFC6335]`, `[draft-ietf-core-coap]`, `[Jon_Postel]`; a `<br/>` is a line feed, every
other run of white space one space. Where reading that text back would not give the same elements again, `exact` is
False and the caller keeps the markup beside the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from watcher.formats.text import fold

if TYPE_CHECKING:
    from lxml.etree import _Element

TOKEN = re.compile(r"\[([^\[\]]*)\]")
_KINDS = re.compile(
    r"(?P<rfc>RFC\d+)|(?P<draft>(?:draft-|RFC-)\S+)|(?P<uri>(?:https?|ftp)://\S+)|(?P<note>\d+)|(?P<person>[^\s\[\]]+)"
)


class Cell(NamedTuple):
    """`exact`: the text alone says everything."""

    text: str
    exact: bool


def local(tag: object) -> str:
    """Strip the namespace off an element name."""
    return str(tag).rpartition("}")[2]


def token(xref: _Element) -> Cell:
    """One reference, without its brackets."""
    kind, data = xref.get("type", ""), xref.get("data", "")
    said = fold("".join(str(text) for text in xref.itertext()) if len(xref) else xref.text)
    text = said or (data.upper() if kind == "rfc" else data)
    plain = len(xref) == 0 and len(xref.attrib) == (2 if data else 1) and fold(data) == data
    if kind == "text":
        return Cell(text, plain and not data and _kind(text) == "text")
    exact = plain and not said and _kind(text) == kind and (kind != "rfc" or data == data.lower())
    return Cell(text, exact)


def _kind(text: str) -> str:
    """What kind of reference a token is read back as."""
    found = _KINDS.fullmatch(text)
    return str(found.lastgroup) if found else "text"


def cell(element: _Element) -> Cell:
    """The content of one element as text."""
    if len(element) == 0:
        text = fold(element.text)
        return Cell(text, not element.attrib and not _reads_back(text))
    pieces, tokens = [element.text or ""], []
    exact = not element.attrib
    for child in element:
        name = local(child.tag)
        if name == "xref":
            reference = token(child)
            exact = exact and reference.exact and _kind(reference.text) != "text"
            tokens.append(reference.text)
            pieces.append(f"[{reference.text}]")
        elif name == "br" and not child.attrib and len(child) == 0 and not child.text:
            pieces.append("\0")
        else:
            exact = False
            pieces.append(" " + cell(child).text + " ")
        pieces.append(child.tail or "")
    text = "\n".join(fold(line) for line in "".join(pieces).split("\0"))
    stripped = text.strip("\n")
    return Cell(stripped, exact and stripped == text and _reads_back(stripped) == tokens)


def _reads_back(text: str) -> list[str]:
    """The references that a reader of the text would see in it."""
    return [found for found in TOKEN.findall(text) if _kind(found) != "text"] if "[" in text else []


def references(xrefs: Iterable[_Element], *, texts: bool = True) -> Cell:
    """Several references as IANA prints them: bracketed, with nothing between.

    `texts` says whether a bracketed free text can only have been a reference where this stands.
    """
    cells = [token(xref) for xref in xrefs]
    exact = all(
        each.exact and "[" not in each.text and "]" not in each.text and (texts or _kind(each.text) != "text")
        for each in cells
    )
    return Cell("".join(f"[{each.text}]" for each in cells), exact)


def markup(elements: Iterable[_Element]) -> str:
    """The vocabulary's own form of some elements: no namespace, attributes sorted, white space folded."""
    return "".join(_markup(element).strip() for element in elements)


def _markup(element: _Element) -> str:
    name = local(element.tag)
    attributes = "".join(f' {local(str(key))}="{_escape(str(value))}"' for key, value in sorted(element.attrib.items()))
    inner = _text(element.text) + "".join(_markup(child) + _text(child.tail) for child in element)
    return f"<{name}{attributes}>{inner}</{name}>" if inner else f"<{name}{attributes}/>"


def _text(text: str | None) -> str:
    return _escape(re.sub(r"\s+", " ", text)) if text else ""


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
