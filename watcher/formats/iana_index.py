"""An index of registry groups: IANA's web page that links to them, or a plain list of their ids, one a line.

Knows how a page names a group (a link to `/assignments/GROUP…`), the title that stands above it, and the registries of
the group with their references and procedures. Of the page's frame nothing is read. What a link names is a row, fit to
be an id or not; of a list every line must be one, or a server's error in plain words would be an index.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from lxml import etree, html

from watcher.core.errors import ParseError
from watcher.core.tables import GROUP_ID
from watcher.formats.base import Document, Row, RowCache
from watcher.formats.column_map import FieldMap
from watcher.formats.tags import refuse_crowds
from watcher.formats.text import fold

ID = "index"
MOST = 10_000  # groups; IANA has 640
_LINK = re.compile(r"(?:https?://[^/?#]+)?/assignments/([^/?#]+)(?:[/?#].*)?", re.DOTALL)
_PAGE = re.compile(rb"\s*<", re.ASCII)
_BOM = b"\xef\xbb\xbf"


@dataclass(slots=True)
class _Group:
    """What the page says of one group, each once and in the order of the page."""

    titles: dict[str, None] = field(default_factory=dict)
    registries: dict[str, None] = field(default_factory=dict)
    references: dict[str, None] = field(default_factory=dict)
    procedures: dict[str, None] = field(default_factory=dict)

    def fields(self, group: str) -> dict[str, str]:
        return {
            "group": group,
            "title": "\n".join(self.titles),
            "registries": "\n".join(self.registries),
            "references": "\n".join(self.references),
            "procedures": "\n".join(self.procedures),
        }


def read(data: bytes, columns: FieldMap, memo: RowCache | None = None) -> Document:  # noqa: ARG001 - the shape of all readers
    """Read an index: one row a group, in the order of first sight; `published` is always None.

    Raises ParseError: `empty`; `not_expected_format` for a page without a link to a group, and for a list with another
    line in it; `too_many_groups`.
    """
    data = data.removeprefix(_BOM)
    if not data.strip():
        raise ParseError("empty", "the index is empty")
    groups = _page(data) if _PAGE.match(data) else _list(data)
    if not groups:
        raise ParseError("not_expected_format", "this page names no registry group: it has no link to /assignments/…")
    if len(groups) > MOST:
        raise ParseError(
            "too_many_groups", f"this index names {len(groups)} groups, more than {MOST} are never asked for"
        )
    rows = tuple(Row(registry="", fields=group.fields(name)) for name, group in groups.items())
    return Document(id=ID, published=None, headers={"": {"id": ID}}, rows=rows, contacts=())


def _list(data: bytes) -> dict[str, _Group]:
    try:
        lines = data.decode("utf-8").splitlines()
    except UnicodeDecodeError:
        raise ParseError("not_expected_format", "this is neither a page nor a list of group ids") from None
    names = [name for line in lines if (name := line.strip())]
    for name in names:
        if not GROUP_ID.fullmatch(name):
            raise ParseError("not_expected_format", f"{name[:60]!r} in a list of groups is no id of one")
    return {name: _Group() for name in names}


def _page(data: bytes) -> dict[str, _Group]:
    # A page, unlike a registry, has a DOCTYPE; HTML knows no entity but the named characters, and loads nothing.
    parser = html.HTMLParser(no_network=True, huge_tree=False, remove_comments=True, remove_pis=True, encoding="utf-8")
    refuse_crowds(data)
    try:
        root = html.document_fromstring(data, parser=parser)
    except (etree.ParserError, etree.XMLSyntaxError) as error:
        raise ParseError("not_expected_format", f"not readable as a page: {error}") from None
    groups: dict[str, _Group] = {}
    title = ""
    for line in root.iter("tr"):
        if line.find(".//tr") is not None:
            continue  # a table round a table: each line is read once, however deep they are nested
        if "iana-protocol-group" in line.get("class", "").split():
            title = fold("".join(str(text) for text in line.itertext()))
        else:
            _line(line, title, groups)
    if not groups:
        # A page without the table is an index all the same, as long as it links to groups.
        groups.update((name, _Group()) for anchor in root.iter("a") if (name := _group_of(anchor)))
    return groups


def _line(line: html.HtmlElement, title: str, groups: dict[str, _Group]) -> None:
    """One line of the table: a registry, in the first cell; its references and procedure in those after it."""
    cells = list(line.iter("td"))
    for anchor in cells[0].iter("a") if cells else ():
        name = _group_of(anchor)
        if name is None:
            continue
        group = groups.setdefault(name, _Group())
        registry = _text(anchor)
        if title:
            group.titles[title] = None
        group.registries[registry] = None
        beside = cells[1:]
        if listed := "".join(f"[{_text(link)}]" for cell in beside for link in _references(cell)):
            group.references[f"{registry}: {listed}"] = None
        for procedure in _procedures(beside):
            group.procedures[f"{registry}: {procedure}"] = None


def _references(cell: html.HtmlElement) -> Iterator[html.HtmlElement]:
    """The links of a cell, but those inside its comment."""
    comments = {link for comment in _comments(cell) for link in comment.iter("a")}
    return (link for link in cell.iter("a") if link not in comments)


def _procedures(cells: Iterable[html.HtmlElement]) -> Iterator[str]:
    return (text for cell in cells for comment in _comments(cell) if (text := _text(comment)))


def _comments(cell: html.HtmlElement) -> Iterator[html.HtmlElement]:
    return (span for span in cell.iter("span") if "iana-protocol-comment" in span.get("class", "").split())


def _group_of(anchor: html.HtmlElement) -> str | None:
    found = _LINK.fullmatch(anchor.get("href", "").strip())
    return found[1] if found else None


def _text(element: html.HtmlElement) -> str:
    return fold("".join(str(text) for text in element.itertext()))
