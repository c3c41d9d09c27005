"""The table of registries. To add one: a module or a folder beside this one, a line in the table, a test."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache

from watcher.core.lazy import import_listed
from watcher.core.model import CANARY
from watcher.core.read_settings import ReadSettings
from watcher.registries.base import Registry, apply_settings

# The id of each registry's rules, and the module that has them as REGISTRY.
_MODULES = {
    "ports": "watcher.registries.ports.events",
    "iana": "watcher.registries.iana",
    "language-subtags": "watcher.registries.language_subtags",
    "index": "watcher.registries.collection_index",
    CANARY: "watcher.registries.canary",
}


class _Registries(Mapping[str, Registry]):
    """The registries by id. A module is imported when its rules are first used: no command needs all of them."""

    def __getitem__(self, name: str) -> Registry:
        registry: Registry = import_listed(_MODULES[name]).REGISTRY
        return registry

    def __iter__(self) -> Iterator[str]:
        return iter(_MODULES)

    def __len__(self) -> int:
        return len(_MODULES)


REGISTRIES = _Registries()


def configured_registry(settings: ReadSettings) -> Registry:
    """Return the rules of a source: those of its registry with its own settings."""
    return apply_settings(REGISTRIES[settings.registry], settings)


@cache
def event_ids() -> frozenset[str]:
    """Return the event ids of all registries."""
    return frozenset(event for registry in REGISTRIES.values() for event in registry.events)


@cache
def _ids_by_document() -> Mapping[str, str]:
    return {registry.document_id: registry.id for registry in REGISTRIES.values() if registry.document_id}


def rules_for_group(group: str, default: str) -> str:
    """Return the id of the rules for a registry group, by its document id."""
    return _ids_by_document().get(group, default)
