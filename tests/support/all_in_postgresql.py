"""A plugin that puts every history of a run into PostgreSQL, also where a test names an SQLite file.

    pytest -p tests.support.all_in_postgresql tests/monitor tests/reports tests/alerts tests/web

Each path of an SQLite file gets a schema of its own; histories in memory stay in SQLite. Tests that look into the file
itself fail, and only those may.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
import threading
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

import watcher
from tests.support.postgresql import PostgresqlServer, open_server
from watcher.config.settings import StoreSettings
from watcher.core.postgresql_url import PostgresqlUrl
from watcher.store import location as locations
from watcher.store.location import HistoryLocation


class Schemas:
    """The schema that takes the place of each file."""

    def __init__(self) -> None:
        self._server: PostgresqlServer | None = None
        self._urls: dict[str, PostgresqlUrl] = {}
        self._lock = threading.Lock()
        self._exits = ExitStack()

    def find(self, path: Path) -> PostgresqlUrl | None:
        return self._urls.get(str(path.absolute()))

    def make(self, path: Path) -> PostgresqlUrl:
        with self._lock:
            if self._server is None:
                self._server = self._exits.enter_context(open_server(max_connections="300"))
            return self._urls.setdefault(str(path.absolute()), self._server.new_location())

    def close(self) -> None:
        self._exits.close()


_schemas = Schemas()


def pytest_configure(config: pytest.Config) -> None:
    """Replace the two functions that open a history, in every module that imported them."""
    # A connection that a test leaves open is no error of SQLite's.
    for warning in ("ResourceWarning", "pytest.PytestUnraisableExceptionWarning"):
        config.addinivalue_line("filterwarnings", f"ignore::{warning}")
    originals = {"open_database": locations.open_database, "history_exists": locations.history_exists}

    def open_database(location: HistoryLocation, *, create: bool, read_only: bool, **more: Any) -> Any:
        if isinstance(location, Path) and str(location) != ":memory:" and not more.get("migrations"):
            schema = _schemas.make(location) if create else _schemas.find(location)
            location = schema or location
        return originals["open_database"](location, create=create, read_only=read_only, **more)

    def history_exists(location: HistoryLocation) -> bool:
        schema = _schemas.find(location) if isinstance(location, Path) else location
        return schema is not None and bool(originals["history_exists"](schema))

    for module in pkgutil.walk_packages(watcher.__path__, "watcher."):
        with suppress(ImportError):  # of an extra that is not installed
            importlib.import_module(module.name)
    for loaded in [module for name, module in sys.modules.items() if name.startswith("watcher.")]:
        for name, replacement in (("open_database", open_database), ("history_exists", history_exists)):
            if getattr(loaded, name, None) is originals[name]:
                setattr(loaded, name, replacement)

    def location_of(settings: StoreSettings) -> HistoryLocation:
        return _schemas.make(settings.path) if settings.url is None else PostgresqlUrl(settings.url)

    StoreSettings.location = property(location_of)  # type: ignore[assignment, method-assign]


def pytest_unconfigure(config: pytest.Config) -> None:
    _schemas.close()
