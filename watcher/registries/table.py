"""The table of registries. A new one: a module beside this, a line here."""

from __future__ import annotations

from collections.abc import Mapping

from watcher.registries import addresses, generic_events, ports_events, tables, tls
from watcher.registries.contract import Registry

# What one registry group adds to the generic rules.
SPECIAL = (*tls.TLS, *addresses.ADDRESSES, *tables.TABLES)

REGISTRIES: Mapping[str, Registry] = {
    "ports": ports_events.REGISTRY,
    "iana": generic_events.registry(SPECIAL),
}
EVENT_IDS = frozenset(event for registry in REGISTRIES.values() for event in registry.events)
