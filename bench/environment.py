"""The virtual environment of the other programs, separate from the watcher's.

It is created from bench/requirements.txt. A package that the index does not have is left out, and the
page shows it as not installed.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path

REQUIREMENTS = Path(__file__).parent / "requirements.txt"
ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / ".bench"
PROGRAMS = Path(__file__).parent / "peers"
_PINNED = re.compile(r"^([\w-]+)==(\S+)", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """A virtual environment; `versions` are those of its packages by name."""

    folder: Path
    versions: dict[str, str]

    @property
    def python(self) -> str:
        return str(self.folder / "bin" / "python")

    def program(self, name: str, *arguments: object) -> list[str]:
        """Return the command that runs a program of bench/peers."""
        return [self.python, str(PROGRAMS / f"{name}.py"), *map(str, arguments)]

    def command(self, name: str, *arguments: object) -> list[str]:
        """Return the command that a package installed."""
        return [str(self.folder / "bin" / name), *map(str, arguments)]

    def has(self, package: str) -> bool:
        return not package or package in self.versions


def build(folder: Path = FOLDER) -> Environment:
    """Return the environment; install missing packages, all at once or, if that fails, one by one."""
    if not (folder / "bin" / "python").exists():
        venv.create(folder, with_pip=True)
    wanted = dict(_PINNED.findall(REQUIREMENTS.read_text()))
    missing = [name for name, version in wanted.items() if _installed(folder).get(name) != version]
    if missing:
        print(f"installing {', '.join(missing)} …", file=sys.stderr, flush=True)
    if missing and not _pip(folder, *(f"{name}=={wanted[name]}" for name in missing)):
        for name in missing:
            if not _pip(folder, f"{name}=={wanted[name]}") and not _pip(folder, name):
                print(f"{name} cannot be installed here", file=sys.stderr)
    installed = _installed(folder)
    return Environment(folder=folder, versions={name: installed[name] for name in wanted if name in installed})


def build_product(folder: Path = FOLDER / "product") -> str:
    """Return the Python of an environment that has the watcher's requirements and nothing else, as users have it.

    In the environment of the tests a daemon takes more memory: structlog loads rich where that is installed.
    """
    if not (folder / "bin" / "python").exists():
        venv.create(folder, with_pip=True)
        if not _pip(folder, str(ROOT)):
            shutil.rmtree(folder)
            raise SystemExit("the watcher cannot be installed into an environment of its own")
    return str(folder / "bin" / "python")


def _pip(folder: Path, *packages: str) -> bool:
    command = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    return subprocess.run([*command, *packages], capture_output=True, check=False).returncode == 0


def _installed(folder: Path) -> dict[str, str]:
    code = "from importlib.metadata import distributions as d\nfor x in d(): print(x.name.lower(), x.version)"
    listed = subprocess.run([str(folder / "bin" / "python"), "-c", code], capture_output=True, check=True, text=True)
    return {name.replace("_", "-"): version for name, version in map(str.split, listed.stdout.splitlines())}
