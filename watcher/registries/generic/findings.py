"""Findings about entries and registries, with what the sentences about them need."""

from __future__ import annotations

from watcher.core.model import Change, Item, Kind, Severity, Status
from watcher.registries.base import Finding
from watcher.registries.context import ChangeContext
from watcher.registries.generic import entry_parts, identity, lifecycle
from watcher.registries.generic.naming import find_name
from watcher.registries.shared.remarks import strip_temporary


def make_registry_finding(
    event: str, position: int, change: Change, registry: str, *, also: tuple[str, ...] = ()
) -> Finding:
    """Return a finding about a whole registry."""
    return Finding(event=event, change=position, subject=(registry,), kind=change.kind, also=also, registry=registry)


def make_finding(
    event: str,
    position: int,
    change: Change,
    context: ChangeContext,
    *,
    kind: Kind | None = None,
    also: tuple[str, ...] = (),
    same: tuple[str, ...] = (),
    was: str | None = None,
    evidence: str | None = None,
    severity: Severity | None = None,
    quiet: bool = False,
) -> Finding:
    """Return a finding about an entry. Entries with the `same` difference become one event."""
    item = change.item
    registry, values = entry_parts.read_path(item), entry_parts.read_values(item)
    return Finding(
        event=event,
        change=position,
        subject=same or (registry, *values, str(item.key.ordinal)),
        kind=kind or change.kind,
        service=strip_temporary(find_name(item, context)) or next(filter(None, values), ""),
        also=also,
        was=was,
        registry=registry,
        values=(strip_temporary(" ".join(filter(None, values))),),
        evidence=evidence,
        severity=severity,
        quiet=quiet,
        facts=lifecycle.facts_of_change(change),
    )


def make_block_finding(position: int, change: Change, context: ChangeContext) -> Finding:
    """Return the finding that the ends of a block changed."""
    same = ("range", entry_parts.find_title(change.item))
    also = ("range-redrawn", "entry-renumbered") if change.before and change.after else ("range-redrawn",)
    return make_finding("entry-modified", position, change, context, also=also, same=same)


def read_evidence(item: Item) -> str | None:
    """Return the text that the status of an entry was read from, None if it is assigned."""
    return identity.read_row_status(item.fields).evidence or None if item.status is not Status.ASSIGNED else None
