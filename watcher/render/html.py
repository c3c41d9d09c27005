"""A comparison as a page without scripts and remote content. Also the HTML part of a mail."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

from watcher.core.lazy import load
from watcher.core.model import Comparison, Severity
from watcher.render.safe_text import visible
from watcher.render.text import TIMED, describe_releases, render_counts, render_marks

if TYPE_CHECKING:
    from jinja2 import Environment, Template

_COLOURS = {Severity.WARNING: "#9a3b00", Severity.NOTICE: "#00557a", Severity.INFO: "#555555"}


@cache
def _template(name: str) -> Template:
    """Return a template. Registry text is only ever an escaped value in it, never a template itself."""
    return _environment().get_template(name)


@cache
def _environment() -> Environment:
    # Loaded with the first page: most commands render none.
    jinja = load("jinja2")
    environment: Environment = jinja.Environment(
        loader=jinja.PackageLoader("watcher.render"),
        autoescape=True,
        undefined=jinja.StrictUndefined,
        trim_blocks=True,
    )
    return environment


def render_notice(title: str, rows: Sequence[tuple[str, str]], *, note: str) -> str:
    """Return the page of an operational alert; `rows` are pairs of a name and its value."""
    return _template("notice.html").render(
        title=visible(title), rows=[(visible(name), visible(value)) for name, value in rows], note=note
    )


def render_text(title: str, text: str) -> str:
    """Return the page of a plain text, line by line."""
    return _template("plain.html").render(title=visible(title), text=visible(text, lines=True))


def render_comparison(comparison: Comparison, *, most: int | None = None, note: str = "") -> str:
    """Return the page. It lists at most `most` events and says how many more there are."""
    events = comparison.events[:most]
    left = len(comparison.events) - len(events)
    releases = describe_releases(comparison)
    return _template("comparison.html").render(
        title=f"{comparison.source}: {releases}",
        summary=TIMED if comparison.timed else render_counts(comparison.changes),
        marked=render_marks(comparison),
        events=[{"severity": event.severity, "id": event.id, "summary": visible(event.summary)} for event in events],
        colours=_COLOURS,
        left_out=f"{left} more events are not listed here." if left else "",
        note=note,
    )
