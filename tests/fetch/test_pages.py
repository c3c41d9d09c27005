"""A document in pages is fetched whole, over HTTP on loopback."""

from __future__ import annotations

import pytest

from tests.support.fault_server import FaultServer, reply
from watcher.core.errors import FetchError, ParseError
from watcher.fetch.base import NotModified, Policy, Response, Validators
from watcher.fetch.http import HttpFetcher
from watcher.fetch.pages import fetch_pages

LOOPBACK = Policy(allow_private=True, attempts=1)


def next_page(page: bytes, url: str) -> str | None:
    """A page ends with the number of the page after it; the last one with a full stop."""
    if not page:
        raise ParseError("empty", "not a page")
    return None if page.endswith(b".") else f"{url.partition('?')[0]}?page={page[-1:].decode()}"


def fetched(server: FaultServer, validators: Validators | None = None, max_bytes: int = 1000) -> Response | NotModified:
    with HttpFetcher(LOOPBACK) as fetcher:
        return fetch_pages(fetcher, server.url("/x"), validators, next_page=next_page, max_bytes=max_bytes)


def test_the_pages_are_fetched_in_order_and_joined() -> None:
    with FaultServer(reply(b"one 2"), reply(b"two 3"), reply(b"three.")) as server:
        response = fetched(server)
        assert isinstance(response, Response)
        assert response.body == b"one 2\ntwo 3\nthree."
        assert response.url == server.url("/x")
        assert [request.target for request in server.requests] == ["/x", "/x?page=2", "/x?page=3"]


def test_without_a_way_to_the_next_page_there_is_one() -> None:
    with FaultServer(reply(b"one 2")) as server, HttpFetcher(LOOPBACK) as fetcher:
        response = fetch_pages(fetcher, server.url("/x"), next_page=None, max_bytes=1)
        assert isinstance(response, Response)
        assert (response.body, len(server.requests)) == (b"one 2", 1)


def test_what_is_no_page_is_left_to_the_reader() -> None:
    with FaultServer(reply(b"")) as server:
        response = fetched(server)
        assert isinstance(response, Response)
        assert response.body == b""


def test_a_page_that_cannot_be_fetched_fails_the_whole() -> None:
    with FaultServer(reply(b"one 2"), reply(b"", 404)) as server, pytest.raises(FetchError) as error:
        fetched(server)
    assert error.value.reason == "not_found"


def test_pages_without_end_are_refused() -> None:
    with FaultServer(*[reply(b"one 2")] * 8) as server, pytest.raises(FetchError) as error:
        fetched(server, max_bytes=12)
    assert error.value.reason == "too_large"
    assert len(server.requests) == 3


def test_a_first_page_that_is_not_modified_ends_it() -> None:
    with FaultServer(reply(b"", 304, ETag='"a"')) as server:
        assert isinstance(fetched(server, Validators(etag='"a"')), NotModified)
        assert len(server.requests) == 1
