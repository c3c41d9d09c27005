"""`watcher deadlines`"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from watcher.cli.output import columns, format_option, option_parser, print_json, print_rows
from watcher.config.overview import load_overview
from watcher.core.times import parse_duration, to_text
from watcher.render.ics import render_calendar
from watcher.reports.deadlines import CALENDAR, Deadline, calendar_day, deadline_document, find_deadlines
from watcher.store.store import Store

_COLUMNS = columns("until", "state", "since", "source", "registry", "value", "name")


@click.command("deadlines")
@click.argument("sources", metavar="[SOURCE]...", nargs=-1)
@click.option(
    "--within",
    callback=option_parser(parse_duration),
    metavar="DURATION",
    help="Only what expires in this time: 90d, 2w.",
)
@format_option("json", "ics")
@click.pass_obj
def command(config: Path, sources: tuple[str, ...], within: timedelta | None, format: str) -> None:
    """List early allocations (RFC 7120) with the day until which each counts, expired ones included.

    Those whose document is with the IESG have no such day; --within leaves them out. The format ics is a calendar.

    \b
    Examples:
      watcher deadlines
      watcher deadlines iana.tls-extensiontype-values
      watcher deadlines --within 90d --format json
      watcher deadlines --format ics > deadlines.ics
    """
    now = datetime.now(UTC)
    with Store(load_overview(config).history, create=False) as store:
        deadlines = find_deadlines(store, sources, now.date(), within.days if within is not None else None)
        has_releases = store.history.find_release_span(sources).number > 0
    if format == "json":
        print_json({"deadlines": list(map(deadline_document, deadlines))})
    elif format == "ics":
        days = [calendar_day(deadline) for deadline in deadlines if deadline.allocation.until]
        click.echo(render_calendar(days, name=CALENDAR, stamp=to_text(now)), nl=False)
    elif deadlines:
        rows = [{**deadline_document(deadline), "state": deadline.state} for deadline in deadlines]
        print_rows(rows, _COLUMNS, format)
        click.echo(f"\n{_summary(deadlines)}")
    else:
        expiring = f" that expire within {within.days} days" if within is not None else ""
        click.echo(f"no early allocations{expiring}{'' if has_releases else ' (no releases yet)'}")


def _summary(deadlines: Sequence[Deadline]) -> str:
    expired = sum(deadline.state == "expired" for deadline in deadlines)
    number = f"{len(deadlines)} early allocation{'' if len(deadlines) == 1 else 's'}"
    return f"{number}, {expired} expired"
