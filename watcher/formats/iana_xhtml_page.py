"""One XHTML page of IANA: proven complete, with its blocks in order and its page number. Knows no registry."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from lxml import etree
from msgspec import Struct

from watcher.core.errors import ParseError
from watcher.core.patterns import regex
from watcher.formats.iana_xml.cells import local_name
from watcher.formats.iana_xml.elements import parse_xml
from watcher.formats.text import fold
from watcher.formats.xml_safety import check_well_formed, check_xml_attributes

_END = regex(rb"</html\s*>\s*", re.IGNORECASE)
_REGISTRY_PAGE = regex(rb"<(?:[a-z]+:)?table[\s>]|[\"']altformat[\"']", re.IGNORECASE)
_NAMESPACE = b"http://www.w3.org/1999/xhtml"
_LINK = regex(r"[?&]page=([0-9]{1,6})(?:&|$)")
_BLOCKS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6", "dl", "table"})
_INVISIBLE = frozenset({"img", "input", "script", "style", "form", "label"})


class XhtmlPage(Struct, frozen=True):
    """A complete page. `id` is the registry group's, None if the page has none; `number` and `last` count from 1."""

    root: etree._Element
    id: str | None
    number: int
    last: int


def split_pages(data: bytes) -> Sequence[XhtmlPage]:
    """Return the pages of a document, which follow each other. Raises ParseError as `iana_xhtml.read` does."""
    if not data.strip(b"\xef\xbb\xbf \t\r\n"):
        raise ParseError("empty", "the document is empty")
    if not _REGISTRY_PAGE.search(data):
        raise ParseError("not_expected_format", "this is not a page of a registry", line=1)
    ends = [end_tag.end() for end_tag in _END.finditer(data)]
    if not ends or ends[-1] != len(data):
        ends.append(len(data))  # parsing refuses an incomplete page
    return [_parse_page(data[start:end]) for start, end in pairwise([0, *ends])]


def children(element: etree._Element) -> Iterator[tuple[etree._Element, str]]:
    for child in element:
        if isinstance(child.tag, str):
            yield child, local_name(child.tag).lower()


def text_of(element: etree._Element) -> str:
    """Return the visible text of an element: a `<br/>` becomes a line feed, other white space is folded."""
    lines = "".join(_texts(element)).split("\0")
    return "\n".join(map(fold, lines)).strip("\n")


def _texts(element: etree._Element) -> Iterator[str]:
    yield element.text or ""
    for child in element:
        if not isinstance(child.tag, str):
            # An entity like &nbsp;, which only the DTD declares, and that is not loaded.
            yield html.unescape(child.text or "")
        else:
            tag = local_name(child.tag).lower()
            if tag == "br":
                yield "\0"
            elif tag in ("p", "li", "ul", "pre", "div"):
                yield " "
                yield from _texts(child)
                yield " "
            elif tag not in _INVISIBLE:
                yield from _texts(child)
        yield child.tail or ""


def _parse_page(data: bytes) -> XhtmlPage:
    data = data.lstrip(b"\xef\xbb\xbf \t\r\n")
    try:
        check_well_formed(data, page=True)
        check_xml_attributes(data)
    except ParseError as error:
        if error.reason != "not_well_formed" or _NAMESPACE in data:
            raise
        raise ParseError("not_expected_format", f"this is HTML of another kind: {error}", line=1) from None
    root = parse_xml(data)
    if local_name(root.tag).lower() != "html":
        raise ParseError("not_expected_format", f"the root element is <{local_name(root.tag)}>, not <html>", line=1)
    number, last = _page_numbers(root)
    return XhtmlPage(root, _identifier(root), number, last)


def _identifier(root: etree._Element) -> str | None:
    """Return the id of the group: only the link to its XML has it."""
    for link in root.iter("{*}a", "a"):
        if link.get("class") == "altformat" and link.get("href", "").endswith(".xml"):
            return link.get("href", "").rpartition("/")[2].removesuffix(".xml") or None
    return None


def _page_numbers(root: etree._Element) -> tuple[int, int]:
    """Return the number of this page and of the last one: the bar links to the others and names this one."""
    for bar in root.iter("{*}div", "div"):
        if bar.get("class") == "pagination":
            linked = [int(match[1]) for link in bar.iter("{*}a", "a") if (match := _LINK.search(link.get("href", "")))]
            current = re.search(r"[0-9]{1,6}", " ".join([bar.text or "", *(child.tail or "" for child in bar)]))
            number = int(current[0]) if current else 1
            return number, max([number, *linked])
    return 1, 1


def blocks(element: etree._Element) -> Iterator[tuple[etree._Element, str]]:
    """Yield headings, definition lists and tables in order, without those inside another; each with its name."""
    for child, tag in children(element):
        if tag in _BLOCKS:
            yield child, tag
        else:
            yield from blocks(child)
