"""The canary: a source that the watcher makes itself and that changes on a schedule, to prove that alerts arrive.

Its only entry says when it last changed. It is served inside the process and handled like any release.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from msgspec.structs import replace

from watcher.core.model import CANARY, Section, Severity
from watcher.core.times import to_text
from watcher.formats.base import FieldMap
from watcher.registries import collection_index
from watcher.registries.base import EventType, Finding, fixed_key
from watcher.registries.context import ChangeContext

_KEY = "name"
_DOCUMENT = """\
<?xml version='1.0' encoding='UTF-8'?>
<registry xmlns="http://www.iana.org/assignments" id="{id}">
  <title>The canary of registry-watcher</title>
  <updated>{day}</updated>
  <record><name>{id}</name><description>{changed}</description></record>
</registry>
"""


def make_document(now: datetime, every: timedelta) -> bytes:
    """Return the canary's release at a time; a new one is published each time `every` has passed."""
    seconds = int(every.total_seconds())
    changed = to_text(datetime.fromtimestamp(int(now.timestamp()) // seconds * seconds, now.tzinfo))
    return _DOCUMENT.format(id=CANARY, day=changed[:10], changed=changed).encode()


def _classify(context: ChangeContext) -> Iterator[Finding]:
    for position, change in enumerate(context.changes):
        if change.section is Section.ENTRY:
            yield Finding(event="canary-changed", change=position, subject=(CANARY,), kind=change.kind)


def _sentence(findings: Sequence[Finding], context: ChangeContext) -> str:
    changed = context.changes[findings[0].change].item.fields["description"]
    return f"the canary of {changed} arrived: alerts reach you, and no registry changed"


EVENTS: Mapping[str, EventType] = {"canary-changed": EventType(Severity.INFO, _sentence)}


# Like the index of a collection, a table whose rows are all assigned and named by their key.
REGISTRY = replace(
    collection_index.REGISTRY,
    id=CANARY,
    document_id=CANARY,
    columns=FieldMap(always=(_KEY, "description")),
    identify=fixed_key(_KEY),
    duplicate_order="description",
    classify=_classify,
    events=EVENTS,
)
