"""`watcher systemd`"""

from __future__ import annotations

import difflib
import sys
import sysconfig
from pathlib import Path

import click

from watcher.cli.context import settings
from watcher.cli.output import App, pass_app
from watcher.core.errors import UsageError
from watcher.daemon import systemd_units
from watcher.daemon.systemd_units import Machine
from watcher.render.safe_text import visible


@click.group("systemd")
def command() -> None:
    """Run as a service: show the units, or write them for this machine."""


@command.command("show")
@click.option("--timer", is_flag=True, help="The oneshot service and its timer instead of the daemon.")
def show(timer: bool) -> None:
    """Print the units as they are shipped, with the usual paths."""
    for name in systemd_units.TIMER if timer else systemd_units.DAEMON:
        click.echo(systemd_units.unit(name, Machine()), nl=False)


@command.command("install")
@click.option("--timer", is_flag=True, help="A oneshot service and its timer instead of the daemon.")
@click.option("--dry-run", is_flag=True, help="Print what would be written; write nothing.")
@click.option("--force", is_flag=True, help="Overwrite a unit that is there in another text.")
@click.option(
    "--prefix",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("/"),
    show_default=True,
    help="A folder to write below, in place of the file system's root: for packages, or to look at it.",
)
@pass_app
def install(app: App, timer: bool, dry_run: bool, force: bool, prefix: Path) -> None:
    """Write the units with the paths of this machine, for the configuration given, and say what to do next.

    \b
    Examples:
      watcher --config /etc/registry-watcher/config.toml systemd install
      watcher --config /etc/registry-watcher/config.toml systemd install --timer --dry-run
    """
    configured = settings(app)
    machine = Machine(
        command=Path(sysconfig.get_path("scripts"), "watcher"),
        config=app.config.resolve(),
        credentials=systemd_units.credentials(configured),
    )
    names = systemd_units.TIMER if timer else systemd_units.DAEMON
    folder = prefix / systemd_units.FOLDER.relative_to("/")
    if not (force or dry_run) and (there := systemd_units.differing(names, machine, folder)):
        raise UsageError("\n".join(_refused(folder / name, machine) for name in there))
    for name in names:
        text = systemd_units.unit(name, machine)
        if dry_run:
            click.echo(f"# {folder / name}\n{text}")
        else:
            _write(folder / name, text)
    hindrances = list(systemd_units.hindrances(machine, configured, Path(sys.executable).resolve()))
    if hindrances:
        click.echo("\nbefore it can run:")
    for line in hindrances:
        click.echo(f"  {visible(line)}")
    click.echo(
        f"\nthen:\n  systemctl daemon-reload\n  systemctl enable --now {names[-1]}\n  systemctl status {names[-1]}"
    )


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        path.chmod(0o644)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from None
    click.echo(f"wrote {path}")


def _refused(path: Path, machine: Machine) -> str:
    """Say how a unit that is there differs from what would be written."""
    before, after = path.read_text("utf-8", "replace").splitlines(), systemd_units.unit(path.name, machine).splitlines()
    lines = difflib.unified_diff(before, after, "there", "new", n=0, lineterm="")
    return "\n".join(
        [
            f"{path} is there in another text; --force overwrites it (changes of yours belong into `systemctl edit`)",
            *map(visible, lines),
        ]
    )
