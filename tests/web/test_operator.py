"""An operator signs in and decides; nobody else can, and each decision is recorded as by the commands."""

from __future__ import annotations

import base64
import re
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from tests.support.port_releases import Row, release, tcp
from tests.web.site import PEOPLE, Site, open_site
from watcher.core.operations import Hold, HoldState
from watcher.monitor.result import Outcome
from watcher.web.access import WebAccess
from watcher.web.sessions import COOKIE, SESSION_SECONDS

pytestmark = pytest.mark.fault(64)
TOKEN = "a token of many letters"
HOSTILE = "<b>not ours</b> \u202e"
# It bears an older date than the newest release: held.
ODD = release(
    [tcp("alpha", "11"), tcp("delta", "50"), Row(description="Unassigned", port="30-40")], "2020-06-01", PEOPLE
)


class Token:
    """The token of the configuration, which a reload can change."""

    def __init__(self) -> None:
        self.value = TOKEN

    def access(self) -> WebAccess:
        return WebAccess(token=self.value, requests_per_minute=10_000_000)


@pytest.fixture
def token() -> Token:
    return Token()


@pytest.fixture
def delivered() -> threading.Event:
    return threading.Event()


@pytest.fixture
def site(tmp_path: Path, token: Token, delivered: threading.Event) -> Iterator[Site]:
    with open_site(tmp_path, access=token.access, deliver=delivered.set) as made:
        assert made.check(ODD, "2026-01-05T09:00:00Z").outcome is Outcome.HELD
        yield made


def sign_in(site: Site, *, target: str = "/") -> str:
    """Sign in as a browser does and return the Cookie header."""
    form = site.get(f"/-/sign-in?next={target}")
    assert f'name="next" value="{target}"' in form.text
    answer = site.post("/-/sign-in", {"token": TOKEN, "next": target})
    assert (answer.status, answer.headers["location"]) == (303, target)
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert "Secure" not in cookie  # the address is http
    assert TOKEN not in cookie
    return cookie.partition(";")[0]


def the_hold(site: Site) -> Hold:
    with site.context.open_store() as store:
        (hold,) = store.holds.list_holds("ports")
    return hold


def fields_of(page: str, action: str) -> dict[str, str]:
    """Return the hidden fields of the form that a page has for an action."""
    form = re.search(rf'<form method="post" action="{action}">(.*?)</form>', page, re.DOTALL)
    assert form, f"no form for {action}"
    return dict(re.findall(r'name="(\w+)" value="([^"]*)"', form[1]))


def test_a_held_release_is_accepted_and_becomes_part_of_the_history(site: Site, delivered: threading.Event) -> None:
    cookie = sign_in(site, target="/-/holds")
    page = site.get("/-/holds", Cookie=cookie)
    assert "Sign out" in page.text
    with capture_logs() as logs:
        answer = site.post("/-/accept", fields_of(page.text, "/-/accept"), Cookie=cookie)
    assert answer.status == 303
    assert delivered.wait(10)
    shown = site.get(answer.headers["location"], Cookie=cookie)
    assert "delta" in shown.text
    hold = the_hold(site)
    assert (hold.state, hold.by) == (HoldState.ACCEPTED, "operator")
    assert hold.decided == "2026-01-05T09:00:00Z"
    (line,) = [log for log in logs if log["event"] == "an operator accepted a release"]
    assert (line["source"], line["client"]) == ("ports", "127.0.0.1")
    again = site.post("/-/accept", {"source": "ports", "release": hold.id}, Cookie=cookie)
    assert again.status == 409
    assert "part of the history" in again.text


def test_a_held_release_is_rejected_and_can_be_accepted_later(site: Site) -> None:
    cookie = sign_in(site)
    fields = fields_of(site.get("/-/holds", Cookie=cookie).text, "/-/reject")
    assert site.post("/-/reject", fields, Cookie=cookie).headers["location"] == "/-/holds"
    assert (the_hold(site).state, the_hold(site).by) == (HoldState.REJECTED, "operator")
    assert site.post("/-/accept", fields, Cookie=cookie).status == 303
    assert the_hold(site).state is HoldState.ACCEPTED


def test_an_event_is_acknowledged_with_a_note_and_the_note_is_inert(site: Site) -> None:
    cookie = sign_in(site)
    (path,) = {*re.findall(r'href="(/-/event/\w+)">service-renamed', site.get("/ports", Cookie=cookie).text)}
    page = site.get(path, Cookie=cookie)
    assert "beta renamed to gamma" in page.text
    identifier = re.search(r'name="event" value="(\w+)"', page.text)
    assert identifier
    fields = {"event": identifier[1], "note": HOSTILE}
    assert site.post("/-/acknowledge", fields, Cookie=cookie).headers["location"] == path
    for shown in (path, "/ports", "/", "/ports/entry/20/tcp"):
        text = site.get(shown, Cookie=cookie).text
        assert "&lt;b&gt;not ours&lt;/b&gt; &lt;U+202E&gt;" in text, shown
        assert "<b>" not in text
    assert site.post("/-/acknowledge", {**fields, "note": " "}, Cookie=cookie).status == 400
    assert site.post("/-/acknowledge", {**fields, "event": "0" * 12}, Cookie=cookie).status == 404
    site.post("/-/acknowledge", {"event": identifier[1], "remove": "1"}, Cookie=cookie)
    assert "Nobody has acknowledged it" in site.get(path, Cookie=cookie).text


def test_without_a_session_the_pages_have_no_forms_and_nothing_is_written(site: Site) -> None:
    bearer = f"Bearer {TOKEN}"
    basic = f"Basic {base64.b64encode(f'anybody:{TOKEN}'.encode()).decode()}"
    fields = {"source": "ports", "release": the_hold(site).digest}
    assert "Accept" not in site.get("/-/holds", Authorization=basic).text
    refused = (
        {},
        {"Cookie": f"{COOKIE}=anything"},
        {"Cookie": f"{COOKIE}="},
        {"Cookie": "=;;;\x7f"},
        {"Authorization": basic},  # a browser sends these credentials by itself, from any page
        {"Authorization": "Bearer wrong"},
        {"Authorization": f"Bearer {TOKEN}x"},
    )
    for headers in refused:
        assert site.post("/-/accept", fields, **headers).status == 401, headers
    cookie = sign_in(site)
    assert site.post("/-/accept", fields, Cookie=cookie, Sec_Fetch_Site="").status == 403  # no browser of today
    assert the_hold(site).state is HoldState.HELD
    # A program has the token itself, and sends no header of browsers.
    assert site.post("/-/accept", fields, Authorization=bearer, Sec_Fetch_Site="").status == 303
    assert the_hold(site).state is HoldState.ACCEPTED


def test_a_session_ends_by_signing_out_by_time_and_with_the_token(site: Site, token: Token) -> None:
    first, second, third = (sign_in(site) for _ in range(3))
    assert site.get("/ports", Cookie=first).status == 200
    out = site.post("/-/sign-out", {}, Cookie=first)
    assert "Max-Age=0" in out.headers["set-cookie"]
    assert site.get("/ports", Cookie=first).status == 401
    token.value = "another token"
    assert site.get("/ports", Cookie=second).status == 401
    token.value = TOKEN
    assert site.get("/ports", Cookie=third).status == 200
    site.context.clock.advance(timedelta(seconds=SESSION_SECONDS))
    assert site.get("/ports", Cookie=third).status == 401


def test_a_wrong_token_signs_nobody_in(site: Site) -> None:
    for guess in ("", "wrong", TOKEN.upper(), f"{TOKEN}\0"):
        answer = site.post("/-/sign-in", {"token": guess, "next": "/-/holds"})
        assert answer.status == 403
        assert "set-cookie" not in answer.headers
        assert 'name="next" value="/-/holds"' in answer.text


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example",
        "\\\\evil",
        "/a\r\nX: y",
        "javascript:alert(1)",
        "/ü",
    ],
)
def test_signing_in_leads_to_no_other_server(site: Site, target: str) -> None:
    assert site.post("/-/sign-in", {"token": TOKEN, "next": target}).headers["location"] == "/"


def test_behind_tls_the_cookie_is_sent_over_tls_alone(tmp_path: Path) -> None:
    access = WebAccess(token=TOKEN, address="https://watch.example.org/")
    with open_site(tmp_path, access=lambda: access) as made:
        answer = made.post("/-/sign-in", {"token": TOKEN})
        assert "; Secure" in answer.headers["set-cookie"]
