"""`watcher history`"""

from __future__ import annotations

from pathlib import Path

import click

from watcher.cli.context import open_history
from watcher.cli.output import (
    format_option,
    parse_date,
    parse_last_date,
    parse_port,
    print_gaps,
    print_json,
    print_rows,
)
from watcher.core.model import Kind, Severity
from watcher.reports.events import EventReport, event_document, find_events
from watcher.store.event_query import EventQuery
from watcher.store.history_rows import ReleaseSpan

_COLUMNS = {"published": "RELEASE", "severity": "SEVERITY", "id": "EVENT", "summary": "WHAT"}


@click.command("history")
@click.argument("source", required=False)
@click.option("--port", callback=parse_port, metavar="PORT", help="A port or range: 443, 8000-8100.")
@click.option("--service", metavar="NAME", help="A service by its name.")
@click.option("--protocol", metavar="NAME", help="tcp, udp, sctp or dccp.")
@click.option("--event", metavar="GLOB", help="Event ids, as a glob: 'port-*'.")
@click.option("--kind", type=click.Choice([kind.value for kind in Kind]), help="What happened to the entry.")
@click.option("--severity", type=click.Choice([level.value for level in Severity]), help="This severity or higher.")
@click.option("--since", callback=parse_date, metavar="DATE", help="Releases of this day or later.")
@click.option("--until", callback=parse_last_date, metavar="DATE", help="Releases of this day or before.")
@click.option("--search", metavar="TEXT", help="Words in the event or in the entries that it changed.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Only the newest N.")
@format_option("json", "csv", "md")
@click.pass_obj
def command(
    config: Path,
    source: str | None,
    port: tuple[int, int] | None,
    service: str | None,
    protocol: str | None,
    event: str | None,
    kind: str | None,
    severity: str | None,
    since: str | None,
    until: str | None,
    search: str | None,
    limit: int | None,
    format: str,
) -> None:
    """List events, in the registry's own words; filters are combined with AND.

    \b
    Examples:
      watcher history --port 8010
      watcher history ports --since 2020-01-01 --kind deprecated
      watcher history --event 'service-*' --search microsoft --format json
    """
    query = EventQuery(
        source=source,
        port=port,
        service=service,
        protocol=protocol,
        event=event,
        kind=kind,
        severity=Severity(severity) if severity else None,
        since=since,
        until=until,
        text=search,
        limit=limit,
    )
    with open_history(config) as (history, observation):
        report = find_events(history, observation, query)
    if format == "json":
        print_json(
            {
                "events": [event_document(event) for event in report.events],
                "gaps": [gap.as_dict() for gap in report.gaps],
            }
        )
    else:
        _print_events(report, format)
    if format == "text":
        print_gaps(report.gaps)


def _print_events(report: EventReport, format: str) -> None:
    rows = [event_document(event) for event in report.events]
    several = len({row["source"] for row in rows}) > 1
    columns = {"source": "SOURCE", **_COLUMNS} if several or format == "csv" else _COLUMNS
    if format != "csv":
        for row, event in zip(rows, report.events, strict=True):
            row["published"] = event.stored.release.release.when
    print_rows(rows, columns, format, empty=f"no matching events ({_span_text(report.span)})")


def _span_text(span: ReleaseSpan) -> str:
    if not span.number:
        return "no releases"
    return f"{span.number} release{'' if span.number == 1 else 's'}, {span.first} to {span.last}"
