"""The tables that single registry groups add to the generic rules."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from msgspec import Struct, field

from watcher.core.model import Change, Severity
from watcher.registries.base import PATH, Labels


class ColumnWatch(Struct, frozen=True, kw_only=True):
    """A column whose change is an event with its own id.

    `before` and `after` are the words that the cell changes from and to, in lower case; an empty collection means any
    other word. `says` ends the sentence; `{before}` and `{after}` in it are the texts of the cell. `registries` are the
    ids of nested registries; empty: all of the group.
    """

    column: str
    event: str
    severity: Severity
    says: str
    before: Collection[str] = ()
    after: Collection[str] = ()
    registries: Collection[str] = ()

    def matches(self, change: Change) -> bool:
        if self.registries and change.item.key.part(PATH).rpartition("/")[2] not in self.registries:
            return False
        return any(
            cell.name == self.column
            and _is_among(cell.before, self.before, self.after)
            and _is_among(cell.after, self.after, self.before)
            for cell in change.fields
        )

    def describe(self, change: Change) -> str:
        """Return the end of the sentence about a change that matches."""
        cell = next(field for field in change.fields if field.name == self.column)
        return self.says.format(before=cell.before, after=cell.after)


def _is_among(text: str, words: Collection[str], others: Collection[str]) -> bool:
    """Return whether a cell has one of the words; without words, any text that is not one of the others."""
    word = text.strip().lower()
    return word in words if words else bool(word) and word not in others


class GroupRules(Struct, frozen=True, kw_only=True):
    """The table of one registry group, by the id of its document.

    `keys` are the key columns of its registries, by path; `words` the names of its columns in sentences; `watched` the
    columns whose changes are events. `all_assigned`: "Private-Use" and "Reserved" are names here, not statuses. `nouns`
    say what an entry is called in place of the registry's title, by path. `highest` limits the severity of all events.
    """

    document: str
    keys: Mapping[str, Labels] = field(default_factory=dict)
    words: Mapping[str, str] = field(default_factory=dict)
    watched: tuple[ColumnWatch, ...] = ()
    all_assigned: bool = False
    nouns: Mapping[str, str] = field(default_factory=dict)
    highest: Severity | None = None
