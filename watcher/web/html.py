"""Pages as HTML: the templates, and what every page has."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import jinja2
from markupsafe import Markup

from watcher.core.event_words import say_event
from watcher.core.model import Event
from watcher.registries.lookups import lookup_of, permalink
from watcher.render.safe_text import visible
from watcher.web.page import HTML, PageResponse, Viewer

STATIC = Path(__file__).parent / "static"
_MOST_LINKS = 3  # beside an event


def render_html(template: str, code: int = 200, /, **values: Any) -> PageResponse:
    """Return a page made of a template. Every text in it is escaped and has no invisible characters."""
    text = _environment().get_template(template).render(**values)
    return PageResponse(status=code, body=text.encode("utf-8", "replace"), content_type=HTML)


def render_error(status: int, message: str) -> PageResponse:
    """Return an error as a page."""
    return render_html("error.html", status, title=HTTPStatus(status).phrase, message=message)


def render_text_error(status: int, message: str) -> PageResponse:
    """Return an error as plain text, for what no person reads in a browser."""
    return PageResponse(status=status, body=f"{message}\n".encode("utf-8", "replace"))


def render_json_error(status: int, message: str) -> PageResponse:
    """Return an error as the API has it."""
    return PageResponse(
        status=status,
        body=json.dumps({"error": message}, ensure_ascii=False).encode("utf-8", "replace"),
        content_type="application/json",
    )


def link(*parts: str | int, **query: str | int | None) -> str:
    """Return the path of a page; parameters without a value are left out."""
    given = {name: value for name, value in query.items() if value not in (None, "")}
    path = "/" + "/".join(quote(str(part), safe="") for part in parts)
    return path + (f"?{urlencode(given)}" if given else "")


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("watcher.web"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_visible,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(
        link=link,
        static=_static_link,
        entry_link=find_link,
        event_links=list_event_links,
        say_event=say_event,
        viewer=Viewer(),
    )
    environment.filters["thousands"] = _thousands
    return environment


def _visible(value: Any) -> Any:
    return visible(value, lines=True) if isinstance(value, str) and not isinstance(value, Markup) else value


def _thousands(number: int) -> str:
    return f"{number:,}"


@cache
def _static_link(name: str) -> str:
    """Return the path of a file with a part that changes with its content, so that browsers may keep it."""
    return f"/-/static/{name}?{hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]}"


def list_event_links(event: Event, source: str) -> list[tuple[str, str]]:
    """Return the entries of an event, each with the path of its page, if they are few.

    The name of a row in a sentence is not always one that finds it; its value is, in its registry.
    """
    if 0 < len(event.ports) <= _MOST_LINKS:
        return [(port, link(source, "entry", port)) for port in event.ports]
    values = list(filter(None, event.values))
    if 0 < len(values) <= _MOST_LINKS:
        names = [event.service] if len(values) == 1 and event.service else values
        pages = [link(source, "entry", value, registry=event.registry) for value in values]
        return list(zip(names, pages, strict=True))
    # An event of a contact has the names of all its entries as one text.
    services = event.service.split(", ") if event.id == "contact-updated" else [event.service]
    named = [name for name in services if name and (len(services) == 1 or " " not in name)]
    return [(name, link(source, "entry", name)) for name in named] if len(named) <= _MOST_LINKS else []


def find_link(source: str, release: str, item: Any, *, is_removed: bool = False) -> str:
    """Return the path of an item as it was in a release, "" if nothing finds it."""
    what = lookup_of(item, is_removed=is_removed)
    return permalink("/", source, release, what, registry=item.key.part("registry")) if what else ""
