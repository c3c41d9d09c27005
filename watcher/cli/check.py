"""`watcher check`"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import click

from watcher.cli.context import open_monitor
from watcher.cli.output import format_option, print_json, progress_bar, terminal_width, use_colour
from watcher.config.settings import CollectionSettings, GroupSettings
from watcher.core.errors import StoreError
from watcher.monitor.deadlines import check_deadlines
from watcher.monitor.deliver import deliver_all
from watcher.monitor.monitor import Monitor
from watcher.monitor.result import CheckResult, Outcome
from watcher.monitor.sweep import Sweep, sweep
from watcher.render import document, text
from watcher.render.safe_text import visible

_WORDS = {
    Outcome.UNCHANGED: "unchanged",
    Outcome.COSMETIC: "same content in other bytes",
    Outcome.STALE: "an older release was served; nothing changed",
    Outcome.HELD: "held",
    Outcome.INSERTED: "an older release was inserted in date order",
}
_NOT_SHOWN = (Outcome.UNCHANGED, Outcome.COSMETIC, Outcome.BASELINE)  # of groups: only counted in the summary


@click.command("check")
@click.argument("sources", metavar="[SOURCE]...", nargs=-1)
@format_option("json")
@click.option("--deliver/--no-deliver", default=True, help="Send alerts now (default), or leave it to the daemon.")
@click.pass_obj
def command(config: Path, sources: tuple[str, ...], format: str, deliver: bool) -> None:
    """Check sources now: all of them, or those named. For a collection, check its index and every group.

    The first release of a source records a baseline and sends no alerts. An implausible release is held (`watcher
    held`). Exit code 0: unchanged, changed or held; 1: a check failed.

    \b
    Examples:
      watcher check
      watcher check ports --format json
      watcher check iana
      watcher check iana.tls-parameters
    """
    results: list[tuple[str, CheckResult]] = []
    show = format == "text"  # print each result at once; JSON is printed at the end
    with open_monitor(config) as monitor:
        chosen = tuple(monitor.source(name) for name in sources) or monitor.settings.watched
        for source in chosen:
            if isinstance(source, CollectionSettings):
                results += _check_collection(monitor, source, show=show)
            else:
                if sys.stderr.isatty():
                    click.echo(f"{source.name}: checking {source.url} …", err=True)
                results.append((source.name, monitor.check(source)))
                if show:
                    _print_result(*results[-1])
        check_deadlines(monitor)
        report = deliver_all(monitor) if deliver else None
    if format == "json":
        print_json({"checks": [_result_document(name, result) for name, result in results]})
    elif report and (report.sent or report.retried or report.failed):
        click.echo(f"deliveries: {report.sent} sent, {report.retried} queued for retry, {report.failed} failed")
    if any(result.outcome is Outcome.FAILED for _, result in results):
        raise click.exceptions.Exit(1)


def _check_collection(monitor: Monitor, settings: CollectionSettings, *, show: bool) -> list[tuple[str, CheckResult]]:
    """Check a collection's index and every group; `show` prints the results."""
    results: list[tuple[str, CheckResult]] = []
    if (index := monitor.check_index(settings)) is not None:
        results.append((settings.name, index))
        if show:
            _print_result(settings.name, index)
        if index.outcome is Outcome.FAILED and settings.is_local:
            return results
    collection = monitor.collection(settings)
    for name in collection.refused:
        click.echo(f"{settings.name}: {visible(name)!r} is not a valid group id and is left out", err=True)
    groups = collection.groups()
    checked: list[tuple[str, CheckResult]] = []
    with (
        progress_bar(len(groups), settings.name, hidden=not sys.stderr.isatty()) as bar,
        sweep(monitor, settings, groups) as checks,
    ):
        for group in checks:
            checked.append((group.name, _check_group(checks, group)))
            bar.update(1)
    if show:
        for name, result in checked:
            if result.outcome not in _NOT_SHOWN:
                _print_result(name, result)
        click.echo(f"{settings.name}: {_sweep_summary(len(groups), checked)}")
    return results + checked


def _sweep_summary(groups: int, checked: Sequence[tuple[str, CheckResult]]) -> str:
    counts = Counter(str(result.outcome) for _, result in checked)
    parts = ", ".join(f"{number} {outcome}" for outcome, number in sorted(counts.items())) or "none checked"
    rest = groups - len(checked)
    return f"{groups} groups: {parts}" + (f"; {rest} not checked: their server asked to wait" if rest else "")


def _check_group(checks: Sweep, group: GroupSettings) -> CheckResult:
    """Check one group. If its snapshots are damaged, only its own check fails."""
    try:
        return checks.check(group)
    except StoreError as error:
        return CheckResult(outcome=Outcome.FAILED, reason="store", message=str(error))


def _print_result(source: str, result: CheckResult) -> None:
    click.echo(_result_text(source, result), err=result.outcome is Outcome.FAILED)


def _result_text(source: str, result: CheckResult) -> str:
    message = visible(result.message or "")
    if result.outcome is Outcome.HELD and result.hold is not None:
        release = f"{result.hold.id} of {visible(result.hold.published or 'no date')}"
        return (
            f"{source}: {release} is held: {message}\n"
            f"  accept it with `watcher accept {source} {result.hold.id}`, or reject it with `watcher reject`"
        )
    if result.outcome is Outcome.FAILED:
        return f"{source}: check failed ({result.reason}): {message}"
    remark = f"\n  {message}" if message else ""
    if result.comparison is not None and result.outcome is Outcome.CHANGED:
        return text.render_comparison(result.comparison, width=terminal_width(), colour=use_colour()) + remark
    if result.outcome is Outcome.BASELINE and result.release:
        release = visible(result.release.release.when)
        key = f"; key: {visible(result.key)}" if result.key else ""
        entries = f"{result.release.release.entries} entries"
        return f"{source}: baseline recorded: release of {release}, {entries}{key}{remark}"
    return f"{source}: {_WORDS.get(result.outcome, result.outcome)}" + (f" ({message})" if message else "")


def _result_document(source: str, result: CheckResult) -> dict[str, object]:
    release = result.release.release if result.release else None
    return {
        "source": source,
        "outcome": str(result.outcome),
        "reason": result.reason,
        "message": result.message,
        "release": document.release_document(release) if release else None,
        "held": document.hold_document(result.hold) if result.hold else None,
        "comparison": document.comparison_document(result.comparison) if result.comparison else None,
    }
