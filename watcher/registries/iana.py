"""IANA's registry groups that have no rules of their own: the generic rules, and what some groups add to them."""

from __future__ import annotations

from watcher.registries.generic import events
from watcher.registries.groups import addresses, tables, tls

# What one registry group adds.
SPECIAL = (*tls.TLS, *addresses.ADDRESSES, *tables.TABLES)

REGISTRY = events.registry(SPECIAL)
