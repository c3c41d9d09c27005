"""`watcher doctor`"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import click

from watcher.cli.config_discovery import used_place
from watcher.cli.context import load_settings
from watcher.cli.output import format_option, print_json
from watcher.core.errors import ConfigError
from watcher.daemon.log_setup import redact
from watcher.monitor import doctor
from watcher.monitor.doctor import Diagnosis, DiagnosisState
from watcher.render.safe_text import visible

_EXIT_CODES = {DiagnosisState.OK: 0, DiagnosisState.WARNING: 1, DiagnosisState.PROBLEM: 2}


@click.command("doctor")
@click.option("--network", is_flag=True, help="Also test whether the servers of the channels answer.")
@format_option("json")
@click.pass_obj
def command(config: Path, network: bool, format: str) -> None:
    """Diagnose this installation; change nothing.

    Versions, SQLite's mode, permissions of configuration, secrets and store, disk, clock, programs, the history
    itself, sources, channels. Exit code 0: ok; 1: warnings; 2: problems.

    \b
    Examples:
      watcher doctor
      watcher doctor --network --format json
    """
    diagnoses = list(_diagnose(config, network=network))
    worst = max((diagnosis.state for diagnosis in diagnoses), key=lambda state: _EXIT_CODES[state])
    if format == "json":
        rows = [
            {"area": diagnosis.area, "state": str(diagnosis.state), "message": redact(diagnosis.message)}
            for diagnosis in diagnoses
        ]
        print_json({"state": str(worst), "findings": rows})
    else:
        for diagnosis in diagnoses:
            click.echo(f"{diagnosis.state:<8} {diagnosis.area:<12} {redact(visible(diagnosis.message))}")
    if worst is not DiagnosisState.OK:
        raise click.exceptions.Exit(_EXIT_CODES[worst])


def _diagnose(config: Path, *, network: bool) -> Iterator[Diagnosis]:
    now = datetime.now(UTC)
    yield from doctor.diagnose_environment()
    try:
        settings = load_settings(config)
    except ConfigError as error:
        for problem in error.problems:
            yield Diagnosis(area="config", state=DiagnosisState.PROBLEM, message=problem)
        yield doctor.diagnose_clock(now)
        return
    yield Diagnosis(area="config", state=DiagnosisState.OK, message=f"{config}: valid (found by: {used_place().name})")
    yield from doctor.diagnose(settings, now, network=network)
