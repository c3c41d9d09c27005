"""`watcher show`"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from watcher.cli.context import open_history
from watcher.cli.output import (
    format_option,
    option_parser,
    parse_port,
    parse_release,
    print_gaps,
    print_json,
    require,
    terminal_width,
)
from watcher.core.intervals import Interval
from watcher.core.model import Fields, Item, Section
from watcher.registries.generic.lifecycle import facts_of
from watcher.registries.item_lines import describe_item, detail_fields
from watcher.registries.shared.people import read_person
from watcher.render.safe_text import visible
from watcher.render.text import render_table
from watcher.reports.entry import (
    EntryHistory,
    LifeStep,
    Subject,
    find_entry,
    life_document,
    parse_subject,
    version_document,
)
from watcher.reports.events import event_document
from watcher.reports.lineage import Standing, standing_document
from watcher.store.history_rows import EntryVersion


@click.command("show")
@click.argument("source")
@click.argument("what", metavar="[WHAT]", required=False)
@click.option(
    "--port", "ports", multiple=True, callback=parse_port, metavar="PORT", help="A port or range: 443, 8000-8100."
)
@click.option(
    "--service", "services", multiple=True, metavar="NAME", help="A service by its name, or a contact by its id."
)
@click.option(
    "--protocol",
    "protocols",
    multiple=True,
    callback=option_parser(str.lower),
    metavar="NAME",
    help="Only this protocol: tcp, udp, sctp or dccp.",
)
@click.option(
    "--at",
    callback=option_parser(parse_release),
    metavar="DATE",
    help="As of this day: 2024-02-29, 2024-02, yesterday, 2w, …; or the id of a release.",
)
@format_option("json")
@click.pass_obj
def command(
    config: Path,
    source: str,
    what: str | None,
    ports: tuple[Interval, ...],
    services: tuple[str, ...],
    protocols: tuple[str, ...],
    at: str | None,
    format: str,
) -> None:
    """Show one entry or contact with its history, or as of a date.

    WHAT is a port (443, 443/tcp, 8000-8100), the value of an entry (0x13,0x01) or a name. --port, --service and
    --protocol can be repeated: any of the ports, any of the names, any of the protocols.

    \b
    Examples:
      watcher show ports 8010
      watcher show ports cfg-cloud
      watcher show ports --port 443 --at 2019-01-01
      watcher show ports --port 80 --port 443 --protocol tcp
      watcher show iana.tls-parameters TLS_AES_128_GCM_SHA256
    """
    if what:
        require(not (ports or services), "give WHAT, or --port and --service; not both")
        subject = parse_subject(what)
        subject = subject._replace(protocols=subject.protocols or tuple(protocols))
    else:
        require(ports or services, "name an entry: a port or a name")
        subject = Subject(tuple(ports), tuple(services), tuple(protocols))
    with open_history(config) as (history, observation):
        entry = find_entry(history, observation, source, subject, at=at, title=what)
    if format == "json":
        print_json(
            {
                "source": source,
                "what": entry.title,
                "at": at,
                "release": entry.release.release.id,
                "versions": [version_document(version) for version in entry.versions],
                "current": [
                    {"key": version.item.key.as_dict(), "standing": standing_document(entry.read_standing(version))}
                    for version in entry.current
                ],
                "contacts": {identifier: dict(fields) for identifier, fields in entry.contacts.items()},
                "lives": life_document(entry.lives),
                "events": [event_document(event) for event in entry.events],
                "gaps": [gap.as_dict() for gap in entry.gaps],
            }
        )
    else:
        print_entry(entry)
        print_gaps(entry.gaps)


def print_entry(entry: EntryHistory) -> None:
    """Print the current state of an entry, then its events, the oldest first."""
    click.echo(f"{visible(entry.title)}  {_state(entry)}  (release of {visible(entry.release.release.when)})\n")
    has_common_state = len({_standing(entry, version) for version in entry.current}) == 1
    for version in entry.current:
        click.echo("  " + visible(describe_item(version.item)))
        if not has_common_state:
            click.echo(f"      {_standing(entry, version)}")
        for name in detail_fields(version.item):
            click.echo(f"      {visible(name.replace('_', ' '))}: {visible(version.item.fields[name])}")
        for name, text in facts_of(version.item).items():
            if name != "temporary":
                click.echo(f"      {name.replace('_', ' ')}: {visible(text)}")
        if steps := entry.lives.get(version.item.key):
            click.echo(f"      life: {_life(steps)}")
    for version in entry.elsewhere:
        click.echo(f"  {version.first.release.source}: {visible(describe_item(version.item))}")
    for identifier, fields in entry.contacts.items():
        click.echo(f"  {_contact_line(identifier, fields)}")
    for steps in entry.lives.values() if not entry.current else ():
        click.echo(f"  life: {_life(steps)}")
    click.echo()
    if entry.events:
        lines = [
            [
                observed.stored.release.release.when,
                str(event.severity),
                event.id,
                f"{event.summary}{observed.attention}",
            ]
            for observed in entry.events
            for event in (observed.stored.event,)
        ]
        click.echo(render_table(lines, ["RELEASE", "SEVERITY", "EVENT", "WHAT"], width=terminal_width()))
    else:
        first = min((version.first for version in entry.versions), key=lambda release: release.dated)
        click.echo(f"  no events since the release of {first.day}, the first with this entry")


def _life(steps: Sequence[LifeStep]) -> str:
    """Return "temporary 2022-04-05 → published 2023-01-05", with the dates of the releases."""
    return " → ".join(f"{step.stage} {_since(step)}" for step in steps)


def _state(entry: EntryHistory) -> str:
    """Return the status words and since when they hold: all of them, if there are several current versions."""
    if not entry.current:
        groups = ", ".join(dict.fromkeys(version.first.release.source for version in entry.elsewhere))
        return "not in the registry" + (f"; is now in {groups}" if groups else "")
    states = dict.fromkeys(_standing(entry, version) for version in entry.current)
    if len(states) == 1:
        return next(iter(states))
    statuses = " and ".join(dict.fromkeys(_status(version.item) for version in entry.current))
    standings = [standing for version in entry.current if (standing := entry.read_standing(version))]
    last = max(standings, key=lambda standing: standing.since.place, default=None)
    return statuses if last is None else f"{statuses} since {_since(last)}"


def _standing(entry: EntryHistory, version: EntryVersion) -> str:
    """Return "assigned since 2019-01-08 (registered 2016-05-02), text last changed 2021-03-04"."""
    standing = entry.read_standing(version)
    if standing is None:
        return f"{_status(version.item)}, last changed {version.first.day}"
    since = f"{_status(version.item)} since {_since(standing)}"
    registered = f" (registered {visible(standing.registered)})" if standing.registered else ""
    changed = f", text last changed {standing.changed.day}" if standing.changed else ""
    return since + registered + changed


def _since(began: Standing | LifeStep) -> str:
    return began.since.day + ("" if began.is_known else " or before")


def _status(item: Item) -> str:
    """Return the status of an entry; a contact and a header have none, only the name of their section."""
    return str(item.status if item.section is Section.ENTRY else item.section)


def _contact_line(identifier: str, fields: Fields) -> str:
    return visible(f"[{identifier}] {read_person(identifier, fields).line}")
