"""`watcher check`"""

from __future__ import annotations

import sys

import click

from watcher.cli.app import App, colour, format_option, pass_app, print_json, width
from watcher.cli.wired import service
from watcher.pipeline import Outcome, Taken
from watcher.render import document, text

_WORDS = {
    Outcome.UNCHANGED: "unchanged",
    Outcome.COSMETIC: "served in other bytes, not changed",
    Outcome.STALE: "an older release was served; nothing was changed",
    Outcome.INSERTED: "an older release, put where it belongs",
}


@click.command("check")
@click.argument("sources", metavar="[SOURCE]...", nargs=-1)
@format_option("json")
@click.option(
    "--deliver/--no-deliver",
    default=True,
    help="Send what the check causes at once (default), or leave it to the daemon.",
)
@pass_app
def command(app: App, sources: tuple[str, ...], format: str, deliver: bool) -> None:
    """Look at sources once, now: all of them, or those named.

    A first release is the baseline and alerts nobody. One that is not plausible is held (`watcher held`). Exit code 0:
    unchanged, changed or held; 1: a check failed.

    \b
    Examples:
      watcher check
      watcher check ports --format json
    """
    failed = False
    results = []
    with service(app) as parts:
        chosen = [parts.source(name) for name in sources] or [each for each in parts.settings.source if each.enabled]
        for source in chosen:
            if sys.stderr.isatty():
                click.echo(f"{source.name}: looking at {source.url} …", err=True)
            taken = parts.check(source)
            failed = failed or taken.outcome is Outcome.FAILED
            if format == "json":
                results.append(_document(source.name, taken))
            else:
                click.echo(_text(source.name, taken), err=taken.outcome is Outcome.FAILED)
        report = parts.deliver() if deliver else None
    if format == "json":
        print_json({"checks": results})
    elif report and (report.sent or report.retried or report.failed):
        click.echo(f"deliveries: {report.sent} sent, {report.retried} to be tried again, {report.failed} given up")
    if failed:
        raise click.exceptions.Exit(1)


def _text(source: str, taken: Taken) -> str:
    if taken.outcome is Outcome.HELD and taken.hold is not None:
        by_hand = f"`watcher accept {source} {taken.hold.id}` or `watcher reject …` decides by hand"
        return f"{source}: {taken.hold.id} of {taken.hold.published or 'no date'} is held: {taken.message}\n  {by_hand}"
    if taken.outcome is Outcome.FAILED:
        return f"{source}: check failed ({taken.reason}): {taken.message}"
    remark = f"\n  {taken.message}" if taken.message else ""
    if taken.comparison is not None and taken.outcome is Outcome.CHANGED:
        return text.comparison(taken.comparison, width=width(), colour=colour()) + remark
    if taken.outcome is Outcome.BASELINE and taken.release:
        release = taken.release.release
        return f"{source}: first release, of {release.published}, {release.entries} entries: the baseline{remark}"
    return f"{source}: {_WORDS.get(taken.outcome, taken.outcome)}" + (f" ({taken.message})" if taken.message else "")


def _document(source: str, taken: Taken) -> dict[str, object]:
    release = taken.release.release if taken.release else None
    return {
        "source": source,
        "outcome": str(taken.outcome),
        "reason": taken.reason,
        "message": taken.message,
        "release": document.release(release) if release else None,
        "held": document.hold(taken.hold) if taken.hold else None,
        "comparison": document.comparison(taken.comparison) if taken.comparison else None,
    }
