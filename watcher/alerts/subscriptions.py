"""Which events a subscription selects: one rule for channels, subscriptions and ignore rules. Pure.

`matches` decides about one event. An `EventView` has what filters look at, read once for all subscriptions: the event
and the entries, contacts and headers that its changes removed, added or changed, as they were and as they are now.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Protocol

from msgspec import Struct

from watcher.core.background import BRACKETED_NAME, find_names
from watcher.core.documents import find_documents, referenced_documents
from watcher.core.event_filter import EventFilter, IgnoreRule
from watcher.core.intervals import Interval
from watcher.core.model import MARKUP, QUIET_EVENTS, Background, Change, Comparison, Event, Fields, Item, Section
from watcher.core.patterns import regex
from watcher.core.port_ranges import find_ports
from watcher.core.words import split_words
from watcher.inventory.model import Inventory
from watcher.registries.generic.entry_parts import list_names
from watcher.registries.generic.naming import OWNERS

_LETTERS = regex(r"[^a-z]+")
_NOTHING_KNOWN = Background()
_MAIL = regex(r"mailto:|&")


class Inventories(Protocol):
    """The inventories of a configuration, as their files have them now."""

    def get(self, name: str) -> Inventory:
        """Return an inventory. Raises ConfigError if it cannot be read."""


class EventView(Struct, frozen=True, kw_only=True, dict=True):
    """An event of a source with its changes, and what filters compare, each computed when a filter needs it.

    `background` has the people that its entries name, and the entries of an event of a deadline.
    """

    source: str
    event: Event
    changes: Sequence[Change] = ()
    background: Background = _NOTHING_KNOWN

    @property
    def sources(self) -> tuple[str, ...]:
        """The source, and the other group of an event over two groups."""
        return (self.source, self.event.other.source) if self.event.other else (self.source,)

    @property
    def ids(self) -> tuple[str, ...]:
        return (self.event.id, *self.event.also)

    @cached_property
    def ports(self) -> list[Interval]:
        return [ports for text in self.event.ports if (ports := find_ports(text))]

    @cached_property
    def names(self) -> set[str]:
        """The names and values in the event and of its entries, in lower case."""
        event = self.event
        of_entries = (name for item in self._items if item.section is Section.ENTRY for name in _entry_names(item))
        return {name.lower() for name in (*event.service.split(", "), *event.values, *of_entries) if name}

    @cached_property
    def contacts(self) -> set[str]:
        """What is known about the assignees and contacts of its entries, and a changed contact, in lower case."""
        texts = {text for item in self._items for text in _contact_texts(item)}
        for people, items in self._by_release:
            names = {name for item in items if item.section is Section.ENTRY for name in find_names(item)}
            texts.update(text for name in names & people.keys() for text in _texts_about(people[name]))
        return {text.lower() for text in texts if text}

    @cached_property
    def documents(self) -> set[str]:
        return {document for item in self._items for document in referenced_documents(item.fields)}

    @cached_property
    def phrases(self) -> str:
        """The words of its sentence and of its items, each text between line feeds and each word between spaces."""
        texts = (text for item in self._items for name, text in item.fields.items() if not name.startswith(MARKUP))
        return "\n".join(f" {' '.join(split_words(text))} " for text in dict.fromkeys((self.event.summary, *texts)))

    @cached_property
    def _items(self) -> list[Item]:
        items = [item for change in self.changes for item in (change.before, change.after) if item is not None]
        return [*items, *self._listed]

    @property
    def _listed(self) -> Sequence[Item]:
        return self.background.listed.get(self.event.fingerprint, ())

    @property
    def _by_release(self) -> Iterator[tuple[Mapping[str, Fields], list[Item]]]:
        """The people of the old and of the new release, each with the entries there that may name them.

        Those of quiet changes do not count: bookkeeping is not about the people of a row.
        """
        shown = [change for change in self.changes if not change.quiet]
        yield self.background.old_people, [change.before for change in shown if change.before]
        yield self.background.new_people, [*(change.after for change in shown if change.after), *self._listed]


class Subscription(Struct, frozen=True, kw_only=True):
    """A filter with a name, and where the inventory that it may name is found."""

    name: str
    filter: EventFilter
    inventories: Inventories | None = None


def matches(view: EventView, subscription: Subscription) -> bool:
    """Return whether a subscription selects an event."""
    wanted, event = subscription.filter, view.event
    return (
        any(matches_any(wanted.sources, name) for name in view.sources)
        and event.severity.rank >= wanted.severity.rank
        and _selects(wanted.events, view)
        and (not wanted.kinds or event.kind in wanted.kinds)
        and (not wanted.ports or _overlap(view.ports, wanted.ports))
        and (not wanted.protocols or not {*wanted.protocols}.isdisjoint(event.protocols))
        and (not wanted.entries or any(matches_any(_lower(wanted.entries), name) for name in view.names))
        and (not wanted.contacts or any(_names_contact(pattern, view) for pattern in _lower(wanted.contacts)))
        and (not wanted.references or not view.documents.isdisjoint(wanted.references))
        and (not wanted.text or any(_has_words(text, view) for text in wanted.text))
        and (not wanted.inventory or _is_mine(view, subscription))
    )


def compile_rules(
    rules: Iterable[IgnoreRule], inventories: Inventories | None
) -> list[tuple[IgnoreRule, Subscription]]:
    """Return rules with what they select."""
    return [(rule, Subscription(name="", filter=rule.filter, inventories=inventories)) for rule in rules]


def find_ignoring(view: EventView, rules: Iterable[tuple[IgnoreRule, Subscription]], at: str) -> str | None:
    """Return the reason of the first rule that ignores an event of a UTC time or day; None: attention is due."""
    for rule, subscription in rules:
        has_ended = rule.until and at >= rule.until
        if not has_ended and matches(view, subscription) and _is_all_selected(view, rule.filter):
            return rule.reason
    return None


def _is_all_selected(view: EventView, wanted: EventFilter) -> bool:
    """Return whether a filter selects every id and every port of an event.

    A service that was renamed may have another contact too: a rule for contacts must not ignore its new name.
    """
    return all(matches_any(wanted.events, identifier) for identifier in view.ids) and (
        not wanted.ports
        or all(any(first <= low and high <= last for first, last in wanted.ports) for low, high in view.ports)
    )


def view_events(comparison: Comparison) -> list[EventView]:
    """Return the events of a comparison with their changes, in its order."""
    changes = comparison.changes.changes
    return [
        EventView(
            source=comparison.source,
            event=event,
            changes=[changes[number] for number in event.changes],
            background=comparison.background,
        )
        for event in comparison.events
    ]


def matches_any(globs: Iterable[str], name: str) -> bool:
    return any(fnmatchcase(name, glob) for glob in globs)


def is_glob(pattern: str) -> bool:
    return not {*pattern}.isdisjoint("*?[")


def _is_mine(view: EventView, subscription: Subscription) -> bool:
    """Return whether an event is about the inventory that a subscription names."""
    if subscription.inventories is None:
        raise ValueError(f"{subscription.name}: there are no inventories to find one in")
    inventory = subscription.inventories.get(subscription.filter.inventory)
    return inventory.matches_event(view.event, view.source, view.names)


def _selects(globs: Sequence[str], view: EventView) -> bool:
    """Return whether the globs match an event; a quiet event needs one that says more than `*`."""
    if view.event.id in QUIET_EVENTS:
        globs = [glob for glob in globs if glob.strip("*")]
    return any(matches_any(globs, identifier) for identifier in view.ids)


def _overlap(ranges: Iterable[Interval], wanted: Sequence[Interval]) -> bool:
    return any(low <= last and first <= high for first, last in ranges for low, high in wanted)


def _lower(patterns: Iterable[str]) -> list[str]:
    return [pattern.lower() for pattern in patterns]


def _names_contact(pattern: str, view: EventView) -> bool:
    """Return whether a glob matches a text about a contact, or such a text contains a pattern that is no glob."""
    if is_glob(pattern):
        return any(fnmatchcase(text, pattern) for text in view.contacts)
    return any(pattern in text for text in view.contacts)


def _has_words(text: str, view: EventView) -> bool:
    """Return whether every word of a text occurs; what is one word to people (`x-y`) has its parts in this order."""
    parts = [split_words(word) for word in text.split()]
    return all(f" {' '.join(words)} " in view.phrases for words in parts if words)


def _entry_names(item: Item) -> Iterable[str]:
    """Return the words that an entry is looked up by."""
    return (item.key.part("name"),) if "port" in item.key.labels else list_names(item)


def _contact_texts(item: Item) -> Iterable[str]:
    """Yield the texts about people and organisations: all of a contact; of an entry the columns of owners, and ids."""
    texts = {name: text for name, text in item.fields.items() if not name.startswith(MARKUP)}
    if item.section is Section.CONTACT:
        yield from item.key.values
        yield from _texts_about(texts)
    elif item.section is Section.ENTRY:
        for name, text in texts.items():
            if not OWNERS.isdisjoint(_LETTERS.split(name.lower())):
                yield text
            for identifier in BRACKETED_NAME.findall(text):
                if next(find_documents(identifier), None) is None:
                    yield identifier


def _texts_about(person: Fields) -> Iterator[str]:
    """Yield what a release says about a person or organisation; IANA writes `mailto:ann&example.org`."""
    for text in person.values():
        yield from (text, _MAIL.sub(lambda mark: "@" if mark[0] == "&" else "", text))
