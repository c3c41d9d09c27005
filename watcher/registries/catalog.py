"""The table of registries. A new one: a module beside this, a line here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache

from watcher.core.errors import ParseError
from watcher.core.lazy import import_listed
from watcher.core.model import CANARY
from watcher.core.tables import Layout
from watcher.registries.base import Labels, Registry, Rows

# The rules, by their id, and the module whose REGISTRY they are.
_MODULES = {
    "ports": "watcher.registries.ports.events",
    "iana": "watcher.registries.iana",
    "language-subtags": "watcher.registries.language_subtags",
    "index": "watcher.registries.collection_index",
    CANARY: "watcher.registries.canary",
}
_AS_IT_IS = Layout()


def keyed(registry: Registry, key: Labels, layout: Layout = _AS_IT_IS) -> Registry:
    """Return a registry's rules for a plain table whose key columns are known; no key: as the registry has it.

    Reading such a table raises ParseError `no_key` where none of its rows has any of them.
    """
    if layout != _AS_IT_IS:
        registry = replace(registry, columns=registry.columns._replace(layout=layout))
    if not key:
        return registry

    def identify(document: str, path: str, rows: Rows) -> Labels:  # noqa: ARG001 - the contract's shape
        if not any(row.get(label) for row in rows() for label in key):
            raise ParseError("no_key", f"the table has no column {' or '.join(map(repr, key))}: the key it should have")
        return key

    return replace(registry, identify=identify)


class _Registries(Mapping[str, Registry]):
    """The rules by their id. A module is loaded when somebody asks for its rules: nobody needs all of them at once."""

    def __getitem__(self, name: str) -> Registry:
        registry: Registry = import_listed(_MODULES[name]).REGISTRY
        return registry

    def __iter__(self) -> Iterator[str]:
        return iter(_MODULES)

    def __len__(self) -> int:
        return len(_MODULES)


REGISTRIES = _Registries()


@cache
def event_ids() -> frozenset[str]:
    """Return the id of every event that any rules know."""
    return frozenset(event for registry in REGISTRIES.values() for event in registry.events)


@cache
def _by_document() -> Mapping[str, str]:
    return {registry.document_id: registry.id for registry in REGISTRIES.values() if registry.document_id}


def rules_of(group: str, otherwise: str) -> str:
    """Return the id of the rules for a registry group, by the id its document must have."""
    return _by_document().get(group, otherwise)
