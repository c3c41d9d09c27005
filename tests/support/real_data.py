"""Real releases for tests: where they are, and a loud skip where they are not. Knows git, and no registry.

They are not part of the project: the folder `../shared/data` beside it has them on some machines. Every function here
may be called at any time, collecting included, and skips the caller with the reason where its file is absent.
"""

from __future__ import annotations

import atexit
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
    """Return a bare clone of `bundle`.bundle, made once a session."""
    source, clone = data(f"{bundle}.bundle"), _scratch() / f"{bundle}.git"
    _git("clone", "--quiet", "--bare", str(source), str(clone))
    return clone


def ports_repository() -> Path:
    """Return a bare repository of 335 port releases: one commit and one tag, its `<updated>` date, each."""
    return repository("ports-2017-2023")


@cache
def ports_dates() -> tuple[str, ...]:
    """Return the dates of all port releases, oldest first."""
    return tuple(sorted(_git(f"--git-dir={ports_repository()}", "tag").decode().split()))


@lru_cache(maxsize=4)
def ports_release(date: str) -> bytes:
    """Return the port release of a date, byte for byte."""
    return _git(f"--git-dir={ports_repository()}", "show", f"{date}:{PORTS}")


def ports_releases(dates: Iterable[str] | None = None) -> Iterator[tuple[str, bytes]]:
    """Yield (date, bytes) for many dates, default all, through one git process."""
    wanted = ports_dates() if dates is None else tuple(dates)
    command = ["git", f"--git-dir={ports_repository()}", "cat-file", "--batch"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=_ENVIRONMENT) as git:
        assert git.stdin is not None
        assert git.stdout is not None
        for date in wanted:
            git.stdin.write(f"{date}:{PORTS}\n".encode())
            git.stdin.flush()
            header = git.stdout.readline().split()
            if len(header) != 3 or header[1] != b"blob":
                raise LookupError(f"no port release of {date}")
            content = git.stdout.read(int(header[2]))
            git.stdout.read(1)
            yield date, content


def iana_repository() -> Path:
    """Return a bare repository of 378 registry groups, `GROUP/GROUP.xml`: one tag, a date, for each of 65 months."""
    return repository("iana-2016-2021")


def recent_iana_repository() -> Path:
    """Return a bare repository of every registry group as of the fifth of each month, 2022-01 to 2024-02."""
    return repository("iana-2022-2024")


@lru_cache(maxsize=8)
def iana_document(group: str, tag: str) -> bytes:
    """Return a registry group as it stood on a date that has a tag, byte for byte."""
    git_dir = iana_repository() if tag < "2022" else recent_iana_repository()
    return _git(f"--git-dir={git_dir}", "show", f"{tag}:{group}/{group}.xml")


@cache
def formats_dates() -> tuple[str, ...]:
    """Return the 11 dates of which there is XML, CSV and text side by side, oldest first."""
    return tuple(sorted(_git(f"--git-dir={repository('formats-2016-2021')}", "tag").decode().split()))


@lru_cache(maxsize=1)
def formats_files(date: str) -> dict[str, bytes]:
    """Return every file of such a date by its path, `tls-parameters/tls-parameters-4.csv`."""
    archive = _git(f"--git-dir={repository('formats-2016-2021')}", "archive", "--format=tar", date)
    with tarfile.open(fileobj=io.BytesIO(archive)) as members:
        return {each.name: file.read() for each in members if (file := members.extractfile(each)) is not None}


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
def iana_versions() -> dict[str, tuple[tuple[str, str], ...]]:
    """Return every registry group of the months there are: (month, blob) for each that differs from the one before."""
    git = f"--git-dir={repository('iana-2016-2021')}"
    found: dict[str, list[tuple[str, str]]] = {}
    for month in sorted(_git(git, "tag").decode().split()):
        for line in _git(git, "ls-tree", "-r", month).decode().splitlines():
            meta, path = line.split("\t")
            versions = found.setdefault(path.partition("/")[0], [])
            blob = meta.split()[2]
            if not versions or versions[-1][1] != blob:
                versions.append((month, blob))
    return {group: tuple(versions) for group, versions in found.items()}


def iana_documents(group: str) -> Iterator[tuple[str, bytes]]:
    """Yield (month, bytes) of one registry group, each month in which it differs from the one before."""
    for month, blob in iana_versions()[group]:
        yield month, _git(f"--git-dir={repository('iana-2016-2021')}", "cat-file", "blob", blob)


def iana_groups() -> tuple[str, ...]:
    """Return the ids of the registry groups there are."""
    return tuple(sorted(iana_versions()))
