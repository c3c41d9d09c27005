"""`watcher diff`"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click

from watcher.cli.output import App, colour, format_option, need, pass_app, width
from watcher.config.overview import load_overview
from watcher.core.lazy import load
from watcher.core.model import Comparison, Severity
from watcher.render import csv as render_csv
from watcher.render import json, markdown, text
from watcher.store.history_reader import HistoryReader
from watcher.store.store import Store

_TWO, _THREE = 2, 3


@click.command("diff")
@click.argument("what", metavar="SOURCE OLD NEW | OLD_FILE NEW_FILE", nargs=-1, required=True)
@format_option("json", "csv", "md", "html")
@click.option("--all", "everything", is_flag=True, help="Show every change with its fields, bookkeeping included.")
@click.option("--raw", is_flag=True, help="CSV: leave cells that a spreadsheet would take for a formula as they are.")
@click.option("--exit-code", is_flag=True, help="Exit with 1 when they differ.")
@click.option("--registry", metavar="RULES", help="How files are read: ports, iana, …; else by what they say they are.")
@click.option("--as", "file_format", metavar="FORMAT", help="The format of files: csv, …; else by how their names end.")
@click.option("--key", multiple=True, metavar="COLUMN", help="A key column of a plain table; may be repeated.")
@pass_app
def command(
    app: App,
    what: tuple[str, ...],
    format: str,
    everything: bool,
    raw: bool,
    exit_code: bool,
    registry: str | None,
    file_format: str | None,
    key: tuple[str, ...],
) -> None:
    """What differs between two releases of a source, or between two files, and what it means.

    A release is named by a date (the last one published on or before it), by its id, or by the beginning of its
    SHA-256. SOURCE alone compares the two newest; SOURCE and one release, that release with the one before it.
    Two files need no configuration and no history; `-` is standard input. They can be of any registry, and plain
    tables in CSV, TSV, JSON and other formats (docs/formats.md).

    \b
    Examples:
      watcher diff ports 2019-01-08 2019-01-09
      watcher diff ports
      watcher diff OLD.xml NEW.xml --format json
      watcher diff OLD.csv NEW.csv --key code
      watcher diff --exit-code OLD.xml NEW.xml >/dev/null || echo changed
    """
    if len(what) == _TWO and (what[0] == "-" or Path(what[0]).is_file()):
        comparison = load("compare_files").files(what[0], what[1], registry, file_format, key)
    else:
        need(len(what) <= _THREE, "give a source and two releases, or two files")
        configured = load_overview(app.config)
        with Store(configured.history, create=False) as store:
            comparison = stored(store.history, configured.severities, *what, fingerprints=format == "json")
    if format == "json":
        click.echo(json.render_comparison(comparison))
    elif format == "csv":
        click.echo(render_csv.render_comparison(comparison, raw=raw), nl=False)
    elif format == "md":
        click.echo(markdown.render_comparison(comparison))
    elif format == "html":
        click.echo(load("html").render_comparison(comparison))
    else:
        click.echo(text.render_comparison(comparison, all=everything, width=width(), colour=colour()))
    if exit_code and comparison.changes.changes:
        raise click.exceptions.Exit(1)


def stored(
    queries: HistoryReader,
    severities: Mapping[str, Severity],
    source: str,
    old: str | None = None,
    new: str | None = None,
    *,
    fingerprints: bool = True,
) -> Comparison:
    """Compare two stored releases: as it was committed where they follow each other, computed where they do not.

    Without `fingerprints` the events of what is computed have none.
    """
    after = queries.find_release(source, new or old or "latest")
    previous = queries.find_predecessor(after)
    if new is None:
        need(previous, f"{source}: {old or after.dated} is the first release there is: nothing to compare it with")
    before = queries.find_release(source, str(old)) if new else previous
    if before is not None and previous is not None and before.row == previous.row:
        return queries.read_comparison(source, after, before)
    compared: Comparison = load("compare_releases").releases(
        queries, severities, source, before, after, fingerprints=fingerprints
    )
    return compared
