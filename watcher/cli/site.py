"""`watcher site`"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import click

from watcher.cli.context import load_settings
from watcher.cli.output import format_option, lazy_progress, option_parser, print_json, require
from watcher.core.clock import SystemClock
from watcher.core.times import parse_duration
from watcher.monitor.monitor import Monitor
from watcher.site.build import write_site
from watcher.site.signatures import Signer
from watcher.store.store import Store
from watcher.web.page import PageContext

_KEEP = timedelta(days=1)


@click.command("site")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.argument("sources", metavar="[SOURCE]...", nargs=-1)
@click.option("--address", metavar="URL", default="", help="Where the site will be: makes the links of feeds absolute.")
@click.option(
    "--key", type=click.Path(path_type=Path), metavar="PRIVATE.pem", help="Sign the lists of deltas with this key."
)
@click.option(
    "--keep",
    callback=option_parser(parse_duration),
    metavar="DURATION",
    help="How long files stay that nothing leads to any more [default: 1d].",
)
@format_option("json")
@click.pass_obj
def command(
    config: Path,
    /,
    folder: Path,
    sources: tuple[str, ...],
    address: str,
    key: Path | None,
    keep: timedelta | None,
    format: str,
) -> None:
    """Write pages, feeds, JSON and lists of deltas as files that any web server can serve; of all sources, or of some.

    A source may be a glob. Links are relative: the site works in any folder of a server, and from a disk. Pages need
    no script. What changed since the last time is written, each file in one step and the indexes last; an interrupted
    run leaves the site as it was. Files that the command did not write are never touched.

    `watcher follow` keeps a copy of a source from its list of deltas. --key is an Ed25519 key in PEM format
    (openssl genpkey -algorithm ed25519); it needs the extra `signatures`.

    \b
    Examples:
      watcher site /srv/www/registries
      watcher site /srv/www/registries ports 'iana.dns*' --address https://registries.example.org/ --key site.pem
    """
    require(not address or address.startswith(("http://", "https://")), f"--address: {address!r} is not an HTTP URL")
    settings = load_settings(config)
    signer = Signer(key) if key else None
    Store(settings.store.location, create=False).close()  # migrates one that an older version wrote
    clock = SystemClock()
    context = PageContext(
        settings=lambda: settings,
        open_monitor=lambda: Monitor(settings, create=False),
        clock=clock,
        started=clock.now(),
    )
    with lazy_progress("writing") as show_progress:
        report = write_site(
            context,
            folder,
            sources,
            address=address,
            signer=signer,
            keep=_KEEP if keep is None else keep,
            show_progress=show_progress,
        )
    if format == "json":
        print_json({"folder": str(folder), "sources": list(report.sources), "files": dict(report.files)})
        return
    files, number = report.files, len(report.sources)
    click.echo(
        f"{folder}: {number:,} source{'' if number == 1 else 's'} changed; {files['added']:,} files added, "
        f"{files['changed']:,} changed, {files['removed']:,} removed"
    )
