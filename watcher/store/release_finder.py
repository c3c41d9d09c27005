"""Finds sources and their releases in the history."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from watcher.core.errors import StoreError, UsageError
from watcher.core.patterns import regex
from watcher.core.read_settings import ReadSettings
from watcher.core.suggestions import GLOB, describe_unknown
from watcher.core.times import is_date
from watcher.store.history_rows import GroupRow, ReleaseSpan, StoredRelease, decode_release

if TYPE_CHECKING:
    from watcher.store.base import Database

_HEX = regex(r"[0-9a-f]{4,64}")


class ReleaseFinder:
    """The sources of one history and their releases."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def list_sources(self) -> list[str]:
        """Return the sources that have a history, by name."""
        return [row["name"] for row in self._db.query("SELECT name FROM sources ORDER BY name")]

    def list_sources_of(self, registry: str) -> list[str]:
        """Return the sources that were read with the rules of a registry, by name."""
        rows = self._db.execute("SELECT name FROM sources WHERE registry = ? ORDER BY name", [registry])
        return [str(name) for (name,) in rows]

    def read_registry_id(self, source: str) -> str:
        """Return the id of the registry rules a source was read with. Raises UsageError for an unknown source."""
        for row in self._db.query("SELECT registry FROM sources WHERE name = ?", [source]):
            return str(row["registry"])
        names = self.list_sources()
        hint = describe_unknown(source, names) if names else f"{source!r} yet; run `watcher check` or `watcher import`"
        raise UsageError(f"there is no history of a source named {hint}")

    def find_sources(self, patterns: Sequence[str]) -> list[str]:
        """Return the sources that have a history and one of some names or globs, by name; all, without patterns.

        Raises UsageError for a pattern that no source has.
        """
        if patterns and not any(GLOB & {*pattern} for pattern in patterns):
            for name in patterns:
                self.read_registry_id(name)
            return sorted({*patterns})
        names = self.list_sources()
        for pattern in patterns:
            if not any(fnmatchcase(name, pattern) for name in names):
                self.read_registry_id(pattern)
        return [name for name in names if not patterns or any(fnmatchcase(name, pattern) for pattern in patterns)]

    def read_settings(self, source: str) -> str:
        """Return the settings that a source's history was read with (`ReadSettings.to_text`).

        The text is empty without a history, and if an older version of the program wrote it.
        """
        # A file that is opened read-only may not have the column yet.
        if "read_settings" not in self._db.list_columns("sources"):
            return ""
        row = self._db.execute("SELECT read_settings FROM sources WHERE name = ?", [source]).fetchone()
        return str(row[0]) if row else ""

    def find_pending_settings(self, source: str, present: ReadSettings | None) -> tuple[str, ...]:
        """Return the settings that differ from those a history was read with (`ReadSettings.changes_from`)."""
        return present.changes_from_text(self.read_settings(source)) if present is not None else ()

    def count_derivations(self) -> int:
        """Return how often the histories of all sources were derived again: their rows are new since then."""
        # A file that is opened read-only may not have the column yet.
        if "derivations" not in self._db.list_columns("sources"):
            return 0
        return int(self._db.execute("SELECT coalesce(sum(derivations), 0) FROM sources").fetchone()[0])

    def list_judged_before(self, rules_version: int) -> list[str]:
        """Return the sources with events that rules of an older version judged, by name."""
        # A file that is opened read-only may not have the column yet.
        if "rules" not in self._db.list_columns("sources"):
            return self.list_sources()
        # A source whose first check failed has a row, and no events.
        rows = self._db.execute(
            """SELECT name FROM sources WHERE rules < ?
            AND EXISTS (SELECT 1 FROM releases WHERE source_id = sources.id) ORDER BY name""",
            [rules_version],
        )
        return [str(name) for (name,) in rows]

    def list_releases(self, source: str) -> list[StoredRelease]:
        """Return every release of a source, the oldest first. Raises UsageError for an unknown source."""
        self.read_registry_id(source)
        return list(self.select_releases(source))

    def find_latest(self, source: str) -> StoredRelease | None:
        """Return the newest release, or None."""
        return next(self.select_releases(source, order="place DESC", limit=1), None)

    def find_last_seen(self, source: str) -> StoredRelease | None:
        """Return the release that the last check with a new one saw, None without any; imported ones can follow it."""
        order = "sequence DESC NULLS LAST, releases.observed DESC NULLS LAST, place DESC"
        return next(self.select_releases(source, "live = 1", order=order, limit=1), None)

    def find_last_written(self) -> StoredRelease | None:
        """Return the release of any source that was written last, or None."""
        row = self._db.execute("SELECT max(id) FROM releases").fetchone()[0]
        return self.find_by_row(row) if row is not None else None

    def find_by_row(self, row: int) -> StoredRelease | None:
        """Return a release by its row, or None."""
        source = self._db.execute(
            "SELECT name FROM releases JOIN sources ON sources.id = source_id WHERE releases.id = ?", [row]
        ).fetchone()
        return next(self.select_releases(source[0], "releases.id = ?2", row)) if source else None

    def find_predecessor(self, release: StoredRelease) -> StoredRelease | None:
        """Return the release before one, None for the first."""
        source = release.release.source
        return next(self.select_releases(source, "place < ?2", release.place, order="place DESC", limit=1), None)

    def read_with_predecessors(self, rows: Iterable[int]) -> dict[int, tuple[StoredRelease, StoredRelease | None]]:
        """Return releases by their rows, each with the one before it, None for the first of its source."""
        selected = self._db.query(
            """WITH wanted AS (
              SELECT id, source_id, place, (SELECT max(place) FROM releases earlier
                WHERE earlier.source_id = releases.source_id AND earlier.place < releases.place) AS place_before
              FROM releases WHERE id IN (SELECT CAST(value AS BIGINT) FROM json_each(?)))
            SELECT wanted.id AS wanted, sources.name AS source, releases.* FROM wanted
            JOIN releases ON releases.source_id = wanted.source_id AND releases.place IN (wanted.place, place_before)
            JOIN sources ON sources.id = releases.source_id
            ORDER BY wanted.id, releases.place DESC""",
            [json.dumps([*rows])],
        )
        releases: dict[int, tuple[StoredRelease, StoredRelease | None]] = {}
        for row in selected:
            release = decode_release(row["source"], row)
            first = releases.get(row["wanted"])
            releases[row["wanted"]] = (first[0], release) if first else (release, None)
        return releases

    def find_successor(self, release: StoredRelease) -> StoredRelease | None:
        """Return the release after one, None for the newest."""
        return next(self.select_releases(release.release.source, "place > ?2", release.place, limit=1), None)

    def select_releases(
        self, source: str, condition: str = "TRUE", *values: object, order: str = "place", limit: int | None = None
    ) -> Iterator[StoredRelease]:
        """Yield the releases of a source that meet a condition; its values are ?2 and so on."""
        at_most = "" if limit is None else f"LIMIT {limit}"
        rows = self._db.query(
            f"""SELECT releases.* FROM sources JOIN releases ON releases.source_id = sources.id
            WHERE name = ?1 AND {condition} ORDER BY {order} {at_most}""",  # noqa: S608 - the parts are ours
            [source, *values],
        )
        return (decode_release(source, row) for row in rows)

    def list_snapshots(self, source: str, release: StoredRelease) -> list[str]:
        """Return the SHA-256 of every snapshot of a release."""
        statement = "SELECT sha256 FROM snapshots WHERE source_id = ? AND release_id = ?"
        rows = self._db.execute(statement, [self.find_source_row(source), release.row])
        return [str(sha256) for (sha256,) in rows]

    def count_releases(self, source: str) -> int:
        """Return how many releases a source has."""
        statement = "SELECT count(*) FROM releases JOIN sources ON sources.id = source_id WHERE name = ?"
        return int(self._db.execute(statement, [source]).fetchone()[0])

    def count_all_releases(self) -> dict[str, int]:
        """Return how many releases each source has that has any."""
        statement = "SELECT name, count(*) FROM releases JOIN sources ON sources.id = source_id GROUP BY name"
        return dict(self._db.execute(statement).fetchall())

    def summarize_groups(self, collection: str) -> list[GroupRow]:
        """Return the groups of a collection that have a history, by name."""
        rows = self._db.execute(
            """SELECT name, number, dated, entries FROM sources
            JOIN (SELECT source_id, count(*) AS number, max(place) AS last FROM releases GROUP BY source_id) AS newest
              ON newest.source_id = sources.id
            JOIN releases ON releases.source_id = sources.id AND place = last
            WHERE substr(name, 1, ?) = ? ORDER BY name""",
            [len(collection) + 1, f"{collection}."],
        )
        return [
            GroupRow(source=name, releases=number, dated=dated, entries=entries)
            for name, number, dated, entries in rows
        ]

    def find_release_span(self, sources: Sequence[str] = ()) -> ReleaseSpan:
        """Return how many releases some sources have, by default all, and over which days."""
        number, first, last = self._db.execute(
            """SELECT count(*), coalesce(min(dated), ''), coalesce(max(dated), '')
            FROM releases JOIN sources ON sources.id = source_id
            WHERE ?1 = '[]' OR name IN (SELECT value FROM json_each(?1))""",
            [json.dumps(list(sources))],
        ).fetchone()
        return ReleaseSpan(number=number, first=first, last=last)

    def find_release(self, source: str, reference: str) -> StoredRelease:
        """Return the release that a date, a release id, a SHA-256 prefix or `latest` names.

        A date names the last release dated on or before it. Raises UsageError, which says what can be given.
        """
        self.read_registry_id(source)
        latest = self.find_latest(source)
        if latest is None:
            hint = f"run `watcher check {source}`, import one, or see `watcher held`"
            raise UsageError(f"{source} has no release yet; {hint}")
        if reference in ("latest", "newest"):
            return latest
        if is_date(reference):
            # Days never go back in the order of releases, so the last one that matches is the latest.
            for release in self.select_releases(source, "dated <= ?2", reference, order="place DESC", limit=1):
                return release
            first = next(self.select_releases(source, limit=1), None)
            hint = f"; the first is of {first.dated}" if first else ""
            raise UsageError(f"{source} has no release published on or before {reference}{hint}")
        matches = self._find_by_prefix(source, reference.lower()) if _HEX.fullmatch(reference.lower()) else []
        if len(matches) == 1:
            return matches[0]
        if matches:
            raise UsageError(f"{reference!r} names {len(matches)} releases of {source}; give more of it")
        raise UsageError(
            f"{source} has no release {reference!r}; give a date, or an id that `watcher releases {source}` shows"
        )

    def _find_by_prefix(self, source: str, prefix: str) -> list[StoredRelease]:
        # Every hexadecimal digit is before "g", so that an index finds what begins so.
        condition = """releases.id IN (
            SELECT id FROM releases WHERE source_id = sources.id AND content >= ?2 AND content < ?2 || 'g' UNION ALL
            SELECT release_id FROM snapshots
            WHERE source_id = sources.id AND sha256 >= ?2 AND sha256 < ?2 || 'g')"""
        return list(self.select_releases(source, condition, prefix))

    def find_by_hash(self, source: str, *, sha256: str = "", digest: str = "") -> StoredRelease | None:
        """Return the release of a snapshot (`sha256`) or of a canonical content (`digest`), None if it is new."""
        row = self._db.execute(
            """SELECT release_id FROM snapshots WHERE source_id = ?1 AND sha256 = ?2 UNION ALL
            SELECT id FROM releases WHERE source_id = ?1 AND content = ?3""",
            [self.find_source_row(source), sha256, digest],
        ).fetchone()
        return next(self.select_releases(source, "releases.id = ?2", row[0])) if row else None

    def read_release(self, source: str, digest: str) -> StoredRelease:
        """Return the release of a canonical content that was just written. Raises StoreError if it is missing."""
        release = self.find_by_hash(source, digest=digest)
        if release is None:
            raise StoreError(f"{source}: release {digest[:12]} was written and is not there")
        return release

    def find_source_row(self, source: str) -> int:
        """Return the source's row, 0 for an unknown source."""
        row = self._db.execute("SELECT id FROM sources WHERE name = ?", [source]).fetchone()
        return int(row[0]) if row else 0
