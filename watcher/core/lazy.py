"""Import on first use: modules that only some calls need and that would slow down the start of all others.

`LAZY` is the whole list. The architecture test reads it, so that a module loaded here counts as an import of the
module that asks for it. Catalogs (commands, registries, channels) list their own modules and load them with
`import_listed`.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

LAZY: Mapping[str, str] = {
    "collection_status": "watcher.reports.trees",
    "compare_files": "watcher.reports.files",
    "compare_releases": "watcher.reports.compare",
    "fingerprints": "watcher.diff.fingerprints",
    "html": "watcher.render.html",
    "http": "watcher.fetch.http",
    "jinja2": "jinja2",
    "schema": "watcher.store.schema",
    "verdict": "watcher.reports.monitor",
}


def load(name: str) -> Any:
    """Return the module that `LAZY` lists under a name."""
    return import_module(LAZY[name])


def import_listed(module: str) -> Any:
    """Return a module that a catalog lists by its full name."""
    return import_module(module)
