"""Decide what a change set means: a registry's findings become events. Pure; knows no registry.

The change set itself depends on no rule, so a history can be classified again under new rules.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from itertools import chain

from msgspec.structs import replace

from watcher.core.model import Change, ChangeSet, Content, Event, Section, Severity
from watcher.core.texts import LONGEST_NAME, LONGEST_NAMES, cut_names, cut_text
from watcher.diff.compare import compare
from watcher.registries.base import Finding, Registry
from watcher.registries.context import NO_MOVES, ChangeContext, ItemIndexes, Move

_LONGEST_SUMMARY = 1_000  # characters
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
    moves: Mapping[int, Move] = NO_MOVES,
) -> tuple[ChangeSet, tuple[Event, ...]]:
    """Return the changes with bookkeeping marked quiet, and the events, those of highest severity first.

    `severities` are the user's, by event id. `indexes` are kept from one release of a source to the next. `moves` has
    the other sides of changes, in other groups; the event of an entry that came from there is that of the other group.
    """
    context = ChangeContext(changes, old, new, indexes, registry.table, moves)
    groups: dict[tuple[str, ...], list[Finding]] = {}
    for finding in registry.classify(context):
        groups.setdefault((finding.event, *finding.subject), []).append(finding)
    elsewhere = {position for position, move in moves.items() if not move.leaves}
    shown = elsewhere.union(finding.change for findings in groups.values() for finding in findings if not finding.quiet)
    named = elsewhere.union(finding.change for findings in groups.values() for finding in findings)
    events = _explain_quiet(
        registry,
        [(_make_event(registry, findings, context, severities or {}), findings) for findings in groups.values()],
        named,
        context,
    )
    marked = tuple(
        replace(change, quiet=True)
        if index not in shown and (index in named or _is_bookkeeping(registry, change, context))
        else change
        for index, change in enumerate(changes.changes)
    )
    return ChangeSet(changes=marked), events


def _is_bookkeeping(registry: Registry, change: Change, context: ChangeContext) -> bool:
    """Return whether a change that no event names is quiet; those of contacts and headers always are."""
    return change.section is not Section.ENTRY or registry.is_bookkeeping(change, context)


def _explain_quiet(
    registry: Registry,
    pairs: Sequence[tuple[Event, Sequence[Finding]]],
    named: AbstractSet[int],
    context: ChangeContext,
) -> tuple[Event, ...]:
    """Return the events in order, with the quiet changes that each explains; the first to explain a change has it."""
    unexplained = {*range(len(context.changes))} - named
    events: list[Event] = []
    for event, findings in sorted(pairs, key=lambda pair: (-pair[0].severity.rank, pair[0].changes)):
        explained = sorted({*registry.explained_by(findings, context)} & unexplained)
        unexplained.difference_update(explained)
        events.append(replace(event, changes=(*event.changes, *explained)) if explained else event)
    return tuple(events)


def _make_event(
    registry: Registry, findings: Sequence[Finding], context: ChangeContext, severities: Mapping[str, Severity]
) -> Event:
    """Return one event for the findings that share event id and subject."""
    first = findings[0]
    primary = [finding.change for finding in findings]
    event_type = registry.events[first.event]
    severity = max(
        (finding.severity or event_type.severity for finding in findings), key=lambda severity: severity.rank
    )
    return Event(
        id=first.event,
        kind=first.kind,
        severity=severities.get(first.event, severity),
        summary=cut_text(event_type.sentence(findings, context), _LONGEST_SUMMARY),
        fingerprint=fingerprint(context.changes[index] for index in primary),
        changes=tuple(primary),
        also=tuple(event for event in _union(finding.also for finding in findings) if event != first.event),
        service=cut_names(first.service),
        ports=_union(finding.ports for finding in findings),
        protocols=_union(finding.protocols for finding in findings),
        was=cut_text("/".join(dict.fromkeys(finding.was for finding in findings if finding.was)), LONGEST_NAMES)
        or None,
        registry=first.registry,
        registries=tuple(dict.fromkeys(finding.registry for finding in findings)),
        values=tuple(cut_text(value, LONGEST_NAME) for value in _union(finding.values for finding in findings)),
        evidence=next((cut_text(finding.evidence, LONGEST_NAMES) for finding in findings if finding.evidence), None),
        facts={name: cut_text(fact, LONGEST_NAMES) for name, fact in first.facts.items()},
    )


def _union(values: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    """Return each value once, in the order of its first appearance."""
    return tuple(dict.fromkeys(chain.from_iterable(values)))


def fingerprint(changes: Iterable[Change]) -> str:
    """Return 32 hex digits that name some changes for good, in whatever order they come.

    They depend on the items before and after, not on event ids and severities, so they stay under new rules.
    """
    sides = sorted(
        _ENCODER.encode(
            [[side.key.values, side.key.ordinal, sorted(side.fields.items())] if side else None for side in pair]
        )
        for pair in ((change.before, change.after) for change in changes)
    )
    return hashlib.sha256("\n".join(sides).encode("utf-8", "surrogatepass")).hexdigest()[:32]
