"""The paths that the daemon serves. To add a page: a module in web/ with a `render`, a line in ROUTES."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from watcher.core.errors import WatcherError
from watcher.web import healthz, metrics
from watcher.web.page import Page, PageContext, PageRequest, PageResponse
from watcher.web.server import send

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

ROUTES: Mapping[str, Page] = {
    "/metrics": metrics.render,
    "/healthz": healthz.render,
}


def create_app(context: PageContext) -> WSGIApplication:

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        return send(start_response, _render(context, environ))

    return app


def _render(context: PageContext, environ: WSGIEnvironment) -> PageResponse:
    page = ROUTES.get(environ["PATH_INFO"])
    if page is None:
        paths = ", ".join(ROUTES)
        return PageResponse(status="404 Not Found", body=f"no such page; the pages are {paths}\n".encode())
    request = PageRequest(query=parse_qs(environ.get("QUERY_STRING", "")), accept=environ.get("HTTP_ACCEPT", "*/*"))
    try:
        return page(context, request)
    except WatcherError as error:
        return PageResponse(status="503 Service Unavailable", body=f"{error}\n".encode())
