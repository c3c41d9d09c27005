"""The machine that the tests of a module share, and the service on it that each has for itself."""

from __future__ import annotations

import base64
import json
import queue
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.port_releases import release, tcp
from tests.systemd.sandbox import HOME, PROJECT, Sandbox, booted, missing, until

UNIT = "registry-watcher.service"
CONFIG = Path("/etc/registry-watcher/config.toml")
STATE = Path("/var/lib/registry-watcher")
SECRET = "whsec_" + base64.b64encode(b"a secret of the tests only, 32 b").decode()
# The secret from a file that root alone can read, and a restart without a pause.
CREDENTIAL = "[Service]\nLoadCredential=webhook-secret:/etc/registry-watcher/webhook-secret\n"
DROP_IN = f"""\
{CREDENTIAL}RestartSec=100ms
"""
SETTINGS = """\
[store]
path = "/var/lib/registry-watcher/history.db"
snapshots = "/var/lib/registry-watcher/snapshots"
[log]
format = "json"
[fetch]
allow_private = true
min_interval = 0
attempts = 1
[daemon]
jitter = "0s"
[[source]]
name = "ports"
url = "http://127.0.0.1:8080/ports.xml"
[[channel]]
name = "hook"
type = "webhook"
url = "http://127.0.0.1:8080/hook"
secret = "credential:webhook-secret"
timeout = 120
operator = true
"""


class Other:
    """The other side of the network: what it was asked, in order."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._lines: queue.Queue[str] = queue.Queue()
        self._reader = threading.Thread(target=self._read, args=[process], daemon=True)
        self._reader.start()

    def ended(self) -> None:
        """Wait for its end."""
        self._reader.join(30)

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            self._lines.put(line.strip())

    def hears(self, line: str) -> None:
        """Wait until a line is said; those before it are read away."""
        seen = []
        while line not in seen:
            try:
                seen.append(self._lines.get(timeout=30))
            except queue.Empty:
                pytest.fail(f"waited 30 s for {line!r} and saw {seen}")

    def next(self) -> str:
        """Return the next line."""
        return self._lines.get(timeout=30)

    def forget(self) -> list[str]:
        """Return what was said and not read yet."""
        return [self._lines.get() for _ in range(self._lines.qsize())]


class Unit:
    """A shipped unit on the machine, with a configuration of the test's."""

    def __init__(self, sandbox: Sandbox, other: Other, name: str = UNIT) -> None:
        self.name = name
        self.sandbox = sandbox
        self.other = other
        self._since = sandbox.run("date", "+%s.%N").stdout.strip()

    def ctl(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return self.sandbox.run("systemctl", *arguments, check=check)

    def show(self, name: str) -> str:
        """Return a property of the unit."""
        return self.ctl("show", "--value", f"--property={name}", self.name).stdout.strip()

    def configure(self, text: str = SETTINGS) -> None:
        self.sandbox.write(CONFIG, text)

    def soon(self) -> None:
        """Let the watchdog wait for seconds instead of a minute; only where it is to bite: this machine may be busy."""
        self.sandbox.write(f"/etc/systemd/system/{self.name}.d/more.conf", "[Service]\nWatchdogSec=2\n")
        self.ctl("daemon-reload")

    def survive_a_hang(self) -> None:
        """Stop the process with SIGSTOP; systemd's watchdog starts another one."""
        self.soon()
        before = self.start()
        self.sandbox.run("kill", "-STOP", before)
        self.restarted(before)
        assert self.show("NRestarts") == "1"

    def publish(self, *ports: str, updated: str = "2020-01-01") -> None:
        self.sandbox.write("/srv/ports.xml", release([tcp(f"service-{port}", port) for port in ports], updated))

    def start(self) -> str:
        """Start, wait for READY and return the process id."""
        self.ctl("start", self.name)
        return self.show("MainPID")

    def restarted(self, before: str) -> str:
        """Wait for the process after another, up to READY, and return its id."""
        until(lambda: self.show("ActiveState") == "active" and self.show("MainPID") not in (before, "0"), "a restart")
        return self.show("MainPID")

    def journal(self) -> list[dict[str, Any]]:
        """Return the service's own records since the test began; what it did not write as such as `event`."""
        said = self.sandbox.run("journalctl", f"--unit={self.name}", f"--since=@{self._since}", "--output=cat").stdout
        return [json.loads(line) if line.startswith("{") else {"event": line} for line in said.splitlines()]

    def logged(self, event: str) -> dict[str, Any]:
        """Wait for a record and return it."""
        found: list[dict[str, Any]] = []

        def there() -> bool:
            found[:] = [record for record in self.journal() if record["event"] == event]
            return bool(found)

        until(there, f"{event!r} in the journal")
        return found[-1]

    def ended_cleanly(self) -> None:
        """Wait until it ended by itself: systemd says another thing of what it had to kill after TimeoutStopSec."""
        self.logged(f"{self.name}: Deactivated successfully.")


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    reason = missing()
    if reason:
        pytest.skip(f"no systemd is booted: {reason}")
    with booted(tmp_path_factory.mktemp("sandbox")) as made:
        for unit in sorted((PROJECT / "systemd").glob("*.*")):
            made.write(f"/etc/systemd/system/{unit.name}", unit.read_bytes())
        made.write("/etc/registry-watcher/webhook-secret", SECRET, 0o600)
        made.write("/srv/webhook-secret", SECRET, 0o600)
        yield made


@pytest.fixture(scope="session")
def other(sandbox: Sandbox) -> Iterator[Other]:
    script = HOME / "project" / "tests" / "systemd" / "inside.py"
    command = sandbox.command(str(HOME / "bin" / "python"), "-u", str(script))
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        made = Other(process)
        made.hears("ready")
        yield made
        assert process.stdin is not None
        process.stdin.close()  # it ends with its input; `kill` would reach nsenter only
        made.ended()


@contextmanager
def installed(unit: Unit, *drop_ins: str) -> Iterator[Unit]:
    """Give a unit what the tests add to it, and forget at the end what it did."""
    for name in (unit.name, *drop_ins):
        unit.sandbox.write(f"/etc/systemd/system/{name}.d/tests.conf", DROP_IN if name == unit.name else CREDENTIAL)
    unit.ctl("daemon-reload")
    unit.publish("1")
    yield unit
    unit.ctl("kill", "--signal=KILL", unit.name, check=False)
    unit.ctl("stop", unit.name)
    unit.ctl("reset-failed")
    unit.sandbox.run("rm", "-rf", "/var/lib/private/registry-watcher", f"/etc/systemd/system/{unit.name}.d/more.conf")
    unit.other.forget()


@pytest.fixture
def unit(sandbox: Sandbox, other: Other) -> Iterator[Unit]:
    with installed(Unit(sandbox, other), UNIT.replace(".", "-check.")) as unit:
        unit.configure()
        yield unit
