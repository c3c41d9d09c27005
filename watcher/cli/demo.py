"""`watcher demo`"""

from __future__ import annotations

import tempfile
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

from watcher.cli.context import load_settings
from watcher.cli.demo_servers import SOURCE, DemoServers, list_sample_releases
from watcher.cli.output import print_comparison, use_colour
from watcher.cli.show import print_entry
from watcher.config.overview import load_overview
from watcher.core.errors import ConfigError, UsageError
from watcher.core.lazy import load
from watcher.monitor.deliver import deliver_all
from watcher.monitor.monitor import Monitor
from watcher.monitor.result import CheckResult, Outcome
from watcher.reports.entry import Subject, find_entry
from watcher.reports.observation import ObservationGaps
from watcher.reports.release_diff import compare_releases

if TYPE_CHECKING:
    from watcher.cli import serve as serve_module
else:
    serve_module = load("serve_pages")

_PORT = 3063
_LISTEN = "127.0.0.1:8080"
_ADDRESS = f"http://{_LISTEN}/"
_FROM, _TO = "2024-11-19", "2025-04-22"


@click.command("demo")
@click.option(
    "--keep",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Keep configuration, history and snapshots in DIR to try other commands on.",
)
@click.option("--serve", is_flag=True, help="Then serve the pages of this history until Ctrl-C.")
def command(keep: Path | None, serve: bool) -> None:
    """Run the whole process in a few seconds, on releases served from this machine: no network, no configuration.

    Serves a short series of releases on loopback, checks each, explains what changed, receives the e-mails and the
    signed webhooks that it sends, then queries the history. The releases after the first are made up. All files are
    removed at the end without --keep.

    \b
    Examples:
      watcher demo
      watcher demo --serve
      watcher demo --keep /tmp/playground
    """
    if keep is None:
        with tempfile.TemporaryDirectory(prefix="watcher-demo-") as folder:
            _run(Path(folder))
            if serve:
                _serve(Path(folder))
        click.echo("All files were removed; `watcher demo --keep DIR` keeps the history to try other commands on.")
        click.echo(f"In a browser: `watcher demo --serve` (make demo ARGS=--serve), then {_ADDRESS}")
        return
    if keep.exists() and any(keep.iterdir()):
        raise UsageError(f"{keep}: is not empty; name a new folder")
    keep.mkdir(parents=True, exist_ok=True)
    _run(keep)
    click.echo(f"Kept in {keep}. Try: watcher --config {keep / 'config.toml'} history --port 3070")
    click.echo(f"In a browser: watcher --config {keep / 'config.toml'} serve, then {_ADDRESS}")
    if serve:
        _serve(keep)


def _run(folder: Path) -> None:
    releases = list_sample_releases()
    if not releases:
        raise UsageError("the sample releases are missing from this installation; install it again")
    started = time.monotonic()
    servers = DemoServers(folder)
    with servers.open():
        settings = load_settings(servers.config)
        for number, release in enumerate(releases, 1):
            servers.publish(release)
            _print_heading(f"{number}. The registry publishes {release.name}; check")
            with Monitor(settings) as monitor:
                _check_and_deliver(monitor, servers)
        _print_heading("The same release is served again; check")
        with Monitor(settings) as monitor:
            _print_result(monitor.check(monitor.settings.registries[0]))
            click.echo(f"  (the server answered {servers.requests[-1]}: nothing was downloaded)")
        with Monitor(settings, create=False) as monitor:
            _query_history(monitor, servers.config)
    click.echo(
        f"{len(releases)} releases, {len(servers.webhooks)} webhooks with a valid signature, {servers.forged} with an "
        f"invalid one, {len(servers.mails)} e-mails, {time.monotonic() - started:.1f} s."
    )


def _serve(folder: Path) -> None:
    """Serve the pages until Ctrl-C: at the usual port, or at any if another program has that."""
    settings = load_settings(DemoServers(folder).config)
    with ExitStack() as stack:
        try:
            address = stack.enter_context(serve_module.serve_pages(settings, _LISTEN))
        except ConfigError:
            address = stack.enter_context(serve_module.serve_pages(settings, "127.0.0.1:0"))
        click.echo(f"In a browser: {address} (end with Ctrl-C)")
        threading.Event().wait()


def _check_and_deliver(monitor: Monitor, servers: DemoServers) -> None:
    webhooks, mails = len(servers.webhooks), len(servers.mails)
    _print_result(monitor.check(monitor.settings.registries[0]))
    deliver_all(monitor)
    for body in servers.webhooks[webhooks:]:
        changes = sum(body["data"]["counts"].values())
        events = ", ".join(event["id"] for event in body["data"]["events"])
        click.echo(f"  → webhook received, signature verified: {events} ({changes} changes)")
    for mail in servers.mails[mails:]:
        click.echo(f"  → e-mail received by {mail['To']}: {mail['Subject']}")


def _print_result(result: CheckResult) -> None:
    if result.comparison is not None and result.outcome is Outcome.CHANGED:
        print_comparison(result.comparison)
    elif result.outcome is Outcome.BASELINE and result.release:
        release = result.release.release
        click.echo(f"{SOURCE}: baseline recorded: release of {release.published}, {release.entries} entries")
    else:
        click.echo(f"{SOURCE}: {result.outcome}" + (f": {result.message}" if result.message else ""))


def _query_history(monitor: Monitor, config: Path) -> None:
    history = monitor.store.history
    observation = ObservationGaps(overview=load_overview(config), checks=monitor.store.checks, clock=monitor.clock)
    _print_heading(f"watcher show {SOURCE} {_PORT}")
    print_entry(find_entry(history, observation, SOURCE, Subject(ports=((_PORT, _PORT),))))
    _print_heading(f"watcher diff {SOURCE} {_FROM} {_TO}")
    print_comparison(compare_releases(history, monitor.settings.severity, SOURCE, _FROM, _TO))
    click.echo()


def _print_heading(title: str) -> None:
    click.echo()
    click.secho(f"── {title}", bold=True, color=use_colour() or None)
    click.echo()
