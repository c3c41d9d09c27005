"""What the tests of both lists of golden rows need."""

from __future__ import annotations

from functools import lru_cache

import lxml.etree

from tests.real import golden_changes, golden_group_changes
from tests.support import real_data
from watcher.core.model import ChangeSet, Event
from watcher.diff.classify import explain
from watcher.diff.content import read_content
from watcher.registries.catalog import REGISTRIES


def title_of(row: golden_changes.Golden | golden_group_changes.Golden) -> str:
    """Return the id of the test of a row."""
    registry, cell = row.registry.rpartition("/")[2] or "(root)", row.cells[0] if row.cells else "-"
    return f"{row.group} {row.new} {registry} {cell} {row.event or 'nothing'}"


def text_of(cell: lxml.etree._Element) -> str:
    return " ".join("".join(cell.itertext()).split())


@lru_cache(maxsize=64)
def explain_group(group: str, old: str, new: str) -> tuple[ChangeSet, tuple[Event, ...]]:
    """Return the changes and events between two dates of a registry group."""
    registry = REGISTRIES["iana"]
    return explain(registry, *(read_content(real_data.iana_document(group, tag), registry) for tag in (old, new)))
