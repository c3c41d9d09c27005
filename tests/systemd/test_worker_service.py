"""The shipped unit of a worker under a real systemd, beside a PostgreSQL that it reaches through a Unix socket."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.postgresql import require_server
from tests.systemd.conftest import CONFIG, SETTINGS, Other, Unit, installed
from tests.systemd.sandbox import HOME, Sandbox, until

pytestmark = pytest.mark.server
UNIT = "registry-watcher-worker.service"
USER = "registry-watcher"
WORKER_SETTINGS = SETTINGS.replace(
    'path = "/var/lib/registry-watcher/history.db"', f'url = "postgresql://{USER}@/registries"'
).replace("[daemon]", '[worker]\nlease = "2s"\njobs = 4\n[daemon]')


class Database:
    """The server on the machine, as its administrator uses it. Who connects is who the system says (peer)."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._programs = require_server()
        self._sandbox = sandbox

    def run(self, program: str, *arguments: str) -> str:
        command = ("setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", self._programs / program)
        return self._sandbox.run(*map(str, command), *arguments).stdout.strip()

    def sql(self, statement: str) -> str:
        return self.run("psql", "--dbname=registries", "--no-psqlrc", "--tuples-only", "--no-align", "-qc", statement)

    def make(self) -> None:
        """Make a cluster, and the user of the service on this machine and in it."""
        data = "/var/lib/postgresql"
        self._sandbox.run("useradd", "--system", USER)
        self._sandbox.run("install", "--directory", "--owner=postgres", "--group=postgres", data, "/run/postgresql")
        self.run("initdb", "--auth=peer", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync", f"--pgdata={data}/main")
        # In place of the unit of Debian's package, which starts each cluster in /etc/postgresql.
        start = f"{self._programs}/postgres -D {data}/main -k /run/postgresql -c listen_addresses= -c fsync=off"
        unit = f"[Service]\nType=notify\nUser=postgres\nKillSignal=SIGINT\nExecStart={start}\n"
        self._sandbox.write("/etc/systemd/system/postgresql.service", unit)
        self._sandbox.run("systemctl", "daemon-reload")
        self.start()
        self.run("createuser", USER)

    def start(self) -> None:
        self._sandbox.run("systemctl", "start", "postgresql")

    def stop(self) -> None:
        self._sandbox.run("systemctl", "stop", "postgresql")

    def create(self) -> None:
        self.run("createdb", f"--owner={USER}", "registries")

    def drop(self) -> None:
        self.run("dropdb", "--force", "registries")

    def wait_until_idle(self) -> None:
        """Wait until nothing is under way, also the end of a check, which sets when it is due again."""
        ended = "SELECT bool_and(until IS NULL AND due > now()) FROM work WHERE kind = 'check'"
        until(lambda: self.sql(ended) == "t", "the end of a check")

    def make_due(self) -> None:
        """Let every check be due, as if its interval had passed."""
        self.wait_until_idle()
        self.sql("UPDATE work SET due = now() WHERE kind = 'check'")


@pytest.fixture(scope="module")
def server(sandbox: Sandbox) -> Iterator[Database]:
    database = Database(sandbox)
    database.make()
    yield database
    database.stop()
    sandbox.run("userdel", USER)


@pytest.fixture
def database(server: Database) -> Iterator[Database]:
    server.create()
    yield server
    server.drop()


@pytest.fixture
def unit(sandbox: Sandbox, other: Other, database: Database) -> Iterator[Unit]:  # which ends last
    with installed(Unit(sandbox, other, UNIT)) as unit:
        unit.configure(WORKER_SETTINGS)
        yield unit


@pytest.mark.fault(66, 67)
def test_it_works_when_it_is_ready_and_ends_in_order(unit: Unit, database: Database) -> None:
    unit.start()
    assert unit.show("StatusText") == "worker 1"
    unit.other.hears("GET /ports.xml")
    unit.logged("checked")
    unit.publish("1", "2", updated="2020-02-01")
    database.make_due()
    unit.other.hears("POST /hook release.changed")
    unit.logged("delivered")
    listed = unit.sandbox.run(str(HOME / "bin" / "watcher"), "systemd", "install", "--worker", "--dry-run", check=False)
    assert listed.returncode == 0, listed.stderr
    unit.ctl("stop", UNIT)
    unit.ended_cleanly()
    unit.logged("stopped")
    assert database.sql("SELECT count(*) FROM work_workers") == "0"
    assert database.sql("SELECT count(*) FROM work WHERE worker IS NOT NULL") == "0"


@pytest.mark.fault(50, 67)
def test_a_killed_worker_is_started_again_and_goes_on(unit: Unit, database: Database) -> None:
    before = unit.start()
    unit.logged("checked")
    database.wait_until_idle()
    unit.other.forget()
    unit.sandbox.run("kill", "-KILL", before)
    unit.restarted(before)
    assert unit.show("StatusText") == "worker 2"
    assert unit.other.forget() == [], "it was not time to check again"
    unit.publish("1", "2", updated="2020-02-01")
    database.make_due()
    unit.other.hears("POST /hook release.changed")


@pytest.mark.fault(67)
def test_a_worker_that_hangs_is_ended_by_the_watchdog_and_started_again(unit: Unit) -> None:
    unit.survive_a_hang()


@pytest.mark.fault(66)
def test_a_stop_is_clean_while_a_check_is_under_way(unit: Unit, database: Database) -> None:
    text = WORKER_SETTINGS.replace("/ports.xml", "/slow.xml").replace("[daemon]", '[daemon]\ngrace = "1s"')
    unit.configure(text)
    unit.start()
    unit.other.hears("GET /slow.xml")
    unit.ctl("stop", UNIT)
    unit.ended_cleanly()
    unit.logged("stopped with unfinished work; another worker does it")
    assert database.sql("SELECT count(*) FROM work_workers") == "0"
    assert database.sql("SELECT count(*) FROM work WHERE kind = 'check' AND due <= now() AND until IS NULL") == "1"


def test_a_reload_applies_what_changed(unit: Unit) -> None:
    pid = unit.start()
    unit.logged("checked")
    unit.sandbox.write("/srv/more.xml", unit.sandbox.path("/srv/ports.xml").read_bytes())
    unit.configure(WORKER_SETTINGS + '[[source]]\nname = "more"\nurl = "http://127.0.0.1:8080/more.xml"\n')
    unit.ctl("reload", UNIT)
    unit.other.hears("GET /more.xml")
    unit.configure(WORKER_SETTINGS.replace("[daemon]", "[demon]"))
    assert unit.ctl("reload", UNIT, check=False).returncode != 0
    unit.logged("configuration refused; the old one stays in force")
    assert (unit.show("MainPID"), unit.show("ActiveState"), unit.show("NRestarts")) == (pid, "active", "0")


@pytest.mark.fault(67)
def test_it_goes_on_after_a_restart_of_the_database(unit: Unit, database: Database) -> None:
    pid = unit.start()
    unit.logged("checked")
    unit.other.forget()
    database.stop()
    database.start()
    database.make_due()
    unit.other.hears("GET /ports.xml")
    assert (unit.show("MainPID"), unit.show("NRestarts")) == (pid, "0")


def test_the_commands_of_an_operator_see_it(unit: Unit) -> None:
    unit.start()
    unit.logged("checked")
    command = ("setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", str(HOME / "bin" / "watcher"))
    ask = (*command, "--config", str(CONFIG), "status")
    # A worker says with its next heartbeat that it was elected.
    until(lambda: "scheduler" in unit.sandbox.run(*ask).stdout, "the status to name the scheduler")
