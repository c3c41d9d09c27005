"""The table of registries. A new one: a module beside this, a line here."""

from __future__ import annotations

from collections.abc import Mapping

from watcher.registries import ports_events
from watcher.registries.contract import Registry

REGISTRIES: Mapping[str, Registry] = {
    "ports": ports_events.REGISTRY,
}
EVENT_IDS = frozenset(event for registry in REGISTRIES.values() for event in registry.events)
