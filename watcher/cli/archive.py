"""`watcher archive`: the snapshots as a whole."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from pathlib import Path

import click

from watcher.cli.output import format_option, print_json, progress_bar
from watcher.core.errors import UsageError
from watcher.store.archive_copy import copy_archive
from watcher.store.archive_location import ArchiveLocation, SharedArchive
from watcher.store.object_url import is_object_url, parse_object_url
from watcher.store.snapshot_archive import SnapshotArchive


@click.group()
def command() -> None:
    """Copy the snapshots from one place to another.

    \b
    Examples:
      watcher archive copy snapshots s3://registries
    """


@command.command("copy")
@click.argument("source", metavar="FROM")
@click.argument("target", metavar="TO")
@format_option("json")
def copy(source: str, target: str, format: str) -> None:
    """Copy all snapshots, with their receipts: each place is a folder or s3://BUCKET/PREFIX?endpoint=URL.

    What TO has already is not copied again: run an interrupted copy again. Stop the daemon first: what is
    written to FROM meanwhile may not be in TO. The keys of the bucket are in the environment: AWS_ACCESS_KEY_ID and
    AWS_SECRET_ACCESS_KEY. FROM stays as it is. `watcher verify` reads what was copied, once [store] names it.

    \b
    Examples:
      watcher archive copy snapshots s3://registries
      watcher archive copy 's3://registries/iana?endpoint=https://s3.example.net' snapshots
    """
    with ExitStack() as folders:
        origin = _locate(source, folders)
        if isinstance(origin, Path) and not origin.is_dir():
            raise UsageError(f"{origin}: is no folder")
        destination = _locate(target, folders)
        total = sum(1 for _ in SnapshotArchive(origin).list_snapshots())
        with progress_bar(total, f"copying {total} snapshots") as bar:
            copied = copy_archive(origin, destination, progress=lambda: bar.update(1))
    if format == "json":
        print_json({"from": source, "to": target, "snapshots": total, "copied": copied})
        return
    click.echo(
        f"{target}: {copied} of {total} snapshots copied" + ("" if copied == total else ", the others were there")
    )
    key = "objects" if is_object_url(target) else "snapshots"
    click.echo(f'to use it, set {key} = "{target}" in [store]')


def _locate(text: str, folders: ExitStack) -> ArchiveLocation:
    """Return a place; a bucket gets a temporary folder for its copy."""
    if not is_object_url(text):
        return Path(text)
    try:
        url = parse_object_url(text)
    except ValueError as error:
        raise UsageError(f"the URL {error}") from None
    folder = folders.enter_context(tempfile.TemporaryDirectory(prefix="registry-watcher-"))
    return SharedArchive(url=url, folder=Path(folder))
