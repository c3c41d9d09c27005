"""Feeds of dated entries as Atom (RFC 4287) and JSON Feed 1.1, for readers that subscribe to them."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence

from lxml import etree
from msgspec import Struct

from watcher.render.safe_text import visible

ATOM = "application/atom+xml; charset=utf-8"
JSON_FEED = "application/feed+json; charset=utf-8"
NAME = "registry-watcher"
_NAMESPACE = "http://www.w3.org/2005/Atom"
_IDS = uuid.UUID("5f4b9d3c-8f0a-5c8e-9b1d-2a7f1f0c6e11")  # the ids of entries are derived from it: it never changes
_NEVER = "1970-01-01T00:00:00Z"


class FeedEntry(Struct, frozen=True, kw_only=True):
    """One entry. `identity` names what it is about: the same identity gives the same id. `updated` is a UTC time."""

    identity: str
    title: str
    updated: str
    url: str
    category: str
    text: str


class Feed(Struct, frozen=True, kw_only=True):
    """A feed with its entries in the order in which readers are to show them; `page` and `address` are URLs."""

    title: str
    page: str
    address: str
    entries: Sequence[FeedEntry]

    @property
    def updated(self) -> str:
        """The UTC time of the newest entry."""
        return max((entry.updated for entry in self.entries), default=_NEVER)


def render_atom(feed: Feed) -> bytes:
    """Return a feed as an Atom document."""
    root = etree.Element(f"{{{_NAMESPACE}}}feed", nsmap={None: _NAMESPACE})
    _add(root, "title", feed.title)
    _add(root, "id", _id(feed.title))
    _add(root, "updated", feed.updated)
    etree.SubElement(root, f"{{{_NAMESPACE}}}link", rel="self", href=feed.address)
    etree.SubElement(root, f"{{{_NAMESPACE}}}link", rel="alternate", href=feed.page)
    author = etree.SubElement(root, f"{{{_NAMESPACE}}}author")
    _add(author, "name", NAME)
    for entry in feed.entries:
        element = etree.SubElement(root, f"{{{_NAMESPACE}}}entry")
        _add(element, "title", entry.title)
        _add(element, "id", _id(entry.identity))
        _add(element, "updated", entry.updated)
        etree.SubElement(element, f"{{{_NAMESPACE}}}link", href=entry.url)
        etree.SubElement(element, f"{{{_NAMESPACE}}}category", term=visible(entry.category))
        _add(element, "content", entry.text)
    return etree.tostring(root, xml_declaration=True, encoding="utf-8")


def render_json_feed(feed: Feed) -> bytes:
    """Return a feed as a JSON Feed."""
    document = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": visible(feed.title),
        "home_page_url": feed.page,
        "feed_url": feed.address,
        "authors": [{"name": NAME}],
        "items": [
            {
                "id": _id(entry.identity),
                "url": entry.url,
                "title": visible(entry.title),
                "content_text": visible(entry.text),
                "date_published": entry.updated,
                "tags": [visible(entry.category)],
            }
            for entry in feed.entries
        ],
    }
    return json.dumps(document, ensure_ascii=False).encode("utf-8", "replace")


def _add(parent: etree._Element, name: str, text: str) -> None:
    etree.SubElement(parent, f"{{{_NAMESPACE}}}{name}").text = visible(text)


def _id(text: str) -> str:
    return f"urn:uuid:{uuid.uuid5(_IDS, text)}"
