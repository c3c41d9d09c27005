"""A folder of registry groups, the user's own or one that rsync keeps, as something to fetch: a list of its groups.

Knows the program `rsync`; what is in the documents is none of its business.

rsync is told to bring regular `*.xml` files and folders, nothing else: no links, no devices, no owners. It runs
without a shell and without the user's environment, no longer than `seconds`, and is ended when what it brought grows
over `most_bytes`. Reasons of a FetchError: `rsync_missing`, `rsync` (it said what), `deadline`, `too_large`,
`file_missing`, `file_unreadable`.
"""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from watcher.core.errors import FetchError
from watcher.fetch.base import NotModified, Response, Validators
from watcher.fetch.tree import groups

LONGEST = 1800.0  # seconds for a transfer
_TURN = 0.5  # seconds between two looks at a transfer under way
_SOME_VANISHED = 24  # rsync's exit code: files went away on the other side meanwhile; what is there is whole
_PATH = "/usr/local/bin:/usr/bin:/bin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """The groups of a folder. `before` brings it up to date first; raises FetchError where that fails."""

    path: Path
    before: Callable[[], None] = lambda: None

    def fetch(self, url: str, validators: Validators | None = None) -> Response | NotModified:
        """Return the list of groups as an index, or NotModified where it is the same as the last time."""
        self.before()
        listed = written(groups(self.path))
        tag = Validators(etag=f'"{hashlib.sha256(listed).hexdigest()[:32]}"')
        if validators is not None and validators.etag == tag.etag:
            return NotModified(validators=tag)
        return Response(body=listed, url=url, validators=tag)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rsync:
    """Brings a folder up to date from an rsync module. Times are seconds."""

    url: str
    path: Path
    seconds: float = LONGEST
    most_bytes: int = 2 * 2**30
    most_file_bytes: int = 64 * 2**20
    contact_seconds: int = 30
    program: str = "rsync"

    def __call__(self) -> None:
        """Bring the folder up to date. Raises FetchError; what was brought until then is whole files."""
        self.path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile() as said:
            try:
                process = subprocess.Popen(  # noqa: S603 - a fixed program; the URL was checked and follows `--`
                    self._command(),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=said,
                    env={"PATH": os.environ.get("PATH", _PATH), "LC_ALL": "C"},  # RSYNC_* could name other programs
                    start_new_session=True,
                )
            except FileNotFoundError:
                raise FetchError("rsync_missing", "the program rsync is not installed", transient=False) from None
            try:
                code = self._watch(process)
            finally:
                _end(process)
            if code not in (0, _SOME_VANISHED):
                raise FetchError("rsync", f"rsync failed ({code}): {_first_line(said)}", transient=True)

    def _command(self) -> list[str]:
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
            f"{self.path}/",
        ]

    def _watch(self, process: subprocess.Popen[bytes]) -> int:
        """Wait for the end, inside time and size."""
        turns = int(self.seconds / _TURN) + 1
        for _ in range(turns):
            try:
                return process.wait(_TURN)
            except subprocess.TimeoutExpired:
                if sum(_sizes(self.path)) > self.most_bytes:
                    raise FetchError("too_large", f"more than {self.most_bytes} bytes", transient=False) from None
        raise FetchError("deadline", f"not finished within {self.seconds:g} s", transient=True)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End what still runs: rsync works as several processes."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _sizes(path: Path) -> Iterator[int]:
    for folder, _, names in os.walk(path):
        for name in names:
            with suppress(FileNotFoundError):  # renamed to its place meanwhile
                yield Path(folder, name).lstat().st_size


def _first_line(said: IO[bytes]) -> str:
    said.seek(0)
    lines = said.read(65536).decode("utf-8", "replace").strip().splitlines()
    return lines[0] if lines else "it said nothing"


def written(groups: Iterable[str]) -> bytes:
    """Return the plain list that `read` reads: what a folder holds, as an index of it."""
    return "".join(f"{group}\n" for group in sorted(groups)).encode()
