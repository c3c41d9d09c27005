"""`watcher status`"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click
from msgspec.structs import asdict, replace

from watcher.cli.context import load_settings
from watcher.cli.output import columns, format_option, print_json_list, print_rows
from watcher.config.overview import ConfigOverview, load_overview
from watcher.core.errors import UsageError, WatcherError
from watcher.core.lazy import load
from watcher.core.model import format_when
from watcher.core.suggestions import suggest
from watcher.render.safe_text import visible
from watcher.reports.status import CollectionSummary, SourceStatus, StatusReport, report_health, report_status
from watcher.store.store import Store

if TYPE_CHECKING:
    from watcher.core.operations import ChannelFailure
    from watcher.monitor import health as verdicts
else:
    verdicts = load("health")  # only for --check

_FAILURE_KEYS = {"alerted": "told", "disabled": "gone"}  # fields of a channel failure whose key is another word
_COLUMNS = columns(
    "source", "releases", "latest", "entries", "last_check", "outcome", "last_success", "next_check", "failures", "held"
)


@click.command("status")
@click.option("--check", "health", is_flag=True, help="Print one line and set the exit code for a monitoring system.")
@click.option("--all", "all_groups", is_flag=True, help="Every group of a collection, not only the failing ones.")
@click.option("--limit", type=click.IntRange(min=1), help="Only so many sources.")
@click.option("--after", metavar="SOURCE", help="Only the sources that follow this one in the configuration.")
@format_option("json", "csv", "md")
@click.pass_obj
def command(config: Path, health: bool, all_groups: bool, limit: int | None, after: str | None, format: str) -> None:
    """Show sources with their newest release, last and next check, held releases, and pending deliveries.

    A collection is one line, followed by its failing groups. --check prints one line and sets the exit code. 0: every
    source is checked in time and can be read; 1: a source cannot be read, or was never read; 2: a source is not checked
    in time, or none can be read; 3: unknown, as while a source was never checked.

    \b
    Examples:
      watcher status
      watcher status --check
      watcher status --all
      watcher status --limit 100 --after ports
      watcher status --format json
    """
    now = datetime.now(UTC)
    if health:
        _print_health(config, now)
    overview = load_overview(config)
    overview, left = _select_page(overview, limit, after)
    settings = load_settings(config) if any(source.collection for source in overview.sources) else None
    with Store(overview.history) as store:
        report = report_status(overview, store, now, settings=settings, all_groups=all_groups)
    if format == "json":
        print_json_list(
            "sources",
            map(asdict, report.sources),
            lambda: {
                "collections": [asdict(summary) for summary in report.collections],
                "pending_deliveries": [dict(row) for row in report.pending],
                "judged_by_older_rules": list(report.judged_by_older_rules),
                "acknowledged": report.acknowledged,
                "ignoring": [{"reason": rule.reason, "until": rule.until or None} for rule in report.ignoring],
                "endpoints": [
                    {_FAILURE_KEYS.get(name, name): value for name, value in asdict(failure).items()}
                    for failure in report.channels
                ],
                **_describe_workers(report),
            },
        )
        return
    print_rows(
        (_row(source, format) for source in report.sources),
        _COLUMNS,
        format,
        widest=(_row(source, format) for source in report.sources),
    )
    if format == "text":
        if left:
            click.echo(f"\n{left} more sources; `watcher status --after {overview.sources[-1].name}` goes on")
        _print_details(report, with_keys=all_groups)


def _row(source: SourceStatus, format: str) -> dict[str, object]:
    row = asdict(source)
    if format != "csv":
        row["latest"] = format_when(source.latest, source.latest_observed) if source.releases else ""
    return row


def _select_page(overview: ConfigOverview, limit: int | None, after: str | None) -> tuple[ConfigOverview, int]:
    """Return an overview with the sources of one page, and how many follow."""
    names = [source.name for source in overview.sources]
    if after is not None and after not in names:
        raise UsageError(f"--after: no source named {after!r} is configured{suggest(after, names)}")
    start = names.index(after) + 1 if after is not None else 0
    end = len(names) if limit is None else start + limit
    return replace(overview, sources=overview.sources[start:end]), max(len(names) - end, 0)


def _describe_workers(report: StatusReport) -> dict[str, object]:
    """Return the members about workers; none without them."""
    if report.load is None:
        return {}
    return {"workers": [asdict(worker) for worker in report.workers], "work": asdict(report.load)}


def _worker_lines(report: StatusReport) -> Iterator[str]:
    if report.load is None:
        return
    load = report.load
    yield f"{load.due} checks due, {load.running} running; the oldest has been due for {load.late:.0f} s"
    for worker in report.workers:
        state = "scheduler" if worker.schedules else "working" if worker.alive else "dead"
        who = f"worker {worker.id} on {visible(worker.host)}, process {worker.process}"
        yield f"{who}: {state}, {worker.running} running, seen at {worker.seen}"


def _print_health(config: Path, now: datetime) -> None:
    try:
        settings = load_settings(config)
        with Store(settings.store.location, create=False) as store:
            verdict, pending, held = report_health(settings, store, now)
    except WatcherError as error:
        click.echo(visible(f"WATCHER UNKNOWN - {error}"))
        raise click.exceptions.Exit(verdicts.Level.UNKNOWN) from None
    reasons = "; ".join(verdict.reasons) or "every source is checked in time"
    click.echo(visible(f"WATCHER {verdict.level.name} - {reasons} | pending={pending} held={held}"))
    raise click.exceptions.Exit(verdict.level)


def _print_details(report: StatusReport, *, with_keys: bool) -> None:
    for source in report.sources:
        if with_keys and source.key:
            click.echo(f"\n{source.source}: key: {visible(source.key)}")
        if with_keys and source.derived_again:
            click.echo(f"\n{source.source}: history derived again at {source.derived_again} for changed settings")
        for line in _source_lines(source):
            click.echo(f"\n{source.source}: {line}")
    for summary in report.collections:
        click.echo(f"\n{summary.source}: {', '.join(_summary_parts(summary))}")
    click.echo(f"\n{len(report.pending)} deliveries pending")
    for line in _worker_lines(report):
        click.echo(line)
    if number := len(report.judged_by_older_rules):
        sources = "1 source" if number == 1 else f"{number} sources"
        click.echo(f"events of {sources} were judged by older rules; `watcher rebuild --events` judges them again")
    if number := report.acknowledged:
        click.echo(f"{'1 event is' if number == 1 else f'{number} events are'} acknowledged")
    for rule in report.ignoring:
        click.echo(f"events are ignored{f' until {rule.until}' if rule.until else ''}: {visible(rule.reason)}")
    for failure in report.channels:
        click.echo(_channel_line(failure))


def _source_lines(source: SourceStatus) -> Iterator[str]:
    if source.message:
        reason = f"{source.reason}: " if source.reason else ""
        yield f"{reason}{visible(source.message)}"
    if source.pending_settings:
        changes = visible("; ".join(source.pending_settings))
        yield f"settings changed ({changes}); the next check derives the history again"
    if source.skipped:
        yield f"{source.skipped} checks skipped because the previous check was still running"


def _summary_parts(summary: CollectionSummary) -> Iterator[str]:
    yield f"{summary.groups} groups"
    yield f"{len(summary.failing)} failing"
    if summary.never_checked:
        yield f"{summary.never_checked} never checked"
    if summary.last_full_sweep:
        yield f"all checked since {summary.last_full_sweep}"
    if summary.left_out:
        yield "left out, not valid ids: " + visible(", ".join(summary.left_out))


def _channel_line(failure: ChannelFailure) -> str:
    error = visible(failure.last_error)
    if failure.disabled:
        enable = f"`watcher channel enable {failure.channel}` enables it"
        return f"channel {failure.channel} has been disabled since {failure.disabled}: {error}; {enable}"
    recipient = f"{failure.recipient} of " if failure.recipient else ""
    return f"{recipient}channel {failure.channel} has been failing since {failure.since}: {error}"
