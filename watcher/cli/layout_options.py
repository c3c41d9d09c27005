"""The options of a command that reads files: one for each setting of a table's layout."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import click

from watcher.core.errors import UsageError
from watcher.core.tables import LAYOUT_HELP, Layout, find_layout_problems

_DEFAULTS = Layout()
_SWITCHES = {"header": "--header/--no-header", "ragged": "--ragged"}
_LISTS = {"columns": "NAME,NAME", "comment": "TEXT"}


def layout_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options to a command, which gets them by name."""
    for name in reversed(Layout.__struct_fields__):
        default = getattr(_DEFAULTS, name)
        help_text = f"Of a table: {LAYOUT_HELP[name]}."
        if name in _SWITCHES:
            option = click.option(_SWITCHES[name], name, is_flag=True, default=default, help=help_text)
        elif name in _LISTS:
            option = click.option(f"--{name}", multiple=True, metavar=_LISTS[name], help=help_text)
        else:
            kind = click.INT if isinstance(default, int) else click.STRING
            option = click.option(f"--{name}", type=kind, default=default, help=help_text)
        command = option(command)
    return command


def read_layout(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings that the options say; `\\t` is a tab. Raises UsageError."""
    settings: dict[str, Any] = dict(options)
    for name, value in options.items():
        if isinstance(value, str):
            settings[name] = value.replace("\\t", "\t")
    settings["columns"] = tuple([name for names in options["columns"] for name in names.split(",")])
    for problem in find_layout_problems(Layout(**settings)):
        raise UsageError(f"--{problem}")
    return settings
