"""`watcher diff`"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Mapping
from pathlib import Path

import click

from watcher.cli.app import App, colour, format_option, need, pass_app, width
from watcher.cli.reading import history, settings
from watcher.contents import FORMATS, Reads, read
from watcher.errors import ParseError, UsageError
from watcher.formats.iana_xml import document_id
from watcher.judge import explain
from watcher.model import Comparison, Release, Severity
from watcher.registries.table import REGISTRIES, keyed, rules_of
from watcher.render import csv as render_csv
from watcher.render import html, json, markdown, text
from watcher.store.queries import Queries

_TWO, _THREE = 2, 3


@click.command("diff")
@click.argument("what", metavar="SOURCE OLD NEW | OLD_FILE NEW_FILE", nargs=-1, required=True)
@format_option("json", "csv", "md", "html")
@click.option("--all", "everything", is_flag=True, help="Show every change with its fields, bookkeeping included.")
@click.option("--raw", is_flag=True, help="CSV: leave cells that a spreadsheet would take for a formula as they are.")
@click.option("--exit-code", is_flag=True, help="Exit with 1 when they differ.")
@click.option(
    "--registry", type=click.Choice(list(REGISTRIES)), help="How files are read; else by what they say they are."
)
@click.option(
    "--as", "file_format", type=click.Choice(list(FORMATS)), help="The format of files; else by how their names end."
)
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
        comparison = _files(what[0], what[1], registry, file_format, key)
    else:
        need(len(what) <= _THREE, "give a source and two releases, or two files")
        with history(app) as queries:
            comparison = stored(queries, settings(app).severity, *what)
    if format == "json":
        click.echo(json.comparison(comparison))
    elif format == "csv":
        click.echo(render_csv.comparison(comparison, raw=raw), nl=False)
    elif format == "md":
        click.echo(markdown.comparison(comparison))
    elif format == "html":
        click.echo(html.comparison(comparison))
    else:
        click.echo(text.comparison(comparison, all=everything, width=width(), colour=colour()))
    if exit_code and comparison.changes.changes:
        raise click.exceptions.Exit(1)


def _files(
    old: str,
    new: str,
    registry: str | None,
    format: str | None,
    key: tuple[str, ...],
) -> Comparison:
    files = [(name, _bytes(name)) for name in (old, new)]
    chosen = registry or _registry_of(*files[-1])
    rules = keyed(REGISTRIES[chosen], key)
    contents, releases, reads = [], [], Reads()
    for name, data in files:
        try:
            content = read(data, rules, format or _format_of(name), reads)
        except ParseError as error:
            raise UsageError(f"{name}: {error}") from error
        contents.append(content)
        releases.append(
            Release(
                id=content.digest[:12],
                source=chosen,
                published=content.published,
                observed=None,
                sha256=hashlib.sha256(data).hexdigest(),
                entries=content.entries,
                problems=content.problems,
            )
        )
    changes, events = explain(rules, contents[0], contents[1])
    source = contents[1].document or chosen if chosen == "iana" else chosen
    return Comparison(source=source, old=releases[0], new=releases[1], changes=changes, events=events)


def _registry_of(name: str, data: bytes) -> str:
    """The rules for a file: by the id that the document gives itself, else by its name."""
    return rules_of(document_id(data) or Path(name).stem, "iana")


def _format_of(name: str) -> str:
    suffix = Path(name).suffix.removeprefix(".").lower()
    return suffix if suffix in FORMATS else "xml"


def _bytes(name: str) -> bytes:
    if name == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(name).read_bytes()
    except OSError as error:
        raise UsageError(f"{name}: {error.strerror}") from None


def stored(
    queries: Queries, severities: Mapping[str, Severity], source: str, old: str | None = None, new: str | None = None
) -> Comparison:
    """Compare two stored releases: as it was committed where they follow each other, computed where they do not."""
    releases = queries.releases(source)
    if new is None:
        after = queries.find(source, old or "latest")
        index = next(index for index, release in enumerate(releases) if release.row == after.row)
        need(index, f"{source}: {old or after.dated} is the first release there is: nothing to compare it with")
        before = releases[index - 1]
    else:
        before, after = queries.find(source, str(old)), queries.find(source, new)
        index = next(index for index, release in enumerate(releases) if release.row == after.row)
    if index and releases[index - 1].row == before.row:
        return queries.recorded(source, after, before)
    rules = REGISTRIES[queries.registry(source)]
    changes, events = explain(rules, queries.content(source, before), queries.content(source, after), severities)
    return Comparison(source=source, old=before.release, new=after.release, changes=changes, events=events)
