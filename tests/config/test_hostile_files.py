"""Files that the operator names and that are no plain files of their own: one line at once, and no reload hangs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.cli_fixtures import RunCli
from watcher.cli.context import load_settings
from watcher.cli.run import reload_settings
from watcher.config.overview import read_tables
from watcher.config.value_types import SecretRef
from watcher.core.errors import ConfigError
from watcher.fetch.tls import create_tls_context

pytestmark = pytest.mark.fault(84)


@pytest.fixture(autouse=True)
def _alarm() -> Iterator[None]:
    """Fail a test that waits for a pipe."""
    signal.alarm(20)
    yield
    signal.alarm(0)


def make_fifo(path: Path) -> None:
    os.mkfifo(path, 0o600)


HOSTILE: dict[str, tuple[Callable[[Path], object], str]] = {
    "a pipe": (make_fifo, "is not a file"),
    "a folder": (Path.mkdir, "is not a file"),
    "a device": (lambda path: path.symlink_to("/dev/zero"), "is not a file"),
    "nested arrays": (lambda path: path.write_text(f"x = {'[' * 10_000}{']' * 10_000}\n"), "nested too deep"),
    "nested tables": (lambda path: path.write_text(f"x = {'{a=' * 10_000}1{'}' * 10_000}\n"), "nested too deep"),
    "a long number": (lambda path: path.write_text(f"x = {'9' * 5000}\n"), "a number has thousands of digits"),
    "huge": (lambda path: path.write_text("# " + "x" * 33 * 2**20), "is larger than 32 MiB"),
    "broken": (lambda path: path.write_text("x = \n"), "not TOML: Invalid value (at line 1, column 5)"),
    "no text": (lambda path: path.write_bytes(b"\xff\xfe\0"), "not TOML: 'utf-8' codec can't decode byte 0xff"),
}


@pytest.mark.parametrize("kind", HOSTILE)
@pytest.mark.parametrize("command", ["status", "config check"])
def test_a_configuration_that_is_none_is_refused_in_one_line(
    run: RunCli, tmp_path: Path, kind: str, command: str
) -> None:
    create, message = HOSTILE[kind]
    create(tmp_path / "config.toml")
    if (tmp_path / "config.toml").is_file():
        (tmp_path / "config.toml").chmod(0o600)
    result = run(*command.split())
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("watcher: error: config.toml: ")
    assert message in result.err
    assert result.err.count("\n") == 1
    assert len(result.err) < 200


@pytest.mark.parametrize(
    "text", ["a." * 10_000 + "a = 1", "[" + "a." * 10_000 + "a]", f"[fetch]\ndeadline = {'9' * 4000}"]
)
def test_deep_names_and_long_numbers_of_valid_toml_are_mistakes_of_the_configuration(
    run: RunCli, tmp_path: Path, text: str
) -> None:
    (tmp_path / "config.toml").write_text(text + "\n")
    (tmp_path / "config.toml").chmod(0o600)
    result = run("config", "check")
    assert (result.code, result.out) == (2, "")
    assert result.err.count("\n") == 1
    assert len(result.err) < 200


def test_a_configuration_of_another_user_or_in_a_folder_that_others_can_write_to_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "etc" / "config.toml"
    path.parent.mkdir(mode=0o755)
    path.write_text("")
    path.chmod(0o600)
    assert read_tables(path) == {}
    for mode in (0o777, 0o775):
        path.parent.chmod(mode)
        with pytest.raises(ConfigError, match=f"can be replaced by others.*; chmod go-w {path.parent}$"):
            read_tables(path)
    path.parent.chmod(0o1777)  # as /tmp: only the owner can replace a file
    assert read_tables(path) == {}
    link = tmp_path / "link.toml"
    link.symlink_to(path)
    path.parent.chmod(0o777)
    with pytest.raises(ConfigError, match="can be replaced by others"):
        read_tables(link)
    path.parent.chmod(0o755)
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    (tmp_path / "open" / "link.toml").symlink_to(path)  # others can put another link there
    with pytest.raises(ConfigError, match=f"can be replaced by others.*; chmod go-w {tmp_path}/open$"):
        read_tables(tmp_path / "open" / "link.toml")
    monkeypatch.setattr(os, "geteuid", lambda: 4711)
    if path.stat().st_uid == 0:  # what root owns, root alone can change
        assert read_tables(path) == {}
        os.chown(path.parent, 4712, -1)
        with pytest.raises(ConfigError, match=f"{path.parent}: belongs to user 4712"):
            read_tables(path)
        os.chown(path, 4712, -1)
    owner = path.stat().st_uid
    sentence = (
        f"belongs to user {owner}, who could run programs as user 4711.*; chown 4711 {path}, or set WATCHER_.*={owner} "
    )
    with pytest.raises(ConfigError, match=sentence):
        read_tables(path)
    monkeypatch.setenv("WATCHER_TRUSTED_OWNERS", f"1,{owner}")
    assert read_tables(path) == {}
    path.chmod(0o620)
    with pytest.raises(ConfigError, match="can be written by others"):
        read_tables(path)


def test_a_user_whom_a_container_does_not_map_is_no_other_user(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("")
    path.chmod(0o644)
    command = ["unshare", "--user", "--map-root-user", sys.executable, "-m", "watcher", "--config", str(path)]
    try:
        os.chown(path, 4711, -1)
        subprocess.run([*command[:3], "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"needs root and user namespaces: {error}")
    inside, outside = (
        subprocess.run([*arguments, "config", "check"], capture_output=True, text=True, check=False).stderr
        for arguments in (command, command[3:])
    )
    assert "belongs to user" not in inside
    assert "belongs to user 4711" in outside


def test_a_secret_or_a_file_of_authorities_that_is_a_pipe_is_refused(tmp_path: Path) -> None:
    make_fifo(tmp_path / "pipe")
    with pytest.raises(ConfigError, match=f"^file:pipe: {tmp_path}/pipe: is not a file$"):
        SecretRef("file:pipe").read(tmp_path)
    with pytest.raises(ConfigError, match="is not a file"):
        create_tls_context(tmp_path / "pipe")


def test_a_reload_never_hangs(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text("")
    config.chmod(0o600)
    running = load_settings(config)
    config.unlink()
    make_fifo(config)
    with pytest.raises(ConfigError, match="is not a file"):
        reload_settings(config, running)
