"""`watcher diff`"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from watcher.cli.output import format_option, parse_release, print_comparison, print_json, require
from watcher.cli.table_options import read_table_settings, table_options
from watcher.core.errors import UsageError
from watcher.core.lazy import load
from watcher.core.model import Comparison
from watcher.core.operator_files import read_document_file, read_document_stream
from watcher.render import csv as render_csv
from watcher.render import markdown

if TYPE_CHECKING:
    from watcher.config import overview
    from watcher.core.event_details import EventDetails
    from watcher.registries import event_details
    from watcher.render import document, html
    from watcher.reports import file_diff, release_diff
    from watcher.store import store as history
else:
    file_diff = load("file_diff")
    release_diff, overview, history = load("release_diff"), load("overview"), load("store")
    event_details, document, html = load("describe_events"), load("document"), load("html")  # plain text needs none

_FILES, _SOURCE_AND_RELEASES = 2, 3  # numbers of arguments


@click.command("diff")
@click.argument("what", metavar="SOURCE OLD NEW | OLD_FILE NEW_FILE", nargs=-1, required=True)
@format_option("json", "csv", "md", "html")
@click.option("--all", "all_changes", is_flag=True, help="Show every change with its fields, quiet changes included.")
@click.option(
    "--details", "with_details", is_flag=True, help="Show each event as messages do: people, references, what differs."
)
@click.option("--raw", is_flag=True, help="CSV: do not quote cells that a spreadsheet would run as a formula.")
@click.option("--exit-code", is_flag=True, help="Exit with 1 if there are changes.")
@click.option("--registry", metavar="RULES", help="Rules for files: ports, iana, … [default: by the document's id].")
@click.option("--as", "file_format", metavar="FORMAT", help="Format of files: csv, … [default: by their suffix].")
@table_options
@click.pass_obj
def command(
    config: Path,
    /,
    what: tuple[str, ...],
    format: str,
    all_changes: bool,
    with_details: bool,
    raw: bool,
    exit_code: bool,
    registry: str | None,
    file_format: str | None,
    **table: Any,
) -> None:
    """Show what changed between two releases of a source or between two files, and what the changes mean.

    A release is named by a date (`2024-02-29`, `2024-02`, `7d`: the last one on or before it), by `latest`, by its id,
    or by the beginning of its SHA-256. SOURCE alone compares the two newest releases; SOURCE and one release compare it
    with the one before it.
    Two files need no configuration and no history; `-` is standard input. They can be of any registry, or plain
    tables in CSV, TSV, JSON and other formats (docs/formats.md).

    \b
    Examples:
      watcher diff ports 2019-01-08 2019-01-09
      watcher diff ports
      watcher diff ports 2019-01-09 --details
      watcher diff OLD.xml NEW.xml --format json
      watcher diff OLD.csv NEW.csv --key code
      watcher diff OLD.txt NEW.txt --as lines --comment '#'
      watcher diff OLD.csv NEW.csv --delimiter ';' --encoding latin-1 --columns code,name
      watcher diff --exit-code OLD.xml NEW.xml >/dev/null || echo changed
    """
    is_of_files = len(what) == _FILES and (what[0] == "-" or Path(what[0]).is_file())
    if is_of_files:
        comparison = file_diff.compare_files(
            *map(_read_file, what),
            registry=registry,
            format=file_format,
            settings=read_table_settings(table),
            with_ids=format == "json",
        )
        address = ""
    else:
        require(len(what) <= _SOURCE_AND_RELEASES, "give a source and two releases, or two files")
        comparison, address = _compare_releases(config, what[0], *map(parse_release, what[1:]))
    has_details = with_details or format in ("json", "html")
    details = (
        event_details.describe_events(comparison, address=address, is_stored=not is_of_files) if has_details else ()
    )
    if format == "text":
        print_comparison(comparison, details, all_changes=all_changes)
    else:
        _print_as(format, comparison, details, raw=raw)
    if exit_code and comparison.changes.changes:
        raise click.exceptions.Exit(1)


def _compare_releases(config: Path, source: str, *releases: str) -> tuple[Comparison, str]:
    """Return the comparison of two stored releases, and the address at which pages show the history, if it has one."""
    settings = overview.load_overview(config)
    with history.Store(settings.history, create=False) as opened:
        return release_diff.compare_releases(opened.history, settings.severities, source, *releases), settings.address


def _print_as(format: str, comparison: Comparison, details: Sequence[EventDetails], *, raw: bool) -> None:
    if format == "json":
        print_json(document.comparison_document(comparison, details))
    elif format == "csv":
        click.echo(render_csv.render_comparison(comparison, raw=raw), nl=False)
    elif format == "md":
        click.echo(markdown.render_comparison(comparison))
    else:
        click.echo(html.render_comparison(comparison, details))


def _read_file(name: str) -> file_diff.InputFile:
    try:
        if name == "-":
            return file_diff.InputFile(name=name, data=read_document_stream(sys.stdin.buffer, name))
        return file_diff.InputFile(name=name, data=read_document_file(Path(name)))
    except OSError as error:
        raise UsageError(f"{name}: {error.strerror}") from None
