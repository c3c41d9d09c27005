"""What was decided from the rows of a plain table because no setting says it: its key columns and its titles."""

from __future__ import annotations

from watcher.core.model import ROOT, Content, Section
from watcher.core.tables import Layout, describe_key, is_chosen_key
from watcher.formats.catalog import FORMATS
from watcher.registries.base import COLUMNS
from watcher.registries.entries import list_labels


def describe_titles(content: Content, format_name: str, layout: Layout) -> str:
    """Return what the first row of a CSV or TSV was taken for, if no setting says; else ""."""
    if "delimiter" not in FORMATS[format_name].options or layout.has_titles is not None:
        return ""
    has_titles = bool(content.items[Section.REGISTRY, ROOT].fields.get(COLUMNS))
    return f"the first row was taken for {'titles' if has_titles else 'an entry'} (header is not set)"


def describe_guesses(content: Content, format_name: str, layout: Layout) -> str:
    """Return in a sentence the key and the titles of a plain table that were guessed; "" without any."""
    if "key" not in FORMATS[format_name].options:
        return ""
    labels = next(iter(list_labels(content).values()), ())
    key = f"key {describe_key(labels)}" if is_chosen_key(labels) else ""
    return "; ".join(filter(None, (key, describe_titles(content, format_name, layout))))
