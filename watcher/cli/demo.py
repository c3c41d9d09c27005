"""`watcher demo`"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import click

from watcher.cli.context import settings
from watcher.cli.demo_servers import SOURCE, DemoServers, sample
from watcher.cli.diff import stored
from watcher.cli.output import App, colour, width
from watcher.cli.show import find, print_life
from watcher.core.errors import UsageError
from watcher.monitor.ingest import CheckResult, Outcome
from watcher.monitor.monitor import Monitor
from watcher.render import text

_PORT = 3063
_FROM, _TO = "2024-11-19", "2025-04-22"


@click.command("demo")
@click.option(
    "--keep",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Keep configuration, history and snapshots in DIR to play with.",
)
def command(keep: Path | None) -> None:
    """The whole job in a few seconds, on releases served from this machine: no network, no configuration.

    Serves a short series of releases on loopback, checks each, explains what changed, receives its own e-mail and
    its own signed webhook, then asks the history. The releases after the first are simulated. Nothing is left
    behind unless --keep says so.

    \b
    Examples:
      watcher demo
      watcher demo --keep /tmp/playground
    """
    if keep is None:
        with tempfile.TemporaryDirectory(prefix="watcher-demo-") as folder:
            _play(Path(folder))
        click.echo("Nothing was left behind; `watcher demo --keep DIR` keeps a history to play with.")
        return
    if keep.exists() and any(keep.iterdir()):
        raise UsageError(f"{keep}: is not empty; name a new folder")
    keep.mkdir(parents=True, exist_ok=True)
    _play(keep)
    click.echo(f"Kept in {keep}. Try: watcher --config {keep / 'config.toml'} history --port 3070")


def _play(folder: Path) -> None:
    releases = sample()
    if not releases:
        raise UsageError("the sample releases are missing from this installation")
    started = time.monotonic()
    stage = DemoServers(folder)
    with stage.open():
        configured = settings(App(stage.config))
        for number, release in enumerate(releases, 1):
            stage.publish(release)
            _heading(f"{number}. The registry publishes {release.name}; check")
            with Monitor(configured) as service:
                _one_check(service, stage)
        _heading("The same release is served again; check")
        with Monitor(configured) as service:
            _say(service.check(service.settings.registries[0]))
            click.echo(f"  (the server answered {stage.requests[-1]}: nothing was downloaded)")
        with Monitor(configured, create=False) as service:
            _ask(service)
    click.echo(
        f"{len(releases)} releases, {len(stage.webhooks)} webhooks with a good signature, {stage.forged} with a bad "
        f"one, {len(stage.mails)} e-mails, {time.monotonic() - started:.1f} s."
    )


def _one_check(service: Monitor, stage: DemoServers) -> None:
    webhooks, mails = len(stage.webhooks), len(stage.mails)
    _say(service.check(service.settings.registries[0]))
    service.deliver()
    for body in stage.webhooks[webhooks:]:
        counts = body["data"]["counts"]
        told = ", ".join(event["id"] for event in body["data"]["events"])
        click.echo(f"  → webhook received, signature verified: {told} ({sum(counts.values())} changes)")
    for mail in stage.mails[mails:]:
        click.echo(f"  → e-mail received by {mail['To']}: {mail['Subject']}")


def _say(taken: CheckResult) -> None:
    if taken.comparison is not None and taken.outcome is Outcome.CHANGED:
        click.echo(text.render_comparison(taken.comparison, width=width(), colour=colour()))
    elif taken.outcome is Outcome.BASELINE and taken.release:
        release = taken.release.release
        click.echo(f"{SOURCE}: first release, of {release.published}, {release.entries} entries: the baseline")
    else:
        click.echo(f"{SOURCE}: {taken.outcome}" + (f": {taken.message}" if taken.message else ""))


def _ask(service: Monitor) -> None:
    _heading(f"watcher show {SOURCE} {_PORT}")
    print_life(find(service.queries, SOURCE, str(_PORT), port=(_PORT, _PORT)))
    _heading(f"watcher diff {SOURCE} {_FROM} {_TO}")
    compared = stored(service.queries, service.settings.severity, SOURCE, _FROM, _TO)
    click.echo(text.render_comparison(compared, width=width(), colour=colour()))
    click.echo()


def _heading(title: str) -> None:
    click.echo()
    click.secho(f"── {title}", bold=True, color=colour() or None)
    click.echo()
