"""`watcher subscriptions`"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from watcher.cli.context import open_monitor, open_store
from watcher.cli.output import (
    columns,
    format_option,
    parse_date,
    parse_last_date,
    print_json,
    print_rows,
    terminal_width,
)
from watcher.core.suggestions import require_known
from watcher.render.safe_text import visible
from watcher.render.text import render_table
from watcher.reports.events import ObservedEvent, event_document
from watcher.reports.subscriptions import (
    Selection,
    SubscribedPlan,
    list_plans,
    plan_document,
    select_from_history,
)

_LIST = columns("subscription", "timing", "recipients")
_COUNTS = columns("subscription", "events", "ignored", "timing", "recipients")
_CSV = columns("subscription", "source", "published", "severity", "id", "summary", "fingerprint", "ignored")


@click.group("subscriptions")
def command() -> None:
    """List subscriptions; test what each would have received.

    \b
    Examples:
      watcher subscriptions list
      watcher subscriptions test --since 2023-01-01
      watcher subscriptions test tls-team --format csv
    """


@command.command("list")
@format_option("json", "csv", "md")
@click.pass_obj
def list_subscriptions(config: Path, format: str) -> None:
    """List every subscription with its time and its recipients; `channel:NAME` are the filters of a channel.

    Only what can be sent is listed: disabled channels and subscriptions have no recipients.
    """
    plans = _list_plans(config, ())
    if format == "json":
        print_json({"subscriptions": [plan_document(plan) for plan in plans]})
    else:
        print_rows([_row(plan) for plan in plans], _LIST, format, empty="no subscriptions")


@command.command("test")
@click.argument("names", metavar="[NAME]...", nargs=-1)
@click.option("--since", callback=parse_date, metavar="DATE", help="Releases of this day or later.")
@click.option("--until", callback=parse_last_date, metavar="DATE", help="Releases of this day or before.")
@format_option("json", "csv")
@click.pass_obj
def test(config: Path, names: tuple[str, ...], since: str | None, until: str | None, format: str) -> None:
    """Show what each subscription, or those named, would have received: how many events, and which.

    Nothing is sent. Events that a rule of [[ignore]] ignores are counted and not listed (JSON and CSV have them).

    \b
    Examples:
      watcher subscriptions test --since 2023-01-01
      watcher subscriptions test tls-team channel:noc --since 2w
      watcher subscriptions test --format json
    """
    plans = _list_plans(config, names)
    with open_store(config) as (store, observation):
        selections = select_from_history(store, observation, plans, since=since, until=until)
    if format == "json":
        print_json(
            {"since": since, "until": until, "subscriptions": [_document(selection) for selection in selections]}
        )
    elif format == "csv":
        print_rows([row for selection in selections for row in _csv_rows(selection)], _CSV, format)
    else:
        _print_selections(selections)


def _list_plans(config: Path, names: Sequence[str]) -> list[SubscribedPlan]:
    with open_monitor(config) as monitor:
        plans = list_plans(monitor.alerts.subscribers)
    known_names = [plan.name for plan in plans]
    for name in names:
        require_known("subscription", name, known_names)
    return [plan for plan in plans if not names or plan.name in names]


def _row(plan: SubscribedPlan) -> dict[str, Any]:
    recipients = ", ".join(" ".join(filter(None, recipient)) for recipient in plan.recipients)
    return {"subscription": plan.name, "timing": plan.timing, "recipients": recipients}


def _document(selection: Selection) -> dict[str, Any]:
    return {
        **plan_document(selection.subscribed),
        "count": len(selection.events),
        "events": [event_document(event) for event in selection.events],
        "ignored": [event_document(event) for event in selection.ignored],
    }


def _csv_rows(selection: Selection) -> list[dict[str, Any]]:
    events = (*selection.events, *selection.ignored)
    return [{**event_document(event), "subscription": selection.subscribed.name} for event in events]


def _print_selections(selections: Sequence[Selection]) -> None:
    rows = [
        {**_row(selection.subscribed), "events": len(selection.events), "ignored": len(selection.ignored)}
        for selection in selections
    ]
    print_rows(rows, _COUNTS, "text", empty="no subscriptions")
    for selection in selections:
        if selection.events:
            click.echo(f"\n{visible(selection.subscribed.name)}")
            lines = [_line(event) for event in selection.events]
            click.echo(render_table(lines, ["SOURCE", "RELEASE", "SEVERITY", "EVENT", "WHAT"], width=terminal_width()))


def _line(observed: ObservedEvent) -> list[str]:
    stored, event = observed.stored, observed.stored.event
    return [
        stored.source,
        stored.release.release.when,
        str(event.severity),
        event.id,
        f"{event.summary}{observed.attention}",
    ]
