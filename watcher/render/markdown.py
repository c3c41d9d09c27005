"""A comparison as Markdown: for issues, chats and release notes."""

from __future__ import annotations

import re

from watcher.core.event_words import say_event
from watcher.core.model import Comparison, Release
from watcher.core.patterns import regex
from watcher.render.safe_text import visible
from watcher.render.text import render_counts, render_marks

_SPECIAL = regex(r"([\\`*_{}\[\]<>()#+!|~&-])")

_LINK = regex(r"@|://|www\.|mailto:|xmpp:", re.IGNORECASE)


def render_comparison(comparison: Comparison) -> str:
    """Return a heading, the counts and a table of events. Registry text is escaped, so none of it acts as markup."""
    lines = [
        f"## {escape(comparison.source)}: {_label(comparison.old)} → {_label(comparison.new)}",
        "",
        render_counts(comparison.changes),
    ]
    if comparison.marks:
        lines += ["", escape(render_marks(comparison))]
    if comparison.events:
        lines += ["", "| Severity | Event | What |", "|---|---|---|"]
        lines += [f"| {event.severity} | `{event.id}` | {escape(say_event(event))} |" for event in comparison.events]
    return "\n".join(lines)


def _label(release: Release) -> str:
    return escape(release.when).replace("\\-", "-")


def escape(text: str) -> str:
    """Return text that Markdown shows literally. What would become a link or notify somebody is in a code span."""
    words = re.split(r"(\s+)", visible(text))
    return "".join(_escape_word(word) if _LINK.search(word) else _SPECIAL.sub(r"\\\1", word) for word in words)


def _escape_word(word: str) -> str:
    # A backslash before a bar ends no cell of a table, in a code span neither: these stay outside of it.
    parts = re.split(r"([|\\`]+)", word)
    return "".join(f"`{part}`" if _LINK.search(part) else _SPECIAL.sub(r"\\\1", part) for part in parts)
