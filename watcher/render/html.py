"""A comparison as a page that needs nothing else: no script, no remote content. Also the HTML part of a mail."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

from watcher.core.lazy import load
from watcher.core.model import Comparison, Severity
from watcher.render.safe_text import visible
from watcher.render.text import marked, summary

if TYPE_CHECKING:
    from jinja2 import Environment, Template

_COLOURS = {Severity.WARNING: "#9a3b00", Severity.NOTICE: "#00557a", Severity.INFO: "#555555"}


@cache
def _template(name: str) -> Template:
    """A page to be filled in. Registry text only ever is a value in it, escaped; it is never a template."""
    return _environment().get_template(name)


@cache
def _environment() -> Environment:
    """What makes pages is loaded with the first of them."""
    jinja = load("jinja2")
    made: Environment = jinja.Environment(
        loader=jinja.PackageLoader("watcher.render"),
        autoescape=True,
        undefined=jinja.StrictUndefined,
        trim_blocks=True,
    )
    return made


def notice(title: str, rows: Sequence[tuple[str, str]], *, note: str) -> str:
    """Return the page of something that befell the watcher itself; `rows` are names and what is to be said of them."""
    return _template("notice.html").render(
        title=visible(title), rows=[(visible(name), visible(value)) for name, value in rows], note=note
    )


def plain(title: str, text: str) -> str:
    """Return the page of a text as it is, line by line."""
    return _template("plain.html").render(title=visible(title), text=visible(text, lines=True))


def comparison(found: Comparison, *, most: int | None = None, note: str = "") -> str:
    """Return the page. `most` bounds how many events are listed; how many were left out is said."""
    events = found.events[:most]
    left = len(found.events) - len(events)
    old, new = (visible(release.when) for release in (found.old, found.new))
    return _template("comparison.html").render(
        title=f"{found.source}: {old} → {new}",
        source=found.source,
        old=old,
        new=new,
        summary=summary(found.changes),
        marked=marked(found),
        events=[{"severity": event.severity, "id": event.id, "summary": visible(event.summary)} for event in events],
        colours=_COLOURS,
        left_out=f"{left} more events are not listed here." if left else "",
        note=note,
    )
