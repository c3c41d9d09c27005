"""`watcher status`"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import click

from watcher.cli.output import App, format_option, pass_app, print_json, print_rows
from watcher.config.overview import ConfigOverview, SourceOverview, load_overview
from watcher.core.lazy import load
from watcher.core.model import format_when
from watcher.core.operations import ChannelFailure, HoldState
from watcher.core.times import from_text, to_text
from watcher.render.safe_text import visible
from watcher.store.check_log import CheckLog
from watcher.store.history_reader import HistoryReader
from watcher.store.store import Store

_COLUMNS = {
    "source": "SOURCE",
    "releases": "RELEASES",
    "latest": "LATEST",
    "entries": "ENTRIES",
    "last_check": "LAST CHECK",
    "outcome": "OUTCOME",
    "last_success": "LAST SUCCESS",
    "next_check": "NEXT CHECK",
    "failures": "FAILURES",
    "held": "HELD",
}


@click.command("status")
@click.option("--check", "brief", is_flag=True, help="One line and an exit code, for a monitoring system.")
@click.option("--all", "everything", is_flag=True, help="Every group of a collection, not only the failing ones.")
@format_option("json", "csv", "md")
@pass_app
def command(app: App, brief: bool, everything: bool, format: str) -> None:
    """Sources with their newest release, last and next check, what is held, and the deliveries that are pending.

    A collection is one line, with the groups that fail below it. --check prints one line; its exit code is 0: all is
    looked at in time and can be read; 1: something cannot be read; 2: something is not looked at, or nothing can be
    read; 3: that cannot be said.

    \b
    Examples:
      watcher status
      watcher status --check
      watcher status --all
      watcher status --format json
    """
    now = datetime.now(UTC)
    if brief:
        line, level = load("verdict").verdict(app, now)
        click.echo(visible(line))
        raise click.exceptions.Exit(level)
    configured = load_overview(app.config)
    with Store(configured.history) as store:
        trees = (
            load("collection_status").trees(app, store, now, everything=everything)
            if any(source.collection for source in configured.sources)
            else {}
        )
        rows = list(_rows(configured, trees, store, now))
        waiting = [dict(row) for row in store.outbox.list_pending()]
        unwell = [
            endpoint for endpoint in store.channel_failures.list_failures() if endpoint.channel in configured.channels
        ]
    collections = [tree.summary for tree in trees.values()]
    if format == "json":
        print_json(
            {
                "sources": rows,
                "collections": collections,
                "pending_deliveries": waiting,
                "endpoints": [asdict(endpoint) for endpoint in unwell],
            }
        )
        return
    if format != "csv":
        rows = [
            {**row, "latest": format_when(row["latest"], row["latest_observed"]) if row["releases"] else ""}
            for row in rows
        ]
    print_rows(rows, _COLUMNS, format)
    if format != "text":
        return
    _print_messages(rows)
    for summary in collections:
        click.echo("\n" + load("collection_status").told(summary))
    click.echo(f"\n{len(waiting)} deliveries pending" if waiting else "\nno delivery pending")
    for endpoint in unwell:
        click.echo(_unwell(endpoint))


def _print_messages(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        if row["message"]:
            reason = f"{row['reason']}: " if row["reason"] else ""
            click.echo(f"\n{row['source']}: {reason}{visible(row['message'])}")
        if row["skipped"]:
            click.echo(f"\n{row['source']}: {row['skipped']} turns skipped, the one before being under way still")


def _unwell(endpoint: ChannelFailure) -> str:
    if endpoint.gone:
        by_hand = f"`watcher channel enable {endpoint.channel}` sends again"
        return f"the channel {endpoint.channel} is disabled since {endpoint.gone}: {endpoint.last_error}; {by_hand}"
    who = f"{endpoint.recipient} of the channel" if endpoint.recipient else "the channel"
    return f"{who} {endpoint.channel} takes nothing since {endpoint.since}: {visible(endpoint.last_error)}"


def _rows(
    configured: ConfigOverview, trees: Mapping[str, Any], store: Store, now: datetime
) -> Iterator[dict[str, Any]]:
    """What is shown of each source; of a collection its own line, then groups."""
    queries, checks, held = store.history, store.checks, store.holds
    for source in configured.sources:
        tree = trees.get(source.name)
        for each, due in tree.lines if tree else [(source, _due(source, checks, now))]:
            yield {
                **_row(each, due, now, queries, checks),
                **(tree.listed if tree and each.collection else {}),
                "held": sum(1 for hold in held.list_holds(each.name) if hold.state is HoldState.HELD),
                "skipped": checks.read_skips(each.name)["number"],
            }


def _due(source: SourceOverview, checks: CheckLog, now: datetime) -> datetime:
    last = checks.find_last_check(source.name)
    return from_text(str(last["at"])) + source.every if last else now


def _row(
    source: SourceOverview, due: datetime, now: datetime, queries: HistoryReader, checks: CheckLog
) -> dict[str, Any]:
    latest = queries.find_latest(source.name)
    last = checks.find_last_check(source.name)
    state = checks.read_state(source.name)
    return {
        "source": source.name,
        "releases": queries.count_releases(source.name),
        "latest": latest.release.published if latest else None,
        "latest_observed": latest.release.observed if latest else None,
        "entries": latest.release.entries if latest else None,
        "last_check": last["at"] if last else None,
        "outcome": last["outcome"] if last else "never checked",
        "reason": last["reason"] if last else None,
        "message": last["message"] if last else None,
        "last_success": state["last_success"],
        "next_check": to_text(max(due, now)) if source.enabled else None,
        "failures": state["failures"],
    }
