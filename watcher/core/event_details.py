"""What readers need to act on an event: the entry's own words, who is responsible, links, and what shows more.

`registries/event_details.py` makes these from a comparison; the renderers show them.
"""

from __future__ import annotations

from msgspec import Struct

from watcher.core.model import Kind
from watcher.core.sequences import Hunk


class Link(Struct, frozen=True, kw_only=True):
    """A text and the URL it leads to, "" without one."""

    text: str
    url: str


class Person(Struct, frozen=True, kw_only=True):
    """A person or organisation that an entry names in a field. `addresses` are mail addresses and URLs."""

    field: str
    id: str
    name: str
    organisation: str
    addresses: tuple[str, ...]

    @property
    def line(self) -> str:
        """Name, organisation and addresses; the id of a person without any details."""
        return ", ".join(dict.fromkeys(filter(None, (self.name, self.organisation, *self.addresses)))) or self.id


class FieldText(Struct, frozen=True, kw_only=True):
    """A field that did not change. `word` is the name that people read (`assignee`), `field` that of the data."""

    field: str
    word: str
    text: str


class FieldDifference(Struct, frozen=True, kw_only=True):
    """A field that differs; `word` is the name that people read.

    A long text has `hunks`, the words that differ; `more_hunks` counts those that were left out.
    """

    field: str
    word: str
    before: str
    after: str
    hunks: tuple[Hunk, ...] = ()
    more_hunks: int = 0


class EntryDetails(Struct, frozen=True, kw_only=True):
    """Entries of one event that say the same, and what they say. `changes` are positions in the ChangeSet.

    `texts` are the fields that did not change. After a removal all of it is what the entry said last.
    """

    names: tuple[str, ...]
    kind: Kind
    changes: tuple[int, ...]
    texts: tuple[FieldText, ...] = ()
    people: tuple[Person, ...] = ()
    references: tuple[Link, ...] = ()
    differences: tuple[FieldDifference, ...] = ()


class EventDetails(Struct, frozen=True, kw_only=True):
    """The details of one event. `entries` are the first few; `more_entries` counts the others.

    `registry` is the published page, `link` the page of the watcher's own web interface, `command` the command that
    shows more; "" without one.
    """

    entries: tuple[EntryDetails, ...]
    more_entries: int = 0
    registry: Link | None = None
    link: str = ""
    command: str = ""
