"""The language subtag registry (RFC 5646): a subtag is known by its type; grandfathered tags stand whole."""

from __future__ import annotations

from dataclasses import replace

from watcher.registries import iana
from watcher.registries.catalog import keyed

REGISTRY = replace(keyed(iana.REGISTRY, ("Type", "Subtag", "Tag")), id="language-subtags")
