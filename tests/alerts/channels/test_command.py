"""The command channel with real programs: what they get, how they end, and who may have written them."""

from __future__ import annotations

import json
import os
import select
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.support.fake_clock import FakeClock
from tests.support.run_cli import run_command
from watcher.alerts import messages
from watcher.alerts.channels import child_process, create_channel
from watcher.alerts.channels.base import Channel
from watcher.cli.context import load_settings
from watcher.config.channel_settings import CommandSettings
from watcher.config.settings import Settings
from watcher.core.errors import ConfigError, DeliveryError
from watcher.core.operations import Delivery
from watcher.daemon import systemd_units
from watcher.daemon.systemd_units import Machine

NOW = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)
DELIVERY = Delivery(
    id="msg_1", channel="run", recipient="", source="ports", release="", body='{"text": "naïve 字"}', created=""
)


def program(folder: Path, script: str, name: str = "notify") -> Path:
    """Write a shell script that only its owner can change."""
    folder.mkdir(mode=0o700, exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o700)
    return path


def command_channel(path: Path | str, *arguments: str, folder: Path = Path("/"), timeout: float = 20) -> Channel:
    table = CommandSettings(name="run", type="command", command=(str(path), *arguments), timeout=timeout)
    return create_channel(table, Settings(folder=folder))


def failure(channel: Channel) -> str:
    with pytest.raises(DeliveryError) as caught:
        channel.send(DELIVERY, NOW)
    assert not caught.value.permanent
    return str(caught.value)


def test_the_program_gets_the_body_on_standard_input_and_its_arguments_without_a_shell(tmp_path: Path) -> None:
    out = tmp_path / "out"
    path = program(tmp_path / "bin", f'cat > {out}; printf "%s\\n" "$@" > {out}.arguments')
    command_channel(path, "$(touch x) ; *", "--to=noc").send(DELIVERY, NOW)
    assert out.read_text() == DELIVERY.body
    assert Path(f"{out}.arguments").read_text().splitlines() == ["$(touch x) ; *", "--to=noc"]


def test_the_body_of_a_test_is_a_cloud_event_with_the_id_of_the_delivery(tmp_path: Path) -> None:
    channel = command_channel(program(tmp_path / "bin", f"cat > {tmp_path}/out"))
    rendered = messages.render_test(channel, "", NOW)
    channel.send(rendered, NOW)
    event = json.loads((tmp_path / "out").read_text())
    assert (event["id"], event["type"]) == (rendered.id, "org.registry-watcher.test")


def test_the_program_has_a_clean_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMTP_PASSWORD", "secret")
    monkeypatch.setenv("LD_PRELOAD", "")
    command_channel(program(tmp_path / "bin", f"env > {tmp_path}/out")).send(DELIVERY, NOW)
    variables = dict(line.split("=", 1) for line in (tmp_path / "out").read_text().splitlines())
    names = {"PATH", "LANG", "WATCHER_CHANNEL", "WATCHER_DELIVERY", "WATCHER_SOURCE"}
    assert variables.keys() - {"PWD", "SHLVL", "_", "OLDPWD"} == names  # the shell adds its own
    assert (variables["WATCHER_DELIVERY"], variables["WATCHER_CHANNEL"]) == ("msg_1", "run")


def test_exit_code_and_the_end_of_standard_error_are_in_the_error(tmp_path: Path) -> None:
    noise = "i=0; while [ $i -lt 3000 ]; do echo noise; i=$((i+1)); done"
    path = program(tmp_path / "bin", f"({noise}; echo why) >&2; exit 7")
    assert failure(command_channel(path)).startswith(f"{path}: exit code 7: …")
    assert failure(command_channel(path)).endswith("noise noise why")
    assert failure(command_channel(program(tmp_path / "bin", "kill -9 $$"))).endswith("was ended by SIGKILL")


class ShortSteps(FakeClock):
    """Each reading is a tenth of a second after the one before, so that a program writes at least a thousand lines."""

    def monotonic(self) -> float:
        self.advance(timedelta(seconds=0.1))
        return super().monotonic()


def test_a_program_that_writes_errors_without_end_is_killed_at_the_deadline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(child_process, "SystemClock", ShortSteps)
    path = program(tmp_path / "bin", "while :; do echo noise; done >&2")
    assert failure(command_channel(path, timeout=100)).startswith(f"{path}: was killed after 100 s: …")


def test_a_program_that_closes_its_standard_error_is_waited_for(tmp_path: Path) -> None:
    path = program(tmp_path / "bin", f"exec 2>&-; until test -e {tmp_path}/go; do :; done; exit 3")
    (tmp_path / "go").touch()
    assert failure(command_channel(path)) == f"{path}: exit code 3"


def test_a_program_that_does_not_read_its_input_is_no_failure(tmp_path: Path) -> None:
    large = replace(DELIVERY, body="x" * 2_000_000)
    command_channel(program(tmp_path / "bin", "exit 0")).send(large, NOW)


def test_at_the_deadline_the_program_is_killed_with_all_that_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Clock(FakeClock):
        """A clock that goes on after its first reading, once the program has started another one."""

        is_read = False

        def monotonic(self) -> float:
            now = 100.0 if self.is_read and (tmp_path / "child").exists() else 0.0
            self.is_read = True
            return now

    monkeypatch.setattr(child_process, "SystemClock", Clock)
    started = f"sleep 600 & echo $! > {tmp_path}/number; mv {tmp_path}/number {tmp_path}/child; wait"
    path = program(tmp_path / "bin", started)
    assert failure(command_channel(path, timeout=1)) == f"{path}: was killed after 1 s"
    _assert_ends(int((tmp_path / "child").read_text()))


def test_what_a_program_leaves_running_is_killed_and_delays_nothing(tmp_path: Path) -> None:
    path = program(tmp_path / "bin", f"sleep 600 & echo $! > {tmp_path}/child; exit 0")
    command_channel(path).send(DELIVERY, NOW)
    _assert_ends(int((tmp_path / "child").read_text()))


def _assert_ends(process: int) -> None:
    """Assert that a process was killed; one that is not reaped yet has ended too."""
    try:
        descriptor = os.pidfd_open(process)
    except ProcessLookupError:
        return
    with os.fdopen(descriptor):
        assert select.select([descriptor], [], [], 20)[0]


def test_a_program_that_others_can_change_is_not_run(tmp_path: Path) -> None:
    path = program(tmp_path / "bin", f"touch {tmp_path}/ran")
    path.chmod(0o722)
    with pytest.raises(ConfigError, match="can be written by others; chmod go-w"):
        command_channel(path).send(DELIVERY, NOW)
    path.chmod(0o700)
    path.parent.chmod(0o777)
    with pytest.raises(ConfigError, match="can be replaced by others, who can write to its folder"):
        command_channel(path).send(DELIVERY, NOW)
    path.parent.chmod(0o700)
    assert not (tmp_path / "ran").exists()
    command_channel(path).send(DELIVERY, NOW)
    assert (tmp_path / "ran").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to another user")
def test_a_program_of_another_user_is_not_run(tmp_path: Path) -> None:
    path = program(tmp_path / "bin", "exit 0")
    os.chown(path, 65534, 65534)
    with pytest.raises(ConfigError, match="belongs to user 65534"):
        command_channel(path).send(DELIVERY, NOW)


def test_a_relative_path_is_under_the_folder_of_the_configuration(tmp_path: Path) -> None:
    program(tmp_path / "bin", f"pwd > {tmp_path}/out")
    command_channel("bin/notify", folder=tmp_path).send(DELIVERY, NOW)
    assert (tmp_path / "out").read_text().strip() == str(tmp_path)


def test_a_program_that_is_absent_or_cannot_run_is_a_failed_try(tmp_path: Path) -> None:
    assert "No such file" in failure(command_channel(tmp_path / "bin" / "absent"))
    path = program(tmp_path / "bin", "exit 0")
    path.chmod(0o600)
    assert failure(command_channel(path)) == f"{path}: cannot be run: Permission denied"


def test_config_check_doctor_and_systemd_judge_the_program_before_the_first_alert(tmp_path: Path) -> None:
    path = program(tmp_path / "bin", "exit 0")
    (tmp_path / "config.toml").write_text(
        '[[source]]\nname = "ports"\nurl = "https://registry.example/ports.xml"\n'
        '[[channel]]\nname = "run"\ntype = "command"\ncommand = ["bin/notify"]\n'
        '[[channel]]\nname = "log"\ntype = "file"\npath = "alerts.jsonl"\n'
    )
    (tmp_path / "config.toml").chmod(0o600)
    settings = load_settings(tmp_path / "config.toml")
    obstacles = " ".join(systemd_units.find_obstacles(Machine(config=tmp_path / "config.toml"), settings, path))
    assert 'in channel log set path = "/var/lib/registry-watcher/alerts.jsonl"' in obstacles
    is_hidden = any(tmp_path.is_relative_to(folder) for folder in systemd_units._HIDDEN)
    assert ("/bin/notify is hidden from the service" in obstacles) == is_hidden
    path.chmod(0o600)
    assert "is not executable; chmod u+x" in run_command(tmp_path / "config.toml", "doctor").stdout
    path.chmod(0o722)
    checked = run_command(tmp_path / "config.toml", "config", "check")
    assert checked.returncode == 2
    assert "channel[0].command: " in checked.stderr
    assert "can be written by others" in checked.stderr
    path.unlink()
    assert "channel[0].command: " in run_command(tmp_path / "config.toml", "config", "check").stderr
    assert load_settings(tmp_path / "config.toml")  # the daemon starts and retries
    assert "No such file" in run_command(tmp_path / "config.toml", "doctor").stdout
