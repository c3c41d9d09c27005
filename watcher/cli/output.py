"""Options, their parsers, and printing, for all commands."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

import click

from watcher.core.clock import SystemClock
from watcher.core.errors import UsageError
from watcher.core.lazy import load
from watcher.core.model import Comparison
from watcher.core.port_ranges import parse_ports
from watcher.core.times import from_text, is_day, parse_day
from watcher.render import markdown, text
from watcher.render.csv import escape_cell
from watcher.render.json import dumps
from watcher.render.safe_text import visible

if TYPE_CHECKING:
    import csv
    import shutil

    from click._termui_impl import ProgressBar

    from watcher.core.event_details import EventDetails
    from watcher.reports.observation import Gap
else:
    csv, shutil = load("csv"), load("shutil")

SCHEMA = 1
Row = Mapping[str, Any]

_MAX_GAPS = 5
_PRINTED_TOGETHER = 200


def use_colour() -> bool:
    """Return whether to write colours: only to a terminal, and not if NO_COLOR is set (no-color.org)."""
    return sys.stdout.isatty() and "NO_COLOR" not in os.environ


def terminal_width() -> int | None:
    """Return the columns to wrap to; None if the output is not a terminal."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def print_comparison(
    comparison: Comparison, details: Sequence[EventDetails] = (), *, all_changes: bool = False
) -> None:
    click.echo(
        text.render_comparison(
            comparison, all=all_changes, width=terminal_width(), colour=use_colour(), details=details
        )
    )


def print_gaps(gaps: Sequence[Gap]) -> None:
    """Print the newest gaps in observation, one line each, after an empty line; nothing if there are none."""
    if not gaps:
        return
    click.echo()
    for gap in gaps[-_MAX_GAPS:]:
        source = visible(gap.source)
        if gap.until is None:
            click.echo(f"no successful check of {source} since {gap.since}")
            continue
        hours = (from_text(gap.until) - from_text(gap.since)).total_seconds() / 3600
        duration = f"{hours / 24:.0f} days" if hours >= 48 else f"{hours:.0f} hours"
        click.echo(f"no successful check of {source} between {gap.since} and {gap.until} ({duration})")
    if len(gaps) > _MAX_GAPS:
        click.echo(f"{len(gaps) - _MAX_GAPS} earlier gaps (--format json lists them)")


def print_json_list(name: str, documents: Iterable[Mapping[str, Any]], rest: Callable[[], Mapping[str, Any]]) -> None:
    """Print as `print_json` does {name: documents, **rest()}, each document as soon as there is one."""
    ascii_only = _is_ascii_only()

    def lines() -> Iterator[str]:
        begin = f'{{\n  "schema": {SCHEMA},\n  "{name}": ['
        for document in documents:
            # A text in JSON has no line feed, so each is one of the indent.
            yield begin + "\n    " + dumps(document, indent=2, ascii_only=ascii_only).replace("\n", "\n    ")
            begin = ","
        yield f"{begin}]," if begin != "," else "\n  ],"
        yield dumps(rest(), indent=2, ascii_only=ascii_only)[1:]

    _print_in_parts(lines(), end="")
    click.echo()


def _print_in_parts(texts: Iterable[str], end: str = "\n") -> None:
    """Print texts, many together, because each is flushed."""
    rest = iter(texts)
    while part := [*islice(rest, _PRINTED_TOGETHER)]:
        click.echo("".join([f"{text}{end}" for text in part]), nl=False)


def _is_ascii_only() -> bool:
    """Return whether the encoding of the output lacks characters. `->` in place of an arrow would be other data."""
    return (sys.stdout.encoding or "utf-8").lower() != "utf-8"


def print_json(document: Mapping[str, Any]) -> None:
    click.echo(dumps({"schema": SCHEMA, **document}, indent=2, ascii_only=_is_ascii_only()))


def columns(*keys: str) -> dict[str, str]:
    """Return the columns of a table, key → heading: `last_check` is headed LAST CHECK."""
    return {key: key.replace("_", " ").upper() for key in keys}


def print_rows(
    rows: Iterable[Row],
    columns: Mapping[str, str],
    format: str,
    *,
    empty: str = "",
    widest: Iterable[Row] | None = None,
) -> None:
    """Print rows as a table, CSV or Markdown. `columns`: key → heading; `empty`: text for no rows.

    With `widest` each row is printed as soon as there is one; these rows have every text of all columns but the last.
    """
    if widest is None:
        widest = rows = [*rows]
        empty = "" if rows else empty
    if empty and format == "text":
        click.echo(empty)
        return
    cells = ([_cell(row.get(key)) for key in columns] for row in rows)
    if format == "csv":
        _print_in_parts(map(_csv_line, chain([columns], (map(escape_cell, line) for line in cells))), end="")
    elif format == "md":
        lines = chain([columns.values(), ["---"] * len(columns)], (map(markdown.escape, line) for line in cells))
        _print_in_parts(f"| {' | '.join(line)} |" for line in lines)
    else:
        shown = [[visible(_cell(row.get(key))) for key in columns] for row in widest]
        _print_in_parts(text.table_lines(cells, [*columns.values()], shown, width=terminal_width()))


def _csv_line(cells: Iterable[str]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow(cells)
    return out.getvalue()


def _cell(value: object) -> str:
    if value is None:
        return ""
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def progress_bar(length: int, label: str, *, hidden: bool = False) -> AbstractContextManager[ProgressBar[int]]:
    return click.progressbar(length=length, label=label, file=sys.stderr, hidden=hidden)


@contextmanager
def lazy_progress(label: str) -> Iterator[Callable[[int, int], None] | None]:
    """Yield a function for the steps done and their total, which opens a progress bar at the first call.

    Yields None if standard error is not a terminal.
    """
    if not sys.stderr.isatty():
        yield None
        return
    with ExitStack() as stack:
        bars: list[ProgressBar[int]] = []

        def show_progress(done: int, total: int) -> None:
            if not bars:
                bars.append(stack.enter_context(progress_bar(max(total, 1), label)))
            bars[0].length = max(total, 1)
            bars[0].update(done - bars[0].pos)

        yield show_progress


def format_option(*choices: str) -> Callable[[click.decorators.FC], click.decorators.FC]:
    return click.option(
        "--format",
        "format",
        type=click.Choice(["text", *choices]),
        default="text",
        show_default=True,
        help="Output format.",
    )


def option_parser(parse: Callable[[str], Any]) -> Callable[[click.Context, click.Parameter, Any], Any]:
    """Return the callback of an option whose value `parse` reads; of a repeated one it reads every value.

    Raises BadParameter in place of ValueError.
    """

    def read_option(_context: click.Context, _parameter: click.Parameter, value: str | tuple[str, ...] | None) -> Any:
        try:
            if isinstance(value, tuple):
                return tuple(map(parse, value))
            return None if value is None else parse(value)
        except ValueError as error:
            raise click.BadParameter(str(error)) from None

    return read_option


def _parse_day(text: str, *, last: bool) -> str:
    return parse_day(text, SystemClock().now(), last=last)


parse_date = option_parser(partial(_parse_day, last=False))  # the first day of a month
parse_last_date = option_parser(partial(_parse_day, last=True))
parse_port = option_parser(parse_ports)


def parse_release(reference: str) -> str:
    """Return how the history names a release: a date as its day, anything else as it is. Raises BadParameter."""
    try:
        return _parse_day(reference, last=True) if is_day(reference) else reference
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def require(condition: object, message: str) -> None:
    if not condition:
        raise UsageError(message)
