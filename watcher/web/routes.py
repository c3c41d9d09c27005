"""The paths that the server answers. To add a page: a module in web/pages/ with a `render`, a line in ROUTES."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from watcher.web import api, feeds, healthz, memento, metrics, stream
from watcher.web.html import render_error, render_json_error, render_text_error
from watcher.web.page import Page, PageResponse
from watcher.web.pages import (
    compare,
    deadlines,
    decisions,
    document,
    entry,
    event,
    holds,
    overview,
    port_map,
    release,
    releases,
    search,
    sign_in,
    snapshot,
    source,
    static,
)
from watcher.web.policy import (
    DECIDE,
    MONITOR,
    READ,
    REDIRECT,
    SEARCH,
    SIGN_IN,
    SIGN_IN_FORM,
    SIGN_OUT,
    STATIC,
    STREAM,
    RoutePolicy,
)


class Route(NamedTuple):
    """One path; `{}` is any part of it, `{*}` all that follow. `describe_error` makes the response to an error."""

    path: str
    render: Page
    policy: RoutePolicy = READ
    describe_error: Callable[[int, str], PageResponse] = render_error
    method: str = "GET"

    @property
    def methods(self) -> tuple[str, ...]:
        return ("GET", "HEAD") if self.method == "GET" else (self.method,)

    @property
    def is_page(self) -> bool:
        """Return whether it is for people."""
        return self.describe_error is render_error


# What monitoring systems ask for: the only pages at [metrics] listen.
MONITORING: tuple[Route, ...] = (
    Route("/healthz", healthz.render, MONITOR, render_text_error),
    Route("/metrics", metrics.render, MONITOR, render_text_error),
)
# A path that no source can have begins with "-" or is one of the two that monitoring systems know by their names.
ROUTES: tuple[Route, ...] = (
    *MONITORING,
    Route("/-/static/{}", static.render, STATIC, render_text_error),
    Route("/-/sign-in", sign_in.render, SIGN_IN_FORM),
    Route("/-/sign-in", sign_in.sign_in, SIGN_IN, method="POST"),
    Route("/-/sign-out", sign_in.sign_out, SIGN_OUT, method="POST"),
    Route("/-/accept", decisions.accept, DECIDE, method="POST"),
    Route("/-/reject", decisions.reject, DECIDE, method="POST"),
    Route("/-/acknowledge", decisions.acknowledge, DECIDE, method="POST"),
    Route("/-/timegate/{*}", memento.render_timegate, REDIRECT, render_text_error),
    Route("/-/timemap/{*}", memento.render_timemap, READ, render_text_error),
    Route("/api/v1/stream", stream.render, STREAM, render_json_error),
    Route("/api/v1/{*}", api.render, READ, render_json_error),
    Route("/-/feed.atom", feeds.EVENTS_ATOM, SEARCH, render_text_error),
    Route("/-/feed.json", feeds.EVENTS_JSON, SEARCH, render_text_error),
    Route("/-/deadlines.atom", feeds.DEADLINES_ATOM, READ, render_text_error),
    Route("/-/deadlines.json", feeds.DEADLINES_JSON, READ, render_text_error),
    Route("/-/deadlines.ics", feeds.render_ics, READ, render_text_error),
    Route("/", overview.render),
    Route("/-/search", search.render, SEARCH),
    Route("/-/deadlines", deadlines.render),
    Route("/-/holds", holds.render),
    Route("/-/event/{}", event.render),
    Route("/-/document/{}", document.render),
    Route("/{}", source.render),
    Route("/{}/compare", compare.render, SEARCH),
    Route("/{}/releases", releases.render),
    Route("/{}/map", port_map.render),
    Route("/{}/release/{}", release.render),
    Route("/{}/release/{}/bytes", snapshot.render, READ, render_text_error),
    Route("/{}/entry/{*}", entry.render),
)
