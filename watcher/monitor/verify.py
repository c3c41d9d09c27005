"""Verify the recorded history of one source against its snapshots, in another way than it was made.

Each release is read independently of the one before it, and compared with the versions, changes and fields that the
history has for it. A general library finds the changed fields a second time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from deepdiff import DeepDiff

from watcher.core.errors import StoreError
from watcher.core.model import Change, Content
from watcher.diff.compare import compare
from watcher.monitor.ingest import ReleaseIngest
from watcher.registries.base import Registry
from watcher.store.history_reader import HistoryReader
from watcher.store.history_rows import StoredRelease

_MOST_TRIES = 5


def verify_history(
    ingest: ReleaseIngest, history: HistoryReader, number: int, progress: Callable[[], None] | None = None
) -> Iterator[str]:
    """Yield a sentence for each mismatch among the newest `number` releases of a source.

    `progress` is called after each release. What another process changed meanwhile is verified again. Raises StoreError
    if that goes on.
    """
    for _ in range(_MOST_TRIES):
        before = ingest.read_state()
        try:
            mismatches = [*_find_mismatches(ingest, history, number, progress)]
        except Exception:
            if ingest.read_state() == before:
                raise
        else:
            if not mismatches or ingest.read_state() == before:
                yield from mismatches
                return
    raise StoreError(f"{ingest.source}: other processes keep changing its history; verify it again later")


def _find_mismatches(
    ingest: ReleaseIngest, history: HistoryReader, number: int, progress: Callable[[], None] | None
) -> Iterator[str]:
    previous: tuple[StoredRelease, Content] | None = None
    for release in history.list_releases(ingest.source)[-number:]:
        content = ingest.read_independently(release)
        yield from _verify_content(history, ingest.source, release, content)
        if previous:
            yield from _verify_changes(history, ingest.registry, *previous, release, content)
        previous = release, content
        if progress:
            progress()


def _verify_content(history: HistoryReader, source: str, release: StoredRelease, content: Content) -> Iterator[str]:
    stored = history.read_content(source, release).items
    keys = dict.fromkeys([*content.items, *stored])
    wrong = [key for key in keys if stored.get(key) != content.items.get(key)]
    if content.digest != release.digest:
        yield f"{source}: the snapshot of {release.dated} has another content than the history"
    if wrong:
        yield f"{source}: {len(wrong)} entries of {release.dated} differ from its snapshot, the first is {wrong[0][1]}"


def _verify_changes(
    history: HistoryReader,
    registry: Registry,
    before: StoredRelease,
    old: Content,
    release: StoredRelease,
    new: Content,
) -> Iterator[str]:
    source = release.release.source
    recorded = history.events.read_comparison(source, release, before).changes.changes
    changes = compare(old, new, registry.pairing_rules(old, new)).changes
    differing = {_facts(change) for change in recorded} ^ {_facts(change) for change in changes}
    if differing:
        yield f"{source}: {len(differing)} changes of {release.dated} differ from those between its snapshots"
    for change in recorded:
        if changed_fields(change) != {field.name for field in change.fields}:
            yield f"{source}: the history of {release.dated} has other changed fields for {change.item.key}"


def changed_fields(change: Change) -> set[str]:
    """Return the fields in which two paired entries differ, as a general library finds them."""
    if change.before is None or change.after is None:
        return set()
    difference = DeepDiff(
        dict(change.before.fields), dict(change.after.fields), view="tree", threshold_to_diff_deeper=0
    )
    return {
        str(node.path(output_format="list")[0])
        for report in ("values_changed", "dictionary_item_added", "dictionary_item_removed")
        for node in difference.get(report, ())
    }


def _facts(change: Change) -> tuple[object, ...]:
    """Return a change without what rules decide about it: its status and whether it is bookkeeping."""
    sides = (change.before, change.after)
    return (
        *(side and (side.section, side.key, tuple(sorted(side.fields.items()))) for side in sides),
        change.fields,
    )
