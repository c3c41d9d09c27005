"""The releases of a source as a custom datasource of Renovate, which opens a change request for each new one."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence

from watcher.store.history_rows import StoredRelease


def write_datasource(releases: Sequence[StoredRelease], find_url: Callable[[StoredRelease], str]) -> bytes:
    """Return the document. A version is the date of its release, `2024.2.29`; a second one of a day `2024.2.29.2`.

    A release without any date has no version and is left out. `digest` is the SHA-256 of the bytes as they were served.
    `find_url` returns the page of a release, "" without one.
    """
    days: Counter[str] = Counter()
    listed = []
    for release in filter(lambda release: release.dated, releases):
        days[release.dated] += 1
        listed.append(
            {
                "version": _name_version(release.dated, days[release.dated]),
                "releaseTimestamp": release.release.observed
                if release.release.published is None and release.release.observed
                else f"{release.dated}T00:00:00.000Z",
                "digest": release.release.sha256,
                **({"changelogUrl": url} if (url := find_url(release)) else {}),
            }
        )
    return f"{json.dumps({'releases': listed}, indent=1)}\n".encode()


def _name_version(day: str, number: int) -> str:
    """Return a version without leading zeros, which Renovate's versionings read as numbers."""
    parts = [str(int(part)) for part in day.split("-")]
    return ".".join([*parts, *([str(number)] if number > 1 else [])])
