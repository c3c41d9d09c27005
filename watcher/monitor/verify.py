"""Hold the recorded history of one source to its snapshots, by another way than the one it was made on.

Each release is read by itself, without what is kept from the one before, and compared with what is stored of it and
with what was recorded between it and the next. Field by field a general library gives a second opinion.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from deepdiff import DeepDiff

from watcher.core.model import Change, Content
from watcher.diff.compare import compare
from watcher.registries.base import Registry
from watcher.store.history_reader import HistoryReader
from watcher.store.history_rows import StoredRelease


@dataclass(frozen=True, slots=True, kw_only=True)
class Rechecking:
    """What is needed of a source; `read` reads a release from its snapshot and nothing else."""

    source: str
    registry: Registry
    queries: HistoryReader
    read: Callable[[StoredRelease], Content]

    def run(self, releases: int, progress: Callable[[], None]) -> Iterator[str]:
        """Yield what does not fit, a sentence each, among the newest `releases`."""
        before: tuple[StoredRelease, Content] | None = None
        for release in self.queries.list_releases(self.source)[-releases:]:
            content = self.read(release)
            yield from self._of_a_release(release, content)
            if before:
                yield from self._of_two(*before, release, content)
            before = release, content
            progress()

    def _of_a_release(self, release: StoredRelease, content: Content) -> Iterator[str]:
        stored = self.queries.read_content(self.source, release).items
        keys = dict.fromkeys([*content.items, *stored])
        wrong = [key for key in keys if stored.get(key) != content.items.get(key)]
        if content.digest != release.digest:
            yield f"{self.source}: the release of {release.dated} has another content than is recorded"
        if wrong:
            yield f"{self.source}: {len(wrong)} entries of {release.dated} are not what the release says, {wrong[0][1]}"

    def _of_two(self, before: StoredRelease, old: Content, release: StoredRelease, new: Content) -> Iterator[str]:
        recorded = self.queries.read_comparison(self.source, release, before)
        known = {_without_judgement(change) for change in recorded.changes.changes}
        found = {
            _without_judgement(change) for change in compare(old, new, self.registry.pairing_rules(old, new)).changes
        }
        if known != found:
            yield f"{self.source}: {len(known ^ found)} changes of {release.dated} are not what two readings give"
        for change in recorded.changes.changes:
            if second_opinion(change) != {each.name for each in change.fields}:
                yield f"{self.source}: of {change.item.key} other fields changed on {release.dated} than are recorded"


def second_opinion(change: Change) -> set[str]:
    """Return the fields in which two paired entries differ, as a general library sees it."""
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


def _without_judgement(change: Change) -> tuple[object, ...]:
    sides = (change.before, change.after)
    told = (side and (side.section, side.key, tuple(sorted(side.fields.items()))) for side in sides)
    return (*told, change.fields)
