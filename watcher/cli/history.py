"""`watcher history`"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from watcher.cli.context import open_history
from watcher.cli.event_filters import filter_options, read_query
from watcher.cli.list_files import find_inventory
from watcher.cli.output import (
    columns,
    format_option,
    print_gaps,
    print_json,
    print_json_list,
    print_rows,
    require,
    terminal_width,
)
from watcher.config.overview import load_overview
from watcher.core.event_words import say_event
from watcher.core.lazy import load
from watcher.render.details_text import render_event
from watcher.render.safe_text import visible
from watcher.reports.attention import SHORT_FINGERPRINT
from watcher.reports.events import FoundEvents, ObservedEvent, event_document, head_of, stream_events
from watcher.reports.names import require_names
from watcher.store.event_reader import EventHead
from watcher.store.history_reader import HistoryReader
from watcher.store.history_rows import ReleaseSpan

if TYPE_CHECKING:
    from watcher.inventory.model import Inventory
    from watcher.reports import documents, event_details
    from watcher.reports.documents import DocumentReport
else:
    documents, event_details = load("document_report"), load("event_details")

_CSV_COLUMNS = columns("fingerprint", "acknowledged", "ignored")
_COLUMNS = {"published": "RELEASE", "severity": "SEVERITY", "id": "EVENT", "summary": "WHAT"}


@click.command("history")
@click.argument("sources", metavar="[SOURCE]...", nargs=-1)
@filter_options
@click.option(
    "--inventory",
    metavar="FILE|NAME",
    help="Only what is about a list of yours: a file, - for standard input, or an [[inventory]].",
)
@click.option("--ids", is_flag=True, help="The id of each event, for `watcher ack`.")
@click.option(
    "--details", "with_details", is_flag=True, help="Show each event as messages do: people, references, what differs."
)
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Only the newest N.")
@format_option("json", "csv", "md")
@click.pass_obj
def command(
    config: Path,
    /,
    sources: tuple[str, ...],
    inventory: str | None,
    ids: bool,
    with_details: bool,
    limit: int | None,
    format: str,
    **filters: Any,
) -> None:
    """List events, in the registry's own words.

    A repeated option accepts any of its values: SOURCE, --source, --port, --service, --protocol, --event and --kind.
    Different options are combined with AND. SOURCE and --source are one filter; both accept globs.

    \b
    Examples:
      watcher history --port 8010
      watcher history --port 443 --port 8000-8100 --protocol tcp --protocol udp
      watcher history --source ports --source 'iana.dns*' --since 30d
      watcher history ports --since 2020-01-01 --kind deprecated
      watcher history --rfc 9350
      watcher history ports --limit 1 --details
      watcher history --inventory /etc/services --since 2024-01-01
      watcher history --event 'service-*' --search microsoft --format json
    """
    query = read_query(sources, filters, limit)
    require(not with_details or (format == "text" and not query.document), "--details is for a list of events, as text")
    require(not (inventory and query.document), "give --inventory or a document, not both")
    if query.document and format in ("text", "json"):
        with open_history(config) as (history, observation):
            _print_document(documents.report_document(history, observation, query), format)
        return
    with open_history(config) as (history, observation):
        mine = None if inventory is None else _find_inventory(config, history, inventory, query.sources)
        report = stream_events(history, observation, query, mine)
        require_names(history, report.sources if query.sources else (), query.services)
        if with_details and report.heads:
            _print_details(config, history, report)
        else:
            _print_events(report, format, with_ids=ids)


def _print_details(config: Path, history: HistoryReader, report: FoundEvents) -> None:
    described = event_details.read_details(history, [*report.events], address=load_overview(config).address)
    for observed, details in described:
        stored = observed.stored
        click.echo(f"{visible(stored.source)}  {visible(stored.release.release.when)}")
        click.echo("\n".join(render_event(stored.event, details, width=terminal_width())) + "\n")
    print_gaps(report.gaps)


def _find_inventory(config: Path, history: HistoryReader, reference: str, sources: Sequence[str]) -> Inventory:
    """Return a list, which is of the only source of the query, else of ports."""
    source = sources[0] if len(sources) == 1 else ""
    return find_inventory(config, reference, source=source, port_sources=history.list_sources_of("ports"))


def _print_document(report: DocumentReport, format: str) -> None:
    """Print what a document did, by part and source; then the later events of entries that refer to it."""
    if format == "json":
        print_json(documents.report_as_dict(report))
        return
    click.echo(report.summary)
    for part, events in {**report.parts, "later changes of entries that refer to it": report.later}.items():
        if events:
            click.echo(f"\n{part}")
        for source, lines in groupby(sorted(events, key=_source), key=_source):
            click.echo(f"  {visible(source)}")
            for event in lines:
                stored = event.stored
                click.echo(
                    visible(
                        f"    {stored.release.release.when}  {stored.event.id}  {stored.event.summary}{event.attention}"
                    )
                )
    print_gaps(report.gaps)


def _source(event: ObservedEvent) -> str:
    return event.stored.source


def _print_events(report: FoundEvents, format: str, *, with_ids: bool) -> None:
    """Print each event as it is read: a whole history is long."""
    if format == "json":
        documents = map(event_document, report.events)
        print_json_list("events", documents, lambda: {"gaps": [gap.as_dict() for gap in report.gaps]})
        return
    several = len({head.source for head in report.heads}) > 1
    headings = {"source": "SOURCE", **_COLUMNS} if several or format == "csv" else _COLUMNS
    if format == "csv":
        headings = {**headings, **_CSV_COLUMNS}
        rows = map(_csv_row, report.events)
    else:
        headings = {"fingerprint": "ID", **headings} if with_ids else headings
        rows = map(_text_row, report.events)
    empty = f"no matching events ({_span_text(report.span)})"
    print_rows(rows, headings, format, empty="" if report.heads else empty, widest=map(_head_row, report.heads))
    if format == "text":
        print_gaps(report.gaps)


def _csv_row(event: ObservedEvent) -> Mapping[str, object]:
    row = event_document(event)
    return {**row, "acknowledged": row["acknowledged"]["note"] if "acknowledged" in row else None}


def _text_row(event: ObservedEvent) -> Mapping[str, object]:
    return {
        **_head_row(head_of(event.stored)),
        "fingerprint": event.stored.event.fingerprint[:SHORT_FINGERPRINT],
        "summary": say_event(event.stored.event) + str(event.attention),
    }


def _head_row(head: EventHead) -> Mapping[str, object]:
    shown = {"source": head.source, "published": head.when, "severity": head.severity, "id": head.id}
    return {"fingerprint": "0" * SHORT_FINGERPRINT, **shown}


def _span_text(span: ReleaseSpan) -> str:
    if not span.number:
        return "no releases yet"
    first, last = span.first or "no date", span.last or "no date"
    return f"{span.number} release{'' if span.number == 1 else 's'}, {first} to {last}"
