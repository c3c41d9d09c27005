"""`watcher held`"""

from __future__ import annotations

import click

from watcher.cli.output import App, format_option, pass_app, print_json, print_rows
from watcher.config.overview import load_overview
from watcher.core.operations import Hold, HoldState
from watcher.render import document
from watcher.store.store import Store

_COLUMNS = {
    "source": "SOURCE",
    "release": "RELEASE",
    "published": "PUBLISHED",
    "entries": "ENTRIES",
    "first_seen": "FIRST SEEN",
    "last_seen": "LAST SEEN",
    "times": "TIMES",
    "state": "STATE",
    "why": "WHY",
}


@click.command("held")
@click.argument("source", required=False)
@click.option("--all", "all_", is_flag=True, help="Also what was accepted, rejected or superseded.")
@format_option("json", "csv", "md")
@pass_app
def command(app: App, source: str | None, all_: bool, format: str) -> None:
    """Releases that were served and are not believed, and why; of one source or of all.

    They are kept, and nobody but the operator was told of them. Most are settled by the next checks (docs/held.md);
    `watcher accept` and `watcher reject` settle one by hand. Exit code 2: there is no such source.

    \b
    Examples:
      watcher held
      watcher held ports --all --format json
    """
    with Store(load_overview(app.config).history, create=False) as store:
        if source is not None:
            store.history.read_registry_id(source)  # says which sources there are where this is none
        found = [hold for hold in store.holds.list_holds(source) if all_ or hold.state is HoldState.HELD]
    if format == "json":
        print_json({"held": [{"source": hold.source, **document.hold_document(hold)} for hold in found]})
    elif found or format != "text":
        print_rows([_row(hold) for hold in found], _COLUMNS, format)
    else:
        click.echo("nothing is held")


def _row(hold: Hold) -> dict[str, object]:
    why = "; ".join(reason.sentence for reason in hold.reasons)
    return {"source": hold.source, **document.hold_document(hold), "why": why}
