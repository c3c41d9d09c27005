"""The wheel, the Debian package and the container are built and installed for real, where the tools are there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.slow  # pip and compression: a minute of CPU

_INSTALL = """
set -e
mount -t tmpfs tmpfs {folder}
mkdir {folder}/upper {folder}/work {folder}/merged
mount -t overlay overlay -o lowerdir=/,upperdir={folder}/upper,workdir={folder}/work {folder}/merged
cp {package} {folder}/merged/var/tmp/registry-watcher.deb
mount -t proc proc {folder}/merged/proc
chroot {folder}/merged sh -ec '
  cd /
  dpkg --install /var/tmp/registry-watcher.deb
  watcher --version
  watcher --config /etc/registry-watcher/config.toml config check
  watcher demo
  dpkg --verify registry-watcher
  dpkg --remove registry-watcher
  test ! -e /usr/bin/watcher
'
"""


def test_the_wheel_has_manual_pages_and_completions(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", tmp_path, ROOT]
    subprocess.run(command, check=True)
    names = zipfile.ZipFile(next(tmp_path.glob("*.whl"))).namelist()
    for name in (
        "share/man/man1/watcher-diff.1",
        "share/bash-completion/completions/watcher",
        "share/zsh/site-functions/_watcher",
        "share/fish/vendor_completions.d/watcher.fish",
    ):
        assert [path for path in names if path.endswith(f".data/data/{name}")], name


def test_the_debian_package_is_built_installed_used_and_removed(tmp_path: Path) -> None:
    """It is installed into an overlay of this machine's own system, which it does not change."""
    if missing := [name for name in ("dpkg-deb", "unshare", "chroot") if shutil.which(name) is None]:
        pytest.skip(f"{', '.join(missing)} is not installed")
    if os.geteuid() != 0 or not Path("/usr/bin/python3").exists():
        pytest.skip("an overlay of the system needs root, and the package Debian's python3")
    build = [ROOT / "packaging" / "build_deb.sh", tmp_path]
    environment = {**os.environ, "PIP_PYTHON": sys.executable}
    subprocess.run(build, check=True, env=environment, capture_output=True)
    package = next(tmp_path.glob("*.deb"))
    (tmp_path / "system").mkdir()
    script = _INSTALL.format(folder=tmp_path / "system", package=package)
    probe = subprocess.run(["unshare", "-m", "sh", "-c", script.split("cp ")[0]], capture_output=True, check=False)
    if probe.returncode:
        pytest.skip(f"no overlay can be mounted here: {probe.stderr.decode()}")
    installed = subprocess.run(["unshare", "-m", "sh", "-c", script], capture_output=True, text=True, check=False)
    assert installed.returncode == 0, installed.stdout + installed.stderr
    assert "watcher, version " in installed.stdout
    assert "4 webhooks with a valid signature" in installed.stdout


def test_the_container_is_built_and_runs(tmp_path: Path) -> None:
    engines = [name for name in ("podman", "docker") if shutil.which(name)]
    working = [
        name for name in engines if subprocess.run([name, "info"], capture_output=True, check=False).returncode == 0
    ]
    if not working:
        pytest.skip("no container engine runs here (podman or docker)")
    build = [
        working[0],
        "build",
        "--file",
        ROOT / "packaging" / "Containerfile",
        "--tag",
        "registry-watcher-test",
        ROOT,
    ]
    built = subprocess.run(build, capture_output=True, text=True, check=False)
    if "python:3.13-slim" in built.stderr and built.returncode:
        pytest.skip("the base image cannot be fetched here")
    assert built.returncode == 0, built.stderr
    shown = subprocess.run(
        [working[0], "run", "--rm", "registry-watcher-test", "demo"], capture_output=True, check=True
    )
    assert b"webhooks with a valid signature" in shown.stdout
