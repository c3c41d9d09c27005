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
from watcher.config.daemon_settings import MetricsSettings
from watcher.config.settings import Settings
from watcher.config.value_types import check_listen_address
from watcher.core.errors import UsageError
from watcher.core.extras import WORKERS_ARE_MISSING, is_installed
from watcher.core.lazy import load as load_module
from watcher.daemon import log_setup

if TYPE_CHECKING:
    from watcher.daemon.workers import worker
else:
    worker = load_module("worker")


@click.command("worker")
@click.option("--metrics", metavar="ADDRESS:PORT", help="Where to listen in place of [metrics] listen.")
@click.pass_obj
def command(config: Path, metrics: str | None) -> None:
    """Run a worker: check and deliver beside other workers that share a history in PostgreSQL, until SIGTERM.

    Start any number of them, on any number of hosts, with the same configuration. One of them is the scheduler; when it
    dies, another one takes over. SIGHUP reads the configuration again. Logs go to standard error. With [metrics] each
    serves its own; several on one host need --metrics with a port each.

    \b
    Examples:
      watcher worker
      watcher worker --metrics 127.0.0.1:9877
    """
    if not is_installed("procrastinate") or not is_installed("psycopg"):
        raise UsageError(WORKERS_ARE_MISSING)
    settings = load_settings(config)
    log_setup.configure(settings.log.level, settings.log.format, sys.stderr)

    def load() -> Settings:
        changed = reload_settings(config, settings)
        log_setup.configure(changed.log.level, changed.log.format, sys.stderr)
        return _listen(changed, metrics)

    one = worker.Worker(_listen(settings, metrics), load=load)
    faulthandler.enable()  # the watchdog ends a hanging process with SIGABRT: the log then has its stack
    if not one.run():
        # A thread still waits for the network. Its transaction is not committed, so ending it loses nothing.
        os._exit(0)


def _listen(settings: Settings, address: str | None) -> Settings:
    if address is None:
        return settings
    try:
        check_listen_address(address)
    except ValueError as error:
        raise UsageError(f"--metrics: {error}") from None
    metrics = (settings.metrics or MetricsSettings()).model_copy(update={"listen": address})
    return settings.model_copy(update={"metrics": metrics})
