"""What one registry group adds to the generic rules: a table, no code of its own. `iana.SPECIAL` lists them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from watcher.core.model import Change, Severity
from watcher.registries.base import PATH, Labels


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnWatch:
    """A column whose change means more than that it changed.

    `before` and `after` are the words it turns from and to, lower case; an empty collection stands for any other word.
    `says` is the sentence's end; `{before}` and `{after}` stand for the cell's texts. `registries` are the ids of the
    nested registries it is meant for, empty: all of the group.
    """

    column: str
    event: str
    severity: Severity
    says: str
    before: Collection[str] = ()
    after: Collection[str] = ()
    registries: Collection[str] = ()

    def sees(self, change: Change) -> bool:
        """Whether a change is what is watched for."""
        if self.registries and change.item.key.part(PATH).rpartition("/")[2] not in self.registries:
            return False
        return any(
            each.name == self.column
            and _among(each.before, self.before, self.after)
            and _among(each.after, self.after, self.before)
            for each in change.fields
        )


def told(watch: ColumnWatch, change: Change) -> str:
    """Return what a watch says of a change that it sees."""
    field = next(each for each in change.fields if each.name == watch.column)
    return watch.says.format(before=field.before, after=field.after)


def _among(text: str, words: Collection[str], others: Collection[str]) -> bool:
    word = text.strip().lower()
    return word in words if words else bool(word) and word not in others


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupRules:
    """What is special to one registry group.

    `keys` are the key columns of its registries, by path; `words` what people call its columns; `watched` the columns
    that matter most. `all_assigned`: "Private-Use" and "Reserved" are names here, of rows like any other.
    """

    document: str
    keys: Mapping[str, Labels] = field(default_factory=dict)
    words: Mapping[str, str] = field(default_factory=dict)
    watched: tuple[ColumnWatch, ...] = ()
    all_assigned: bool = False
