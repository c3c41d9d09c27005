"""Read a response: its framing, its whole decoded body, and what errors of the libraries mean."""

from __future__ import annotations

import email.utils
import http.client
import re
import ssl
import zlib
from collections.abc import Iterator
from datetime import datetime

import requests
import urllib3.exceptions

from watcher.core.errors import FetchError

RETRY_AFTER_MIN, RETRY_AFTER_MAX = 60.0, 86400.0
LIBRARY_ERRORS = (
    requests.RequestException,
    urllib3.exceptions.HTTPError,
    http.client.HTTPException,
    OSError,
    ValueError,
)
_CHUNK = 64 * 2**10


def parse_retry_after(retry_after: str, *, now: datetime, least: float = RETRY_AFTER_MIN) -> float | None:
    """Return the seconds of a Retry-After (RFC 9110 section 10.2.3), `least` to a day; None if invalid."""
    text = retry_after.strip()
    try:
        if re.fullmatch(r"[0-9]+", text):
            seconds = float(text[:20])  # a longer number is a long wait, not an error
        else:
            seconds = (email.utils.parsedate_to_datetime(text) - now).total_seconds()
    except (ValueError, TypeError, OverflowError):  # TypeError: the date has no time zone
        return None
    return min(max(seconds, least), RETRY_AFTER_MAX)


def content_length(response: requests.Response) -> int | None:
    """Return the Content-Length; None without one. Raises FetchError if the framing cannot be trusted."""
    coding = response.headers.get("Transfer-Encoding")
    if coding is not None and coding.strip().lower() != "chunked":
        raise FetchError("bad_response", f"transfer encoding {coding[:80]!a}", transient=False)
    header = response.headers.get("Content-Length")
    if header is None or coding is not None:
        return None
    lengths = {part.strip() for part in header.split(",")}
    text = lengths.pop()
    if lengths or not re.fullmatch(r"[0-9]{1,18}", text):
        raise FetchError("bad_response", f"Content-Length {header[:80]!a}", transient=False)
    return int(text)


def _chunks(response: requests.Response) -> Iterator[bytes]:
    while chunk := response.raw.read(_CHUNK, decode_content=False):
        yield chunk


def drain(response: requests.Response) -> None:
    for _ in _chunks(response):
        pass


def read_body(response: requests.Response, limit: int) -> bytes:
    """Return the decoded body, complete and at most `limit` bytes. Raises FetchError."""
    encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding in {"identity", ""}:
        return _join(_chunks(response), limit)
    if encoding in {"gzip", "x-gzip"}:
        return _join(_inflate(_chunks(response), limit), limit)
    raise FetchError("bad_encoding", f"content encoding {encoding[:80]!a}", transient=False)


def _join(chunks: Iterator[bytes], limit: int) -> bytes:
    body = bytearray()
    for chunk in chunks:
        body += chunk
        if len(body) > limit:
            raise FetchError("too_large", f"more than {limit} bytes", transient=False)
    return bytes(body)


def _inflate(chunks: Iterator[bytes], limit: int) -> Iterator[bytes]:
    """Yield the content of one gzip member in pieces, so that a gzip bomb fills no memory beyond the limit."""
    inflater = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    piece = min(limit + 1, 2**20)
    try:
        for chunk in chunks:
            pending = chunk
            if inflater.eof:
                raise FetchError("bad_gzip", "bytes after the end of the gzip stream", transient=True)
            # After a full piece the inflater may hold more output even if no input is left.
            while pending and not inflater.eof:
                yield inflater.decompress(pending, piece)
                pending = inflater.unconsumed_tail
        while not inflater.eof and (rest := inflater.decompress(b"", piece)):
            yield rest
    except zlib.error as error:
        raise FetchError("bad_gzip", f"damaged gzip: {error}", transient=True) from error
    if not inflater.eof:
        raise FetchError("cut", "the gzip stream is incomplete", transient=True)
    if inflater.unused_data:
        raise FetchError("bad_gzip", "bytes after the end of the gzip stream", transient=True)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and every error behind it: requests and urllib3 wrap errors in four ways."""
    seen: set[int] = set()
    queue = [error]
    while queue:
        current = queue.pop(0)
        if id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        wrapped = (getattr(current, "reason", None), current.__cause__, current.__context__, *current.args)
        queue += [cause for cause in wrapped if isinstance(cause, BaseException)]


# Reason, whether it is transient, and the errors that mean it; the first line that fits counts.
_EXPLANATIONS: tuple[tuple[str, bool, tuple[type[BaseException], ...]], ...] = (
    ("certificate", False, (ssl.SSLCertVerificationError, ssl.CertificateError)),
    ("timeout", True, (TimeoutError, urllib3.exceptions.TimeoutError)),
    ("tls", True, (ssl.SSLError, urllib3.exceptions.SSLError)),
    ("cut", True, (http.client.IncompleteRead, urllib3.exceptions.IncompleteRead)),
    ("reset", True, (ConnectionError,)),
    ("proxy", True, (urllib3.exceptions.ProxyError,)),
    ("bad_response", False, (http.client.HTTPException, urllib3.exceptions.InvalidHeader)),
    ("bad_url", False, (requests.exceptions.InvalidURL, urllib3.exceptions.LocationValueError)),
    ("bad_response", False, (requests.exceptions.InvalidHeader,)),
)


def explain_error(error: BaseException) -> FetchError:
    causes = list(_causes(error))
    for reason, transient, kinds in _EXPLANATIONS:
        for cause in causes:
            if isinstance(cause, kinds):
                return FetchError(reason, ascii(str(cause) or type(cause).__name__)[1:-1][:300], transient=transient)
    # The errors of requests are OSErrors too, whatever happened; a bare ValueError comes from a parser.
    is_network = any(
        isinstance(cause, OSError) and not isinstance(cause, requests.RequestException) for cause in causes
    )
    return FetchError("network" if is_network else "bad_response", ascii(str(error))[1:-1][:300], transient=is_network)
