"""`watcher worker`"""

from __future__ import annotations

import faulthandler
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from watcher.cli.context import load_settings
from watcher.cli.run import reload_settings
from watcher.config.settings import Settings
from watcher.core.errors import UsageError
from watcher.core.extras import WORKERS_ARE_MISSING, is_installed
from watcher.core.lazy import load as load_module
from watcher.daemon import log_setup

if TYPE_CHECKING:
    from watcher.daemon.workers import worker
else:
    worker = load_module("worker")


@click.command("worker")
@click.pass_obj
def command(config: Path) -> None:
    """Run a worker: check and deliver beside other workers that share a history in PostgreSQL, until SIGTERM.

    Start any number of them, on any number of hosts, with the same configuration. One of them is the scheduler; when it
    dies, another one takes over. SIGHUP reads the configuration again. Logs go to standard error.

    \b
    Examples:
      watcher worker
      watcher --config /etc/registry-watcher/config.toml worker
    """
    if not is_installed("procrastinate") or not is_installed("psycopg"):
        raise UsageError(WORKERS_ARE_MISSING)
    faulthandler.enable()
    settings = load_settings(config)
    log_setup.configure(settings.log.level, settings.log.format, sys.stderr)

    def load() -> Settings:
        changed = reload_settings(config, settings)
        log_setup.configure(changed.log.level, changed.log.format, sys.stderr)
        return changed

    if not worker.Worker(settings, load=load).run():
        # A thread still waits for the network. Its transaction is not committed, so ending it loses nothing.
        os._exit(0)
