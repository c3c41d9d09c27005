"""`watcher ack`"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import click

from watcher.cli.output import format_option, print_json, require
from watcher.config.overview import load_overview
from watcher.core.times import to_text
from watcher.monitor.acknowledgement import LONGEST_NOTE, acknowledge, find_event, remove_acknowledgement
from watcher.render.document import event_document
from watcher.render.safe_text import visible
from watcher.reports.attention import SHORT_FINGERPRINT
from watcher.store.history_rows import StoredEvent
from watcher.store.store import Store


@click.command("ack")
@click.argument("ids", metavar="EVENT...", nargs=-1, required=True)
@click.option("--note", metavar="TEXT", help="What was decided or done about it.")
@click.option("--remove", is_flag=True, help="Take the acknowledgement back.")
@format_option("json")
@click.pass_obj
def command(config: Path, ids: tuple[str, ...], note: str | None, remove: bool, format: str) -> None:
    """Acknowledge events with a note, which `history`, `show` and JSON then have.

    EVENT is the id that `watcher history --ids` shows: a fingerprint or its first 8 characters or more. The note
    belongs to the event as such: it stays when the history is rebuilt.

    \b
    Examples:
      watcher history --since 7d --ids
      watcher ack 3f2a9c01d5e7 --note 'firewall rule 1201 was changed'
      watcher ack 3f2a9c01d5e7 --remove
    """
    require(remove != bool(note and note.strip()), "give --note TEXT, or --remove")
    require(not note or len(note) <= LONGEST_NOTE, f"a note has at most {LONGEST_NOTE:,} characters")
    overview = load_overview(config)
    with Store(overview.history, create=False) as store:
        events = [event for identifier in ids for event in find_event(store, identifier)]
        at = to_text(datetime.now(UTC))
        if remove:
            remove_acknowledgement(store, events)
        else:
            acknowledge(store, events, str(note), at)
    if format == "json":
        decided = {} if remove else {"acknowledged": {"note": str(note).strip(), "at": at}}
        print_json({"events": [{"source": event.source, **event_document(event.event), **decided} for event in events]})
        return
    for line in _lines(events, done="no longer acknowledged" if remove else "acknowledged"):
        click.echo(line)


def _lines(events: Sequence[StoredEvent], *, done: str) -> Iterator[str]:
    for event in events:
        short = event.event.fingerprint[:SHORT_FINGERPRINT]
        when = event.release.release.when
        yield visible(f"{short} {done}: {event.source} {when}  {event.event.id}  {event.event.summary}")
