"""`watcher run`"""

from __future__ import annotations

import os
import sys

import click

from watcher import logs
from watcher.cli.app import App, pass_app
from watcher.cli.reading import settings
from watcher.daemon import Daemon
from watcher.service import Service, pace_of


@click.command("run")
@pass_app
def command(app: App) -> None:
    """The daemon: checks every source on its schedule and delivers what is due, until SIGTERM.

    Logs go to standard error. systemd/registry-watcher.service is a unit for it.
    """
    configured = settings(app)
    logs.configure(configured.log.level, configured.log.format, sys.stderr)
    pace = pace_of(configured)
    finished = Daemon(configured, lambda: Service(configured, pace=pace)).run()
    if not finished:
        # A thread still waits on the network. Whatever it was doing is a transaction that was not committed.
        os._exit(0)
