"""The nested registries of a group as tables of codes and names, and the choice of the one that a list is about."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from watcher.core.errors import UsageError
from watcher.core.intervals import Interval, IntervalIndex
from watcher.core.model import MARKUP, Item, Section
from watcher.core.patterns import regex
from watcher.inventory.model import ListEntry, is_table
from watcher.inventory.names import fold_name, parse_code
from watcher.registries.generic import entry_parts
from watcher.registries.generic.key_columns import META
from watcher.registries.generic.naming import CODE_POINTS
from watcher.registries.shared.assignment import is_assigned
from watcher.registries.shared.remarks import strip_remarks, strip_temporary

_LONGEST_NAME = 80
_LEAST_SHARE = 0.3  # of the names of a list that the chosen table has under the same code
_MOST_TABLES = 12  # in an error
_LEAST_SUFFIX = 4  # characters: a shorter name says nothing as the end of another
_NO_NAMES = frozenset({"references", *META})
_UNIQUE_SHARE = 0.9
_BRACKET = regex(r"[(\[]")


class CodeRow(Struct, frozen=True, kw_only=True):
    """A row with its codes, as texts, its best name for people, and the folded names that it is known by.

    `own_names` are those of the columns that name it; `names` has every short text of the row.
    """

    item: Item
    codes: tuple[str, ...]
    title: str
    own_names: frozenset[str]
    names: frozenset[str]

    @property
    def code(self) -> str:
        return self.codes[0] if self.codes else ""

    def has_name(self, name: str) -> bool:
        """Return whether a name of a list is one of the row, or ends with it: `ALG_ES256`, `ES256`."""
        folded = fold_name(name)
        if folded in self.names:
            return True
        return any(
            len(shorter) >= _LEAST_SUFFIX and longer.endswith(shorter)
            for own in self.names
            for longer, shorter in ((folded, own), (own, folded))
        )


class CodeTable:
    """One nested registry: its rows by code and by name."""

    def __init__(self, path: str, title: str, items: Iterable[Item], naming: frozenset[str] | None = None) -> None:
        """`naming` are the columns that name rows; by default those of these items with other texts in nearly all."""
        self.path, self.title = path, title
        listed = list(items)
        self.naming = _find_naming_columns(listed) if naming is None else naming
        self.rows = [_make_row(item, self.naming) for item in listed]
        self._texts: dict[str, list[CodeRow]] = {}
        self._by_name: dict[str, list[CodeRow]] = {}
        placed: dict[str, list[tuple[Interval, CodeRow]]] = {}
        for row in self.rows:
            for code in row.codes:
                ranges = parse_code(code)
                for numbers in ranges:
                    placed.setdefault(numbers.space, []).append(((numbers.low, numbers.high), row))
                if not ranges:
                    self._texts.setdefault(code.casefold(), []).append(row)
            for name in row.own_names:
                self._by_name.setdefault(name, []).append(row)
        self._numbers = {space: IntervalIndex(intervals) for space, intervals in placed.items()}

    def find_code(self, code: str) -> list[CodeRow]:
        """Return the rows that cover a code, the narrowest first."""
        ranges = parse_code(code)
        if not ranges:
            return self._texts.get(code.strip().casefold(), [])
        if len(ranges) > 1:
            return []  # a list of codes is no code
        wanted = ranges[0]
        index = self._numbers.get(wanted.space)
        covering = [*index.overlapping((wanted.low, wanted.high))] if index else []
        rows = sorted(covering, key=lambda pair: (pair[0][1] - pair[0][0], not is_assigned(pair[1].item)))
        return list({id(row): row for _, row in rows}.values())

    def find_name(self, name: str) -> list[CodeRow]:
        """Return the rows with exactly a name, whatever its spelling."""
        return self._by_name.get(fold_name(name), [])

    def score(self, entries: Sequence[ListEntry]) -> int:
        """Return how many entries have in this table both their name and their code, or the only one they have."""
        return sum(self._has(entry) for entry in entries)

    def _has(self, entry: ListEntry) -> bool:
        if entry.code and entry.name:
            return any(is_assigned(row.item) and row.has_name(entry.name) for row in self.find_code(entry.code))
        if entry.name:
            return bool(self.find_name(entry.name))
        return any(is_assigned(row.item) for row in self.find_code(entry.code))


def build_tables(items: Iterable[Item]) -> dict[str, CodeTable]:
    """Return the nested registries of a group by path."""
    titles: dict[str, str] = {}
    rows: dict[str, list[Item]] = {}
    for item in items:
        path = entry_parts.read_path(item)
        if item.section is Section.REGISTRY:
            titles[path] = item.fields.get("title", "")
        elif item.section is Section.ENTRY:
            rows.setdefault(path, []).append(item)
    return {path: CodeTable(path, titles.get(path, "") or path, listed) for path, listed in rows.items()}


def choose_table(tables: Mapping[str, CodeTable], wanted: str, entries: Sequence[ListEntry], where: str) -> CodeTable:
    """Return the table that an operator or a list names, else the one that has most of the entries.

    Raises UsageError for an unknown one, and if no table clearly has the entries.
    """
    if wanted:
        for path, table in tables.items():
            if is_table(wanted, path) or fold_name(wanted) == fold_name(table.title):
                return table
        raise UsageError(f"{where}: no registry {wanted!r} in this group; its registries: {_list_tables(tables)}")
    if len(tables) == 1:
        return next(iter(tables.values()))
    scores = sorted(((table.score(entries), path) for path, table in tables.items()), reverse=True)
    best, second = scores[0], scores[1]
    if best[0] >= max(1, _LEAST_SHARE * len(entries)) and best[0] > second[0]:
        return tables[best[1]]
    raise UsageError(
        f"{where}: which registry of the group the list is about cannot be guessed; name it with --table: "
        + _list_tables(tables)
    )


def _list_tables(tables: Mapping[str, CodeTable]) -> str:
    listed = [f"{path} ({table.title})" for path, table in tables.items()]
    more = f" and {len(listed) - _MOST_TABLES} more" if len(listed) > _MOST_TABLES else ""
    return ", ".join(listed[:_MOST_TABLES]) + more


def _find_naming_columns(items: Sequence[Item]) -> frozenset[str]:
    """Return the columns with a text in most assigned rows that is another one in nearly all of them."""
    texts: dict[str, list[str]] = {}
    assigned = [item for item in items if is_assigned(item)]
    for item in assigned:
        for name, text in _short_columns(item).items():
            texts.setdefault(name, []).append(fold_name(text))
    return frozenset(
        name
        for name, column in texts.items()
        if len(column) * 2 >= len(assigned) and len({*column}) >= _UNIQUE_SHARE * len(column)
    )


def _short_columns(item: Item) -> dict[str, str]:
    return {
        name: text
        for name, text in item.fields.items()
        if text and name not in _NO_NAMES and not name.startswith((MARKUP, "@")) and len(text) <= _LONGEST_NAME
    }


def _make_row(item: Item, naming: frozenset[str]) -> CodeRow:
    columns = _short_columns(item)
    values = [value for text in entry_parts.read_values(item) if (value := strip_temporary(text))]
    codes = [value for value in values if parse_code(value)]
    codes += [columns[name] for name in CODE_POINTS if name in columns and parse_code(columns[name])]
    # The key of some registries is the name, and another column is then the first text: the data type of a COSE header.
    named = [columns.get("name", ""), *(value for value in values if not parse_code(value))]
    title = next(filter(None, map(strip_temporary, named)), "") or entry_parts.find_title(item)
    own_texts = [*named, title, *(text for name, text in columns.items() if name in naming)]
    return CodeRow(
        item=item,
        codes=tuple(dict.fromkeys(codes or values[:1])),
        title=(title or " ".join(values))[:_LONGEST_NAME],
        own_names=_fold_names(own_texts),
        names=_fold_names([*own_texts, *columns.values()]),
    )


def _fold_names(texts: Iterable[str]) -> frozenset[str]:
    """Return the spellings of some texts that are no numbers: whole, without remarks, and up to the first bracket."""
    names = [text for text in texts if text and not parse_code(text)]
    spellings = [*names, *map(strip_remarks, names), *(_BRACKET.split(text, maxsplit=1)[0] for text in names)]
    return frozenset(filter(None, map(fold_name, spellings)))
