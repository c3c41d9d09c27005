"""Bring a folder of registry groups up to date with the program `rsync`.

rsync gets an argument list and no shell, and nothing of the user's environment but PATH. It copies regular `*.xml`
files and folders; it follows and copies no links, no devices and no owners. The watcher kills it when it takes too long
or when the folder grows too large.
"""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO

from msgspec import Struct

from watcher.core.errors import FetchError

LONGEST = 1800.0  # seconds for a transfer
_POLL = 0.5  # seconds between two measurements of the folder
_SOME_VANISHED = 24  # exit code: files vanished on the server during the transfer; the files that arrived are whole
_PATH = "/usr/local/bin:/usr/bin:/bin"


class Rsync(Struct, frozen=True, kw_only=True):
    """One rsync module and the limits of a transfer from it, in seconds, bytes, and number of files and folders."""

    url: str
    seconds: float = LONGEST
    most_bytes: int = 2 * 2**30
    most_file_bytes: int = 64 * 2**20
    most_files: int = 20_000  # IANA has some 640 groups
    contact_seconds: int = 30
    program: str = "rsync"

    def update(self, folder: Path) -> None:
        """Bring a folder up to date. Raises FetchError: `rsync_missing`, `rsync`, `deadline`, `too_large`."""
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile() as output:
            try:
                process = subprocess.Popen(  # noqa: S603 - a fixed program; the URL was checked and follows `--`
                    self._command(folder),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=output,
                    env={"PATH": os.environ.get("PATH", _PATH), "LC_ALL": "C"},  # RSYNC_* could name other programs
                    start_new_session=True,
                )
            except FileNotFoundError:
                raise FetchError("rsync_missing", "the program rsync is not installed", transient=False) from None
            try:
                code = self._wait(process, folder)
            finally:
                _kill(process)
            if code not in (0, _SOME_VANISHED):
                raise FetchError("rsync", f"rsync failed ({code}): {_first_line(output)}", transient=True)

    def _command(self, folder: Path) -> list[str]:
        return [
            self.program,
            "--recursive",
            "--times",
            "--no-links",
            "--safe-links",
            "--no-devices",
            "--no-specials",
            "--chmod=D755,F644",
            "--delete",
            "--prune-empty-dirs",
            "--include=*/",
            "--include=*.xml",
            "--exclude=*",
            f"--max-size={self.most_file_bytes}",
            f"--timeout={self.contact_seconds}",
            f"--contimeout={self.contact_seconds}",
            "--",
            self.url,
            f"{folder}/",
        ]

    def _wait(self, process: subprocess.Popen[bytes], folder: Path) -> int:
        for _ in range(int(self.seconds / _POLL) + 1):
            with suppress(subprocess.TimeoutExpired):
                process.wait(_POLL)
            self._measure(folder)
            if process.returncode is not None:
                return process.returncode
        raise FetchError("deadline", f"not finished within {self.seconds:g} s", transient=True)

    def _measure(self, folder: Path) -> None:
        """Raise FetchError if the folder is larger than it may be."""
        size = 0
        for number, file_size in enumerate(_sizes(folder), 1):
            size += file_size
            if number > self.most_files:
                raise FetchError("too_large", f"more than {self.most_files} files and folders", transient=False)
            if size > self.most_bytes:
                raise FetchError("too_large", f"more than {self.most_bytes} bytes", transient=False)


def _kill(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _sizes(path: Path) -> Iterator[int]:
    """Yield the size of every file in a folder, and 0 for every folder."""
    for folder, folders, names in os.walk(path):
        yield from (0 for _ in folders)
        for name in names:
            with suppress(FileNotFoundError):  # rsync has just renamed the temporary file
                yield Path(folder, name).lstat().st_size


def _first_line(output: IO[bytes]) -> str:
    output.seek(0)
    lines = output.read(65536).decode("utf-8", "replace").strip().splitlines()
    return lines[0] if lines else "it printed nothing"
