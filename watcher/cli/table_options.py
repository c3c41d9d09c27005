"""The options of a command that reads files as plain tables: what their columns mean, and their layout."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import click

from watcher.core.errors import UsageError
from watcher.core.read_settings import ReadSettings
from watcher.core.tables import LAYOUT_HELP, Layout, find_layout_problems

_DEFAULTS = Layout()
_SWITCHES = {"header": "--header/--no-header", "ragged": "--ragged"}
_LISTS = {"columns": "NAME,NAME", "comment": "TEXT"}
_COLUMNS = {
    "key": "A key column of a plain table; may be repeated.",
    "title": "A column that names the rows of a plain table.",
    "ignore": "A column of a plain table whose change is no event.",
}


def table_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options to a command, which gets them by name."""
    command = _add_layout_options(command)
    for name, help_text in reversed(_COLUMNS.items()):
        command = click.option(f"--{name}", multiple=True, metavar="COLUMN", help=help_text)(command)
    return command


def _add_layout_options(command: Callable[..., Any]) -> Callable[..., Any]:
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


def read_table_settings(options: Mapping[str, Any]) -> ReadSettings:
    """Return the settings that the options say; `\\t` is a tab. Raises UsageError."""
    columns = {name: options[name] for name in _COLUMNS}
    layout: dict[str, Any] = {
        name: value.replace("\\t", "\t") if isinstance(value, str) else value
        for name, value in options.items()
        if name not in _COLUMNS
    }
    layout["columns"] = tuple([name for names in options["columns"] for name in names.split(",")])
    for problem in find_layout_problems(Layout(**layout)):
        raise UsageError(f"--{problem}")
    return ReadSettings(**columns, **layout)
