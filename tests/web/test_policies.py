"""Every route says who may use it, how it is cached and what it costs, and the server keeps to it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.web.site import Site, open_site
from watcher.web.access import WebAccess
from watcher.web.policy import STREAM, Access, Cache
from watcher.web.routes import ROUTES, Route

pytestmark = pytest.mark.fault(64)
TOKEN = "a token of many letters"
BEARER = f"Bearer {TOKEN}"

# What is not for readers alone is listed here: a new one is a decision.
NOT_FOR_READERS = {
    ("GET", "/healthz"): Access.MONITORING,
    ("GET", "/metrics"): Access.MONITORING,
    ("GET", "/-/static/{}"): Access.OPEN,
    ("GET", "/-/sign-in"): Access.OPEN,
    ("POST", "/-/sign-in"): Access.OPEN,
    ("POST", "/-/sign-out"): Access.OPEN,
    ("POST", "/-/accept"): Access.OPERATOR,
    ("POST", "/-/reject"): Access.OPERATOR,
    ("POST", "/-/acknowledge"): Access.OPERATOR,
}
# One address of each path with open parts.
EXAMPLES = {
    "/-/static/{}": "/-/static/style.css",
    "/api/v1/{*}": "/api/v1/sources",
    "/-/timegate/{*}": "/-/timegate/ports",
    "/-/timemap/{*}": "/-/timemap/ports",
    "/-/document/{}": "/-/document/rfc9147",
    "/-/event/{}": "/-/event/none-at-all",
    "/{}": "/ports",
    "/{}/compare": "/ports/compare",
    "/{}/releases": "/ports/releases",
    "/{}/map": "/ports/map",
    "/{}/release/{}": "/ports/release/2020-02-01",
    "/{}/release/{}/bytes": "/ports/release/2020-02-01/bytes",
    "/{}/entry/{*}": "/ports/entry/20/tcp",
}
MISSING = {"/-/event/{}"}  # their example is a page that does not exist
BY_NAME = pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")


def address(route: Route) -> str:
    return EXAMPLES.get(route.path, route.path)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    access = WebAccess(token=TOKEN, requests_per_minute=10_000_000)
    with open_site(tmp_path_factory.mktemp("site"), access=lambda: access) as made:
        yield made


@pytest.fixture(scope="module")
def open_to_all(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server without a token."""
    with open_site(tmp_path_factory.mktemp("open")) as made:
        yield made


def test_only_listed_routes_are_for_others_than_readers() -> None:
    given = {(route.method, route.path): route.policy.access for route in ROUTES}
    assert {name: access for name, access in given.items() if access is not Access.READER} == NOT_FOR_READERS
    assert all(route.policy.cost >= 1 for route in ROUTES)
    assert all(route.method == "GET" or route.policy.cache is Cache.NEVER for route in ROUTES)
    assert {route.path for route in ROUTES if "{" in route.path} <= EXAMPLES.keys()


@BY_NAME
def test_a_client_without_the_token_gets_what_the_policy_says(site: Site, route: Route) -> None:
    answer = site.ask(route.method, address(route), Sec_Fetch_Site="same-origin")
    if route.policy.access in (Access.OPEN, Access.MONITORING):
        assert answer.status not in (401, 403)
        return
    assert answer.status == 401
    assert answer.headers["cache-control"] == "no-store"
    assert "www-authenticate" in answer.headers
    assert "alpha" not in answer.text
    if route.is_page and route.method == "GET":
        assert f'name="next" value="{address(route)}"' in answer.text


@BY_NAME
def test_a_response_is_cached_as_the_policy_says(site: Site, route: Route) -> None:
    if route.method != "GET" or route.policy is STREAM:  # a stream has no end: test_stream.py reads its beginning
        return
    answer = site.get(address(route), Authorization=BEARER)
    if route.path in MISSING:
        assert (answer.status, answer.headers["cache-control"]) == (404, "no-store")
        return
    assert answer.status in (200, 302, 503)  # this history was never checked, says /healthz; a TimeGate redirects
    expected = route.policy.cache if answer.status == 200 else Cache.NEVER
    assert answer.headers["cache-control"] == expected
    assert ("etag" in answer.headers) is (expected is not Cache.NEVER)
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"
    assert "access-control-allow-origin" not in answer.headers
    if expected is Cache.REVALIDATE:
        again = site.get(address(route), Authorization=BEARER, If_None_Match=answer.headers["etag"])
        assert (again.status, again.body) == (304, b"")


@BY_NAME
def test_nothing_is_written_from_a_page_of_others(site: Site, route: Route) -> None:
    if route.method == "GET":
        return
    for headers in (
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},  # another port of this host
        {"Sec_Fetch_Site": "none"},
        {"Sec_Fetch_Site": "", "Origin": "https://evil.example"},
        {"Sec_Fetch_Site": "", "Origin": "null"},
        {"Sec_Fetch_Site": "", "Origin": f"http://127.0.0.1:{site.port + 1}"},
        {"Sec_Fetch_Site": "same-origin", "Origin": "https://evil.example"},
    ):
        assert site.post(address(route), {"token": TOKEN}, Authorization=BEARER, **headers).status == 403, headers


@BY_NAME
def test_without_a_token_nothing_can_be_written(open_to_all: Site, route: Route) -> None:
    if route.policy.access is Access.OPERATOR:
        for authorization in ("", "Bearer ", "Basic Og=="):
            assert open_to_all.post(address(route), {}, Authorization=authorization).status == 403


@BY_NAME
def test_every_method_but_those_of_the_path_is_refused(site: Site, route: Route) -> None:
    allowed = {method for other in ROUTES if other.path == route.path for method in other.methods}
    for method in ("GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
        if method not in allowed:
            answer = site.ask(method, address(route), Authorization=BEARER)
            assert answer.status == 405
            assert set(answer.headers["allow"].split(", ")) == allowed


def test_a_client_that_asks_too_much_is_refused_on_every_route(tmp_path: Path) -> None:
    access = WebAccess(token=TOKEN, requests_per_minute=60)
    with open_site(tmp_path, access=lambda: access) as slow:
        statuses = [slow.get("/-/static/style.css").status for _ in range(13)]
        assert statuses == [200] * 12 + [429]
        for route in ROUTES:
            answer = slow.ask(route.method, address(route), Authorization=BEARER)
            assert answer.status == 429, route.path
            assert int(answer.headers["retry-after"]) >= 1
            assert "alpha" not in answer.text
        slow.context.clock.advance(timedelta(seconds=30))
        assert slow.get("/ports", Authorization=BEARER).status == 200
        for _ in range(4):
            guess = slow.post("/-/sign-in", {"token": "a guess"})
        assert guess.status == 429


def test_a_form_is_small_and_a_form(site: Site) -> None:
    assert site.post("/-/sign-in", {"token": "x" * 20_000}).status == 413
    assert site.post("/-/sign-in", {f"field{number}": "" for number in range(40)}).status == 400
    assert site.post("/-/sign-in", {"token": TOKEN}, Content_Type="text/plain").status == 415
    assert site.post("/-/sign-in", {"token": TOKEN}, Content_Type="multipart/form-data; boundary=x").status == 415


def test_the_paths_of_the_table_are_matched_in_its_order() -> None:
    """A route that an earlier one hides would never answer."""
    for place, route in enumerate(ROUTES):
        sample = address(route).split("?")[0]
        pattern = [re.escape(other.path).replace(r"\{\}", "[^/]+").replace(r"\{\*\}", ".+") for other in ROUTES[:place]]
        hidden = [
            other.path
            for other, expression in zip(ROUTES, pattern, strict=False)
            if re.fullmatch(expression, sample) and other.method == route.method
        ]
        assert hidden == [], route.path
