"""A document that is published in pages: fetch all of them, one after the other, as one body."""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from watcher.core.errors import FetchError, ParseError
from watcher.fetch.base import Fetcher, NotModified, Response, Validators

NextPage = Callable[[bytes, str], str | None]  # see `formats.base.Format`
_MAX_PAGES = 1000


def fetch_pages(
    fetcher: Fetcher, url: str, validators: Validators | None = None, *, next_page: NextPage | None, max_bytes: int
) -> Response | NotModified:
    """Fetch a document and its pages, `max_bytes` together, under the validators of the first. Raises FetchError."""
    first = fetcher.fetch(url, validators)
    if isinstance(first, NotModified) or next_page is None:
        return first
    bodies, page_url = [first.body], first.url
    while (following := _following(next_page, bodies[-1], page_url)) is not None:
        if len(bodies) >= _MAX_PAGES or sum(map(len, bodies)) > max_bytes:
            raise FetchError("too_large", f"more than {len(bodies)} pages", transient=False)
        page = fetcher.fetch(following, None)
        if isinstance(page, NotModified):
            raise FetchError("not_modified_unasked", "304 to a request without a condition", transient=True)
        bodies.append(page.body)
        page_url = following
    return replace(first, body=b"\n".join(bodies) if len(bodies) > 1 else first.body)


def _following(next_page: NextPage, page: bytes, url: str) -> str | None:
    """Return the URL of the next page; None if these bytes are no page, which the reader of the format reports."""
    try:
        return next_page(page, url)
    except ParseError:
        return None
