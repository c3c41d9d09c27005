"""Decide what a change set means: a registry's findings become events. Pure; knows no registry.

The change set itself depends on no rule, so a history can be classified again under new rules.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import chain

from watcher.core.model import Change, ChangeSet, Content, Event, Severity
from watcher.diff.compare import compare
from watcher.registries.base import Finding, Registry
from watcher.registries.context import ChangeContext, ItemIndexes

_ENCODER = json.JSONEncoder(ensure_ascii=False)


def explain(
    registry: Registry,
    old: Content,
    new: Content,
    severities: Mapping[str, Severity] | None = None,
    indexes: ItemIndexes | None = None,
) -> tuple[ChangeSet, tuple[Event, ...]]:
    """Compare two contents under a registry's rules and classify what differs, as `classify` does."""
    changes = compare(old, new, registry.pairing_rules(old, new))
    return classify(registry, changes, old, new, severities, indexes)


def classify(
    registry: Registry,
    changes: ChangeSet,
    old: Content,
    new: Content,
    severities: Mapping[str, Severity] | None = None,
    indexes: ItemIndexes | None = None,
) -> tuple[ChangeSet, tuple[Event, ...]]:
    """Return the changes with bookkeeping marked quiet, and the events, those of highest severity first.

    `severities` are the user's, by event id. `indexes` are kept from one release of a source to the next.
    """
    context = ChangeContext(changes, old, new, indexes)
    groups: dict[tuple[str, ...], list[Finding]] = {}
    for finding in registry.classify(context):
        groups.setdefault((finding.event, *finding.subject), []).append(finding)
    events = [_event(registry, findings, context, severities or {}) for findings in groups.values()]
    named = {finding.change for findings in groups.values() for finding in findings}
    marked = tuple(
        replace(change, quiet=True) if index not in named and registry.is_bookkeeping(change, context) else change
        for index, change in enumerate(changes.changes)
    )
    return ChangeSet(changes=marked), tuple(sorted(events, key=lambda event: (-event.severity.rank, event.changes)))


def _event(
    registry: Registry, findings: Sequence[Finding], context: ChangeContext, severities: Mapping[str, Severity]
) -> Event:
    """Make one event of the findings that share event id and subject."""
    first = findings[0]
    primary = [finding.change for finding in findings]
    explained = sorted({*registry.explained_by(findings, context)} - {*primary})
    event_type = registry.events[first.event]
    severity = max(
        (finding.severity or event_type.severity for finding in findings), key=lambda severity: severity.rank
    )
    return Event(
        id=first.event,
        kind=first.kind,
        severity=severities.get(first.event, severity),
        summary=event_type.sentence(findings, context),
        fingerprint=fingerprint(context.changes[index] for index in primary),
        changes=(*primary, *explained),
        also=tuple(event for event in _union(finding.also for finding in findings) if event != first.event),
        service=first.service,
        ports=_union(finding.ports for finding in findings),
        protocols=_union(finding.protocols for finding in findings),
        was="/".join(dict.fromkeys(finding.was for finding in findings if finding.was)) or None,
        registry=first.registry,
        values=_union(finding.values for finding in findings),
        evidence=next((finding.evidence for finding in findings if finding.evidence), None),
        facts=first.facts,
    )


def _union(values: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    """Return each value once, in the order of its first appearance."""
    return tuple(dict.fromkeys(chain.from_iterable(values)))


def fingerprint(changes: Iterable[Change]) -> str:
    """Return 32 hex digits that name some changes for good, in whatever order they come.

    They depend on the items before and after, not on event ids and severities, so they survive new rules.
    """
    sides = sorted(
        _ENCODER.encode(
            [[side.key.values, side.key.ordinal, sorted(side.fields.items())] if side else None for side in pair]
        )
        for pair in ((change.before, change.after) for change in changes)
    )
    return hashlib.sha256("\n".join(sides).encode("utf-8", "surrogatepass")).hexdigest()[:32]
