"""`watcher check`"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import click
from msgspec.structs import asdict

from watcher.cli.context import open_monitor, open_monitor_of_copy
from watcher.cli.output import format_option, lazy_progress, print_json, progress_bar, terminal_width, use_colour
from watcher.config.settings import CollectionSettings, SourceSettings
from watcher.core import runtime
from watcher.core.operations import HoldState
from watcher.monitor.deadlines import check_deadlines
from watcher.monitor.deliver import deliver_all
from watcher.monitor.failures import describe_error
from watcher.monitor.monitor import Monitor
from watcher.monitor.result import CheckResult, Outcome
from watcher.monitor.sweep import sweep
from watcher.render import document, text
from watcher.render.safe_text import visible
from watcher.store.outbox import DeliveryQuery

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
@click.option("--dry-run", is_flag=True, help="Fetch, and say what would be recorded and sent; change nothing.")
@click.pass_obj
def command(config: Path, sources: tuple[str, ...], format: str, deliver: bool, dry_run: bool) -> None:
    """Check sources now: all of them, or those named. For a collection, check its index and every group.

    The first release of a source records a baseline and sends no alerts. An implausible release is held (`watcher
    held`). Alerts that cannot be sent now are retried (`watcher outbox`) and do not count as a failed check.
    --dry-run works on a copy of the history, which is thrown away. Exit code 0: unchanged, changed or held; 1: a check
    failed.

    \b
    Examples:
      watcher check
      watcher check --dry-run
      watcher check ports --format json
      watcher check iana
      watcher check iana.tls-parameters
    """
    runtime.use_small_stacks()
    printer = _Printer(is_quiet=format == "json")  # JSON is printed at the end
    results: list[tuple[str, CheckResult]] = []
    printer.print_line("dry run: nothing is recorded or sent", only_if=dry_run)
    with open_monitor_of_copy(config) if dry_run else open_monitor(config) as monitor:
        monitor.require_history()
        earlier = _list_messages(monitor) if dry_run else {}
        chosen = tuple(monitor.source(name) for name in sources) or monitor.settings.watched
        for source in chosen:
            if isinstance(source, CollectionSettings):
                results += _check_collection(monitor, source, printer)
            else:
                results.append((source.name, _check_source(monitor, source)))
                printer.print_result(*results[-1])
        try:
            check_deadlines(monitor)
        finally:
            report = deliver_all(monitor) if deliver and not dry_run else None
        unsent = [message for key, message in _list_messages(monitor).items() if key not in earlier] if dry_run else []
    if format == "json":
        deliveries = asdict(report) if report else None
        checks = [_result_document(name, result) for name, result in results]
        preview = {"dry_run": True, "would_send": unsent} if dry_run else {}
        print_json({"checks": checks, "deliveries": deliveries, **preview})
    elif report and (report.sent or report.retried or report.failed):
        click.echo(f"deliveries: {report.sent} sent, {report.retried} queued for retry, {report.failed} failed")
    for line in _describe_unsent(unsent) if dry_run else ():
        printer.print_line(line)
    if any(result.outcome is Outcome.FAILED for _, result in results):
        raise click.exceptions.Exit(1)


def _list_messages(monitor: Monitor) -> dict[str, Mapping[str, str]]:
    """Return where each message of the outbox goes and what it is about, by its id."""
    rows = monitor.store.outbox.find_deliveries(DeliveryQuery())
    return {row["id"]: {name: row[name] for name in ("channel", "recipient", "source", "state")} for row in rows}


def _describe_unsent(messages: Sequence[Mapping[str, str]]) -> Iterator[str]:
    """Yield a line for each message that a check would have sent."""
    for message in messages:
        recipient = f" ({message['recipient']})" if message["recipient"] else ""
        words = "record, not send" if message["state"] == "silenced" else "send"
        yield visible(f"would {words}: a message about {message['source']} to {message['channel']}{recipient}")
    if not messages:
        yield "would send nothing"


class _Printer:
    """Prints each result of one command as soon as it is there; nothing if it `is_quiet`."""

    def __init__(self, *, is_quiet: bool) -> None:
        self._is_quiet = is_quiet

    def print_result(self, source: str, result: CheckResult) -> None:
        self.print_line(_result_text(source, result), err=result.outcome is Outcome.FAILED)

    def print_line(self, line: str, *, err: bool = False, only_if: bool = True) -> None:
        if only_if and not self._is_quiet:
            click.echo(line, err=err)


def _check_source(monitor: Monitor, source: SourceSettings) -> CheckResult:
    if sys.stderr.isatty():
        click.echo(f"{source.name}: checking {source.url} …", err=True)
    with lazy_progress(f"{source.name}: settings changed, deriving its history again") as progress:
        return monitor.check(source, progress)


def _check_collection(
    monitor: Monitor, settings: CollectionSettings, printer: _Printer
) -> list[tuple[str, CheckResult]]:
    """Check a collection's index and every group; the results are printed."""
    results: list[tuple[str, CheckResult]] = []
    if (index := monitor.check_index(settings)) is not None:
        results.append((settings.name, index))
        printer.print_result(settings.name, index)
        if index.outcome is Outcome.FAILED and settings.is_local:
            return results
    checked: list[tuple[str, CheckResult]] = []
    try:
        groups = _sweep_groups(monitor, settings, checked)
    except Exception as error:  # noqa: BLE001 - one source's trouble must not stop the others
        checked.append((settings.name, monitor.fail(settings, error)))
        groups = len(checked)
    for name, result in checked:
        if result.outcome not in _NOT_SHOWN or result.rederivation:
            printer.print_result(name, result)
    printer.print_line(f"{settings.name}: {_sweep_summary(groups, checked)}")
    return results + checked


def _sweep_groups(monitor: Monitor, settings: CollectionSettings, checked: list[tuple[str, CheckResult]]) -> int:
    """Check every group of a collection; add the results to `checked` and return how many groups there are."""
    collection = monitor.collection(settings)
    for name in collection.refused:
        click.echo(f"{settings.name}: {visible(name)!r} is not a valid group id and is left out", err=True)
    groups = collection.groups()
    with (
        progress_bar(len(groups), settings.name, hidden=not sys.stderr.isatty()) as bar,
        sweep(monitor, settings, groups) as checks,
    ):
        for group in checks:
            checked.append((group.name, checks.check(group)))
            bar.update(1)
    return len(groups)


def _sweep_summary(groups: int, checked: Sequence[tuple[str, CheckResult]]) -> str:
    counts = Counter(str(result.outcome) for _, result in checked)
    parts = ", ".join(f"{number} {outcome}" for outcome, number in sorted(counts.items())) or "none checked"
    rest = groups - len(checked)
    return f"{groups} groups: {parts}" + (f"; {rest} not checked: their server asked to wait" if rest else "")


def _result_text(source: str, result: CheckResult) -> str:
    lines = [f"{source}: {visible(result.rederivation.summary)}"] if result.rederivation else []
    try:
        lines.append(_outcome_text(source, result))
    except Exception as error:  # noqa: BLE001 - the check went well, and its result is stored
        lines.append(f"{source}: {result.outcome}, but cannot be shown: {visible(describe_error(error))}")
    return "\n".join(lines)


def _outcome_text(source: str, result: CheckResult) -> str:
    message = visible(result.message or "")
    if result.outcome is Outcome.HELD and result.hold is not None:
        release = f"{result.hold.id} of {visible(result.hold.published or 'no date')}"
        accept, reject = (f"`watcher {command} {source} {result.hold.id}`" for command in ("accept", "reject"))
        if result.hold.state is HoldState.REJECTED:
            return f"{source}: {release} is served again and stays rejected ({message})\n  {accept} accepts it"
        return f"{source}: {release} is held: {message}\n  accept it with {accept}, or reject it with {reject}"
    if result.outcome is Outcome.FAILED:
        return f"{source}: check failed ({result.reason}): {message}"
    remark = f"\n  {message}" if message else ""
    if result.comparison is not None and (result.outcome is Outcome.CHANGED or result.is_alerted):
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
        "derived_again": asdict(result.rederivation) if result.rederivation else None,
        "release": document.release_document(release) if release else None,
        "held": document.hold_document(result.hold) if result.hold else None,
        "comparison": document.comparison_document(result.comparison) if result.comparison else None,
    }
