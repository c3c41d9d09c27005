"""Pages as IANA's style sheets make them of the XML, for tests: there is no kept page to read. Small and regular."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from html import escape
from itertools import groupby

from watcher.formats.base import Document, FieldMap, Row

DOCTYPE = (
    '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1-strict.dtd">'
)
TITLES = {"value": "Value", "references": "Reference", "description": "Description", "name": "Name"}
BLANK, LINE = "\n\n", "\n"  # between several URIs of a contact: as a reading has it, as a page shows it
_PERSON = ("name", "org", "uri", "updated")
_TERMS = {
    "created": "Created",
    "updated": "Last Updated",
    "registration_rule": "Registration Procedure(s)",
    "expert": "Expert(s)",
    "references": "Reference",
    "note": "Note",
}


def pages(reading: Document, columns: FieldMap | None = None, size: int | None = None) -> list[bytes]:
    """Render a reading: one page, or with `size` as many as its rows need, each with the contacts that it names."""
    titles = {field: title for title, field in columns.titles.items()} if columns and columns.titles else TITLES
    rows = [_shown(row, columns.shown_for if columns else {}) for row in reading.rows]
    parts = [rows[at : at + size] for at in range(0, len(rows), size)] if size else [rows]
    columns_by_path = {path: _columns(list(group)) for path, group in groupby(rows, key=lambda row: row.registry)}
    return [
        _page(reading, part, columns_by_path, titles, _bar(number, len(parts)) if len(parts) > 1 else "")
        for number, part in enumerate(parts, 1)
    ]


def _shown(row: Row, shown_for: Mapping[str, str]) -> Row:
    more = {field: row.fields[other] for field, other in shown_for.items() if not row.fields[field]}
    return Row(registry=row.registry, fields={**row.fields, **more})


def _page(
    reading: Document, rows: Sequence[Row], columns: Mapping[str, list[str]], titles: Mapping[str, str], bar: str
) -> bytes:
    body = []
    for path, header in reading.headers.items():
        level = path.count("/") + 2 if path else 1
        anchor = f'<a name="{header["id"]}" id="{header["id"]}"/>' if path else ""
        body.append(f"<h{level}>{anchor}{escape(header['title'])}</h{level}>")
        body.append(_terms(header, reading.id or "", root=not path))
        own = [row for row in rows if row.registry == path]
        if path in columns:
            body.append(bar + _table(header["id"], columns[path], own, titles) + bar)
        elif path:
            body.append(
                '<table><thead><tr><th>Value</th></tr></thead><tbody><tr><td colspan="0" class="registryempty">'
            )
            body.append("No registrations at this time.</td></tr></tbody></table>")
    named = {name for row in rows for text in row.fields.values() for name in re.findall(r"\[([^\[\]]+)\]", text)}
    body.append(_people([row for row in reading.contacts if row.fields["id"] in named or not bar]))
    return (
        f'<?xml version="1.0"?>\n{DOCTYPE}\n<html xmlns="http://www.w3.org/1999/xhtml">\n<head><title>x</title>'
        f'<script type="text/javascript" src="../_support/sort.js"> </script></head>\n<body><header><div><a href="/">'
        f'<img src="logo.svg" alt="IANA"/></a></div></header>\n<article>{"".join(body)}</article></body></html>\n'
    ).encode()


def _columns(rows: Sequence[Row]) -> list[str]:
    names = dict.fromkeys(name for row in rows for name in row.fields if not name.startswith("markup:"))
    return list(names)


def _terms(header: Mapping[str, str], root_id: str, *, root: bool) -> str:
    terms = "".join(
        f"<dt>{term}</dt><dd><pre>{_cell(header[name])}</pre></dd>" for name, term in _TERMS.items() if header.get(name)
    )
    link = f'<a class="altformat" href="{root_id}.xml"><img src="/_img/xml.png"/><br/>XML</a>' if root else ""
    return f"<dl>{terms}<dt>Available Formats</dt><dd>{link}</dd></dl>\n"


def _table(identifier: str, columns: Sequence[str], rows: Sequence[Row], titles: Mapping[str, str]) -> str:
    head = "".join(f'<th>{escape(titles.get(name, name))} <img src="sort_none.gif"/></th>' for name in columns)
    lines = "\n".join(
        "<tr>" + "".join(f"<td>{_cell(row.fields.get(name, ''))}</td>" for name in columns) + "</tr>" for row in rows
    )
    table = f'<table id="table-{identifier}" class="sortable"><thead><tr>{head}</tr></thead>'
    return f"{table}\n<tbody>{lines}</tbody></table>\n"


def _cell(text: str) -> str:
    linked = re.sub(r"\[([^\[\]]+)\]", r'[<a href="https://www.iana.org/go/x">\1</a>]', escape(text))
    return linked.replace("\n", "<br/>")


def _people(contacts: Sequence[Row]) -> str:
    if not contacts:
        return ""
    rows = "".join(
        f'<tr><td><a name="{escape(row.fields["id"])}">[{escape(row.fields["id"])}]</a></td>'
        + "".join(
            f"<td>{_cell(row.fields[name].replace(BLANK, LINE))}</td>" for name in ("name", "org", "uri", "updated")
        )
        + "</tr>"
        for row in contacts
    )
    titles = "".join(f"<th>{title}</th>" for title in ("ID", "Name", "Organization", "Contact URI", "Last Updated"))
    table = f'<table class="sortable"><thead><tr>{titles}</tr></thead><tbody>{rows}</tbody></table>'
    return f'<h1 class="people">Contact Information</h1>{table}'


def _bar(number: int, last: int) -> str:
    """Links to the pages around one and to the first and the last; the page itself is no link."""
    shown = sorted({1, last, *range(max(1, number - 5), min(last, number + 5) + 1)})
    links = (str(n) if n == number else f'<a href="/assignments/x/x.xhtml?&amp;page={n}">{n}</a>' for n in shown)
    return f'<div class="pagination">{" ".join(links)}</div>'
