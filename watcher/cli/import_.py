"""`watcher import`"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import groupby
from pathlib import Path

import click

from watcher.cli.context import open_monitor, open_monitor_of_copy
from watcher.cli.output import format_option, print_json, progress_bar
from watcher.config.settings import AnySource, CollectionSettings
from watcher.core.errors import UsageError
from watcher.core.tables import split_usable_ids
from watcher.formats.catalog import FORMATS
from watcher.monitor import importer
from watcher.monitor.ingest import ReleaseIngest
from watcher.monitor.monitor import Monitor
from watcher.monitor.result import Outcome
from watcher.render.safe_text import visible

_INDEX_SUFFIX = "html"
_MERGE_INDEX_AFTER = 100  # new releases: each adds a segment to the full-text index, and many make searches slow
_NEW = (Outcome.BASELINE, Outcome.CHANGED, Outcome.INSERTED)
_WORDS = {
    Outcome.BASELINE: "recorded as baseline",
    Outcome.CHANGED: "appended",
    Outcome.INSERTED: "inserted in date order",
    Outcome.UNCHANGED: "already present",
    Outcome.COSMETIC: "same content in other bytes",
    Outcome.ARCHIVED: "archived",
}


@click.command("import")
@click.argument("source")
@click.argument("paths", metavar="PATH...", nargs=-1, required=True)
@click.option("--dry-run", is_flag=True, help="Say what would be imported and what refused; change nothing.")
@click.option(
    "--archive-only", is_flag=True, help="Only keep the bytes; `watcher rebuild` then derives the history once."
)
@format_option("json")
@click.pass_obj
def command(config: Path, source: str, paths: tuple[str, ...], dry_run: bool, archive_only: bool, format: str) -> None:
    """Import old releases of a source from files, folders, `git:REPO:PATH` or `git:REPO:FOLDER/`.

    Releases may come in any order and more than once: each is inserted in date order, and one that is already present
    is skipped. No alerts are sent. From a repository, every commit that changed PATH is imported. A document without a
    date (a CSV) gets the date in the name of its file or folder, or of its commit. For a collection, a document named
    GROUP.xml, in any folder, is imported into that group, and pages (.html) into the index.
    --dry-run works on a copy of the history, which is thrown away. Exit code 1: a document was refused.

    One command with all files is the fastest. Where the files come one by one, --archive-only keeps them, and
    `watcher rebuild` makes releases of all that wait; so does the next import, and the next check that fetches a
    document. A document without a date (a CSV) is imported at once.

    \b
    Examples:
      watcher import ports old-releases/
      watcher import ports old-releases/ --dry-run
      watcher import ports 2019-01-08.xml 2019-01-09.xml
      watcher import my-table tables/2019-01-08.csv tables/2019-01-09.csv
      watcher import ports git:~/iana-mirror:assignments/service-names-port-numbers.xml
      watcher import iana git:~/iana-mirror:assignments/
      watcher import ports 2019-01-08.xml --archive-only
    """
    report = importer.ImportReport()
    with open_monitor_of_copy(config) if dry_run else open_monitor(config) as monitor:
        monitor.require_history()
        by_source = _items_by_source(monitor.source(source, new=True), paths)
        number = sum(map(len, by_source.values()))
        with progress_bar(number, f"importing {number}") as bar:
            # The index before and after: it says which groups there are.
            for _, names in groupby(by_source, key=source.__eq__):
                pairs = _open_ingests(monitor, source, {name: by_source[name] for name in names})
                report.add(importer.import_items(pairs, partial(bar.update, 1), archive_only=archive_only))
            if sum(report.outcomes[outcome] for outcome in _NEW) >= _MERGE_INDEX_AFTER:
                monitor.store.merge_search_index()
    if format == "json":
        print_json(
            {
                "source": source,
                **({"dry_run": True} if dry_run else {}),
                "taken": {str(outcome): number for outcome, number in report.outcomes.items()},
                "refused": [{"origin": origin, "reason": reason} for origin, reason in report.refused],
            }
        )
    else:
        if report.outcomes:
            counts = "; ".join(f"{number} {_WORDS[outcome]}" for outcome, number in report.outcomes.items())
            click.echo(f"{source}: {'dry run, nothing is changed: ' if dry_run else ''}{counts}")
        if report.outcomes[Outcome.ARCHIVED] and not dry_run:
            click.echo(f"{source}: run `watcher rebuild` to make releases of what is archived")
        for origin, reason in report.refused:
            click.echo(visible(f"watcher: refused {origin}: {reason}"), err=True)
    if report.refused:
        raise click.exceptions.Exit(1)


def _open_ingests(
    monitor: Monitor, source: str, by_source: Mapping[str, Sequence[importer.ImportItem]]
) -> Iterator[tuple[ReleaseIngest, importer.ImportItem]]:
    """Yield each item with the ingest of its source, which is opened with the first item."""
    settings = monitor.source(source, new=True)
    # Reads the index once for all groups.
    collection = monitor.collection(settings) if isinstance(settings, CollectionSettings) else None
    for name, items in by_source.items():
        is_group = collection is not None and name != source
        group = name.removeprefix(f"{source}.")
        ingest = monitor.ingest(collection.group(group, new=True) if collection and is_group else settings)
        if rederivation := ingest.apply_settings():
            click.echo(visible(f"{name}: {rederivation.summary}"), err=True)
        for item in items:
            yield ingest, item


def _items_by_source(source: AnySource, paths: tuple[str, ...]) -> dict[str, list[importer.ImportItem]]:
    if not isinstance(source, CollectionSettings):
        return {source.name: importer.find_items(paths, *FORMATS[source.format].file_suffixes)}
    by_source: dict[str, list[importer.ImportItem]] = {}
    for item in importer.find_items(paths, _INDEX_SUFFIX, source.format):
        group, _, suffix = item.name.rpartition(".")
        if suffix.lower() == _INDEX_SUFFIX or not item.name:  # without a name: refused with its reason
            by_source.setdefault(source.name, []).append(item)
        elif source.wants(group) and split_usable_ids([group])[0]:
            by_source.setdefault(f"{source.name}.{group}", []).append(item)
    if not by_source:
        raise UsageError(f"{source.name}: no file is named after one of its groups, GROUP.{source.format}")
    return by_source
