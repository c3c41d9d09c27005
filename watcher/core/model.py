"""The nouns, frozen. Words as in docs/semantics.md; this module imports nothing of ours and does nothing.

A *release* is one published state of a source. Its parsed value is a `Content`: a mapping of keyed `Item`s in three
sections (entries, contacts, the registry's own header). Two contents compare to a `ChangeSet`; what the changes mean
is a list of `Event`s.

Every field value is a `str`, written as IANA prints it: references in brackets (`[RFC6335]`, several joined with
nothing between), runs of white space folded to one space. Where that text does not say everything the registry
said (a link with its own text inside a note), a second field `markup:FIELD` holds the vocabulary's own form, so that
nothing is lost and every difference is seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple

Fields = Mapping[str, str]

MARKUP = "markup:"
CANARY = "canary"  # the source and the registry that the watcher serves itself


class Section(StrEnum):
    """Which part of a release an item stands in."""

    ENTRY = "entry"
    CONTACT = "contact"
    REGISTRY = "registry"


class Status(StrEnum):
    """What the registry says an entry is (RFC 8126 section 6 and 9.6, and IANA's own usage)."""

    ASSIGNED = "assigned"
    RESERVED = "reserved"
    UNASSIGNED = "unassigned"
    HISTORIC = "historic"
    DEPRECATED = "deprecated"
    OBSOLETE = "obsolete"
    PRIVATE_USE = "private-use"
    EXPERIMENTAL = "experimental"


RETIRED = frozenset({Status.HISTORIC, Status.DEPRECATED, Status.OBSOLETE})
# Rows that only say that nobody has the value.
FREE = frozenset({Status.RESERVED, Status.UNASSIGNED, Status.PRIVATE_USE, Status.EXPERIMENTAL})


class Kind(StrEnum):
    """What happened to an identity between two releases."""

    ADDED = "added"
    MODIFIED = "modified"
    DEPRECATED = "deprecated"
    REMOVED = "removed"


class Severity(StrEnum):
    """How much an event matters, in rising order."""

    INFO = "info"
    NOTICE = "notice"
    WARNING = "warning"

    @property
    def rank(self) -> int:
        return _RANKS[self]


_RANKS = {severity: rank for rank, severity in enumerate(Severity)}


class Key(NamedTuple):
    """The stable identity of an item inside its section.

    `labels` name the parts of `values` (`("name", "port", "protocol")`, `("registry", "value")`); `ordinal` counts from
    1 and tells real duplicates apart (`rdp` without a port stands twice in every port release).
    """

    labels: tuple[str, ...]
    values: tuple[str, ...]
    ordinal: int = 1

    def part(self, label: str) -> str:
        """Return the value of one part; "" when this key has no such part."""
        return self.values[self.labels.index(label)] if label in self.labels else ""

    def as_dict(self) -> dict[str, Any]:
        return {**dict(zip(self.labels, self.values, strict=True)), "ordinal": self.ordinal}


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One keyed thing of a release: an entry (a row), a contact (a person or organisation), or a registry's header."""

    section: Section
    key: Key
    fields: Fields
    status: Status = Status.ASSIGNED


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Something in a release that was kept but is not as expected. `code` is stable; `line` counts from 1."""

    code: str
    message: str
    line: int | None = None


ItemKey = tuple[Section, Key]
ROOT = Key(("registry",), ("",))


@dataclass(frozen=True, slots=True, kw_only=True)
class Delta:
    """How a content came of another one, by that one's digest: the items that are no more, and those that are new."""

    digest: str
    removed: tuple[Item, ...]
    added: tuple[Item, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What a release says, canonically: equal contents are the same release.

    `published` is the registry's own `<updated>` (`YYYY-MM-DD`), None where it has none; `digest` is a SHA-256 in hex
    over every item, independent of the order of rows. `entries` counts the rows, without contacts and headers. A
    `registry` item under the path "" is the document's own header.
    `since` is there where it was read after another release: a short cut, never more than what the items say.
    """

    published: str | None
    digest: str
    items: Mapping[ItemKey, Item]
    entries: int
    problems: tuple[Problem, ...] = ()
    delta: Delta | None = field(default=None, compare=False, repr=False)

    @property
    def document(self) -> str:
        """The id of the registry group that the document says it is, "" where it does not say."""
        root = self.items.get((Section.REGISTRY, ROOT))
        return root.fields.get("id", "") if root else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldChange:
    """One field that differs between two paired items; "" stands for absent."""

    name: str
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Two items under one identity that differ; its kind is derived, so it cannot contradict itself.

    `quiet` marks bookkeeping: complete in the data, folded in what people read.
    """

    before: Item | None
    after: Item | None
    fields: tuple[FieldChange, ...] = ()
    quiet: bool = False

    @property
    def item(self) -> Item:
        """The newer of the two."""
        found = self.after or self.before
        if found is None:
            raise ValueError("a change needs an item before or after it")
        return found

    @property
    def section(self) -> Section:
        return self.item.section

    @property
    def kind(self) -> Kind:
        if self.before is None:
            return Kind.ADDED
        if self.after is None:
            return Kind.REMOVED
        was, now = self.before.status, self.after.status
        if was in FREE and now not in FREE:
            return Kind.ADDED  # a row that said that nobody has the value
        if was not in FREE and now in FREE:
            return Kind.DEPRECATED if now is Status.RESERVED else Kind.REMOVED
        return Kind.DEPRECATED if now in RETIRED and was not in RETIRED else Kind.MODIFIED


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeSet:
    """The complete and exact difference of two contents, in a stable order."""

    changes: tuple[Change, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What one or more changes mean, in the registry's own words.

    `id` is a stable kebab-case name; `also` lists what else changed in the same place; `was` says what stood there
    before; `evidence` is the registry's own text that a status was read from; `changes` are positions in the ChangeSet,
    the quiet ones that this event explains included. `registry` is the path of the nested registry, `values` what it
    gives there. `fingerprint` names what changed, not what we called it: it survives judging again under new rules.
    """

    id: str
    kind: Kind
    severity: Severity
    summary: str
    fingerprint: str
    changes: tuple[int, ...]
    also: tuple[str, ...] = ()
    service: str = ""
    ports: tuple[str, ...] = ()
    protocols: tuple[str, ...] = ()
    was: str | None = None
    registry: str = ""
    values: tuple[str, ...] = ()
    evidence: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """One published state of a source, as a label for people and documents.

    `id` is the first 12 hex digits of the content digest; `published` and `observed` are ISO 8601 (a date; a UTC
    time or None when nobody saw it live); `sha256` names the first snapshot it was read from.
    """

    id: str
    source: str
    published: str | None
    observed: str | None
    sha256: str
    entries: int
    problems: tuple[Problem, ...] = ()

    @property
    def when(self) -> str:
        """What people call it by: its own date, or else the day it was seen, `2019-01-08 (seen)`, or `no date`."""
        return format_when(self.published, self.observed)


def format_when(published: str | None, observed: str | None) -> str:
    """Return what people call a release by (`Release.when`)."""
    return published or (f"{observed[:10]} (seen)" if observed else "no date")


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two releases of one source, what differs, and what it means: the unit that is shown and sent.

    `marks` says what is out of the ordinary in it (`large_change`), each with a sentence.
    """

    source: str
    old: Release
    new: Release
    changes: ChangeSet
    events: tuple[Event, ...] = ()
    marks: Mapping[str, str] = field(default_factory=dict)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What was kept but is not as expected in the new release."""
        return self.new.problems


def count_changes(changes: ChangeSet) -> dict[str, int]:
    """Count the changes of entries by kind without the quiet ones, those of contacts, and the quiet ones."""
    found = {**dict.fromkeys(map(str, Kind), 0), "contacts": 0, "quiet": 0}
    for each in changes.changes:
        if each.section is Section.CONTACT:
            found["contacts"] += 1
        elif each.section is Section.ENTRY:
            found["quiet" if each.quiet else str(each.kind)] += 1
    return found
