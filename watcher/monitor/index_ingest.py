"""Ingest the index of a collection: at once, unless groups that it had are missing from it.

A page that was cut, or a mirror that is being updated, misses groups that still exist. So an index that misses some is
accepted only when each of them was missing in `CONFIRMING_CHECKS` checks in a row, this one included; until then the
newest accepted index stays in force. The record of checks has what the earlier checks missed.
"""

from __future__ import annotations

from watcher.diff.content import read_content
from watcher.monitor.candidate import Candidate
from watcher.monitor.ingest import ReleaseIngest
from watcher.monitor.result import CheckResult, Outcome
from watcher.registries.collection_index import REGISTRY, list_groups

CONFIRMING_CHECKS = 3
MISSING_GROUPS = "groups_absent"
_PREFIX = "not in the index: "


class IndexIngest(ReleaseIngest):
    """Ingests the index of one collection. For one thread."""

    def ingest(self, candidate: Candidate) -> CheckResult:
        """Ingest an index, or hold it if groups are missing. Raises ParseError if the bytes are no index."""
        if candidate.live and (missing := self._unconfirmed_missing(candidate.data)):
            message = _PREFIX + ", ".join(missing)
            return CheckResult(outcome=Outcome.HELD, reason=MISSING_GROUPS, message=message)
        return super().ingest(candidate)

    def _unconfirmed_missing(self, index: bytes) -> list[str]:
        """Return the groups that an index misses unless earlier checks confirm that they are removed."""
        latest = self._history.find_latest(self.source)
        if latest is None:
            return []
        listed = list_groups(read_content(index, REGISTRY, "index"))
        missing = sorted({*list_groups(self._history.read_content(self.source, latest))}.difference(listed))
        checks = self._store.checks.list_successful(self.source, CONFIRMING_CHECKS - 1)
        return [] if _confirm(missing, [check["message"] or "" for check in checks]) else missing


def _confirm(missing: list[str], messages: list[str]) -> bool:
    """Return whether the messages of the earlier checks, the newest first, all name these groups as missing."""
    return len(messages) == CONFIRMING_CHECKS - 1 and all(
        message.startswith(_PREFIX) and {*message.removeprefix(_PREFIX).split(", ")}.issuperset(missing)
        for message in messages
    )
