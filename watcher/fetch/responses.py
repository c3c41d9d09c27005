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
from watcher.core.redaction import hide_secrets
from watcher.fetch.tls import describe_tls_error

RETRY_AFTER_MIN, RETRY_AFTER_MAX = 60.0, 86400.0
LIBRARY_ERRORS = (
    requests.RequestException,
    urllib3.exceptions.HTTPError,
    http.client.HTTPException,
    OSError,
    ValueError,
)
_CHUNK = 64 * 2**10
# IANA's registry of HTTP content codings (RFC 9110 section 16.6), 2024-11, without `identity`.
_CODINGS = frozenset(
    {
        *("aes128gcm", "br", "compress", "dcb", "dcz", "deflate", "exi", "gzip", "pack200-gzip"),
        *("x-compress", "x-gzip", "zstd"),
    }
)
_SHORT = 3  # parts of a URL that are no longer say nothing
_GZIP = b"\x1f\x8b\x08"
_PACKED = {_GZIP: "gzip", b"\xfd7zXZ\0": "xz", b"\x28\xb5\x2f\xfd": "zstd", b"PK\x03\x04": "zip"}
_MAX_MEMBERS = 100_000  # one has at least 20 bytes and takes as long as some kilobytes


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
    header = response.headers.get("Content-Encoding", "")
    # What names no coding (`utf-8`, `none`, `aws-chunked`) changes nothing: servers put charsets and more there.
    codings = [coding for part in header.split(",") if (coding := part.strip().lower()) in _CODINGS]
    if not codings:
        return _join(_chunks(response), limit)
    if len(codings) == 1 and codings[0] in {"gzip", "x-gzip"}:
        return _join(_inflate(_chunks(response), limit), limit)
    raise FetchError("bad_encoding", f"content encoding {header[:80]!a}", transient=False)


def refuse_packed(body: bytes) -> None:
    """Raise FetchError (`bad_encoding`) for a body that is a packed file: no format reads one."""
    if kind := next((kind for magic, kind in _PACKED.items() if body.startswith(magic)), None):
        message = f"the body is a {kind} file, and no Content-Encoding says so; use the URL of the unpacked document"
        raise FetchError("bad_encoding", message, transient=False)


def _join(chunks: Iterator[bytes], limit: int) -> bytes:
    body = bytearray()
    for chunk in chunks:
        body += chunk
        if len(body) > limit:
            raise FetchError("too_large", f"more than {limit} bytes", transient=False)
    return bytes(body)


def _inflate(chunks: Iterator[bytes], limit: int) -> Iterator[bytes]:
    """Yield the content of all gzip members in pieces, so that a gzip bomb fills no memory beyond the limit.

    The checksum and length of every member are checked (RFC 1952 section 2.2).
    """
    inflater, members = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS), 1
    piece = min(limit + 1, 2**20)
    is_start = True
    try:
        for chunk in chunks:
            pending = chunk
            while pending:
                if inflater.eof:
                    inflater, members, is_start = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS), members + 1, True
                if is_start and not pending.startswith(_GZIP[:1]):
                    where = "the body is not gzip, as announced" if members == 1 else "bytes after the end of the gzip"
                    raise FetchError("bad_gzip", where, transient=True)
                if members > _MAX_MEMBERS:
                    raise FetchError("bad_gzip", f"more than {_MAX_MEMBERS} gzip members", transient=False)
                is_start = False
                yield inflater.decompress(pending, piece)
                # After a full piece the inflater may hold more output even if no input is left.
                pending = inflater.unconsumed_tail or inflater.unused_data
        while not inflater.eof and (rest := inflater.decompress(b"", piece)):
            yield rest
    except zlib.error as error:
        raise FetchError("bad_gzip", f"damaged gzip: {error}", transient=True) from error
    if not inflater.eof:
        raise FetchError("cut", "the gzip stream is incomplete", transient=True)


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
    """Return the FetchError that an error of the libraries means. Its message may show the URL."""
    causes = list(_causes(error))
    for reason, transient, kinds in _EXPLANATIONS:
        for cause in causes:
            if isinstance(cause, kinds):
                return FetchError(reason, ascii(_describe(reason, cause))[1:-1][:300], transient=transient)
    # The errors of requests are OSErrors too, whatever happened; a bare ValueError comes from a parser.
    is_network = any(
        isinstance(cause, OSError) and not isinstance(cause, requests.RequestException) for cause in causes
    )
    return FetchError("network" if is_network else "bad_response", ascii(str(error))[1:-1][:300], transient=is_network)


def explain_without_url(error: BaseException, url: str) -> str:
    """Return in words what an error means; no part of the URL, which may hold a token, is shown."""
    message = str(error if isinstance(error, FetchError) else explain_error(error))
    path = url.partition("://")[2].partition("/")[2]
    secrets = {url, path, *re.split("[/?&=#]", path)}
    return hide_secrets(message, (part for part in secrets if len(part) > _SHORT))


def _describe(reason: str, cause: BaseException) -> str:
    if reason in {"certificate", "tls"} and (
        tls_error := next((inner for inner in _causes(cause) if isinstance(inner, ssl.SSLError)), None)
    ):
        return describe_tls_error(tls_error)
    if reason == "proxy":
        return _describe_proxy_error(cause)
    if reason == "timeout":
        return "the server sent nothing in time"
    if reason == "cut":
        return f"the connection broke in the middle of the response: {cause}"
    if isinstance(cause, http.client.RemoteDisconnected):
        return "the server closed the connection without an answer"
    if isinstance(cause, OSError) and cause.strerror:
        return cause.strerror
    return str(cause) or type(cause).__name__


def _describe_proxy_error(error: BaseException) -> str:
    """Return in words what a proxy answered to CONNECT: urllib3 has the status only in a text."""
    texts = " ".join(str(cause) for cause in _causes(error))
    status = re.search(r"Tunnel connection failed: ([0-9]{3})", texts)
    if status is None:
        return f"the proxy cannot be used: {error}"
    hint = '; put its URL with user and password into a file and set proxy = "file:PATH"' if status[1] == "407" else ""
    return f"the proxy refused the connection with HTTP status {status[1]}{hint}"
