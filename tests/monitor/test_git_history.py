"""Repositories that are damaged, odd or hostile: every readable version is imported, and no program is run."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from watcher.core.errors import UsageError
from watcher.monitor.importer import ImportItem, RefusedItemError, find_items

NAME = "a@example.org"
DAY = 1_550_000_000  # 2019-02-12


class Repository:
    """A bare repository whose objects are written one by one, so that any of them can be odd."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.commits: list[str] = []
        path.mkdir()
        self.git("init", "-q", "--bare", "-b", "main", ".")

    def git(self, *arguments: str, data: bytes = b"") -> str:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        command = ["git", "-C", str(self.path), *arguments]
        done = subprocess.run(command, input=data, capture_output=True, check=True, env={**clean, "HOME": "/"})
        return done.stdout.decode().strip()

    def write(self, kind: str, data: bytes) -> str:
        return self.git("hash-object", "-w", "--literally", "-t", kind, "--stdin", data=data)

    def tree(self, *entries: tuple[str, bytes, str]) -> str:
        return self.write(
            "tree", b"".join(b"%s %s\0%s" % (mode.encode(), name, bytes.fromhex(id_)) for mode, name, id_ in entries)
        )

    def commit(self, tree: str, *parents: str, author: str = "", extra: str = "") -> str:
        stamp = f"A <{NAME}> {DAY + 86400 * len(self.commits)} +0000"
        lines = [f"tree {tree}", *(f"parent {parent}" for parent in parents)]
        lines += [author or f"author {stamp}", f"committer {stamp}"]
        self.commits.append(self.write("commit", ("\n".join(lines) + f"\n{extra}\nx\n").encode()))
        self.git("update-ref", "HEAD", self.commits[-1])
        return self.commits[-1]

    def file(self, name: bytes, text: bytes, *parents: str, author: str = "") -> str:
        return self.commit(self.tree(("100644", name, self.write("blob", text))), *parents, author=author)

    def remove(self, object_id: str) -> Path:
        path = self.path / "objects" / object_id[:2] / object_id[2:]
        path.unlink()
        return path


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "r.git")


def load(items: list[ImportItem]) -> list[bytes | str]:
    """Return the bytes of each item, or why it is refused."""
    loaded: list[bytes | str] = []
    for item in items:
        try:
            loaded.append(item.candidate().data)
        except RefusedItemError as error:
            loaded.append(str(error))
    return loaded


@pytest.mark.fault(75)
def test_no_program_of_the_repository_or_the_environment_is_run(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    marker, program = tmp_path / "was-run", tmp_path / "program"
    program.write_text(f'#!/bin/sh\necho "$0 $*" >> {marker}\n')
    program.chmod(0o755)
    attributes = repository.write("blob", b"* filter=x diff=x\n")
    blobs = [repository.write("blob", text) for text in (b"one", b"two", b"three")]
    commits: list[str] = []
    for blob in blobs:
        tree = repository.tree(("100644", b".gitattributes", attributes), ("100644", b"t.csv", blob))
        signature = "gpgsig -----BEGIN PGP SIGNATURE-----\n \n x\n -----END PGP SIGNATURE-----"
        commits.append(repository.commit(tree, *commits[-1:], extra=signature))
    repository.remove(blobs[1])  # a promised object: git would fetch it
    for key, value in {
        "core.fsmonitor": program,
        "core.sshCommand": program,
        "core.pager": program,
        "core.alternateRefsCommand": program,
        "core.hooksPath": program.parent,
        "gpg.program": program,
        "log.showSignature": "true",
        "diff.external": program,
        "diff.x.textconv": program,
        "filter.x.smudge": program,
        "filter.x.process": program,
        "remote.origin.url": repository.path,
        "remote.origin.uploadpack": program,
        "remote.origin.promisor": "true",
        "remote.origin.partialclonefilter": "blob:none",
        "extensions.partialClone": "origin",
        "core.repositoryFormatVersion": "1",
        "credential.helper": f"!{program}",
    }.items():
        repository.git("config", key, str(value))
    for name in ("GIT_EXTERNAL_DIFF", "GIT_SSH_COMMAND", "GIT_PAGER", "GIT_PROXY_COMMAND", "GIT_ASKPASS"):
        monkeypatch.setenv(name, str(program))
    for name, value in {
        "GIT_DIR": "/nowhere",
        "GIT_EXEC_PATH": str(tmp_path),
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "alias.rev-parse",
        "GIT_CONFIG_VALUE_0": f"!{program}",
        "GIT_OBJECT_DIRECTORY": "/nowhere",
        "GIT_LITERAL_PATHSPECS": "1",
    }.items():
        monkeypatch.setenv(name, value)
    loaded = load(find_items([f"git:{repository.path}:t.csv"], "csv"))
    assert [text if isinstance(text, bytes) else "is not in this repository" in text for text in loaded] == [
        b"one",
        True,
        b"three",
    ]
    assert not marker.exists(), marker.read_text()


@pytest.mark.fault(75)
@pytest.mark.parametrize("name", [b'q"x.csv', b"a\nb.csv", b"back\\slash.csv", b"\xff\xfe.csv", b"a:b.csv", b"*.csv"])
def test_a_name_with_any_character_is_found_alone_and_in_its_folder(repository: Repository, name: bytes) -> None:
    other = repository.write("blob", b"other")
    inner = repository.tree(("100644", name, repository.write("blob", b"text")), ("100644", b"z.txt", other))
    repository.commit(repository.tree(("40000", b"in", inner), ("100644", b"x.csv", other)))
    for path in ("in/" + os.fsdecode(name), "in/"):
        items = find_items([f"git:{repository.path}:{path}"], "csv")
        assert load(items) == [b"text"]
        assert items[0].name == os.fsdecode(name)
        items[0].origin.encode()  # a receipt holds it


ODD_DATES = (
    f"author A <{NAME}> 99999999999999999999 +0000",
    f"author A <{NAME}> 99999999999 +0000",
    f"author A <{NAME}> -5 +0000",
    f"author A <{NAME}>",
    "author",
)


@pytest.mark.fault(75)
def test_a_commit_with_an_odd_author_date_is_refused_and_the_others_are_read(repository: Repository) -> None:
    last = repository.file(b"t.csv", b"first")
    for number, author in enumerate(ODD_DATES):
        last = repository.file(b"t.csv", b"odd %d" % number, last, author=author)
    repository.file(b"t.csv", b"last", last)
    loaded = load(find_items([f"git:{repository.path}:t.csv"], "csv"))
    assert (loaded[0], loaded[-1]) == (b"first", b"last")
    assert loaded[1:-1] == [
        "its author date is in the future" if " 99999999999 " in author else "its author date cannot be read"
        for author in ODD_DATES
    ]


@pytest.mark.fault(75)
def test_what_is_no_file_is_refused_with_its_kind(repository: Repository) -> None:
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"4d" * 32 + b"\nsize 12345\n"
    blob = repository.write("blob", b"/etc/passwd")
    first = repository.commit(repository.tree(("120000", b"t.csv", blob)))
    second = repository.commit(repository.tree(("160000", b"t.csv", first)), first)
    third = repository.file(b"t.csv", pointer, second)
    repository.file(b"t.csv", b"text", third)
    for path in ("t.csv", "/"):
        loaded = load(find_items([f"git:{repository.path}:{path}"], "csv"))
        assert loaded[:2] == ["is a symbolic link", "is a submodule; import from its own repository"]
        assert str(loaded[2]).startswith("is a Git LFS pointer, not the document; ")
        assert loaded[3:] == [b"text"]


def cut(path: Path, data: bytes) -> None:
    path.write_bytes(data[: len(data) // 2])


def overwrite(path: Path, data: bytes) -> None:
    path.write_bytes(b"x" * len(data))


def omit(path: Path, data: bytes) -> None:
    pass


@pytest.mark.fault(75)
@pytest.mark.parametrize("kind", ["commit", "tree", "blob"])
@pytest.mark.parametrize("damage", [cut, overwrite, omit])
def test_a_damaged_object_ends_only_its_own_commit(
    repository: Repository, kind: str, damage: Callable[[Path, bytes], None]
) -> None:
    last = ""
    for number in range(5):
        last = repository.file(b"t.csv", b"%d" % number, *filter(None, [last]))
    broken = repository.commits[2] + {"commit": "", "tree": "^{tree}", "blob": ":t.csv"}[kind]
    path = repository.path / "objects" / "/".join(repository.git("rev-parse", broken).partition("\n")[0].split("/"))
    path = path.parent / path.name[:2] / path.name[2:]
    data = path.read_bytes()
    path.unlink()
    damage(path, data)
    loaded = load(find_items([f"git:{repository.path}:t.csv"], "csv"))
    refused = [text for text in loaded if isinstance(text, str)]
    assert len(refused) == 1, loaded
    assert refused[0].startswith("object ")
    # Nothing says which commits a lost one followed.
    kept = [b"3", b"4"] if kind == "commit" else [b"0", b"1", b"3", b"4"]
    assert [text for text in loaded if isinstance(text, bytes)] == kept


@pytest.mark.fault(75)
def test_folders_that_are_nested_without_end_or_stand_for_billions_of_files_are_refused(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = repository.tree(("100644", b"t.csv", repository.write("blob", b"text")))
    monkeypatch.setattr("watcher.monitor.git_history._MAX_DEPTH", 5)
    for _ in range(8):
        tree = repository.tree(("40000", b"d", tree))
    repository.commit(tree)
    assert load(find_items([f"git:{repository.path}:/"], "csv"))[0] == "folders are nested more than 5 deep"
    monkeypatch.setattr("watcher.monitor.git_history._MAX_DEPTH", 100)
    monkeypatch.setattr("watcher.monitor.git_history._MAX_ENTRIES", 1000)
    for _ in range(6):
        tree = repository.tree(*(("40000", name, tree) for name in (b"a", b"b", b"c", b"d")))
    repository.commit(tree)
    with pytest.raises(UsageError, match="more than 1,000 changed files"):
        find_items([f"git:{repository.path}:/"], "csv")


def test_versions_are_those_of_git_log_with_merges_shallow_clones_and_either_kind_of_id(tmp_path: Path) -> None:
    for number, options in enumerate(([], ["--object-format=sha256"])):
        folder = tmp_path / f"work{number}"
        folder.mkdir()

        def git(*arguments: str, folder: Path = folder) -> str:
            clean = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
            named = ("-c", "user.name=A", "-c", f"user.email={NAME}", "-c", "commit.gpgsign=false")
            command = ["git", *named, "-C", str(folder), *arguments]
            return subprocess.run(command, capture_output=True, check=True, env=clean).stdout.decode().strip()

        def commit(text: str, name: str = "t.csv", folder: Path = folder) -> None:
            (folder / name).write_text(text)
            git("add", ".")
            git("commit", "-qm", text)

        git("init", "-q", "-b", "main", *options)
        commit("one")
        git("checkout", "-qb", "side")
        commit("two")
        commit("three")
        git("checkout", "-q", "main")
        commit("elsewhere", "other")
        git("merge", "-q", "--no-ff", "-m", "taken over", "side")
        git("checkout", "-qb", "dropped", "HEAD~1")
        commit("never merged")
        git("checkout", "-q", "main")
        git("merge", "-q", "-s", "ours", "-m", "ignored", "dropped")
        commit("four")
        expected = git("log", "--reverse", "--format=%H", "--", "t.csv").split()
        items = find_items([f"git:{folder}:t.csv"], "csv")
        assert [item.origin.rpartition("@")[2] for item in items] == expected
        assert load(items) == [b"one", b"two", b"three", b"four"]
        git("clone", "-q", "--depth", "1", f"file://{folder}", str(tmp_path / f"shallow{number}"))
        assert load(find_items([f"git:{tmp_path / f'shallow{number}'}:t.csv"], "csv")) == [b"four"]


def test_a_repository_without_a_commit_is_one_line(repository: Repository) -> None:
    with pytest.raises(UsageError, match=r"^git:.*: has no commit in HEAD; .* symbolic-ref HEAD refs/heads/BRANCH$"):
        find_items([f"git:{repository.path}:t.csv"], "csv")


def test_the_files_and_the_process_that_read_a_repository_end_with_it(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    repository.file(b"t.csv", b"text")
    items = find_items([f"git:{repository.path}:t.csv"], "csv")
    assert load(items) == [b"text"]
    assert list((tmp_path / "tmp").iterdir())
    del items
    assert not list((tmp_path / "tmp").iterdir())
