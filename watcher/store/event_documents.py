"""Writes the table `event_documents`: which documents the entries of an event refer to."""

from __future__ import annotations

import json
from collections.abc import Container, Iterable, Iterator, Mapping
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from watcher.core.documents import referenced_documents
from watcher.core.model import Change, Fields

if TYPE_CHECKING:
    from watcher.store.base import Statements

_ROLES = ("added", "removed", "kept")  # of several in one event, the first counts


class ReferencingChange(NamedTuple):
    """The path of the registry that a change is in, and the fields of its item before and after."""

    registry: str
    before: Fields
    after: Fields


def insert_event_documents(db: Statements, event: int, changes: Iterable[Change]) -> None:
    """Insert the documents of one event, in the caller's transaction."""
    _insert(
        db,
        event,
        (
            ReferencingChange(
                change.item.key.part("registry"),
                change.before.fields if change.before else {},
                change.after.fields if change.after else {},
            )
            for change in changes
        ),
    )


def insert_moved_documents(
    db: Statements, event: int, registry: str, removed: Iterable[Change], added: Iterable[Change]
) -> None:
    """Insert the documents of an event over two groups: what both sides refer to is kept."""
    before, after = (
        {
            document
            for change in changes
            for item in (change.before, change.after)
            if item is not None
            for document in referenced_documents(item.fields)
        }
        for changes in (removed, added)
    )
    roles = {(document, registry): _role(document, before, after) for document in before | after}
    _insert_roles(db, event, roles)


def fill_event_documents(db: Statements) -> None:
    """Insert the documents of all events that are stored, for a database that did not have the table."""
    rows = db.execute(
        """SELECT events.id, coalesce(a.key, b.key), coalesce(b.fields, '{}'), coalesce(a.fields, '{}')
        FROM events JOIN json_each(events.changes) position
        JOIN changes ON changes.release_id = events.release_id AND changes.seq = position.value
        LEFT JOIN versions b ON b.id = before_id LEFT JOIN versions a ON a.id = after_id ORDER BY events.id"""
    ).fetchall()
    for event, same in groupby(rows, key=lambda row: int(row[0])):
        decoded = ((json.loads(key).get("registry", ""), json.loads(old), json.loads(new)) for _, key, old, new in same)
        _insert(db, event, (ReferencingChange(*change) for change in decoded))


def _insert(db: Statements, event: int, changes: Iterable[ReferencingChange]) -> None:
    roles: dict[tuple[str, str], str] = {}
    for document, registry, role in _roles(changes):
        present = roles.get((document, registry), role)
        roles[document, registry] = min(present, role, key=_ROLES.index)
    _insert_roles(db, event, roles)


def _insert_roles(db: Statements, event: int, roles: Mapping[tuple[str, str], str]) -> None:
    db.executemany(
        "INSERT INTO event_documents (event_id, document, registry, role) VALUES (?, ?, ?, ?)",
        [(event, document, registry, role) for (document, registry), role in roles.items()],
    )


def _roles(changes: Iterable[ReferencingChange]) -> Iterator[tuple[str, str, str]]:
    for change in changes:
        before, after = referenced_documents(change.before), referenced_documents(change.after)
        for document in before | after:
            yield document, change.registry, _role(document, before, after)


def _role(document: str, before: Container[str], after: Container[str]) -> str:
    if document in before:
        return "kept" if document in after else "removed"
    return "added"
