"""The table of registries. A new one: a module beside this, a line here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from watcher.errors import ParseError
from watcher.formats.contract import Layout
from watcher.model import CANARY
from watcher.registries import addresses, canary, generic_events, index, ports_events, tables, tls
from watcher.registries.contract import Labels, Registry, Rows

# What one registry group adds to the generic rules.
SPECIAL = (*tls.TLS, *addresses.ADDRESSES, *tables.TABLES)

_IANA = generic_events.registry(SPECIAL)


_AS_IT_IS = Layout()


def keyed(registry: Registry, key: Labels, layout: Layout = _AS_IT_IS) -> Registry:
    """Return a registry's rules for a plain table whose key columns are known; no key: as the registry has it.

    Reading such a table raises ParseError `no_key` where none of its rows has any of them.
    """
    if layout != _AS_IT_IS:
        registry = replace(registry, columns=replace(registry.columns, layout=layout))
    if not key:
        return registry

    def identify(document: str, path: str, rows: Rows) -> Labels:  # noqa: ARG001 - the contract's shape
        if not any(row.get(label) for row in rows() for label in key):
            raise ParseError("no_key", f"the table has no column {' or '.join(map(repr, key))}: the key it should have")
        return key

    return replace(registry, identify=identify)


REGISTRIES: Mapping[str, Registry] = {
    "ports": ports_events.REGISTRY,
    "iana": _IANA,
    # The language subtag registry (RFC 5646): a subtag is known by its type; grandfathered tags stand whole.
    "language-subtags": replace(keyed(_IANA, ("Type", "Subtag", "Tag")), id="language-subtags"),
    "index": index.REGISTRY,
    CANARY: canary.REGISTRY,
}
EVENT_IDS = frozenset(event for registry in REGISTRIES.values() for event in registry.events)

_BY_DOCUMENT = {registry.document_id: registry.id for registry in REGISTRIES.values() if registry.document_id}


def rules_of(group: str, otherwise: str) -> str:
    """Return the id of the rules for a registry group, by the id its document must have."""
    return _BY_DOCUMENT.get(group, otherwise)
