"""`watcher ack`"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import click

from watcher.cli.output import format_option, print_json, require
from watcher.config.overview import load_overview
from watcher.core.errors import UsageError
from watcher.core.operations import Acknowledgement
from watcher.core.times import to_text
from watcher.render.document import event_document
from watcher.render.safe_text import visible
from watcher.reports.attention import SHORT_FINGERPRINT
from watcher.store.event_query import EventQuery
from watcher.store.history_rows import StoredEvent
from watcher.store.store import Store

_SHORTEST = 8  # characters of an id
_LONGEST_NOTE = 2_000


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
    require(not note or len(note) <= _LONGEST_NOTE, f"a note has at most {_LONGEST_NOTE:,} characters")
    overview = load_overview(config)
    with Store(overview.history, create=False) as store:
        events = [event for identifier in ids for event in find_event(store, identifier)]
        at = to_text(datetime.now(UTC))
        with store.transaction():
            if remove:
                store.acknowledgements.remove((event.source, event.event.fingerprint) for event in events)
            else:
                store.acknowledgements.record(
                    Acknowledgement(
                        source=event.source, fingerprint=event.event.fingerprint, note=str(note).strip(), at=at
                    )
                    for event in events
                )
    if format == "json":
        decided = {} if remove else {"acknowledged": {"note": str(note).strip(), "at": at}}
        print_json({"events": [{"source": each.source, **event_document(each.event), **decided} for each in events]})
        return
    for line in _lines(events, done="no longer acknowledged" if remove else "acknowledged"):
        click.echo(line)


def find_event(store: Store, identifier: str) -> Sequence[StoredEvent]:
    """Return the event of an id, once for each time that it happened. Raises UsageError."""
    prefix = identifier.strip().lower()
    if len(prefix) < _SHORTEST:
        raise UsageError(f"{identifier!r} is too short for the id of an event: give at least {_SHORTEST} characters")
    events = store.history.events.find(EventQuery(fingerprint=prefix))
    if not events:
        raise UsageError(f"no event has the id {identifier!r}; `watcher history --ids` shows them")
    if len(fingerprints := {event.event.fingerprint for event in events}) > 1:
        raise UsageError(f"{identifier!r} is the beginning of {len(fingerprints)} ids; give more of it")
    return events


def _lines(events: Sequence[StoredEvent], *, done: str) -> Iterator[str]:
    for event in events:
        short = event.event.fingerprint[:SHORT_FINGERPRINT]
        when = event.release.release.when
        yield visible(f"{short} {done}: {event.source} {when}  {event.event.id}  {event.event.summary}")
