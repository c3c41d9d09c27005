"""The language subtag registry (RFC 5646): the key is type and subtag, or the whole tag of a grandfathered one."""

from __future__ import annotations

from msgspec.structs import replace

from watcher.registries import iana
from watcher.registries.base import with_key

REGISTRY = replace(with_key(iana.REGISTRY, ("Type", "Subtag", "Tag")), id="language-subtags")
