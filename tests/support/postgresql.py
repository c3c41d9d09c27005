"""A PostgreSQL server for tests, made in a temporary folder, with one schema for each history.

It needs the programs of the Debian package `postgresql` (`.ci/run` installs it) and psycopg; without them the tests
that ask for it are skipped. The server listens on a Unix socket in its folder only. If the user is root, it runs as
another one: as root PostgreSQL refuses to run.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import pytest

from watcher.core.extras import is_installed
from watcher.core.postgresql_url import PostgresqlUrl

_USERS = ("postgres", "nobody")
# A crash of the machine may lose what tests wrote; a test about durability starts a server of its own.
_FAST = {"fsync": "off", "full_page_writes": "off", "max_connections": "50", "shared_buffers": "32MB"}


def find_programs() -> Path | None:
    """Return the folder of the newest server that is installed, or None."""
    folders = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    on_path = shutil.which("initdb")
    if on_path:
        folders.append(Path(on_path).resolve().parent)
    return max(folders, key=lambda path: int(path.parent.name) if path.parent.name.isdigit() else 0, default=None)


def require_server() -> Path:
    """Return the folder of the programs; skip the test where they or psycopg are missing."""
    programs = find_programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed (Debian: apt install postgresql)")
    if not is_installed("psycopg"):
        pytest.skip("psycopg is not installed (the extra `postgresql`)")
    return programs


@dataclass(kw_only=True)
class PostgresqlServer:
    """A cluster in a folder, and the process that serves it."""

    programs: Path
    folder: Path
    settings: dict[str, str] = field(default_factory=lambda: dict(_FAST))
    process: subprocess.Popen[bytes] | None = None
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def create(self) -> None:
        self.folder.chmod(0o755)
        data = self.folder / "data"
        data.mkdir()
        if user := self._user:
            shutil.chown(self.folder, user)
            shutil.chown(data, user)
        self._run("initdb", "--username=watcher", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync",
                  "--pgdata", str(data))  # fmt: skip

    def start(self) -> None:
        """Start the server and wait until it answers."""
        options = [option for name, value in self.settings.items() for option in ("-c", f"{name}={value}")]
        log = (self.folder / "log").open("ab")
        self.process = subprocess.Popen(
            [self.programs / "postgres", "-D", self.folder / "data", "-k", self.folder, "-c", "listen_addresses=",
             *options],
            stdout=log, stderr=log, cwd=self.folder, **self._as_user(),
        )  # fmt: skip
        log.close()
        self._run("pg_isready", "--quiet", "--host", str(self.folder), wait=30)

    def stop(self, number: signal.Signals = signal.SIGINT) -> None:
        """End the server: by SIGINT at once and in order, by SIGQUIT as a crash."""
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait(30)
            self.process = None

    def create_standby_of(self, primary: PostgresqlServer) -> None:
        """Make this cluster a copy of another one that runs, and that follows it (streaming replication)."""
        self.folder.chmod(0o755)
        if user := self._user:
            shutil.chown(self.folder, user)
        self._run("pg_basebackup", "--host", str(primary.folder), "--username=watcher", "--checkpoint=fast",
                  "--write-recovery-conf", "--pgdata", str(self.folder / "data"))  # fmt: skip

    def new_location(self) -> PostgresqlUrl:
        """Return the address of a new and empty schema."""
        name = f"history_{next(self._numbers)}"
        self.sql(f"CREATE SCHEMA {name}")
        return PostgresqlUrl(f"postgresql://watcher@/postgres?host={self.folder}&options=-csearch_path%3D{name}")

    def sql(self, statement: str) -> str:
        """Run a statement as the owner of the cluster and return what it printed."""
        return self._run("psql", "--host", str(self.folder), "--username=watcher", "--dbname=postgres", "--no-psqlrc",
                         "--tuples-only", "--no-align", "--quiet", "--command", statement)  # fmt: skip

    @property
    def _user(self) -> str | None:
        if os.geteuid() != 0:
            return None
        names = {entry.pw_name for entry in pwd.getpwall()}
        return next(name for name in _USERS if name in names)

    def _as_user(self) -> dict[str, object]:
        return {"user": self._user, "group": pwd.getpwnam(self._user).pw_gid, "extra_groups": []} if self._user else {}

    def _run(self, program: str, *arguments: str, wait: int = 0) -> str:
        for remaining in range(wait * 10, -1, -1):
            done = subprocess.run(
                [self.programs / program, *arguments], capture_output=True, text=True, cwd=self.folder, check=False,
                env={"LC_ALL": "C", "PATH": os.environ["PATH"]}, **self._as_user(),
            )  # fmt: skip
            if done.returncode == 0:
                return done.stdout.strip()
            assert remaining, f"{program}: {done.stdout}{done.stderr}"
            assert self.process is None or self.process.poll() is None or not wait, (self.folder / "log").read_text()
            signal.sigtimedwait([], 0.1)
        raise AssertionError


@contextmanager
def open_pair(*, synchronous: bool, **settings: str) -> Iterator[tuple[PostgresqlServer, PostgresqlServer]]:
    """Start a primary and a standby that follows it; a commit waits for the standby if it is `synchronous`."""
    with open_server(**settings) as primary, tempfile.TemporaryDirectory(prefix="pg-") as folder:
        standby = PostgresqlServer(programs=primary.programs, folder=Path(folder), settings=primary.settings)
        standby.create_standby_of(primary)
        standby.start()
        if synchronous:
            primary.sql("ALTER SYSTEM SET synchronous_standby_names = '*'")
            primary.sql("SELECT pg_reload_conf()")
        try:
            yield primary, standby
        finally:
            standby.stop()


def pair_location(primary: PostgresqlServer, standby: PostgresqlServer) -> PostgresqlUrl:
    """Return the address of a new and empty schema on whichever of two servers takes writes."""
    one = str(primary.new_location())
    return PostgresqlUrl(
        one.replace(f"host={primary.folder}", f"host={primary.folder},{standby.folder}")
        + "&target_session_attrs=read-write"
    )


@contextmanager
def open_server(**settings: str) -> Iterator[PostgresqlServer]:
    """Start a server in a temporary folder, with a short path: that of a Unix socket has at most 107 bytes."""
    programs = require_server()
    with tempfile.TemporaryDirectory(prefix="pg-") as folder:
        server = PostgresqlServer(programs=programs, folder=Path(folder), settings=_FAST | settings)
        server.create()
        server.start()
        try:
            yield server
        finally:
            server.stop()
