"""Which tasks run and which hang, by a clock that the test moves."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from tests.support.fake_clock import FakeClock
from watcher.daemon.watchdog import Watchdog


def names(watchdog: Watchdog) -> list[str]:
    return [task.name for task in watchdog.hung_tasks()]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def test_a_task_hangs_when_it_reports_no_progress_for_longer_than_its_budget(clock: FakeClock) -> None:
    watchdog = Watchdog(clock)
    with watchdog.task("a", 10):
        clock.advance(timedelta(seconds=10))
        assert names(watchdog) == []
        clock.advance(timedelta(seconds=1))
        assert names(watchdog) == ["a"]
        watchdog.report_progress()
        assert names(watchdog) == []
    assert (names(watchdog), watchdog.running_names()) == ([], frozenset())


def test_a_task_inside_another_has_its_own_budget_and_counts_as_progress_of_the_other(clock: FakeClock) -> None:
    watchdog = Watchdog(clock)
    with watchdog.task("tree", 10):
        with watchdog.task("group", 100):
            clock.advance(timedelta(seconds=50))
            assert names(watchdog) == []
            assert watchdog.running_names() == {"tree", "group"}
        assert names(watchdog) == []
        clock.advance(timedelta(seconds=11))
        assert names(watchdog) == ["tree"]


def test_progress_of_one_thread_is_not_progress_of_another(clock: FakeClock) -> None:
    watchdog = Watchdog(clock)
    begun, end = threading.Event(), threading.Event()

    def other() -> None:
        with watchdog.task("other", 10):
            begun.set()
            end.wait()

    thread = threading.Thread(target=other)
    thread.start()
    begun.wait()
    clock.advance(timedelta(seconds=11))
    with watchdog.task("mine", 10):
        watchdog.report_progress()
        assert names(watchdog) == ["other"]
    assert not watchdog.wait_until_idle(0)
    end.set()
    thread.join()
    assert watchdog.wait_until_idle(0)


def test_seconds_without_any_progress_are_counted(clock: FakeClock) -> None:
    watchdog = Watchdog(clock)
    clock.advance(timedelta(seconds=7))
    assert watchdog.idle_seconds() == 7
    with watchdog.task("a", 10):
        assert watchdog.idle_seconds() == 0


def test_a_task_that_fails_is_no_longer_running(clock: FakeClock) -> None:
    watchdog = Watchdog(clock)
    with pytest.raises(RuntimeError), watchdog.task("a", 10):
        raise RuntimeError
    assert watchdog.running_names() == frozenset()
