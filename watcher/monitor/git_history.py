"""Read every version of a file in a git repository, without running a program that the repository configures.

`git rev-parse` finds HEAD and the folder of the objects; it starts no other program. `git cat-file --batch` reads the
objects from an empty repository that is made for it and borrows only that folder. So the configuration of the
repository (filters, ssh, fsmonitor, gpg, remotes to fetch missing objects from), its hooks, and GIT_* of the
environment are never read. Trees are compared here: git quotes names in its output, and ends at the first damage.
"""

from __future__ import annotations

import fcntl
import heapq
import os
import re
import shutil
import subprocess
import tempfile
import weakref
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache, partial
from pathlib import Path
from typing import IO

from msgspec import Struct
from msgspec.structs import replace

from watcher.core.errors import UsageError
from watcher.core.patterns import regex
from watcher.store.snapshot_file import MAX_SNAPSHOT

_AUTHOR = regex(rb"^author [^\n]*> (\d{1,12}) [+-]\d{4}$", re.MULTILINE)
_COMMITTER = regex(rb"^committer [^\n]*> (\d{1,12}) ", re.MULTILINE)
_TREE, _SUBMODULE, _SYMLINK = b"40000", b"160000", b"120000"
_NOT_FILES = {_SUBMODULE: "is a submodule; import from its own repository", _SYMLINK: "is a symbolic link"}
_NO_DATE = "its author date cannot be read"
_SHA256_HEX = 64  # digits of an id
_MAX_DEPTH = 100  # of nested folders
_MAX_ENTRIES = 10_000_000  # compared; ten nested folders can stand for ten billion files
_CACHED_TREES = 4096
_CACHED_COMMITS = 65_536  # each is read for the walk, and again as a parent
_PIPE = 2**20  # bytes: fewer changes between git and this process than the usual 64 kB
_Entry = tuple[bytes, str]  # mode and object id
_Entries = Mapping[bytes, _Entry]


class FileVersion(Struct, frozen=True, kw_only=True):
    """A file as a commit changed it. `seconds`: the author date since 1970; `problem`: why it cannot be imported."""

    path: bytes
    commit: str
    seconds: int = 0
    blob: str = ""
    problem: str = ""


class _Commit(Struct, frozen=True, kw_only=True):
    """A commit; `parents` are those to compare it with. `seconds`: None if its author date cannot be read."""

    id: str
    tree: str
    parents: Sequence[str]
    seconds: int | None
    committed: int


class GitHistory:
    """The commits of a repository up to HEAD. Its git process ends with it. Raises UsageError."""

    def __init__(self, repository: str) -> None:
        place = os.path.expanduser(repository)  # noqa: PTH111 - of Path raises for an unknown user
        objects, shallow = (
            Path(place, os.fsdecode(_rev_parse(place, "--git-path", name))) for name in ("objects", "shallow")
        )
        try:
            self._head = _rev_parse(place, "--verify", "--quiet", "HEAD").decode("ascii", "replace")
        except UsageError:
            raise UsageError(
                f"git:{repository}: has no commit in HEAD; make one there, or let HEAD name a branch that has: "
                f"git -C {repository} symbolic-ref HEAD refs/heads/BRANCH"
            ) from None
        self._roots = frozenset(shallow.read_text("ascii").split()) if shallow.is_file() else frozenset()
        self._objects = _ObjectReader(objects.absolute(), "sha256" if len(self._head) == _SHA256_HEX else "sha1")
        self._read_tree = lru_cache(_CACHED_TREES)(self._objects.read_tree)
        self._read_commit = lru_cache(_CACHED_COMMITS)(partial(_read_commit, self._objects, self._roots))
        self._entries = 0

    def list_versions(self, inside: bytes, is_wanted: Callable[[bytes], bool]) -> Iterator[FileVersion]:
        """Yield each change of a file, or of the wanted files in a folder; the oldest commit first.

        Of a merge, a file counts if it differs from that of every parent, and a parent with the same content replaces
        the others, as in `git log`. A commit that cannot be read is yielded as a problem.
        """
        parts = [part for part in inside.split(b"/") if part not in (b"", b".")]
        path = b"/".join(parts)
        for commit, problem in self._walk(parts):
            if problem:
                yield FileVersion(path=b"", commit=commit.id, problem=problem)
                continue
            try:
                olds = [self._find_leniently(parent, parts) for parent in commit.parents]
                for file, (mode, blob) in self._list_changes(path, self._find(commit.tree, parts), olds, 0):
                    if is_wanted(file):
                        yield FileVersion(
                            path=file,
                            commit=commit.id,
                            seconds=commit.seconds or 0,
                            blob=blob,
                            problem=_NOT_FILES.get(mode) or ("" if commit.seconds is not None else _NO_DATE),
                        )
            except _UnreadableError as error:
                yield FileVersion(path=b"", commit=commit.id, problem=str(error))

    def read_blob(self, blob: str) -> bytes:
        """Return the bytes of a file. Raises UsageError."""
        try:
            return self._objects.read(blob, b"blob")
        except _UnreadableError as error:
            raise UsageError(str(error)) from None

    def _walk(self, parts: Sequence[bytes]) -> list[tuple[_Commit, str]]:
        """Return every commit, or why it cannot be read, the oldest first by the dates of the committers."""
        walked: list[tuple[_Commit, str]] = []
        heap: list[tuple[int, int, _Commit]] = []
        seen: set[str] = set()

        def queue(commit_id: str) -> None:
            if commit_id in seen:
                return
            seen.add(commit_id)
            try:
                commit = self._read_commit(commit_id)
            except _UnreadableError as error:
                broken = _Commit(id=commit_id, tree="", parents=(), seconds=None, committed=0)
                walked.append((broken, str(error)))
            else:
                heapq.heappush(heap, (-commit.committed, len(seen), commit))

        queue(self._head)
        while heap:
            commit = heapq.heappop(heap)[2]
            if len(commit.parents) > 1:
                commit = self._simplify(commit, parts)
            walked.append((commit, ""))
            for parent in commit.parents:
                queue(parent)
        return walked[::-1]

    def _simplify(self, merge: _Commit, parts: Sequence[bytes]) -> _Commit:
        """Return a merge with the one parent that it leaves the path as it was in, if there is one."""
        try:
            entry = self._find(merge.tree, parts)
        except _UnreadableError:
            return merge
        same = [parent for parent in merge.parents if self._find_leniently(parent, parts) == entry]
        return replace(merge, parents=same[:1]) if same else merge

    def _find(self, tree: str, parts: Sequence[bytes]) -> _Entry | None:
        """Return the entry of a path in a tree, None if it has no such path."""
        entry: _Entry | None = (_TREE, tree)
        for part in parts:
            if entry is None or entry[0] != _TREE:
                return None
            entry = self._read_tree(entry[1]).get(part)
        return entry

    def _find_leniently(self, commit_id: str, parts: Sequence[bytes]) -> _Entry | None:
        """Return the entry of a path in a commit; None also if the commit cannot be read, which is reported for it."""
        try:
            return self._find(self._read_commit(commit_id).tree, parts)
        except _UnreadableError:
            return None

    def _list_changes(
        self, path: bytes, new: _Entry | None, olds: Sequence[_Entry | None], depth: int
    ) -> Iterator[tuple[bytes, _Entry]]:
        """Yield the files of an entry that differ from those of every old entry at the same path."""
        self._entries += 1
        if self._entries > _MAX_ENTRIES:
            raise UsageError(f"the repository has more than {_MAX_ENTRIES:,} changed files; name one folder of it")
        if new is None or new in olds:
            return
        if new[0] != _TREE:
            yield path, new
            return
        if depth > _MAX_DEPTH:
            raise _UnreadableError(f"folders are nested more than {_MAX_DEPTH} deep")
        before = [self._read_old_tree(old) for old in olds]
        for name, entry in self._read_tree(new[1]).items():
            inner = path + b"/" + name if path else name
            yield from self._list_changes(inner, entry, [entries.get(name) for entries in before], depth + 1)

    def _read_old_tree(self, entry: _Entry | None) -> _Entries:
        try:
            return self._read_tree(entry[1]) if entry and entry[0] == _TREE else {}
        except _UnreadableError:
            return {}


class _UnreadableError(Exception):
    """One object of the repository cannot be read."""


def _read_commit(objects: _ObjectReader, roots: Collection[str], commit_id: str) -> _Commit:
    """Read a commit; one of `roots` has no parents in this repository. Raises _UnreadableError."""
    head = objects.read(commit_id, b"commit").partition(b"\n\n")[0]
    lines = head.decode("ascii", "replace").split("\n")
    author, committer = _AUTHOR.search(head), _COMMITTER.search(head)
    parents = [line.removeprefix("parent ") for line in lines if line.startswith("parent ")]
    return _Commit(
        id=commit_id,
        tree=lines[0].removeprefix("tree "),
        parents=() if commit_id in roots else parents,
        seconds=int(author[1]) if author else None,
        committed=int(committer[1]) if committer else 0,
    )


class _ObjectReader:
    """Reads the objects of a folder through one git process, which ends when this is collected."""

    def __init__(self, objects: Path, object_format: str) -> None:
        self._id_bytes = 32 if object_format == "sha256" else 20
        self._folder = Path(tempfile.mkdtemp(prefix="watcher-git-"))
        weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        extension = "[extensions]\nobjectFormat = sha256\n" if object_format == "sha256" else ""
        version = 1 if extension else 0
        (self._folder / "config").write_text(f"[core]\nrepositoryFormatVersion = {version}\nbare = true\n{extension}")
        (self._folder / "HEAD").write_text("ref: refs/heads/none\n")
        (self._folder / "refs").mkdir()
        self._environment = {
            **_clean_environment(),
            "GIT_DIR": str(self._folder),
            "GIT_OBJECT_DIRECTORY": str(objects),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_NO_REPLACE_OBJECTS": "1",
            "GIT_NO_LAZY_FETCH": "1",
            "HOME": str(self._folder),  # git before 2.32 does not know GIT_CONFIG_GLOBAL
            "XDG_CONFIG_HOME": str(self._folder),
        }
        self._process: subprocess.Popen[bytes] | None = None
        self._errors: IO[bytes] | None = None

    def read(self, object_id: str, kind: bytes) -> bytes:
        process = self._process or self._start()
        assert process.stdin is not None and process.stdout is not None  # noqa: PT018, S101 - both are pipes
        try:
            process.stdin.write(object_id.encode("ascii", "replace") + b"\n")
            process.stdin.flush()
            header = process.stdout.readline().split()
        except OSError:
            header = []
        if len(header) != 3:  # id, kind, size
            if header[-1:] == [b"missing"]:
                raise _UnreadableError(f"object {object_id} is not in this repository (is it a partial clone?)")
            raise _UnreadableError(f"object {object_id} cannot be read: {self._read_error()}")
        size = int(header[2])
        if size > MAX_SNAPSHOT:
            self._stop()
            raise _UnreadableError(f"{size:,} bytes are more than the {MAX_SNAPSHOT:,} that are kept")
        data = process.stdout.read(size)
        if len(data) < size or not process.stdout.read(1):  # a line break ends each object
            raise _UnreadableError(f"object {object_id} cannot be read: {self._read_error()}")
        if header[1] != kind:
            raise _UnreadableError(f"object {object_id} is not a {kind.decode()}")
        return data

    def read_tree(self, object_id: str) -> _Entries:
        """Return the entries of a folder by name."""
        data = self.read(object_id, b"tree")
        entries: dict[bytes, _Entry] = {}
        start = 0
        while start < len(data):
            end = data.find(b"\0", start)
            mode, space, name = data[start:end].partition(b" ")
            start = end + 1 + self._id_bytes
            if end < 0 or not space or start > len(data):
                raise _UnreadableError(f"tree {object_id} is damaged")
            entries[name] = (mode.lstrip(b"0"), data[end + 1 : start].hex())
        return entries

    def _start(self) -> subprocess.Popen[bytes]:
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - a pipe that nobody reads would block git
        self._process = subprocess.Popen(
            ["git", "cat-file", "--batch"],  # noqa: S607 - the user's git
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=self._environment,
            cwd=self._folder,
        )
        assert self._process.stdout is not None  # noqa: S101 - a pipe
        with suppress(OSError, AttributeError):  # more than this user may have; not on Linux
            fcntl.fcntl(self._process.stdout, fcntl.F_SETPIPE_SZ, _PIPE)
        self._end = weakref.finalize(self, _end_process, self._process, self._errors)
        return self._process

    def _read_error(self) -> str:
        """End the process, and return the last line that it wrote to its standard error."""
        if self._process is not None and self._errors is not None:
            self._process.wait()
            self._errors.seek(0)
            lines = self._errors.read().decode("utf-8", "replace").strip().splitlines()
        else:
            lines = []
        self._stop()
        return lines[-1] if lines else "git ended"

    def _stop(self) -> None:
        self._end()
        self._process = None


def _end_process(process: subprocess.Popen[bytes], errors: IO[bytes]) -> None:
    process.kill()
    for file in (process.stdin, process.stdout, errors):
        if file is not None:
            with suppress(OSError):
                file.close()
    process.wait()


def _clean_environment() -> dict[str, str]:
    """Return the environment without GIT_*, which names programs, other repositories and settings."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return {**environment, "GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}


def _rev_parse(repository: str, *arguments: str) -> bytes:
    try:
        return subprocess.run(  # noqa: S603 - a fixed program; the arguments are data to it
            ["git", "-C", repository, "rev-parse", *arguments],  # noqa: S607 - the user's git
            check=True,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            env=_clean_environment(),
        ).stdout.removesuffix(b"\n")
    except FileNotFoundError:
        raise UsageError("the program git is not installed; it is needed to import from a repository") from None
    except subprocess.CalledProcessError as error:
        lines = error.stderr.decode("utf-8", "replace").strip().splitlines()
        raise UsageError(f"git:{repository}: {lines[-1] if lines else 'git failed'}") from None
