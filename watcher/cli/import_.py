"""`watcher import`"""

from __future__ import annotations

import sys

import click

from watcher.cli.output import App, format_option, pass_app, print_json
from watcher.cli.wired import service
from watcher.config.settings import AnySource, CollectionSettings
from watcher.core.errors import UsageError
from watcher.core.tables import split_usable_ids
from watcher.monitor import importer
from watcher.monitor.ingest import CheckResult, Outcome
from watcher.render.safe_text import visible

_PAGE = ".html"
_MANY = 100  # new releases, after which the full-text index is worth being put together
_NEW = (Outcome.BASELINE, Outcome.CHANGED, Outcome.INSERTED)
_WORDS = {
    Outcome.BASELINE: "first",
    Outcome.CHANGED: "newer than all there were",
    Outcome.INSERTED: "older, put where they belong",
    Outcome.UNCHANGED: "there already",
    Outcome.COSMETIC: "other bytes of a release that is there",
}


@click.command("import")
@click.argument("source")
@click.argument("paths", metavar="PATH...", nargs=-1, required=True)
@format_option("json")
@pass_app
def command(app: App, source: str, paths: tuple[str, ...], format: str) -> None:
    """Backfill old releases of a source from files, folders, `git:REPO:PATH` or `git:REPO:FOLDER/`.

    In any order, again and again: each release goes where it belongs, what is there already is left alone, and
    nobody is alerted. Of a repository, each commit that changed PATH is taken. A document that bears no date (a CSV)
    counts for the day that its file or folder is called after, or its commit was made. For a collection, every
    document goes to the group that its file is named after, GROUP.xml, in whichever folder; pages (.html) are old
    ones of its index.
    Exit code 1: something was refused.

    \b
    Examples:
      watcher import ports old-releases/
      watcher import ports 2019-01-08.xml 2019-01-09.xml
      watcher import my-table tables/2019-01-08.csv tables/2019-01-09.csv
      watcher import ports git:~/iana-mirror:assignments/service-names-port-numbers.xml
      watcher import iana git:~/iana-mirror:assignments/
    """
    with service(app) as parts:
        configured = parts.source(source, new=True)
        work = _by_source(configured, paths)
        report = importer.ImportReport()
        number = sum(map(len, work.values()))
        with click.progressbar(length=number, label=f"importing {number}", file=sys.stderr) as bar:

            def progress(candidate: importer.Candidate, taken: CheckResult | None) -> None:  # noqa: ARG001 - the callback's shape
                bar.update(1)

            for name, found in work.items():
                report.add(importer.run(parts.intake(parts.source(name, new=True)), found, progress))
            if sum(report.taken.get(outcome, 0) for outcome in _NEW) >= _MANY:
                parts.store.merge_search_index()
    if format == "json":
        print_json(
            {
                "source": source,
                "taken": {str(outcome): number for outcome, number in report.taken.items()},
                "refused": [{"origin": origin, "reason": reason} for origin, reason in report.refused],
            }
        )
    else:
        for outcome, number in report.taken.items():
            click.echo(f"{source}: {number} {_WORDS[outcome]}")
        for origin, reason in report.refused:
            click.echo(visible(f"watcher: refused {origin}: {reason}"), err=True)
    if report.refused:
        raise click.exceptions.Exit(1)


def _by_source(source: AnySource, paths: tuple[str, ...]) -> dict[str, list[importer.Candidate]]:
    """What is to be taken, by the source that takes it: of a collection, its groups and its index."""
    if not isinstance(source, CollectionSettings):
        return {source.name: importer.candidates(paths, f".{source.format}")}
    work: dict[str, list[importer.Candidate]] = {}
    for found in importer.candidates(paths, _PAGE, f".{source.format}"):
        name, _, suffix = found.name.rpartition(".")
        if f".{suffix}" == _PAGE:
            work.setdefault(source.name, []).append(found)
        elif source.wants(name) and split_usable_ids([name])[0]:
            work.setdefault(f"{source.name}.{name}", []).append(found)
    if not work:
        raise UsageError(f"{source.name}: nothing there is named after one of its groups, GROUP.{source.format}")
    return work
