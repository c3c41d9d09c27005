"""Take an answer of a server apart: its framing, its body whole and inflated, and what an error on the way means.

Knows HTTP's message format and the errors of requests, urllib3, ssl and zlib; makes no request and decides nothing
about the next one.
"""

from __future__ import annotations

import email.message
import email.utils
import http.client
import re
import ssl
import zlib
from collections.abc import Iterator

import requests
import urllib3.exceptions

from watcher.core.errors import FetchError

RETRY_AFTER_MIN, RETRY_AFTER_MAX = 60.0, 86400.0
BROKEN = (requests.RequestException, urllib3.exceptions.HTTPError, http.client.HTTPException, OSError, ValueError)
_CHUNK = 64 * 2**10


def seconds_of(retry_after: str, *, now: float) -> float:
    """Return what a Retry-After header asks for, in seconds between a minute and a day (RFC 9110 section 10.2.3).

    What cannot be read asks for the shortest wait: the server did ask for one.
    """
    text = retry_after.strip()
    if re.fullmatch(r"[0-9]+", text):
        # A number that would not fit is a long wait, not an error.
        return min(max(float(text[:20]), RETRY_AFTER_MIN), RETRY_AFTER_MAX)
    try:
        seconds = email.utils.parsedate_to_datetime(text).timestamp() - now
    except (ValueError, OverflowError):
        return RETRY_AFTER_MIN
    return min(max(seconds, RETRY_AFTER_MIN), RETRY_AFTER_MAX)


def stated_length(response: requests.Response) -> int | None:
    """Return the Content-Length. Raises FetchError where the framing cannot be trusted."""
    coding = response.headers.get("Transfer-Encoding")
    if coding is not None and coding.strip().lower() != "chunked":
        raise FetchError("bad_response", f"transfer encoding {coding[:80]!a}", transient=False)
    said = response.headers.get("Content-Length")
    if said is None or coding is not None:
        return None
    lengths = {part.strip() for part in said.split(",")}
    text = lengths.pop()
    if lengths or not re.fullmatch(r"[0-9]{1,18}", text):
        raise FetchError("bad_response", f"Content-Length {said[:80]!a}", transient=False)
    return int(text)


def _raw(response: requests.Response) -> Iterator[bytes]:
    while chunk := response.raw.read(_CHUNK, decode_content=False):
        yield chunk


def drain(response: requests.Response) -> None:
    """Read a small body to its end, so that the connection can be used again."""
    for _ in _raw(response):
        pass


def whole_body(response: requests.Response, limit: int) -> bytes:
    """Return the whole body. Its length is proven where the server stated one, its end where it is gzip."""
    encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding in {"identity", ""}:
        return _joined(_raw(response), limit)
    if encoding in {"gzip", "x-gzip"}:
        return _joined(_inflated(_raw(response), limit), limit)
    raise FetchError("bad_encoding", f"content encoding {encoding[:80]!a}", transient=False)


def _joined(chunks: Iterator[bytes], limit: int) -> bytes:
    body = bytearray()
    for chunk in chunks:
        body += chunk
        if len(body) > limit:
            raise FetchError("too_large", f"more than {limit} bytes", transient=False)
    return bytes(body)


def _inflated(chunks: Iterator[bytes], limit: int) -> Iterator[bytes]:
    """Inflate one gzip member a piece at a time: a bomb is never larger in memory than the limit and a piece."""
    inflater = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    piece = min(limit + 1, 2**20)
    try:
        for chunk in chunks:
            pending = chunk
            if inflater.eof:
                raise FetchError("bad_gzip", "bytes after the end of the gzip stream", transient=True)
            # A full piece may leave more inside the inflater even when no input is left.
            while pending and not inflater.eof:
                yield inflater.decompress(pending, piece)
                pending = inflater.unconsumed_tail
        while not inflater.eof and (rest := inflater.decompress(b"", piece)):
            yield rest
    except zlib.error as error:
        raise FetchError("bad_gzip", f"damaged gzip: {error}", transient=True) from error
    if not inflater.eof:
        raise FetchError("cut", "the gzip stream ends before its end", transient=True)
    if inflater.unused_data:
        raise FetchError("bad_gzip", "bytes after the end of the gzip stream", transient=True)


def content_type(value: str | None) -> tuple[str | None, str | None]:
    if not value:
        return None, None
    message = email.message.Message()
    message["Content-Type"] = value
    return message.get_content_type(), message.get_content_charset()


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and all that it was made from: requests and urllib3 wrap in four ways."""
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        found = waiting.pop(0)
        if id(found) in seen:
            continue
        seen.add(id(found))
        yield found
        others = (getattr(found, "reason", None), found.__cause__, found.__context__, *found.args)
        waiting += [other for other in others if isinstance(other, BaseException)]


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


def explained(error: BaseException) -> FetchError:
    """Return what an error of the libraries means; the first kind that stands in its chain of causes decides."""
    causes = list(_causes(error))
    for reason, transient, kinds in _EXPLANATIONS:
        for cause in causes:
            if isinstance(cause, kinds):
                return FetchError(reason, ascii(str(cause) or type(cause).__name__)[1:-1][:300], transient=transient)
    # An OSError that is only the wrapper of requests says nothing of the network; a bare ValueError is a parser's.
    bare = any(isinstance(cause, OSError) and not isinstance(cause, requests.RequestException) for cause in causes)
    return FetchError("network" if bare else "bad_response", ascii(str(error))[1:-1][:300], transient=bare)
