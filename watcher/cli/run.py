"""`watcher run`"""

from __future__ import annotations

import faulthandler
import os
import sys
from pathlib import Path

import click
import structlog

from watcher.cli.context import load_settings
from watcher.config.inventory_files import SharedInventories
from watcher.config.settings import Settings
from watcher.config.value_types import is_loopback
from watcher.core.errors import ConfigError
from watcher.daemon import log_setup
from watcher.daemon.daemon import Daemon
from watcher.monitor.judging_limit import JudgingLimit
from watcher.monitor.monitor import Monitor, create_rate_limiter


@click.command("run")
@click.pass_obj
def command(config: Path) -> None:
    """Run the daemon: check every source on its schedule and deliver what is due, until SIGTERM.

    SIGHUP reads the configuration again; if it has a mistake, the daemon keeps the old one. Logs go to standard error.
    `watcher systemd install` writes a unit for it.
    """
    faulthandler.enable()  # the watchdog ends a hanging process with SIGABRT: the log then has its stack
    settings = load_settings(config)
    log_setup.configure(settings.log.level, settings.log.format, sys.stderr)
    rate_limiter, judging_limit = create_rate_limiter(settings), JudgingLimit()
    inventories = SharedInventories()

    def create_monitor(current: Settings) -> Monitor:
        rate_limiter.interval = current.fetch.min_interval
        return Monitor(
            current,
            rate_limiter=rate_limiter,
            judging_limit=judging_limit,
            inventories=inventories.for_settings(current),
        )

    def load() -> Settings:
        changed = reload_settings(config, settings)
        log_setup.configure(changed.log.level, changed.log.format, sys.stderr)
        return changed

    if not Daemon(settings, create_monitor, load=load).run():
        # A thread still waits for the network. Its transaction is not committed, so ending it loses nothing.
        os._exit(0)


def reload_settings(config: Path, running: Settings) -> Settings:
    """Return the changed configuration. Raises ConfigError if it cannot replace the running one."""
    changed = load_settings(config)
    for table in ("store", "metrics"):
        if getattr(changed, table) != getattr(running, table):
            raise ConfigError(f"{config}: {table}: cannot change while the daemon runs; restart it")
    listen = running.web.listen
    if changed.web.listen != listen:
        if listen is not None and changed.web.token is None and not is_loopback(listen.rpartition(":")[0].strip("[]")):
            raise ConfigError(f"{config}: web.token: other machines reach {listen} until the daemon is restarted")
        log = structlog.get_logger("watcher.daemon")
        log.warning("web.listen changes when the daemon is restarted", now=listen, then=changed.web.listen)
    return changed
