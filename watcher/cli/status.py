"""`watcher status`"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, NoReturn

import click

from watcher import health
from watcher.cli.app import App, format_option, pass_app, print_json, print_rows
from watcher.cli.reading import settings
from watcher.collection import Collection
from watcher.errors import WatcherError
from watcher.health import Level, Verdict
from watcher.model import Endpoint, HoldState
from watcher.oversight import Oversight
from watcher.render.plain import visible
from watcher.settings import AnySource, SourceSettings
from watcher.store.checks import Checks
from watcher.store.database import Database
from watcher.store.deliveries import Deliveries
from watcher.store.endpoints import Endpoints
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
        _in_a_line(app, now)
    configured = settings(app)
    with Database(configured.store.path) as database:
        queries, checks, held = Queries(database), Checks(database), Held(database)
        trees = {
            each.name: Collection(each, queries, checks, folder=configured.folder_of(each))
            for each in configured.collections
        }
        lines = [
            line for each in configured.sources for line in _lines(each, trees, checks, now, everything=everything)
        ]
        rows = [
            {
                **_row(source, due, now, queries, checks),
                **_listed(trees.get(source.name)),
                "held": _held(source, held),
                "skipped": checks.skips(source.name)["number"],
            }
            for source, due in lines
        ]
        collections = [_collection(tree) for tree in trees.values()]
        waiting = [dict(row) for row in Deliveries(database).pending()]
        names = {channel.name for channel in configured.channel}
        unwell = [endpoint for endpoint in Endpoints(database).all() if endpoint.channel in names]
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
    print_rows(rows, _COLUMNS, format)
    if format != "text":
        return
    for row in rows:
        if row["message"]:
            reason = f"{row['reason']}: " if row["reason"] else ""
            click.echo(f"\n{row['source']}: {reason}{visible(row['message'])}")
        if row["skipped"]:
            click.echo(f"\n{row['source']}: {row['skipped']} turns skipped, the one before being under way still")
    for collection in collections:
        click.echo("\n" + _summary(collection))
    click.echo(f"\n{len(waiting)} deliveries pending" if waiting else "\nno delivery pending")
    for endpoint in unwell:
        click.echo(_unwell(endpoint))


def _unwell(endpoint: Endpoint) -> str:
    if endpoint.gone:
        by_hand = f"`watcher channel enable {endpoint.channel}` sends again"
        return f"the channel {endpoint.channel} is disabled since {endpoint.gone}: {endpoint.last_error}; {by_hand}"
    who = f"{endpoint.recipient} of the channel" if endpoint.recipient else "the channel"
    return f"{who} {endpoint.channel} takes nothing since {endpoint.since}: {visible(endpoint.last_error)}"


def _in_a_line(app: App, now: datetime) -> NoReturn:
    """Print what a monitoring system shows and end with the code that it knows."""
    try:
        configured = settings(app)
        with Database(configured.store.path, create=False) as database:
            found = health.verdict(Oversight(configured, database).sights(), now)
            waiting = len(Deliveries(database).pending())
            held = sum(1 for hold in Held(database).all() if hold.state is HoldState.HELD)
        told = "; ".join(found.reasons) or "all is looked at in time"
        line = f"WATCHER {found.level.name} - {told} | pending={waiting} held={held}"
    except WatcherError as error:
        found = Verdict(level=Level.UNKNOWN)
        line = f"WATCHER UNKNOWN - {error}"
    click.echo(visible(line))
    raise click.exceptions.Exit(found.level)


def _lines(
    source: AnySource, trees: Mapping[str, Collection], checks: Checks, now: datetime, *, everything: bool
) -> Iterator[tuple[AnySource, datetime]]:
    """What is shown of a source, each line with when it is due: of a collection its index, then groups."""
    if isinstance(source, SourceSettings):
        last = checks.last(source.name)
        yield source, from_text(str(last["at"])) + source.every if last else now
        return
    tree = trees[source.name]
    yield source, tree.next_turn(now)
    standing = tree.standing()
    for group in standing.groups if everything else standing.failing:
        yield group.settings, tree.due(group, now)


def _listed(tree: Collection | None) -> dict[str, Any]:
    """What the line of a collection says that has no index to look at."""
    if tree is None or tree.settings.groups is None:
        return {}
    groups = tree.groups()
    newest = max((group.look.at for group in groups if group.look.at), default=None)
    return {"entries": len(groups), "last_check": newest, "outcome": "a list" if newest else "never checked"}


def _collection(collection: Collection) -> dict[str, Any]:
    standing = collection.standing()
    return {
        "source": collection.name,
        "groups": len(standing.groups),
        "failing": [group.settings.name for group in standing.failing],
        "never_checked": sum(group.look.at is None for group in standing.groups),
        "left_out": list(standing.refused),
        "last_full_sweep": standing.swept,
    }


def _summary(collection: Mapping[str, Any]) -> str:
    told = [f"{collection['groups']} groups", f"{len(collection['failing']) or 'none'} failing"]
    if collection["never_checked"]:
        told.append(f"{collection['never_checked']} never checked")
    if collection["last_full_sweep"]:
        told.append(f"all looked at since {collection['last_full_sweep']}")
    if collection["left_out"]:
        told.append("left out, being no ids: " + visible(", ".join(collection["left_out"])))
    return f"{collection['source']}: " + ", ".join(told)


def _row(source: AnySource, due: datetime, now: datetime, queries: Queries, checks: Checks) -> dict[str, Any]:
    latest = queries.latest(source.name)
    last = checks.last(source.name)
    state = checks.state(source.name)
    return {
        "source": source.name,
        "releases": queries.count(source.name),
        "latest": latest.release.published if latest else None,
        "entries": latest.release.entries if latest else None,
        "last_check": last["at"] if last else None,
        "outcome": last["outcome"] if last else "never checked",
        "reason": last["reason"] if last else None,
        "message": last["message"] if last else None,
        "last_success": state["last_success"],
        "next_check": to_text(max(due, now)) if source.enabled else None,
        "failures": state["failures"],
    }


def _held(source: AnySource, held: Held) -> int:
    return sum(1 for hold in held.all(source.name) if hold.state is HoldState.HELD)
