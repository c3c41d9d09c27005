"""The event table of all IANA registries without rules of their own: the severity and the sentence of each event.

`warning`: something that people rely on is no longer true. `notice`: a new assignment, registry or procedure. `info`:
everything else.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from watcher.core.model import Severity
from watcher.registries.base import EventType, Finding, Registry
from watcher.registries.context import ChangeContext
from watcher.registries.generic import entry_parts, group_moves, identity, lifecycle, pairing
from watcher.registries.generic.rules import classify, explained_by, is_bookkeeping
from watcher.registries.generic.wording import Wording
from watcher.registries.groups.base import ColumnWatch, GroupRules
from watcher.registries.shared.sentences import describe_contact


def make_registry(groups: Sequence[GroupRules]) -> Registry:
    """Return the rules for every registry of the IANA vocabulary, with the tables of single groups."""
    by_document = {group.document: group for group in groups}
    wording = Wording(by_document)
    watches: dict[str, list[ColumnWatch]] = {}
    for watch in (watch for group in groups for watch in group.watched):
        watches.setdefault(watch.event, []).append(watch)
    return Registry(
        id="iana",
        document_id="",
        columns=identity.COLUMNS,
        may_be_empty=True,
        identify=partial(identity.identify, groups=by_document),
        duplicate_order="registered",
        status=partial(identity.judge_status, groups=by_document),
        names=entry_parts.list_names,
        interval=entry_parts.read_interval,
        pairing_rules=pairing.pairing_rules,
        is_bookkeeping=is_bookkeeping,
        classify=partial(classify, groups=by_document),
        explained_by=explained_by,
        leftover_names=group_moves.leftover_names,
        events={**_event_types(wording), **{event: _watched_event(same, wording) for event, same in watches.items()}},
    )


def _event_types(wording: Wording) -> dict[str, EventType]:
    modified = wording.modified
    return {
        "entry-added": EventType(Severity.NOTICE, wording.added),
        "entry-removed": EventType(Severity.WARNING, wording.removed),
        "entry-deprecated": EventType(Severity.WARNING, wording.deprecated),
        "entry-reinstated": EventType(Severity.INFO, wording.reinstated),
        "entry-reserved": EventType(Severity.INFO, wording.reserved),
        "entry-graduated": EventType(Severity.NOTICE, wording.graduated),
        "entry-moved": EventType(Severity.NOTICE, wording.moved),
        "entry-modified": EventType(Severity.INFO, modified),  # an identifier renamed: warning
        "temporary-extended": EventType(Severity.INFO, wording.allocation(lifecycle.describe_extension)),
        "temporary-made-permanent": EventType(Severity.NOTICE, wording.allocation(lifecycle.describe_permanence)),
        "temporary-withdrawn": EventType(Severity.NOTICE, wording.withdrawn),
        # Made by time, with a sentence of monitor/deadlines.py.
        "temporary-expiring": EventType(Severity.NOTICE, wording.allocation(lifecycle.describe_extension)),
        "temporary-expired": EventType(Severity.NOTICE, wording.allocation(lifecycle.describe_extension)),
        # In `also` of an entry-added.
        "temporary-registered": EventType(Severity.NOTICE, wording.added),
        # In `also` of an entry-modified, never the id of an event.
        "entry-renumbered": EventType(Severity.WARNING, modified),
        "entry-renamed": EventType(Severity.INFO, modified),
        "range-redrawn": EventType(Severity.INFO, modified),
        "twin-removed": EventType(Severity.INFO, modified),
        "reference-published": EventType(Severity.INFO, modified),
        "reference-approved": EventType(Severity.INFO, modified),
        "erratum-added": EventType(Severity.INFO, modified),
        "contact-changed": EventType(Severity.INFO, modified),
        "reference-changed": EventType(Severity.INFO, modified),
        "dates-changed": EventType(Severity.INFO, wording.dates),
        "editorial": EventType(Severity.INFO, modified),
        "registry-added": EventType(Severity.NOTICE, wording.registry_event("added")),
        "registry-removed": EventType(Severity.WARNING, wording.registry_event("removed")),
        "registry-renamed": EventType(Severity.NOTICE, wording.registry_renamed),
        "registry-moved": EventType(Severity.WARNING, wording.registry_moved),  # inside its group: notice
        "registry-closed": EventType(Severity.WARNING, wording.ended("closed", "registry-closed")),
        "registry-deprecated": EventType(
            Severity.WARNING, wording.ended("is no longer for use", "registry-deprecated")
        ),
        "registration-procedure-changed": EventType(Severity.INFO, wording.header),
        "registry-note-changed": EventType(Severity.INFO, wording.header),
        "expert-changed": EventType(Severity.INFO, wording.header),
        "schema-changed": EventType(Severity.INFO, wording.columns_changed),
        "contact-updated": EventType(Severity.INFO, partial(describe_contact, by_name=True)),
    }


def _watched_event(watches: Sequence[ColumnWatch], wording: Wording) -> EventType:
    def sentence(findings: Sequence[Finding], context: ChangeContext) -> str:
        change = context.changes[findings[0].change]
        meanings = dict.fromkeys(watch.describe(change) for watch in watches if watch.matches(change))
        return wording.watched(findings, context, ", ".join(meanings))

    return EventType(watches[0].severity, sentence)
