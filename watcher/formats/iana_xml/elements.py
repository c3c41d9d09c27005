"""One element of the IANA XML vocabulary as a row: its attributes, its children by name, its references."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from lxml import etree

from watcher.core.errors import ParseError
from watcher.core.model import MARKUP
from watcher.formats.base import NOWHERE, CompactRow, Row
from watcher.formats.column_map import FieldMap
from watcher.formats.iana_xml.cells import cell, local, markup, references
from watcher.formats.tags import refuse_crowds_in_xml
from watcher.formats.text import fold

NAMESPACE = "http://www.iana.org/assignments"
_OURS = f"{{{NAMESPACE}}}"
# What stands inside a cell, a note or a range; read off all the registries there are.
_INLINE = frozenset(
    {"xref", "br", "paragraph", "artwork", "list", "item", "file", "server"}
    | {"value", "hex", "registration_rule", "note"}  # of a range
)


def parse(data: bytes) -> etree._Element:
    """Parse a well-formed document or a part of one; expands no entity, loads nothing.

    Raises ParseError `not_well_formed`, or `too_large` where an element has thousands of attributes.
    """
    refuse_crowds_in_xml(data)
    # huge_tree stays off: libxml2's own limits on depth and text length bound what hostile input can cost.
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_comments=True, remove_pis=True
    )
    try:
        return etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        line, column = error.position
        raise ParseError("not_well_formed", f"not readable: {error.msg}", line=line, column=column) from None


def row(element: etree._Element, columns: FieldMap, children: Iterable[etree._Element] | None = None) -> Row:
    """Read one element; `children` are those that count, all unless said."""
    inner = list(element)
    fields, problems = _collect(element, inner, inner if children is None else children, columns)
    return Row(registry=NOWHERE, fields=CompactRow(fields), problems=problems)


def _collect(
    element: etree._Element, inner: Sequence[etree._Element], children: Iterable[etree._Element], columns: FieldMap
) -> tuple[dict[str, str], tuple[str, ...]]:
    """The fields of one element: its attributes, its children by name, its references."""
    fields = dict.fromkeys(columns.always, "")
    problems: list[str] = []
    for attribute, value in element.items():
        name = local(str(attribute))
        if name not in columns.attributes:
            problems.append(f"unknown attribute {name!r}")
        fields[columns.attributes.get(name, f"@{name}")] = fold(str(value))
    if stray := fold(" ".join([element.text or "", *[child.tail or "" for child in inner]])):
        fields["#text"] = stray
        problems.append(f"text outside any element: {stray[:60]!r}")
    groups: dict[str, list[etree._Element]] = {}
    for child in children:
        tag = str(child.tag)
        name = local(tag)
        if len(child) or not tag.startswith(_OURS):
            problems += _unknown(child)
        if name == "xref":
            person = columns.people is not None and child.get("type") == "person"
            name = str(columns.people) if person else columns.references
        elif columns.closed and name not in columns.elements:
            problems.append(f"unknown element <{name}>")
        else:
            name = columns.elements.get(name, name)
        groups.setdefault(name, []).append(child)
    for name, group in groups.items():
        fields[name], exact = _group(group)
        if not exact:
            fields[MARKUP + name] = markup(group)
    return fields, tuple(problems)


def _unknown(child: etree._Element) -> Iterator[str]:
    """What in a cell is not of the vocabulary: its markup is kept beside the text all the same."""
    if not str(child.tag).startswith(_OURS):
        yield f"element of another namespace: <{child.tag!s}>"
    for inner in child.iterdescendants():
        if local(inner.tag) not in _INLINE or not str(inner.tag).startswith(_OURS):
            yield f"unknown element <{local(inner.tag)}> inside <{local(child.tag)}>"


def _group(group: list[etree._Element]) -> tuple[str, bool]:
    """The text of all children that share one name, and whether it says everything."""
    first = group[0]
    if local(first.tag) == "xref":
        return references(group)
    if len(group) > 1:
        return "\n\n".join(cell(each).text for each in group), False
    # An assignee holds nothing but references: it reads as they do anywhere else.
    if len(first) and not fold(first.text) and all(local(x.tag) == "xref" and not fold(x.tail) for x in first):
        listed = references(first, texts=False)
        return listed.text, listed.exact and not first.attrib
    return cell(first)
