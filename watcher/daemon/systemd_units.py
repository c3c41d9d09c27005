"""The systemd units as shipped, with the paths of a machine in place of the usual ones.

The files in systemd/ are the only text: they hold the usual paths, and what differs is replaced in them.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from watcher.alerts.channels import create_channel
from watcher.config.settings import Settings
from watcher.config.value_types import SecretRef
from watcher.core.errors import UsageError

DAEMON = ("registry-watcher.service",)
TIMER = ("registry-watcher-check.service", "registry-watcher-check.timer")
COMMAND = Path("/opt/registry-watcher/bin/watcher")
CONFIG = Path("/etc/registry-watcher/config.toml")
STATE = Path("/var/lib/registry-watcher")
FOLDER = Path("/etc/systemd/system")
_PACKAGE = Path(__file__).parents[1]
_PLAIN = re.compile(r"[A-Za-z0-9/._+@-]+")
_CREDENTIALS = re.compile(r"(#LoadCredential=.*\n)+")
# What ProtectHome= and PrivateTmp= of the units hide.
_HIDDEN = (Path("/home"), Path("/root"), Path("/run/user"), Path("/tmp"), Path("/var/tmp"))  # noqa: S108


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """Where things are. `credentials` are the names of the secrets that the configuration takes from systemd."""

    command: Path = COMMAND
    config: Path = CONFIG
    credentials: tuple[str, ...] = ()


def unit(name: str, machine: Machine) -> str:
    """Return the text of a unit for a machine. Raises UsageError for a path that would have to be quoted."""
    for path in (machine.command, machine.config):
        if not _PLAIN.fullmatch(str(path)):
            raise UsageError(f"{path}: a path in a unit is of letters, digits and . _ + @ - here")
    text = _shipped(name).replace(str(CONFIG), str(machine.config)).replace(str(COMMAND), str(machine.command))
    lines = "".join(f"LoadCredential={each}:{machine.config.parent / each}\n" for each in machine.credentials)
    return _CREDENTIALS.sub(lambda _: lines, text) if lines else text


def _shipped(name: str) -> str:
    """Beside the package when installed, else in the checkout."""
    installed = _PACKAGE / "systemd" / name
    path = installed if installed.exists() else _PACKAGE.parent / "systemd" / name
    return path.read_text("utf-8")


def credentials(settings: Settings) -> tuple[str, ...]:
    """Return the names of the secrets that a configuration takes from systemd."""
    channels = [create_channel(channel, settings) for channel in settings.channel]
    secrets = [secret for channel in channels for secret in channel.secrets().values()]
    return tuple(sorted({name for name in map(_credential, secrets) if name}))


def _credential(secret: SecretRef) -> str:
    return secret.removeprefix("credential:") if secret.startswith("credential:") else ""


def hindrances(machine: Machine, settings: Settings, interpreter: Path) -> Iterator[str]:
    """Say what is to be mended before the service can run: each a line that says how."""
    for what, path in (("the program", machine.command), ("the interpreter", interpreter)):
        if _hidden(path):
            yield f"{what} {path} is hidden from the service, which sees no home or temporary folder; install in /opt"
    if config := unreadable(machine.config):
        yield config
    for key, path in (("path", settings.store.path), ("snapshots", settings.store.snapshots)):
        if not path.is_relative_to(STATE):
            yield f'the service can write to {STATE} alone; in [store] write {key} = "{STATE / path.name}"'
    for name in machine.credentials:
        if not (machine.config.parent / name).exists():
            yield f"put the secret {name!r} into {machine.config.parent / name} (root's, mode 600)"


def unreadable(config: Path) -> str:
    """Say why the service cannot read a configuration; "" where it can."""
    if _hidden(config):
        return f"{config} is hidden from the service; move it to {CONFIG}"
    if not config.stat().st_mode & stat.S_IROTH:
        return f"the service runs as a user of its own and cannot read {config}; chmod o+r it (no secret is in it)"
    return ""


def _hidden(path: Path) -> bool:
    return any(path.is_relative_to(each) for each in _HIDDEN)


def differing(names: Iterable[str], machine: Machine, folder: Path) -> list[str]:
    """Return those of the units that stand in a folder in another text."""
    found = []
    for name in names:
        path = folder / name
        if path.exists() and path.read_text("utf-8", "replace") != unit(name, machine):
            found.append(name)
    return found
