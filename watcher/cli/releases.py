"""`watcher releases`"""

from __future__ import annotations

from typing import Any

import click

from watcher.cli.output import App, format_option, pass_app, print_json, print_rows
from watcher.cli.seen import history, print_gaps
from watcher.store.history_rows import StoredRelease

_COLUMNS = {
    "release": "RELEASE",
    "published": "PUBLISHED",
    "observed": "OBSERVED",
    "entries": "ENTRIES",
    "added": "ADDED",
    "modified": "MODIFIED",
    "deprecated": "DEPRECATED",
    "removed": "REMOVED",
    "contacts": "CONTACTS",
    "quiet": "QUIET",
    "sha256": "SHA-256",
}


@click.command("releases")
@click.argument("source")
@format_option("json", "csv", "md")
@pass_app
def command(app: App, source: str, format: str) -> None:
    """Every release of a source: when it was published and seen, its entries, and what it changed.

    \b
    Examples:
      watcher releases ports
      watcher releases ports --format csv
    """
    with history(app) as (queries, seen):
        releases = queries.list_releases(source)
        befores = [None, *releases[:-1]]
        rows = [
            {**_row(release), "observed_between": seen.between(source, before, release)}
            for before, release in zip(befores, releases, strict=True)
        ]
        gaps = seen.gaps([source])
    if format == "json":
        print_json({"source": source, "releases": rows, "gaps": gaps})
        return
    if format == "text":
        rows = [{**row, "sha256": row["sha256"][:12]} for row in rows]
    print_rows(rows, _COLUMNS, format)
    if format == "text":
        print_gaps(gaps)


def _row(stored: StoredRelease) -> dict[str, Any]:
    release = stored.release
    return {
        "release": release.id,
        "published": release.published,
        "observed": release.observed,
        "sha256": release.sha256,
        "entries": release.entries,
        **stored.counts,
        "problems": [problem.message for problem in release.problems],
    }
