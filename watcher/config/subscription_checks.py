"""Mistakes in the subscriptions and the rules to ignore: unknown names, and what can match nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Protocol

from watcher.config.channel_settings import EmailSettings
from watcher.config.settings import CollectionSettings, Settings
from watcher.config.subscription_settings import FilterSettings, SubscriptionSettings
from watcher.core.model import CANARY
from watcher.core.suggestions import PROTOCOLS, suggest
from watcher.core.words import split_words


class EventIds(Collection[str], Protocol):
    """The event ids of all registries, and of one."""

    def of_registry(self, registry: str) -> Collection[str]:
        """Return the event ids of a registry, by its id."""


_PORT_GROUP = "service-names-port-numbers"  # IANA's id of the group that has the rules of the ports, in a collection


def find_subscription_problems(settings: Settings, events: EventIds) -> Iterator[str]:
    """Yield a line for each mistake, with its place."""
    inventories = [inventory.name for inventory in settings.inventory]
    tables: list[tuple[str, FilterSettings]] = [
        *((f"subscription[{number}]", table) for number, table in enumerate(settings.subscription)),
        *((f"ignore[{number}]", table) for number, table in enumerate(settings.ignore)),
    ]
    for place, table in tables:
        yield from (f"{place}.{problem}" for problem in _find_filter_problems(table, settings, events, inventories))
    for number, subscription in enumerate(settings.subscription):
        yield from (f"subscription[{number}].{problem}" for problem in _find_recipient_problems(subscription, settings))
    names = [table.name for table in settings.subscription]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"subscription: the name {name!r} is used twice"


def _find_filter_problems(
    table: FilterSettings, settings: Settings, events: EventIds, inventories: Collection[str]
) -> Iterator[str]:
    for option, names in (("sources", table.sources), ("events", table.events)):
        if not names:
            yield f"{option}: is an empty list, so that it can match nothing"
    for pattern in table.events:
        if not any(fnmatchcase(event, pattern) for event in events):
            yield f"events: {pattern!r} matches no event{suggest(pattern, events)}"
    yield from _find_impossible_events(table, settings, events)
    sources = [source.name for source in settings.source]
    unmatched = [pattern for pattern in table.sources if not _can_match_source(pattern, settings)]
    yield from (f"sources: {pattern!r} matches no source{suggest(pattern, sources)}" for pattern in unmatched)
    for protocol in table.protocols:
        if protocol.lower() not in PROTOCOLS:
            yield f"protocols: unknown {protocol!r}{suggest(protocol, PROTOCOLS) or _list(PROTOCOLS)}"
    for option in ("entries", "contacts", "text"):
        if any(not text.strip() for text in getattr(table, option)):
            yield f"{option}: an empty text can match nothing"
    yield from (
        f"text: {text!r} has no word, so that it can match nothing"
        for text in table.text
        if text.strip() and not split_words(text)
    )
    if table.inventory and table.inventory not in inventories:
        yield f"inventory: unknown {table.inventory!r}{suggest(table.inventory, inventories) or _list(inventories)}"
    if (
        table.sources
        and not unmatched
        and (option := _find_port_filter(table))
        and _has_no_ports(table.sources, settings)
    ):
        yield f'{option}: can match nothing: only a source with registry = "ports" has ports and protocols'


def _find_impossible_events(table: FilterSettings, settings: Settings, events: EventIds) -> Iterator[str]:
    """Yield the patterns of events that no source with these names has. A collection can have every event."""
    sources = [source for source in settings.source if any(fnmatchcase(source.name, glob) for glob in table.sources)]
    groups = [collection for collection in settings.collections if _can_match_group(table.sources, collection.name)]
    if not sources or groups or any(isinstance(source, CollectionSettings) for source in sources):
        return
    possible = {event for source in sources for event in events.of_registry(source.registry)}
    for pattern in table.events:
        if any(fnmatchcase(event, pattern) for event in events) and not any(
            fnmatchcase(event, pattern) for event in possible
        ):
            names = ", ".join(f'{source.name} (registry = "{source.registry}")' for source in sources)
            yield f"events: {pattern!r} can match nothing: no event of {names}"


def _can_match_group(patterns: Sequence[str], collection: str) -> bool:
    return any(_can_begin(pattern, f"{collection}.") for pattern in patterns)


def _find_recipient_problems(table: SubscriptionSettings, settings: Settings) -> Iterator[str]:
    names = [channel.name for channel in settings.channel]
    for name in table.channels:
        if name not in names:
            yield f"channels: unknown {name!r}{suggest(name, names) or _list(names)}"
    if not table.recipients or not {*table.channels} <= {*names}:
        return
    mail = [channel for channel in settings.channel if isinstance(channel, EmailSettings)]
    chosen = [channel for channel in mail if channel.name in table.channels]
    if table.channels and not chosen:
        yield "recipients: needs an e-mail channel in channels"
    elif not mail:
        yield "recipients: there is no e-mail channel; add a [[channel]] of type email"
    elif len(chosen) > 1:
        yield f"recipients: channels names several e-mail channels ({_join(chosen)}); name one"
    elif not chosen and len(mail) > 1:
        for address in table.recipients:
            if not any(address.casefold() in map(str.casefold, channel.to) for channel in mail):
                yield f"recipients: no channel lists {address!r}; name one of {_join(mail)} in channels"


def _can_match_source(pattern: str, settings: Settings) -> bool:
    """Return whether a glob matches a source, or can match a group of a collection, which is not known here."""
    if any(fnmatchcase(source.name, pattern) for source in settings.source) or fnmatchcase(CANARY, pattern):
        return True
    return any(_can_begin(pattern, f"{collection.name}.") for collection in settings.collections)


def _can_begin(pattern: str, group: str) -> bool:
    """Return whether a glob can match a name that begins with `group`."""
    literal = pattern[: min((pattern.index(char) for char in "*?[" if char in pattern), default=len(pattern))]
    return literal.startswith(group) or (literal != pattern and group.startswith(literal))


def _find_port_filter(table: FilterSettings) -> str:
    return next((option for option in ("ports", "protocols") if getattr(table, option)), "")


def _has_no_ports(patterns: Sequence[str], settings: Settings) -> bool:
    """Return whether no source that globs match has the rules of the ports."""
    names = [
        f"{source.name}.{_PORT_GROUP}" if isinstance(source, CollectionSettings) else source.name
        for source in settings.source
        if isinstance(source, CollectionSettings) or source.registry == "ports"
    ]
    return not any(fnmatchcase(name, pattern) for name in names for pattern in patterns)


def _list(names: Collection[str]) -> str:
    return f"; one of {', '.join(sorted(names))}" if names else "; there are none"


def _join(channels: Sequence[EmailSettings]) -> str:
    return ", ".join(channel.name for channel in channels)
