"""Which file of a site has the page that a link of the server leads to."""

from __future__ import annotations

import hashlib
import posixpath
from collections.abc import Callable, Collection, Mapping, Sequence
from urllib.parse import parse_qs, unquote, urlsplit

_SAFE = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._,@")
_LONGEST = 120  # characters of a name, so that a suffix fits into the 255 of a file system
OWN = "-"  # a folder that no source has
STYLE = f"{OWN}/style.css"
Place = tuple[str, ...]  # the parts of a page's path, then "?" and the parameters that choose it

ListPages = Callable[[str], Mapping[Place, str]]  # of a source


def name_part(text: str) -> str:
    """Return a part of a path as the name of a file: `=XX` for what a URL or a file system could read otherwise."""
    octets = text.encode("utf-8", "replace")
    name = "".join(chr(octet) if chr(octet) in _SAFE else f"={octet:02X}" for octet in octets)
    if not name.strip("."):
        name = name.replace(".", "=2E")
    if len(name) > _LONGEST:
        name = f"{name[: _LONGEST - 17]}={hashlib.sha256(octets).hexdigest()[:16]}"
    return name


class SiteMap:
    """The pages of a site by their place, and the files that have them. The pages of a source are listed when asked."""

    def __init__(self, pages: Mapping[Place, str], sources: Collection[str], list_pages: ListPages) -> None:
        self._pages = pages
        self._sources = frozenset(sources)
        self._list_pages = list_pages

    def find(self, url: str) -> str | None:
        """Return the file for a link of the server, or None: the site has no such page."""
        parsed = urlsplit(url)
        if parsed.scheme or parsed.netloc or not parsed.path.startswith("/"):
            return None
        parts = [unquote(part, errors="replace") for part in parsed.path.strip("/").split("/") if part]
        if parts[:2] == [OWN, "static"]:
            return STYLE if parts[2:] == ["style.css"] else None
        place = place_of(parts, {name: values[-1] for name, values in parse_qs(parsed.query).items()})
        pages = self._list_pages(parts[0]) if parts and parts[0] in self._sources else self._pages
        return pages.get(place)


def place_of(parts: Sequence[str], query: Mapping[str, str] | None = None) -> Place:
    """Return the place of a page: the parameters that do not choose another page of a site are left out."""
    given = {name: value for name, value in (query or {}).items() if value and name not in ("at", "quiet", "protocol")}
    if given.get("start") == "0":
        del given["start"]
    return (*parts, "?", *(f"{name}={value}" for name, value in sorted(given.items()))) if given else tuple(parts)


def relative(path: str, target: str) -> str:
    """Return the link from one file to another."""
    return posixpath.relpath(target, posixpath.dirname(path) or ".")
