"""A search for events, and its SQL conditions."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from watcher.core.model import Severity
from watcher.core.times import LATEST

_NEWEST = "releases.place = (SELECT max(place) FROM releases newest WHERE newest.source_id = releases.source_id)"


@dataclass(frozen=True, slots=True, kw_only=True)
class EventQuery:
    """Filters for events, combined with AND. `since` and `until` are days, both included; `event` is a glob.

    Since `latest` means the newest release of each source. `document` is a name that `core.documents` returns.
    """

    source: str | None = None
    port: tuple[int, int] | None = None
    service: str | None = None
    protocol: str | None = None
    event: str | None = None
    kind: str | None = None
    severity: Severity | None = None
    since: str | None = None
    until: str | None = None
    text: str | None = None
    document: str | None = None
    limit: int | None = None

    def conditions(self) -> tuple[list[str], dict[str, object]]:
        """Return the SQL conditions of the filters that are set, and values for all their parameters."""
        low, high = self.port or (None, None)
        severities = [severity.value for severity in Severity if self.severity and severity.rank >= self.severity.rank]
        values: dict[str, object] = {**asdict(self), "low": low, "high": high, "severities": json.dumps(severities)}
        values["service"] = None if self.service is None else self.service.lower()
        values["text"] = full_text_query(self.text) if self.text is not None else None
        conditions = {
            "source": "sources.name = :source",
            "port": f"events.id IN ({select_overlapping('event_ports', 'event_id')})",
            "service": "events.id IN (SELECT event_id FROM event_services WHERE name = :service)",
            "protocol": "EXISTS (SELECT 1 FROM json_each(events.protocols) WHERE value = :protocol)",
            "event": "events.event GLOB :event",
            "kind": "events.kind = :kind",
            "severity": "events.severity IN (SELECT value FROM json_each(:severities))",
            "since": _NEWEST if self.since == LATEST else "releases.dated >= :since",
            "until": "releases.dated <= :until",
            "document": "events.id IN (SELECT event_id FROM event_documents WHERE document = :document)",
            "text": "events.id IN (SELECT rowid FROM events_fts WHERE events_fts MATCH :text)",
        }
        return [condition for name, condition in conditions.items() if values[name] is not None], values


def select_overlapping(table: str, column: str, condition: str = "") -> str:
    """Return a SELECT of the rows whose `low` to `high` shares a number with :low to :high.

    Two queries, because an index serves each of them: intervals that start inside, and those that start before.
    """
    return f"""SELECT {column} FROM {table} WHERE {condition} low BETWEEN :low AND :high UNION ALL
        SELECT {column} FROM {table} WHERE {condition} high > low AND low < :low AND high >= :low"""  # noqa: S608 - ours


def full_text_query(text: str) -> str:
    """Return an FTS5 query that requires every word of a text; operators in it have no meaning."""
    text = text.encode("utf-8", "replace").decode().replace("\0", " ")
    return " ".join('"' + word.replace('"', '""') + '"' for word in text.split()) or '""'
