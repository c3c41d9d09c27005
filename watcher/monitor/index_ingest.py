"""Ingest the index of a collection: at once, unless groups that it had are missing from it.

A page that was cut, or a mirror that is being updated, misses groups that still exist. So an index that misses some is
held until each of them was missing in `CONFIRMING_CHECKS` checks in a row, this one included, or the operator accepts
it; until then the newest accepted index stays in force. The archive has what the earlier checks were served.
"""

from __future__ import annotations

from watcher.core.errors import ParseError, StoreError
from watcher.core.model import Content
from watcher.core.operations import Reason
from watcher.diff.content import read_content
from watcher.monitor.candidate import Candidate
from watcher.monitor.ingest import ReleaseIngest
from watcher.monitor.plausibility import Bounds
from watcher.registries.collection_index import REGISTRY, list_groups

CONFIRMING_CHECKS = 3
BOUNDS = Bounds(confirm_after=CONFIRMING_CHECKS - 1)  # an old index is accepted at the check after so many
MISSING_GROUPS = "groups_absent"
_MOST_NAMED = 20


class IndexIngest(ReleaseIngest):
    """Ingests the index of one collection. For one thread."""

    def _reasons_to_hold(self, content: Content, candidate: Candidate) -> tuple[tuple[Reason, ...], str | None]:  # noqa: ARG002
        """Return the reason to hold an index: groups that are missing, and that earlier checks were served."""
        latest = self._history.find_latest(self.source)
        if latest is None:
            return (), None
        missing = {*list_groups(self._reader.read_release(latest))}.difference(list_groups(content))
        if not missing or self._are_missing_before(missing):
            return (), None
        names = sorted(missing)
        more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
        sentence = f"not in the index: {', '.join(names[:_MOST_NAMED])}{more}"
        return (Reason(code=MISSING_GROUPS, sentence=sentence, numbers={"missing": len(names)}),), None

    def _are_missing_before(self, groups: set[str]) -> bool:
        """Return whether the earlier checks that count were served indexes without all of some groups."""
        checks = self._store.checks.list_successful(self.source, CONFIRMING_CHECKS - 1)
        served = [check["sha256"] for check in checks]  # None: the newest accepted index, unchanged
        return len(served) == CONFIRMING_CHECKS - 1 and all(
            sha256 and groups.isdisjoint(self._list_served(sha256)) for sha256 in dict.fromkeys(served)
        )

    def _list_served(self, sha256: str) -> list[str]:
        """Return the groups of an index that a check was served; those in force if it is missing or damaged."""
        try:
            return list_groups(read_content(self._parts.archive.read_snapshot(self.source, sha256), REGISTRY, "index"))
        except (StoreError, ParseError):
            latest = self._history.find_latest(self.source)
            return list_groups(self._history.read_content(self.source, latest)) if latest else []
