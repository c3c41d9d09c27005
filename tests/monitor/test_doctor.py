"""The doctor examines everything, changes nothing, and says what to do."""

from __future__ import annotations

import base64
import json
import shutil
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support import run_cli
from tests.support.environment import Environment, open_environment
from tests.support.port_releases import release, tcp
from watcher.cli.context import load_settings
from watcher.monitor import doctor
from watcher.monitor.doctor import Diagnosis, DiagnosisState


@pytest.fixture
def env(tmp_path: Path) -> Iterator[Environment]:
    with open_environment(tmp_path) as made:
        made.check(release([tcp("a", "1")]))
        yield made


def run_command(env: Environment, *arguments: str) -> tuple[int, str, list[dict[str, Any]]]:
    done = run_cli.run_command(env.servers.config, "doctor", "--format", "json", *arguments)
    assert done.stderr == ""
    report = json.loads(done.stdout)
    return done.returncode, report["state"], report["findings"]


def examined(env: Environment, **more: Any) -> list[Diagnosis]:
    return list(doctor.diagnose(load_settings(env.servers.config), env.now, **more))


def bad(diagnoses: list[Diagnosis]) -> dict[str, str]:
    """Return the messages of warnings and problems by area; of several in an area, the last."""
    return {diagnosis.area: diagnosis.message for diagnosis in diagnoses if diagnosis.state is not DiagnosisState.OK}


def test_a_healthy_installation_has_only_ok_results(env: Environment) -> None:
    env.configure('name = "mail"', 'name = "mail"\noperator = true')
    before = {path: path.read_bytes() for path in env.servers.folder.rglob("*") if path.is_file()}
    code, state, diagnoses = run_command(env)
    as_root = {"user"} if any(diagnosis["area"] == "user" for diagnosis in diagnoses) else set()
    assert {diagnosis["area"] for diagnosis in diagnoses if diagnosis["state"] != "ok"} == as_root
    assert (code, state) == ((1, "warning") if as_root else (0, "ok"))
    assert {"python", "sqlite", "config", "secrets", "programs", "store", "disk", "history", "clock", "sources"} <= {
        diagnosis["area"] for diagnosis in diagnoses
    }
    assert sqlite3.sqlite_version in next(
        diagnosis["message"] for diagnosis in diagnoses if diagnosis["area"] == "sqlite"
    )
    assert {path: path.read_bytes() for path in env.servers.folder.rglob("*") if path.is_file()} == before


def test_as_text_it_is_a_line_for_each_finding(env: Environment) -> None:
    done = run_cli.run_command(env.servers.config, "doctor")
    assert done.returncode == 1
    assert all(line.startswith(("ok ", "warning ", "problem ")) for line in done.stdout.splitlines())
    assert "warning  channels     no channel has operator = true" in done.stdout


@pytest.mark.fault(61, 62)
def test_an_invalid_configuration_is_a_problem_and_the_rest_is_still_examined(env: Environment) -> None:
    env.configure("[store]", "nonsense = 1\n\n[store]")
    env.servers.config.write_text(env.servers.config.read_text().replace("[store]", "[store]\nother = 2"))
    code, state, diagnoses = run_command(env)
    assert (code, state) == (2, "problem")
    assert len([diagnosis for diagnosis in diagnoses if diagnosis["area"] == "config"]) == 2
    assert "python" in {diagnosis["area"] for diagnosis in diagnoses}
    env.servers.config.chmod(0o666)
    assert "can be written by others" in str(run_command(env)[2])


@pytest.mark.fault(62, 63)
def test_a_secret_that_others_can_read_or_that_is_not_there_is_a_problem_and_is_not_shown(env: Environment) -> None:
    secret = env.servers.folder / "webhook-secret"
    secret.chmod(0o644)
    assert "chmod 600" in bad(examined(env))["secrets"]
    assert secret.read_text() not in str(examined(env))
    secret.unlink()
    assert "No such file" in bad(examined(env))["secrets"]


@pytest.mark.fault(62, 63)
@pytest.mark.parametrize(
    ("password", "wrong"),
    [
        ("CHANGE-ME\n", "a placeholder"),
        ("your-password-here", "a placeholder"),
        ("<password>", "a placeholder"),
        ("${SMTP_PASSWORD}", "a placeholder"),
        ("xxxxxxxxxxxx", "a placeholder"),
        ("k7#qZ", "shorter than 8 characters"),
        (" \n", "empty"),
        ("first line\nsecond line\n", "more than one line"),
        ("k7#qZ2!pW9", None),
        ("key to the old barn 7", None),
    ],
)
def test_a_password_that_cannot_be_one_is_a_problem_and_is_not_shown(
    env: Environment, password: str, wrong: str | None
) -> None:
    env.configure("[smtp]", '[smtp]\nusername = "ann"\npassword = "file:smtp-password"')
    file = env.servers.folder / "smtp-password"
    file.write_text(password)
    file.chmod(0o600)
    expected = f"smtp.password: file:smtp-password is {wrong}" if wrong else None
    assert bad(examined(env)).get("secrets") == expected
    assert not password.strip() or password.strip() not in str(examined(env))


@pytest.mark.fault(63)
@pytest.mark.parametrize(
    "key", [b"\0" * 24, b"your-secret-goes-right-here", base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
)
def test_a_webhook_secret_that_anybody_can_guess_is_a_problem(env: Environment, key: bytes) -> None:
    secret = f"whsec_{base64.b64encode(key).decode()}"
    (env.servers.folder / "webhook-secret").write_text(secret)
    assert bad(examined(env))["secrets"].endswith(("is a placeholder", "is an example that everybody knows"))
    assert secret not in str(examined(env))


def test_a_heartbeat_url_as_the_manual_prints_it_is_a_problem(env: Environment) -> None:
    env.configure("[smtp]", '[heartbeat]\nurl = "file:ping"\n\n[smtp]')
    url = env.servers.folder / "ping"
    url.write_text("https://hc-ping.com/your-uuid-here")
    url.chmod(0o600)
    assert bad(examined(env))["secrets"] == "heartbeat.url: file:ping is a URL with a placeholder"


@pytest.mark.fault(63, 83)
def test_a_reference_to_a_url_is_read_and_its_url_is_not_shown(env: Environment) -> None:
    env.configure("allow_private = true", 'allow_private = true\nproxy = "file:proxy"')
    assert "fetch.proxy: file:proxy: " in bad(examined(env))["secrets"]
    proxy = env.servers.folder / "proxy"
    proxy.write_text("socks5://ann:hunter2@127.0.0.1/\n")
    proxy.chmod(0o600)
    assert bad(examined(env))["secrets"] == "fetch.proxy: file:proxy: must begin with http:, https:"
    proxy.write_text("http://ann:hunter2@127.0.0.1:3128/\n")
    assert "secrets" not in bad(examined(env))
    assert "hunter2" not in str(examined(env))


@pytest.mark.fault(54)
def test_a_damaged_history_is_a_problem_with_the_way_out(env: Environment) -> None:
    path = env.servers.folder / "history.db"
    path.write_bytes(path.read_bytes()[:8192])
    message = bad(examined(env))["history"]
    assert "watcher rebuild" in message
    path.write_bytes(b"no database" * 1000)
    assert "cannot be read" in bad(examined(env))["history"] or "damaged" in bad(examined(env))["history"]
    path.unlink()
    assert "is missing, but the archive has 1 snapshot of it; restore" in bad(examined(env))["history"]
    shutil.rmtree(env.servers.folder / "snapshots")
    assert "there is no history yet" in bad(examined(env))["history"]
    assert not path.exists()


@pytest.mark.fault(62)
def test_permissions_that_are_too_wide_are_problems(env: Environment) -> None:
    (env.servers.folder / "history.db").chmod(0o666)
    assert "chmod go-w" in bad(examined(env))["history"]
    (env.servers.folder / "snapshots").chmod(0o777)
    assert "chmod o-w" in bad(examined(env))["store"]


def test_leftovers_of_interrupted_writes_are_reported(env: Environment) -> None:
    (env.servers.folder / "snapshots" / "ports" / "x.123.tmp").write_bytes(b"")
    assert "leftovers" in bad(examined(env))["store"]


@pytest.mark.fault(52)
def test_a_disk_that_is_nearly_full_is_reported(env: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_WARNING_FREE", 2**60)
    assert "MiB free" in bad(examined(env))["disk"]
    monkeypatch.setattr(doctor, "_PROBLEM_FREE", 2**60)
    assert [diagnosis.state for diagnosis in examined(env) if diagnosis.area == "disk"] == [DiagnosisState.PROBLEM] * 2


@pytest.mark.fault(58)
def test_a_clock_that_cannot_be_right_is_reported(env: Environment) -> None:
    assert doctor.diagnose_clock(datetime(2020, 1, 1, tzinfo=UTC)).state is DiagnosisState.PROBLEM
    now = datetime(2027, 1, 1, tzinfo=UTC)
    assert doctor.diagnose_clock(now).state is DiagnosisState.OK
    assert doctor.diagnose_clock(now, "2027-01-01T00:04:00Z").state is DiagnosisState.OK
    assert doctor.diagnose_clock(now, "2028-01-01T00:00:00Z").state is DiagnosisState.WARNING


def test_of_many_sources_some_are_named_and_the_others_counted(env: Environment) -> None:
    config = env.servers.config
    more = "".join(f'[[source]]\nname = "s{n}"\nurl = "https://x.example/{n}"\n' for n in range(150))
    config.write_text(config.read_text() + more)
    messages = [diagnosis.message for diagnosis in examined(env) if diagnosis.area == "sources"]
    assert len(messages) == 1 + 100 + 1
    assert messages[0].startswith("ports: ")
    assert messages[100:] == ["s99: never checked", "50 more sources with a warning; `watcher status` lists all"]


def test_sources_that_fail_or_are_not_checked_are_reported(env: Environment) -> None:
    env.check(b"<html>502</html>")
    assert "failed" in bad(examined(env))["sources"]
    env.check(release([tcp("a", "1")]))
    assert "sources" not in bad(examined(env))
    env.now += timedelta(days=2)
    assert "is the daemon running?" in bad(examined(env))["sources"]


def test_a_program_that_a_source_needs_is_a_problem_where_it_is_missing(
    env: Environment, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "programs" not in bad(examined(env))
    more = '[[source]]\nname = "iana"\ntype = "collection"\nrsync = "rsync://127.0.0.1/x/"\n'
    env.servers.config.write_text(env.servers.config.read_text() + more)
    assert "rsync: not installed" in bad(examined(env))["programs"]


# The mail server is aiosmtpd: a session that ends while it stops leaves its socket to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_servers_are_only_connected_to_with_network(env: Environment) -> None:
    assert "cannot be reached" not in str(examined(env))
    assert "cannot be reached" not in str(examined(env, network=True))
    env.configure("port = ", "port = 1 # ")
    assert "cannot be reached" not in str(examined(env))
    assert "mail: 127.0.0.1:1 cannot be reached" in bad(examined(env, network=True))["channels"]
