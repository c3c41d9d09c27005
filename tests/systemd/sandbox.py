"""A real systemd as PID 1 of a machine that is only there for a test: namespaces of its own, nothing of it is kept.

The machine has this one's programs, a loopback network of its own, and the running Python with its packages and this
project as an environment in /opt/registry-watcher, where the shipped units look for it. It is made of what runs the
tests (a folder of the interpreter, one of packages, the checkout, seen there without being copied) since a service must
not depend on homes and temporary folders, which the units hide, and an installation would need the network.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
HOME = Path("/opt/registry-watcher")
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_PROGRAMS = ("unshare", "nsenter", "systemctl", "journalctl", "mount", "pivot_root", "ip", "hostname", "mknod")
_VERSION = f"python{sys.version_info.major}.{sys.version_info.minor}"


def missing() -> str | None:
    """Say what keeps a systemd from being booted here; None: nothing that can be told before it is tried."""
    if os.geteuid() != 0:
        return "only root can boot a systemd of its own"
    lacking = [name for name in _PROGRAMS if not shutil.which(name, path=_PATH)]
    if lacking or not Path("/lib/systemd/systemd").exists():
        return f"not installed: {', '.join(lacking) or 'systemd'}"
    return None if _cgroups() else "there is no cgroup v2 hierarchy"


def _cgroups() -> Path | None:
    for path in (Path("/sys/fs/cgroup"), Path("/sys/fs/cgroup/unified")):
        if (path / "cgroup.procs").exists() and (path / "cgroup.controllers").exists():
            return path
    return None


class Sandbox:
    """The machine: run commands in it, read and write its files."""

    def __init__(self, pid: int) -> None:
        self._pid = pid

    def command(self, *command: str) -> list[str]:
        """Return what to call to run a command inside, as root."""
        into = ["nsenter", "--target", str(self._pid), "--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup"]
        return [*into, "env", "-i", f"PATH={_PATH}", "SYSTEMD_PAGER=", *command]

    def run(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command inside."""
        done = subprocess.run(self.command(*command), capture_output=True, text=True, timeout=120, check=False)
        assert not check or done.returncode == 0, f"{' '.join(command)}: {done.stdout}{done.stderr}"
        return done

    def path(self, inside: str | Path) -> Path:
        """Return a path that leads to one inside."""
        return Path(f"/proc/{self._pid}/root{inside}")

    def write(self, inside: str | Path, text: str | bytes, mode: int = 0o644) -> None:
        path = self.path(inside)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        path.chmod(mode)


@contextmanager
def booted(folder: Path) -> Iterator[Sandbox]:
    """Boot a machine; it ends with the block. Skips where this machine does not allow it."""
    hierarchy = _cgroups()
    assert hierarchy is not None
    cgroup = hierarchy / f"registry-watcher-{os.getpid()}"
    root, log = folder / "root", folder / "log"
    root.mkdir()
    seen = [str(path) for pair in _seen() for path in pair]
    boot = ["bash", str(Path(__file__).with_name("boot.sh")), str(root), *seen]
    spaces = ["--fork", "--pid", "--mount", "--uts", "--ipc", "--cgroup", "--net", "--kill-child"]
    join = 'mkdir -p "$0" && echo $$ >"$0/cgroup.procs" && exec "$@"'  # first: it becomes the root of its own cgroups
    with log.open("wb") as out:
        process = subprocess.Popen(
            ["bash", "-c", join, str(cgroup), "unshare", *spaces, "--propagation", "private", *boot],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    try:
        until(lambda: process.poll() is not None or b"the machine is made" in log.read_bytes(), "a machine")
        if process.poll() is not None:
            pytest.skip(f"this machine lets us boot no systemd: {log.read_text('utf-8', 'replace').strip()[-300:]}")
        sandbox = Sandbox(_child(process.pid))
        until(sandbox.path("/run/systemd/private").exists, "systemd")
        sandbox.run("systemctl", "is-system-running", "--wait", check=False)
        _install(sandbox)
        yield sandbox
    finally:
        process.kill()
        process.wait()
        until(lambda: _gone(cgroup), "an end")


def until(condition: Callable[[], object], what: str, seconds: float = 30) -> None:
    """Wait for something that nobody tells of."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            pytest.fail(f"waited {seconds:g} s for {what}")
        time.sleep(0.02)


def _child(pid: int) -> int:
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text())


def _seen() -> Iterator[tuple[Path, Path]]:
    """The folders of this machine that the environment inside is made of."""
    if not _with_the_system():
        yield Path(sys.base_prefix), HOME / "python"
    yield Path(sysconfig.get_path("purelib")), HOME / "packages"
    yield PROJECT, HOME / "project"


def _with_the_system() -> bool:
    return Path(sys.base_prefix).is_relative_to("/usr")


def _install(sandbox: Sandbox) -> None:
    """Make the environment, as `python -m venv` and pip would, of the folders seen."""
    interpreter = (Path(sys.base_prefix) if _with_the_system() else HOME / "python") / "bin" / _VERSION
    sandbox.write(HOME / "pyvenv.cfg", f"home = {interpreter.parent}\ninclude-system-site-packages = false\n")
    folders = f"{HOME}/project\n{HOME}/packages\n"
    sandbox.write(HOME / "lib" / _VERSION / "site-packages" / "registry-watcher.pth", folders)
    sandbox.path(HOME / "bin").mkdir()
    sandbox.path(HOME / "bin" / "python").symlink_to(interpreter)
    start = f"#!{HOME}/bin/python\nfrom watcher.__main__ import main\n\nmain()\n"
    sandbox.write(HOME / "bin" / "watcher", start, 0o755)


def _gone(cgroup: Path) -> bool:
    """Take away the cgroups of a machine that has ended; False while something in them has not."""
    folders = sorted((path for path in cgroup.rglob("*") if path.is_dir()), reverse=True) if cgroup.exists() else []
    try:
        for folder in (*folders, cgroup):
            folder.rmdir()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True
