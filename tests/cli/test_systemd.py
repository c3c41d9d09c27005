"""`watcher systemd`: units with the paths of a machine, which never overwrite changed ones."""

from __future__ import annotations

import stat
import sysconfig
import tomllib
from pathlib import Path

import pytest
import trustme

from tests.support.cli_fixtures import RunCli
from watcher.daemon import systemd_units
from watcher.daemon.systemd_units import Machine

ROOT = Path(__file__).resolve().parents[2]
SERVICE = "registry-watcher.service"
CONFIG = """
[store]
path = "/var/lib/registry-watcher/history.db"
snapshots = "/var/lib/registry-watcher/snapshots"
[smtp]
host = "localhost"
password = "credential:smtp-password"
[[source]]
name = "ports"
url = "https://www.iana.org/ports.xml"
[[channel]]
name = "hook"
type = "webhook"
url = "https://example.org/"
secret = "credential:hook"
[[channel]]
name = "noc"
type = "email"
to = ["noc@example.org"]
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config.toml"
    path.write_text(CONFIG)
    path.chmod(0o600)
    return path


def test_show_prints_the_shipped_units(run: RunCli) -> None:
    assert run("systemd", "show").out == (ROOT / "systemd" / SERVICE).read_text()
    assert run("systemd", "show", "--timer").out == "".join(
        (ROOT / "systemd" / name).read_text() for name in systemd_units.TIMER
    )
    assert {path.name for path in (ROOT / "systemd").iterdir()} == {
        *systemd_units.DAEMON,
        *systemd_units.WORKER,
        *systemd_units.TIMER,
    }
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert wheel["force-include"]["systemd"] == "watcher/systemd"


def test_all_services_have_the_same_hardening() -> None:
    names = (SERVICE, systemd_units.TIMER[0], systemd_units.WORKER[0])
    texts = [(ROOT / "systemd" / name).read_text() for name in names]
    hardened = [text[text.index("User=") :].partition("\n\n")[0].strip() for text in texts]
    assert hardened[0] == hardened[1] == hardened[2]
    assert hardened[0].count("\n") > 30


def test_the_unit_of_a_worker_runs_the_worker(run: RunCli) -> None:
    shown = run("systemd", "show", "--worker").out
    assert shown == (ROOT / "systemd" / systemd_units.WORKER[0]).read_text()
    assert "config.toml worker\n" in shown
    assert "cannot be combined" in run("systemd", "show", "--worker", "--timer").err


def test_the_units_are_written_with_the_paths_of_this_machine(run: RunCli, config: Path, tmp_path: Path) -> None:
    result = run("--config", str(config), "systemd", "install", "--prefix", str(tmp_path / "image"))
    assert (result.code, result.err) == (0, "")
    written = tmp_path / "image" / "etc" / "systemd" / "system" / SERVICE
    assert result.out.startswith(f"wrote {written}\n")
    assert "systemctl daemon-reload\n  systemctl enable --now registry-watcher.service\n" in result.out
    assert stat.S_IMODE(written.stat().st_mode) == 0o644
    text = written.read_text()
    program = Path(sysconfig.get_path("scripts"), "watcher")
    assert f"ExecStart={program} --config {config} run\n" in text
    assert f"ExecReload={program} --config {config} config check\n" in text
    assert [line for line in text.splitlines() if "LoadCredential" in line] == [
        f"LoadCredential=hook:{tmp_path}/hook",
        f"LoadCredential=smtp-password:{tmp_path}/smtp-password",
    ]
    assert str(systemd_units.COMMAND) not in text
    assert str(systemd_units.CONFIG) not in text


def test_install_lists_what_the_service_still_needs(run: RunCli, config: Path, tmp_path: Path) -> None:
    config.write_text(CONFIG.replace("/var/lib/registry-watcher/history.db", "history.db"))
    result = run("--config", str(config), "systemd", "install", "--dry-run").out
    assert 'set path = "/var/lib/registry-watcher/history.db"' in result
    assert "write snapshots" not in result
    assert f"put the secret 'hook' into {tmp_path}/hook (owner root, mode 600)" in result


def test_credentials_of_a_proxy_and_of_the_heartbeat_are_handed_to_the_service_too(
    run: RunCli, config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(systemd_units, "_HIDDEN", (tmp_path,))  # wherever the tests run
    trustme.CA().cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    fetch = '[fetch]\nproxy = "credential:proxy"\nca_file = "ca.pem"\n'
    config.write_text(f'{CONFIG}\n{fetch}[heartbeat]\nurl = "credential:beat"\nproxy = "credential:own-proxy"\n')
    result = run("--config", str(config), "systemd", "install", "--dry-run").out
    names = [line.split("=")[1].split(":")[0] for line in result.splitlines() if line.startswith("LoadCredential=")]
    assert names == ["beat", "hook", "own-proxy", "proxy", "smtp-password"]
    assert f"fetch.ca_file: {tmp_path}/ca.pem is hidden from the service; move it to /etc/registry-watcher" in result


@pytest.mark.parametrize(
    ("config", "mode", "result"),
    [("/home/me/config.toml", 0o644, "is hidden from the service"), ("etc/config.toml", 0o600, "chmod o+r")],
)
def test_an_unreadable_configuration_is_reported(
    config: str, mode: int, result: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # This test does not depend on the folder for temporary files.
    monkeypatch.setattr(systemd_units, "_HIDDEN", (Path("/home"),))
    path = tmp_path / config
    if not path.is_relative_to("/home"):
        path.parent.mkdir()
        path.write_text("")
        path.chmod(mode)
    assert result in systemd_units.explain_unreadable(path)


def test_a_dry_run_writes_nothing(run: RunCli, config: Path, tmp_path: Path) -> None:
    result = run(
        "--config", str(config), "systemd", "install", "--timer", "--dry-run", "--prefix", str(tmp_path / "image")
    )
    assert result.code == 0
    assert result.out.count("[Unit]") == 2
    assert not (tmp_path / "image").exists()


def test_a_changed_unit_is_overwritten_only_with_force(run: RunCli, config: Path, tmp_path: Path) -> None:
    install = ("--config", str(config), "systemd", "install", "--prefix", str(tmp_path))
    assert run(*install).code == 0
    assert run(*install).code == 0, "what is as it would be written is no obstacle"
    written = tmp_path / "etc" / "systemd" / "system" / SERVICE
    text = written.read_text()
    written.write_text(text.replace("WatchdogSec=60", "WatchdogSec=600"))
    refused = run(*install)
    assert refused.code == 2
    assert "-WatchdogSec=600" in refused.err
    assert "--force overwrites it" in refused.err
    assert "WatchdogSec=600" in written.read_text()
    assert run(*install, "--force").code == 0
    assert written.read_text() == text


def test_a_path_that_is_not_valid_in_a_unit_is_refused(run: RunCli, config: Path, tmp_path: Path) -> None:
    odd = tmp_path / "a b%n"
    odd.mkdir()
    config.rename(odd / "config.toml")
    result = run("--config", str(odd / "config.toml"), "systemd", "install", "--dry-run")
    assert result.code == 2
    assert "cannot be written into a unit" in result.err


def test_a_unit_replaces_every_default_path() -> None:
    for name in (SERVICE, systemd_units.TIMER[0]):
        text = systemd_units.render_unit(
            name, Machine(command=Path("/x/watcher"), config=Path("/y/c.toml"), credentials=("z",))
        )
        assert "/x/watcher --config /y/c.toml" in text
        assert "LoadCredential=z:/y/z" in text
        assert "#LoadCredential" not in text
        assert f"WorkingDirectory={systemd_units.STATE}" in text
