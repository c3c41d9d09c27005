"""Lists that a command names: a file, standard input, or an `[[inventory]]` of the configuration."""

from __future__ import annotations

import sys
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from watcher.config.overview import read_tables
from watcher.core.errors import ParseError, UsageError
from watcher.core.lazy import load
from watcher.core.suggestions import suggest

if TYPE_CHECKING:
    from watcher.config import inventory_files
    from watcher.inventory import base as list_base
    from watcher.inventory import catalog as lists
    from watcher.inventory.model import Inventory
    from watcher.store.history_reader import HistoryReader
else:
    # Only commands that are given a list load them.
    inventory_files, lists, list_base = load("inventory_files"), load("list_formats"), load("list_base")

STANDARD_INPUT = "-"


def find_inventory(
    config: Path,
    reference: str,
    *,
    source: str = "",
    registry: str = "",
    table: str = "",
    list_format: str = "",
    port_sources: Collection[str] = (),
) -> Inventory:
    """Return the `[[inventory]]` of a name, else the list in a file, or on standard input for `-`.

    `port_sources` are the sources of the port registry in the history. Raises UsageError, ConfigError.
    """
    tables = {
        str(table.get("name")): table for table in read_tables(config).get("inventory", ()) if isinstance(table, dict)
    }
    if reference in tables:
        settings = inventory_files.parse_settings(tables[reference], config)
        inventory: Inventory = inventory_files.read_inventory(settings, config.resolve().parent, port_sources)
        return inventory
    try:
        data = _read_bytes(reference)
    except FileNotFoundError:
        hint = suggest(reference, [*tables]) or "; give a file, - for standard input, or the name of an [[inventory]]"
        raise UsageError(f"{reference}: no such file or inventory{hint}") from None
    except OSError as error:
        raise UsageError(f"{reference}: cannot be read: {error.strerror}") from None
    try:
        inventory = lists.read_list(
            data,
            file="<stdin>" if reference == STANDARD_INPUT else reference,
            source=source,
            registry=registry,
            table=table,
            list_format=list_format,
            port_sources=port_sources,
        )
    except ParseError as error:
        raise UsageError(str(error)) from None
    return inventory


class ConfiguredInventories:
    """The inventories of a configuration, each read when it is first asked for. Lives as long as one command."""

    def __init__(self, config: Path, history: HistoryReader) -> None:
        self._config = config
        self._history = history
        self._inventories: dict[str, Inventory] = {}

    def get(self, name: str) -> Inventory:
        """Return an inventory by its name. Raises UsageError, ConfigError."""
        if name not in self._inventories:
            port_sources = self._history.list_sources_of("ports")
            self._inventories[name] = find_inventory(self._config, name, port_sources=port_sources)
        return self._inventories[name]


def _read_bytes(reference: str) -> bytes:
    """Return at most one byte more than a list may have. A pipe is read to its end: `<(ss -tulnH)`."""
    most = list_base.MAX_BYTES + 1
    if reference == STANDARD_INPUT:
        return sys.stdin.buffer.read(most)
    with Path(reference).open("rb") as file:
        return file.read(most)
