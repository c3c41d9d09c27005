"""`config check` and `doctor` find what every message of a channel would meet, and the daemon starts all the same."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.run_cli import run_command
from watcher.cli.context import load_settings


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config.toml"
    path.write_text("")
    path.chmod(0o600)
    return path


def program(text: bytes, mode: int = 0o700) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        path.write_bytes(text)
        path.chmod(mode)

    return write


PROGRAMS: dict[str, tuple[Callable[[Path], None], str | None]] = {
    "missing": (lambda _: None, "{path}: No such file or directory"),
    "a folder": (lambda path: path.mkdir(mode=0o700), "{path}: is not a file"),
    "not executable": (program(b"#!/bin/sh\n", 0o600), "{path} is not executable; chmod u+x {path}"),
    "without its interpreter": (program(b"#!/no/such/sh -e\n"), "{path}: its interpreter /no/such/sh is not there"),
    "a script": (program(b"#!/bin/sh\n"), None),
    "a script with a space": (program(b"#! /bin/sh\n"), None),
    "of other bytes": (program(b"\x7fELF"), None),
}


@pytest.mark.parametrize("kind", PROGRAMS)
def test_a_program_that_cannot_be_run_is_found(config: Path, kind: str) -> None:
    create, expected = PROGRAMS[kind]
    path = config.parent / "notify"
    create(path)
    config.write_text('[[channel]]\nname = "run"\ntype = "command"\ncommand = ["./notify"]\n')
    checked, examined = (run_command(config, *command) for command in (("config", "check"), ("doctor",)))
    if expected is None:
        assert checked.returncode == 0
        assert f"channel run: {path}" in examined.stdout
    else:
        problem = expected.format(path=path)
        assert (checked.returncode, checked.stderr) == (
            2,
            f"watcher: error: {config}: channel[0].command: {problem}\n",
        )
        assert f"problem  programs     channel run: command: {problem}" in examined.stdout
    assert load_settings(config)


def test_a_program_of_a_disabled_channel_is_not_needed(config: Path) -> None:
    config.write_text('[[channel]]\nname = "run"\ntype = "command"\ncommand = ["./notify"]\nenabled = false\n')
    assert run_command(config, "config", "check").returncode == 0


def test_urls_that_apprise_does_not_know_are_found_and_not_shown(config: Path) -> None:
    urls = config.parent / "urls"
    urls.write_text("json://127.0.0.1:9/\nslackk://t0ken-of-ours/\n")
    urls.chmod(0o600)
    config.write_text('[[channel]]\nname = "chat"\ntype = "apprise"\nurl = "file:urls"\n')
    checked, examined = (run_command(config, *command) for command in (("config", "check"), ("doctor",)))
    problem = "url: apprise: URL 2 names no service that apprise knows"
    assert (checked.returncode, checked.stderr) == (2, f"watcher: error: {config}: channel[0].{problem}\n")
    assert f"channel chat: {problem}" in examined.stdout
    assert "t0ken" not in examined.stdout + checked.stderr


SECRETS = {
    "a webhook": '[[channel]]\nname = "x"\ntype = "webhook"\nurl = "https://x.example/"\nsecret = "{ref}"\n',
    "apprise": '[[channel]]\nname = "x"\ntype = "apprise"\nurl = "{ref}"\n',
    "the mail server": '[smtp]\nusername = "u"\npassword = "{ref}"\n'
    '[[channel]]\nname = "x"\ntype = "email"\nto = ["a@example.org"]\n',
    "a proxy": '[fetch]\nproxy = "{ref}"\n',
    "the heartbeat": '[heartbeat]\nurl = "{ref}"\n',
}


@pytest.mark.parametrize("kind", SECRETS)
def test_a_secret_whose_file_is_missing_is_found_and_those_of_the_service_are_left_alone(
    config: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    config.write_text(SECRETS[kind].format(ref="file:none"))
    checked = run_command(config, "config", "check")
    assert checked.returncode == 2
    assert checked.stderr.endswith(f"file:none: {config.parent}/none: No such file or directory\n")
    for ref in ("env:OF_THE_SERVICE", "credential:of-the-service"):
        config.write_text(SECRETS[kind].format(ref=ref))
        assert run_command(config, "config", "check").returncode == 0
    assert "OF_THE_SERVICE" not in os.environ


@pytest.mark.parametrize("kind", ["webhook", "apprise"])
def test_a_file_of_authorities_that_is_missing_is_a_mistake(config: Path, kind: str) -> None:
    table = SECRETS["a webhook" if kind == "webhook" else "apprise"].format(ref="env:NONE")
    config.write_text(f'{table}ca_file = "none.pem"\n')
    checked = run_command(config, "config", "check")
    assert checked.stderr == (
        f"watcher: error: {config}: channel[0].ca_file: {config.parent}/none.pem: No such file or directory\n"
    )
