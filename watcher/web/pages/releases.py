"""All releases of a source, the newest first, each with what it changed."""

from __future__ import annotations

from watcher.web.filters import read_number
from watcher.web.html import render_html
from watcher.web.page import PageContext, PageRequest, PageResponse

_MOST = 500


def render(context: PageContext, request: PageRequest) -> PageResponse:
    (source,) = request.parts
    with context.open_store() as store:
        releases = store.history.list_releases(source)
        has_ports = store.history.read_registry_id(source) == "ports"
    start = read_number(request, "start", 0, len(releases))
    return render_html(
        "releases.html",
        viewer=request.viewer,
        source=source,
        releases=list(reversed(releases))[start : start + _MOST],
        first=releases[0] if releases else None,
        number=len(releases),
        start=start,
        step=_MOST,
        has_ports=has_ports,
    )
