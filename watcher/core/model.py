"""The data types of the domain, in the words of docs/semantics.md. All are immutable.

A *release* is one published state of a source. Parsed, it is a `Content`: `Item`s by key, in three sections (entries,
contacts, the headers of registries). Comparing two contents gives a `ChangeSet`; `Event`s say what the changes mean.

Every field value is a `str` as IANA prints it: references in brackets (`[RFC6335]`, several joined without a
separator), white space folded to one space. If that text loses something (a link with its own text inside a note), a
second field `markup:FIELD` holds the original markup, so that every difference is seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, NamedTuple

from msgspec import Struct, field

Fields = Mapping[str, str]

MARKUP = "markup:"
# Raised when the rules change so that they give other events; `watcher rebuild --events` then judges a history again.
RULES_VERSION = 5
TEST_MARK = "test"  # of a comparison that is sent to test a channel
CANARY = "canary"  # the source and the registry that the watcher publishes to itself


class Section(StrEnum):
    """The part of a release that an item is in."""

    ENTRY = "entry"
    CONTACT = "contact"
    REGISTRY = "registry"


class Status(StrEnum):
    """The status of an entry in its registry (RFC 8126 sections 6 and 9.6, and IANA's usage)."""

    ASSIGNED = "assigned"
    RESERVED = "reserved"
    UNASSIGNED = "unassigned"
    HISTORIC = "historic"
    DEPRECATED = "deprecated"
    OBSOLETE = "obsolete"
    PRIVATE_USE = "private-use"
    EXPERIMENTAL = "experimental"


RETIRED = frozenset({Status.HISTORIC, Status.DEPRECATED, Status.OBSOLETE})
# The statuses of rows that assign nothing: nobody has the value.
FREE = frozenset({Status.RESERVED, Status.UNASSIGNED, Status.PRIVATE_USE, Status.EXPERIMENTAL})

QUIET_EVENTS = frozenset({"editorial"})  # sent only to a subscriber who names them


class Kind(StrEnum):
    """How an item changed between two releases."""

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

    `labels` name the parts of `values` (`("name", "port", "protocol")`, `("registry", "value")`). `ordinal` counts from
    1 and distinguishes duplicates (every port release has two rows `rdp` without a port).
    """

    labels: tuple[str, ...]
    values: tuple[str, ...]
    ordinal: int = 1

    def part(self, label: str) -> str:
        """Return the value of one part, "" if the key has no such part."""
        return self.values[self.labels.index(label)] if label in self.labels else ""

    def as_dict(self) -> dict[str, Any]:
        return {**dict(zip(self.labels, self.values, strict=True)), "ordinal": self.ordinal}


class Item(Struct, frozen=True, kw_only=True):
    """One keyed thing of a release: an entry (a row), a contact (a person or organisation), or a registry's header."""

    section: Section
    key: Key
    fields: Fields
    status: Status = Status.ASSIGNED


class Problem(Struct, frozen=True, kw_only=True):
    """Something unexpected in a release that was accepted all the same. `code` is stable; `line` counts from 1."""

    code: str
    message: str
    line: int | None = None


ItemKey = tuple[Section, Key]
ROOT = Key(("registry",), ("",))


class Delta(Struct, frozen=True, kw_only=True):
    """The difference to an earlier content, named by its `digest`: the items removed and added since."""

    digest: str
    removed: tuple[Item, ...]
    added: tuple[Item, ...]


class Content(Struct, frozen=True, kw_only=True, eq=False):
    """The parsed value of a release. Equal contents are the same release.

    `published` is the registry's `<updated>` (`YYYY-MM-DD`), None if it has none. `digest` is a SHA-256 in hex over all
    items, independent of their order. `entries` counts the rows, without contacts and headers. The `registry` item with
    the path "" is the header of the document. `delta` is set if the content was read after another release; it repeats
    what the items of both show, so that readers need not compare them.
    """

    published: str | None
    digest: str
    items: Mapping[ItemKey, Item]
    entries: int
    problems: tuple[Problem, ...] = ()
    delta: Delta | None = None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Content):
            return NotImplemented
        return (self.published, self.digest, self.entries, self.problems, self.items) == (
            other.published,
            other.digest,
            other.entries,
            other.problems,
            other.items,
        )

    def __hash__(self) -> int:
        return hash(self.digest)

    @property
    def document(self) -> str:
        """The id of the registry group in the document, "" if it has none."""
        root = self.items.get((Section.REGISTRY, ROOT))
        return root.fields.get("id", "") if root else ""


class FieldChange(Struct, frozen=True, kw_only=True):
    """One field that differs between two paired items; "" means absent."""

    name: str
    before: str
    after: str


class Change(Struct, frozen=True, kw_only=True):
    """A difference between two items of one identity; None: there is no such item. The items give the kind.

    `quiet` marks bookkeeping: complete in the data, only counted in what people read.
    """

    before: Item | None
    after: Item | None
    fields: tuple[FieldChange, ...] = ()
    quiet: bool = False

    @property
    def item(self) -> Item:
        """The item after the change; the one before it if it was removed."""
        item = self.after or self.before
        if item is None:
            raise ValueError("a change needs an item before or after it")
        return item

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
            return Kind.ADDED  # the row assigned nothing before
        if was not in FREE and now in FREE:
            return Kind.DEPRECATED if now is Status.RESERVED else Kind.REMOVED
        return Kind.DEPRECATED if now in RETIRED and was not in RETIRED else Kind.MODIFIED


class ChangeSet(Struct, frozen=True, kw_only=True):
    """The complete and exact difference of two contents, in a stable order."""

    changes: tuple[Change, ...] = ()


class Side(Struct, frozen=True, kw_only=True):
    """The other side of an event over two registry groups of a collection.

    `source` is the group, `release` and `published` name its release. `registries` are the paths of the nested
    registries there, `changes` positions in the ChangeSet of that release.
    """

    source: str
    release: str
    published: str | None
    registries: tuple[str, ...]
    changes: tuple[int, ...]


class Event(Struct, frozen=True, kw_only=True):
    """What one or more changes mean, in the words of the registry.

    `id` is a stable kebab-case name; `also` lists further event ids that apply. `was` says what the place held before.
    `evidence` is the registry's text that a status was read from, `facts` what the texts of the entry say (an early
    allocation: `temporary_since`, `temporary_until`, …). `changes` are positions in the ChangeSet, with the
    quiet changes that this event explains. `registries` are the paths of the nested registries, `registry` is the
    first one; `values` are the assigned values.
    `fingerprint` depends on what changed, not on the event's id or sentence, so it is the same under newer rules.
    `other` is the side of an entry that moved to or from another group of the collection.
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
    registries: tuple[str, ...] = ("",)
    values: tuple[str, ...] = ()
    evidence: str | None = None
    facts: Mapping[str, str] = field(default_factory=dict)
    other: Side | None = None


class Release(Struct, frozen=True, kw_only=True):
    """One published state of a source, without its content.

    `id` is the first 12 hex digits of the content digest. `published` is a date or None; `observed` is the UTC time it
    was first seen, or None. `sha256` is that of the snapshot it was read from.
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
        """Its date for people: `2019-01-08`, or the day it was seen, `2019-01-08 (seen)`, or `no date`."""
        return format_when(self.published, self.observed)


def format_when(published: str | None, observed: str | None) -> str:
    """Return the date of a release for people (see `Release.when`)."""
    return published or (f"{observed[:10]} (seen)" if observed else "no date")


class Background(Struct, frozen=True, kw_only=True):
    """What two releases say about the things that the changed entries name (`core/background.py`).

    `document` is the id of the registry group as published, "" of any other table. `titles` are those of registries by
    path. `old_people` and `new_people` are the details of people and organisations in each release, by id. `listed` are
    the entries that events of deadlines are about, by fingerprint.
    """

    document: str = ""
    titles: Mapping[str, str] = field(default_factory=dict)
    old_people: Mapping[str, Fields] = field(default_factory=dict)
    new_people: Mapping[str, Fields] = field(default_factory=dict)
    listed: Mapping[str, tuple[Item, ...]] = field(default_factory=dict)


class Comparison(Struct, frozen=True, kw_only=True):
    """Two releases of one source, their differences, and what these mean: the unit that is shown and sent.

    `marks` names what is unusual about it (`large_change`, `test`), each with a sentence. If a deadline and not
    the new release made the events, `timed` is its UTC time; both releases are then the newest one and there are no
    changes. `subscriptions` are the names of those that selected its events for a message.
    """

    source: str
    old: Release
    new: Release
    changes: ChangeSet
    events: tuple[Event, ...] = ()
    marks: Mapping[str, str] = field(default_factory=dict)
    timed: str | None = None
    subscriptions: tuple[str, ...] = ()
    background: Background = Background()

    @property
    def problems(self) -> tuple[Problem, ...]:
        """The problems of the new release."""
        return self.new.problems


def count_changes(changes: ChangeSet) -> dict[str, int]:
    """Count the changes: of entries by kind (without quiet ones), of contacts, and the quiet ones."""
    counts = {**dict.fromkeys(map(str, Kind), 0), "contacts": 0, "quiet": 0}
    for change in changes.changes:
        if change.section is Section.CONTACT:
            counts["contacts"] += 1
        elif change.section is Section.ENTRY:
            counts["quiet" if change.quiet else str(change.kind)] += 1
    return counts
