"""Find the configuration: the places where it may be, the first of which is used."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import click
from msgspec import Struct

VARIABLE = "WATCHER_CONFIG"
HERE = Path("config.toml")
SYSTEM = Path("/etc/registry-watcher/config.toml")
_KEY = f"{__name__}.choice"


class ConfigPlace(Struct, frozen=True, kw_only=True):
    """One place: what it is called, and its file, None if nothing names one. `is_named`: used even if it is missing."""

    name: str
    path: Path | None
    is_named: bool = False

    @property
    def has_file(self) -> bool:
        return self.path is not None and os.path.lexists(self.path)


def list_places(option: Path | None) -> tuple[ConfigPlace, ...]:
    """Return the places in the order in which they are tried; `option` is the value of --config."""
    variable = os.environ.get(VARIABLE)
    return (
        ConfigPlace(name="--config", path=option, is_named=True),
        ConfigPlace(name=f"${VARIABLE}", path=Path(variable) if variable else None, is_named=True),
        ConfigPlace(name="the current folder", path=HERE),
        ConfigPlace(name="the user's configuration", path=next(_list_user_files(), None)),
        ConfigPlace(name="this machine", path=SYSTEM),
    )


def choose_place(places: tuple[ConfigPlace, ...]) -> ConfigPlace:
    """Return the first place that is named or has a file; without one, the current folder."""
    for place in places:
        if (place.is_named and place.path is not None) or place.has_file:
            return place
    return next(place for place in places if place.path == HERE)


def use_configuration(context: click.Context, option: Path | None) -> None:
    """Make the path of the configuration the object of a context, and keep why it was chosen."""
    place = choose_place(list_places(option))
    context.meta[_KEY] = place
    context.obj = place.path


def used_place() -> ConfigPlace:
    """Return the place of the configuration that the running command uses."""
    place: ConfigPlace = click.get_current_context().meta[_KEY]
    return place


def _list_user_files() -> Iterator[Path]:
    base = os.environ.get("XDG_CONFIG_HOME", "")
    if not Path(base).is_absolute():  # a relative path is to be ignored (XDG Base Directory Specification)
        home = os.path.expanduser("~")  # noqa: PTH111 - Path.home() raises where nobody has a home
        base = os.path.join(home, ".config") if os.path.isabs(home) else ""  # noqa: PTH117, PTH118
    if base:
        yield Path(base, "registry-watcher", "config.toml")
