"""A folder of groups, and one that rsync keeps: against the real program and a real rsync daemon on loopback."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.index_server import document
from watcher.core.errors import FetchError
from watcher.fetch import tree
from watcher.fetch.base import NotModified, Response, Validators
from watcher.fetch.folder import Folder, Rsync

needs_rsync = pytest.mark.skipif(shutil.which("rsync") is None, reason="the program rsync is not installed")


def lay(folder: Path, *groups: str, flat: bool = False) -> None:
    for group in groups:
        path = folder / f"{group}.xml" if flat else folder / group / f"{group}.xml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(document(group))


def listed(folder: Folder, validators: Validators | None = None) -> Response:
    answer = folder.fetch("file:///x", validators)
    assert isinstance(answer, Response)
    return answer


def test_both_layouts_are_groups_and_nothing_else_is(tmp_path: Path) -> None:
    lay(tmp_path, "tls", "_6lowpan")
    lay(tmp_path, "flat", "tls", flat=True)
    (tmp_path / "empty").mkdir()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "another.xml").touch()
    (tmp_path / "notes.txt").touch()
    (tmp_path / "folder.xml").mkdir()
    (tmp_path / "no id.xml").touch()
    (tmp_path / ".xml").touch()
    assert tree.groups(tmp_path) == ["_6lowpan", "flat", "tls"]
    assert listed(Folder(path=tmp_path)).body == b"_6lowpan\nflat\ntls\n"
    assert tree.document(tmp_path, "tls") == tmp_path / "tls" / "tls.xml"
    assert tree.document(tmp_path, "flat") == tmp_path / "flat.xml"


def test_the_same_groups_again_are_not_modified(tmp_path: Path) -> None:
    lay(tmp_path, "a", "b")
    folder = Folder(path=tmp_path)
    validators = listed(folder).validators
    (tmp_path / "a" / "a.xml").write_bytes(b"other content")
    assert isinstance(folder.fetch("file:///x", validators), NotModified)
    lay(tmp_path, "c")
    assert listed(folder, validators).body == b"a\nb\nc\n"


def test_a_folder_that_is_not_there_is_a_failed_fetch(tmp_path: Path) -> None:
    with pytest.raises(FetchError) as caught:
        Folder(path=tmp_path / "gone").fetch("file:///x")
    assert (caught.value.reason, caught.value.transient) == ("file_missing", False)


def test_a_folder_that_is_a_file_is_a_failed_fetch(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FetchError) as caught:
        Folder(path=tmp_path / "file").fetch("file:///x")
    assert caught.value.reason == "file_unreadable"


class Module:
    """An rsync daemon's module: its folder, and where it is."""

    def __init__(self, path: Path, url: str) -> None:
        self.path = path
        self.url = url


@contextmanager
def daemon(folder: Path, name: str = "assignments") -> Iterator[Module]:
    """Serve a folder with a real rsync daemon on loopback."""
    served = folder / "served"
    served.mkdir()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = folder / "rsyncd.conf"
    # A daemon that root starts reads as `nobody` unless it is told: a test's folder is its own.
    user = "uid = 0\ngid = 0\n" if os.getuid() == 0 else ""
    log = f"lock file = {folder}/lock\nlog file = {folder}/log\n"
    config.write_text(f"use chroot = no\n{user}{log}[{name}]\npath = {served}\nread only = yes\n")
    command = ["rsync", "--daemon", "--no-detach", "--address=127.0.0.1", f"--port={port}", f"--config={config}"]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        try:
            _answers(port, process)
            yield Module(served, f"rsync://127.0.0.1:{port}/{name}/")
        finally:
            process.terminate()


def _answers(port: int, process: subprocess.Popen[bytes]) -> None:
    """Return when the daemon takes connections: it says `@RSYNCD:` first."""
    while process.poll() is None:
        with socket.socket() as sock:
            if sock.connect_ex(("127.0.0.1", port)) == 0 and sock.recv(8) == b"@RSYNCD:":
                return
    assert process.stderr is not None
    pytest.fail(f"the rsync daemon did not start: {process.stderr.read().decode()}")


@pytest.fixture
def module(tmp_path: Path) -> Iterator[Module]:
    with daemon(tmp_path) as made:
        yield made


def mirror(module: Module, tmp_path: Path, **more: object) -> Rsync:
    return Rsync(url=module.url, path=tmp_path / "mirror", contact_seconds=20, **more)  # type: ignore[arg-type]


@needs_rsync
def test_the_documents_of_a_module_are_brought_and_nothing_else(module: Module, tmp_path: Path) -> None:
    lay(module.path, "tls", "dns")
    lay(module.path, "flat", flat=True)
    for name in ("tls/tls.txt", "tls/tls.xhtml", "tls/tls-1.csv", "index.html"):
        (module.path / name).write_text("x")
    fetch = mirror(module, tmp_path)
    assert listed(Folder(path=fetch.path, before=fetch)).body == b"dns\nflat\ntls\n"
    files = sorted(str(path.relative_to(fetch.path)) for path in fetch.path.rglob("*") if path.is_file())
    assert files == ["dns/dns.xml", "flat.xml", "tls/tls.xml"]
    assert (fetch.path / "tls" / "tls.xml").read_bytes() == document("tls")


@needs_rsync
def test_what_changed_and_what_went_away_is_brought_up_to_date(module: Module, tmp_path: Path) -> None:
    lay(module.path, "a", "b")
    fetch = mirror(module, tmp_path)
    fetch()
    before = (fetch.path / "a" / "a.xml").stat()
    (module.path / "b" / "b.xml").write_bytes(document("b", "Something else"))
    shutil.rmtree(module.path / "a")
    lay(module.path, "c")
    fetch()
    assert tree.groups(fetch.path) == ["b", "c"]
    assert (fetch.path / "b" / "b.xml").read_bytes() == document("b", "Something else")
    assert before.st_size > 0


@needs_rsync
def test_what_did_not_change_keeps_its_time_so_that_it_is_not_read_again(module: Module, tmp_path: Path) -> None:
    lay(module.path, "a")
    os.utime(module.path / "a" / "a.xml", (10**9, 10**9))
    fetch = mirror(module, tmp_path)
    fetch()
    first = (fetch.path / "a" / "a.xml").stat()
    fetch()
    second = (fetch.path / "a" / "a.xml").stat()
    assert (first.st_mtime, first.st_ino) == (10**9, second.st_ino)


@pytest.mark.fault(37)
@needs_rsync
def test_no_link_is_brought_that_could_lead_out_of_the_mirror(module: Module, tmp_path: Path) -> None:
    lay(module.path, "a")
    (tmp_path / "secret.xml").write_text("secret")
    (module.path / "link.xml").symlink_to(tmp_path / "secret.xml")
    (module.path / "inner.xml").symlink_to("a/a.xml")
    (module.path / "folder").symlink_to(tmp_path)
    os.mkfifo(module.path / "pipe.xml")
    fetch = mirror(module, tmp_path)
    fetch()
    assert tree.groups(fetch.path) == ["a"]
    assert [path.name for path in fetch.path.iterdir()] == ["a"]


@needs_rsync
def test_a_file_that_is_too_large_is_left_where_it_is(module: Module, tmp_path: Path) -> None:
    lay(module.path, "a")
    (module.path / "large.xml").write_bytes(b"x" * 5000)
    fetch = mirror(module, tmp_path, most_file_bytes=1000)
    fetch()
    assert tree.groups(fetch.path) == ["a"]


@needs_rsync
def test_a_module_that_is_not_there_is_a_failed_fetch_that_says_why(module: Module, tmp_path: Path) -> None:
    fetch = Rsync(url=module.url.replace("assignments", "nothing"), path=tmp_path / "mirror")
    with pytest.raises(FetchError) as caught:
        fetch()
    assert caught.value.reason == "rsync"
    assert "nothing" in str(caught.value)


@needs_rsync
def test_the_environment_names_no_other_program(
    module: Module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lay(module.path, "a")
    monkeypatch.setenv("RSYNC_CONNECT_PROG", f"touch {tmp_path}/ran")
    monkeypatch.setenv("RSYNC_PROXY", "127.0.0.1:1")
    fetch = mirror(module, tmp_path)
    fetch()
    assert tree.groups(fetch.path) == ["a"]
    assert not (tmp_path / "ran").exists()


def test_without_the_program_it_is_a_failed_fetch(tmp_path: Path) -> None:
    fetch = Rsync(url="rsync://127.0.0.1/x/", path=tmp_path / "mirror", program="rsync-that-is-not-there")
    with pytest.raises(FetchError) as caught:
        fetch()
    assert (caught.value.reason, caught.value.transient) == ("rsync_missing", False)


def program(folder: Path, script: str) -> str:
    """A program in place of rsync, for what a real one does only on a slow line."""
    path = folder / "program"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


def test_one_that_does_not_end_is_ended_with_all_its_processes(tmp_path: Path) -> None:
    script = f"echo $$ >{tmp_path}/pid; sleep 600 & echo $! >{tmp_path}/child; wait"
    fetch = Rsync(url="rsync://127.0.0.1/x/", path=tmp_path / "mirror", seconds=0.5, program=program(tmp_path, script))
    with pytest.raises(FetchError) as caught:
        fetch()
    assert (caught.value.reason, caught.value.transient) == ("deadline", True)
    pids = [int((tmp_path / name).read_text()) for name in ("pid", "child")]
    # What was killed is gone when the system has come to it.
    until = time.monotonic() + 20
    while any(map(_runs, pids)) and time.monotonic() < until:
        time.sleep(0.05)
    assert not any(map(_runs, pids))


def test_one_that_brings_too_much_is_ended(tmp_path: Path) -> None:
    script = f"mkdir -p {tmp_path}/mirror/x; head -c 5000 /dev/zero >{tmp_path}/mirror/x/x.xml; exec sleep 600"
    fetch = Rsync(
        url="rsync://127.0.0.1/x/", path=tmp_path / "mirror", most_bytes=1000, program=program(tmp_path, script)
    )
    with pytest.raises(FetchError) as caught:
        fetch()
    assert (caught.value.reason, caught.value.transient) == ("too_large", False)


def _runs(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"
