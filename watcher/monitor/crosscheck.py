"""Compare a table format of a release with its XML. Pure; knows how IANA prints a record, and no registry.

All rows are compared, in every column of the table that can be matched to a field of the XML: by its declared title, by
a similar name, or else by its texts. Columns without a match are reported. Order and white space make no difference.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from watcher.core.model import MARKUP
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
_MARK = re.compile(r"\[[^\[\]]*\]")  # a footnote in a title: `Status [1]`
_Values = tuple[str, ...]


class Agreement(StrEnum):
    """The result of a comparison; `lag`: the table is of another known release, which is no disagreement."""

    AGREE = "agree"
    LAG = "lag"
    DISAGREE = "disagree"


@dataclass(frozen=True, slots=True, kw_only=True)
class Disagreement:
    """One place where the formats differ; if only one of them has the row, `field` and the other text are ""."""

    registry: str
    row: str
    field: str
    xml: str
    other: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CrossCheck:
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

    def left() -> list[str]:
        return [field for field in fields if field not in matched.values()]

    def named(name: str) -> str | None:
        same = [name] if name in left() else [field for field in left() if _plain(field) == _plain(name)]
        return same[0] if len(same) == 1 else None

    for threshold in (_LIKELY, None, 0.0):
        for name in names:
            if name in matched:
                continue
            if threshold is None:
                best = [field for field in left() if likeness(name, field) >= _NEARLY_ALL]
                field = best[0] if len(best) == 1 else None
            else:
                field = named(name)
                field = field if field is not None and likeness(name, field) >= threshold else None
            if field is not None:
                matched[name] = field
    return {name: matched[name] for name in names if name in matched}


def _likeness(name: str, field: str, xml_rows: Sequence[Row], table_rows: Sequence[Row], columns: FieldMap) -> float:
    """Return the share of equal texts of a column and a field, from 0 to 1; 0 if one of them is empty.

    They are compared row by row if both have as many rows, else as multisets of texts.
    """
    theirs = [_squeezed(row.fields.get(name, "")) for row in table_rows]
    ours = [_squeezed(_shown(row, field, columns)) for row in xml_rows]
    if not any(theirs) or not any(ours):
        return 0.0
    if len(ours) == len(theirs):
        pairs = [(one, two) for one, two in zip(ours, theirs, strict=True) if one or two]
        return sum(one == two for one, two in pairs) / len(pairs)
    bags = [Counter(filter(None, texts)) for texts in (ours, theirs)]
    if len(bags[1]) < _FEW:
        return 0.0
    return (bags[0] & bags[1]).total() / min(bag.total() for bag in bags)


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
    ours = [tuple(_shown(row, field, columns) for field in matched.values()) for row in xml_rows]
    theirs = [tuple(row.fields.get(name, "") for name in matched) for row in table_rows]
    alone, other_alone = _unequal(ours, theirs)
    differences: list[Disagreement] = []
    pairs = _pairs(alone, other_alone)
    for one, two in pairs.items():
        differences += [
            Disagreement(registry=path, row=_label(alone[one]), field=field, xml=fold(mine), other=fold(its))
            for field, mine, its in zip(matched.values(), alone[one], other_alone[two], strict=True)
            if _squeezed(mine) != _squeezed(its)
        ]
    for number, values in enumerate(alone):
        if number not in pairs:
            differences.append(Disagreement(registry=path, row=_label(values), field="", xml=_text(values), other=""))
    used = set(pairs.values())
    for number, values in enumerate(other_alone):
        if number not in used:
            differences.append(Disagreement(registry=path, row=_label(values), field="", xml="", other=_text(values)))
    return differences


def _unequal(some: Sequence[_Values], others: Sequence[_Values]) -> tuple[Sequence[_Values], Sequence[_Values]]:
    """Return the rows of both sides that have no equal on the other."""
    # As written first: nearly all rows are equal then, and white space need not be removed from them.
    for form in (tuple, _squeezed_row):
        some, others = _without(some, others, form), _without(others, some, form)
    return some, others


def _without(some: Iterable[_Values], others: Iterable[_Values], form: Callable[[_Values], _Values]) -> list[_Values]:
    left = Counter(map(form, others))
    unequal = []
    for values in some:
        formed = form(values)
        if left[formed]:
            left[formed] -= 1
        else:
            unequal.append(values)
    return unequal


def _squeezed_row(values: _Values) -> _Values:
    return tuple(map(_squeezed, values))


def _pairs(some: Sequence[_Values], others: Sequence[_Values]) -> dict[int, int]:
    """Return the places of rows that start alike: a table's first columns identify its rows."""
    pairs: dict[int, int] = {}
    used: set[int] = set()
    for width in (3, 2, 1):
        waiting: dict[_Values, list[int]] = {}
        for number, values in enumerate(others):
            if number not in used and any(values[:width]):
                waiting.setdefault(values[:width], []).append(number)
        for number, values in enumerate(some):
            same = waiting.get(values[:width]) if number not in pairs else None
            if same:
                pairs[number] = same.pop(0)
                used.add(pairs[number])
    return pairs


def _label(values: _Values) -> str:
    return " ".join(filter(None, map(fold, values[:3])))


def _text(values: _Values) -> str:
    return " | ".join(filter(None, map(fold, values)))
