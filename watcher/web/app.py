"""The ASGI application: finds the route of a request, checks the request against its policy, sends the response.

It checks in this order: the host name, the path and method, the rate limit, the length of the query, whether the client
may use the route (and, if it writes, whether a page of this server sent it), the size of the form. Registry text can
come from anywhere, so the content security policy forbids every script and style that is not a file of ours, and every
other host.
"""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Callable, Collection, Sequence
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import structlog
from msgspec.structs import replace
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route as StarletteRoute

from watcher.core.errors import UsageError, WatcherError
from watcher.core.patterns import regex
from watcher.web.access import WebAccess
from watcher.web.html import render_error
from watcher.web.page import PageContext, PageRequest, PageResponse, Viewer
from watcher.web.pages import sign_in
from watcher.web.parameters import BadRequestError
from watcher.web.policy import Access, Cache, RoutePolicy
from watcher.web.rate_limit import RequestLimiter
from watcher.web.routes import ROUTES, Route
from watcher.web.sessions import is_from_own_page, is_token, read_basic, read_bearer, read_session

_LONGEST_QUERY, _MOST_PARAMETERS = 2_000, 30
_LONGEST_BODY = 16_384  # bytes of a form
_METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"]
_HOST = regex(r"[0-9A-Za-z.:_\[\]-]{1,255}")
_FORM = "application/x-www-form-urlencoded"
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
_CHALLENGE = 'Basic realm="registry-watcher", charset="UTF-8"'
_PAGE_CHALLENGE = 'Bearer realm="registry-watcher"'  # no browser asks by itself: the page does


class WebApp:
    """The application over one history. It answers under `access.hosts`, `localhost` and any address."""

    def __init__(self, context: PageContext, routes: Sequence[Route]) -> None:
        self._context = context
        self._routes = routes
        self._limiter = RequestLimiter(context.clock)
        self._log = structlog.get_logger("watcher.web")
        self._starlette = Starlette(
            routes=[StarletteRoute("/{path:path}", self._answer, methods=_METHODS)],
            middleware=[Middleware(GZipMiddleware, minimum_size=1000, compresslevel=4)],
        )

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self._starlette(scope, receive, send)

    def close(self) -> None:
        """End the streams. Called before the server waits for its connections."""
        self._context.streams.closing.set()

    async def _answer(self, request: Request) -> Response:
        access = self._context.access()
        route, parts, problem = self._admit(request, access)
        form: bytes = b""
        if problem is None and route is not None and route.method == "POST":
            body = await _read_form(request)
            problem, form = (body, b"") if isinstance(body, PageResponse) else (None, body)
        if problem is None and route is not None:
            page_request = self._read_request(request, access, parts, form)
            page = await run_in_threadpool(self._render, route, page_request)
            return self._to_starlette(page, request, route.policy)
        return self._to_starlette(problem or PageResponse(status=500), request, None)

    def _admit(self, request: Request, access: WebAccess) -> tuple[Route | None, list[str], PageResponse | None]:
        """Return the route of a request and the parts it leaves open, or the response that refuses it."""
        if not _is_own_host(request.headers.get("host", ""), access.hosts):
            text = f"the host name is not in {access.setting}\n"
            return None, [], PageResponse(status=403, body=text.encode())
        route, parts, methods = _find_route(request, self._routes)
        if route is None:
            return None, [], self._describe_missing(methods)
        refuse = _refuser(route)
        client = request.client.host if request.client else ""
        if wait := self._limiter.take(client, route.policy.cost, access.requests_per_minute):
            return (
                None,
                [],
                refuse(429, f"Too many requests; try again in {wait} seconds.", **{"Retry-After": str(wait)}),
            )
        if len(request.url.query) > _LONGEST_QUERY or request.url.query.count("&") > _MOST_PARAMETERS:
            return None, [], refuse(400, "The query of this address is too long.")
        return route, parts, self._judge_client(request, access, route)

    def _judge_client(self, request: Request, access: WebAccess, route: Route) -> PageResponse | None:
        """Return the response that refuses a client without the right to use a route, None if it may."""
        refuse = _refuser(route)
        is_writer = self._is_signed_in(request, access) or _has_bearer(request, access)
        if route.policy.access is Access.OPERATOR and not is_writer:
            message = (
                "Only an operator who is signed in can do that." if access.token else "Without a token nobody can."
            )
            return refuse(401 if access.token else 403, message, **{"WWW-Authenticate": _PAGE_CHALLENGE})
        if route.method == "POST" and not is_from_own_page(request.headers):
            # A program sends the token itself, which no page of others can make a browser do.
            is_program = is_from_own_page(request.headers) is None and _has_bearer(request, access)
            if not is_program:
                return refuse(403, "The request does not come from a page of this server.")
        is_reader = not access.token or is_writer or is_token(read_basic(_authorization(request)), access.token)
        if route.policy.access is Access.READER and not is_reader:
            if route.is_page:
                page = sign_in.render_form(target=_path_of(request), status=401)
                return replace(page, headers={"WWW-Authenticate": _PAGE_CHALLENGE})
            return refuse(401, "The token is missing or wrong.", **{"WWW-Authenticate": _CHALLENGE})
        return None

    def _is_signed_in(self, request: Request, access: WebAccess) -> bool:
        session = read_session(request.headers.get("cookie", ""))
        now = self._context.clock.monotonic()
        return bool(access.token) and self._context.sessions.is_valid(session, access.token, now)

    def _read_request(self, request: Request, access: WebAccess, parts: list[str], form: bytes) -> PageRequest:
        is_operator = self._is_signed_in(request, access) or _has_bearer(request, access)
        return PageRequest(
            query=parse_qs(request.url.query, keep_blank_values=True),
            parts=parts,
            form=parse_qs(form.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=_MOST_PARAMETERS),
            headers=request.headers,
            path=_path_of(request),
            base=access.address.rstrip("/") or f"http://{request.headers['host']}",
            client=request.client.host if request.client else "",
            viewer=Viewer(is_operator=is_operator, can_sign_in=bool(access.token)),
        )

    def _render(self, route: Route, request: PageRequest) -> PageResponse:
        """Return the response of a route; one that fails ends only itself."""
        refuse = _refuser(route)
        try:
            return route.render(self._context, request)
        except BadRequestError as error:
            return refuse(400, str(error))
        except UsageError as error:
            return refuse(404, str(error))
        except WatcherError as error:
            return refuse(503, str(error))
        except Exception:  # noqa: BLE001 - a defect in one page ends only that page
            self._log.exception("page failed", path=request.path)
            return refuse(500, "This page failed. The log has the reason.")

    def _describe_missing(self, methods: Collection[str]) -> PageResponse:
        if methods:
            allowed = ", ".join(sorted(methods))
            return PageResponse(status=405, body=f"only {allowed}\n".encode(), headers={"Allow": allowed})
        if any(route.is_page for route in self._routes):
            return render_error(404, "There is no such page.")
        paths = ", ".join(route.path for route in self._routes)
        return PageResponse(status=404, body=f"no such page; the pages are {paths}\n".encode())

    def _to_starlette(self, page: PageResponse, request: Request, policy: RoutePolicy | None) -> Response:
        cache = policy.cache if policy is not None and page.status == 200 else Cache.NEVER
        headers = {**_HEADERS, "Cache-Control": str(cache), **page.headers, "Content-Type": page.content_type}
        if cache is Cache.REVALIDATE:
            headers["Vary"] = ", ".join(filter(None, (page.headers.get("Vary"), "Cookie")))
        if page.stream is not None:
            return StreamingResponse(page.stream, status_code=page.status, headers=headers)
        if cache is not Cache.NEVER:
            headers["ETag"] = f'W/"{hashlib.sha256(page.body).hexdigest()[:24]}"'  # weak: it may be compressed
            if headers["ETag"] in request.headers.get("if-none-match", ""):
                return Response(status_code=304, headers=headers)
        deliver = self._context.deliver if page.decided else None
        response = Response(
            b"" if request.method == "HEAD" else page.body,
            status_code=page.status,
            headers=headers,
            background=BackgroundTask(deliver) if deliver else None,
        )
        if request.method == "HEAD":
            response.headers["Content-Length"] = str(len(page.body))
        return response


def create_app(context: PageContext, routes: Sequence[Route] = ROUTES) -> WebApp:
    """Return the application that serves some routes."""
    return WebApp(context, routes)


def _refuser(route: Route) -> Callable[..., PageResponse]:
    """Return the function that makes the error of a route: a page, a text, or JSON for the API."""

    def refuse(status: int, message: str, **headers: str) -> PageResponse:
        return replace(route.describe_error(status, message), headers=headers)

    return refuse


async def _read_form(request: Request) -> bytes | PageResponse:
    """Return the body of a form, or the response that refuses it."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
        return PageResponse(status=415, body=f"only {_FORM}\n".encode())
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > _LONGEST_BODY:
            text = f"a form has at most {_LONGEST_BODY:,} bytes\n"
            return PageResponse(status=413, body=text.encode(), headers={"Connection": "close"})
    if body.count(b"&") >= _MOST_PARAMETERS:
        return PageResponse(status=400, body=b"too many fields\n")
    return body


def _find_route(request: Request, routes: Sequence[Route]) -> tuple[Route | None, list[str], Collection[str]]:
    """Return the first route that fits a request, the decoded parts that it leaves open, and the methods of its path.

    The path is compared as it was sent.
    """
    sent = request.scope["raw_path"].decode("latin-1").removeprefix("/").split("/")
    methods: dict[str, None] = {}
    for route in routes:
        opened = _match(route.path, sent)
        if opened is None or not all(opened):
            continue
        if request.method in route.methods:
            return route, [unquote(given, errors="replace") for given in opened], ()
        methods |= dict.fromkeys(route.methods)
    return None, [], [*methods]


def _match(path: str, sent: Sequence[str]) -> list[str] | None:
    """Return the parts of a path that a route's path leaves open, None if it does not fit."""
    wanted = path.removeprefix("/").split("/")
    is_open = wanted[-1] == "{*}"
    if len(sent) < len(wanted) or (len(sent) > len(wanted) and not is_open):
        return None
    fixed = wanted[:-1] if is_open else wanted
    pairs = list(zip(fixed, sent, strict=False))
    if not all(part in ("{}", given) for part, given in pairs):
        return None
    return [given for part, given in pairs if part == "{}"] + (list(sent[len(fixed) :]) if is_open else [])


def _path_of(request: Request) -> str:
    path = str(request.scope["raw_path"].decode("latin-1"))
    return f"{path}?{request.url.query}" if request.url.query else path


def _authorization(request: Request) -> str:
    return request.headers.get("authorization", "")


def _has_bearer(request: Request, access: WebAccess) -> bool:
    return is_token(read_bearer(_authorization(request)), access.token)


def _is_own_host(host: str, hosts: Collection[str]) -> bool:
    """Return whether a Host header is one of ours, so that no web page reads this one under another name."""
    if not _HOST.fullmatch(host):
        return False
    names = {"localhost", *(name.lower() for name in hosts)}
    try:
        name = urlsplit(f"//{host}").hostname or ""
        ipaddress.ip_address(name)
    except ValueError:
        return host.rpartition(":")[0].lower() in names or host.lower() in names
    return True
