"""Import old releases from files, folders and git repositories.

The order does not matter and repeating is safe: each release goes where it belongs by its date, and releases that the
history has are left alone. Nobody is alerted.
"""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path, PurePosixPath

from watcher.core.errors import ParseError, UsageError
from watcher.core.times import to_text
from watcher.monitor.candidate import Candidate
from watcher.monitor.failures import describe_error, is_fault_of_release
from watcher.monitor.ingest import ReleaseIngest
from watcher.monitor.result import Outcome

_UPDATED = re.compile(rb"<updated>\s*(\d{4}-\d{2}-\d{2})")
_HEAD_BYTES = 8192
_DAY_IN_NAME = re.compile(r"(?<!\d)((?:19|20)\d\d)([-_.]?)(\d\d)\2(\d\d)(?!\d)")
GIT = "git:"
_COMMIT = "\x01"  # no path starts with it


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportItem:
    """A file or a commit that may be a release, not read yet.

    `name` is the file's name without its folder. `observed` is the UTC time at which somebody saw it, None if unknown;
    `named` the UTC time that its path is named after, or the place of its commit, None if it has neither.
    """

    name: str
    origin: str
    observed: str | None
    load: Callable[[], bytes]
    named: str | None = None

    def candidate(self) -> Candidate:
        """Read it. Raises OSError or UsageError if that fails."""
        return Candidate(data=self.load(), origin=self.origin, observed=self.observed, named=self.named)


@dataclass(slots=True)
class ImportReport:
    """The numbers of items by outcome, and the (origin, reason) of every item that was refused."""

    outcomes: Counter[Outcome] = field(default_factory=Counter)
    refused: list[tuple[str, str]] = field(default_factory=list)

    def add(self, other: ImportReport) -> None:
        self.outcomes += other.outcomes
        self.refused += other.refused


def find_items(paths: Iterable[str], *suffixes: str) -> list[ImportItem]:
    """List files, folders (all files in them with a suffix), `git:REPO:PATH` and `git:REPO:FOLDER/`.

    Files are in the order of the date in them and commits as they were made, so that a long import goes forward in
    time. Raises UsageError for a path that does not exist.
    """
    items: list[ImportItem] = []
    for path in paths:
        if path.startswith(GIT):
            items.extend(_git_items(path, suffixes))
        else:
            items.extend(_file_items(Path(path), suffixes))
    return items


def import_items(
    ingest: ReleaseIngest, items: Iterable[ImportItem], progress: Callable[[], None] | None = None
) -> ImportReport:
    """Ingest every item; one that is no release of the source is refused. `progress` is called after each."""
    report = ImportReport()
    history = ingest.history_path
    for item in items:
        try:
            result = ingest.ingest(item.candidate())
        except ParseError as error:
            report.refused.append((item.origin, str(error)))
        except OSError as error:
            report.refused.append((item.origin, error.strerror or str(error)))
        except Exception as error:
            if not is_fault_of_release(error, history):
                raise
            report.refused.append((item.origin, describe_error(error)))
        else:
            report.outcomes[result.outcome] += 1
        if progress:
            progress()
    return report


def _file_items(path: Path, suffixes: tuple[str, ...]) -> list[ImportItem]:
    if path.is_dir():
        files = [file for file in path.rglob("*") if file.name.endswith(suffixes) and file.is_file()]
        if not files:
            raise UsageError(f"{path}: no file in this folder ends in {' or '.join(suffixes)}")
    elif path.exists():
        files = [path]
    else:
        raise UsageError(f"{path}: no such file or folder (a repository is written git:REPO:PATH)")
    items = [
        ImportItem(name=file.name, origin=str(file), observed=None, load=file.read_bytes, named=_day_in_path(file))
        for file in files
    ]
    return sorted(items, key=lambda item: (_date_in_file(Path(item.origin)) or item.named or "", item.origin))


def _day_in_path(path: Path) -> str | None:
    """Return the start of the day that a file, or else its folder, is named after. Folders above are not read."""
    for name in reversed(path.absolute().parts[-2:]):
        for year, _, month, day in reversed(_DAY_IN_NAME.findall(name)):
            with suppress(ValueError):
                return f"{date(int(year), int(month), int(day)).isoformat()}T00:00:00Z"
    return None


def _date_in_file(path: Path) -> str:
    """Return the first `<updated>` date in a file, "" without one. Only the order of the import depends on it."""
    try:
        with path.open("rb") as file:
            match = _UPDATED.search(file.read(_HEAD_BYTES))
    except OSError:
        return ""  # the import refuses it and gives the reason
    return match[1].decode() if match else ""


def _git_items(path: str, suffixes: tuple[str, ...]) -> Iterator[ImportItem]:
    """Yield every commit that changed a file, the oldest first; its author date is when somebody saw that state."""
    repository, colon, inside = path.removeprefix(GIT).rpartition(":")
    if not colon or not repository or not inside:
        raise UsageError(f"{path}: a repository is written git:REPO:PATH, PATH relative to its root")
    # A file is imported whatever its suffix; in a folder, the files with one of the suffixes.
    wanted = suffixes if inside.endswith("/") else ("",)
    limit = [] if inside == "/" else ["--", f":(top,literal){inside}"]
    log = _git(
        repository, "-c", "core.quotePath=false", "log", "--reverse", "--diff-filter=AMT", "--no-renames",
        "--name-only", f"--format={_COMMIT}%H %at", *limit,
    ).decode("utf-8", "replace")  # fmt: skip
    commit = observed = named = ""
    is_empty = True
    for line in filter(None, log.split("\n")):
        if line.startswith(_COMMIT):
            commit, seconds = line.removeprefix(_COMMIT).split()
            observed = to_text(datetime.fromtimestamp(int(seconds), UTC))
            named = _next_place(named, observed)
        elif line.endswith(wanted):
            is_empty = False
            yield ImportItem(
                name=PurePosixPath(line).name,
                origin=f"{GIT}{repository}:{line}@{commit}",
                observed=observed,
                named=named,
                load=partial(_git, repository, "cat-file", "blob", f"{commit}:{line}"),
            )
    if is_empty:
        missing = f"a file {inside}" if wanted == ("",) else f"a file in {inside} that ends in {' or '.join(suffixes)}"
        raise UsageError(f"{path}: no commit of this repository has {missing}")


def _next_place(last: str, at: str) -> str:
    """Return the place of a commit made at a UTC time after the one at `last`: that time, or just after `last`.

    Author dates go back where commits were rebased, and many commits of a script have the same second.
    """
    if at > last:
        return at
    time, _, number = last.partition(".")
    return f"{time}.{int(number or 0) + 1:06}"


def _git(repository: str, *arguments: str) -> bytes:
    try:
        return subprocess.run(  # noqa: S603 - a fixed program; the arguments are data to it
            ["git", "-C", repository, *arguments],  # noqa: S607 - the user's git
            check=True,
            capture_output=True,
            stdin=subprocess.DEVNULL,
        ).stdout
    except FileNotFoundError:
        raise UsageError("the program git is not installed; it is needed to import from a repository") from None
    except subprocess.CalledProcessError as error:
        lines = error.stderr.decode("utf-8", "replace").strip().splitlines()
        raise UsageError(f"{GIT}{repository}: {lines[-1] if lines else 'git failed'}") from None
