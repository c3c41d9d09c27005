"""The canary: a registry of our own that changes on a schedule, so that the whole way to a channel is proven.

One entry, which says when it was last due to change. It is served inside the process and travels like any release.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from watcher.core.model import CANARY, Section, Severity
from watcher.core.times import to_text
from watcher.formats.column_map import FieldMap
from watcher.registries import collection_index
from watcher.registries.base import EventType, Finding, Labels, Rows
from watcher.registries.context import ChangeContext

_KEY = "name"
_DOCUMENT = """\
<?xml version='1.0' encoding='UTF-8'?>
<registry xmlns="http://www.iana.org/assignments" id="{id}">
  <title>The canary of registry-watcher</title>
  <updated>{day}</updated>
  <record><name>{id}</name><description>{sung}</description></record>
</registry>
"""


def document(now: datetime, every: timedelta) -> bytes:
    """Return the canary's release of a time: another one each time that `every` has passed."""
    seconds = int(every.total_seconds())
    sung = to_text(datetime.fromtimestamp(int(now.timestamp()) // seconds * seconds, now.tzinfo))
    return _DOCUMENT.format(id=CANARY, day=sung[:10], sung=sung).encode()


def _findings(context: ChangeContext) -> Iterator[Finding]:
    for number, change in enumerate(context.changes):
        if change.section is Section.ENTRY:
            yield Finding(event="canary-changed", change=number, subject=(CANARY,), kind=change.kind)


def _sentence(found: Sequence[Finding], context: ChangeContext) -> str:
    sung = context.changes[found[0].change].item.fields["description"]
    return f"the canary of {sung} arrived: no registry changed, and news would have reached you"


EVENTS: Mapping[str, EventType] = {"canary-changed": EventType(severity=Severity.INFO, sentence=_sentence)}


def _identify(document: str, path: str, rows: Rows) -> Labels:  # noqa: ARG001 - one identity for all
    return (_KEY,)


# As in an index, being listed is all there is to an entry.
REGISTRY = replace(
    collection_index.REGISTRY,
    id=CANARY,
    document_id=CANARY,
    columns=FieldMap(always=(_KEY, "description")),
    identify=_identify,
    duplicate_order="description",
    classify=_findings,
    events=EVENTS,
)
