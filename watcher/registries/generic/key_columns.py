"""The choice of a registry's key columns from its rows, where no key is declared. Their order does not matter.

In an IANA registry a column that is nearly unique is enough: its ordinal numbers the few duplicates. A plain table has
columns of any kind, and its key must last: no empty cell, unique in every row, and a name or a code. A position or a
measure is unique by chance: the next release may have it for other rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations

from watcher.core.model import Fields
from watcher.core.patterns import regex
from watcher.registries.base import Labels

META = frozenset({"references", "registered", "modified", "#text"})
# Columns that describe a value. They are a key only if there is no other column.
DESCRIPTIVE = frozenset(
    {"description", "note", "notes", "comment", "comments", "file", "status", "spec", "specification", "date"}
    | {"controller", "contact", "template", "references (column)", "reference", "refs", "owner", "registrant"}
)
NEARLY_ALL = 0.9
_FEW_ROWS = 5
LONGEST_KEY = 60  # characters, on average
ROW_NUMBER = regex(r"[0-9]{1,9}")
_NUMBER = regex(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?%?")  # 007 is a code
_DATE = regex(r"\d{4}-\d{2}(-\d{2})?([T ].*)?|\d{1,2}[./]\d{1,2}[./]\d{4}")
_MARKS = regex(r"(?:(?<!\s)\s+)?([-,])\s*")
_MOST_COLUMNS = 12  # that are tried in pairs
_MOST_TOGETHER = 40  # columns that are tried for a key of several
_NAME, _NUMERIC, _DATED = range(3)


def choose_key(rows: Sequence[Fields]) -> Labels:
    """Return the first column that is nearly unique: `value`, then the others in their order; or several together."""
    with_value = sum(1 for row in rows if row.get("value"))
    if _is_nearly_unique(with_value, len(rows), NEARLY_ALL) and _is_unique(rows, "value"):
        return ("value",)  # the answer for most registries, before all cells are read
    return _choose_key(rows, _count_columns(rows))


def _choose_key(rows: Sequence[Fields], counts: Mapping[str, int]) -> Labels:
    candidates = (column for column, number in counts.items() if _is_nearly_unique(number, len(rows), NEARLY_ALL))
    column = next((column for column in candidates if _is_unique(rows, column)), None)
    return (column,) if column else _compound_key(rows, [*counts])


def choose_plain_key(rows: Sequence[Fields]) -> Labels:
    """Return a full and unique column of a plain table: names before numbers before dates; or two names together."""
    counts = _count_columns(rows)
    full = [column for column, number in counts.items() if number == len(rows)]
    lasting = [column for column in full if _is_unique(rows, column, share=1.0) and not is_running_number(rows, column)]
    kinds = {column: _kind(rows, column) for column in lasting}
    single = min(lasting, key=lambda column: (column.lower() != "value", kinds[column]), default="")
    if single and kinds[single] != _DATED:
        return (single,)
    return next(_unique_pairs(rows, full), None) or ((single,) if single else _choose_key(rows, counts))


def is_running_number(rows: Sequence[Fields], column: str) -> bool:
    """Return whether a column counts the rows from 0 or 1. In `value` such numbers are codes."""
    if column.lower() == "value" or not all(ROW_NUMBER.fullmatch(row.get(column, "")) for row in rows):
        return False
    numbers = [int(row[column]) for row in rows]
    return min(numbers) in (0, 1) and max(numbers) - min(numbers) == len(numbers) - 1 > 0


def _unique_pairs(rows: Sequence[Fields], columns: Sequence[str]) -> Iterator[Labels]:
    """Yield the pairs of names that are unique together."""
    names = [column for column in columns if _kind(rows, column) == _NAME][:_MOST_COLUMNS]
    for pair in combinations(names, 2):
        if len({tuple([fold(row[column]) for column in pair]) for row in rows}) == len(rows):
            yield pair


def _kind(rows: Sequence[Fields], column: str) -> int:
    """Return which of `_NAME`, `_NUMERIC` and `_DATED` a full column has in all rows; a mixed one has names."""
    if all(_NUMBER.fullmatch(row[column]) for row in rows):
        return _NUMERIC
    return _DATED if all(_DATE.fullmatch(row[column]) for row in rows) else _NAME


def _is_unique(rows: Sequence[Fields], column: str, share: float = NEARLY_ALL) -> bool:
    """Return whether nearly every row has a different, short text in a column."""
    # Folding takes most of the time here and only makes texts equal: columns with too few texts are refused before it.
    if not _is_nearly_unique(len({row.get(column, "") for row in rows} - {""}), len(rows), share):
        return False
    cells = [fold(cell) for row in rows if (cell := row.get(column, ""))]
    distinct = {*cells} - {""}
    return _is_nearly_unique(len(distinct), len(rows), share) and sum(map(len, cells)) / len(cells) <= LONGEST_KEY


def _is_nearly_unique(distinct: int, rows: int, share: float) -> bool:
    fewest = min(share * rows, rows - 1) if share < 1 and rows >= _FEW_ROWS else share * rows
    return distinct > 0 and distinct >= fewest


def _count_columns(rows: Sequence[Fields]) -> Mapping[str, int]:
    """Return how many rows have a text in each column that can be a key.

    `value` comes first, then the others by their mean place in a row, then those that only describe.
    """
    # Few rows have a shape of their own, but a document can have a column for every row.
    shapes = Counter(
        tuple([name for name, text in row.items() if text and name not in META and ":" not in name]) for row in rows
    )
    places: dict[str, int] = {}
    counts: dict[str, int] = {}
    for shape, number in shapes.items():
        for place, column in enumerate(shape):
            places[column] = places.get(column, 0) + place * number
            counts[column] = counts.get(column, 0) + number

    def likelihood(column: str) -> tuple[bool, bool, float, str]:
        return column in DESCRIPTIVE, column != "value", places[column] / counts[column], column

    return {column: counts[column] for column in sorted(places, key=likelihood)}


def _compound_key(rows: Sequence[Fields], candidates: Sequence[str]) -> Labels:
    """Return several columns: of the candidates, each that tells more rows apart, until nearly all rows differ."""
    chosen: list[str] = []
    keys, distinct = [""] * len(rows), 1
    for column in candidates[:_MOST_TOGETHER]:
        longer = [f"{key}\n{fold(row.get(column, ''))}" for key, row in zip(keys, rows, strict=True)]
        if len({*longer}) > distinct or not chosen:
            chosen, keys, distinct = [*chosen, column], longer, len({*longer})
        if distinct >= NEARLY_ALL * len(rows):
            break
    return tuple(chosen)


def fold(text: str) -> str:
    """Return a text in lower case, without space around hyphens and commas."""
    text = text.lower()
    return _MARKS.sub(r"\1", text) if "-" in text or "," in text else text
