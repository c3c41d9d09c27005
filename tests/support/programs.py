"""Programs of other projects that some tests run. A test without its program skips with the name of its package."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest


def require_program(name: str, package: str) -> str:
    """Return the path of a program, or skip."""
    path = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")
    if path is None:
        pytest.skip(f"{name} is not installed (Debian package {package})")
    return path


def require_typescript() -> str:
    """Return the path of TypeScript's compiler, from where `.ci/run` installs it too, or skip."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    installed = cache / "registry-watcher" / "typescript" / "node_modules" / ".bin"
    path = shutil.which("tsc") or shutil.which("tsc", path=installed)
    if path is None:
        pytest.skip("tsc is not installed (npm package typescript, which .ci/run installs where npm is)")
    return path


def run_program(*command: str | Path, folder: Path, **environment: str) -> str:
    """Run a program in a folder and return its output. A code other than 0 fails the test."""
    done = subprocess.run(
        [*map(str, command)],
        cwd=folder,
        env={**os.environ, "HOME": str(folder), "LC_ALL": "C.UTF-8", **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
