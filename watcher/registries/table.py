"""The table of registries. A new one: a module beside this, a line here."""

from __future__ import annotations

from collections.abc import Mapping

from watcher.registries import addresses, generic_events, index, ports_events, tables, tls
from watcher.registries.contract import Registry

# What one registry group adds to the generic rules.
SPECIAL = (*tls.TLS, *addresses.ADDRESSES, *tables.TABLES)

REGISTRIES: Mapping[str, Registry] = {
    "ports": ports_events.REGISTRY,
    "iana": generic_events.registry(SPECIAL),
    "index": index.REGISTRY,
}
EVENT_IDS = frozenset(event for registry in REGISTRIES.values() for event in registry.events)

_BY_DOCUMENT = {registry.document_id: registry.id for registry in REGISTRIES.values() if registry.document_id}


def rules_of(group: str, otherwise: str) -> str:
    """Return the id of the rules for a registry group, by the id its document must have."""
    return _BY_DOCUMENT.get(group, otherwise)
