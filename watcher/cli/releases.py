"""`watcher releases`"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from watcher.cli.context import open_history
from watcher.cli.output import columns, format_option, print_gaps, print_json, print_rows
from watcher.core.tables import describe_key
from watcher.render.document import release_document
from watcher.render.safe_text import visible
from watcher.store.history_rows import StoredRelease

_COLUMNS = {
    **columns("release", "published", "observed", "entries"),
    **columns("added", "modified", "deprecated", "removed", "contacts", "quiet"),
    "sha256": "SHA-256",
}


@click.command("releases")
@click.argument("source")
@format_option("json", "csv", "md")
@click.pass_obj
def command(config: Path, source: str, format: str) -> None:
    """List every release of a source: when it was published and observed, its entries, and what it changed.

    \b
    Examples:
      watcher releases ports
      watcher releases ports --format csv
    """
    with open_history(config) as (history, observation):
        releases = history.list_releases(source)
        rows = [
            {**_row(release), "observed_between": list(observation.find_window(before, release))}
            for before, release in zip([None, *releases], releases, strict=False)
        ]
        gaps = observation.find_gaps([source])
        key = describe_key(history.read_key_columns(source))
    if format == "json":
        print_json({"source": source, "key": key, "releases": rows, "gaps": [gap.as_dict() for gap in gaps]})
        return
    if format == "text":
        rows = [{**row, "sha256": row["sha256"][:12]} for row in rows]
    print_rows(rows, _COLUMNS, format, empty="no releases yet")
    if format == "text":
        if key:
            click.echo(f"\nkey: {visible(key)}")
        print_gaps(gaps)


def _row(stored: StoredRelease) -> dict[str, Any]:
    problems = [problem.message for problem in stored.release.problems]
    return {**release_document(stored.release), **stored.counts, "problems": problems}
