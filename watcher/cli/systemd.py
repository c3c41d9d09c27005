"""`watcher systemd`"""

from __future__ import annotations

import difflib
import sys
import sysconfig
from pathlib import Path

import click

from watcher.cli.context import load_settings
from watcher.core.errors import UsageError
from watcher.daemon import systemd_units
from watcher.daemon.systemd_units import Machine
from watcher.render.safe_text import visible


@click.group("systemd")
def command() -> None:
    """Run as a systemd service: print the units, or install them."""


@command.command("show")
@click.option("--timer", is_flag=True, help="A oneshot service with a timer instead of the daemon.")
@click.option("--worker", is_flag=True, help="One of several workers instead of the daemon.")
def show(timer: bool, worker: bool) -> None:
    """Print the units with the default paths."""
    for name in _choose_units(timer=timer, worker=worker):
        click.echo(systemd_units.render_unit(name, Machine()), nl=False)


@command.command("install")
@click.option("--timer", is_flag=True, help="A oneshot service with a timer instead of the daemon.")
@click.option("--worker", is_flag=True, help="One of several workers instead of the daemon.")
@click.option("--dry-run", is_flag=True, help="Print the units; write nothing.")
@click.option("--force", is_flag=True, help="Overwrite a unit that differs.")
@click.option(
    "--prefix",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("/"),
    show_default=True,
    help="Write below this folder instead of the root of the file system, for packages.",
)
@click.pass_obj
def install(config: Path, timer: bool, worker: bool, dry_run: bool, force: bool, prefix: Path) -> None:
    """Write the units with the paths of this machine and of --config, and print what to do next.

    \b
    Examples:
      watcher --config /etc/registry-watcher/config.toml systemd install
      watcher --config /etc/registry-watcher/config.toml systemd install --timer --dry-run
    """
    names = _choose_units(timer=timer, worker=worker)
    settings = load_settings(config)
    machine = Machine(
        command=Path(sysconfig.get_path("scripts"), "watcher"),
        config=config.resolve(),
        credentials=systemd_units.credential_names(settings),
    )
    folder = prefix / systemd_units.FOLDER.relative_to("/")
    if not (force or dry_run) and (differing := systemd_units.find_changed(names, machine, folder)):
        raise UsageError("\n".join(_difference(folder / name, machine) for name in differing))
    for name in names:
        text = systemd_units.render_unit(name, machine)
        if dry_run:
            click.echo(f"# {folder / name}\n{text}")
        else:
            _write(folder / name, text)
    obstacles = list(systemd_units.find_obstacles(machine, settings, Path(sys.executable).resolve()))
    if obstacles:
        click.echo("\nbefore you start it:")
    for line in obstacles:
        click.echo(f"  {visible(line)}")
    click.echo(
        f"\nthen:\n  systemctl daemon-reload\n  systemctl enable --now {names[-1]}\n  systemctl status {names[-1]}"
    )


def _choose_units(*, timer: bool, worker: bool) -> tuple[str, ...]:
    if timer and worker:
        raise UsageError("--timer and --worker cannot be combined; a worker has a schedule of its own")
    return systemd_units.TIMER if timer else systemd_units.WORKER if worker else systemd_units.DAEMON


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        path.chmod(0o644)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from None
    click.echo(f"wrote {path}")


def _difference(path: Path, machine: Machine) -> str:
    installed = path.read_text("utf-8", "replace").splitlines()
    new = systemd_units.render_unit(path.name, machine).splitlines()
    lines = difflib.unified_diff(installed, new, "installed", "new", n=0, lineterm="")
    return "\n".join(
        [
            f"{path} exists and differs; --force overwrites it (keep your own changes in `systemctl edit`)",
            *map(visible, lines),
        ]
    )
