"""The one door to the network: fetch the bytes of a release, whole, or say why not.

Knows URLs, HTTP and what may go wrong on the way; knows nothing of what the bytes mean: whether a body that a server
ended by closing the connection is complete, or is a release at all, is for the formats to prove.

Every failure is a FetchError with one of these reasons (tried again within the deadline: those marked *):

    bad_url           not a URL that we fetch: scheme, userinfo, a host that two parsers read differently
    dns*  connect*    the host has no address, or nothing answers there
    address_refused   the host is at an address that is not public, and `allow_private` is not set
    certificate       the server's certificate is not one for this host, now, from an authority we trust
    tls*              any other failure of TLS
    proxy*            the proxy did not let us through
    timeout*          nothing came for `connect_timeout` or `read_timeout` seconds
    deadline          the whole fetch, with everything tried again, took longer than `deadline`
    reset*  cut*      the connection broke before the answer, or in the middle of it
    network*          any other error of the operating system's network
    bad_response      not HTTP: headers too long or too many, lengths that are no lengths
    bad_encoding      a Content-Encoding we did not ask for, or several
    bad_gzip*         gzip with a wrong checksum, or bytes after its end
    too_large         more than `max_bytes`, once decoded
    redirect_refused  to a host, scheme or address that a redirect may not lead to
    too_many_redirects
    not_modified_unasked  "not modified" to a request without a condition, twice
    retry_later       429, or 503 with Retry-After: `retry_after` says when; never waited for here, and until then
                      the host is not asked again, for whatever it may have
    not_found         404, 410
    denied            401, 403, 451
    http_status*      any other status but 200; tried again when it is 408 or 5xx
    file_refused      a file: URL, and `allow_files` is not set
    file_missing  file_unreadable  file_changing

A Fetcher keeps one connection a host open between fetches, and belongs to one thread. The pace may be shared.
"""

from __future__ import annotations

import ipaddress
import os
import random
import re
import stat
import time
from collections.abc import Callable
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import unquote, urljoin, urlsplit

import requests
import urllib3.exceptions
from urllib3.util import parse_url

from watcher import __version__
from watcher.core.errors import ConfigError, FetchError
from watcher.fetch.base import NotModified, Policy, Response, Validators
from watcher.fetch.guarded_sockets import Guard, GuardedAdapter, refused
from watcher.fetch.rate_limit import HostRateLimiter
from watcher.fetch.responses import BROKEN, content_type, drain, explained, seconds_of, stated_length, whole_body

MAX_REDIRECTS = 5
_DRAINABLE = 64 * 2**10
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_REASONS = {401: "denied", 403: "denied", 451: "denied", 404: "not_found", 410: "not_found"}
_URL_CHARACTERS = re.compile(r"[!-\[\]-~]+")  # printable ASCII but space and backslash


class _Session(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> None:
        """Hide redirects: requests would read the whole body of one, however large, even when not following it."""


class HttpFetcher:
    """Fetches by one policy; a context manager. `wall` is the time of day, for a Retry-After that names a date.

    `pace` says how often a host may be asked: as often as one likes where it is not given. It goes by `clock`.
    """

    def __init__(
        self,
        policy: Policy,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        jitter: Callable[[], float] = random.random,
        wall: Callable[[], float] = time.time,
        pace: HostRateLimiter | None = None,
    ) -> None:
        agent = f"registry-watcher/{__version__}" + (f" (+{policy.contact})" if policy.contact else "")
        if not (agent.isascii() and agent.isprintable()):
            raise ConfigError("the contact goes into a header: printable ASCII only")
        if policy.proxy is not None and urlsplit(policy.proxy).scheme not in {"http", "https"}:
            raise ConfigError("a proxy is an http: or https: URL")
        self._policy = policy
        self._sleep = sleep
        self._jitter = jitter
        self._wall = wall
        self._clock = clock
        self._pace = pace
        self._guard = Guard(
            deadline=policy.deadline,
            connect_timeout=policy.connect_timeout,
            read_timeout=policy.read_timeout,
            # Twice the body: room for headers and for the framing of small chunks.
            wire_bytes=2 * policy.max_bytes + 2**20,
            allow_private=policy.allow_private,
            clock=clock,
        )
        self._session = _Session()
        self._session.trust_env = False
        self._session.verify = policy.ca_file or True
        self._session.proxies = {"http": policy.proxy, "https": policy.proxy} if policy.proxy else {}
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self._session.headers.update({"User-Agent": agent, "Accept-Encoding": "gzip"})
        for scheme in ("http://", "https://"):
            self._session.get_adapter(scheme).close()
            self._session.mount(scheme, GuardedAdapter(self._guard))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections that were kept."""
        self._session.close()

    def fetch(self, url: str, validators: Validators | None = None) -> Response | NotModified:
        """Return what stands at a URL, or NotModified when the validators still name it. Raises FetchError."""
        if url.lower().startswith("file:"):
            return _read_file(url, validators, self._policy)
        _parsed(url)
        self._guard.begin()
        asked = _clean(validators)
        answer = self._persist(url, asked)
        if isinstance(answer, NotModified) and not _believable(asked, answer.validators):
            answer = self._persist(url, Validators(), fresh=True)
            if isinstance(answer, NotModified):
                raise FetchError("not_modified_unasked", "304 to a request without a condition", transient=True)
        if isinstance(answer, NotModified):
            return NotModified(
                validators=Validators(
                    etag=answer.validators.etag or asked.etag,
                    last_modified=answer.validators.last_modified or asked.last_modified,
                )
            )
        return answer

    def asked_to_wait(self, url: str) -> float:
        """Return the seconds for which the host of a URL asked to be left alone; 0 when it may be asked."""
        return self._pace.asked_to_wait(urlsplit(url).netloc, self._clock()) if self._pace is not None else 0.0

    def _persist(self, url: str, asked: Validators, *, fresh: bool = False) -> Response | NotModified:
        """Fetch, and again while that can help and there is time."""
        attempt = 1
        while True:
            try:
                return self._follow(url, asked, fresh=fresh)
            except FetchError as error:
                if error.reason == "timeout":
                    self._guard.left()  # a wait cut short by the deadline is the deadline's
                if not error.transient or error.retry_after is not None or attempt >= self._policy.attempts:
                    raise
                pause = self._policy.backoff * 2 ** (attempt - 1) * (0.5 + self._jitter())
                if self._guard.left() <= pause:
                    raise
            self._sleep(pause)
            attempt += 1

    def _follow(self, url: str, asked: Validators, *, fresh: bool) -> Response | NotModified:
        here = url
        for _ in range(MAX_REDIRECTS + 1):
            answer = self._exchange(here, asked, fresh=fresh)
            if not isinstance(answer, str):
                return answer
            here = self._allowed(answer, url, here)
        raise FetchError("too_many_redirects", f"more than {MAX_REDIRECTS} redirects", transient=False)

    def _allowed(self, location: str, first: str, here: str) -> str:
        """Return the URL that a redirect leads to. Raises FetchError where it may not."""

        def no(why: str) -> FetchError:
            return FetchError("redirect_refused", f"redirected {why}", transient=False)

        # Looked at before it is joined: joining quietly takes out tabs and line breaks.
        if not _URL_CHARACTERS.fullmatch(location):
            raise no("to what is not a URL")
        try:
            target = urljoin(here, location)
            scheme, host = _parsed(target)
        except ValueError as error:
            raise no("to what is not a URL") from error
        except FetchError as error:
            raise no(f"to what is not fetched: {error}") from error
        if _parsed(here)[0] == "https" and scheme == "http":
            raise no("from https to http")
        allowed = {_parsed(first)[1], *(name.lower().rstrip(".") for name in self._policy.allow_hosts)}
        if host not in allowed:
            raise no(f"to another host, {host[:200]}")
        return target

    def _exchange(self, url: str, asked: Validators, *, fresh: bool) -> Response | NotModified | str:
        """Make one request; return its answer, or where it redirects to."""
        headers = {"If-None-Match": asked.etag, "If-Modified-Since": asked.last_modified}
        if fresh:
            headers["Cache-Control"] = "no-cache"
        self._literal_behind_proxy(url)
        self._take_turn(url)
        self._guard.left()
        self._guard.request()
        try:
            response = self._session.get(
                url,
                headers={name: value for name, value in headers.items() if value},
                stream=True,
                allow_redirects=False,
                timeout=(self._policy.connect_timeout, self._policy.read_timeout),
            )
        except BROKEN as error:
            self._guard.abandon()
            raise explained(error) from error
        try:
            return self._taken(response)
        except BROKEN as error:
            raise explained(error) from error
        except FetchError as error:
            if error.retry_after is not None and self._pace is not None:
                self._pace.leave_alone(urlsplit(url).netloc, error.retry_after, self._clock())
            raise
        finally:
            response.close()

    def _take_turn(self, url: str) -> None:
        """Wait until the host may be asked. Raises FetchError (`retry_later`) where it asked for a longer silence."""
        if self._pace is None:
            return
        host, now = urlsplit(url).netloc, self._clock()
        if seconds := self._pace.asked_to_wait(host, now):
            message = f"{host} asked to be left alone for another {seconds:.0f} s"
            raise FetchError("retry_later", message, transient=True, retry_after=seconds)
        if pause := self._pace.turn(host, now):
            self._sleep(pause)

    def _literal_behind_proxy(self, url: str) -> None:
        """Behind a proxy no peer can be looked at; what a URL says openly still can."""
        if self._policy.proxy is None or self._policy.allow_private:
            return
        host = _parsed(url)[1].strip("[]")
        try:
            why = refused(str(ipaddress.ip_address(host)))
        except ValueError:
            return  # a name
        if why:
            raise FetchError("address_refused", f"{host} is a {why} address", transient=False)

    def _taken(self, response: requests.Response) -> Response | NotModified | str:
        status = response.status_code
        length = stated_length(response)
        headers = response.headers
        validators = _clean(Validators(etag=headers.get("ETag"), last_modified=headers.get("Last-Modified")))
        if status == 304:
            drain(response)
            return NotModified(validators=validators)
        if status in _REDIRECTS and "Location" in headers:
            if length is not None and length <= _DRAINABLE:
                drain(response)
            return headers["Location"]
        if status != 200:
            raise self._unwelcome(status, headers.get("Retry-After"))
        if length is not None and length > self._policy.max_bytes:
            raise FetchError("too_large", f"{length} bytes, more than {self._policy.max_bytes}", transient=False)
        body = whole_body(response, self._policy.max_bytes)
        media_type, charset = content_type(headers.get("Content-Type"))
        return Response(
            body=body, url=response.url, validators=validators, media_type=media_type, charset=charset, status=status
        )

    def _unwelcome(self, status: int, retry_after: str | None) -> FetchError:
        if status == 429 or (status == 503 and retry_after is not None):
            seconds = seconds_of(retry_after or "", now=self._wall())
            message = f"HTTP status {status}, asked to wait {seconds:g} s"
            return FetchError("retry_later", message, transient=True, retry_after=seconds)
        reason = _REASONS.get(status, "http_status")
        return FetchError(reason, f"HTTP status {status}", transient=status == 408 or status >= 500)


def _parsed(url: str) -> tuple[str, str]:
    """Return the scheme and host of a URL that we fetch. Raises FetchError (`bad_url`); never shows userinfo."""

    def bad(why: str) -> FetchError:
        return FetchError("bad_url", why, transient=False)

    if not _URL_CHARACTERS.fullmatch(url):
        raise bad("a URL has neither spaces, backslashes, control characters nor anything beyond ASCII")
    try:
        parts, other = urlsplit(url), parse_url(url)
        host, _ = parts.hostname, parts.port
    except (ValueError, urllib3.exceptions.LocationParseError) as error:
        raise bad("not a URL") from error
    if parts.scheme not in {"http", "https"}:
        raise bad(f"the scheme {parts.scheme!a} is not fetched")
    if "@" in parts.netloc or other.auth:
        raise bad("a user name or password in a URL is refused")
    # Two readings of one URL are how a check is made to look at one host and the connection at another.
    if not host or host != (other.host or "").strip("[]").lower():
        raise bad("the host cannot be told")
    return parts.scheme, host.rstrip(".")


def _clean(validators: Validators | None) -> Validators:
    """Leave out what could not be sent back in a header."""

    def kept(value: str | None) -> str | None:
        return value if value and value.isascii() and value.isprintable() and len(value) <= 1000 else None

    if validators is None:
        return Validators()
    return Validators(etag=kept(validators.etag), last_modified=kept(validators.last_modified))


def _believable(asked: Validators, answered: Validators) -> bool:
    """Whether a 304 answers what was asked: it was asked, and does not speak of another state."""
    if asked.etag and answered.etag:
        return _bare(asked.etag) == _bare(answered.etag)
    if asked.last_modified and answered.last_modified and not asked.etag:
        return asked.last_modified == answered.last_modified
    return bool(asked.etag or asked.last_modified)


def _bare(etag: str) -> str:
    # Apache marks a compressed answer inside its tag, and not always in its 304.
    return etag.removeprefix("W/").strip('"').removesuffix("-gzip")


def _read_file(url: str, validators: Validators | None, policy: Policy) -> Response | NotModified:
    """Read a local mirror; its validators are made of the file's time and size."""
    parts = urlsplit(url)
    if not policy.allow_files:
        raise FetchError("file_refused", "file: URLs are not allowed by the configuration", transient=False)
    path = Path(unquote(parts.path))
    if parts.netloc not in {"", "localhost"} or not path.is_absolute() or "\0" in str(path):
        raise FetchError("bad_url", "a file: URL names a file of this machine, by its whole path", transient=False)
    try:
        # Without O_NONBLOCK, opening a pipe would wait for its writer for ever.
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:  # noqa: PTH123 - by descriptor
            before = os.fstat(file.fileno())
            if not stat.S_ISREG(before.st_mode):
                raise FetchError("file_unreadable", f"{path} is not a file", transient=False)
            tag = Validators(etag=f'"{before.st_mtime_ns:x}-{before.st_size:x}"')
            if validators is not None and validators.etag == tag.etag:
                return NotModified(validators=tag)
            body = file.read(policy.max_bytes + 1)
            after = os.fstat(file.fileno())
    except FileNotFoundError as error:
        raise FetchError("file_missing", f"{path} is not there", transient=False) from error
    except OSError as error:
        raise FetchError("file_unreadable", f"{path}: {error.strerror}", transient=False) from error
    if len(body) > policy.max_bytes:
        raise FetchError("too_large", f"{path} has more than {policy.max_bytes} bytes", transient=False)
    if (after.st_mtime_ns, after.st_size) != (before.st_mtime_ns, before.st_size) or len(body) != before.st_size:
        raise FetchError("file_changing", f"{path} changed while it was read", transient=True)
    return Response(body=body, url=url, validators=tag)
