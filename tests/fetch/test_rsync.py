"""A folder that rsync keeps up to date: against the real program and a real rsync daemon on loopback."""

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

from tests.fetch.test_folder import lay, listed
from tests.support.index_server import group_xml
from watcher.core.errors import FetchError
from watcher.fetch.folder import FolderFetcher, list_groups
from watcher.fetch.rsync import Rsync

needs_rsync = pytest.mark.skipif(shutil.which("rsync") is None, reason="the program rsync is not installed")


class Module:
    """A module of an rsync daemon: its folder and its URL."""

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
    # A daemon that root starts reads as `nobody` by default, who cannot read the folder of a test.
    user = "uid = 0\ngid = 0\n" if os.getuid() == 0 else ""
    log = f"lock file = {folder}/lock\nlog file = {folder}/log\n"
    config.write_text(f"use chroot = no\n{user}{log}[{name}]\npath = {served}\nread only = yes\n")
    command = ["rsync", "--daemon", "--no-detach", "--address=127.0.0.1", f"--port={port}", f"--config={config}"]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        try:
            _wait_until_ready(port, process)
            yield Module(served, f"rsync://127.0.0.1:{port}/{name}/")
        finally:
            process.terminate()


def _wait_until_ready(port: int, process: subprocess.Popen[bytes]) -> None:
    """Return when the daemon takes connections: it sends `@RSYNCD:` first."""
    while process.poll() is None:
        with socket.socket() as sock:
            if sock.connect_ex(("127.0.0.1", port)) == 0 and sock.recv(8) == b"@RSYNCD:":
                return
    assert process.stderr is not None
    pytest.fail(f"the rsync daemon did not start: {process.stderr.read().decode()}")


@pytest.fixture
def module(tmp_path: Path) -> Iterator[Module]:
    with daemon(tmp_path) as served:
        yield served


@pytest.fixture
def mirror(tmp_path: Path) -> Path:
    return tmp_path / "mirror"


def rsync_of(module: Module, **limits: object) -> Rsync:
    return Rsync(url=module.url, contact_seconds=20, **limits)  # type: ignore[arg-type]


@needs_rsync
def test_only_the_documents_of_a_module_are_copied(module: Module, mirror: Path) -> None:
    lay(module.path, "tls", "dns")
    lay(module.path, "flat", flat=True)
    for name in ("tls/tls.txt", "tls/tls.xhtml", "tls/tls-1.csv", "index.html"):
        (module.path / name).write_text("x")
    rsync = rsync_of(module)
    assert listed(FolderFetcher(path=mirror, rsync=rsync)).body == b"dns\nflat\ntls\n"
    files = sorted(str(path.relative_to(mirror)) for path in mirror.rglob("*") if path.is_file())
    assert files == ["dns/dns.xml", "flat.xml", "tls/tls.xml"]
    assert (mirror / "tls" / "tls.xml").read_bytes() == group_xml("tls")


@needs_rsync
def test_changed_documents_are_replaced_and_removed_ones_are_deleted(module: Module, mirror: Path) -> None:
    lay(module.path, "a", "b")
    rsync = rsync_of(module)
    rsync.update(mirror)
    before = (mirror / "a" / "a.xml").stat()
    (module.path / "b" / "b.xml").write_bytes(group_xml("b", "Something else"))
    shutil.rmtree(module.path / "a")
    lay(module.path, "c")
    rsync.update(mirror)
    assert list_groups(mirror) == ["b", "c"]
    assert (mirror / "b" / "b.xml").read_bytes() == group_xml("b", "Something else")
    assert before.st_size > 0


@needs_rsync
def test_an_unchanged_document_keeps_its_time_so_that_it_is_not_fetched_again(module: Module, mirror: Path) -> None:
    lay(module.path, "a")
    os.utime(module.path / "a" / "a.xml", (10**9, 10**9))
    rsync = rsync_of(module)
    rsync.update(mirror)
    first = (mirror / "a" / "a.xml").stat()
    rsync.update(mirror)
    second = (mirror / "a" / "a.xml").stat()
    assert (first.st_mtime, first.st_ino) == (10**9, second.st_ino)


@pytest.mark.fault(37)
@needs_rsync
def test_no_link_is_copied_that_could_lead_out_of_the_mirror(module: Module, tmp_path: Path, mirror: Path) -> None:
    lay(module.path, "a")
    (tmp_path / "secret.xml").write_text("secret")
    (module.path / "link.xml").symlink_to(tmp_path / "secret.xml")
    (module.path / "inner.xml").symlink_to("a/a.xml")
    (module.path / "folder").symlink_to(tmp_path)
    os.mkfifo(module.path / "pipe.xml")
    rsync = rsync_of(module)
    rsync.update(mirror)
    assert list_groups(mirror) == ["a"]
    assert [path.name for path in mirror.iterdir()] == ["a"]


@needs_rsync
def test_a_file_that_is_too_large_is_not_copied(module: Module, mirror: Path) -> None:
    lay(module.path, "a")
    (module.path / "large.xml").write_bytes(b"x" * 5000)
    rsync = rsync_of(module, most_file_bytes=1000)
    rsync.update(mirror)
    assert list_groups(mirror) == ["a"]


@needs_rsync
def test_a_missing_module_is_a_failed_fetch_that_says_why(module: Module, mirror: Path) -> None:
    rsync = Rsync(url=module.url.replace("assignments", "nothing"))
    with pytest.raises(FetchError) as caught:
        rsync.update(mirror)
    assert caught.value.reason == "rsync"
    assert "nothing" in str(caught.value)


@needs_rsync
def test_the_environment_names_no_other_program(
    module: Module, tmp_path: Path, mirror: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lay(module.path, "a")
    monkeypatch.setenv("RSYNC_CONNECT_PROG", f"touch {tmp_path}/ran")
    monkeypatch.setenv("RSYNC_PROXY", "127.0.0.1:1")
    rsync = rsync_of(module)
    rsync.update(mirror)
    assert list_groups(mirror) == ["a"]
    assert not (tmp_path / "ran").exists()


def test_without_the_program_it_is_a_failed_fetch(mirror: Path) -> None:
    rsync = Rsync(url="rsync://127.0.0.1/x/", program="rsync-that-is-not-there")
    with pytest.raises(FetchError) as caught:
        rsync.update(mirror)
    assert (caught.value.reason, caught.value.transient) == ("rsync_missing", False)


def program(folder: Path, script: str) -> str:
    """Make a program in place of rsync, for what the real one does only on a slow line."""
    path = folder / "program"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


def test_a_transfer_that_does_not_end_is_killed_with_all_its_processes(tmp_path: Path, mirror: Path) -> None:
    script = f"echo $$ >{tmp_path}/pid; sleep 600 & echo $! >{tmp_path}/child; wait"
    rsync = Rsync(url="rsync://127.0.0.1/x/", seconds=0.5, program=program(tmp_path, script))
    with pytest.raises(FetchError) as caught:
        rsync.update(mirror)
    assert (caught.value.reason, caught.value.transient) == ("deadline", True)
    pids = [int((tmp_path / name).read_text()) for name in ("pid", "child")]
    # The system needs a moment to end killed processes.
    until = time.monotonic() + 20
    while any(map(_runs, pids)) and time.monotonic() < until:
        time.sleep(0.05)
    assert not any(map(_runs, pids))


def test_a_transfer_that_is_too_large_is_killed(tmp_path: Path, mirror: Path) -> None:
    script = f"mkdir -p {tmp_path}/mirror/x; head -c 5000 /dev/zero >{tmp_path}/mirror/x/x.xml; exec sleep 600"
    rsync = Rsync(url="rsync://127.0.0.1/x/", most_bytes=1000, program=program(tmp_path, script))
    with pytest.raises(FetchError) as caught:
        rsync.update(mirror)
    assert (caught.value.reason, caught.value.transient) == ("too_large", False)


@pytest.mark.fault(85)
@pytest.mark.parametrize("name", ["d$n/", "$n.xml"], ids=["folders", "files"])
@pytest.mark.parametrize("ending", ["exec sleep 600", "exit 0"], ids=["goes-on", "ends"])
def test_a_transfer_of_too_many_files_is_refused(tmp_path: Path, mirror: Path, name: str, ending: str) -> None:
    make = f"mkdir {mirror}/{name}" if name.endswith("/") else f": >{mirror}/{name}"
    script = f"for n in 1 2 3 4 5 6; do {make}; done; {ending}"
    rsync = Rsync(url="rsync://127.0.0.1/x/", most_files=5, program=program(tmp_path, script))
    with pytest.raises(FetchError, match="more than 5 files and folders") as caught:
        rsync.update(mirror)
    assert (caught.value.reason, caught.value.transient) == ("too_large", False)


def _runs(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"
