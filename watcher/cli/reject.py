"""`watcher reject`"""

from __future__ import annotations

from pathlib import Path

import click

from watcher.cli.context import open_monitor
from watcher.cli.output import format_option, print_json
from watcher.monitor.deliver import deliver_all
from watcher.render import document


@click.command("reject")
@click.argument("source")
@click.argument("release", metavar="ID")
@click.option("--from-history", is_flag=True, help="Take a release out of the history.")
@format_option("json")
@click.pass_obj
def command(config: Path, source: str, release: str, from_history: bool, format: str) -> None:
    """Reject a held release, however often it is served again. Its snapshot stays in the archive.

    --from-history is for a release that should not have been accepted, or that changed settings cannot read. A snapshot
    that cannot be read or judged (`watcher verify`) is not tried again by `watcher rebuild`.

    ID is the id that `watcher held` or `watcher releases` shows, or the beginning of a snapshot's SHA-256. `watcher
    accept` undoes it. Exit code 2: there is no such release.

    \b
    Examples:
      watcher reject ports 3f2a90c1d7be
    """
    with open_monitor(config, create=False) as monitor:
        ingest = monitor.ingest(monitor.source(source))
        withdrawn = ingest.decisions.withdraw(release) if from_history else ingest.decisions.withdraw_refused(release)
        hold = None if withdrawn else ingest.decisions.reject(release)
        deliver_all(monitor)
    if hold is None and format == "json":
        print_json({"source": source, "withdrawn": withdrawn})
    elif hold is None:
        undo = f"; `watcher accept {source} {withdrawn}` takes it back" if from_history else ""
        click.echo(f"{source}: {withdrawn} is in no history; its snapshot stays in the archive{undo}")
    elif format == "json":
        print_json({"source": source, **document.hold_document(hold)})
    else:
        click.echo(f"{source}: {hold.id} is rejected; `watcher accept {source} {hold.id}` undoes it")
