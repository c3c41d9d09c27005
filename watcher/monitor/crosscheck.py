"""Does a poorer format say the same as the XML of the release? Knows how IANA prints a record, and no registry.

Each row of one reading is held against the rows of the other, in every column that the poorer one carries and that can
be told. Their order is no difference, nor is white space. A column is matched to a field by its declared title, by a
name that says the same, and failing that by what it holds; one that stays unmatched is named, not guessed.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from watcher.core.model import MARKUP
from watcher.formats.base import Document, Row
from watcher.formats.field_map import FieldMap
from watcher.formats.headings import field_names
from watcher.formats.text import fold

_EXAMPLES = 10
_NEARLY_ALL = 0.9
_LIKELY = 0.5  # a name that says the same is believed from here on, unless another field fits better
_FEW = 3  # a column of fewer different texts (Y, N) fits too many fields when rows are missing
# Titles of IANA's style sheets whose element is called otherwise in most registries, both without case and signs.
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
_MARK = re.compile(r"\[[^\[\]]*\]")  # a footnote's, in a title: `Status [1]`
_Values = tuple[str, ...]


class Agreement(StrEnum):
    """What a cross-check came to; a lag is not a disagreement: the other format is of another known release."""

    AGREE = "agree"
    LAG = "lag"
    DISAGREE = "disagree"


@dataclass(frozen=True, slots=True, kw_only=True)
class Disagreement:
    """One place where the formats differ: `field` is "" where only one of them has the row (the other text is "")."""

    registry: str
    row: str
    field: str
    xml: str
    other: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CrossCheck:
    """`total` counts all disagreements, `examples` are the first of them.

    `lag` names the release that the other format is of; `compared` are the fields that were held against each other
    (none: only the rows were counted); `unmatched` the columns, `REGISTRY: COLUMN`, for which no field was found.
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
    known: Iterable[tuple[str, Callable[[], Document]]] = (),
) -> CrossCheck:
    """Hold a poorer format of a release against its XML.

    `registry` is the path of the nested registry that a CSV is of. `known` are other releases, most likely first, as a
    label and what reads their XML: they are asked only where the formats disagree. Where both name a date and it is
    not the same, the other format is of another release without asking.
    """
    found = _compare(xml, other, columns, registry)
    if not found.total:
        return found
    if xml.published and other.published and xml.published != other.published:
        return _lagging(found, other.published)
    for label, read in known:
        if not _compare(read(), other, columns, registry).total:
            return _lagging(found, label)
    return found


def registry_of(xml: Document, url: str) -> str | None:
    """Return the path of the registry that a CSV is of by its name, as IANA names them; None where there is none."""
    name = re.split(r"[?#]", url)[0].rpartition("/")[2].rpartition(".")[0]
    if name == xml.id:
        return ""
    paths = [path for path, header in xml.headers.items() if path and header.get("id") == name]
    return paths[0] if len(paths) == 1 else None


def _lagging(found: CrossCheck, label: str) -> CrossCheck:
    return CrossCheck(
        verdict=Agreement.LAG,
        total=found.total,
        examples=found.examples,
        compared=found.compared,
        unmatched=found.unmatched,
        lag=label,
    )


def _compare(xml: Document, other: Document, columns: FieldMap, registry: str) -> CrossCheck:
    ours, theirs = _by_registry(xml.rows), _by_registry(other.rows, registry)
    differences: list[Disagreement] = []
    compared: set[str] = set()
    unmatched: list[str] = []
    # A format of one registry says nothing of the others; one of the whole group says that they have no rows.
    for path in sorted({registry} if registry else ours.keys() | theirs.keys()):
        rich, poor = ours.get(path, []), theirs.get(path, [])
        titles = other.headers.get("" if registry else path, {}).get("columns", "")
        names = field_names(titles.split("\n"), columns, 1)[0] if titles else _names(poor)
        matched = _match(names, rich, poor, columns)
        compared.update(matched.values())
        unmatched += [f"{path}: {name}" if path else name for name in names if name not in matched]
        differences += _differences(path, rich, poor, matched, columns)
    return CrossCheck(
        verdict=Agreement.DISAGREE if differences else Agreement.AGREE,
        total=len(differences),
        examples=tuple(differences[:_EXAMPLES]),
        compared=frozenset(compared),
        unmatched=tuple(unmatched),
    )


def _by_registry(rows: Iterable[Row], under: str = "") -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row.registry or under, []).append(row)
    return found


def _names(rows: Iterable[Row]) -> Sequence[str]:
    return list(dict.fromkeys(name for row in rows for name in row.fields if not name.startswith(MARKUP)))


def _plain(name: str) -> str:
    plain = re.sub(r"[\W_]", "", _MARK.sub("", name)).lower()
    return _SYNONYMS.get(plain, plain)


def _match(names: Sequence[str], rich: Sequence[Row], poor: Sequence[Row], columns: FieldMap) -> dict[str, str]:
    """Which field each column of the poorer format is; one for which there is none is left out."""
    fields = _names(rich)
    if not (names and rich):  # one side has nothing: each of the other's rows is told whole
        return {name: name for name in names or fields}
    declared = {*columns.titles.values(), *columns.always}
    matched = {name: name for name in names if name in declared and name in fields}
    likeness = _Likeness(rich, poor, columns)

    def left() -> list[str]:
        return [field for field in fields if field not in matched.values()]

    def named(name: str) -> str | None:
        same = [name] if name in left() else [field for field in left() if _plain(field) == _plain(name)]
        return same[0] if len(same) == 1 else None

    for believed in (_LIKELY, None, 0.0):
        for name in names:
            if name in matched:
                continue
            if believed is None:
                best = [field for field in left() if likeness(name, field) >= _NEARLY_ALL]
                field = best[0] if len(best) == 1 else None
            else:
                field = named(name)
                field = field if field is not None and likeness(name, field) >= believed else None
            if field is not None:
                matched[name] = field
    return {name: matched[name] for name in names if name in matched}


class _Likeness:
    """How much of what a column and a field hold is the same, from 0 to 1; 0 where one of them holds nothing."""

    def __init__(self, rich: Sequence[Row], poor: Sequence[Row], columns: FieldMap) -> None:
        self._rich, self._poor, self._columns = rich, poor, columns

    def __call__(self, name: str, field: str) -> float:
        """Compare row by row where there are as many of both, else as bags of texts."""
        theirs = [_squeezed(row.fields.get(name, "")) for row in self._poor]
        ours = [_squeezed(_shown(row, field, self._columns)) for row in self._rich]
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
    """A field as a table prints it."""
    text = row.fields.get(field, "")
    if not text and field in columns.shown_for:
        return row.fields.get(columns.shown_for[field], "")
    return text


def _squeezed(text: str) -> str:
    """A text without its white space: tables have printed a line break as one, as a space and as nothing."""
    return "".join(text.split())


def _differences(
    path: str, rich: Sequence[Row], poor: Sequence[Row], matched: Mapping[str, str], columns: FieldMap
) -> list[Disagreement]:
    """The rows that have no equal on the other side, paired where they are the same row with other texts."""
    ours = [tuple(_shown(row, field, columns) for field in matched.values()) for row in rich]
    theirs = [tuple(row.fields.get(name, "") for name in matched) for row in poor]
    alone, other_alone = _unequal(ours, theirs)
    found: list[Disagreement] = []
    pairs = _pairs(alone, other_alone)
    for one, two in pairs.items():
        found += [
            Disagreement(registry=path, row=_label(alone[one]), field=field, xml=fold(mine), other=fold(its))
            for field, mine, its in zip(matched.values(), alone[one], other_alone[two], strict=True)
            if _squeezed(mine) != _squeezed(its)
        ]
    for number, values in enumerate(alone):
        if number not in pairs:
            found.append(Disagreement(registry=path, row=_label(values), field="", xml=_said(values), other=""))
    used = set(pairs.values())
    for number, values in enumerate(other_alone):
        if number not in used:
            found.append(Disagreement(registry=path, row=_label(values), field="", xml="", other=_said(values)))
    return found


def _unequal(some: Sequence[_Values], others: Sequence[_Values]) -> tuple[Sequence[_Values], Sequence[_Values]]:
    """What is left of both when every row that has its equal on the other side is taken away."""
    # As written first: nearly all rows are equal already, and need not be squeezed.
    for form in (tuple, _squeezed_row):
        some, others = _without(some, others, form), _without(others, some, form)
    return some, others


def _without(some: Iterable[_Values], others: Iterable[_Values], form: Callable[[_Values], _Values]) -> list[_Values]:
    left = Counter(map(form, others))
    found = []
    for values in some:
        formed = form(values)
        if left[formed]:
            left[formed] -= 1
        else:
            found.append(values)
    return found


def _squeezed_row(values: _Values) -> _Values:
    return tuple(map(_squeezed, values))


def _pairs(some: Sequence[_Values], others: Sequence[_Values]) -> dict[int, int]:
    """Rows that begin alike, by their places: what a table's first columns hold is what tells its rows apart."""
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


def _said(values: _Values) -> str:
    return " | ".join(filter(None, map(fold, values)))
