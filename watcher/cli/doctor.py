"""`watcher doctor`"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import click

from watcher.cli.context import settings
from watcher.cli.output import App, format_option, pass_app, print_json
from watcher.core.errors import ConfigError
from watcher.daemon.log_setup import redacted
from watcher.monitor import doctor
from watcher.monitor.doctor import Diagnosis, DiagnosisState
from watcher.render.safe_text import visible

_CODES = {DiagnosisState.OK: 0, DiagnosisState.WARNING: 1, DiagnosisState.PROBLEM: 2}


@click.command("doctor")
@click.option("--network", is_flag=True, help="Also look whether the channels' servers answer.")
@format_option("json")
@pass_app
def command(app: App, network: bool, format: str) -> None:
    """Look at everything that the watcher stands on, and change nothing.

    Versions, SQLite's mode, permissions of configuration, secrets and store, disk, clock, programs, the history
    itself, sources, channels. Exit code 0: all is well; 1: something deserves a look; 2: something does not work.

    \b
    Examples:
      watcher doctor
      watcher doctor --network --format json
    """
    found = list(_findings(app, network=network))
    worst = max((each.state for each in found), key=lambda state: _CODES[state])
    if format == "json":
        rows = [{"area": each.area, "state": str(each.state), "message": redacted(each.message)} for each in found]
        print_json({"state": str(worst), "findings": rows})
    else:
        for each in found:
            click.echo(f"{each.state:<8} {each.area:<12} {redacted(visible(each.message))}")
    if worst is not DiagnosisState.OK:
        raise click.exceptions.Exit(_CODES[worst])


def _findings(app: App, *, network: bool) -> Iterator[Diagnosis]:
    now = datetime.now(UTC)
    yield from doctor.environment()
    try:
        configured = settings(app)
    except ConfigError as error:
        yield from (
            Diagnosis(area="config", state=DiagnosisState.PROBLEM, message=problem) for problem in error.problems
        )
        yield doctor.clock(now)
        return
    yield Diagnosis(area="config", state=DiagnosisState.OK, message=f"{app.config}: good")
    yield from doctor.examine(configured, now, network=network)
