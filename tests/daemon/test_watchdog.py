"""What is under way and what hangs, by a clock that the test moves."""

from __future__ import annotations

import threading

import pytest

from watcher.daemon.watchdog import Watchdog


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def names(work: Watchdog) -> list[str]:
    return [piece.name for piece in work.hung()]


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_piece_hangs_when_it_says_nothing_for_longer_than_its_budget(clock: Clock) -> None:
    work = Watchdog(clock)
    with work.piece("a", 10):
        clock.now += 10
        assert names(work) == []
        clock.now += 1
        assert names(work) == ["a"]
        work.alive()
        assert names(work) == []
    assert (names(work), work.under_way()) == ([], frozenset())


def test_a_piece_inside_another_has_its_own_budget_and_is_a_sign_of_life_of_the_other(clock: Clock) -> None:
    work = Watchdog(clock)
    with work.piece("tree", 10):
        with work.piece("group", 100):
            clock.now += 50
            assert names(work) == []
            assert work.under_way() == {"tree", "group"}
        assert names(work) == []
        clock.now += 11
        assert names(work) == ["tree"]


def test_one_thread_does_not_speak_for_another(clock: Clock) -> None:
    work = Watchdog(clock)
    begun, end = threading.Event(), threading.Event()

    def other() -> None:
        with work.piece("other", 10):
            begun.set()
            end.wait()

    thread = threading.Thread(target=other)
    thread.start()
    begun.wait()
    clock.now += 11
    with work.piece("mine", 10):
        work.alive()
        assert names(work) == ["other"]
    assert not work.wait(0)
    end.set()
    thread.join()
    assert work.wait(0)


def test_that_nothing_moves_at_all_is_seen(clock: Clock) -> None:
    work = Watchdog(clock)
    clock.now += 7
    assert work.still() == 7
    with work.piece("a", 10):
        assert work.still() == 0


def test_a_piece_that_fails_is_no_longer_under_way(clock: Clock) -> None:
    work = Watchdog(clock)
    with pytest.raises(RuntimeError), work.piece("a", 10):
        raise RuntimeError
    assert work.under_way() == frozenset()
