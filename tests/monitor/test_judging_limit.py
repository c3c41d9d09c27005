"""Threads wait their turn to judge releases, in order, and a release of any size is judged in the end."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from tests.support.table_source import TableSource, table
from watcher.cli.context import load_settings
from watcher.monitor import judging_limit
from watcher.monitor.judging_limit import JudgingLimit
from watcher.monitor.monitor import Monitor
from watcher.monitor.rebuild import Progress
from watcher.monitor.result import Outcome

MB = 2**20


class Judge(threading.Thread):
    """Judges a release of so many bytes until a test ends it."""

    def __init__(self, limit: JudgingLimit, size: int) -> None:
        super().__init__(daemon=True)
        self.waited = threading.Event()
        self.begun = threading.Event()
        self.end = threading.Event()
        self._limit, self._size = limit, size

    def run(self) -> None:
        with self._limit.reserve(self._size, lambda *_: self.waited.set()):
            self.begun.set()
            assert self.end.wait(30)


@pytest.fixture(autouse=True)
def _wait_shortly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judging_limit, "_WAIT", 0.01)


@contextmanager
def judging(limit: JudgingLimit, *sizes: int) -> Iterator[list[Judge]]:
    """Start a thread for each size, the next when the one before judges or waits."""
    judges = [Judge(limit, size) for size in sizes]
    try:
        for judge in judges:
            judge.start()
            while not (judge.begun.wait(0.01) or judge.waited.is_set()):
                assert judge.is_alive()
        yield judges
    finally:
        for judge in judges:
            judge.end.set()
        for judge in judges:
            judge.join(30)


def test_releases_within_the_limit_are_judged_at_the_same_time() -> None:
    with judging(JudgingLimit(8 * MB), 3 * MB, 3 * MB, 2 * MB) as judges:
        assert all(judge.begun.is_set() for judge in judges)


def test_a_release_beyond_the_limit_waits_and_says_so() -> None:
    with judging(JudgingLimit(8 * MB), 5 * MB, 4 * MB) as (first, second):
        assert second.waited.is_set()
        assert not second.begun.is_set()
        first.end.set()
        assert second.begun.wait(30)


def test_a_release_larger_than_the_limit_is_judged_alone_and_not_overtaken() -> None:
    with judging(JudgingLimit(8 * MB), MB, 99 * MB, MB) as (first, large, last):
        assert not large.begun.is_set()
        assert not last.begun.is_set()
        first.end.set()
        assert large.begun.wait(30)
        assert not last.begun.is_set()
        large.end.set()
        assert last.begun.wait(30)


def test_many_small_releases_count_too() -> None:
    with judging(JudgingLimit(8 * MB), *[0] * 17) as judges:
        assert [judge.begun.is_set() for judge in judges] == [True] * 16 + [False]


def test_an_error_while_judging_or_waiting_leaves_the_limit_as_it_was() -> None:
    limit = JudgingLimit(8 * MB)
    with pytest.raises(KeyError), limit.reserve(8 * MB):
        raise KeyError

    def fail(*_: int) -> None:
        raise KeyError

    with judging(limit, 8 * MB) as (judge,):
        with pytest.raises(KeyError), limit.reserve(1, fail):
            pass
        judge.end.set()
        with limit.reserve(8 * MB):
            pass


class RecordedLimit(JudgingLimit):
    """A limit that keeps how many bytes were reserved each time."""

    def __init__(self) -> None:
        super().__init__()
        self.reserved: list[int] = []

    def reserve(self, size: int, progress: Progress | None = None) -> AbstractContextManager[None]:
        self.reserved.append(size)
        return super().reserve(size, progress)


@pytest.mark.fault(81)
def test_a_check_reserves_the_bytes_that_it_judges_and_all_for_a_history_that_is_derived_again(tmp_path: Path) -> None:
    source = TableSource(folder=tmp_path, settings={"key": ["A"]})

    def check(data: bytes) -> list[int]:
        source.served.write_bytes(data)
        source.clock.advance(timedelta(hours=1))
        limit = RecordedLimit()
        with Monitor(load_settings(source.config), clock=source.clock, judging_limit=limit) as monitor:
            assert monitor.check(monitor.settings.registries[0]).outcome is not Outcome.FAILED
        return limit.reserved

    first, second = table("A,B", "1,2", "3,4"), table("A,B", "1,2", "3,4", "5,6")
    assert check(first) == [len(first)]
    source.configure(key=["B"])
    assert check(second) == [judging_limit.MOST, len(second)]
