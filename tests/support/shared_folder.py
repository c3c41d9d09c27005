"""Folders that are costly to fill, once for all processes of a test run."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from pathlib import Path

import pytest


def fill_once(factory: pytest.TempPathFactory, name: str, fill: Callable[[Path], None]) -> Path:
    """Return a folder of this run that `fill` has filled, in this process or another. Tests only read what is in it.

    The first process that asks fills it, and the others wait: pytest-xdist has a process for each core, and gives the
    tests of one module to several of them.
    """
    base = factory.getbasetemp()
    run = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder = run / f"shared-{name}"
    with (run / f"shared-{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            unfinished = folder.with_suffix(".unfinished")
            unfinished.mkdir(exist_ok=True)  # of a process that failed: its tests fail, and so do these
            fill(unfinished)
            unfinished.rename(folder)
    return folder
