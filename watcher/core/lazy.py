"""Imports on first use, for modules that few commands need and that would slow down the start of all others.

`LAZY` lists all of them, so that the architecture test counts them as imports. Catalogs (commands, registries) list
their own modules and load them with `import_listed`.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

LAZY: Mapping[str, str] = {
    "acknowledgements": "watcher.store.acknowledgements",
    "alarms": "watcher.monitor.alarms",
    "alarms_table": "watcher.store.alarms",
    "background": "watcher.core.background",
    "channel_failures": "watcher.store.channel_failures",
    "classify": "watcher.diff.classify",
    "collection": "watcher.monitor.collection",
    "config": "watcher.config.load",
    "csv": "csv",
    "deadlines": "watcher.store.deadlines",
    "deepdiff": "deepdiff",
    "describe_events": "watcher.registries.event_details",
    "document": "watcher.render.document",
    "document_report": "watcher.reports.documents",
    "dry_run": "watcher.monitor.dry_run",
    "ed25519": "cryptography.hazmat.primitives.asymmetric.ed25519",
    "event_details": "watcher.reports.event_details",
    "event_filter": "watcher.core.event_filter",
    "failures": "watcher.monitor.failures",
    "file_diff": "watcher.reports.file_diff",
    "formats": "watcher.formats.catalog",
    "health": "watcher.monitor.health",
    "holds": "watcher.store.holds",
    "html": "watcher.render.html",
    "http": "watcher.fetch.http",
    "inventory_files": "watcher.config.inventory_files",
    "jinja2": "jinja2",
    "list_base": "watcher.inventory.base",
    "list_files": "watcher.cli.list_files",
    "list_formats": "watcher.inventory.catalog",
    "lock_holders": "watcher.store.lock_holders",
    "markupsafe": "markupsafe",
    "monitor": "watcher.monitor.monitor",
    "moves": "watcher.store.moves",
    "object_storage": "watcher.store.object_storage",
    "outbox": "watcher.store.outbox",
    "overview": "watcher.config.overview",
    "port_files": "watcher.diff.port_files",
    "port_tables": "watcher.diff.port_tables",
    "postgresql": "watcher.store.postgresql.access",
    "postgresql_database": "watcher.store.postgresql.database",
    "registries": "watcher.registries.catalog",
    "release_diff": "watcher.reports.release_diff",
    "release_writer": "watcher.store.release_writer",
    "report_inventories": "watcher.reports.inventories",
    "rfc3161_client": "rfc3161_client",
    "schema": "watcher.store.schema",
    "row_items": "watcher.diff.row_items",
    "serialization": "cryptography.hazmat.primitives.serialization",
    "serve_pages": "watcher.cli.serve",
    "shared_receipts": "watcher.store.shared_receipts",
    "shutil": "shutil",
    "signature_errors": "cryptography.exceptions",
    "ssl": "ssl",
    "store": "watcher.store.store",
    "subscriptions": "watcher.alerts.subscriptions",
    "traceback": "traceback",
    "urllib3": "urllib3",
    "web_app": "watcher.web.app",
    "web_routes": "watcher.web.routes",
    "web_server": "watcher.web.server",
    "work_tables": "watcher.store.postgresql.work",
    "worker": "watcher.daemon.workers.worker",
    "x509": "cryptography.x509",
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
