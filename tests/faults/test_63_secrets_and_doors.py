"""Secrets do not leak, nothing listens unless configured, and ids never become paths."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.render import HOSTILE
from tests.support.environment import Environment, open_environment
from tests.support.port_releases import release, tcp
from tests.support.run_cli import run_command


@pytest.fixture
def env(tmp_path: Path) -> Iterator[Environment]:
    with open_environment(tmp_path) as made:
        made.configure("[store]", '[log]\nformat = "json"\nlevel = "debug"\n\n[store]')
        yield made


@contextmanager
def running(env: Environment) -> Iterator[tuple[int, list[str]]]:
    """The daemon after its first check: its process id, and the log until it ended."""
    command = [sys.executable, "-m", "watcher", "--config", str(env.servers.config), "run"]
    log: list[str] = []
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            for line in process.stderr:
                log.append(line)
                if json.loads(line)["event"] == "checked":
                    break
            yield process.pid, log
            process.send_signal(signal.SIGTERM)
            log += process.stderr.readlines()
            assert process.wait(60) == 0
        finally:
            process.kill()


@pytest.mark.fault(63)
def test_a_secret_is_in_no_log_no_file_of_ours_and_no_process_list(env: Environment) -> None:
    env.check(release([tcp("a", "1")]))
    env.publish(release([tcp("a", "1"), tcp("b", "2")], "2020-01-02"))
    # The source is due at once, so the daemon checks it, finds a change and signs a webhook.
    env.configure('registry = "ports"', 'registry = "ports"\nevery = "1m"')
    for name in ("history.db", "snapshots"):
        (env.servers.folder / name).rename(env.servers.folder / f"old-{name}")
    secret = (env.servers.folder / "webhook-secret").read_text()
    with running(env) as (process, log):
        shown = Path(f"/proc/{process}/cmdline").read_bytes() + Path(f"/proc/{process}/environ").read_bytes()
        assert secret.encode() not in shown
    assert len(log) > 2
    assert secret not in "".join(log)
    for path in env.servers.folder.rglob("*"):
        if path.is_file() and path.name != "webhook-secret":
            assert secret.encode() not in path.read_bytes(), path
    for arguments in (["config", "check"], ["doctor"], ["status", "--format", "json"]):
        assert secret not in run_command(env.servers.config, *arguments).stdout


def listening(process: int) -> set[str]:
    """The addresses on which a process takes connections."""
    sockets = {str(path.readlink()) for path in Path(f"/proc/{process}/fd").iterdir() if path.is_symlink()}
    addresses = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{process}/net/{table}").read_text().splitlines()[1:]:
            cells = line.split()
            if cells[3] == "0A" and f"socket:[{cells[9]}]" in sockets:
                addresses.add(cells[1])
    return addresses


@pytest.mark.fault(64)
def test_the_daemon_takes_connections_nowhere_unless_it_is_configured_to(env: Environment) -> None:
    env.publish(release([tcp("a", "1")]))
    with running(env) as (process, _):
        assert listening(process) == set()
    assert listening(os.getpid())  # the stage's own servers: what is looked for can be seen


@pytest.mark.fault(37)
def test_no_text_of_a_registry_becomes_the_name_of_a_file(env: Environment) -> None:
    names = ["../../etc/passwd", "%2e%2e%2f", "/etc/cron.d/x", "x" * 300, "nul\u2400", *HOSTILE]
    for number in range(2):
        rows = [{"id": name, "Value": str(number)} for name in names]
        if number == 0:
            env.configure('registry = "ports"', 'registry = "iana"\nformat = "json"')
        env.check(json.dumps(rows).encode())
    files = {path.relative_to(env.servers.folder).as_posix() for path in env.servers.folder.rglob("*.zst")}
    assert len(files) == 2
    assert all(path.startswith("snapshots/ports/") and len(Path(path).stem) == 64 for path in files)
    for name in ("../../etc/passwd", "%2e%2e", "a/b", "nul\\u0000", "x" * 300):
        text = env.servers.config.read_text()
        env.configure('name = "ports"', f'name = "{name}"')
        assert run_command(env.servers.config, "config", "check").returncode == 2, name
        env.servers.config.write_text(text)
