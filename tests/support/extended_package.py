"""A copy of the package that is extended as CONTRIBUTING says, and run as its user runs it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

import watcher
from tests.support.fork_server import ForkServer

_COMMAND = "from watcher.__main__ import main\nmain()\n"


class ExtendedPackage:
    """A copy of `watcher` in a folder; a context manager. The process of the test never imports it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._forks: ForkServer | None = None
        source = Path(watcher.__file__).parent
        # With its bytecode: compiling the package takes each process half a second.
        shutil.copytree(source, folder / "watcher")

    def add_module(self, path: str, text: str) -> None:
        """Add a new file, named by its path inside the package."""
        file = self._folder / "watcher" / path
        assert self._forks is None
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
        """Run `watcher` with these arguments in a folder. Nothing can be added after the first time."""
        if self._forks is None:
            self._forks = ForkServer("tests.support.extended_forks", package=self._folder)
        return self._forks.run_script(_COMMAND, *arguments, folder=folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._forks is not None:
            self._forks.__exit__(kind, error, trace)
