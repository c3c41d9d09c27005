"""`watcher follow`"""

from __future__ import annotations

from pathlib import Path

import click

from watcher.cli.output import format_option, print_json
from watcher.fetch.base import Policy
from watcher.fetch.http import HttpFetcher
from watcher.site.follow import Followed, Follower, FollowStep, find_place
from watcher.site.signatures import Verifier

_MOST_BYTES = 2**30
_DEADLINE = 600.0  # seconds for one file


@click.command("follow")
@click.argument("place", metavar="URL|DIR")
@click.option("--into", type=click.Path(path_type=Path), metavar="FILE", required=True, help="The copy to keep.")
@click.option(
    "--key",
    "keys",
    type=click.Path(path_type=Path),
    metavar="PUBLIC.pem",
    multiple=True,
    help="The public key that signs the list; may be repeated while a key is replaced.",
)
@click.option("--ca-file", type=click.Path(path_type=Path), metavar="FILE", help="A PEM file of further authorities.")
@click.option("--proxy", metavar="URL", help="An HTTP proxy.")
@format_option("json")
def command(
    place: str, into: Path, keys: tuple[Path, ...], ca_file: Path | None, proxy: str | None, format: str
) -> None:
    """Keep a local copy of a source that `watcher site` publishes as a list of deltas.

    URL or DIR is the folder of the list, SOURCE/deltas/ of a site. FILE is the copy: JSON lines, first a header with
    the version, then the entries, contacts and headers of the newest release. It is replaced in one step, and only
    with bytes whose SHA-256 is the announced one; FILE is all that is kept between two runs. No configuration is read.

    With --key the list must be signed with this key. Without it, the copy is what the server says.

    \b
    Examples:
      watcher follow https://registries.example.org/ports/deltas/ --into ports.jsonl --key site.pub
      watcher follow /srv/www/ports/deltas --into ports.jsonl
    """
    policy = Policy(
        allow_private=True,  # the user typed the address
        allow_files=True,
        max_bytes=_MOST_BYTES,
        deadline=_DEADLINE,
        ca_file=ca_file,
        proxy=proxy,
    )
    with HttpFetcher(policy) as fetcher:
        followed = Follower(find_place(place), into, fetcher, Verifier(keys) if keys else None).follow()
    notification = followed.notification
    if format == "json":
        print_json(
            {
                "file": str(into),
                "source": notification.source,
                "session": notification.session,
                "version": notification.version,
                "published": notification.published,
                "sha256": notification.snapshot.sha256,
                "step": str(followed.step),
                "deltas": followed.deltas,
                "fetched": followed.fetched,
                "signed": bool(keys),
            }
        )
        return
    published = f", published {notification.published}" if notification.published else ""
    version = f"version {notification.version}{published}"
    click.echo(f"{into}: {notification.source} {version}: {_describe_step(followed)}")


def _describe_step(followed: Followed) -> str:
    size = f"{followed.fetched:,} bytes"
    if followed.step is FollowStep.UNCHANGED:
        return "it was the newest already"
    if followed.step is FollowStep.SNAPSHOT:
        return f"by its snapshot, {size}"
    return f"by {followed.deltas} delta{'' if followed.deltas == 1 else 's'}, {size}"
