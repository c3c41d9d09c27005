"""Import modules on first use that few calls need and that would slow down the start of all others.

`LAZY` lists all of them. The architecture test reads it, so a module loaded here counts as an import of the module that
loads it. Catalogs (commands, registries, channels) list their own modules and load them with `import_listed`.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

LAZY: Mapping[str, str] = {
    "alarms": "watcher.monitor.alarms",
    "collection": "watcher.monitor.collection",
    "config": "watcher.config.load",
    "formats": "watcher.formats.catalog",
    "html": "watcher.render.html",
    "http": "watcher.fetch.http",
    "iana_xml": "watcher.formats.iana_xml.reader",
    "jinja2": "jinja2",
    "monitor": "watcher.monitor.monitor",
    "registries": "watcher.registries.catalog",
    "schema": "watcher.store.schema",
}


def load(name: str) -> Any:
    """Return the module that `LAZY` lists under a name."""
    return import_module(LAZY[name])


def import_listed(module: str) -> Any:
    """Return a module that a catalog lists by its full name."""
    return import_module(module)
