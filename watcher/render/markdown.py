"""A comparison as Markdown: for issues, chats and release notes."""

from __future__ import annotations

import re

from watcher.core.model import Comparison, Release
from watcher.render.safe_text import visible
from watcher.render.text import summary

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>()#+!|~&-])")


def comparison(found: Comparison) -> str:
    """Return a heading, the counts and a table of events. Registry text is escaped: none of it is markup."""
    lines = [
        f"## {escape(found.source)}: {_dated(found.old)} → {_dated(found.new)}",
        "",
        summary(found.changes),
    ]
    if found.events:
        lines += ["", "| Severity | Event | What |", "|---|---|---|"]
        lines += [f"| {event.severity} | `{event.id}` | {escape(event.summary)} |" for event in found.events]
    return "\n".join(lines)


def _dated(release: Release) -> str:
    return escape(release.when).replace("\\-", "-")


def escape(text: str) -> str:
    """Return text that Markdown shows as it is."""
    return _SPECIAL.sub(r"\\\1", visible(text))
