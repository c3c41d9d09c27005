"""Compare a table format of a release with its XML. Pure; knows how IANA prints a record, and no registry.

All rows are compared, in every column of the table that can be matched to a field of the XML: by its declared title, by
a similar name, or else by its texts. Columns without a match are reported. Order and white space make no difference.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from functools import partial

from msgspec import Struct
from msgspec.structs import replace

from watcher.core.model import MARKUP
from watcher.core.patterns import regex
from watcher.formats.base import Document, FieldMap, Row
from watcher.formats.headings import field_names
from watcher.formats.text import fold

_EXAMPLES = 10
_NEARLY_ALL = 0.9
_LIKELY = 0.5  # share of equal texts from which a similar name is a match, unless another field fits better
_FEW = 3  # a column with fewer different texts (Y, N) would match too many fields if rows are missing
# Column titles that differ from the name of the XML element, both in lower case and without signs.
_SYNONYMS = {
    "reference": "references",
    "decimal": "value",
    "keyword": "name",
    "recommended": "rec",
    "dtlsok": "dtls",
    "comments": "comment",
    "notes": "note",
    "registrationdate": "date",
    "modificationdate": "updated",
    "lastmodified": "updated",
    "lastupdated": "updated",
}
_MARK = regex(r"\[[^\[\]]*\]")  # a footnote in a title: `Status [1]`
_Values = tuple[str, ...]


class Agreement(StrEnum):
    """The result of a comparison; `lag`: the table is of another known release, which is no disagreement."""

    AGREE = "agree"
    LAG = "lag"
    DISAGREE = "disagree"


class Disagreement(Struct, frozen=True, kw_only=True):
    """One place where the formats differ; if only one of them has the row, `field` and the other text are ""."""

    registry: str
    row: str
    field: str
    xml: str
    other: str


class CrossCheck(Struct, frozen=True, kw_only=True):
    """The result of a comparison: `total` counts all disagreements, `examples` are the first of them.

    `lag` labels the release that the table is of. `compared` are the fields that were compared (none: only the rows
    were counted), `unmatched` the columns without a field, as `REGISTRY: COLUMN`.
    """

    verdict: Agreement
    total: int
    examples: tuple[Disagreement, ...]
    compared: frozenset[str]
    unmatched: tuple[str, ...]
    lag: str | None = None


def crosscheck(
    xml: Document,
    other: Document,
    columns: FieldMap,
    *,
    registry: str = "",
    earlier: Iterable[tuple[str, Document]] = (),
) -> CrossCheck:
    """Compare a table format of a release with its XML.

    `registry` is the path of the registry that a CSV has. `earlier` yields a label and the XML of each earlier release,
    the most likely first; it is read only if the formats disagree, and not if their dates say that they are of
    different releases.
    """
    check = _compare(xml, other, columns, registry)
    if not check.total:
        return check
    if xml.published and other.published and xml.published != other.published:
        return replace(check, verdict=Agreement.LAG, lag=other.published)
    for label, document in earlier:
        if not _compare(document, other, columns, registry).total:
            return replace(check, verdict=Agreement.LAG, lag=label)
    return check


def registry_of(xml: Document, url: str) -> str | None:
    """Return the path of the registry that a CSV at a URL is named after, as IANA names them; None if unknown."""
    name = re.split(r"[?#]", url)[0].rpartition("/")[2].rpartition(".")[0]
    if name == xml.id:
        return ""
    paths = [path for path, header in xml.headers.items() if path and header.get("id") == name]
    return paths[0] if len(paths) == 1 else None


def _compare(xml: Document, other: Document, columns: FieldMap, registry: str) -> CrossCheck:
    xml_by_registry, table_by_registry = _by_registry(xml.rows), _by_registry(other.rows, registry)
    differences: list[Disagreement] = []
    compared: set[str] = set()
    unmatched: list[str] = []
    # A CSV of one registry says nothing about the others; in a table of the whole group their rows are missing.
    for path in sorted({registry} if registry else xml_by_registry.keys() | table_by_registry.keys()):
        xml_rows, table_rows = xml_by_registry.get(path, []), table_by_registry.get(path, [])
        titles = other.headers.get("" if registry else path, {}).get("columns", "")
        names = field_names(titles.split("\n"), columns, 1)[0] if titles else _names(table_rows)
        matched = _match(names, xml_rows, table_rows, columns)
        compared.update(matched.values())
        unmatched += [f"{path}: {name}" if path else name for name in names if name not in matched]
        differences += _differences(path, xml_rows, table_rows, matched, columns)
    return CrossCheck(
        verdict=Agreement.DISAGREE if differences else Agreement.AGREE,
        total=len(differences),
        examples=tuple(differences[:_EXAMPLES]),
        compared=frozenset(compared),
        unmatched=tuple(unmatched),
    )


def _by_registry(rows: Iterable[Row], under: str = "") -> dict[str, list[Row]]:
    by_registry: dict[str, list[Row]] = {}
    for row in rows:
        by_registry.setdefault(row.registry or under, []).append(row)
    return by_registry


def _names(rows: Iterable[Row]) -> Sequence[str]:
    return list(dict.fromkeys(name for row in rows for name in row.fields if not name.startswith(MARKUP)))


def _plain(name: str) -> str:
    plain = re.sub(r"[\W_]", "", _MARK.sub("", name)).lower()
    return _SYNONYMS.get(plain, plain)


def _match(
    names: Sequence[str], xml_rows: Sequence[Row], table_rows: Sequence[Row], columns: FieldMap
) -> dict[str, str]:
    """Return the field of each column of the table; a column without one is left out."""
    fields = _names(xml_rows)
    if not (names and xml_rows):  # one side is empty: all columns of the other are reported
        return {name: name for name in names or fields}
    declared = {*columns.titles.values(), *columns.always}
    matched = {name: name for name in names if name in declared and name in fields}

    def likeness(name: str, field: str) -> float:
        return _likeness(name, field, xml_rows, table_rows, columns)

    def unmatched_fields() -> list[str]:
        return [field for field in fields if field not in matched.values()]

    def find_by_name(name: str, least: float) -> str | None:
        unmatched = unmatched_fields()
        similar = [name] if name in unmatched else [field for field in unmatched if _plain(field) == _plain(name)]
        return similar[0] if len(similar) == 1 and likeness(name, similar[0]) >= least else None

    def find_by_texts(name: str) -> str | None:
        alike = [field for field in unmatched_fields() if likeness(name, field) >= _NEARLY_ALL]
        return alike[0] if len(alike) == 1 else None

    # A similar name with likely texts, else the same texts alone, else a similar name alone.
    for find_field in (partial(find_by_name, least=_LIKELY), find_by_texts, partial(find_by_name, least=0.0)):
        for name in names:
            if name not in matched and (field := find_field(name)) is not None:
                matched[name] = field
    return {name: matched[name] for name in names if name in matched}


def _likeness(name: str, field: str, xml_rows: Sequence[Row], table_rows: Sequence[Row], columns: FieldMap) -> float:
    """Return the share of equal texts of a column and a field, from 0 to 1; 0 if one of them is empty.

    They are compared row by row if both have as many rows, else as multisets of texts.
    """
    xml_texts = [_squeezed(_shown(row, field, columns)) for row in xml_rows]
    table_texts = [_squeezed(row.fields.get(name, "")) for row in table_rows]
    if not any(table_texts) or not any(xml_texts):
        return 0.0
    if len(xml_texts) == len(table_texts):
        pairs = [pair for pair in zip(xml_texts, table_texts, strict=True) if any(pair)]
        return sum(xml_text == table_text for xml_text, table_text in pairs) / len(pairs)
    xml_counts, table_counts = (Counter(filter(None, texts)) for texts in (xml_texts, table_texts))
    if len(table_counts) < _FEW:
        return 0.0
    return (xml_counts & table_counts).total() / min(xml_counts.total(), table_counts.total())


def _shown(row: Row, field: str, columns: FieldMap) -> str:
    """Return a field as a table prints it."""
    text = row.fields.get(field, "")
    if not text and field in columns.shown_for:
        return row.fields.get(columns.shown_for[field], "")
    return text


def _squeezed(text: str) -> str:
    """Return a text without white space: tables have printed a line break as one, as a space and as nothing."""
    return "".join(text.split())


def _differences(
    path: str, xml_rows: Sequence[Row], table_rows: Sequence[Row], matched: Mapping[str, str], columns: FieldMap
) -> list[Disagreement]:
    """Return the rows without an equal on the other side; rows that start alike are compared field by field."""
    only_xml, only_table = _unequal(
        [tuple(_shown(row, field, columns) for field in matched.values()) for row in xml_rows],
        [tuple(row.fields.get(name, "") for name in matched) for row in table_rows],
    )
    differences: list[Disagreement] = []
    pairs = _pairs(only_xml, only_table)
    for xml_number, table_number in pairs.items():
        xml_row, table_row = only_xml[xml_number], only_table[table_number]
        differences += [
            Disagreement(registry=path, row=_label(xml_row), field=field, xml=fold(xml_text), other=fold(table_text))
            for field, xml_text, table_text in zip(matched.values(), xml_row, table_row, strict=True)
            if _squeezed(xml_text) != _squeezed(table_text)
        ]
    for number, values in enumerate(only_xml):
        if number not in pairs:
            differences.append(Disagreement(registry=path, row=_label(values), field="", xml=_text(values), other=""))
    paired = set(pairs.values())
    for number, values in enumerate(only_table):
        if number not in paired:
            differences.append(Disagreement(registry=path, row=_label(values), field="", xml="", other=_text(values)))
    return differences


def _unequal(xml_rows: Sequence[_Values], table_rows: Sequence[_Values]) -> tuple[Sequence[_Values], Sequence[_Values]]:
    """Return the rows of both sides that have no equal on the other."""
    # Compared as written first: nearly all rows are equal then, and white space is removed from few.
    for normalize in (tuple, _squeezed_row):
        xml_rows, table_rows = _without(xml_rows, table_rows, normalize), _without(table_rows, xml_rows, normalize)
    return xml_rows, table_rows


def _without(
    rows: Iterable[_Values], others: Iterable[_Values], normalize: Callable[[_Values], _Values]
) -> list[_Values]:
    """Return the rows without those that have an equal in `others`, one for one."""
    counts = Counter(map(normalize, others))
    unequal = []
    for values in rows:
        normalized = normalize(values)
        if counts[normalized]:
            counts[normalized] -= 1
        else:
            unequal.append(values)
    return unequal


def _squeezed_row(values: _Values) -> _Values:
    return tuple(map(_squeezed, values))


def _pairs(xml_rows: Sequence[_Values], table_rows: Sequence[_Values]) -> dict[int, int]:
    """Return the numbers of rows that start alike, XML → table: a table's first columns identify its rows."""
    pairs: dict[int, int] = {}
    paired: set[int] = set()
    for width in (3, 2, 1):
        numbers: dict[_Values, list[int]] = {}
        for number, values in enumerate(table_rows):
            if number not in paired and any(values[:width]):
                numbers.setdefault(values[:width], []).append(number)
        for number, values in enumerate(xml_rows):
            alike = numbers.get(values[:width]) if number not in pairs else None
            if alike:
                pairs[number] = alike.pop(0)
                paired.add(pairs[number])
    return pairs


def _label(values: _Values) -> str:
    return " ".join(filter(None, map(fold, values[:3])))


def _text(values: _Values) -> str:
    return " | ".join(filter(None, map(fold, values)))
