"""When the index of a collection is believed: at once, unless groups that it had are absent from it.

A page that was cut, or a mirror that was being brought up to date, lacks groups that have not gone. So an index that
lacks some is taken only when each of them was absent from `READS` reads in a row, this one included; until then the
newest index that was believed stands. What earlier reads said is in the record of checks.
"""

from __future__ import annotations

from watcher.diff.content import read_content
from watcher.monitor.ingest import CheckResult, Outcome
from watcher.registries.collection_index import REGISTRY, list_groups
from watcher.store.check_log import CheckLog
from watcher.store.history_reader import HistoryReader

READS = 3
ABSENT = "groups_absent"
_WORDS = "not in the index: "


def doubt(index: bytes, source: str, queries: HistoryReader, checks: CheckLog) -> CheckResult | None:
    """Say why an index is not believed yet, None when it is. Raises ParseError where it is none."""
    latest = queries.find_latest(source)
    if latest is None:
        return None
    there = list_groups(read_content(index, REGISTRY, "index"))
    absent = sorted({*list_groups(queries.read_content(source, latest))}.difference(there))
    if not absent or _confirmed(
        absent, [check["message"] or "" for check in checks.list_successful(source, READS - 1)]
    ):
        return None
    return CheckResult(outcome=Outcome.HELD, reason=ABSENT, message=_WORDS + ", ".join(absent))


def _confirmed(absent: list[str], earlier: list[str]) -> bool:
    """Whether earlier checks, the newest first, all said that these groups are absent."""
    return len(earlier) == READS - 1 and all(
        message.startswith(_WORDS) and {*message.removeprefix(_WORDS).split(", ")}.issuperset(absent)
        for message in earlier
    )
