"""`watcher plot`"""

from __future__ import annotations

import re
from pathlib import Path

import click

from watcher.cli.output import option_parser, parse_date, parse_last_date, require
from watcher.cli.output_files import write_output
from watcher.config.overview import load_overview
from watcher.core.patterns import regex
from watcher.core.suggestions import PROTOCOLS
from watcher.render.plots import PlotSize
from watcher.reports.plots import PLOTS, PlotRequest
from watcher.store.store import Store

_SIZE = regex(r"(\d{1,4})x(\d{1,4})", re.ASCII)


def _parse_size(text: str) -> PlotSize:
    match = _SIZE.fullmatch(text)
    if not match:
        raise ValueError(f"{text!r} is not a size in pixels (960x400)")
    return PlotSize(width=int(match[1]), height=int(match[2]))


def _list_kinds() -> str:
    return "\n".join(f"  {name:<13}{kind.summary}" for name, kind in PLOTS.items())


@click.command(
    "plot",
    help=f"""Draw a source as an SVG.

The file needs nothing beside it, has light and dark colours, and says in words what it shows. The same history gives
the same file.

\b
Kinds:
{_list_kinds()}

\b
Examples:
  watcher plot ports --out changes.svg
  watcher plot ports --kind assignments --since 2000-01-01 --out assignments.svg
  watcher plot ports --kind space --protocol tcp --out space.svg
  watcher plot ports --kind map --until 2023-12-27 --since 2022-12-27 --size 1200x1264 --out map.svg
  watcher plot iana.tls-parameters --out - > tls.svg
""",
)
@click.argument("source")
@click.option("--kind", type=click.Choice([*PLOTS]), default="changes", show_default=True, help="One of the list.")
@click.option("--since", callback=parse_date, metavar="DATE", help="From this day on; of the map: changes since.")
@click.option("--until", callback=parse_last_date, metavar="DATE", help="Until this day; of the map: the day.")
@click.option("--protocol", type=click.Choice(PROTOCOLS), help="Of the kinds space and map: only this protocol.")
@click.option(
    "--size", callback=option_parser(_parse_size), metavar="WIDTHxHEIGHT", help="In pixels [default: 960x400 or so]."
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, allow_dash=True),
    metavar="FILE.svg",
    required=True,
    help="Write this file in one step; - is standard output.",
)
@click.pass_obj
def command(
    config: Path,
    /,
    source: str,
    kind: str,
    since: str | None,
    until: str | None,
    protocol: str | None,
    size: PlotSize | None,
    out: Path,
) -> None:
    plot = PLOTS[kind]
    require(protocol is None or plot.has_protocol, f"{kind}: has no --protocol")
    request = PlotRequest(source=source, size=size or plot.size, since=since, until=until, protocol=protocol or "")
    with Store(load_overview(config).history, create=False) as store:
        svg = plot.draw(store.history, request)
    write_output(svg.encode("utf-8", "replace"), None if out == Path("-") else out)
