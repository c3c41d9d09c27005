"""A damaged history or snapshot: the start is refused with the way out, and the way out works."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.environment import Environment, open_environment
from tests.support.fork_server import ForkServer
from tests.support.port_releases import release, tcp
from tests.support.run_cli import run_command
from watcher.core.errors import StoreError


@pytest.fixture
def env(tmp_path: Path) -> Iterator[Environment]:
    with open_environment(tmp_path) as made:
        made.check(release([tcp("a", "1")]))
        made.check(release([tcp("a", "1"), *(tcp(f"s{index}", str(index)) for index in range(2, 200))], "2020-01-02"))
        yield made


def start(env: Environment, forks: ForkServer) -> tuple[int, str]:
    """Run a daemon that must not start, in its own process; return its exit code and its errors."""
    with forks.start("--config", str(env.servers.config), "run") as daemon:
        try:
            return daemon.wait(60), daemon.stderr.read()
        finally:
            daemon.kill()


def in_the_middle(path: Path) -> None:
    """Overwrite pages deep in the file, where opening it does not look."""
    data = bytearray(path.read_bytes())
    with closing(sqlite3.connect(path)) as connection:
        size = connection.execute("PRAGMA page_size").fetchone()[0]
        (page,) = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'versions'").fetchone()
    data[(page - 1) * size : page * size] = b"\x5a" * size
    path.write_bytes(data)


def an_index(path: Path) -> None:
    """A row that its index does not know."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute("UPDATE sqlite_schema SET sql = '' WHERE name = 'checks_source'")
        connection.execute("DELETE FROM sqlite_schema WHERE name = 'checks_source'")
        connection.execute("PRAGMA writable_schema = RESET")


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-8192])


def no_database(path: Path) -> None:
    path.write_bytes(b"this is no database " * 1000)


@pytest.mark.fault(54)
@pytest.mark.parametrize("damage", [in_the_middle, an_index, cut, no_database])
def test_a_damaged_history_refuses_the_start_and_is_restored_from_the_snapshots(
    env: Environment, killing: ForkServer, damage: Callable[[Path], None]
) -> None:
    path = env.servers.folder / "history.db"
    releases = [row["content"] for row in env.rows("releases")["releases"]]
    damage(path)
    code, errors = start(env, killing)
    assert code == 2, errors
    assert errors.startswith("watcher: error: ")
    assert "watcher backup FOLDER --restore" in errors
    assert "watcher rebuild" in errors
    assert errors.count("\n") == 1
    path.rename(path.with_name("damaged.db"))
    assert run_command(env.servers.config, "rebuild").returncode == 0
    assert [row["content"] for row in env.rows("releases")["releases"]] == releases
    with env.service() as service:
        service.verify()


@pytest.mark.fault(54)
def test_damage_found_while_reading_is_one_line(env: Environment) -> None:
    in_the_middle(env.servers.folder / "history.db")
    for arguments in (["history", "--port", "7"], ["status"], ["check"]):
        assert run_command(env.servers.config, *arguments).returncode in (0, 2)
    result = run_command(env.servers.config, "show", "ports", "--port", "7")
    assert result.returncode == 2
    assert "history.db: damaged (" in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.fault(54)
@pytest.mark.parametrize("hurt", [-20, 40], ids=["its content", "its receipt"])
def test_a_damaged_newest_snapshot_refuses_the_start_and_verify_names_it(
    env: Environment, killing: ForkServer, hurt: int
) -> None:
    newest = max(env.rows("releases")["releases"], key=lambda row: row["place"])
    path = env.servers.folder / "snapshots" / "ports" / f"{newest['sha256']}.zst"
    data = bytearray(path.read_bytes())
    data[hurt] ^= 0xFF
    path.write_bytes(data)
    with env.service() as service, pytest.raises(StoreError, match="backup"):
        service.verify()
    code, errors = start(env, killing)
    assert code == 2
    assert str(path) in errors
    assert "restore" in errors
    verified = run_command(env.servers.config, "verify")
    assert verified.returncode == 1
    assert str(path) in verified.stderr
