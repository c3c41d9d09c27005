"""A search for events, and its SQL conditions."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from msgspec import Struct
from msgspec.structs import asdict

from watcher.core.intervals import Interval
from watcher.core.model import Severity
from watcher.core.times import LATEST

_NEWEST = "releases.place = (SELECT max(place) FROM releases newest WHERE newest.source_id = releases.source_id)"


class EventQuery(Struct, frozen=True, kw_only=True):
    """Filters for events, combined with AND. A filter accepts any of its values, and all events without values.

    `since` and `until` are days, both included; `latest` as `since` means the newest release of each source. `events`
    are globs. `document` is a name as `core/documents.py` writes it, `fingerprint` the beginning of one. `before` is a
    place in the order of events: the day and place of a release, and a row. `live_after` is the row of a release: only
    events of releases that were written after it and that a check saw. `seen_since` is a UTC time: only events of
    releases that a check saw then or later.
    """

    sources: tuple[str, ...] = ()
    ports: tuple[Interval, ...] = ()
    services: tuple[str, ...] = ()
    protocols: tuple[str, ...] = ()
    events: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    severity: Severity | None = None
    since: str | None = None
    until: str | None = None
    text: str | None = None
    document: str | None = None
    fingerprint: str | None = None
    before: tuple[str, int, int] | None = None
    live_after: int | None = None
    seen_since: str | None = None
    limit: int | None = None

    def conditions(self) -> tuple[list[str], dict[str, object]]:
        """Return the SQL conditions of the filters that are set, and values for all their parameters."""
        values: dict[str, object] = asdict(self)
        severities = [severity.value for severity in Severity if self.severity and severity.rank >= self.severity.rank]
        lists: dict[str, Sequence[object]] = {
            "sources": self.sources,
            "ports": self.ports,
            "services": [service.lower() for service in self.services],
            "protocols": self.protocols,
            "events": self.events,
            "kinds": self.kinds,
            "severity": severities,
        }
        values |= {name: encode_list(members) if members else None for name, members in lists.items()}
        values["text"] = full_text_query(self.text) if self.text is not None else None
        values |= dict(zip(("before_day", "before_place", "before_row"), self.before or (), strict=False))
        conditions = {
            "sources": "sources.name IN (SELECT value FROM json_each(:sources))",
            "ports": f"events.id IN ({select_overlapping('event_ports', 'event_id')})",
            "services": """events.id IN (SELECT event_id FROM event_services
                WHERE name IN (SELECT value FROM json_each(:services)))""",
            "protocols": """EXISTS (SELECT 1 FROM json_each(events.protocols)
                WHERE value IN (SELECT value FROM json_each(:protocols)))""",
            "events": "EXISTS (SELECT 1 FROM json_each(:events) WHERE glob(value, events.event))",
            "kinds": "events.kind IN (SELECT value FROM json_each(:kinds))",
            "severity": "events.severity IN (SELECT value FROM json_each(:severity))",
            "since": _NEWEST if self.since == LATEST else "releases.dated >= :since",
            "until": "releases.dated <= :until",
            "document": "events.id IN (SELECT event_id FROM event_documents WHERE document = :document)",
            "fingerprint": "substr(events.fingerprint, 1, length(:fingerprint)) = :fingerprint",
            "before": """(releases.dated, releases.place, events.id) < (:before_day, :before_place, :before_row)""",
            "live_after": "releases.live = 1 AND releases.id > :live_after",
            "seen_since": "releases.live = 1 AND releases.observed >= :seen_since",
            "text": "events.id IN (SELECT rowid FROM events_fts WHERE events_fts MATCH :text)",
        }
        return [condition for name, condition in conditions.items() if values[name] is not None], values


def encode_list(values: Iterable[object]) -> str:
    """Return values as a JSON list for `json_each`, which would cut a text at a NUL: such a text matches nothing."""
    return json.dumps([value for value in values if not (isinstance(value, str) and "\0" in value)])


def select_overlapping(table: str, column: str, condition: str = "") -> str:
    """Return a SELECT of the rows whose `low` to `high` shares a number with one of :ports, a JSON list of pairs.

    Two queries, because an index serves each of them: intervals that start inside, and those that start before. The
    join is a CROSS JOIN, so that SQLite looks each pair up in the index instead of reading the table for all of them.
    """
    pairs = f"json_each(:ports) AS pair CROSS JOIN {table}"
    low, high = "CAST(pair.value ->> 0 AS BIGINT)", "CAST(pair.value ->> 1 AS BIGINT)"
    return f"""SELECT {column} FROM {pairs} WHERE {condition} low BETWEEN {low} AND {high} UNION ALL
        SELECT {column} FROM {pairs} WHERE {condition} high > low AND low < {low} AND high >= {low}"""  # noqa: S608 - ours


def full_text_query(text: str) -> str:
    """Return an FTS5 query that requires every word of a text; operators in it have no meaning."""
    text = text.encode("utf-8", "replace").decode().replace("\0", " ")
    return " ".join('"' + word.replace('"', '""') + '"' for word in text.split()) or '""'
