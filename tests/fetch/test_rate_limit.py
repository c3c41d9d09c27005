"""How often a host gets a request."""

from __future__ import annotations

from datetime import timedelta
from threading import Thread
from urllib.parse import urlsplit

import pytest
from msgspec.structs import replace

from tests.support.fake_clock import FakeClock
from tests.support.fault_server import FaultServer, not_modified, reply
from watcher.core.errors import FetchError, StoreError
from watcher.fetch.base import Policy, Validators
from watcher.fetch.http import HttpFetcher
from watcher.fetch.rate_limit import HostRateLimiter

POLICY = Policy(allow_private=True, attempts=1)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(jitter=0.0)


def test_the_first_request_to_a_host_waits_for_nothing(clock: FakeClock) -> None:
    limiter = HostRateLimiter(interval=10, clock=clock)
    assert (limiter.reserve("a"), limiter.reserve("b")) == (0.0, 0.0)


def test_between_two_requests_to_a_host_the_interval_passes(clock: FakeClock) -> None:
    limiter = HostRateLimiter(interval=10, clock=clock)
    waits = []
    for seconds in (0, 1, 0, 99):
        clock.advance(timedelta(seconds=seconds))
        waits.append(limiter.reserve("a"))
    assert waits == [0.0, 9.0, 19.0, 0.0]


def test_the_interval_is_stretched_by_chance_and_never_cut() -> None:
    limiter = HostRateLimiter(interval=10, clock=FakeClock(jitter=0.5))
    assert [limiter.reserve("a") for _ in range(3)] == [0.0, 12.5, 25.0]


def test_no_two_threads_get_the_same_moment(clock: FakeClock) -> None:
    limiter, waits = HostRateLimiter(interval=1, clock=clock), []
    threads = [Thread(target=lambda: waits.extend(limiter.reserve("a") for _ in range(50))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(waits) == list(range(400))


def test_a_host_that_asked_for_a_pause_gets_the_longest_that_it_asked_for(clock: FakeClock) -> None:
    limiter = HostRateLimiter(clock=clock)
    limiter.block("a", 60)
    limiter.block("a", 10)
    assert (limiter.blocked_for("a"), limiter.blocked_for("b")) == (60.0, 0.0)
    clock.advance(timedelta(seconds=50))
    assert limiter.blocked_for("a") == 10.0
    clock.advance(timedelta(seconds=10))
    assert limiter.blocked_for("a") == 0.0


def test_a_fetcher_waits_for_the_interval(clock: FakeClock) -> None:
    limiter = HostRateLimiter(interval=5, clock=clock)
    with (
        FaultServer(reply(b"x")) as server,
        HttpFetcher(POLICY, clock=clock, limiter=limiter) as fetcher,
    ):
        for _ in range(3):
            fetcher.fetch(server.url())
        assert len(server.requests) == 3
    assert clock.slept == [5.0, 10.0]


def test_retries_and_redirects_wait_for_the_interval_too(clock: FakeClock) -> None:
    limiter = HostRateLimiter(interval=5, clock=clock)
    policy = replace(POLICY, attempts=2, backoff=0)
    with (
        FaultServer(reply(status=500), reply(status=302, Location="/there"), reply(b"x")) as server,
        HttpFetcher(policy, clock=clock, limiter=limiter) as fetcher,
    ):
        fetcher.fetch(server.url())
    assert [pause for pause in clock.slept if pause] == [5.0, 10.0]


class _LostTurn(HostRateLimiter):
    """A turn that another worker got while this one waited."""

    def confirm(self, host: str) -> None:
        assert self.clock.slept == [5.0]  # type: ignore[attr-defined] # a FakeClock
        raise StoreError(f"lost {host}")


def test_no_request_is_sent_when_the_turn_was_lost_while_the_fetcher_waited(clock: FakeClock) -> None:
    limiter = _LostTurn(interval=5, clock=clock)
    with FaultServer(reply(b"x")) as server, HttpFetcher(POLICY, clock=clock, limiter=limiter) as fetcher:
        limiter.reserve(urlsplit(server.url()).netloc)
        with pytest.raises(StoreError, match="lost"):
            fetcher.fetch(server.url())
        assert server.requests == []


def test_a_server_that_asks_for_a_pause_gets_no_request_until_it_is_over(clock: FakeClock) -> None:
    limiter = HostRateLimiter(clock=clock)
    with (
        FaultServer(reply(status=429, Retry_After=300), not_modified(ETag='"a"')) as server,
        HttpFetcher(POLICY, clock=clock, limiter=limiter) as fetcher,
        HttpFetcher(POLICY, clock=clock, limiter=limiter) as another,
    ):
        with pytest.raises(FetchError):
            fetcher.fetch(server.url())
        assert limiter.blocked_for(urlsplit(server.url()).netloc) == 300.0
        for fetching in (fetcher, another):
            with pytest.raises(FetchError) as caught:
                fetching.fetch(server.url("/other"))
            assert (caught.value.reason, caught.value.retry_after) == ("retry_later", 300.0)
        assert len(server.requests) == 1
        clock.advance(timedelta(seconds=300))
        assert limiter.blocked_for(urlsplit(server.url()).netloc) == 0.0
        another.fetch(server.url(), Validators(etag='"a"'))
        assert len(server.requests) == 2
