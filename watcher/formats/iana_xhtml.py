"""IANA's XHTML pages: the tables of a registry group, one for each registry, and their headers. Knows no registry.

The reader follows the elements that IANA's style sheets produce; no saved page was available. It is tolerant about the
markup around the tables, and strict about the tables: every row has a cell for every title. A page must be well-formed
XML, because nothing else proves that it is complete. Its DOCTYPE is allowed, an internal subset is not, and no entity
is expanded.

The port registry is published in pages of 100 rows. The pages of one release, one after the other, are one document.
IANA's style sheets do not print the element names, the kind and address of a reference, the anchors of footnotes, and
whether an empty cell was an element; so these cannot be read from a page.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lxml import etree

from watcher.core.errors import ParseError
from watcher.core.model import Problem
from watcher.core.times import is_date
from watcher.formats.base import Document, FieldMap, Row, RowCache
from watcher.formats.headings import field_names
from watcher.formats.iana_xhtml_page import XhtmlPage, blocks, children, split_pages, text_of
from watcher.formats.text import check_size, fold

_TERMS = {
    "created": "created",
    "last updated": "updated",
    "registration procedure(s)": "registration_rule",
    "expert(s)": "expert",
    "description": "description",
    "reference": "references",
    "references": "references",
    "note": "note",
}
_PEOPLE = {
    "ID": "id",
    "Name": "name",
    "Organization": "org",
    "Organisation": "org",
    "Contact URI": "uri",
    "Last Updated": "updated",
}
_HEADINGS = {f"h{number}": number for number in range(1, 7)}


def read(data: bytes, field_map: FieldMap, cache: RowCache | None = None) -> Document:  # noqa: ARG001 - as all readers
    """Read the pages of one group.

    Raises ParseError: `empty`, `not_expected_format`, `not_well_formed`, `doctype`, `too_large`, `ragged`,
    `wrong_registry`, `cut` (pages are missing), `mixed_pages`.
    """
    collector = _PageCollector(field_map)
    for page in split_pages(data):
        collector.add_page(page)
    return collector.build_document()


def next_page(data: bytes, url: str) -> str | None:
    """Return the URL of the page after this one, None after the last. Raises ParseError (not a page)."""
    page = split_pages(data)[-1]
    if page.last <= page.number:
        return None
    path, _, query = url.partition("#")[0].partition("?")
    kept = [part for part in query.split("&") if part and not part.startswith("page=")]
    return f"{path}?{'&'.join(kept)}&page={page.number + 1}"


class _PageCollector:
    def __init__(self, field_map: FieldMap) -> None:
        self._field_map = field_map
        self._headers: dict[str, dict[str, str]] = {}
        self._rows: list[Row] = []
        self._contacts: list[Row] = []
        self._known_contacts: set[frozenset[tuple[str, str]]] = set()  # on the previous pages
        self._problems: dict[str, int] = {}
        self._pages: list[XhtmlPage] = []

    def add_page(self, page: XhtmlPage) -> None:
        """Read the next page. Raises ParseError `cut` if a page before it is missing."""
        self._pages.append(page)
        if page.number != len(self._pages):
            raise ParseError("cut", f"page {page.number} where page {len(self._pages)} should be")
        names: list[str] = []  # the ids of the headings above the present block
        people = False
        for element, tag in blocks(page.root):
            if tag in _HEADINGS:
                people = people or element.get("class") == "people" or text_of(element) == "Contact Information"
                if not people:
                    self._add_heading(element, _HEADINGS[tag], names)
            elif tag == "dl":
                self._add_terms(element, "/".join(names))
            elif people and element.get("class") != "fn":
                self._add_people(element)
            else:
                self._add_table(element, names, page.id)
        self._known_contacts.update(frozenset(row.fields.items()) for row in self._contacts)

    def build_document(self) -> Document:
        """Return the document of all pages. Raises ParseError if a page is missing or there is no registry."""
        last = self._pages[-1]
        if last.last > last.number:
            raise ParseError("cut", f"{len(self._pages)} of {last.last} pages")
        root = self._headers.setdefault("", {})
        identifier = self._pages[0].id or root.get("id")
        # The page of a group without registries has no table; then it must have the id of the group.
        has_tables = any("columns" in header for header in self._headers.values())
        if not (self._pages[0].id or (has_tables and (identifier or any(row.registry for row in self._rows)))):
            raise ParseError("not_expected_format", "a page without a registry's table")
        updated = root.get("updated", "")
        return Document(
            id=identifier,
            published=updated if is_date(updated) else None,
            headers={
                path: {"id": identifier or "", "title": "", "updated": "", **header}
                for path, header in sorted(self._headers.items())
            },
            rows=tuple(self._rows),
            contacts=tuple(self._contacts),
            problems=tuple(
                Problem(code="unknown_column", message=text, line=line) for text, line in self._problems.items()
            ),
        )

    def _add_heading(self, element: etree._Element, level: int, names: list[str]) -> None:
        title = text_of(element)
        anchor = next((name for inner in element.iter() if (name := inner.get("id") or inner.get("name"))), None)
        if level == 1:
            names.clear()
            if anchor is None and "" not in self._headers:
                self._headers[""] = {"title": title}
        elif anchor is not None:
            del names[level - 2 :]
            names.append(anchor)
            self._headers.setdefault("/".join(names), {"id": anchor, "title": title})

    def _add_terms(self, element: etree._Element, path: str) -> None:
        header: dict[str, str] = {}
        term = ""
        for child, tag in children(element):
            if tag == "dt":
                term = text_of(child)
            elif tag == "dd" and term.lower() != "available formats":
                name = _TERMS.get(term.lower(), "note")
                text = text_of(child)
                text = text if term.lower() in _TERMS else f"{term}: {text}"
                header[name] = f"{header[name]}\n\n{text}" if name in header else text
        previous = self._headers.setdefault(path, {})
        if not path and "updated" in previous and header.get("updated", previous["updated"]) != previous["updated"]:
            raise ParseError("mixed_pages", f"pages of {previous['updated']} and {header['updated']}")
        for name, text in header.items():
            previous.setdefault(name, text)

    def _add_table(self, table: etree._Element, names: Sequence[str], root: str | None) -> None:
        identifier = table.get("id", "").removeprefix("table-")
        path = "/".join(names)
        registry = names[-1] if names else root or identifier.removesuffix("-range")
        titles, rows = _read_cells(table)
        if table.get("class") == "fn":
            self._set_header("", "footnote", [" ".join(cells[1:]) for _, cells in rows])
        elif not (identifier or any(titles)):
            self._problems.setdefault("a table without titles or id, which was not read", table.sourceline or 1)
        elif identifier == f"{registry}-range":
            self._set_header(path, "range", [fold(" ".join(cells)) for _, cells in rows])
        else:
            if identifier and identifier != registry:  # a registry without a title has no heading
                path = "/".join([*names, identifier])
                self._headers.setdefault(path, {"id": identifier})
            elif not names:
                self._headers.setdefault("", {}).setdefault("id", registry)
            self._add_records(path, titles, rows, table.sourceline or 1)

    def _set_header(self, path: str, name: str, texts: Sequence[str]) -> None:
        self._headers.setdefault(path, {}).setdefault(name, "\n\n".join(texts))

    def _add_records(self, path: str, titles: Sequence[str], rows: Sequence[tuple[int, list[str]]], line: int) -> None:
        header = self._headers.setdefault(path, {})
        printed = "\n".join(titles)
        if header.setdefault("columns", printed) != printed:
            raise ParseError("mixed_pages", "one table has other titles on another page", line=line)
        fields, problems = field_names(titles, self._field_map, line)
        for problem in problems:
            self._problems.setdefault(problem, line)
        empty = dict.fromkeys(self._field_map.always, "")
        for number, cells in rows:
            texts = {name: cell for name, cell in zip(fields, cells, strict=True) if cell}
            self._rows.append(Row(registry=path, fields=empty | texts))
            check_size(len(self._rows), number)

    def _add_people(self, table: etree._Element) -> None:
        titles, rows = _read_cells(table)
        fields = [_PEOPLE.get(title, title) for title in titles]
        for _, cells in rows:
            person = dict.fromkeys(("id", "name", "org", "uri", "updated"), "")
            person |= dict(zip(fields, cells, strict=True))
            person["id"] = person["id"].removeprefix("[").removesuffix("]")
            person["uri"] = person["uri"].replace("\n", "\n\n")
            if frozenset(person.items()) not in self._known_contacts:
                self._contacts.append(Row(registry="", fields=person))


def _read_cells(table: etree._Element) -> tuple[list[str], list[tuple[int, list[str]]]]:
    titles: list[str] = []
    rows: list[tuple[int, list[str]]] = []
    for row in _table_rows(table):
        cells = [(cell, tag) for cell, tag in children(row) if tag in ("td", "th")]
        line = row.sourceline or 1
        if not cells or (len(cells) == 1 and _is_remark(cells[0][0])):
            continue
        if not titles and not rows:
            # Without titles, every cell of the first row stands for an empty title.
            has_titles = all(tag == "th" for _, tag in cells)
            titles = [text_of(cell) if has_titles else "" for cell, _ in cells]
            if has_titles:
                continue
        if len(cells) != len(titles) or any(map(_spans, (cell for cell, _ in cells))):
            raise ParseError("ragged", f"{len(cells)} cells in a table of {len(titles)} columns", line=line)
        rows.append((line, [text_of(cell) for cell, _ in cells]))
    return titles, rows


def _table_rows(table: etree._Element) -> Iterator[etree._Element]:
    for child, tag in children(table):
        if tag in ("thead", "tbody", "tfoot"):
            yield from (inner for inner, name in children(child) if name == "tr")
        elif tag == "tr":
            yield child


def _is_remark(cell: etree._Element) -> bool:
    """Return whether a cell is no data: "No registrations at this time.", or a control above the rows."""
    return cell.get("colspan") is not None or cell.get("class") == "registryempty"


def _spans(cell: etree._Element) -> bool:
    return cell.get("colspan", "1") != "1" or cell.get("rowspan", "1") != "1"
