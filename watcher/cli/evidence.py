"""`watcher evidence`"""

from __future__ import annotations

from pathlib import Path

import click

from watcher.cli.context import load_settings, open_history
from watcher.cli.output import format_option, parse_last_date, print_json, require
from watcher.cli.output_files import write_output
from watcher.config.overview import load_overview
from watcher.config.settings import Settings
from watcher.core.times import LATEST, to_text
from watcher.fetch.timestamps import TimeStamp, TimeStampAuthority
from watcher.reports.entry import parse_subject
from watcher.reports.evidence import verify
from watcher.reports.evidence.bundle import STAMP, SUMS, make_files
from watcher.reports.evidence.collect import collect_evidence
from watcher.store.snapshot_archive import SnapshotArchive


@click.command("evidence")
@click.argument("source")
@click.argument("what", metavar="WHAT")
@click.option(
    "--at", callback=parse_last_date, default=LATEST, metavar="DATE", help="The day [default: the newest release]."
)
@click.option("--out", type=click.Path(path_type=Path), required=True, metavar="FILE.zip", help="The file to write.")
@click.option(
    "--timestamp/--no-timestamp",
    default=None,
    help="Ask the time-stamping authority of [evidence] [default: if one is configured].",
)
@format_option("json")
@click.pass_obj
def command(config: Path, source: str, what: str, at: str, out: Path, timestamp: bool | None, format: str) -> None:
    """Write a zip file that proves what a registry said on a day.

    WHAT is a port (443, 443/tcp), the value of an entry (0x13,0x01 or 0x1301) or a name. The file has the answer in
    words, the release byte for byte with where it came from and when, the chain of all releases, and a program that
    verifies all of it and needs nothing but Python. The same history gives the same file.

    If the release has no entry about WHAT, the answer says that it names nobody, and where else it has these words.

    Keep the SHA-256 that is printed apart from the file: with it, a changed byte anywhere in the file is found.
    Exit code 2: there is no release up to that day, or no time stamp of a configured authority.

    \b
    Examples:
      watcher evidence ports 8443/tcp --at 2025-03-01 --out 8443.zip
      watcher evidence iana.tls-parameters 0x1301 --out aes.zip
      watcher evidence ports 64999 --at 2025-03-01 --out nobody.zip
    """
    require(what.strip(), "name an entry: a port, a value or a name")
    overview = load_overview(config)
    settings = load_settings(config) if timestamp is not False else None
    authority = _find_authority(settings, is_required=timestamp is True)
    with open_history(config) as (history, observation):
        archive = SnapshotArchive(overview.archive)
        evidence = collect_evidence(history, observation, archive, source, what, parse_subject(what), on=at)
    files = make_files(evidence, is_stamped=authority is not None)
    stamp = authority.stamp(files[SUMS]) if authority else None
    if stamp is not None:
        files[STAMP] = stamp.response
    write_output(verify.pack(files), out)
    digest = verify.sha256(files[SUMS])
    if format == "json":
        print_json(
            {
                "file": str(out),
                "source": source,
                "what": what,
                "at": at,
                "release": evidence.release.release.id,
                "published": evidence.release.release.published,
                "entries": len(evidence.entries),
                "sha256": digest,
                "timestamp": to_text(stamp.time) if stamp else None,
            }
        )
        return
    click.echo(files["answer.txt"].decode())
    click.echo(_describe_file(out, digest, stamp))


def _find_authority(settings: Settings | None, *, is_required: bool) -> TimeStampAuthority | None:
    if settings is None or settings.evidence is None:
        require(not is_required, "no time-stamping authority is configured; set tsa and roots in [evidence]")
        return None
    chosen = settings.evidence
    return TimeStampAuthority(
        url=chosen.tsa.read(settings.folder),
        roots=settings.folder / chosen.roots,
        timeout=chosen.timeout,
        ca_file=settings.ca_file(chosen.ca_file),
        proxy=settings.proxy(chosen.proxy),
    )


def _describe_file(out: Path, digest: str, stamp: TimeStamp | None) -> str:
    lines = [f"{out} is written. The SHA-256 of its {SUMS} is", digest, "Keep it apart from the file. To verify:"]
    if stamp is not None:
        lines.insert(1, f"(with a time stamp of {to_text(stamp.time)})")
    return "\n".join([*lines, f"unzip -p {out} verify.py > verify.py && python3 verify.py {out} {digest}"])
