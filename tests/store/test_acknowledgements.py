"""Acknowledgements of events in the store."""

from __future__ import annotations

from pathlib import Path

from tests.support.old_history import to_version_1
from watcher.core.operations import Acknowledgement
from watcher.store.location import HistoryLocation
from watcher.store.store import Store


def test_an_old_history_that_is_only_read_has_no_acknowledgement(tmp_path: Path) -> None:
    path = tmp_path / "history.db"
    Store(path).close()
    to_version_1(path)
    with Store(path, read_only=True) as store:
        assert store.acknowledgements.read_all() == {}
        assert store.acknowledgements.count() == 0


def test_an_acknowledgement_replaces_an_earlier_one_of_the_same_event(location: HistoryLocation) -> None:
    first = Acknowledgement(source="ports", fingerprint="f", note="seen", at="2026-01-05T09:00:00Z")
    second = Acknowledgement(source="ports", fingerprint="f", note="done", at="2026-01-06T09:00:00Z")
    with Store(location) as store:
        with store.transaction():
            store.acknowledgements.record([first, second])
        assert store.acknowledgements.read_all() == {("ports", "f"): second}
        with store.transaction():
            assert store.acknowledgements.remove([("ports", "f"), ("ports", "g")]) == 1
        assert store.acknowledgements.count() == 0
