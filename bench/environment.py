"""The environment of the peers: what is in it and how to run it. Nothing in it can disturb what the watcher runs with.

It is made where it is not there, from bench/requirements.txt. What the package index does not have is left out, and
shown as not installed.
"""

from __future__ import annotations

import re
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path

REQUIREMENTS = Path(__file__).parent / "requirements.txt"
FOLDER = Path(__file__).resolve().parents[1] / ".bench"
PROGRAMS = Path(__file__).parent / "peers"
_PINNED = re.compile(r"^([\w-]+)==(\S+)", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """A folder with a Python of its own, and the packages in it by name, with their versions."""

    folder: Path
    versions: dict[str, str]

    @property
    def python(self) -> str:
        return str(self.folder / "bin" / "python")

    def program(self, name: str, *arguments: object) -> list[str]:
        """The command that runs a program of bench/peers."""
        return [self.python, str(PROGRAMS / f"{name}.py"), *map(str, arguments)]

    def command(self, name: str, *arguments: object) -> list[str]:
        """The command that a package installed."""
        return [str(self.folder / "bin" / name), *map(str, arguments)]

    def has(self, package: str) -> bool:
        return not package or package in self.versions


def build(folder: Path = FOLDER) -> Environment:
    """Return the environment; what it lacks is installed first, all at once and else one after the other."""
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


def _pip(folder: Path, *packages: str) -> bool:
    command = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    return subprocess.run([*command, *packages], capture_output=True, check=False).returncode == 0


def _installed(folder: Path) -> dict[str, str]:
    code = "from importlib.metadata import distributions as d\nfor x in d(): print(x.name.lower(), x.version)"
    said = subprocess.run([str(folder / "bin" / "python"), "-c", code], capture_output=True, check=True, text=True)
    return {name.replace("_", "-"): version for name, version in map(str.split, said.stdout.splitlines())}
