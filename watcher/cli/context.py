"""Open what a command works on. Most of the code is loaded on first use: readers start in a third of the time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from watcher.config.overview import load_overview
from watcher.core.clock import SystemClock
from watcher.core.lazy import load
from watcher.reports.attention import EventAttention
from watcher.reports.observation import ObservationGaps
from watcher.store.history_reader import HistoryReader
from watcher.store.location import HistoryLocation, history_exists
from watcher.store.store import Store

if TYPE_CHECKING:
    from watcher.cli import list_files
    from watcher.config import load as config_file
    from watcher.config.settings import Settings
    from watcher.formats import catalog as formats
    from watcher.monitor import dry_run as dry_runs
    from watcher.monitor import monitor as monitors
    from watcher.monitor.monitor import Monitor
    from watcher.registries import catalog as registries
else:
    config_file, dry_runs, formats = load("config"), load("dry_run"), load("formats")
    monitors, registries = load("monitor"), load("registries")
    list_files = load("list_files")  # only where rules ignore events


def load_settings(config: Path) -> Settings:
    """Return the whole configuration. Raises ConfigError with every mistake in it."""
    return config_file.load(
        config, registries=registries.REGISTRIES, formats=formats.FORMATS, events=registries.EVENT_IDS
    )


def open_monitor(config: Path, *, create: bool = True, rebuilding: bool = False) -> Monitor:
    """Return a monitor, a context manager. Without `create` the history must exist (StoreError)."""
    return monitors.Monitor(load_settings(config), create=create, rebuilding=rebuilding)


@contextmanager
def open_monitor_of_copy(config: Path) -> Iterator[Monitor]:
    """Open a monitor on a copy of the history that is thrown away, for a dry run."""
    with dry_runs.settings_of_copy(load_settings(config)) as settings, monitors.Monitor(settings) as monitor:
        yield monitor


@contextmanager
def open_store_if_present(location: HistoryLocation) -> Iterator[Store | None]:
    """Open a history; yield None if there is not one yet, and create nothing."""
    if not history_exists(location):
        yield None
        return
    with Store(location, create=False) as store:
        yield store


@contextmanager
def open_store(config: Path) -> Iterator[tuple[Store, ObservationGaps]]:
    """Open the store for reading, with the gaps in its observation. Raises StoreError if it does not exist."""
    overview = load_overview(config)
    with Store(overview.history, create=False) as store:
        inventories = list_files.ConfiguredInventories(config, store.history) if overview.ignored else None
        attention = EventAttention(store=store, rules=overview.ignored, inventories=inventories)
        yield (
            store,
            ObservationGaps(overview=overview, checks=store.checks, clock=SystemClock(), attention=attention),
        )


@contextmanager
def open_history(config: Path) -> Iterator[tuple[HistoryReader, ObservationGaps]]:
    """Open the history for reading, as `open_store` does."""
    with open_store(config) as (store, observation):
        yield store.history, observation
