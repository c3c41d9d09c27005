"""How often a host is asked."""

from __future__ import annotations

from dataclasses import replace
from threading import Thread

import pytest

from tests.support.fault_server import FaultServer, not_modified, reply
from watcher.core.errors import FetchError
from watcher.fetch.base import Policy, Validators
from watcher.fetch.http import HttpFetcher
from watcher.fetch.rate_limit import HostRateLimiter

POLICY = Policy(allow_private=True, attempts=1)


def test_the_first_request_to_a_host_waits_for_nothing() -> None:
    pace = HostRateLimiter(interval=10, jitter=lambda: 0.0)
    assert (pace.turn("a", 100.0), pace.turn("b", 100.0)) == (0.0, 0.0)


def test_between_two_requests_to_a_host_the_interval_passes() -> None:
    pace = HostRateLimiter(interval=10, jitter=lambda: 0.0)
    assert [pace.turn("a", now) for now in (100.0, 101.0, 101.0, 200.0)] == [0.0, 9.0, 19.0, 0.0]


def test_the_interval_is_stretched_by_chance_and_never_cut() -> None:
    pace = HostRateLimiter(interval=10, jitter=lambda: 0.5)
    assert [pace.turn("a", 100.0) for _ in range(3)] == [0.0, 12.5, 25.0]


def test_threads_share_the_pace_and_none_gets_the_turn_of_another() -> None:
    pace, turns = HostRateLimiter(interval=1, jitter=lambda: 0.0), []
    threads = [Thread(target=lambda: turns.extend(pace.turn("a", 0.0) for _ in range(50))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(turns) == list(range(400))


def test_a_host_that_asked_for_silence_has_it() -> None:
    pace = HostRateLimiter()
    pace.leave_alone("a", 60, 100.0)
    pace.leave_alone("a", 10, 100.0)
    assert [
        pace.asked_to_wait(host, now) for host, now in (("a", 100.0), ("a", 150.0), ("a", 160.0), ("b", 100.0))
    ] == [
        60.0,
        10.0,
        0.0,
        0.0,
    ]


def test_a_fetcher_waits_for_its_turn() -> None:
    slept: list[float] = []
    pace = HostRateLimiter(interval=5, jitter=lambda: 0.0)
    with (
        FaultServer(reply(b"x")) as server,
        HttpFetcher(POLICY, clock=lambda: 0.0, sleep=slept.append, pace=pace) as fetcher,
    ):
        for _ in range(3):
            fetcher.fetch(server.url())
        assert len(server.requests) == 3
    assert slept == [5.0, 10.0]


def test_tries_and_redirects_take_turns_too() -> None:
    slept: list[float] = []
    pace = HostRateLimiter(interval=5, jitter=lambda: 0.0)
    policy = replace(POLICY, attempts=2, backoff=0)
    with (
        FaultServer(reply(status=500), reply(status=302, Location="/there"), reply(b"x")) as server,
        HttpFetcher(policy, clock=lambda: 0.0, sleep=slept.append, pace=pace) as fetcher,
    ):
        fetcher.fetch(server.url())
    assert [pause for pause in slept if pause] == [5.0, 10.0]


def test_a_server_that_asks_for_time_is_not_asked_again_until_then() -> None:
    now = 0.0
    pace = HostRateLimiter()
    with (
        FaultServer(reply(status=429, Retry_After=300), not_modified(ETag='"a"')) as server,
        HttpFetcher(POLICY, clock=lambda: now, pace=pace) as fetcher,
        HttpFetcher(POLICY, clock=lambda: now, pace=pace) as another,
    ):
        with pytest.raises(FetchError):
            fetcher.fetch(server.url())
        assert fetcher.asked_to_wait(server.url("/other")) == 300.0
        for each in (fetcher, another):
            with pytest.raises(FetchError) as caught:
                each.fetch(server.url("/other"))
            assert (caught.value.reason, caught.value.retry_after) == ("retry_later", 300.0)
        assert len(server.requests) == 1
        now = 300.0
        assert another.asked_to_wait(server.url()) == 0.0
        another.fetch(server.url(), Validators(etag='"a"'))
        assert len(server.requests) == 2
