"""What a registry has to say about itself so that the engine can identify, pair and judge its entries."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, Protocol, TypeVar, runtime_checkable

from watcher.core.intervals import Span
from watcher.core.model import Change, ChangeSet, Content, Fields, Item, Kind, Severity, Status
from watcher.formats.column_map import FieldMap

Signature = tuple[str, ...] | None
Labels = tuple[str, ...]
Rows = Callable[[], Sequence[Fields]]  # the rows of a registry: looked at only by who has to
PATH = "registry"
COLUMNS = "columns"  # the field of a header that holds the titles of a table, one a line
Found = TypeVar("Found")
_KEPT_LOOKUPS = 4

# What is small here is a tuple: a command that compares loads all of it before it does anything, which takes a quarter
# of the time of dataclasses, and of findings there is one for each change.


class PairingRule(NamedTuple):
    """One step of pairing: a gone and a new item whose signatures are equal, and that no other shares, are one.

    `gone` and `new` give an item's signature, or None where the step does not apply to it. Where `interchangeable`,
    items of one signature say the same, so that it does not matter which of them is paired with which.
    """

    name: str
    gone: Callable[[Item], Signature]
    new: Callable[[Item], Signature]
    interchangeable: bool = False


class Finding(NamedTuple):
    """What one change means. Findings that share event and subject are twins and become one event.

    `also` are further event ids that apply; `was` says what stood there before; `evidence` is the text that a status
    was read from; `severity` overrides the table's. `registry` and `values` say where in a registry group.
    """

    event: str
    change: int
    subject: tuple[str, ...]
    kind: Kind
    service: str = ""
    ports: tuple[str, ...] = ()
    protocols: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    was: str | None = None
    severity: Severity | None = None
    registry: str = ""
    values: tuple[str, ...] = ()
    evidence: str | None = None


class ItemIndex(NamedTuple, Generic[Found]):
    """Something to look items up in.

    `build` makes it of items; `update` of another look-up, the items that are no more and those that are new, and
    leaves the other as it is. `about` says what the changes ask it: what it answers to that depends on no item that
    holds none of these numbers and says none of these words.
    """

    build: Callable[[Iterable[Item]], Found]
    update: Callable[[Found, Sequence[Item], Sequence[Item]], Found]
    about: Callable[[ChangeContext], IndexKeys]


class IndexKeys(NamedTuple):
    """Numbers and words that some items have to do with."""

    spans: tuple[Span, ...] = ()
    words: tuple[str, ...] = ()


@runtime_checkable
class Selective(Protocol):
    """The items of a content that need not be read to the last to find some."""

    def about(self, spans: Sequence[Span], words: Sequence[str]) -> Iterable[Item]:
        """Return the items that hold one of some numbers or one of some words, and maybe others."""


class ItemIndexes:
    """The look-ups of the contents that were judged last, so that the next release's cost what changed."""

    def __init__(self) -> None:
        self._kept: dict[ItemIndex[Any], dict[str, Any]] = {}

    def of(self, lookup: ItemIndex[Found], content: Content) -> Found:
        """Return a look-up of a content."""
        kept = self._kept.setdefault(lookup, {})
        if content.digest not in kept:
            self._put(lookup, content, lookup.build(content.items.values()))
        found: Found = kept[content.digest]
        return found

    def follow(self, content: Content) -> None:
        """Make the look-ups of a content of those of the release it was read after, while these are at hand."""
        since = content.since
        for lookup, kept in self._kept.items():
            if since is not None and since.digest in kept and content.digest not in kept:
                self._put(lookup, content, lookup.update(kept[since.digest], since.gone, since.came))

    def _put(self, lookup: ItemIndex[Any], content: Content, found: object) -> None:
        kept = self._kept[lookup]
        kept[content.digest] = found
        while len(kept) > _KEPT_LOOKUPS:
            del kept[next(iter(kept))]


class ChangeContext:
    """A change set between the two contents it was computed from: what a rule may look at.

    `once` keeps what a rule worked out of them for all findings of this change set; `look` gives a look-up of one.
    """

    def __init__(self, changes: ChangeSet, old: Content, new: Content, lookups: ItemIndexes | None = None) -> None:
        self.changes: Sequence[Change] = changes.changes
        self.old = old
        self.new = new
        self._known: dict[Callable[[ChangeContext], Any], Any] = {}
        self._lookups = lookups or ItemIndexes()
        self._looked: dict[tuple[ItemIndex[Any], str], Any] = {}
        self._lookups.follow(new)

    def look(self, lookup: ItemIndex[Found], content: Content) -> Found:
        """Return a look-up of the old or the new content, as far as these changes ask it."""
        asked = lookup, content.digest
        if asked not in self._looked:
            self._looked[asked] = self._look(lookup, content)
        found: Found = self._looked[asked]
        return found

    def _look(self, lookup: ItemIndex[Found], content: Content) -> Found:
        if not isinstance(content.items, Selective):
            return self._lookups.of(lookup, content)
        about = self.once(lookup.about)
        return lookup.build(content.items.about(about.spans, about.words))

    def once(self, work: Callable[[ChangeContext], Found]) -> Found:
        """Return what `work` makes of these surroundings; it is called once."""
        if work not in self._known:
            self._known[work] = work(self)
        found: Found = self._known[work]
        return found


class EventType(NamedTuple):
    """One row of a registry's table of events: how much it matters unless the user says else, and its sentence."""

    severity: Severity
    sentence: Callable[[Sequence[Finding], ChangeContext], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Registry:
    """Everything the engine asks of a registry. The functions are pure.

    `document_id` is the id the published document must have ("" for any); `may_be_empty` says that a document without
    one entry can be whole. `identify` is given the document's id, the path of one of its registries and the rows there,
    and returns the fields that are their key; the label `PATH` stands for the path. `status` is given the document's
    id and a row. `names` and `span` are an entry's look-up columns (the words and the numbers it stands for);
    `duplicate_order` is the field that tells entries with one key apart most stably. `pairing` gives the steps for two
    releases. `bookkeeping` says that a change is none that anybody asked for, unless a finding names it; `explained`
    gives the bookkeeping that an event caused.
    """

    id: str
    document_id: str
    columns: FieldMap
    may_be_empty: bool
    identify: Callable[[str, str, Rows], Labels]
    duplicate_order: str
    status: Callable[[str, Fields], Status]
    names: Callable[[Item], Sequence[str]]
    span: Callable[[Item], Span | None]
    pairing: Callable[[Content, Content], Sequence[PairingRule]]
    bookkeeping: Callable[[Change, ChangeContext], bool]
    findings: Callable[[ChangeContext], Iterable[Finding]]
    explained: Callable[[Sequence[Finding], ChangeContext], Iterable[int]]
    events: Mapping[str, EventType]
