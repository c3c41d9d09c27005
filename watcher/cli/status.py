"""`watcher status`"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import click

from watcher.cli.app import App, format_option, pass_app, print_json, print_rows
from watcher.cli.reading import settings
from watcher.config import SourceSettings
from watcher.model import HoldState
from watcher.store.checks import Checks
from watcher.store.database import Database
from watcher.store.deliveries import Deliveries
from watcher.store.held import Held
from watcher.store.queries import Queries
from watcher.times import from_text, to_text

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
@format_option("json", "csv", "md")
@pass_app
def command(app: App, format: str) -> None:
    """Sources with their newest release, last and next check, what is held, and the deliveries that are pending.

    \b
    Examples:
      watcher status
      watcher status --format json
    """
    configured = settings(app)
    with Database(configured.store.path) as database:
        held = Held(database)
        rows = [_row(source, Queries(database), Checks(database), held) for source in configured.source]
        waiting = [dict(row) for row in Deliveries(database).pending()]
    if format == "json":
        print_json({"sources": rows, "pending_deliveries": waiting})
        return
    print_rows(rows, _COLUMNS, format)
    for row in rows:
        if format == "text" and row["message"]:
            reason = f"{row['reason']}: " if row["reason"] else ""
            click.echo(f"\n{row['source']}: {reason}{row['message']}")
    if format == "text":
        click.echo(f"\n{len(waiting)} deliveries pending" if waiting else "\nno delivery pending")


def _row(source: SourceSettings, queries: Queries, checks: Checks, held: Held) -> dict[str, Any]:
    known = source.name in queries.sources()
    releases = queries.releases(source.name) if known else []
    last = checks.last(source.name)
    state = checks.state(source.name)
    now = datetime.now(UTC)
    due = max(from_text(str(last["at"])) + source.every, now) if last else now
    return {
        "source": source.name,
        "releases": len(releases),
        "latest": releases[-1].release.published if releases else None,
        "entries": releases[-1].release.entries if releases else None,
        "last_check": last["at"] if last else None,
        "outcome": last["outcome"] if last else "never checked",
        "reason": last["reason"] if last else None,
        "message": last["message"] if last else None,
        "last_success": state["last_success"],
        "next_check": to_text(due) if source.enabled else None,
        "failures": state["failures"],
        "held": sum(1 for hold in held.all(source.name) if hold.state is HoldState.HELD),
    }
