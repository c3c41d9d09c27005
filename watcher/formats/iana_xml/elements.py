"""Read one element of the IANA XML vocabulary as a row: its attributes, its children by name, its references."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from lxml import etree

from watcher.core.errors import ParseError
from watcher.core.model import MARKUP
from watcher.formats.base import UNPLACED, CompactRow, FieldMap, Row
from watcher.formats.iana_xml import NAMESPACE
from watcher.formats.iana_xml.cells import local_name, read_cell, read_references, write_markup
from watcher.formats.text import fold
from watcher.formats.xml_safety import check_xml_attributes

_PREFIX = f"{{{NAMESPACE}}}"
_LARGEST_WITH_DICTIONARIES = 2**20  # bytes; the rules read the cells of a small registry many times
# The elements inside a cell, a note or a range, collected from all registries.
_INLINE = frozenset(
    {"xref", "br", "paragraph", "artwork", "list", "item", "file", "server"}
    | {"value", "hex", "registration_rule", "note"}  # of a range
)


def parse_xml(data: bytes) -> etree._Element:
    """Parse XML; expand no entity, load nothing. Raises ParseError `not_well_formed`, `too_large`."""
    check_xml_attributes(data)
    # Without huge_tree, libxml2 limits depth and text length, which bounds the cost of hostile input.
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_comments=True, remove_pis=True
    )
    try:
        return etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        line, column = error.position
        raise ParseError("not_well_formed", f"not readable: {error.msg}", line=line, column=column) from None


def read_element(
    element: etree._Element,
    field_map: FieldMap,
    children: Iterable[etree._Element] | None = None,
    *,
    compact: bool = False,
) -> Row:
    """Return one element as a row; `children` are the ones to read, by default all."""
    inner = list(element)
    fields, problems = _read_fields(element, inner, inner if children is None else children, field_map)
    return Row(registry=UNPLACED, fields=CompactRow(fields) if compact else fields, problems=problems)


def is_large(data: bytes) -> bool:
    """Return whether the rows of a document are to be compact; dictionaries take more memory and are read faster."""
    return len(data) > _LARGEST_WITH_DICTIONARIES


def _read_fields(
    element: etree._Element, inner: Sequence[etree._Element], children: Iterable[etree._Element], field_map: FieldMap
) -> tuple[dict[str, str], tuple[str, ...]]:
    fields = dict.fromkeys(field_map.always, "")
    problems: list[str] = []
    for attribute, value in element.items():
        name = local_name(str(attribute))
        if name not in field_map.attributes:
            problems.append(f"unknown attribute {name!r}")
        fields[field_map.attributes.get(name, f"@{name}")] = fold(str(value))
    if stray := fold(" ".join([element.text or "", *[child.tail or "" for child in inner]])):
        fields["#text"] = stray
        problems.append(f"text outside any element: {stray[:60]!r}")
    groups: dict[str, list[etree._Element]] = {}
    for child in children:
        tag = str(child.tag)
        name = local_name(tag)
        if len(child) or not tag.startswith(_PREFIX):
            problems += _foreign_elements(child)
        if name == "xref":
            person = field_map.people is not None and child.get("type") == "person"
            name = str(field_map.people) if person else field_map.references
        elif field_map.closed and name not in field_map.elements:
            problems.append(f"unknown element <{name}>")
        else:
            name = field_map.elements.get(name, name)
        groups.setdefault(name, []).append(child)
    for name, group in groups.items():
        fields[name], exact = _read_group(group)
        if not exact:
            fields[MARKUP + name] = write_markup(group)
    return fields, tuple(problems)


def _foreign_elements(child: etree._Element) -> Iterator[str]:
    """Report the elements in a cell that are not of the vocabulary; the row keeps their markup all the same."""
    if not str(child.tag).startswith(_PREFIX):
        yield f"element of another namespace: <{child.tag!s}>"
    for inner in child.iterdescendants():
        if local_name(inner.tag) not in _INLINE or not str(inner.tag).startswith(_PREFIX):
            yield f"unknown element <{local_name(inner.tag)}> inside <{local_name(child.tag)}>"


def _read_group(group: list[etree._Element]) -> tuple[str, bool]:
    first = group[0]
    if local_name(first.tag) == "xref":
        return read_references(group)
    if len(group) > 1:
        return "\n\n".join(read_cell(element).text for element in group), False
    # An assignee has only references in it, and reads as they do elsewhere.
    if len(first) and not fold(first.text) and all(local_name(x.tag) == "xref" and not fold(x.tail) for x in first):
        listed = read_references(first, texts=False)
        return listed.text, listed.exact and not first.attrib
    return read_cell(first)
