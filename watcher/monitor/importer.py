"""Import old releases: files, folders, and git repositories that people scraped a registry into for years.

Any order, again and again: every release goes where it belongs, and what is there already is left alone.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path, PurePosixPath

from watcher.core.errors import ParseError, UsageError
from watcher.core.times import to_text
from watcher.monitor.ingest import CheckResult, Outcome, ReleaseIngest

_HINT = re.compile(rb"<updated>\s*(\d{4}-\d{2}-\d{2})")
_HEAD = 8192
_NAMED = re.compile(r"(?<!\d)((?:19|20)\d\d)([-_.]?)(\d\d)\2(\d\d)(?!\d)")
GIT = "git:"
_COMMIT = "\x01"  # no path begins so


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """Something that may be a release. `observed` is the UTC time at which somebody saw it, None where unknown.

    `name` is what its file is called, without the folder; `named` the UTC time that its path names, None where none.
    """

    name: str
    origin: str
    observed: str | None
    load: Callable[[], bytes]
    named: str | None = None


@dataclass(slots=True)
class ImportReport:
    """What became of all candidates; `refused` are (origin, why)."""

    taken: dict[Outcome, int] = field(default_factory=dict)
    refused: list[tuple[str, str]] = field(default_factory=list)

    def add(self, other: ImportReport) -> None:
        for outcome, number in other.taken.items():
            self.taken[outcome] = self.taken.get(outcome, 0) + number
        self.refused += other.refused


def candidates(paths: Iterable[str], *suffixes: str) -> list[Candidate]:
    """List what the paths hold: files, folders (every file in them that ends so), `git:REPO:PATH`, `git:REPO:FOLDER/`.

    Files come in the order of the date they bear, commits as they were made, so that a long import goes forward.
    Raises UsageError for a path that is not there.
    """
    found: list[Candidate] = []
    for path in paths:
        if path.startswith(GIT):
            found.extend(_commits(path, suffixes))
        else:
            found.extend(_files(Path(path), suffixes))
    return found


def run(
    intake: ReleaseIngest,
    found: Iterable[Candidate],
    progress: Callable[[Candidate, CheckResult | None], None] = lambda *_: None,
) -> ImportReport:
    """Take every candidate. One that is no release is reported and passed over; nothing is alerted."""
    report = ImportReport()
    for candidate in found:
        taken = None
        try:
            taken = intake.take(
                candidate.load(), origin=candidate.origin, observed=candidate.observed, named=candidate.named
            )
        except ParseError as error:
            report.refused.append((candidate.origin, str(error)))
        except OSError as error:
            report.refused.append((candidate.origin, error.strerror or str(error)))
        else:
            report.taken[taken.outcome] = report.taken.get(taken.outcome, 0) + 1
        progress(candidate, taken)
    return report


def _files(path: Path, suffixes: tuple[str, ...]) -> list[Candidate]:
    if path.is_dir():
        names = [name for name in path.rglob("*") if name.name.endswith(suffixes) and name.is_file()]
        if not names:
            raise UsageError(f"{path}: there is no file in it that ends in {' or '.join(suffixes)}")
    elif path.exists():
        names = [path]
    else:
        raise UsageError(f"{path}: no such file or folder (a repository is written git:REPO:PATH)")
    found = [
        Candidate(name=name.name, origin=str(name), observed=None, load=name.read_bytes, named=_day_named(name))
        for name in names
    ]
    return sorted(found, key=lambda each: (_hint(Path(each.origin)) or each.named or "", each.origin))


def _day_named(path: Path) -> str | None:
    """The beginning of the day that a file, or else its folder, is called after; none above says when a file was."""
    for name in reversed(path.absolute().parts[-2:]):
        for year, _, month, day in reversed(_NAMED.findall(name)):
            with suppress(ValueError):
                return f"{date(int(year), int(month), int(day)).isoformat()}T00:00:00Z"
    return None


def _hint(name: Path) -> str:
    """The date that a file seems to bear: only for the order of work, never believed."""
    try:
        with name.open("rb") as file:
            found = _HINT.search(file.read(_HEAD))
    except OSError:
        return ""  # it is refused with its reason when its turn comes
    return found[1].decode() if found else ""


def _commits(path: str, suffixes: tuple[str, ...]) -> Iterator[Candidate]:
    """Every commit that changed a file, the oldest first. Its author date is when somebody saw that state."""
    repository, colon, inside = path.removeprefix(GIT).rpartition(":")
    if not colon or not repository or not inside:
        raise UsageError(f"{path}: a repository is written git:REPO:PATH, PATH as it stands in the repository")
    # A file is taken whatever it is called; of a folder, what ends so.
    wanted = suffixes if inside.endswith("/") else ("",)
    place = [] if inside == "/" else ["--", f":(top,literal){inside}"]
    told = _git(
        repository, "-c", "core.quotePath=false", "log", "--reverse", "--diff-filter=AMT", "--no-renames",
        "--name-only", f"--format={_COMMIT}%H %at", *place,
    ).decode("utf-8", "replace")  # fmt: skip
    commit = seconds = ""
    found = False
    for line in filter(None, told.split("\n")):
        if line.startswith(_COMMIT):
            commit, seconds = line.removeprefix(_COMMIT).split()
        elif line.endswith(wanted):
            found = True
            yield Candidate(
                name=PurePosixPath(line).name,
                origin=f"{GIT}{repository}:{line}@{commit}",
                observed=to_text(datetime.fromtimestamp(int(seconds), UTC)),
                load=partial(_git, repository, "cat-file", "blob", f"{commit}:{line}"),
            )
    if not found:
        what = f"a file {inside}" if wanted == ("",) else f"a file in {inside} that ends in {' or '.join(suffixes)}"
        raise UsageError(f"{path}: no commit of this repository has {what}")


def _git(repository: str, *arguments: str) -> bytes:
    try:
        return subprocess.run(  # noqa: S603 - a fixed program; the arguments are data to it
            ["git", "-C", repository, *arguments],  # noqa: S607 - the user's git
            check=True,
            capture_output=True,
            stdin=subprocess.DEVNULL,
        ).stdout
    except FileNotFoundError:
        raise UsageError("importing from a repository needs the program git") from None
    except subprocess.CalledProcessError as error:
        said = error.stderr.decode("utf-8", "replace").strip().splitlines()
        raise UsageError(f"{GIT}{repository}: {said[-1] if said else 'git failed'}") from None
