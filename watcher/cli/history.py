"""`watcher history`"""

from __future__ import annotations

from typing import Any

import click

from watcher.cli import output as common
from watcher.cli.output import App, format_option, print_json, print_rows
from watcher.cli.seen import ObservationGaps, history, print_gaps
from watcher.core.model import Kind, Severity
from watcher.render.document import event_document
from watcher.store.event_query import EventQuery
from watcher.store.history_rows import StoredEvent

_COLUMNS = {
    "published": "RELEASE",
    "severity": "SEVERITY",
    "id": "EVENT",
    "summary": "WHAT",
}


@click.command("history")
@click.argument("source", required=False)
@click.option("--port", callback=common.port, metavar="PORT", help="A port or range: 443, 8000-8100.")
@click.option("--service", metavar="NAME", help="A service by its name.")
@click.option("--protocol", metavar="NAME", help="tcp, udp, sctp or dccp.")
@click.option("--event", metavar="GLOB", help="Event ids, as a glob: 'port-*'.")
@click.option("--kind", type=click.Choice([kind.value for kind in Kind]), help="What happened to the entry.")
@click.option("--severity", type=click.Choice([each.value for each in Severity]), help="At least this severity.")
@click.option("--since", callback=common.date, metavar="DATE", help="Releases of this day and after.")
@click.option("--until", callback=common.date, metavar="DATE", help="Releases of this day and before.")
@click.option("--search", metavar="TEXT", help="Words that stand in the event or in the entries it changed.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Only the newest N.")
@format_option("json", "csv", "md")
@common.pass_app
def command(
    app: App,
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
    """What happened, in the registry's own words; everything given must hold.

    \b
    Examples:
      watcher history --port 8010
      watcher history ports --since 2020-01-01 --kind deprecated
      watcher history --event 'service-*' --search microsoft --format json
    """
    wanted = EventQuery(
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
    with history(app) as (queries, seen):
        if source:
            queries.read_registry_id(source)
        found = queries.find_events(wanted)
        rows = [row(each, seen) for each in found]
        gaps = seen.gaps([source] if source else sorted({each["source"] for each in rows}))
    if format == "json":
        print_json({"events": rows, "gaps": gaps})
    elif rows or format != "text":
        several = len({each["source"] for each in rows}) > 1
        columns = {"source": "SOURCE", **_COLUMNS} if several or format == "csv" else _COLUMNS
        if format != "csv":
            rows = [{**of, "published": each.release.release.when} for of, each in zip(rows, found, strict=True)]
        print_rows(rows, columns, format)
    else:
        click.echo("nothing of that kind happened in the releases there are")
    if format == "text":
        print_gaps(gaps)


def row(found: StoredEvent, seen: ObservationGaps) -> dict[str, Any]:
    """One event as the JSON contract has it, with the window in which it happened."""
    event, release = found.event, found.release.release
    return {
        "source": found.source,
        "release": release.id,
        "published": release.published,
        "observed": release.observed,
        # Between these two releases: when exactly, the registry does not say.
        "between": [found.before.release.published if found.before else None, release.published],
        # And between these two looks.
        "observed_between": seen.between(found.source, found.before, found.release),
        **event_document(event),
    }
