"""The sentence of an event with its further ids (`also`) in words."""

from __future__ import annotations

import re

from watcher.core.model import Event

# id → its words, and the pattern of a sentence that says it already. Any other id is shown with spaces for hyphens.
_WORDS = {
    "entry-renamed": ("renamed", r"\brenamed\b|\bname\b"),
    "entry-renumbered": ("renumbered", r"\brenumbered\b|\bvalue\b|\bnumber\b|\d → \S*\d"),
    "entry-modified": ("its text changed", r"→|\b(?:added|removed|changed)\b"),
    "entry-moved": ("moved", r"\bmoved\b"),
    "range-redrawn": ("blocks redrawn", r"\bredrawn\b"),
    "twin-removed": ("a row that was listed twice removed", r"\btwice\b|\bduplicate\b"),
    "schema-changed": ("columns changed", r"\bcolumns?\b"),
    "temporary-registered": ("temporary registration", r"\btemporary\b"),
    "temporary-withdrawn": ("temporary registration withdrawn", r"\btemporary\b"),
    "service-lost-port": ("port given back", r"\blost its port\b"),
    "registry-note-changed": ("the registry's own text changed", r"\b(?:title|note|own text)\b"),
    "registration-procedure-changed": ("registration procedure changed", r"\bregistration procedure"),
    "dates-changed": ("dates changed", r"\b(?:registered|modified|dates?)\b"),
    "unauthorized-use-reported": ("unauthorized use reported", r"\bunauthorized use\b"),
}


def say_event(event: Event) -> str:
    """Return the sentence of an event, with what its further ids add: "… moved … (also: contact changed)"."""
    further = ", ".join(list_further(event))
    return f"{event.summary} (also: {further})" if further else event.summary


def list_further(event: Event) -> list[str]:
    """Return the further ids of an event in words, without what its sentence says: "contact changed"."""
    return [words for words, said in map(_further, event.also) if not re.search(said, event.summary)]


def _further(identifier: str) -> tuple[str, str]:
    noun = identifier.partition("-")[0]
    return _WORDS.get(identifier, (identifier.replace("-", " "), rf"(?:^|[:,;] ){noun}s?[ :]"))
