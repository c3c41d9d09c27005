"""An index of registry groups: IANA's web page that links to them, or a plain list of their ids, one on each line.

On the page, a group is a link to `/assignments/GROUP…`, with a title above it and its registries, their references and
procedures beside it. Everything else on the page is ignored. Each linked name becomes a row, even if it is not a valid
id. In a list every line must be a valid id, because otherwise a server's error message would be read as an index.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator

from lxml import etree, html

from watcher.core.errors import ParseError
from watcher.core.patterns import regex
from watcher.core.tables import GROUP_ID
from watcher.formats.base import Document, FieldMap, Row, RowCache
from watcher.formats.text import fold
from watcher.formats.xml_safety import check_attributes

ID = "index"
MAX_GROUPS = 10_000  # IANA has 640
_LINK = regex(r"(?:https?://[^/?#]+)?/assignments/([^/?#]+)(?:[/?#].*)?", re.DOTALL)
_PAGE = regex(rb"\s*<", re.ASCII)
_BOM = b"\xef\xbb\xbf"
_FIELDS = ("title", "registries", "references", "procedures")
# Group → field → the texts of the page, in its order. The inner dictionary is an ordered set.
_Groups = dict[str, dict[str, dict[str, None]]]


def read(data: bytes, field_map: FieldMap, cache: RowCache | None = None) -> Document:  # noqa: ARG001 - as all readers
    """Read an index: one row for each group.

    Raises ParseError: `empty`, `not_expected_format`, `too_large`, `too_many_groups`.
    """
    data = data.removeprefix(_BOM)
    if not data.strip():
        raise ParseError("empty", "the index is empty")
    groups = _read_page(data) if _PAGE.match(data) else _read_list(data)
    if not groups:
        raise ParseError("not_expected_format", "this page has no link to a registry group (/assignments/…)")
    if len(groups) > MAX_GROUPS:
        raise ParseError("too_many_groups", f"this index names {len(groups)} groups, more than {MAX_GROUPS}")
    rows = tuple(
        Row(registry="", fields={"group": name, **{field: "\n".join(texts.get(field, ())) for field in _FIELDS}})
        for name, texts in groups.items()
    )
    return Document(id=ID, headers={"": {"id": ID}}, rows=rows)


def _read_list(data: bytes) -> _Groups:
    try:
        lines = data.decode("utf-8").splitlines()
    except UnicodeDecodeError:
        raise ParseError("not_expected_format", "this is neither a page nor a list of group ids") from None
    names = [name for line in lines if (name := line.strip())]
    for name in names:
        if not GROUP_ID.fullmatch(name):
            raise ParseError("not_expected_format", f"{name[:60]!r} in a list of groups is not a group id")
    return {name: {} for name in names}


def _read_page(data: bytes) -> _Groups:
    # Unlike a registry, a page has a DOCTYPE. HTML has no entities but named characters, and nothing is loaded.
    parser = html.HTMLParser(no_network=True, huge_tree=False, remove_comments=True, remove_pis=True, encoding="utf-8")
    check_attributes(data)
    try:
        root = html.document_fromstring(data, parser=parser)
    except (etree.ParserError, etree.XMLSyntaxError) as error:
        raise ParseError("not_expected_format", f"not readable as a page: {error}") from None
    groups: _Groups = {}
    title = ""
    for row in root.iter("tr"):
        if row.find(".//tr") is not None:
            continue  # a row around a nested table, whose rows are read by themselves
        if "iana-protocol-group" in row.get("class", "").split():
            title = _text(row)
        else:
            _read_row(row, title, groups)
    if not groups:
        # A page without the table is an index too if it links to groups.
        groups.update((name, {}) for anchor in root.iter("a") if (name := _group_of(anchor)))
    return groups


def _read_row(row: html.HtmlElement, title: str, groups: _Groups) -> None:
    """Read one row of the table: a registry in the first cell, its references and procedure in the others."""
    cells = list(row.iter("td"))
    for anchor in cells[0].iter("a") if cells else ():
        name = _group_of(anchor)
        if name is None:
            continue
        group = groups.setdefault(name, defaultdict(dict))
        registry = _text(anchor)
        if title:
            group["title"][title] = None
        group["registries"][registry] = None
        other_cells = cells[1:]
        if references := "".join(f"[{_text(link)}]" for cell in other_cells for link in _references(cell)):
            group["references"][f"{registry}: {references}"] = None
        for procedure in filter(None, (_text(comment) for cell in other_cells for comment in _comments(cell))):
            group["procedures"][f"{registry}: {procedure}"] = None


def _references(cell: html.HtmlElement) -> Iterator[html.HtmlElement]:
    comments = {link for comment in _comments(cell) for link in comment.iter("a")}
    return (link for link in cell.iter("a") if link not in comments)


def _comments(cell: html.HtmlElement) -> Iterator[html.HtmlElement]:
    return (span for span in cell.iter("span") if "iana-protocol-comment" in span.get("class", "").split())


def _group_of(anchor: html.HtmlElement) -> str | None:
    match = _LINK.fullmatch(anchor.get("href", "").strip())
    return match[1] if match else None


def _text(element: html.HtmlElement) -> str:
    return fold("".join(str(text) for text in element.itertext()))
