"""Read the configuration: all of it for what acts, its outline for what only reads the history."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from watcher.cli.output import App
from watcher.config.overview import outline
from watcher.store.history_reader import HistoryReader
from watcher.store.store import Store


@contextmanager
def history(app: App) -> Iterator[HistoryReader]:
    """Open the history for reading. Raises StoreError where there is none yet."""
    with Store(outline(app.config).history, create=False) as store:
        yield store.history
