"""`watcher run`"""

from __future__ import annotations

import faulthandler
import os
import sys

import click

from watcher.cli.context import settings
from watcher.cli.output import App, pass_app
from watcher.config.settings import Settings
from watcher.core.errors import ConfigError
from watcher.daemon import log_setup
from watcher.daemon.daemon import Daemon
from watcher.monitor.monitor import Monitor, pace_of


@click.command("run")
@pass_app
def command(app: App) -> None:
    """The daemon: checks every source on its schedule and delivers what is due, until SIGTERM.

    SIGHUP reads the configuration again; where something is wrong with it, the old one stays. Logs go to standard
    error. `watcher systemd install` writes a unit for it.
    """
    faulthandler.enable()  # the watchdog ends a process that hangs with SIGABRT: the log then says where
    configured = settings(app)
    log_setup.configure(configured.log.level, configured.log.format, sys.stderr)
    pace = pace_of(configured)

    def service(current: Settings) -> Monitor:
        pace.interval = current.fetch.min_interval
        return Monitor(current, pace=pace)

    def load() -> Settings:
        changed = reloaded(app, configured)
        log_setup.configure(changed.log.level, changed.log.format, sys.stderr)
        return changed

    if not Daemon(configured, service, load=load).run():
        # A thread still waits on the network. Whatever it was doing is a transaction that was not committed.
        os._exit(0)


def reloaded(app: App, running: Settings) -> Settings:
    """Return the configuration as it is now. Raises ConfigError where it is wrong, or changes what cannot change."""
    changed = settings(app)
    for table in ("store", "metrics"):
        if getattr(changed, table) != getattr(running, table):
            raise ConfigError(f"{app.config}: {table}: cannot change while the daemon runs; restart it")
    return changed
