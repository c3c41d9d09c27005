"""`watcher cat`"""

from __future__ import annotations

from pathlib import Path

import click

from watcher.cli.output import parse_release
from watcher.cli.output_files import write_output
from watcher.config.overview import load_overview
from watcher.reports.snapshot import read_served_bytes
from watcher.store.snapshot_archive import SnapshotArchive
from watcher.store.store import Store


@click.command("cat")
@click.argument("source")
@click.argument("release", default="latest")
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="Write this file in one step.")
@click.pass_obj
def command(config: Path, source: str, release: str, out: Path | None) -> None:
    """Write the bytes of a release exactly as they were served, by default of the newest.

    RELEASE is a date (`2024-02-29`, `2024-02`, `7d`: the last release on or before it), an id, or the beginning of a
    SHA-256. Where a release was served in several forms, a SHA-256 chooses one of them. The bytes are checked against
    their SHA-256 before the first of them is written.

    \b
    Examples:
      watcher cat ports > ports.xml
      watcher cat ports 2019-01-09 | sha256sum
      watcher cat ports 5a8c1f --out ports.xml
    """
    overview = load_overview(config)
    with Store(overview.history, create=False) as store:
        archive = SnapshotArchive(overview.archive)
        data = read_served_bytes(store.history, archive, source, parse_release(release))
    write_output(data, out)
