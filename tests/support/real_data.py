"""Real releases for tests: where they are, and a loud skip where they are not. Knows git, and no registry.

They are not part of the project: the folder `../shared/data` beside it has them on some machines. Every function here
may be called at any time, collecting included, and skips the caller with the reason where its file is absent.
"""

from __future__ import annotations

import atexit
import fcntl
import io
import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterable, Iterator
from functools import cache, lru_cache
from pathlib import Path

import pytest

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
# Each is one line of commits, and each commit has a tag, its date.
PORTS_BUNDLE = "ports-2017-2023"  # 335 port releases by their `<updated>` date
IANA_BUNDLE = "iana-2016-2021"  # 378 registry groups, `GROUP/GROUP.xml`, in 65 months
RECENT_IANA_BUNDLE = "iana-2022-2024"  # every registry group as of the fifth of each month, 2022-01 to 2024-02
FORMATS_BUNDLE = "formats-2016-2021"  # XML, CSV and text side by side on 11 dates
# Cloning the four bundles takes five CPU seconds, so the clones are kept for the next run and shared by its processes.
CLONES = Path(__file__).resolve().parents[2] / ".pytest_cache" / "real-data"
PORTS = "service-names-port-numbers.xml"
# A test run that a git hook started has variables that point every git command at the hook's repository.
_ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}


def data(name: str) -> Path:
    """Return a file of the real data."""
    path = DATA / name
    if not path.exists():
        pytest.skip(f"no real data: ../shared/data/{name} is not beside this checkout", allow_module_level=True)
    return path


@cache
def _scratch() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="registry-watcher-data-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@cache
def repository(bundle: str) -> Path:
    """Return a bare clone of `bundle`.bundle for reading; another bundle of that name gets another clone."""
    source = data(f"{bundle}.bundle")
    about = source.stat()
    clone = CLONES / f"{bundle}-{about.st_size}-{about.st_mtime_ns}.git"
    CLONES.mkdir(parents=True, exist_ok=True)
    with CLONES.joinpath("lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not clone.exists():
            unfinished = clone.with_suffix(".unfinished")
            shutil.rmtree(unfinished, ignore_errors=True)
            _git("clone", "--quiet", "--bare", str(source), str(unfinished))
            unfinished.rename(clone)
    return clone


class _ObjectReader:
    """One `git cat-file --batch`, which reads any number of objects of a repository. Lives as long as the process.

    A process for each object takes longer than most tests that read one.
    """

    def __init__(self, repository: Path) -> None:
        command = ["git", f"--git-dir={repository}", "cat-file", "--batch"]
        self._git = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=_ENVIRONMENT)
        atexit.register(self._close)

    def read(self, name: str) -> bytes:
        """Return a blob by its hash or as `TAG:PATH`. Raises LookupError."""
        assert self._git.stdin is not None
        assert self._git.stdout is not None
        self._git.stdin.write(f"{name}\n".encode())
        self._git.stdin.flush()
        header = self._git.stdout.readline().split()
        if len(header) != 3 or header[1] != b"blob":
            raise LookupError(f"no file {name}")
        content = self._git.stdout.read(int(header[2]))
        self._git.stdout.read(1)
        return content

    def _close(self) -> None:
        self._git.communicate()


@cache
def _objects(bundle: str) -> _ObjectReader:
    return _ObjectReader(repository(bundle))


def _tags(bundle: str) -> tuple[str, ...]:
    return tuple(sorted(_git(f"--git-dir={repository(bundle)}", "tag").decode().split()))


@cache
def ports_dates() -> tuple[str, ...]:
    """Return the dates of all port releases, oldest first."""
    return _tags(PORTS_BUNDLE)


@lru_cache(maxsize=4)
def ports_release(date: str) -> bytes:
    """Return the port release of a date, byte for byte. Raises LookupError."""
    return _objects(PORTS_BUNDLE).read(f"{date}:{PORTS}")


def ports_releases(dates: Iterable[str] | None = None) -> Iterator[tuple[str, bytes]]:
    """Yield (date, bytes) for many dates, default all."""
    for date in ports_dates() if dates is None else dates:
        yield date, _objects(PORTS_BUNDLE).read(f"{date}:{PORTS}")


@lru_cache(maxsize=8)
def iana_document(group: str, tag: str) -> bytes:
    """Return a registry group as it stood on a date that has a tag, byte for byte."""
    return _objects(IANA_BUNDLE if tag < "2022" else RECENT_IANA_BUNDLE).read(f"{tag}:{group}/{group}.xml")


@cache
def formats_dates() -> tuple[str, ...]:
    """Return the 11 dates of which there is XML, CSV and text side by side, oldest first."""
    return _tags(FORMATS_BUNDLE)


@lru_cache(maxsize=1)
def formats_files(date: str) -> dict[str, bytes]:
    """Return every file of such a date by its path, `tls-parameters/tls-parameters-4.csv`."""
    archive = _git(f"--git-dir={repository(FORMATS_BUNDLE)}", "archive", "--format=tar", date)
    with tarfile.open(fileobj=io.BytesIO(archive)) as members:
        return {member.name: file.read() for member in members if (file := members.extractfile(member)) is not None}


@cache
def accidents() -> Path:
    """Return a folder with what servers and mirrors really served in place of a release."""
    folder = _scratch() / "accidents"
    with tarfile.open(data("accidents.tar.xz")) as archive:
        # The first releases of Python 3.11 have no filters; the archive is ours.
        archive.extraction_filter = getattr(tarfile, "data_filter", None)  # type: ignore[assignment]
        archive.extractall(folder)  # noqa: S202 - our own archive
    return folder


def seed() -> str:
    """Return the page that the first release of the sample was made from."""
    return data("seed-2024-11-19.txt").read_text("utf-8")


def _git(*arguments: str) -> bytes:
    return subprocess.run(["git", *arguments], check=True, capture_output=True, env=_ENVIRONMENT).stdout


@cache
def bundle_versions(bundle: str) -> dict[str, tuple[tuple[str, str], ...]]:
    """Return every registry group of a bundle: (month, blob) for each that differs from the one before."""
    command = (
        "log",
        "--reverse",
        "--root",
        "--raw",
        "--no-abbrev",
        "--diff-filter=d",
        "--format=%D",
        _tags(bundle)[-1],
    )
    found: dict[str, list[tuple[str, str]]] = {}
    month = ""
    for line in _git(f"--git-dir={repository(bundle)}", *command).decode().splitlines():
        if "tag: " in line:
            month = line.partition("tag: ")[2].partition(",")[0]
        elif line:
            meta, path = line.split("\t")
            found.setdefault(path.partition("/")[0], []).append((month, meta.split()[3]))
    return {group: tuple(found[group]) for group in sorted(found)}


def iana_versions() -> dict[str, tuple[tuple[str, str], ...]]:
    """Return the versions of every registry group of 2016 to 2021."""
    return bundle_versions(IANA_BUNDLE)


def iana_documents(group: str) -> Iterator[tuple[str, bytes]]:
    """Yield (month, bytes) of one registry group, each month in which it differs from the one before."""
    return group_documents(IANA_BUNDLE, group)


def group_documents(bundle: str, group: str) -> Iterator[tuple[str, bytes]]:
    """Yield (month, bytes) of one registry group of a bundle, each month in which it differs from the one before."""
    for month, blob in bundle_versions(bundle)[group]:
        yield month, _objects(bundle).read(blob)


def bundle_documents(bundle: str) -> Iterator[tuple[str, str, bytes]]:
    """Yield (group, month, bytes) of the registry groups of a bundle, by group, where one differs from its last."""
    for group, versions in bundle_versions(bundle).items():
        for month, blob in versions:
            yield group, month, _objects(bundle).read(blob)


def iana_groups() -> tuple[str, ...]:
    """Return the ids of the registry groups there are."""
    return tuple(iana_versions())
