"""Import old releases from files, folders and git repositories.

The order does not matter and repeating is safe: each release goes where it belongs by its date, and releases that the
history has are left alone. No alerts are sent.
"""

from __future__ import annotations

import os
import stat
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path, PurePosixPath

from msgspec import Struct, field

from watcher.core.clock import SystemClock
from watcher.core.errors import ParseError, UsageError
from watcher.core.operator_files import read_document_file
from watcher.core.patterns import regex
from watcher.core.times import is_date, to_text
from watcher.monitor.candidate import Candidate
from watcher.monitor.failures import describe_error, is_fault_of_release
from watcher.monitor.git_history import GitHistory
from watcher.monitor.ingest import ReleaseIngest
from watcher.monitor.result import Outcome

_UPDATED = regex(rb"<updated>\s*(\d{4}-\d{2}-\d{2})")
_HEAD_BYTES = 8192
_DAY_IN_NAME = regex(r"(?<!\d)((?:19|20)\d\d)([-_.]?)(\d\d)\2(\d\d)(?!\d)")
GIT = "git:"
_NUMBER = regex(r"\d+")
_PADDED = 12  # digits, so that 9 comes before 10
_LFS_POINTER, _LFS_LARGEST = b"version https://git-lfs.github.com/spec/", 1024
_CLOCK_TOLERANCE = timedelta(days=1)
# Releases that are ingested in one transaction: others wait for about a second, and what was read fits in memory.
_MOST_TOGETHER, _MOST_BYTES = 64, 8 * 2**20


class RefusedItemError(UsageError):
    """An item is no document: a Git LFS pointer, a symbolic link, an object that cannot be read."""


class ImportItem(Struct, frozen=True, kw_only=True):
    """A file or a commit that may be a release, not read yet.

    `name` is the file's name without its folder; `origin` is valid text for `path`. `observed` is the UTC time at which
    somebody saw it, None if unknown; `named` is the place of its path or commit among releases of one day
    (`release_order.Label`).
    """

    name: str
    path: str
    origin: str
    observed: str | None
    load: Callable[[], bytes]
    named: str | None = None

    def candidate(self) -> Candidate:
        """Read it. Raises OSError or RefusedItemError if that fails."""
        data = self.load()
        if data.startswith(_LFS_POINTER) and len(data) < _LFS_LARGEST:
            raise RefusedItemError("is a Git LFS pointer, not the document; run `git lfs pull` and import the file")
        return Candidate(data=data, origin=self.origin, observed=self.observed, named=self.named)


class ImportReport(Struct):
    """The numbers of items by outcome, and the (origin, reason) of every item that was refused."""

    outcomes: Counter[Outcome] = field(default_factory=Counter)
    refused: list[tuple[str, str]] = field(default_factory=list)

    def add(self, other: ImportReport) -> None:
        self.outcomes += other.outcomes
        self.refused += other.refused


def find_items(paths: Iterable[str], *suffixes: str, now: datetime | None = None) -> list[ImportItem]:
    """List files, folders (all files in them with a suffix), `git:REPO:PATH` and `git:REPO:FOLDER/`.

    A suffix has no dot and is in lower case; "" stands for a name without a suffix. The files of all paths are in the
    order of the date in them, then the commits as they were made: an import that goes forward in time is four times
    faster than one in any order. What cannot be read is listed too, and refused by its import. Raises UsageError for a
    path that does not exist.
    """
    files: list[ImportItem] = []
    commits: list[ImportItem] = []
    for path in paths:
        if path.startswith(GIT):
            commits.extend(_git_items(path, suffixes, now or SystemClock().now()))
        else:
            files.extend(_file_items(Path(path), suffixes))
    return [*sorted(files, key=_sort_key), *commits]


def import_items(
    pairs: Iterable[tuple[ReleaseIngest, ImportItem]],
    progress: Callable[[], None] | None = None,
    *,
    archive_only: bool = False,
) -> ImportReport:
    """Ingest every item into its source, all of one archive and history; one that is no release of it is refused.

    Some releases at a time are one transaction with one sync of each file: a transaction for each takes longer than to
    read and judge a small release. They are read before, so that no other process waits for a slow disk. `progress` is
    called after each item. With `archive_only` the history stays as it is (`ReleaseIngest.archive`).
    """
    report = ImportReport()
    for batch in _read_batches(pairs):
        with batch[0].ingest.batch():
            while batch:
                _ingest_read_item(batch.popleft(), report, archive_only=archive_only)
                if progress:
                    progress()
    return report


class _ReadItem(Struct, frozen=True, kw_only=True):
    """An item that was read: a candidate for a source, or the reason why it is refused."""

    ingest: ReleaseIngest
    origin: str
    candidate: Candidate | None = None
    reason: str = ""


def _read_batches(pairs: Iterable[tuple[ReleaseIngest, ImportItem]]) -> Iterator[deque[_ReadItem]]:
    batch: deque[_ReadItem] = deque()
    size = 0
    for ingest, item in pairs:
        read = _read_item(ingest, item)
        batch.append(read)
        size += len(read.candidate.data) if read.candidate else 0
        if len(batch) == _MOST_TOGETHER or size >= _MOST_BYTES:
            yield batch
            batch, size = deque(), 0
    if batch:
        yield batch


def _read_item(ingest: ReleaseIngest, item: ImportItem) -> _ReadItem:
    try:
        return _ReadItem(ingest=ingest, origin=item.origin, candidate=item.candidate())
    except RefusedItemError as error:
        reason = str(error)
    except OSError as error:
        reason = error.strerror or str(error)
    return _ReadItem(ingest=ingest, origin=item.origin, reason=reason)


def _ingest_read_item(item: _ReadItem, report: ImportReport, *, archive_only: bool) -> None:
    if item.candidate is None:
        report.refused.append((item.origin, item.reason))
        return
    try:
        step = item.ingest.archive if archive_only else item.ingest.ingest
        result = step(item.candidate)
    except ParseError as error:
        report.refused.append((item.origin, str(error)))
    except OSError as error:
        report.refused.append((item.origin, error.strerror or str(error)))
    except Exception as error:
        if not is_fault_of_release(error, item.ingest.history_location):
            raise
        report.refused.append((item.origin, describe_error(error)))
    else:
        report.outcomes[result.outcome] += 1


def _file_items(path: Path, suffixes: tuple[str, ...]) -> list[ImportItem]:
    try:
        is_folder = stat.S_ISDIR(path.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        raise UsageError(f"{path}: no such file or folder (a repository is written git:REPO:PATH)") from None
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from None
    items = list(_folder_items(path, suffixes)) if is_folder else [_file_item(path)]
    if not items:
        is_repository = (path / ".git").exists() or (path / "HEAD").is_file()
        hint = f"; of a repository, write git:{path}:PATH" if is_repository else ""
        raise UsageError(f"{path}: no file in this folder ends in {_describe(suffixes)}{hint}")
    return items


def _sort_key(file: ImportItem) -> tuple[str, str]:
    return _date_in_file(Path(file.path)) or file.named or "", file.named or ""


def _folder_items(folder: Path, suffixes: tuple[str, ...]) -> Iterator[ImportItem]:
    """Yield every file with one of the suffixes, and an item that is refused for each folder that cannot be read."""
    errors: list[OSError] = []
    for parent, _, names in os.walk(folder, onerror=errors.append):
        for name in names:
            if _has_suffix(name, suffixes) and Path(parent, name).is_file():
                yield _file_item(Path(parent, name))
    for error in errors:
        yield ImportItem(
            name="", path=str(error.filename), origin=_text(error.filename), observed=None, load=partial(_raise, error)
        )


def _file_item(file: Path) -> ImportItem:
    return ImportItem(
        name=file.name,
        path=str(file),
        origin=_text(file),
        observed=None,
        load=partial(read_document_file, file),
        named=_place_of_path(file),
    )


def _has_suffix(name: str, suffixes: tuple[str, ...]) -> bool:
    """Return whether a file name has one of the suffixes. Digits after a dot (of a date) are no suffix."""
    suffix = PurePosixPath(name).suffix[1:].lower()
    if not any(map(str.isalpha, suffix)):
        suffix = ""
    return suffix in suffixes and not name.startswith(".")


def _describe(suffixes: tuple[str, ...]) -> str:
    return " or ".join(f".{suffix}" if suffix else "no suffix" for suffix in suffixes)


def _raise(error: Exception) -> bytes:
    raise error


def _text(path: Path | str | bytes) -> str:
    """Return a path as valid text: bytes of another encoding than UTF-8 are written as escapes."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _place_of_path(file: Path) -> str:
    """Return the day that a path is named after, then its name and folder, with numbers in numerical order."""
    names = (_text(name) for name in reversed(file.absolute().parts[-2:]))
    padded = "/".join(_NUMBER.sub(lambda digits: digits[0].zfill(_PADDED), name) for name in names)
    return f"{_day_in_path(file) or ''}/{padded}"


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
        if not path.is_file():
            return ""  # a pipe can be read only once
        with path.open("rb") as file:
            match = _UPDATED.search(file.read(_HEAD_BYTES))
    except OSError:
        return ""  # the import refuses it and gives the reason
    return match[1].decode() if match and is_date(match[1].decode()) else ""


def _git_items(path: str, suffixes: tuple[str, ...], now: datetime) -> Iterator[ImportItem]:
    """Yield every commit that changed a file, the oldest first; its author date is when somebody saw that state."""
    repository, inside = _split_git_path(path)
    # A file is imported whatever its suffix; in a folder, the files with one of the suffixes.
    is_folder = inside.endswith("/")
    history = GitHistory(repository)
    named = ""
    is_empty = True

    def is_wanted(file: bytes) -> bool:
        return not is_folder or _has_suffix(PurePosixPath(os.fsdecode(file)).name, suffixes)

    for version in history.list_versions(os.fsencode(inside), is_wanted):
        problem, observed = version.problem, None
        if not problem and version.seconds > (now + _CLOCK_TOLERANCE).timestamp():
            problem = "its author date is in the future"
        if not problem:
            observed = to_text(datetime.fromtimestamp(version.seconds, UTC))
            named = _next_place(named, observed)
        is_empty = False
        file = os.fsdecode(version.path)
        yield ImportItem(
            name=PurePosixPath(file).name,
            path=file,
            origin=f"{GIT}{_text(repository)}:{_text(version.path)}@{version.commit}",
            observed=observed,
            named=named or None,
            load=partial(_raise, RefusedItemError(problem)) if problem else partial(_read_blob, history, version.blob),
        )
    if is_empty:
        missing = f"a file in {inside} that ends in {_describe(suffixes)}" if is_folder else f"a file {inside}"
        raise UsageError(f"{path}: no commit of this repository has {missing}")


def _split_git_path(path: str) -> tuple[str, str]:
    """Return repository and path of `git:REPO:PATH`. Either may have a colon: REPO is the first folder that exists."""
    parts = path.removeprefix(GIT).split(":")
    splits = [(":".join(parts[:index]), ":".join(parts[index:])) for index in range(1, len(parts))]
    for repository, inside in splits:
        # Those of Path raise for an unknown user and for a name that is too long.
        if repository and inside and os.path.isdir(os.path.expanduser(repository)):  # noqa: PTH111, PTH112
            return repository, inside
    if not splits or not all(splits[-1]):
        raise UsageError(f"{path}: a repository is written git:REPO:PATH, PATH relative to its root")
    return splits[-1]


def _read_blob(history: GitHistory, blob: str) -> bytes:
    try:
        return history.read_blob(blob)
    except UsageError as error:
        raise RefusedItemError(str(error)) from None


def _next_place(last: str, at: str) -> str:
    """Return the place of a commit made at a UTC time after the one at `last`: that time, or just after `last`.

    Author dates go back where commits were rebased, and many commits of a script have the same second.
    """
    if at > last:
        return at
    time, _, number = last.partition(".")
    return f"{time}.{int(number or 0) + 1:06}"
