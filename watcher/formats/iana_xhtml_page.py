"""One XHTML page: proven whole, its blocks in order, and which of several pages it is. Knows HTML, and no registry."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from lxml import etree

from watcher.core.errors import ParseError
from watcher.formats.iana_xml.cells import local
from watcher.formats.iana_xml.elements import parse
from watcher.formats.tags import refuse_crowds_in_xml
from watcher.formats.text import fold
from watcher.formats.xml_safety import prove

_END = re.compile(rb"</html\s*>\s*", re.IGNORECASE)
_OURS = re.compile(rb"<(?:[a-z]+:)?table[\s>]|[\"']altformat[\"']", re.IGNORECASE)
_NAMESPACE = b"http://www.w3.org/1999/xhtml"
_LINK = re.compile(r"[?&]page=([0-9]{1,6})(?:&|$)")
_BLOCKS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6", "dl", "table"})
_SILENT = frozenset({"img", "input", "script", "style", "form", "label"})


@dataclass(frozen=True, slots=True)
class Page:
    """A page that was proven whole: `id` of the registry group where it says it, `number` and `last` count from 1."""

    root: etree._Element
    id: str | None
    number: int
    last: int

    def blocks(self) -> Iterator[tuple[etree._Element, str]]:
        """Yield headings, definition lists and tables in order, none of them inside another."""
        yield from _blocks(self.root)


def pages(data: bytes) -> Sequence[Page]:
    """Take a document apart that is one page or several, one after the other.

    Raises ParseError: `empty`, `not_expected_format`, `doctype`, `not_well_formed` where one of them is not whole.
    """
    if not data.strip(b"\xef\xbb\xbf \t\r\n"):
        raise ParseError("empty", "the document is empty")
    if not _OURS.search(data):
        raise ParseError("not_expected_format", "this is no page of a registry", line=1)
    ends = [found.end() for found in _END.finditer(data)]
    if not ends or ends[-1] != len(data):
        ends.append(len(data))  # what is not whole is refused when it is parsed
    return [_page(data[start:end]) for start, end in pairwise([0, *ends])]


def children(element: etree._Element) -> Iterator[tuple[etree._Element, str]]:
    """The elements right inside another, with their names."""
    for child in element:
        if isinstance(child.tag, str):
            yield child, local(child.tag).lower()


def text_of(element: etree._Element) -> str:
    """Return what a reader sees in an element: a `<br/>` is a line feed, other white space folded."""
    lines = "".join(_texts(element)).split("\0")
    return "\n".join(map(fold, lines)).strip("\n")


def _texts(element: etree._Element) -> Iterator[str]:
    yield element.text or ""
    for child in element:
        if not isinstance(child.tag, str):
            # Only entities are left: &nbsp; and the like, which the DTD that is not loaded would declare.
            yield html.unescape(child.text or "")
        else:
            tag = local(child.tag).lower()
            if tag == "br":
                yield "\0"
            elif tag in ("p", "li", "ul", "pre", "div"):
                yield " "
                yield from _texts(child)
                yield " "
            elif tag not in _SILENT:
                yield from _texts(child)
        yield child.tail or ""


def _page(data: bytes) -> Page:
    data = data.lstrip(b"\xef\xbb\xbf \t\r\n")
    try:
        prove(data, page=True)
        refuse_crowds_in_xml(data)
    except ParseError as error:
        if error.reason != "not_well_formed" or _NAMESPACE in data:
            raise
        raise ParseError("not_expected_format", f"this is HTML of another kind: {error}", line=1) from None
    root = parse(data)
    if local(root.tag).lower() != "html":
        raise ParseError("not_expected_format", f"the root element is <{local(root.tag)}>, not <html>", line=1)
    number, last = _numbers(root)
    return Page(root, _identifier(root), number, last)


def _identifier(root: etree._Element) -> str | None:
    """What the group's files are called: the link to its XML is the one place that says it."""
    for link in root.iter("{*}a", "a"):
        if link.get("class") == "altformat" and link.get("href", "").endswith(".xml"):
            return link.get("href", "").rpartition("/")[2].removesuffix(".xml") or None
    return None


def _numbers(root: etree._Element) -> tuple[int, int]:
    """Which page this is and how many there are: the bar names the others as links and this one without."""
    for bar in root.iter("{*}div", "div"):
        if bar.get("class") == "pagination":
            linked = [int(found[1]) for link in bar.iter("{*}a", "a") if (found := _LINK.search(link.get("href", "")))]
            own = re.search(r"[0-9]{1,6}", " ".join([bar.text or "", *(each.tail or "" for each in bar)]))
            number = int(own[0]) if own else 1
            return number, max([number, *linked])
    return 1, 1


def _blocks(element: etree._Element) -> Iterator[tuple[etree._Element, str]]:
    for child, tag in children(element):
        if tag in _BLOCKS:
            yield child, tag
        else:
            yield from _blocks(child)
