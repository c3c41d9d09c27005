"""The shipped unit under a real systemd: it starts when it is ready, does not stay dead or hung, and stops cleanly."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.systemd.conftest import CONFIG, SECRET, SETTINGS, STATE, UNIT, Unit
from tests.systemd.sandbox import HOME, PROJECT, Sandbox, until

PYTHON = str(HOME / "bin" / "python")
WATCHER = str(HOME / "bin" / "watcher")
SERVICES = sorted((PROJECT / "systemd").glob("*.service"))
NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
LOCK = """
import sqlite3
history = sqlite3.connect("/var/lib/registry-watcher/history.db", isolation_level=None)
history.execute("BEGIN EXCLUSIVE")
print("locked", flush=True)
input()
"""
INTACT = """
import sqlite3
history = sqlite3.connect("/var/lib/registry-watcher/history.db")
((intact,),) = history.execute("PRAGMA integrity_check")
((checks,),) = history.execute("SELECT count(*) FROM checks")
((pending,),) = history.execute("SELECT count(*) FROM outbox WHERE state = 'pending'")
print(f"{intact} {checks} checks, {pending} pending")
"""


def test_the_units_are_clean(sandbox: Sandbox) -> None:
    paths = [f"/etc/systemd/system/{path.name}" for path in (PROJECT / "systemd").glob("*.*")]
    assert len(paths) == 4
    verified = sandbox.run("systemd-analyze", "verify", *paths)
    assert (verified.returncode, verified.stdout, verified.stderr) == (0, "", "")


@pytest.mark.parametrize("path", SERVICES, ids=lambda path: path.name)
def test_the_services_are_exposed_to_little(sandbox: Sandbox, path: Path) -> None:
    assert len(SERVICES) == 3
    inside = HOME / "project" / path.relative_to(PROJECT)
    sandbox.run("systemd-analyze", "security", "--offline=yes", "--threshold=15", str(inside))


def test_a_start_waits_until_the_daemon_is_ready(unit: Unit) -> None:
    unit.start()
    unit.logged("checked")
    unit.ctl("stop", UNIT)
    lock = unit.sandbox.command(PYTHON, "-c", LOCK)
    with subprocess.Popen(lock, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "locked\n"
        starting = subprocess.Popen(unit.sandbox.command("systemctl", "start", UNIT))
        until(lambda: unit.show("MainPID") != "0" and unit.show("SubState") == "start", "a start under way")
        # The program runs and the history is not open yet: that is no service.
        until(lambda: "watcher" in unit.sandbox.run("cat", f"/proc/{unit.show('MainPID')}/cmdline").stdout, "it")
        assert (unit.show("ActiveState"), starting.poll()) == ("activating", None)
        holder.communicate("\n")
    assert starting.wait(30) == 0
    assert unit.show("ActiveState") == "active"
    assert unit.show("StatusText") == "watching 1 source"


def test_a_start_fails_where_the_history_cannot_be_used(unit: Unit) -> None:
    unit.start()
    unit.ctl("stop", UNIT)
    unit.sandbox.write("/var/lib/private/registry-watcher/history.db", b"this is no database" * 100)
    assert unit.ctl("start", UNIT, check=False).returncode != 0
    until(lambda: any("history.db" in record["event"] for record in unit.journal()), "the reason")


@pytest.mark.fault(67)
def test_a_process_that_hangs_is_ended_by_the_watchdog_and_started_again(unit: Unit) -> None:
    unit.survive_a_hang()


@pytest.mark.fault(57, 67)
def test_a_worker_that_hangs_is_not_hidden_by_a_main_thread_that_lives(unit: Unit) -> None:
    # The C library asks a name server that never answers for 150 seconds, deaf to our deadline of one.
    unit.sandbox.write("/etc/resolv.conf", "nameserver 127.0.0.1\noptions timeout:30 attempts:5\n")
    text = SETTINGS.replace("http://127.0.0.1:8080/ports.xml", "http://registry.example/ports.xml")
    text = text.replace("[daemon]", '[daemon]\nhung_after = "1s"').replace("[fetch]", "[fetch]\ndeadline = 1")
    unit.configure(text)
    unit.soon()
    before = unit.start()
    assert unit.logged("hung; no more keep-alives are sent to the watchdog")["tasks"] == ["ports"]
    unit.restarted(before)
    said = [record["event"] for record in unit.journal()]
    assert any(line.startswith("Fatal Python error: Aborted") for line in said)
    assert any("in getaddrinfo" in line for line in said), "the journal says where it hung"


@pytest.mark.fault(50)
def test_a_killed_process_is_started_again_and_has_its_history(unit: Unit) -> None:
    before = unit.start()
    unit.other.hears("GET /ports.xml")
    unit.logged("checked")
    unit.sandbox.run("kill", "-KILL", before)
    unit.restarted(before)
    unit.ctl("stop", UNIT)
    assert unit.other.forget() == [], "it was not time to check again"
    assert "2020-01-01" in unit.sandbox.run(WATCHER, "--config", str(CONFIG), "releases", "ports").stdout


@pytest.mark.fault(66)
def test_a_stop_is_clean_while_a_check_and_a_delivery_are_under_way(unit: Unit) -> None:
    text = SETTINGS.replace("/ports.xml", "/slow.xml").replace("/hook", "/slow-hook")
    unit.configure(text.replace("[daemon]", '[daemon]\ngrace = "1s"'))
    unit.start()
    unit.other.hears("GET /slow.xml")
    unit.configure("this is no configuration")
    unit.ctl("kill", "--kill-whom=main", "--signal=HUP", UNIT)
    unit.other.hears("POST /slow-hook notice config-refused")
    unit.ctl("stop", UNIT)
    unit.ended_cleanly()
    unit.logged("stopped with unfinished tasks; the next start resumes them")
    assert unit.sandbox.run(PYTHON, "-c", INTACT).stdout == "ok 0 checks, 1 pending\n"


@pytest.mark.fault(66)
def test_a_second_sigterm_ends_it_at_once(unit: Unit) -> None:
    unit.configure(SETTINGS.replace("/ports.xml", "/slow.xml").replace("[daemon]", '[daemon]\ngrace = "1h"'))
    unit.start()
    unit.other.hears("GET /slow.xml")
    unit.ctl("kill", "--kill-whom=main", "--signal=TERM", UNIT)
    until(lambda: unit.show("StatusText") == "finishing running tasks", "the first to be heard")
    unit.ctl("kill", "--kill-whom=main", "--signal=TERM", UNIT)
    until(lambda: unit.show("ActiveState") == "inactive", "its end", 10)
    unit.ended_cleanly()


@pytest.mark.fault(63)
def test_the_credential_is_read_by_the_service_alone(unit: Unit) -> None:
    pid = unit.start()
    credential = f"/run/credentials/{UNIT}/webhook-secret"
    assert unit.sandbox.run("cat", credential).stdout == SECRET
    for path in (credential, "/etc/registry-watcher/webhook-secret"):
        refused = unit.sandbox.run(*NOBODY, "cat", path, check=False)
        assert "Permission denied" in refused.stderr
    environment = unit.sandbox.run("cat", f"/proc/{pid}/environ").stdout
    assert f"CREDENTIALS_DIRECTORY=/run/credentials/{UNIT}" in environment
    assert SECRET not in environment + unit.sandbox.run("cat", f"/proc/{pid}/cmdline").stdout
    # The service, which is not root, reads it: the receiver refuses what is not signed with it.
    assert unit.sandbox.run("stat", "--format=%u", f"/proc/{pid}").stdout != "0\n"
    unit.configure("this is no configuration")
    unit.ctl("kill", "--kill-whom=main", "--signal=HUP", UNIT)
    unit.other.hears("POST /hook notice config-refused")
    unit.logged("delivered")
    assert SECRET.removeprefix("whsec_") not in str(unit.journal())


def test_the_state_is_the_services_own_and_stays(unit: Unit) -> None:
    unit.start()
    unit.logged("checked")
    unit.ctl("stop", UNIT)
    assert unit.sandbox.run("stat", "--format=%a", f"{STATE}/").stdout == "700\n"
    assert "Permission denied" in unit.sandbox.run(*NOBODY, "ls", f"{STATE}/", check=False).stderr
    unit.start()
    unit.ctl("stop", UNIT)
    assert unit.sandbox.run(WATCHER, "--config", str(CONFIG), "status").stdout.count("baseline") == 1


@pytest.mark.fault(66)
def test_a_reload_applies_what_changed(unit: Unit) -> None:
    pid = unit.start()
    unit.logged("checked")
    unit.other.forget()
    unit.sandbox.write("/srv/more.xml", unit.sandbox.path("/srv/ports.xml").read_bytes())
    unit.configure(SETTINGS + '[[source]]\nname = "more"\nurl = "http://127.0.0.1:8080/more.xml"\n')
    unit.ctl("reload", UNIT)
    unit.other.hears("GET /more.xml")
    assert unit.show("StatusText") == "watching 2 sources"
    assert (unit.show("MainPID"), unit.show("ActiveState"), unit.show("NRestarts")) == (pid, "active", "0")
    assert unit.logged("configuration reloaded")["sources"] == ["ports", "more"]
    assert unit.other.forget() == [], "what did not change was not looked at again"


@pytest.mark.fault(61, 66)
def test_a_reload_of_a_broken_configuration_leaves_the_old_one_in_force(unit: Unit) -> None:
    pid = unit.start()
    unit.logged("checked")
    unit.configure(SETTINGS.replace("[daemon]", "[demon]"))
    failed = unit.ctl("reload", UNIT, check=False)
    assert failed.returncode != 0, "the reload itself fails"
    unit.other.hears("POST /hook notice config-refused")
    assert unit.logged("configuration refused; the old one stays in force")["problems"] == [
        f"{CONFIG}: demon: unknown; did you mean 'daemon'?"
    ]
    until(lambda: "watching 1 source; the changed configuration was refused" in unit.show("StatusText"), "the status")
    assert (unit.show("MainPID"), unit.show("ActiveState"), unit.show("NRestarts")) == (pid, "active", "0")
    unit.configure()
    unit.ctl("reload", UNIT)
    until(lambda: unit.show("StatusText") == "watching 1 source", "the mended one")
    assert unit.show("MainPID") == pid


def test_an_operators_command_works_on_the_state_as_the_services_user(unit: Unit) -> None:
    text = (PROJECT / "docs" / "operation.md").read_text("utf-8")
    (block,) = (block for block in text.replace("\\\n", " ").split("```")[1::2] if "systemd-run" in block)
    command = block.split()
    unit.start()
    unit.logged("checked")
    said = unit.sandbox.run(*command[:-3], "check")
    assert said.stdout == "ports: unchanged\n"
    owners = unit.sandbox.run("find", f"{STATE}/", "-printf", "%u\\n").stdout.split()
    assert len(set(owners)) == 1
    assert len(owners) > 3


CHANNELS = """\
[[channel]]
name = "lines"
type = "file"
path = "/var/lib/registry-watcher/alerts.jsonl"
[[channel]]
name = "program"
type = "command"
command = ["/opt/registry-watcher/notify", "ticket"]
"""
NOTIFY = """\
#!/bin/sh
# The state is the one place that the service can write to.
cat >"/var/lib/registry-watcher/$1-$WATCHER_SOURCE"
touch /etc/registry-watcher/more 2>>/var/lib/registry-watcher/refused
touch /opt/registry-watcher/more 2>>/var/lib/registry-watcher/refused
id -u >/var/lib/registry-watcher/user
"""


def test_a_file_and_a_program_receive_a_change_within_the_limits_of_the_service(unit: Unit) -> None:
    unit.sandbox.write("/opt/registry-watcher/notify", NOTIFY, 0o755)
    unit.configure(SETTINGS + CHANNELS)
    said = unit.sandbox.run(WATCHER, "--config", str(CONFIG), "systemd", "install", "--dry-run", check=False)
    assert "channel" not in said.stdout + said.stderr, "no obstacle"
    for ports in (["1"], ["1", "2"]):
        unit.publish(*ports, updated=f"2020-0{len(ports)}-01")
        unit.ctl("start", "registry-watcher-check.service")  # it has the limits of the daemon
    lines = [json.loads(line) for line in unit.sandbox.path(f"{STATE}/alerts.jsonl").read_text().splitlines()]
    assert [line["data"]["events"][0]["service"] for line in lines] == ["service-2"]
    assert json.loads(unit.sandbox.path(f"{STATE}/ticket-ports").read_text())["data"] == lines[0]["data"]
    assert unit.sandbox.path(f"{STATE}/refused").read_text().count("Read-only file system") == 2
    assert unit.sandbox.run("stat", "--format=%a", f"{STATE}/alerts.jsonl").stdout == "600\n"
    assert unit.sandbox.path(f"{STATE}/user").read_text() != "0\n"


def test_the_timer_checks_once_and_reports_a_failure(unit: Unit) -> None:
    unit.ctl("start", "registry-watcher-check.service")
    unit.other.hears("GET /ports.xml")
    assert unit.sandbox.run("stat", "--format=%a", f"{STATE}/").stdout == "700\n"
    unit.sandbox.path("/srv/ports.xml").write_text("<html>502</html>")
    assert unit.ctl("start", "registry-watcher-check.service", check=False).returncode != 0
    assert unit.ctl("is-failed", "registry-watcher-check.service").stdout == "failed\n"
    unit.ctl("start", "registry-watcher-check.timer")
    assert "registry-watcher-check.service" in unit.ctl("list-timers").stdout
    unit.ctl("stop", "registry-watcher-check.timer")
    # The daemon takes over the state of the timer: it is the same user.
    unit.publish("1")
    unit.start()
    unit.ctl("stop", UNIT)
