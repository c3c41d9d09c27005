"""Turn what the server would answer into a file: links lead to files, and what needs a server is left out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from urllib.parse import urljoin

from lxml import etree, html

from watcher.render.json import dumps
from watcher.site.addresses import relative

Find = Callable[[str], str | None]


def make_page(page: bytes, path: str, find: Find, files: Sequence[tuple[str, str]] = ()) -> bytes:
    """Return a page as the file `path`: forms, scripts, and links to pages that the site does not have are left out.

    `find` returns the file for a link of the server. `files` are names and paths of other files to name at the end.
    """
    document = html.document_fromstring(page, parser=html.HTMLParser(encoding="utf-8"))
    for element in [*document.iter("form", "script")]:
        element.drop_tree()
    for element in [*document.find_class("permanent")]:  # names the newest release, and would change with each
        element.drop_tree()
    for element in [*document.find_class("served")]:  # lists of links to pages that the server alone has
        element.drop_tree()
    for element in [*document.find_class("feeds")]:
        if not any(find(link.get("href", "")) for link in element.iter("a")):
            element.drop_tree()
    for element in [*document.iter("link", "a")]:
        if (href := element.get("href", "")).startswith("/"):
            _set_link(element, path, href, find)
    if files:
        _add_files(document, path, files)
    text: bytes = html.tostring(document, encoding="utf-8", doctype="<!doctype html>")
    return text + b"\n"


def _set_link(element: html.HtmlElement, path: str, href: str, find: Find) -> None:
    target = find(href)
    if target is not None:
        element.set("href", relative(path, target))
        return
    parent = element.getparent()
    is_words = element.tag == "a" and parent is not None and parent.tag not in ("nav", "p", "small", "svg")
    if not is_words or "button" in element.get("class", "") or "more" in element.get("class", ""):
        element.drop_tree()
        if parent is not None and parent.tag == "p" and not len(parent) and not (parent.text or "").strip():
            parent.drop_tree()
    else:
        element.drop_tag()


def _add_files(document: html.HtmlElement, path: str, files: Sequence[tuple[str, str]]) -> None:
    line = etree.SubElement(document.get_element_by_id("main"), "p", {"class": "cloud"})
    for name, target in files:
        link = etree.SubElement(line, "a", {"href": relative(path, target)})
        link.text, link.tail = name, " "


def make_json(document: Mapping[str, object]) -> bytes:
    """Return a document as the bytes of a JSON file."""
    return f"{dumps(document)}\n".encode()


def join_address(address: str, path: str) -> str:
    """Return the URL of a file of the site."""
    return urljoin(address.rstrip("/") + "/", path)
