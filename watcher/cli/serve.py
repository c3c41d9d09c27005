"""`watcher serve`"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from watcher.cli.context import load_settings
from watcher.cli.output import require
from watcher.config.settings import Settings
from watcher.config.value_types import check_listen_address, is_loopback
from watcher.core.clock import SystemClock
from watcher.core.errors import UsageError
from watcher.monitor.deliver import deliver_all
from watcher.monitor.monitor import Monitor
from watcher.store.store import Store
from watcher.web.access import read_access
from watcher.web.app import create_app
from watcher.web.page import PageContext
from watcher.web.server import serve

_DEFAULT = "127.0.0.1:8080"


@click.command("serve")
@click.option("--listen", metavar="ADDRESS:PORT", help=f"Where to listen [default: as in [web], else {_DEFAULT}].")
@click.pass_obj
def command(config: Path, listen: str | None) -> None:
    """Serve the history as pages for a browser, until it is interrupted.

    The daemon serves the same pages if the configuration has `listen` in [web]. Other machines reach them only with the
    token of [web]; put a proxy with TLS before them. Who signs in with the token can accept and reject held releases
    and acknowledge events; without a token the pages only read.

    \b
    Examples:
      watcher serve
      watcher serve --listen 127.0.0.1:9000
    """
    settings = load_settings(config)
    where = _check_address(listen or settings.web.listen or _DEFAULT)
    access = read_access(settings)
    is_local = is_loopback(where.rpartition(":")[0].strip("[]"))
    require(
        is_local or bool(access.token), f"--listen: other machines reach {where}; set token in [web], or use 127.0.0.1"
    )
    Store(settings.store.location, create=False).close()  # migrates one that an older version wrote
    with serve_pages(settings, where) as address:
        click.echo(f"serving on {address} (end with Ctrl-C)")
        if not is_local:
            click.echo(
                "others on the network can read the token and the pages; put a proxy with TLS in front", err=True
            )
        threading.Event().wait()


@contextmanager
def serve_pages(settings: Settings, listen: str) -> Iterator[str]:
    """Serve the pages of a history at ADDRESS:PORT during the block; give their URL. Raises ConfigError."""
    clock, access = SystemClock(), read_access(settings)
    context = PageContext(
        settings=lambda: settings,
        open_monitor=lambda: Monitor(settings, create=False),
        clock=clock,
        started=clock.now(),
        access=lambda: access,
        deliver=lambda: _deliver(settings),
    )
    with serve(listen, create_app(context), setting="--listen") as port:
        yield f"http://{listen.rpartition(':')[0]}:{port}/"


def _deliver(settings: Settings) -> None:
    """Send what a decision put into the outbox, as `watcher accept` does. A daemon that also runs sends none twice."""
    with Monitor(settings, create=False) as monitor:
        deliver_all(monitor)


def _check_address(listen: str) -> str:
    try:
        return check_listen_address(listen)
    except ValueError as error:
        raise UsageError(f"--listen: {listen!r} {error}") from None
