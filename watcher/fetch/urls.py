"""Decide which URLs can be fetched. Contacts no address."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from watcher.core.errors import FetchError
from watcher.core.lazy import load
from watcher.core.patterns import regex
from watcher.fetch.addresses import refusal

if TYPE_CHECKING:
    import urllib3
else:
    urllib3 = load("urllib3")

URL_CHARACTERS = regex(r"[!-\[\]-~]+")  # printable ASCII without space and backslash
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_PLAIN_HOST = regex(rf"{_LABEL}(?:\.{_LABEL})*")
# Both parsers read such a URL alike. Without it, reading a configuration would load urllib3, which takes 17 ms.
_PLAIN_URL = regex(rf"(https?)://({_PLAIN_HOST.pattern})(?::[1-9][0-9]{{0,3}})?(?:/[A-Za-z0-9/._-]*)?")


def find_url_problem(url: str, *, allow_private: bool, has_proxy: bool) -> str | None:
    """Return why every fetch of a URL would be refused, whatever a server says; None if one may succeed."""
    try:
        if url.lower().startswith("file:"):
            parse_file_url(url)
            return None
        host = parse_http_url(url)[1]
    except FetchError as error:
        return str(error)
    try:
        if not _PLAIN_HOST.fullmatch(host):  # or it has only labels that the codec accepts, and need not be loaded
            host.encode("idna")  # as the resolver does
    except UnicodeError:
        return "the host name has a label that is empty or longer than 63 characters"
    if allow_private:
        return None
    hint = "allow_private = true in [fetch] allows it"
    try:
        why = refusal(host)
    except ValueError:  # a name; that of a server behind a proxy is not resolved here
        is_local = host == "localhost" or host.endswith(".localhost")
        return f"{host} is this machine; {hint}" if is_local and not has_proxy else None
    return f"{host} is not public ({why}); {hint}" if why else None


def parse_http_url(url: str) -> tuple[str, str]:
    """Return the scheme and host of an HTTP URL. Raises FetchError (`bad_url`), which never shows userinfo."""

    def bad(why: str) -> FetchError:
        return FetchError("bad_url", why, transient=False)

    if (plain := _PLAIN_URL.fullmatch(url)) is not None:
        return plain[1], plain[2]
    if not URL_CHARACTERS.fullmatch(url):
        raise bad("the URL has spaces, backslashes, control characters or characters beyond ASCII")
    try:
        parts, other = urlsplit(url), urllib3.util.parse_url(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise bad("not a URL") from error
    if parts.scheme not in {"http", "https"}:
        raise bad(f"the scheme {parts.scheme!a} is not fetched")
    if "@" in parts.netloc or other.auth:
        raise bad("a URL with a user name or password is refused")
    # A URL that two parsers read differently could pass the check with one host and connect to another.
    if not host or host != (other.host or "").strip("[]").lower():
        raise bad("the host is missing or ambiguous")
    return parts.scheme, host.rstrip(".")


def parse_file_url(url: str) -> Path:
    """Return the path of a file: URL. Raises FetchError (`bad_url`)."""
    parts = urlsplit(url)
    path = Path(unquote(parts.path))
    if parts.netloc not in {"", "localhost"} or not path.is_absolute() or "\0" in str(path):
        raise FetchError(
            "bad_url", "a file: URL must name a file of this machine by its absolute path", transient=False
        )
    return path
