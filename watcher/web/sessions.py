"""Who is signed in, and whether a request may write: by a session's cookie or the token, from a page of ours."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import threading
from collections import OrderedDict
from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie
from urllib.parse import urlsplit

COOKIE = "registry-watcher-session"
SESSION_SECONDS = 8 * 3_600
_MOST_SESSIONS = 64


class Sessions:
    """The sessions of one server, in memory: a restart ends them, and so does another token.

    `now` is in seconds of a clock that is never set.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ends: OrderedDict[tuple[str, str], float] = OrderedDict()  # digests of session and token → its end

    def start(self, token: str, now: float) -> str:
        """Return the id of a new session; of too many the oldest ends."""
        session = secrets.token_urlsafe(32)
        with self._lock:
            self._ends[_digest(session), _digest(token)] = now + SESSION_SECONDS
            while len(self._ends) > _MOST_SESSIONS:
                self._ends.popitem(last=False)
        return session

    def is_valid(self, session: str, token: str, now: float) -> bool:
        """Return whether a session was started with this token and has not ended."""
        with self._lock:
            # Looked up by digest: how long that takes says nothing about the id.
            end = self._ends.get((_digest(session), _digest(token)))
        return end is not None and now < end

    def end(self, session: str, token: str) -> None:
        with self._lock:
            self._ends.pop((_digest(session), _digest(token)), None)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def is_token(given: str, token: str) -> bool:
    """Return whether a text is the token, in a time that says nothing about it. Nothing is an empty token."""
    return bool(token) and hmac.compare_digest(given.encode("utf-8", "surrogatepass"), token.encode())


def read_bearer(authorization: str) -> str:
    """Return the token of an Authorization header `Bearer TOKEN`, "" without one."""
    scheme, _, credentials = authorization.partition(" ")
    return credentials.strip() if scheme.lower() == "bearer" else ""


def read_basic(authorization: str) -> str:
    """Return the password of an Authorization header of HTTP Basic authentication (RFC 7617), "" without one."""
    scheme, _, credentials = authorization.partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(credentials.strip(), validate=True).decode().partition(":")[2]
    except ValueError:
        return ""


def read_session(cookie: str) -> str:
    """Return the session's id in a Cookie header, "" without one."""
    try:
        morsel = SimpleCookie(cookie).get(COOKIE)
    except CookieError:
        return ""
    return morsel.value if morsel else ""


def write_cookie(session: str, *, is_https: bool) -> str:
    """Return the Set-Cookie header of a session; of "" one that deletes it."""
    seconds = SESSION_SECONDS if session else 0
    secure = "; Secure" if is_https else ""
    return f"{COOKIE}={session}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}"


def is_from_own_page(headers: Mapping[str, str]) -> bool | None:
    """Return whether a request that writes was sent by a page of this server; None if no browser sent it.

    SameSite alone does not do: another port of the same host is the same site, and Basic credentials are sent anyway.
    """
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is None and origin is None:
        return None
    is_same_host = origin is None or urlsplit(origin).netloc.lower() == headers.get("host", "").lower()
    return site in (None, "same-origin") and is_same_host and origin != "null"
