"""A document that is published in pages: all of them fetched, one after the other, as one. Knows no registry."""

from __future__ import annotations

from dataclasses import dataclass, replace

from watcher.core.errors import FetchError, ParseError
from watcher.fetch.base import Fetcher, NotModified, Response, Validators
from watcher.formats import iana_xhtml

_MOST_PAGES = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Paged:
    """Fetches the first page as it is asked to, then what it leads to. `max_bytes` bounds all of them together.

    The validators are the first page's: every page bears the date of the release. A page that cannot be fetched fails
    the whole, and so does one that says that it is of another number of pages.
    """

    fetcher: Fetcher
    max_bytes: int

    def fetch(self, url: str, validators: Validators | None = None) -> Response | NotModified:
        first = self.fetcher.fetch(url, validators)
        if isinstance(first, NotModified):
            return first
        bodies, here = [first.body], first.url
        while (following := _after(bodies[-1], here)) is not None:
            if len(bodies) >= _MOST_PAGES or sum(map(len, bodies)) > self.max_bytes:
                raise FetchError("too_large", f"more than {len(bodies)} pages", transient=False)
            page = self.fetcher.fetch(following, None)
            if isinstance(page, NotModified):
                raise FetchError("not_modified_unasked", "304 to a request without a condition", transient=True)
            bodies.append(page.body)
            here = following
        return replace(first, body=b"\n".join(bodies) if len(bodies) > 1 else first.body)


def _after(page: bytes, url: str) -> str | None:
    """The next page's URL; none after what is no page: the reader says what is wrong with it."""
    try:
        return iana_xhtml.next_page(page, url)
    except ParseError:
        return None
