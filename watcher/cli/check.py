"""`watcher check`"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence

import click

from watcher.cli.output import App, colour, format_option, pass_app, print_json, width
from watcher.cli.wired import service
from watcher.config.settings import CollectionSettings, GroupSettings
from watcher.core.errors import StoreError
from watcher.monitor.ingest import CheckResult, Outcome
from watcher.monitor.monitor import Monitor
from watcher.render import document, text
from watcher.render.safe_text import visible

_WORDS = {
    Outcome.UNCHANGED: "unchanged",
    Outcome.COSMETIC: "served in other bytes, not changed",
    Outcome.STALE: "an older release was served; nothing was changed",
    Outcome.HELD: "not taken",
    Outcome.INSERTED: "an older release, put where it belongs",
}
_QUIET = (Outcome.UNCHANGED, Outcome.COSMETIC, Outcome.BASELINE)


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
    """Look at sources once, now: all of them, or those named. Of a collection, at its index and every group.

    A first release is the baseline and alerts nobody. One that is not plausible is held (`watcher held`). Exit code 0:
    unchanged, changed or held; 1: a check failed.

    \b
    Examples:
      watcher check
      watcher check ports --format json
      watcher check iana
      watcher check iana.tls-parameters
    """
    results: list[tuple[str, CheckResult]] = []
    say = _Say(format)
    with service(app) as parts:
        chosen = tuple(parts.source(name) for name in sources) or parts.settings.watched
        for source in chosen:
            if isinstance(source, CollectionSettings):
                results += _collection(parts, source, say)
            else:
                say.looking(source.name, source.url)
                results.append((source.name, parts.check(source)))
                say.taken(*results[-1])
        report = parts.deliver() if deliver else None
    if format == "json":
        print_json({"checks": [_document(name, taken) for name, taken in results]})
    elif report and (report.sent or report.retried or report.failed):
        click.echo(f"deliveries: {report.sent} sent, {report.retried} to be tried again, {report.failed} given up")
    if any(taken.outcome is Outcome.FAILED for _, taken in results):
        raise click.exceptions.Exit(1)


class _Say:
    """Tells people of a check while it goes on; in JSON everything is told at the end."""

    def __init__(self, format: str) -> None:
        self._text = format == "text"

    def looking(self, source: str, url: str) -> None:
        if sys.stderr.isatty():
            click.echo(f"{source}: looking at {url} …", err=True)

    def taken(self, source: str, taken: CheckResult) -> None:
        if self._text:
            click.echo(_text(source, taken), err=taken.outcome is Outcome.FAILED)

    def line(self, text: str) -> None:
        if self._text:
            click.echo(text)


def _collection(parts: Monitor, settings: CollectionSettings, say: _Say) -> list[tuple[str, CheckResult]]:
    """Look at a collection's index and at every group; only what is worth a line is told before the summary."""
    results: list[tuple[str, CheckResult]] = []
    if (index := parts.check_index(settings)) is not None:
        results.append((settings.name, index))
        say.taken(settings.name, index)
        if index.outcome is Outcome.FAILED and settings.local:
            return results
    collection = parts.collection(settings)
    for name in collection.listed[1]:
        click.echo(f"{settings.name}: {visible(name)!r} can be no group's id and is left out", err=True)
    groups = collection.groups()
    looked: list[tuple[str, CheckResult]] = []
    with (
        click.progressbar(
            length=len(groups), label=settings.name, file=sys.stderr, hidden=not sys.stderr.isatty()
        ) as bar,
        parts.sweep(settings, groups) as turn,
    ):
        for group in turn:
            looked.append((group.name, _one(parts, group)))
            bar.update(1)
    for name, taken in looked:
        if taken.outcome not in _QUIET:
            say.taken(name, taken)
    say.line(f"{settings.name}: {_summary(len(groups), looked)}")
    return results + looked


def _summary(groups: int, looked: Sequence[tuple[str, CheckResult]]) -> str:
    counts = Counter(str(taken.outcome) for _, taken in looked)
    told = ", ".join(f"{number} {outcome}" for outcome, number in sorted(counts.items())) or "none looked at"
    left = groups - len(looked)
    wish = f"; {left} not looked at: their server asked to be left alone for a while" if left else ""
    return f"{groups} groups: {told}{wish}"


def _one(parts: Monitor, group: GroupSettings) -> CheckResult:
    """Look at one group. One whose snapshots are damaged does not keep the others from being looked at."""
    try:
        return parts.check(group)
    except StoreError as error:
        return CheckResult(outcome=Outcome.FAILED, reason="store", message=str(error))


def _text(source: str, taken: CheckResult) -> str:
    if taken.outcome is Outcome.HELD and taken.hold is not None:
        by_hand = f"`watcher accept {source} {taken.hold.id}` or `watcher reject …` decides by hand"
        of = visible(f"{taken.hold.published or 'no date'} is held: {taken.message}")
        return f"{source}: {taken.hold.id} of {of}\n  {by_hand}"
    message = visible(taken.message or "")
    if taken.outcome is Outcome.FAILED:
        return f"{source}: check failed ({taken.reason}): {message}"
    remark = f"\n  {message}" if message else ""
    if taken.comparison is not None and taken.outcome is Outcome.CHANGED:
        return text.render_comparison(taken.comparison, width=width(), colour=colour()) + remark
    if taken.outcome is Outcome.BASELINE and taken.release:
        release = taken.release.release
        return f"{source}: first release, of {visible(release.when)}, {release.entries} entries: the baseline{remark}"
    return f"{source}: {_WORDS.get(taken.outcome, taken.outcome)}" + (f" ({message})" if message else "")


def _document(source: str, taken: CheckResult) -> dict[str, object]:
    release = taken.release.release if taken.release else None
    return {
        "source": source,
        "outcome": str(taken.outcome),
        "reason": taken.reason,
        "message": taken.message,
        "release": document.release_document(release) if release else None,
        "held": document.hold_document(taken.hold) if taken.hold else None,
        "comparison": document.comparison_document(taken.comparison) if taken.comparison else None,
    }
