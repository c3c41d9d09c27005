"""`watcher held`"""

from __future__ import annotations

from pathlib import Path

import click

from watcher.cli.output import columns, format_option, print_json, print_rows
from watcher.config.overview import load_overview
from watcher.core.operations import Hold, HoldState
from watcher.render import document
from watcher.store.store import Store

_COLUMNS = columns("source", "release", "published", "entries", "first_seen", "last_seen", "times", "state", "why")


@click.command("held")
@click.argument("source", required=False)
@click.option("--all", "all_states", is_flag=True, help="Include accepted, rejected and superseded releases.")
@format_option("json", "csv", "md")
@click.pass_obj
def command(config: Path, source: str | None, all_states: bool, format: str) -> None:
    """List held releases and why: of one source or of all.

    A held release is in the archive but not in the history, and only the operators were notified. Most holds are
    settled by the next checks (docs/held.md); `watcher accept` and `watcher reject` settle one by hand. Exit code 2:
    there is no such source.

    \b
    Examples:
      watcher held
      watcher held ports --all --format json
    """
    with Store(load_overview(config).history, create=False) as store:
        if source is not None:
            store.history.read_registry_id(source)  # raises UsageError for an unknown source
        holds = [hold for hold in store.holds.list_holds(source) if all_states or hold.state is HoldState.HELD]
    if format == "json":
        print_json({"held": [{"source": hold.source, **document.hold_document(hold)} for hold in holds]})
    else:
        print_rows([_row(hold) for hold in holds], _COLUMNS, format, empty="no held releases")


def _row(hold: Hold) -> dict[str, object]:
    why = "; ".join(reason.sentence for reason in hold.reasons)
    return {"source": hold.source, **document.hold_document(hold), "why": why}
