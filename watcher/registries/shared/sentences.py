"""The parts of a sentence that every registry's events share: a difference in words, who changed, what else did."""

from __future__ import annotations

from collections.abc import Sequence

from watcher.core.model import MARKUP
from watcher.registries.base import COLUMNS, Finding
from watcher.registries.context import ChangeContext

_LONG = 60
_MOST = 3
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


def difference(word: str, before: str, after: str) -> str:
    """Return what became of one text: the old and new one where they are short."""
    before, after = (text.replace("\n", " ") for text in (before, after))
    if before == after:
        return f"{word} changed"
    if not before:
        return f"{word} added: {short(after)}"
    if not after:
        return f"{word} removed: {short(before)}"
    if len(before) > _LONG or len(after) > _LONG:
        return f"{word} changed"
    return f"{word} {before} → {after}"


def short(text: str) -> str:
    """Return the beginning of a text."""
    return text if len(text) <= 2 * _LONG else text[: 2 * _LONG - 1].rstrip() + "…"


def listed(names: Sequence[str], most: int = _MOST) -> str:
    """Return some names and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def contact_updated(found: Sequence[Finding], context: ChangeContext) -> str:
    """Say whose details changed, how, and which entries name them."""
    who = ", ".join(context.changes[finding.change].item.key.part("id") for finding in found)
    fields = context.changes[found[0].change].fields
    what = ", ".join(
        difference(
            "updated" if field.name == "updated" else FIELD_WORDS.get(field.name, field.name), field.before, field.after
        )
        for field in fields
        if field.name != "updated" or len(fields) == 1
    )
    services = [name for name in found[0].service.split(", ") if name]
    return f"{who}: {what}" + (f" (named by {listed(services)})" if services else "")


def columns_changed(found: Sequence[Finding], context: ChangeContext) -> str:
    """Say which titles of a table came and which went."""
    for field in context.changes[found[0].change].fields:
        if field.name == COLUMNS:
            before, after = field.before.split("\n"), field.after.split("\n")
            gone = [title for title in before if title not in after]
            came = [title for title in after if title not in before]
            if len(gone) == len(came) == 1:
                return f"the column “{gone[0]}” is called “{came[0]}” now"
            told = [f"without “{title}”" for title in gone] + [f"with “{title}”" for title in came]
            return f"the columns of the table changed: {', '.join(told) or 'in another order'}"
    return "the columns of the table changed"


def header_changed(found: Sequence[Finding], context: ChangeContext) -> str:
    """Say which parts of a registry's own text changed."""
    names = [field.name.removeprefix(MARKUP) for field in context.changes[found[0].change].fields]
    told = [FIELD_WORDS.get(name, name) for name in dict.fromkeys(names) if name != "updated"]
    return "the registry's own text changed: " + ", ".join(told)
