"""`watcher export`"""

from __future__ import annotations

from pathlib import Path

import click

from watcher.cli.output import parse_date, parse_release, require
from watcher.cli.output_files import make_archive, write_folder, write_output
from watcher.config.overview import load_overview
from watcher.render.exports import EXPORTS
from watcher.render.exports.base import ExportOptions, RenderedExport, count_reasons
from watcher.render.safe_text import visible
from watcher.reports.export import EARLIEST, render_export
from watcher.store.store import Store

_ARCHIVE = ".tar"


def _list_formats() -> str:
    return "\n".join(f"  {name:<14}{export.summary}" for name, export in EXPORTS.items())


@click.command(
    "export",
    help=f"""Write a release of a source in a format that other programs read.

A release is named as in `watcher diff`: by a date, an id or the beginning of its SHA-256. The output depends on the
release alone, so the same command gives the same bytes on any day. What a format cannot express is left out and counted
on standard error with the reason. docs/exports.md has the rules and the limits of each format.

\b
Formats:
{_list_formats()}

\b
Examples:
  watcher export ports --to services > services
  watcher export ports --at 2023-12-27 --to services --aliases-since 2017-01-01 --out /etc/services
  watcher export ports --to csv --out ports.csv
  watcher export iana.tls-parameters --registry tls-parameters-4 --to json
""",
)
@click.argument("source")
@click.option("--to", "format", type=click.Choice([*EXPORTS]), metavar="FORMAT", required=True, help="One of the list.")
@click.option("--at", metavar="RELEASE", default="latest", help="The release: a date, an id, … [default: the newest].")
@click.option("--from", "start", metavar="RELEASE", help="Of a format for a difference: the older release.")
@click.option("--registry", default="", metavar="PATH", help="Only this registry of the group, and those below it.")
@click.option(
    "--aliases-since",
    callback=parse_date,
    metavar="DATE",
    help="With the names that entries had after this day and lost since, as aliases.",
)
@click.option("--omitted", is_flag=True, help="List what the format cannot express, with the reason, as comments.")
@click.option("--raw", is_flag=True, help="CSV, daff: do not quote cells that a spreadsheet would run as a formula.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write this file in one step; a format of many files: a folder, or an archive NAME.tar.",
)
@click.pass_obj
def command(
    config: Path,
    /,
    source: str,
    format: str,
    at: str,
    start: str | None,
    registry: str,
    aliases_since: str | None,
    omitted: bool,
    raw: bool,
    out: Path | None,
) -> None:
    export = EXPORTS[format]
    require(export.between == (start is not None), f"{format}: {'give' if export.between else 'has no'} --from RELEASE")
    since = aliases_since or (EARLIEST if export.keeps_old_names else None)
    with Store(load_overview(config).history, create=False) as store:
        rendered = render_export(
            store.history,
            source,
            format,
            [parse_release(reference) for reference in (start, at) if reference is not None],
            ExportOptions(raw=raw, list_omissions=omitted),
            registry=registry,
            names_since=since,
        )
    _write(rendered, out, many_files=export.many_files)
    _report_omissions(rendered, format, listed=omitted)


def _write(rendered: RenderedExport, out: Path | None, *, many_files: bool) -> None:
    # A surrogate that a JSON document escaped has no encoding; `visible` leaves none in any other format.
    files = {name: text.encode("utf-8", "replace") for name, text in rendered.files.items()}
    if not many_files:
        write_output(files[""], out)
    elif out is None or out.suffix == _ARCHIVE:
        write_output(make_archive(files), out)
    elif others := write_folder(files, out):
        number = "1 other file in the folder is" if others == 1 else f"{others:,} other files in the folder are"
        click.echo(f"watcher: {out}: {number} no part of this export", err=True)


def _report_omissions(rendered: RenderedExport, format: str, *, listed: bool) -> None:
    """Print how many entries and old names were left out or written in part, by reason."""
    hint = "" if listed else "; --omitted lists them"
    for words, omissions in (
        ("left out", rendered.omissions),
        ("written in part", rendered.limited),
        ("old names left out", rendered.lost_names),
    ):
        if omissions:
            reasons = ", ".join(count_reasons(omissions))
            text = f"{format}: {rendered.written:,} entries written, {len(omissions):,} {words}: {reasons}{hint}"
            click.echo(f"watcher: {visible(text)}", err=True)
