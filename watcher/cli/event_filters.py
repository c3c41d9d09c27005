"""The options that select events, and the query that they make."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import click

from watcher.cli.output import option_parser, parse_date, parse_last_date, parse_port, require
from watcher.core.documents import parse_draft, parse_rfc
from watcher.core.model import Kind, Severity
from watcher.store.event_query import EventQuery

_OPTIONS = (
    click.option("--source", "more_sources", multiple=True, metavar="GLOB", help="A source, or a glob: 'iana.dns*'."),
    click.option(
        "--port", "ports", multiple=True, callback=parse_port, metavar="PORT", help="A port or range: 443, 8000-8100."
    ),
    click.option("--service", "services", multiple=True, metavar="NAME", help="A service by its name."),
    click.option(
        "--protocol",
        "protocols",
        multiple=True,
        callback=option_parser(str.lower),
        metavar="NAME",
        help="tcp, udp, sctp or dccp.",
    ),
    click.option(
        "--event",
        "events",
        multiple=True,
        metavar="GLOB",
        help="Event ids, as a glob: 'port-*' (see `watcher events`).",
    ),
    click.option(
        "--kind", "kinds", multiple=True, type=click.Choice([*map(str, Kind)]), help="What happened to the entry."
    ),
    click.option("--severity", type=click.Choice([level.value for level in Severity]), help="This severity or higher."),
    click.option("--since", callback=parse_date, metavar="DATE", help="Releases of this day or later."),
    click.option("--until", callback=parse_last_date, metavar="DATE", help="Releases of this day or before."),
    click.option(
        "--rfc",
        callback=option_parser(parse_rfc),
        metavar="NUMBER",
        help="Events that an RFC caused in all registries: 9350, RFC9350.",
    ),
    click.option(
        "--draft",
        callback=option_parser(parse_draft),
        metavar="NAME",
        help="Events that a draft caused; its name with or without the version.",
    ),
    click.option("--search", metavar="TEXT", help="Words in the event or in the entries that it changed."),
)


def filter_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options to a command, which gets them by name."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def read_query(sources: Sequence[str], filters: Mapping[str, Any], limit: int | None) -> EventQuery:
    """Return the query that the options say; `sources` are further sources. Raises UsageError."""
    rfc, draft, severity = filters["rfc"], filters["draft"], filters["severity"]
    require(not (rfc and draft), "give --rfc or --draft, not both")
    return EventQuery(
        sources=(*sources, *filters["more_sources"]),
        ports=filters["ports"],
        services=filters["services"],
        protocols=filters["protocols"],
        events=filters["events"],
        kinds=filters["kinds"],
        severity=Severity(severity) if severity else None,
        since=filters["since"],
        until=filters["until"],
        text=filters["search"],
        document=rfc or draft,
        limit=limit,
    )
