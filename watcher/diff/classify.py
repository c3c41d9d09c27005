"""What a change set means: folds a registry's findings into events. Knows no registry; pure.

History can be judged again under new rules: nothing here is part of the exact difference.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain

from watcher.core.lazy import load
from watcher.core.model import Change, ChangeSet, Content, Event, Severity
from watcher.diff.compare import compare
from watcher.registries.base import Finding, Registry
from watcher.registries.context import ChangeContext, ItemIndexes


def judge(
    registry: Registry,
    changes: ChangeSet,
    old: Content,
    new: Content,
    severities: Mapping[str, Severity] | None = None,
    lookups: ItemIndexes | None = None,
    *,
    fingerprints: bool = True,
) -> tuple[ChangeSet, tuple[Event, ...]]:
    """Return the same changes with the bookkeeping among them marked quiet, and the events, the gravest first.

    `severities` are the user's, by event id; `lookups` are kept from one release of a source to the next. Without
    `fingerprints` the events have none, for who shows none: they take longer than the rest of an event.
    """
    context = ChangeContext(changes, old, new, lookups)
    twins: dict[tuple[str, ...], list[Finding]] = {}
    for finding in registry.classify(context):
        twins.setdefault((finding.event, *finding.subject), []).append(finding)
    events = [_event(registry, found, context, severities or {}, fingerprints) for found in twins.values()]
    named = {finding.change for found in twins.values() for finding in found}
    marked = tuple(
        _quiet(change) if index not in named and registry.is_bookkeeping(change, context) else change
        for index, change in enumerate(changes.changes)
    )
    return ChangeSet(changes=marked), tuple(sorted(events, key=lambda event: (-event.severity.rank, event.changes)))


def explain(
    registry: Registry,
    old: Content,
    new: Content,
    severities: Mapping[str, Severity] | None = None,
    lookups: ItemIndexes | None = None,
    *,
    fingerprints: bool = True,
) -> tuple[ChangeSet, tuple[Event, ...]]:
    """Compare two contents under a registry's rules and say what the difference means, as `judge` does."""
    changes = compare(old, new, registry.pairing_rules(old, new))
    return judge(registry, changes, old, new, severities, lookups, fingerprints=fingerprints)


def _event(
    registry: Registry,
    found: Sequence[Finding],
    context: ChangeContext,
    severities: Mapping[str, Severity],
    fingerprints: bool,
) -> Event:
    first = found[0]
    primary = [finding.change for finding in found]
    explained = sorted({*registry.explained_by(found, context)} - {*primary})
    kind = registry.events[first.event]
    judged = max((finding.severity or kind.severity for finding in found), key=lambda severity: severity.rank)
    return Event(
        id=first.event,
        kind=first.kind,
        severity=severities.get(first.event, judged),
        summary=kind.sentence(found, context),
        fingerprint=_fingerprint(context.changes[index] for index in primary) if fingerprints else "",
        changes=(*primary, *explained),
        also=tuple(event for event in _all(finding.also for finding in found) if event != first.event),
        service=first.service,
        ports=_all(finding.ports for finding in found),
        protocols=_all(finding.protocols for finding in found),
        was="/".join(dict.fromkeys(finding.was for finding in found if finding.was)) or None,
        registry=first.registry,
        values=_all(finding.values for finding in found),
        evidence=next((finding.evidence for finding in found if finding.evidence), None),
    )


def _quiet(change: Change) -> Change:
    return Change(before=change.before, after=change.after, fields=change.fields, quiet=True)


def _all(told: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    """What several say, each once, in the order of first sight."""
    return tuple(dict.fromkeys(chain.from_iterable(told)))


def _fingerprint(changes: Iterable[Change]) -> str:
    # Loaded by who wants one: hashing stands on a large library.
    return str(load("fingerprints").fingerprint(changes))
