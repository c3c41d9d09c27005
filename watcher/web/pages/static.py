"""The files that pages use: one style sheet, htmx, and the script of the overview."""

from __future__ import annotations

from collections.abc import Mapping

from watcher.core.errors import UsageError
from watcher.web.html import STATIC
from watcher.web.page import PageContext, PageRequest, PageResponse

_TYPES: Mapping[str, str] = {
    "style.css": "text/css; charset=utf-8",
    "htmx.min.js": "text/javascript; charset=utf-8",
    "live.js": "text/javascript; charset=utf-8",
}


def render(context: PageContext, request: PageRequest) -> PageResponse:  # noqa: ARG001 - the shape of every page
    (name,) = request.parts
    if name not in _TYPES:
        raise UsageError(f"no file {name!r}")
    return PageResponse(body=(STATIC / name).read_bytes(), content_type=_TYPES[name])
