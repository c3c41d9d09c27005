"""Fixtures that give a test each place that a history can be in, so that one test holds for both databases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.object_server import KEYS, ObjectServer, open_object_server
from tests.support.postgresql import PostgresqlServer, open_server
from tests.support.raw_sql import connection
from watcher.store.location import HistoryLocation
from watcher.store.object_url import ObjectUrl
from watcher.store.store import Store

DATABASES = ("sqlite", "postgresql")


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[PostgresqlServer]:
    """Return a running server, one for all tests of this process."""
    with open_server() as server:
        yield server


def make_location(request: pytest.FixtureRequest, folder: Path) -> HistoryLocation:
    """Return where the history of a test is, in the database that the parameter of its fixture names."""
    if request.param == "sqlite":
        return folder / "history.db"
    server: PostgresqlServer = request.getfixturevalue("postgresql_server")
    return server.new_location()


@pytest.fixture(params=DATABASES)
def location(request: pytest.FixtureRequest, tmp_path: Path) -> HistoryLocation:
    return make_location(request, tmp_path)


@pytest.fixture(scope="session")
def object_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectServer]:
    """Return a running server with the S3 API, one for all tests of this process."""
    with open_object_server(tmp_path_factory.mktemp("objects")) as running:
        yield running


@pytest.fixture
def object_url(object_server: ObjectServer, monkeypatch: pytest.MonkeyPatch) -> ObjectUrl:
    """Return the address of a prefix without objects, and set its keys in the environment."""
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    return object_server.new_url()


@pytest.fixture(scope="session")
def postgresql_connection(postgresql_server: PostgresqlServer) -> Iterator[Any]:
    """Return psycopg's connection to an empty history."""
    with Store(postgresql_server.new_location()) as store:
        yield connection(store).conn
