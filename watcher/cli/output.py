"""What all commands share: the configuration, the parts, and how to print."""

from __future__ import annotations

import csv
import io
import os
import re
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from watcher.core.errors import UsageError
from watcher.core.port_ranges import parse_ports
from watcher.render.json import dumps
from watcher.render.safe_text import visible
from watcher.render.text import render_table

SCHEMA = 1
Row = Mapping[str, Any]

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


class App:
    """The state of one call of the command line: where the configuration is."""

    def __init__(self, config: Path) -> None:
        self.config = config


def colour() -> bool:
    """Whether to write colours: only to a terminal, and not where the user says no (no-color.org)."""
    return sys.stdout.isatty() and "NO_COLOR" not in os.environ


def width() -> int | None:
    """Columns to wrap to; None where the output is no terminal."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def print_json(document: Mapping[str, Any]) -> None:
    """Print a document of the JSON contract."""
    click.echo(dumps({"schema": SCHEMA, **document}, indent=2))


def print_rows(rows: Sequence[Row], columns: Mapping[str, str], format: str) -> None:
    """Print rows as a table for people, as CSV or as Markdown; `columns` maps a row's key to its heading."""
    cells = [[_cell(row.get(key)) for key in columns] for row in rows]
    if format == "csv":
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([[_safe(cell) for cell in line] for line in cells])
        click.echo(out.getvalue(), nl=False)
    elif format == "md":
        for line in (list(columns.values()), ["---"] * len(columns), *cells):
            click.echo(
                "| " + " | ".join(visible(cell).replace("|", "\\|").replace("<", "&lt;") for cell in line) + " |"
            )
    else:
        click.echo(render_table(cells, list(columns.values()), width=width()))


def _cell(value: object) -> str:
    if value is None:
        return ""
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def _safe(cell: str) -> str:
    """A spreadsheet takes a leading `=`, `+`, `-`, `@`, tab or CR for a formula (OWASP, CSV injection)."""
    return "'" + cell if cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell


def format_option(*choices: str) -> Callable[[click.decorators.FC], click.decorators.FC]:
    """The `--format` option."""
    return click.option(
        "--format",
        "format",
        type=click.Choice(["text", *choices]),
        default="text",
        show_default=True,
        help="How to print it.",
    )


def date(ctx: click.Context, parameter: click.Parameter, value: str | None) -> str | None:  # noqa: ARG001 - click's shape
    """Check an option that takes a date."""
    if value is not None and not _DATE.fullmatch(value):
        raise click.BadParameter(f"{value!r} is not a date (YYYY-MM-DD)")
    return value


def port(ctx: click.Context, parameter: click.Parameter, value: str | None) -> tuple[int, int] | None:  # noqa: ARG001
    """Check an option that takes a port or a range of ports."""
    if value is None:
        return None
    try:
        return parse_ports(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def need(condition: object, message: str) -> None:
    """Raise UsageError where something that the user has to give is missing."""
    if not condition:
        raise UsageError(message)


pass_app = click.make_pass_decorator(App)
