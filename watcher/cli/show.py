"""`watcher show`"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import click

from watcher.cli import output as common
from watcher.cli.history import row as event_row
from watcher.cli.output import App, format_option, print_json, width
from watcher.cli.seen import history, print_gaps
from watcher.core.errors import UsageError
from watcher.core.model import MARKUP, Item, Section
from watcher.core.port_ranges import find_ports
from watcher.registries.generic import identity
from watcher.render.safe_text import visible
from watcher.render.text import render_table
from watcher.store.event_query import EventQuery
from watcher.store.history_reader import HistoryReader
from watcher.store.history_rows import EntryVersion, StoredEvent, StoredRelease

_DETAILS = ("assignee", "contact", "registered", "modified", "references", "service_code", "unauthorized_use", "notes")


@click.command("show")
@click.argument("source")
@click.argument("what", metavar="WHAT", required=False)
@click.option("--port", callback=common.port, metavar="PORT", help="A port or range: 443, 8000-8100.")
@click.option("--service", metavar="NAME", help="A service by its name, or a contact by its id.")
@click.option("--protocol", metavar="NAME", help="Only this protocol: tcp, udp, sctp or dccp.")
@click.option("--at", callback=common.date, metavar="DATE", help="As it stood that day.")
@format_option("json")
@common.pass_app
def command(
    app: App,
    source: str,
    what: str | None,
    port: tuple[int, int] | None,
    service: str | None,
    protocol: str | None,
    at: str | None,
    format: str,
) -> None:
    """One entry or contact with its whole life, or as it stood on a day.

    WHAT is a port (443, 443/tcp, 8000-8100), the value of an entry (0x13,0x01) or a name.

    \b
    Examples:
      watcher show ports 8010
      watcher show ports cfg-cloud
      watcher show ports --port 443 --at 2019-01-01
      watcher show iana.tls-parameters TLS_AES_128_GCM_SHA256
    """
    if what:
        number, _, said = what.partition("/")
        port = port or find_ports(number)
        protocol = protocol or (said if port and said else None)
        service = service or (None if port else what)
    common.need(port or service, "say what: a port or a name")
    with history(app) as (queries, seen):
        life = find(queries, source, what, port=port, service=service, protocol=protocol, at=at)
        events = [event_row(event, seen) for event in life.events]
        gaps = seen.gaps([source])
    if format == "json":
        print_json(
            {
                "source": source,
                "what": life.title,
                "at": at,
                "release": life.day.release.id,
                "versions": [_document(version) for version in life.versions],
                "events": events,
                "gaps": gaps,
            }
        )
    else:
        print_life(life)
        print_gaps(gaps)


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryHistory:
    """Every state that something was in, and what happened to it, up to the release of a day."""

    title: str
    versions: Sequence[EntryVersion]
    events: Sequence[StoredEvent]
    day: StoredRelease


def find(
    queries: HistoryReader,
    source: str,
    title: str | None = None,
    *,
    port: tuple[int, int] | None = None,
    service: str | None = None,
    protocol: str | None = None,
    at: str | None = None,
) -> EntryHistory:
    """Look something up by port or name. Raises UsageError where the registry never said anything of it."""
    day = queries.find_release(source, at or "latest")
    versions = [
        version
        for version in queries.find_versions(source, port=port, name=service, at=day if at else None)
        if not protocol or version.item.key.part("protocol") in (protocol, "")
    ]
    title = title or service or _range(port)
    if not versions and port and not service:  # a name that is a number
        versions = queries.find_versions(source, name=_range(port), at=day if at else None)
    if not versions:
        when = f" on {at}" if at else ""
        raise UsageError(f"{source} says nothing of {title}{when}; `watcher history --search` looks in every word")
    if any("port" in version.item.key.labels for version in versions):
        events = queries.find_events(EventQuery(source=source, port=port, service=service, protocol=protocol, until=at))
    else:
        events = queries.find_events_of(versions, until=at)
    return EntryHistory(title=title, versions=versions, events=events, day=day)


def _range(port: tuple[int, int] | None) -> str:
    if port is None:
        return ""
    return str(port[0]) if port[0] == port[1] else f"{port[0]}-{port[1]}"


def print_life(life: EntryHistory) -> None:
    """Print what stands now, then what happened, the oldest first."""
    standing = [version for version in life.versions if _stands(version, life.day)]
    statuses = dict.fromkeys(str(version.item.status) for version in standing)
    since = max((version.first.dated for version in standing), default="")
    state = " and ".join(statuses) + f" since {since} or before" if standing else "not in the registry"
    if any(event.release.dated == since for event in life.events):
        state = state.removesuffix(" or before")
    click.echo(f"{visible(life.title)}  {state}  (release of {visible(life.day.release.when)})\n")
    for version in standing:
        click.echo("  " + _line(version.item))
        for name in _details(version.item):
            click.echo(f"      {visible(name.replace('_', ' '))}: {visible(version.item.fields[name])}")
    lines = [
        [event.release.release.when, str(event.event.severity), event.event.id, event.event.summary]
        for event in life.events
    ]
    if standing:
        click.echo()
    if lines:
        click.echo(render_table(lines, ["RELEASE", "SEVERITY", "EVENT", "WHAT"], width=width()))
    else:
        first = min(version.first.dated for version in life.versions)
        click.echo(f"  nothing happened to it since the release of {first}, the first there is of it")


def _stands(version: EntryVersion, day: StoredRelease) -> bool:
    return version.first.place <= day.place and (version.until is None or version.until.place > day.place)


def _line(item: Item) -> str:
    if item.section is not Section.ENTRY:
        return visible(f"{item.section} " + "  ".join(value for value in item.fields.values() if value))
    if "port" not in item.key.labels:
        return visible(
            "  ".join(part for part in (identity.path(item), *identity.values(item), identity.title(item)) if part)
        )
    place = "/".join(part for part in (item.key.part("port"), item.key.part("protocol")) if part)
    return visible(
        "  ".join(part for part in (place, item.key.part("name"), item.fields.get("description", "")) if part)
    )


def _details(item: Item) -> list[str]:
    """The fields that the line does not show already."""
    if item.section is not Section.ENTRY:
        return []
    if "port" in item.key.labels:
        return [name for name in _DETAILS if item.fields.get(name)]
    shown = {*identity.values(item), identity.title(item)}
    return [name for name, text in item.fields.items() if text and text not in shown and not name.startswith(MARKUP)]


def _document(version: EntryVersion) -> dict[str, Any]:
    return {
        "section": str(version.item.section),
        "key": version.item.key.as_dict(),
        "status": str(version.item.status),
        "fields": dict(version.item.fields),
        "first": {"release": version.first.release.id, "published": version.first.release.published},
        # The first release it no longer stood in; null: it stands.
        "until": {"release": version.until.release.id, "published": version.until.release.published}
        if version.until
        else None,
    }
