"""A search for events, and its SQL conditions."""

from __future__ import annotations

import json
from dataclasses import dataclass

from watcher.core.model import Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class EventQuery:
    """Filters for events, combined with AND. `since` and `until` are days, both included; `event` is a glob."""

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
    limit: int | None = None

    def conditions(self) -> tuple[list[str], dict[str, object]]:
        """Return the SQL conditions of the filters that are set, and the values they name."""
        low, high = self.port or (None, None)
        severities = [each.value for each in Severity if self.severity and each.rank >= self.severity.rank]
        table: list[tuple[object, str]] = [
            (self.source, "sources.name = :source"),
            (self.port, f"events.id IN ({select_overlapping('event_ports', 'event_id')})"),
            (self.service, "events.id IN (SELECT event_id FROM event_services WHERE name = :service)"),
            (self.protocol, "EXISTS (SELECT 1 FROM json_each(events.protocols) WHERE value = :protocol)"),
            (self.event, "events.event GLOB :event"),
            (self.kind, "events.kind = :kind"),
            (self.severity, "events.severity IN (SELECT value FROM json_each(:severities))"),
            (self.since, "releases.dated >= :since"),
            (self.until, "releases.dated <= :until"),
            (self.text, "events.id IN (SELECT rowid FROM events_fts WHERE events_fts MATCH :text)"),
        ]
        values: dict[str, object] = {
            "source": self.source,
            "low": low,
            "high": high,
            "service": self.service.lower() if self.service else None,
            "protocol": self.protocol,
            "event": self.event,
            "kind": self.kind,
            "severities": json.dumps(severities),
            "since": self.since,
            "until": self.until,
            "text": full_text_query(self.text) if self.text is not None else None,
        }
        conditions = [condition for value, condition in table if value is not None]
        used = {name: value for name, value in values.items() if any(f":{name}" in line for line in conditions)}
        return conditions, used


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
