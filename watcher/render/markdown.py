"""A comparison as Markdown: for issues, chats and release notes."""

from __future__ import annotations

import re

from watcher.core.model import Comparison, Release
from watcher.render.safe_text import visible
from watcher.render.text import render_counts

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>()#+!|~&-])")


def render_comparison(comparison: Comparison) -> str:
    """Return a heading, the counts and a table of events. Registry text is escaped, so none of it acts as markup."""
    lines = [
        f"## {escape(comparison.source)}: {_label(comparison.old)} → {_label(comparison.new)}",
        "",
        render_counts(comparison.changes),
    ]
    if comparison.events:
        lines += ["", "| Severity | Event | What |", "|---|---|---|"]
        lines += [f"| {event.severity} | `{event.id}` | {escape(event.summary)} |" for event in comparison.events]
    return "\n".join(lines)


def _label(release: Release) -> str:
    return escape(release.when).replace("\\-", "-")


def escape(text: str) -> str:
    """Return text that Markdown shows literally."""
    return _SPECIAL.sub(r"\\\1", visible(text))
