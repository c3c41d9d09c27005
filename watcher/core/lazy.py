"""Imports on first use, for modules that few commands need and that would slow down the start of all others.

`LAZY` lists all of them, so that the architecture test counts them as imports. Catalogs (commands, registries) list
their own modules and load them with `import_listed`.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

LAZY: Mapping[str, str] = {
    "alarms": "watcher.monitor.alarms",
    "collection": "watcher.monitor.collection",
    "config": "watcher.config.load",
    "failures": "watcher.monitor.failures",
    "deepdiff": "deepdiff",
    "formats": "watcher.formats.catalog",
    "http": "watcher.fetch.http",
    "jinja2": "jinja2",
    "monitor": "watcher.monitor.monitor",
    "registries": "watcher.registries.catalog",
    "release_writer": "watcher.store.release_writer",
    "schema": "watcher.store.schema",
    "traceback": "traceback",
}


class _LazyModule:
    """A module that is imported when one of its attributes is first read."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        return getattr(import_module(self._name), attribute)


def load(name: str) -> Any:
    """Return a module of `LAZY`. For mypy the caller imports the same module under `if TYPE_CHECKING`."""
    return _LazyModule(LAZY[name])


def import_listed(module: str) -> Any:
    """Return a module that a catalog lists by its full name."""
    return import_module(module)
