"""IANA's registry groups without rules of their own: the generic rules and the tables of single groups."""

from __future__ import annotations

from watcher.registries.generic import events
from watcher.registries.groups import GROUPS

REGISTRY = events.make_registry(GROUPS)
