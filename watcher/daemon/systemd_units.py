"""The systemd units in systemd/, with the paths of this machine in place of the usual ones."""

from __future__ import annotations

import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from msgspec import Struct

from watcher.alerts.channels import create_channel
from watcher.config.channel_settings import CommandSettings, FileSettings
from watcher.config.settings import Settings
from watcher.core.errors import UsageError
from watcher.core.patterns import regex
from watcher.store.location import HistoryLocation

DAEMON = ("registry-watcher.service",)
WORKER = ("registry-watcher-worker.service",)
TIMER = ("registry-watcher-check.service", "registry-watcher-check.timer")
COMMAND = Path("/opt/registry-watcher/bin/watcher")
CONFIG = Path("/etc/registry-watcher/config.toml")
STATE = Path("/var/lib/registry-watcher")
FOLDER = Path("/etc/systemd/system")
_PACKAGE = Path(__file__).parents[1]
_PLAIN = regex(r"[A-Za-z0-9/._+@-]+")
_CREDENTIALS = regex(r"(#LoadCredential=.*\n)+")
# The folders that ProtectHome= and PrivateTmp= of the units hide.
_HIDDEN = (Path("/home"), Path("/root"), Path("/run/user"), Path("/tmp"), Path("/var/tmp"))  # noqa: S108


class Machine(Struct, frozen=True, kw_only=True):
    """The paths of one machine; `credentials` are the names of the secrets that systemd provides."""

    command: Path = COMMAND
    config: Path = CONFIG
    credentials: tuple[str, ...] = ()


def render_unit(name: str, machine: Machine) -> str:
    """Return the text of a unit for a machine. Raises UsageError for a path that a unit would have to quote."""
    for path in (machine.command, machine.config):
        if not _PLAIN.fullmatch(str(path)):
            raise UsageError(f"{path}: cannot be written into a unit: only letters, digits and . _ + @ - / are allowed")
    text = _read_shipped(name).replace(str(CONFIG), str(machine.config)).replace(str(COMMAND), str(machine.command))
    lines = "".join(f"LoadCredential={secret}:{machine.config.parent / secret}\n" for secret in machine.credentials)
    return _CREDENTIALS.sub(lambda _: lines, text) if lines else text


def _read_shipped(name: str) -> str:
    installed = _PACKAGE / "systemd" / name
    path = installed if installed.exists() else _PACKAGE.parent / "systemd" / name
    return path.read_text("utf-8")


def credential_names(settings: Settings) -> tuple[str, ...]:
    channels = [create_channel(channel, settings) for channel in settings.channel]
    secrets: list[str] = [secret for channel in channels for secret in channel.secrets().values()]
    secrets += settings.secret_urls().values()
    prefix = "credential:"
    return tuple(sorted({secret.removeprefix(prefix) for secret in secrets if secret.startswith(prefix)}))


def find_obstacles(machine: Machine, settings: Settings, interpreter: Path) -> Iterator[str]:
    """Yield what keeps the service from running, each with the way to mend it."""
    for program, path in (("the program", machine.command), ("the interpreter", interpreter)):
        if _hidden(path):
            yield f"{program} {path} is hidden from the service (homes and temporary folders are); install in /opt"
    if reason := explain_unreadable(machine.config):
        yield reason
    for place, path in settings.ca_files().items():
        if _hidden(path):
            yield f"{place}: {path} is hidden from the service; move it to {CONFIG.parent}"
    places: dict[str, HistoryLocation] = {"path": settings.store.location, "snapshots": settings.store.snapshots}
    for key, location in places.items():
        if isinstance(location, Path) and not location.is_relative_to(STATE):
            yield f'the service can write only to {STATE}; in [store] set {key} = "{STATE / location.name}"'
    yield from _find_channel_obstacles(settings)
    for name in machine.credentials:
        if not (machine.config.parent / name).exists():
            yield f"put the secret {name!r} into {machine.config.parent / name} (owner root, mode 600)"


def explain_unreadable(config: Path) -> str:
    """Return why the service cannot read a configuration; "" if it can."""
    if _hidden(config):
        return f"{config} is hidden from the service; move it to {CONFIG}"
    if not config.stat().st_mode & stat.S_IROTH:
        return f"the service runs as its own user and cannot read {config}; run chmod o+r (the file has no secrets)"
    return ""


def _find_channel_obstacles(settings: Settings) -> Iterator[str]:
    for channel in settings.channel:
        if isinstance(channel, FileSettings) and not (settings.folder / channel.path).is_relative_to(STATE):
            path = STATE / channel.path.name
            yield f'the service can write only to {STATE}; in channel {channel.name} set path = "{path}"'
        if isinstance(channel, CommandSettings) and _hidden(settings.folder / channel.command[0]):
            program = settings.folder / channel.command[0]
            yield f"channel {channel.name}: {program} is hidden from the service; move it to /usr/local or /opt"


def _hidden(path: Path) -> bool:
    return any(path.is_relative_to(folder) for folder in _HIDDEN)


def find_changed(names: Iterable[str], machine: Machine, folder: Path) -> list[str]:
    texts = {name: render_unit(name, machine) for name in names if (folder / name).exists()}
    return [name for name, text in texts.items() if (folder / name).read_text("utf-8", "replace") != text]
