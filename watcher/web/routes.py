"""The paths that the server answers. To add a page: a module in web/pages/ with a `render`, a line in ROUTES."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from watcher.web import api, feeds, healthz, metrics
from watcher.web.page import Page
from watcher.web.pages import (
    compare,
    deadlines,
    document,
    entry,
    holds,
    overview,
    port_map,
    release,
    search,
    snapshot,
    static,
    timeline,
)


class Access(StrEnum):
    """Who may read a path: anybody who reaches the server, or only those who have its token, if it has one."""

    OPEN = "open"
    READER = "reader"


class Route(NamedTuple):
    """One path; `{}` stands for one part of it, `{*}` for all others. `is_page`: it is for people."""

    path: str
    render: Page
    access: Access = Access.READER
    is_page: bool = True


# What monitoring systems ask for: the only pages at [metrics] listen.
MONITORING: tuple[Route, ...] = (
    Route("/healthz", healthz.render, Access.OPEN, is_page=False),
    Route("/metrics", metrics.render, Access.OPEN, is_page=False),
)
# A path that no source can have begins with "-" or is one of the two that monitoring systems know by their names.
ROUTES: tuple[Route, ...] = (
    *MONITORING,
    Route("/-/static/{}", static.render, Access.OPEN, is_page=False),
    Route("/api/v1/{*}", api.render, is_page=False),
    Route("/-/feed.atom", feeds.render, is_page=False),
    Route("/", overview.render),
    Route("/-/search", search.render),
    Route("/-/deadlines", deadlines.render),
    Route("/-/holds", holds.render),
    Route("/-/document/{}", document.render),
    Route("/{}", timeline.render),
    Route("/{}/compare", compare.render),
    Route("/{}/map", port_map.render),
    Route("/{}/release/{}", release.render),
    Route("/{}/release/{}/bytes", snapshot.render, is_page=False),
    Route("/{}/entry/{*}", entry.render),
)
