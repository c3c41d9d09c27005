"""A copy of the package that is extended as CONTRIBUTING says, and run as its user runs it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import watcher


class ExtendedPackage:
    """A copy of `watcher` in a folder. The process of the test never imports it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        source = Path(watcher.__file__).parent
        # With its bytecode: compiling the package takes each process half a second.
        shutil.copytree(source, folder / "watcher")

    def add_module(self, path: str, text: str) -> None:
        """Add a new file, named by its path inside the package."""
        file = self._folder / "watcher" / path
        assert not file.exists(), f"{path} is in the package already"
        file.write_text(text, encoding="utf-8")

    def add_line(self, path: str, line: str, *, before: str) -> None:
        """Insert one line into a file, above the only line that contains `before`, with the same indentation."""
        file = self._folder / "watcher" / path
        lines = file.read_text("utf-8").splitlines()
        (place,) = (number for number, text in enumerate(lines) if before in text)
        indentation = lines[place][: len(lines[place]) - len(lines[place].lstrip())]
        lines.insert(place, indentation + line)
        file.write_text("\n".join([*lines, ""]), encoding="utf-8")

    def replace(self, path: str, old: str, new: str) -> None:
        """Replace a text that a file contains once."""
        file = self._folder / "watcher" / path
        text = file.read_text("utf-8")
        assert text.count(old) == 1, f"{path} contains {old!r} {text.count(old)} times"
        file.write_text(text.replace(old, new), encoding="utf-8")

    def run(self, *arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
        """Run `watcher` with these arguments in a folder."""
        return subprocess.run(
            [sys.executable, "-m", "watcher", *arguments],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(self._folder)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
