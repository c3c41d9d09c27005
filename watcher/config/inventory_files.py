"""The lists that [[inventory]] names, read from their files, and read again when a file changed."""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from watcher.config.inventory_settings import InventorySettings
from watcher.core.errors import ConfigError, ParseError, UsageError
from watcher.core.lazy import load
from watcher.core.operator_files import read_operator_file
from watcher.core.suggestions import describe_unknown

if TYPE_CHECKING:
    from watcher.config.settings import Settings
    from watcher.inventory import base, catalog
    from watcher.inventory.model import Inventory
else:
    base, catalog = load("list_base"), load("list_formats")

_Version = tuple[int, int, int]  # of a file: its inode, size and time of change


def parse_settings(table: Mapping[str, Any], config: Path) -> InventorySettings:
    """Return one [[inventory]] alone, whatever else the configuration says. Raises ConfigError."""
    try:
        return InventorySettings(**table)
    except (TypeError, ValidationError):
        name = table.get("name")
        raise ConfigError(f"{config}: inventory {name!r} is not valid; `watcher config check` says why") from None


def read_inventory(settings: InventorySettings, folder: Path, port_sources: Collection[str] = ()) -> Inventory:
    """Return the list of one table. `port_sources` are the sources with the rules of the port registry.

    Raises ConfigError, which names the file and, where it can, the line.
    """
    path = folder / settings.file
    try:
        data, _ = read_operator_file(path, most=base.MAX_BYTES)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from None
    try:
        return catalog.read_list(
            data,
            file=str(path),
            name=settings.name,
            source=settings.source,
            registry=settings.registry,
            table=settings.table,
            list_format=settings.format,
            port_sources=port_sources,
        )
    except ParseError as error:
        raise ConfigError(str(error)) from None


class InventoryFiles:
    """The inventories of a configuration by name. Lives as long as the configuration, for any number of threads.

    An inventory is read when it is first asked for, and again when its file changed. If it cannot be read any more,
    the last one that could be stays in force, and `problems` has the reason.
    """

    def __init__(self, settings: Sequence[InventorySettings], folder: Path, port_sources: Collection[str] = ()) -> None:
        self._settings = {table.name: table for table in settings}
        self._folder = folder
        self._port_sources = port_sources
        self._inventories: dict[str, Inventory] = {}
        self._versions: dict[str, _Version | None] = {}
        self._problems: dict[str, str] = {}
        self._lock = threading.Lock()

    @property
    def names(self) -> Sequence[str]:
        return [*self._settings]

    @property
    def problems(self) -> Mapping[str, str]:
        """Why inventories could not be read when they were last asked for, by name."""
        return self._problems

    def get(self, name: str) -> Inventory:
        """Return an inventory as its file has it now, or as it last could be read.

        Raises UsageError for an unknown name, ConfigError for one that could never be read.
        """
        if name not in self._settings:
            raise UsageError(f"unknown inventory {describe_unknown(name, self._settings)}")
        with self._lock:
            self._read_changed(name)
            if name not in self._inventories:
                raise ConfigError(self._problems[name])
            return self._inventories[name]

    def read_all(self) -> Mapping[str, str]:
        """Read every inventory whose file changed; return the problems of all, by name."""
        with self._lock:
            for name in self._settings:
                self._read_changed(name)
            return dict(self._problems)

    def _read_changed(self, name: str) -> None:
        settings = self._settings[name]
        version = _file_version(self._folder / settings.file)
        if name in self._versions and version is not None and version == self._versions[name]:
            return
        try:
            self._inventories[name] = read_inventory(settings, self._folder, self._port_sources)
            self._problems.pop(name, None)
        except ConfigError as error:
            self._problems[name] = f"inventory {name}: {error}"
        self._versions[name] = version


class SharedInventories:
    """The inventories of the configuration in force, for all monitors of a process. A reload can replace it."""

    def __init__(self) -> None:
        self._files: InventoryFiles | None = None
        self._key: object = None
        self._lock = threading.Lock()

    def for_settings(self, settings: Settings) -> InventoryFiles:
        """Return the inventories of a configuration: the same ones as long as its tables stay the same."""
        key = settings.inventory, settings.folder, settings.port_sources
        with self._lock:
            if self._files is None or key != self._key:
                self._files, self._key = InventoryFiles(*key), key
            return self._files


def _file_version(path: Path) -> _Version | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns
