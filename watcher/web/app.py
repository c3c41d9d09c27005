"""The ASGI application: finds the page of a path, guards it, and turns its response into one of Starlette.

Registry text can come from anywhere, so the policy of content forbids every script and style that is not a file of
ours, and every other host.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import ipaddress
from collections.abc import Collection, Sequence
from urllib.parse import parse_qs, unquote, urlsplit

import structlog
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route as StarletteRoute

from watcher.core.errors import UsageError, WatcherError
from watcher.web.html import render_error
from watcher.web.page import PageContext, PageRequest, PageResponse
from watcher.web.routes import ROUTES, Access, Route

_LONGEST_QUERY, _MOST_PARAMETERS = 2_000, 30
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def create_app(
    context: PageContext,
    hosts: Collection[str] = (),
    routes: Sequence[Route] = ROUTES,
    *,
    setting: str = "web.hosts",
    token: str = "",
) -> Starlette:
    """Return the application. It answers under `hosts`, which `setting` names, `localhost` and any address.

    With a `token`, readers must send it: as the password of HTTP Basic authentication, or as a Bearer token.
    """
    names = {"localhost", *(name.lower() for name in hosts)}

    def answer(request: Request) -> Response:
        if not _is_own_host(request.headers.get("host", ""), names):
            refused = PageResponse(status=403, body=f"the host name is not in {setting}\n".encode())
            return _to_starlette(refused, request)
        return _to_starlette(_answer(context, request, routes, token), request)

    methods = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"]
    return Starlette(
        routes=[StarletteRoute("/{path:path}", answer, methods=methods)],
        middleware=[Middleware(GZipMiddleware, minimum_size=1000)],
    )


def _answer(context: PageContext, request: Request, routes: Sequence[Route], token: str) -> PageResponse:
    if request.method not in ("GET", "HEAD"):
        return PageResponse(status=405, body=b"only GET and HEAD\n", headers={"Allow": "GET, HEAD"})
    route, parts = _find_route(request.scope["raw_path"].decode("latin-1"), routes)
    if route is None:
        is_for_people = any(known.is_page for known in routes)
        paths = ", ".join(known.path for known in routes)
        text = f"no such page; the pages are {paths}\n".encode()
        return render_error(404, "There is no such page.") if is_for_people else PageResponse(status=404, body=text)
    if token and route.access is Access.READER and not _has_token(request.headers.get("authorization", ""), token):
        challenge = {"WWW-Authenticate": 'Basic realm="registry-watcher", charset="UTF-8"'}
        return PageResponse(status=401, body=b"the token is missing or wrong\n", headers=challenge)
    sent = request.url.query
    if len(sent) > _LONGEST_QUERY or sent.count("&") > _MOST_PARAMETERS:
        return render_error(400, "The query of this address is too long.")
    query = parse_qs(sent, keep_blank_values=True)
    page_request = PageRequest(query=query, parts=parts, accept=request.headers.get("accept", "*/*"))
    try:
        return route.render(context, page_request)
    except UsageError as error:
        return _error(route, 404, str(error))
    except WatcherError as error:
        return _error(route, 503, str(error))
    except Exception:  # noqa: BLE001 - a defect in one page ends only that page
        structlog.get_logger("watcher.web").exception("page failed", path=request.url.path)
        return _error(route, 500, "This page failed. The log has the reason.")


def _find_route(path: str, routes: Sequence[Route]) -> tuple[Route | None, list[str]]:
    """Return the first route that fits a path as it was sent, and the decoded parts that the route leaves open."""
    sent = path.removeprefix("/").split("/")
    for route in routes:
        wanted = route.path.removeprefix("/").split("/")
        is_open = wanted[-1] == "{*}"
        if len(sent) < len(wanted) or (len(sent) > len(wanted) and not is_open):
            continue
        fixed = wanted[:-1] if is_open else wanted
        pairs = list(zip(fixed, sent, strict=False))
        if all(part in ("{}", given) for part, given in pairs):
            opened = [given for part, given in pairs if part == "{}"] + (sent[len(fixed) :] if is_open else [])
            if all(opened):
                return route, [unquote(given, errors="replace") for given in opened]
    return None, []


def _error(route: Route, status: int, message: str) -> PageResponse:
    return render_error(status, message) if route.is_page else PageResponse(status=status, body=f"{message}\n".encode())


def _to_starlette(page: PageResponse, request: Request) -> Response:
    headers = {**_HEADERS, "Cache-Control": page.cache, **page.headers, "Content-Type": page.content_type}
    body = b"" if request.method == "HEAD" else page.body
    if page.status == 200 and page.cache != "no-store":
        headers["ETag"] = f'W/"{hashlib.sha256(page.body).hexdigest()[:24]}"'  # weak: it may be compressed
        if headers["ETag"] in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
    response = Response(body, status_code=page.status, headers=headers)
    if request.method == "HEAD":
        response.headers["Content-Length"] = str(len(page.body))
    return response


def _has_token(authorization: str, token: str) -> bool:
    """Return whether an Authorization header has the token. The time it takes says nothing about the token."""
    scheme, _, credentials = authorization.partition(" ")
    given = credentials.strip()
    if scheme.lower() == "basic":
        try:
            given = base64.b64decode(given, validate=True).decode().partition(":")[2]
        except ValueError:
            return False
    elif scheme.lower() != "bearer":
        return False
    return hmac.compare_digest(given.encode(), token.encode())


def _is_own_host(host: str, hosts: Collection[str]) -> bool:
    """Return whether a Host header is one of ours, so that no web page reads this one under another name."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
        ipaddress.ip_address(name)
    except ValueError:
        return host.rpartition(":")[0].lower() in hosts or host.lower() in hosts
    return True
