"""Parts of event sentences that all registries share: differences of texts, contacts, columns, headers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import islice

from watcher.core.model import MARKUP
from watcher.core.sequences import Hunk
from watcher.registries.base import COLUMNS, Finding
from watcher.registries.context import ChangeContext
from watcher.registries.shared.nested_values import find_nested_changes
from watcher.registries.shared.text_differences import changed_words

LONGEST_SENTENCE = 240  # characters; the rest is in the fields
_LONGEST_QUOTED = 60  # characters of a text that is shown old → new
_LONGEST = 120  # characters of any other text
_LONGEST_PART = 70  # characters of words that a text lost or gained
_MOST_HUNKS = 2
_MOST_NAMES = 3
_MOST_NESTED = 3
_MOST_WORDS = 40
_MOST_PEOPLE = 20
_MOST_COLUMNS = 20
FIELD_WORDS = {
    "unauthorized_use": "unauthorized use",
    "service_code": "service code",
    "registered": "registration date",
    "modified": "modification date",
    "registration_rule": "registration procedure",
    "range": "registration procedures by range",
    "references (column)": "references",
    "org": "organisation",
    "uri": "URI",
}


def field_word(name: str, words: dict[str, str] | None = None) -> str:
    """Return the name of a field in a sentence; the markup of a field is called its links."""
    bare = name.removeprefix(MARKUP)
    word = (words or FIELD_WORDS).get(bare, FIELD_WORDS.get(bare, bare))
    return f"links of the {word}" if bare != name else word


def describe_difference(word: str, before: str, after: str, longest: int = _LONGEST) -> str:
    """Return "WORD old → new"; of a long text the words that were removed and added, at most so many characters."""
    before, after = (" ".join(text.split()) for text in (before, after))
    if before == after:
        return f"{word} changed in line breaks" if before else f"{word} changed"  # an element without text, <hide/>
    if not before:
        return f"{word} added: {shorten(after, longest)}"
    if not after:
        return f"{word} removed: {shorten(before, longest)}"
    if nested := find_nested_changes(before, after, _MOST_NESTED + 1):
        rest = " and others" if len(nested) > _MOST_NESTED else ""
        return f"{word}: {', '.join(shorten(part, longest) for part in nested[:_MOST_NESTED])}{rest}"
    if len(before) <= _LONGEST_QUOTED and len(after) <= _LONGEST_QUOTED:
        return f"{word} {before} → {after}"
    hunks = changed_words(before, after)
    more = f" and {len(hunks) - _MOST_HUNKS} more places" if len(hunks) > _MOST_HUNKS else ""
    shown = hunks[:_MOST_HUNKS]
    # The last one may be long: the sentence is cut behind it.
    parts = [
        *map(describe_hunk, shown[:-1]),
        *(describe_hunk(hunk, max(_LONGEST_PART, longest - 40)) for hunk in shown[-1:]),
    ]
    return f"{word}: {', '.join(parts)}{more}"


def describe_hunk(hunk: Hunk, longest: int = _LONGEST_PART) -> str:
    """Say which words were replaced, with a little of the text around them."""
    left, right = (f"{hunk.left} " if hunk.left else ""), (f" {hunk.right}" if hunk.right else "")
    removed, added = shorten(hunk.removed, min(longest, _LONGEST_PART)), shorten(hunk.added, longest)
    if hunk.removed and hunk.added:
        return f"“{removed}” → “{added}”" + (f" after “{hunk.left}”" if left else "")
    if hunk.added:
        return f"“{left}{added}{right}” has “{added}” added" if len(added) < 4 else f"“{added}” added" + _after(hunk)
    return f"“{removed}” removed" + _after(hunk)


def _after(hunk: Hunk) -> str:
    return f" after “{hunk.left}”" if hunk.left else f" before “{hunk.right}”" if hunk.right else ""


def shorten(text: str, longest: int = _LONGEST) -> str:
    """Cut a text at a word."""
    if len(text) <= longest:
        return text
    cut = text[: longest - 1]
    return (cut[: cut.rfind(" ")] if " " in cut[longest // 2 :] else cut).rstrip(" ,;:") + "…"


def describe_people(word: str, before: str, after: str) -> str:
    """Say who was added to a list of people and who was removed."""
    old, new = (list_people(text) for text in (before, after))
    removed, added = list_other(old, new), list_other(new, old)
    if removed and added:
        return f"{word} {enumerate_names(removed, _MOST_PEOPLE)} → {enumerate_names(added, _MOST_PEOPLE)}"
    if added or removed:
        people = enumerate_names(added or removed, _MOST_PEOPLE)
        return f"{word} {'added' if added else 'removed'}: {people}"
    return describe_difference(word, before, after)


def list_people(text: str) -> list[str]:
    """Return the names in a list of people, without remarks such as "(primary)"."""
    names = re.split(r",\s*(?:and\s+)?|(?<!\s)\s+and\s+|\n", text)
    return [bare for name in names if (bare := _without_brackets(name).strip())]


def _without_brackets(name: str) -> str:
    closed, bracket, rest = name.rpartition(")")  # without searching the rest, where no bracket closes
    return re.sub(r"(?:(?<!\s)\s+)?\([^)]*\)", "", closed + bracket) + rest


def list_other(texts: Iterable[str], others: Iterable[str]) -> list[str]:
    """Return the texts that are not among others."""
    excluded = {*others}
    return [text for text in texts if text not in excluded]


def enumerate_names(names: Sequence[str], most: int = _MOST_NAMES) -> str:
    """Return "a, b, c and 2 more"."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def join_words(words: Iterable[str]) -> str:
    """Join words that name one thing, 40 at most; a word that repeats the end of the one before is left out."""
    kept: list[str] = []
    for word in islice(filter(None, words), _MOST_WORDS):
        if not any(word.casefold() in other.casefold() for other in kept):
            kept = [other for other in kept if not _is_start(other, word)] + [word]
    return " ".join(kept)


def _is_start(word: str, longer: str) -> bool:
    return longer.casefold().startswith(f"{word.casefold()} ")


def describe_contact(findings: Sequence[Finding], context: ChangeContext, *, by_name: bool = False) -> str:
    """Say whose details changed, how, and which entries name them; the people by their ids, or by their names."""
    items = [context.changes[finding.change].item for finding in findings]
    contacts = ", ".join((by_name and item.fields.get("name")) or item.key.part("id") for item in items)
    fields = context.changes[findings[0].change].fields
    differences = ", ".join(
        describe_difference("updated" if field.name == "updated" else field_word(field.name), field.before, field.after)
        for field in fields
        if field.name != "updated" or len(fields) == 1
    )
    services = [shorten(name, _LONGEST_PART) for name in findings[0].service.split(", ") if name]
    return f"{contacts}: {differences}" + (f" (named by {enumerate_names(services)})" if services else "")


def describe_columns(findings: Sequence[Finding], context: ChangeContext) -> str:
    """Say which titles of a table were added and removed."""
    titles = next((field for field in context.changes[findings[0].change].fields if field.name == COLUMNS), None)
    if titles is None:
        return "the columns of the table changed"
    before, after = titles.before.split("\n"), titles.after.split("\n")
    removed, added = list_other(before, after), list_other(after, before)
    if len(removed) == len(added) == 1:
        return f"column “{removed[0]}” renamed to “{added[0]}”"
    differences = [f"“{title}” removed" for title in removed] + [f"“{title}” added" for title in added]
    return f"the columns of the table changed: {enumerate_names(differences, _MOST_COLUMNS) or 'another order'}"


def describe_header(findings: Sequence[Finding], context: ChangeContext) -> str:
    """Say which parts of a registry's own text changed."""
    names = [field.name.removeprefix(MARKUP) for field in context.changes[findings[0].change].fields]
    words = [FIELD_WORDS.get(name, name) for name in dict.fromkeys(names) if name != "updated"]
    return "the registry's own text changed: " + ", ".join(words)
