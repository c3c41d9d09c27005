"""Open the history for commands that only read it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from watcher.cli.output import App
from watcher.config.overview import load_overview
from watcher.store.history_reader import HistoryReader
from watcher.store.store import Store


@contextmanager
def history(app: App) -> Iterator[HistoryReader]:
    """Open the history for reading. Raises StoreError where there is none yet."""
    with Store(load_overview(app.config).history, create=False) as store:
        yield store.history
