"""Parts of event sentences that all registries share: differences of texts, contacts, columns, headers."""

from __future__ import annotations

from collections.abc import Sequence

from watcher.core.model import MARKUP
from watcher.registries.base import COLUMNS, Finding
from watcher.registries.context import ChangeContext

_LONGEST_QUOTED = 60  # characters of a text that is shown old → new
_LONGEST = 120
_MOST_NAMES = 3
FIELD_WORDS = {
    "unauthorized_use": "unauthorized use",
    "service_code": "service code",
    "registered": "registration date",
    "modified": "modification date",
    "registration_rule": "registration procedure",
    "range": "registration procedures by range",
    "org": "organisation",
    "uri": "URI",
}


def describe_difference(word: str, before: str, after: str) -> str:
    """Return "WORD old → new", or "WORD changed" if a text is long."""
    before, after = (text.replace("\n", " ") for text in (before, after))
    if before == after:
        return f"{word} changed"
    if not before:
        return f"{word} added: {shorten(after)}"
    if not after:
        return f"{word} removed: {shorten(before)}"
    if len(before) > _LONGEST_QUOTED or len(after) > _LONGEST_QUOTED:
        return f"{word} changed"
    return f"{word} {before} → {after}"


def shorten(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1].rstrip() + "…"


def enumerate_names(names: Sequence[str], most: int = _MOST_NAMES) -> str:
    """Return "a, b, c and 2 more"."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def describe_contact(findings: Sequence[Finding], context: ChangeContext) -> str:
    """Say whose details changed, how, and which entries name them."""
    contacts = ", ".join(context.changes[finding.change].item.key.part("id") for finding in findings)
    fields = context.changes[findings[0].change].fields
    differences = ", ".join(
        describe_difference(
            "updated" if field.name == "updated" else FIELD_WORDS.get(field.name, field.name), field.before, field.after
        )
        for field in fields
        if field.name != "updated" or len(fields) == 1
    )
    services = [name for name in findings[0].service.split(", ") if name]
    return f"{contacts}: {differences}" + (f" (named by {enumerate_names(services)})" if services else "")


def describe_columns(findings: Sequence[Finding], context: ChangeContext) -> str:
    """Say which titles of a table were added and removed."""
    titles = next((field for field in context.changes[findings[0].change].fields if field.name == COLUMNS), None)
    if titles is None:
        return "the columns of the table changed"
    before, after = titles.before.split("\n"), titles.after.split("\n")
    removed = [title for title in before if title not in after]
    added = [title for title in after if title not in before]
    if len(removed) == len(added) == 1:
        return f"column “{removed[0]}” renamed to “{added[0]}”"
    differences = [f"“{title}” removed" for title in removed] + [f"“{title}” added" for title in added]
    return f"the columns of the table changed: {', '.join(differences) or 'another order'}"


def describe_header(findings: Sequence[Finding], context: ChangeContext) -> str:
    """Say which parts of a registry's own text changed."""
    names = [field.name.removeprefix(MARKUP) for field in context.changes[findings[0].change].fields]
    words = [FIELD_WORDS.get(name, name) for name in dict.fromkeys(names) if name != "updated"]
    return "the registry's own text changed: " + ", ".join(words)
