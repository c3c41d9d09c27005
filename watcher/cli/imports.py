"""`watcher import`"""

from __future__ import annotations

import sys

import click

from watcher import backfill
from watcher.cli.app import App, format_option, pass_app, print_json
from watcher.cli.wired import service
from watcher.intake import Outcome, Taken
from watcher.render.plain import visible
from watcher.settings import AnySource, CollectionSettings

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
    """Backfill old releases of a source from files, folders or `git:REPO:PATH`.

    In any order, again and again: each release goes where it belongs, what is there already is left alone, and
    nobody is alerted. Of a repository, each commit that changed PATH is taken. Exit code 1: something was refused.

    \b
    Examples:
      watcher import ports old-releases/
      watcher import ports 2019-01-08.xml 2019-01-09.xml
      watcher import ports git:~/iana-mirror:assignments/service-names-port-numbers.xml
    """
    with service(app) as parts:
        configured = parts.source(source, new=True)
        found = backfill.candidates(paths, _suffix(configured))
        with click.progressbar(length=len(found), label=f"importing {len(found)}", file=sys.stderr) as bar:

            def progress(candidate: backfill.Candidate, taken: Taken | None) -> None:  # noqa: ARG001 - the callback's shape
                bar.update(1)

            report = backfill.run(parts.intake(configured), found, progress)
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


def _suffix(source: AnySource) -> str:
    """How the files of a source end; of a collection, old pages of its index."""
    return ".html" if isinstance(source, CollectionSettings) else f".{source.format}"
