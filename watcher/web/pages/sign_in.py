"""Sign in with the token, and sign out. Who is signed in is an operator."""

from __future__ import annotations

import structlog

from watcher.core.errors import UsageError
from watcher.web.html import render_html
from watcher.web.page import PageContext, PageRequest, PageResponse
from watcher.web.sessions import is_token, read_session, write_cookie


def render(context: PageContext, request: PageRequest) -> PageResponse:
    if not context.access().token:
        raise UsageError("without a token in [web] nobody can sign in")
    return render_form(target=_own_path(request.text("next")))


def render_form(*, target: str, status: int = 200, problem: str = "") -> PageResponse:
    """Return the form; `target` is the page that comes after it."""
    return render_html("sign_in.html", status, target=target, problem=problem)


def sign_in(context: PageContext, request: PageRequest) -> PageResponse:
    access, target = context.access(), _own_path(request.sent("next"))
    log = structlog.get_logger("watcher.web")
    if not is_token(request.sent("token"), access.token):
        log.warning("sign-in refused", client=request.client)
        return render_form(target=target, status=403, problem="That is not the token.")
    log.info("an operator signed in", client=request.client)
    session = context.sessions.start(access.token, context.clock.monotonic())
    return redirect(target, cookie=_cookie(request, session))


def sign_out(context: PageContext, request: PageRequest) -> PageResponse:
    context.sessions.end(read_session(request.headers.get("cookie", "")), context.access().token)
    return redirect("/", cookie=_cookie(request, ""))


def redirect(path: str, *, cookie: str = "", decided: bool = False) -> PageResponse:
    """Send a browser on to a page after a POST."""
    headers = {"Location": path, **({"Set-Cookie": cookie} if cookie else {})}
    return PageResponse(status=303, headers=headers, decided=decided)


def _cookie(request: PageRequest, session: str) -> str:
    return write_cookie(session, is_https=request.base.startswith("https:"))


def _own_path(path: str) -> str:
    """Return a path of this server; "/" in place of anything that a browser could read as another one."""
    is_own = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isascii() and path.isprintable()
    return path if is_own else "/"
