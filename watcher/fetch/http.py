"""Fetch the bytes of a release over HTTP or from a file, complete, or raise a FetchError that says why not.

Nothing here knows what the bytes mean. Where the server ends a body by closing the connection, only the format can
prove that it is complete.

Reasons of a FetchError (the ones with * are retried within the deadline):

    bad_url           not a URL that is fetched: scheme, userinfo, or a host that two parsers read differently
    dns*  connect*    the host has no address, or does not answer there
    address_refused   the host has an address that is not public, and `allow_private` is not set
    certificate       no trusted authority vouches for this host at this time, or `ca_file` cannot be read
    tls*              any other failure of TLS
    proxy*            the proxy cannot be reached, or refused the connection
    timeout*          nothing arrived for `connect_timeout` or `read_timeout` seconds
    deadline          the whole fetch, with all retries, took longer than `deadline`
    reset*  cut*      the connection broke before the response, or in the middle of it
    network*          any other error of the operating system's network
    bad_response      not HTTP: a line that is no header, too long or too many headers, invalid lengths
    bad_encoding      a Content-Encoding that was not asked for, or several; a packed file without one
    bad_gzip*         not gzip as announced, a wrong checksum, or bytes after its end
    too_large         more than `max_bytes` when decoded
    redirect_refused  to a host, scheme or address that a redirect may not lead to
    too_many_redirects
    not_modified_unasked  "not modified" to a request without a condition, twice
    retry_later       429, or 503 with Retry-After: `retry_after` says when. Nothing waits for it here, and no request
                      goes to the host until then, whatever it is for
    not_found         404, 410
    denied            401, 403, 451
    http_status*      any other status but 200; only 408 and 5xx are retried
    file_refused      a file: URL, and `allow_files` is not set
    file_missing  file_unreadable  file_changing
"""

from __future__ import annotations

import ipaddress
import os
import stat
from http.cookiejar import DefaultCookiePolicy
from typing import Self
from urllib.parse import urljoin, urlsplit

import requests

from watcher import __version__
from watcher.core.clock import Clock, SystemClock
from watcher.core.errors import ConfigError, FetchError
from watcher.fetch.base import NotModified, Policy, Response, Validators
from watcher.fetch.guarded_sockets import Guard, address_error
from watcher.fetch.rate_limit import HostLimiter
from watcher.fetch.responses import (
    LIBRARY_ERRORS,
    RETRY_AFTER_MIN,
    content_length,
    drain,
    explain_error,
    parse_retry_after,
    read_body,
    refuse_packed,
)
from watcher.fetch.sessions import guard_session
from watcher.fetch.urls import URL_CHARACTERS, parse_file_url, parse_http_url

MAX_REDIRECTS = 5
_DRAINABLE = 64 * 2**10
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_REASONS = {401: "denied", 403: "denied", 451: "denied", 404: "not_found", 410: "not_found"}


class _Session(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> None:
        """Hide redirects from requests: it reads the whole body of one, however large, even if it does not follow."""


class HttpFetcher:
    """Fetches under one policy, for one thread; a context manager. Threads may share `limiter`."""

    def __init__(self, policy: Policy, *, clock: Clock | None = None, limiter: HostLimiter | None = None) -> None:
        agent = f"registry-watcher/{__version__}" + (f" (+{policy.contact})" if policy.contact else "")
        if not (agent.isascii() and agent.isprintable()):
            raise ConfigError("fetch.contact: goes into a header; use printable ASCII only")
        self._policy = policy
        self._clock = clock or SystemClock()
        self._limiter = limiter
        self._guard = Guard(
            deadline=policy.deadline,
            connect_timeout=policy.connect_timeout,
            read_timeout=policy.read_timeout,
            # Twice the body, because headers and the framing of small chunks count too.
            wire_bytes=2 * policy.max_bytes + 2**20,
            allow_private=policy.allow_private,
            clock=self._clock,
        )
        self._session = guard_session(_Session(), self._guard, ca_file=policy.ca_file, proxy=policy.proxy)
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self._session.headers.update({"User-Agent": agent, "Accept-Encoding": "gzip"})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._session.close()

    def fetch(self, url: str, validators: Validators | None = None) -> Response | NotModified:
        """Return the resource, or NotModified if the validators name its present state. Raises FetchError."""
        if url.lower().startswith("file:"):
            return _read_file(url, validators, self._policy)
        parse_http_url(url)
        self._guard.begin()
        sent = _sendable(validators)
        response = self._retry(url, sent)
        if isinstance(response, NotModified) and not _matches(sent, response.validators):
            response = self._retry(url, Validators(), no_cache=True)
            if isinstance(response, NotModified):
                raise FetchError("not_modified_unasked", "304 to a request without a condition", transient=True)
        if isinstance(response, NotModified):
            return NotModified(
                validators=Validators(
                    etag=response.validators.etag or sent.etag,
                    last_modified=response.validators.last_modified or sent.last_modified,
                )
            )
        return response

    def _retry(self, url: str, sent: Validators, *, no_cache: bool = False) -> Response | NotModified:
        attempt = 1
        while True:
            try:
                return self._follow_redirects(url, sent, no_cache=no_cache)
            except FetchError as error:
                if error.reason == "timeout":
                    self._guard.seconds_left()  # a timeout that the deadline cut short is reported as the deadline
                if not error.transient or error.retry_after is not None or attempt >= self._policy.attempts:
                    raise
                pause = self._policy.backoff * 2 ** (attempt - 1) * (0.5 + self._clock.jitter())
                if self._guard.seconds_left() <= pause:
                    raise
            self._clock.sleep(pause)
            attempt += 1

    def _follow_redirects(self, url: str, sent: Validators, *, no_cache: bool) -> Response | NotModified:
        current = url
        for _ in range(MAX_REDIRECTS + 1):
            response = self._request(current, sent, no_cache=no_cache)
            if not isinstance(response, str):
                return response
            current = self._redirect_target(response, url, current)
        raise FetchError("too_many_redirects", f"more than {MAX_REDIRECTS} redirects", transient=False)

    def _redirect_target(self, location: str, first: str, current: str) -> str:

        def refused(why: str) -> FetchError:
            return FetchError("redirect_refused", f"redirected {why}", transient=False)

        location = _encode_location(location)
        # Checked before urljoin, which silently removes tabs and line breaks.
        if not URL_CHARACTERS.fullmatch(location):
            raise refused("to an invalid URL")
        try:
            target = urljoin(current, location)
            scheme, host = parse_http_url(target)
        except ValueError as error:
            raise refused("to an invalid URL") from error
        except FetchError as error:
            raise refused(f"to a URL that is not fetched: {error}") from error
        if parse_http_url(current)[0] == "https" and scheme == "http":
            raise refused("from https to http")
        allowed = {parse_http_url(first)[1], *(name.lower().rstrip(".") for name in self._policy.allow_hosts)}
        if host not in allowed:
            raise refused(f"to another host, {host[:200]}")
        return target

    def _request(self, url: str, sent: Validators, *, no_cache: bool) -> Response | NotModified | str:
        if self._limiter is None:
            return self._send(url, sent, no_cache=no_cache)
        with self._limiter.lock_host(urlsplit(url).netloc) as waited:
            self._guard.extend(waited)
            return self._send(url, sent, no_cache=no_cache)

    def _send(self, url: str, sent: Validators, *, no_cache: bool) -> Response | NotModified | str:
        headers = {"If-None-Match": sent.etag, "If-Modified-Since": sent.last_modified}
        if no_cache:
            headers["Cache-Control"] = "no-cache"
        self._check_literal_address(url)
        self._wait_for_host(url)
        self._guard.seconds_left()
        self._guard.start_response()
        try:
            response = self._session.get(
                url,
                headers={name: value for name, value in headers.items() if value},
                stream=True,
                allow_redirects=False,
                timeout=(self._policy.connect_timeout, self._policy.read_timeout),
            )
        except LIBRARY_ERRORS as error:
            raise explain_error(error) from error
        except ConfigError as error:
            raise FetchError("certificate", str(error), transient=False) from error
        try:
            return self._read_response(response)
        except LIBRARY_ERRORS as error:
            raise explain_error(error) from error
        except FetchError as error:
            if error.retry_after is not None and self._limiter is not None:
                self._limiter.block(urlsplit(url).netloc, error.retry_after)
            raise
        finally:
            response.close()

    def _wait_for_host(self, url: str) -> None:
        """Wait for the interval of the host.

        Raises FetchError (`retry_later`) if the host asked for a pause, StoreError if the lock of the host was lost.
        """
        if self._limiter is None:
            return
        host = urlsplit(url).netloc
        if seconds := self._limiter.blocked_for(host):
            message = f"{host} asked for no requests for another {seconds:.0f} s"
            raise FetchError("retry_later", message, transient=True, retry_after=seconds)
        if pause := self._limiter.reserve(host):
            self._clock.sleep(pause)
        self._limiter.confirm(host)

    def _check_literal_address(self, url: str) -> None:
        """Refuse an address in the URL that is not public; behind a proxy the address of a name cannot be checked."""
        if not self._policy.proxy or self._policy.allow_private:
            return
        host = parse_http_url(url)[1].strip("[]")
        try:
            error = address_error(host, str(ipaddress.ip_address(host)))
        except ValueError:
            return  # a name
        if error:
            raise error

    def _read_response(self, response: requests.Response) -> Response | NotModified | str:
        status = response.status_code
        length = content_length(response)
        headers = response.headers
        validators = _sendable(Validators(etag=headers.get("ETag"), last_modified=headers.get("Last-Modified")))
        if status == 304:
            drain(response)
            return NotModified(validators=validators)
        if status in _REDIRECTS and "Location" in headers:
            if length is not None and length <= _DRAINABLE:
                drain(response)
            return headers["Location"]
        if status != 200:
            raise self._status_error(status, headers.get("Retry-After"))
        if length is not None and length > self._policy.max_bytes:
            raise FetchError("too_large", f"{length} bytes, more than {self._policy.max_bytes}", transient=False)
        body = read_body(response, self._policy.max_bytes)
        refuse_packed(body)
        return Response(body=body, url=response.url, validators=validators)

    def _status_error(self, status: int, retry_after: str | None) -> FetchError:
        if status == 429 or (status == 503 and retry_after is not None):
            # A value that cannot be parsed counts as a minute, because the server did ask for a pause.
            seconds = parse_retry_after(retry_after or "", now=self._clock.now()) or RETRY_AFTER_MIN
            message = f"HTTP status {status}, asked to wait {seconds:g} s"
            return FetchError("retry_later", message, transient=True, retry_after=seconds)
        reason = _REASONS.get(status, "http_status")
        return FetchError(reason, f"HTTP status {status}", transient=status == 408 or status >= 500)


def _encode_location(location: str) -> str:
    """Return a Location with spaces and bytes beyond ASCII as percent-encodings, as browsers and curl send them."""
    raw = location.strip(" ").encode("latin-1", "replace")  # http.client decodes headers as Latin-1
    return "".join(f"%{byte:02X}" if byte == 0x20 or byte > 0x7F else chr(byte) for byte in raw)


def _sendable(validators: Validators | None) -> Validators:

    def checked(value: str | None) -> str | None:
        return value if value and value.isascii() and value.isprintable() and len(value) <= 1000 else None

    if validators is None:
        return Validators()
    return Validators(etag=checked(validators.etag), last_modified=checked(validators.last_modified))


def _matches(sent: Validators, received: Validators) -> bool:
    """Return whether a 304 is about the state that the request named; without a condition it cannot be."""
    if sent.etag and received.etag:
        return _bare_etag(sent.etag) == _bare_etag(received.etag)
    if sent.last_modified and received.last_modified and not sent.etag:
        return sent.last_modified == received.last_modified
    return bool(sent.etag or sent.last_modified)


def _bare_etag(etag: str) -> str:
    # Apache marks a compressed response inside its tag, and not always in its 304.
    return etag.removeprefix("W/").strip('"').removesuffix("-gzip")


def _read_file(url: str, validators: Validators | None, policy: Policy) -> Response | NotModified:
    if not policy.allow_files:
        raise FetchError("file_refused", "file: URLs are not allowed by the configuration", transient=False)
    path = parse_file_url(url)
    try:
        # Without O_NONBLOCK, opening a pipe would wait for a writer forever.
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:  # noqa: PTH123 - by descriptor
            before = os.fstat(file.fileno())
            if not stat.S_ISREG(before.st_mode):
                raise FetchError("file_unreadable", f"{path}: not a regular file", transient=False)
            current = Validators(etag=f'"{before.st_mtime_ns:x}-{before.st_size:x}"')
            if validators is not None and validators.etag == current.etag:
                return NotModified(validators=current)
            body = file.read(policy.max_bytes + 1)
            after = os.fstat(file.fileno())
    except FileNotFoundError as error:
        raise FetchError("file_missing", f"{path}: no such file", transient=False) from error
    except OSError as error:
        raise FetchError("file_unreadable", f"{path}: {error.strerror}", transient=False) from error
    if len(body) > policy.max_bytes:
        raise FetchError("too_large", f"{path}: more than {policy.max_bytes} bytes", transient=False)
    refuse_packed(body)
    if (after.st_mtime_ns, after.st_size) != (before.st_mtime_ns, before.st_size) or len(body) != before.st_size:
        raise FetchError("file_changing", f"{path}: changed while it was read", transient=True)
    return Response(body=body, url=url, validators=current)
