"""The options of a command that reads files: one for each setting of a table's layout."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

import click

from watcher.core.errors import UsageError
from watcher.core.tables import LAYOUT_HELP, Layout, find_layout_problems

_SWITCHES = {"header": "--header/--no-header", "ragged": "--ragged"}
_LISTS = {"columns": "NAME,NAME", "comment": "TEXT"}


def layout_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options to a command, which gets them by name."""
    for field in reversed(fields(Layout)):
        text = LAYOUT_HELP[field.name]
        help_text = f"Of a table: {text}."
        if field.name in _SWITCHES:
            option = click.option(
                _SWITCHES[field.name], field.name, is_flag=True, default=field.default, help=help_text
            )
        elif field.name in _LISTS:
            option = click.option(f"--{field.name}", multiple=True, metavar=_LISTS[field.name], help=help_text)
        else:
            kind = click.INT if isinstance(field.default, int) else click.STRING
            option = click.option(f"--{field.name}", type=kind, default=field.default, help=help_text)
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
