"""The table of registries. To add one: a module or a folder beside this one, a line in the table, a test."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from functools import cache

from msgspec import Struct

from watcher.core.lazy import import_listed
from watcher.core.model import CANARY
from watcher.core.read_settings import ReadSettings
from watcher.registries.base import Registry, apply_settings


class Listing(Struct, frozen=True):
    """The module that has a registry's rules as REGISTRY, and the id of its document if only one document has them.

    The id is repeated here because it is asked for each group of a collection, by commands that need no rules.
    """

    module: str
    document_id: str = ""


_LISTINGS = {  # by the id of the rules
    "ports": Listing("watcher.registries.ports.events", "service-names-port-numbers"),
    "iana": Listing("watcher.registries.iana"),
    "language-subtags": Listing("watcher.registries.language_subtags"),
    "index": Listing("watcher.registries.collection_index"),
    CANARY: Listing("watcher.registries.canary", CANARY),
}


class _Registries(Mapping[str, Registry]):
    """The registries by id. A module is imported when its rules are first used: no command needs all of them."""

    def __getitem__(self, name: str) -> Registry:
        registry: Registry = import_listed(_LISTINGS[name].module).REGISTRY
        return registry

    def __iter__(self) -> Iterator[str]:
        return iter(_LISTINGS)

    def __len__(self) -> int:
        return len(_LISTINGS)


REGISTRIES = _Registries()


def configured_registry(settings: ReadSettings) -> Registry:
    """Return the rules of a source: those of its registry with its own settings."""
    return apply_settings(REGISTRIES[settings.registry], settings)


@cache
def event_ids() -> frozenset[str]:
    """Return the event ids of all registries."""
    return frozenset(event for registry in REGISTRIES.values() for event in registry.events)


class _EventIds(Collection[str]):
    """The event ids of all registries. Their modules are imported when an id is first looked up."""

    def __contains__(self, event: object) -> bool:
        return event in event_ids()

    def __iter__(self) -> Iterator[str]:
        return iter(event_ids())

    def __len__(self) -> int:
        return len(event_ids())

    def of_registry(self, registry: str) -> Collection[str]:
        """Return the event ids of a registry, by its id."""
        return REGISTRIES[registry].events.keys() if registry in REGISTRIES else ()


EVENT_IDS = _EventIds()


def rules_for_group(group: str, default: str) -> str:
    """Return the id of the rules for a registry group, by its document id."""
    return next((name for name, listing in _LISTINGS.items() if listing.document_id == group), default)
