"""Threads wait their turn to judge releases, in order, and a release of any size is judged in the end."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
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
PATIENCE = 60  # seconds after which a thread that neither judges nor waits is one that hangs


class Judge(threading.Thread):
    """Judges a release of so many bytes until a test ends it. The process does not wait for it, so a test can fail."""

    def __init__(self, limit: JudgingLimit, size: int, progress: Callable[..., None] = lambda *_: None) -> None:
        super().__init__(daemon=True)
        self.stepped = threading.Event()  # it waits, judges or ended
        self.begun = threading.Event()
        self.end = threading.Event()
        self.error: Exception | None = None
        self._limit, self._size, self._progress = limit, size, progress

    def run(self) -> None:
        try:
            with self._limit.reserve(self._size, self._wait):
                self.begun.set()
                self.stepped.set()
                assert self.end.wait(PATIENCE)
        except KeyError as error:
            self.error = error
        finally:
            self.stepped.set()

    def _wait(self, *_: int) -> None:
        self.stepped.set()
        self._progress()


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
            assert judge.stepped.wait(PATIENCE)
        yield judges
    finally:
        for judge in judges:
            judge.end.set()
    for judge in judges:
        judge.join(PATIENCE)
        assert not judge.is_alive()


def test_releases_within_the_limit_are_judged_at_the_same_time() -> None:
    with judging(JudgingLimit(8 * MB), 3 * MB, 3 * MB, 2 * MB) as judges:
        assert all(judge.begun.is_set() for judge in judges)


def test_a_release_beyond_the_limit_waits_and_says_so() -> None:
    with judging(JudgingLimit(8 * MB), 5 * MB, 4 * MB) as (first, second):
        assert second.is_alive()
        assert not second.begun.is_set()
        first.end.set()
        assert second.begun.wait(PATIENCE)


def test_a_release_larger_than_the_limit_is_judged_alone_and_not_overtaken() -> None:
    with judging(JudgingLimit(8 * MB), MB, 99 * MB, MB) as (first, large, last):
        assert not large.begun.is_set()
        assert not last.begun.is_set()
        first.end.set()
        assert large.begun.wait(PATIENCE)
        assert not last.begun.is_set()
        large.end.set()
        assert last.begun.wait(PATIENCE)


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
        waiting = Judge(limit, 1, fail)
        waiting.start()
        waiting.join(PATIENCE)
        assert isinstance(waiting.error, KeyError)
        judge.end.set()
        with judging(limit, 8 * MB) as (last,):
            assert last.begun.wait(PATIENCE)


def fail_to_wait(*_: int) -> None:
    raise AssertionError("the only thread waits for itself")


class RecordedLimit(JudgingLimit):
    """A limit of one thread, which never waits. Keeps how many bytes were reserved each time."""

    def __init__(self) -> None:
        super().__init__()
        self.reserved: list[int] = []

    def reserve(self, size: int, progress: Progress | None = None) -> AbstractContextManager[None]:  # noqa: ARG002
        self.reserved.append(size)
        return super().reserve(size, fail_to_wait)


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
