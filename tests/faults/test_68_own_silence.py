"""The daemon is up and looks at nothing, or sees nothing: every way to find out says so."""

from __future__ import annotations

import re
import socket
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import structlog
import trustme
from click.testing import CliRunner
from prometheus_client.parser import text_string_to_metric_families

from tests.support.collection_environment import GROUPS, CollectionEnvironment
from tests.support.environment import Environment, open_environment
from tests.support.fault_server import FaultServer, flood, hang, head, reply
from tests.support.index_server import IndexServer, group_path, serve_index
from tests.support.port_releases import release, tcp
from tests.support.raw_sql import connection
from watcher.cli import watcher
from watcher.cli.context import load_settings
from watcher.cli.demo_servers import SOURCE
from watcher.core.errors import DeliveryError
from watcher.core.times import to_text
from watcher.daemon.self_check import SelfCheck, ping
from watcher.monitor import doctor
from watcher.monitor.monitor import Monitor
from watcher.web.metrics import HistoryCollector
from watcher.web.page import PageContext

pytestmark = pytest.mark.fault(68)

GOOD = release([tcp("a", "1")])
PAGE = b"<html></html>"
TOKEN = "s3cr3t-t0ken"


@pytest.fixture
def env(tmp_path: Path) -> Iterator[Environment]:
    with open_environment(tmp_path) as made:
        made.configure('type = "webhook"', 'type = "webhook"\noperator = true')
        made.configure("allow_private = true", "allow_private = true\nattempts = 1")
        made.now = made.now.replace(microsecond=0)
        made.check(GOOD)
        yield made


def self_check(env: Environment) -> SelfCheck:
    configured = load_settings(env.servers.config)
    return SelfCheck(lambda: configured, lambda: Monitor(configured, clock=env.clock), env.clock)


def heartbeat_diagnoses(env: Environment) -> list[str]:
    found = doctor.diagnose(load_settings(env.servers.config), env.now)
    return [diagnosis.message for diagnosis in found if diagnosis.area == "heartbeat"]


def notices(env: Environment) -> list[str]:
    env.deliver()
    return [notice["id"] for notice in env.notices]


def ask(port: int | None, what: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{what}", timeout=20) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def ask_head(port: int, what: str) -> tuple[int, dict[str, str], bytes]:
    """Return the status, the headers in lower case and every byte after them."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as sock:
        sock.sendall(f"HEAD {what} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        top, _, body = b"".join(iter(lambda: sock.recv(65536), b"")).partition(b"\r\n\r\n")
    first, *lines = top.decode().split("\r\n")
    return int(first.split()[1]), {name.lower(): text for name, _, text in (x.partition(": ") for x in lines)}, body


def values(text: str) -> dict[tuple[str, ...], float]:
    return {
        (sample.name, *(sample.labels[name] for name in sorted(sample.labels))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def status(env: Environment) -> tuple[int, str]:
    done = CliRunner().invoke(watcher, ["--config", str(env.servers.config), "status", "--check"])
    return done.exit_code, done.output


def test_that_no_check_runs_is_reported_once_and_cleared_once(env: Environment) -> None:
    env.now -= timedelta(hours=13)
    env.check()
    own = self_check(env)
    env.now += timedelta(hours=12)
    own.check_schedule()
    assert notices(env) == []
    env.now += timedelta(hours=1)
    own.check_schedule()
    own.check_schedule()
    assert notices(env) == ["nothing-checked"]
    env.check()
    own.check_schedule()
    own.check_schedule()
    assert notices(env) == ["nothing-checked", "checked-again"]


def test_a_restart_after_a_downtime_reports_that_nothing_was_checked(env: Environment) -> None:
    env.now -= timedelta(days=7)
    env.check()
    env.now += timedelta(days=7)
    with env.service() as service:
        service.alarms.after_start(env.now)
    assert notices(env) == ["nothing-checked"]


def test_a_clock_that_is_behind_the_last_check_is_reported_at_the_start(env: Environment) -> None:
    env.check()
    with env.service() as service:
        service.alarms.after_start(env.now - timedelta(minutes=3))
    assert notices(env) == ["clock-jumped"]
    assert "back by 180 s" in env.servers.webhooks[0]["data"]["summary"]


def test_health_and_metrics_are_served_and_report_that_nothing_is_checked(env: Environment) -> None:
    env.configure("[store]", '[metrics]\nlisten = "127.0.0.1:0"\n\n[store]')
    own = self_check(env)
    own.count_check(SOURCE, "unchanged")
    with own.serve_pages() as port:
        assert ask(port, "/healthz") == (200, "ok\n")
        assert ask(port, "/nothing")[0] == 404
        metrics = values(ask(port, "/metrics")[1])
        assert metrics["watcher_healthy",] == 1
        assert metrics["watcher_checks_total", "unchanged", SOURCE] == 1
        assert metrics["watcher_releases", SOURCE] == 1
        assert metrics["watcher_last_success_age_seconds", SOURCE] == 0
        assert metrics["watcher_deliveries", "hook", "failed"] == 0
        assert any(name[0] == "watcher_build_info" for name in metrics)
        env.now += timedelta(hours=13)
        code, text = ask(port, "/healthz")
        assert (code, text.split("\n")[0]) == (503, "critical")
        assert f"{SOURCE} is overdue: not checked since" in text
        metrics = values(ask(port, "/metrics")[1])
        assert metrics["watcher_healthy",] == 0
        assert metrics["watcher_overdue", SOURCE] == 1
        assert metrics["watcher_last_success_age_seconds", SOURCE] == 13 * 3600


def test_a_head_request_of_health_and_metrics_is_answered_without_a_body(env: Environment) -> None:
    env.configure("[store]", '[metrics]\nlisten = "127.0.0.1:0"\n\n[store]')
    with self_check(env).serve_pages() as port:
        assert port is not None
        ok, metrics = ask_head(port, "/healthz"), ask_head(port, "/metrics")
        assert (ok[0], ok[1]["content-length"], ok[2]) == (200, "3", b"")
        assert (metrics[0], metrics[2]) == (200, b"")
        assert metrics[1]["content-type"].startswith("text/plain; version=")
        assert int(metrics[1]["content-length"]) > 1000
        env.now += timedelta(hours=13)
        status, _, body = ask_head(port, "/healthz")
        assert (status, body) == (503, b"")


def test_a_history_that_cannot_be_read_is_a_503_not_an_end(env: Environment) -> None:
    env.configure("[store]", '[metrics]\nlisten = "127.0.0.1:0"\n\n[store]')
    own = self_check(env)
    (env.servers.folder / "history.db").write_bytes(b"this is no database" * 100)
    with own.serve_pages() as port:
        for what in ("/healthz", "/metrics"):
            code, text = ask(port, what)
            assert code == 503
            assert "history.db" in text


def test_metrics_are_off_unless_asked_for(env: Environment) -> None:
    with self_check(env).serve_pages() as port:
        assert port is None


def test_a_collection_is_one_label_however_many_groups_it_has(tmp_path: Path) -> None:
    with serve_index(IndexServer()) as tree:
        tree.publish(*GROUPS)
        place = CollectionEnvironment(tree, tmp_path)
        tree.answers[group_path(GROUPS[0])] = (404, {})
        for _ in range(3):
            place.check_all()
        context = PageContext(
            settings=lambda: load_settings(env.servers.config),
            open_monitor=place.service,
            clock=place.clock,
            started=place.now,
        )  # type: ignore[arg-type]
        families = {family.name: family for family in HistoryCollector(context).collect()}
        assert [dict(sample.labels) for sample in families["watcher_failing_sources"].samples] == [{"source": "iana"}]
        assert families["watcher_failing_sources"].samples[0].value == 1
        assert families["watcher_groups"].samples[0].value == len(GROUPS)
        assert context.assess_health().reasons == (f"1 of {len(GROUPS)} groups of iana fail",)


def test_a_heartbeat_is_sent_only_while_every_source_is_checked(env: Environment) -> None:
    with FaultServer(reply(b"OK")) as server:
        env.configure("[store]", f'[heartbeat]\nurl = "{server.url("/" + TOKEN)}"\n\n[store]')
        own = self_check(env)
        own.send_heartbeat()
        assert [(request.method, request.target) for request in server.requests] == [("GET", f"/{TOKEN}")]
        env.now += timedelta(hours=13)
        with structlog.testing.capture_logs() as logs:
            own.send_heartbeat()
        assert len(server.requests) == 1
        assert logs[0]["event"] == "heartbeat withheld"


def test_no_heartbeat_is_sent_while_nothing_can_be_read(env: Environment) -> None:
    for _ in range(3):
        env.check(PAGE)
    with FaultServer(reply(b"OK")) as server:
        env.configure("[store]", f'[heartbeat]\nurl = "{server.url()}"\n\n[store]')
        self_check(env).send_heartbeat()
        assert server.requests == []


@pytest.mark.fault(63, 68)
def test_the_url_of_the_heartbeat_is_shown_nowhere(env: Environment, tmp_path: Path) -> None:
    refused = "http://127.0.0.1:9/" + TOKEN
    secret = env.servers.folder / "beat"
    secret.write_text(refused + "\n")
    secret.chmod(0o600)
    with FaultServer(reply(status=500)) as broken, FaultServer(reply(status=302, Location="/" + TOKEN)) as moved:
        texts = []
        for url in ("file:beat", refused, broken.url("/" + TOKEN), moved.url("/" + TOKEN)):
            text = env.servers.config.read_text()
            env.servers.config.write_text(
                f'[heartbeat]\nurl = "{url}"\n\n' + re.sub(r"(?s)\A\[heartbeat\].*?\n\n", "", text)
            )
            own = self_check(env)
            with structlog.testing.capture_logs() as logs:
                own.send_heartbeat()
            assert logs[0]["event"] == "heartbeat failed"
            configured = load_settings(env.servers.config)
            texts += [str(logs), repr(configured), str(configured), configured.model_dump_json()]
        assert "HTTP 500" in str(texts)
    assert TOKEN not in str(texts)
    with FaultServer(hang()) as silent, pytest.raises(DeliveryError, match="no answer: timeout") as error:
        ping(silent.url("/" + TOKEN), 0.1)
    assert TOKEN not in str(error.value)


def test_a_heartbeat_is_sent_while_another_source_can_be_read(env: Environment) -> None:
    env.configure(
        '[[channel]]\nname = "mail"',
        '[[source]]\nname = "other"\nurl = "http://127.0.0.1:9/"\n\n[[channel]]\nname = "mail"',
    )
    with env.service() as service:
        for _ in range(3):
            service.check(service.source("other"))  # type: ignore[arg-type]
    assert status(env)[0] == 1
    with FaultServer(reply(b"OK")) as server:
        env.configure("[store]", f'[heartbeat]\nurl = "{server.url()}"\n\n[store]')
        self_check(env).send_heartbeat()
        assert len(server.requests) == 1


def test_a_heartbeat_follows_no_redirect() -> None:
    with FaultServer(reply(b"OK")) as other:
        with FaultServer(reply(status=302, Location=other.url())) as moved, pytest.raises(DeliveryError, match="302"):
            ping(moved.url(), 10)
        assert other.requests == []


@pytest.mark.fault(63, 68)
@pytest.mark.parametrize(
    "url",
    [
        f"https://[::1/{TOKEN}",
        f"http://a b/{TOKEN}",
        f"http://127.0.0.1:99999/{TOKEN}",
        f"http://127.0.0.1:9\n/{TOKEN}",
        f"http:///{TOKEN}",
        f"http://{TOKEN}.invalid/",
        f"http://{'a' * 70}.invalid/{TOKEN}",
        f"http://user:{TOKEN}@127.0.0.1:9/",
        f"ftp://example.org/{TOKEN}",
        TOKEN,
    ],
)
def test_a_heartbeat_whose_secret_is_no_url_fails_and_shows_no_part_of_it(env: Environment, url: str) -> None:
    secret = env.servers.folder / "beat"
    secret.write_text(url + "\n")
    secret.chmod(0o600)
    env.configure("[store]", '[heartbeat]\nurl = "file:beat"\n\n[store]')
    with structlog.testing.capture_logs() as logs:
        self_check(env).send_heartbeat()
    assert [log["event"] for log in logs] == ["heartbeat failed"]
    assert TOKEN not in str(logs)


def test_an_endless_answer_to_a_heartbeat_is_read_a_little() -> None:
    sent: list[int] = []
    with FaultServer(flood(head(200), b"x" * 65536, sent)) as server:
        assert ping(server.url(), 20) is None
    assert sum(sent) < 64 * 2**20


@pytest.mark.parametrize("answer", ["OK (not found)", "OK (rate limited)\n"])
def test_a_heartbeat_that_is_answered_but_not_counted_is_logged(env: Environment, answer: str) -> None:
    """Healthchecks answers 200 to a ping of a check that it does not have."""
    with FaultServer(reply(answer.encode())) as server:
        env.configure("[store]", f'[heartbeat]\nurl = "{server.url("/" + TOKEN)}"\n\n[store]')
        with structlog.testing.capture_logs() as logs:
            self_check(env).send_heartbeat()
    assert [(log["event"], log["answer"]) for log in logs] == [
        ("heartbeat not counted; is its URL right?", answer.strip())
    ]
    message = f"since {to_text(env.now)} its server answers and does not count it; is the URL of [heartbeat] right?"
    assert heartbeat_diagnoses(env) == [message]
    with FaultServer(reply(b"OK")) as server:
        env.configure("[heartbeat]\n", f'[heartbeat]\nurl = "{server.url("/" + TOKEN)}"\n# ')
        self_check(env).send_heartbeat()
    assert heartbeat_diagnoses(env) == []


@pytest.mark.parametrize("answer", [b"OK", b"", b"ok (pong)", b"\xff" * 100_000])
def test_any_other_answer_to_a_heartbeat_is_fine(answer: bytes) -> None:
    with FaultServer(reply(answer)) as server:
        assert ping(server.url(), 10) is None


@pytest.mark.fault(83)
def test_a_heartbeat_uses_the_configured_proxy_and_authorities(env: Environment) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(env.servers.folder / "ca.pem"))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with FaultServer(reply(b"OK"), tls=context) as server, FaultServer(reply(b"OK")) as proxy:
        tables = f'[heartbeat]\nurl = "{server.url()}"\nca_file = "ca.pem"\nproxy = ""\n\n[store]'
        env.configure("[store]", tables)
        self_check(env).send_heartbeat()
        assert len(server.requests) == 1
        own = f'url = "http://beats.invalid/"\nproxy = "{proxy.url()}"'
        env.configure(f'url = "{server.url()}"\nca_file = "ca.pem"\nproxy = ""', own)
        self_check(env).send_heartbeat()
        assert [asked.target for asked in proxy.requests] == ["http://beats.invalid/"]


def test_a_line_for_monitoring_systems(env: Environment) -> None:
    assert status(env) == (0, "WATCHER OK - every source is checked in time | pending=0 held=0\n")
    for _ in range(3):
        env.check(PAGE)
    code, text = status(env)
    assert (code, text.count("\n")) == (2, 1)
    assert "the checks of all sources fail" in text
    env.check(GOOD)
    env.configure(
        '[[channel]]\nname = "mail"',
        '[[source]]\nname = "other"\nurl = "http://127.0.0.1:9/"\n\n[[channel]]\nname = "mail"',
    )
    assert status(env) == (3, "WATCHER UNKNOWN - other was never checked | pending=0 held=0\n")
    with env.service() as service:
        for _ in range(3):
            service.check(service.source("other"))  # type: ignore[arg-type]
    code, text = status(env)
    assert code == 1
    assert text.startswith("WATCHER WARNING - other has been failing since ")


def test_the_line_says_unknown_where_there_is_nothing_to_ask(env: Environment) -> None:
    (env.servers.folder / "history.db").write_bytes(b"this is no database" * 100)
    code, text = status(env)
    assert (code, text.count("\n")) == (3, 1)
    assert "history.db" in text
    env.configure("[store]", "[nonsense]")
    code, text = status(env)
    assert (code, text.count("\n")) == (3, 1)
    assert "nonsense" in text


def test_the_line_after_a_time_without_checks(env: Environment) -> None:
    with env.service() as service:
        connection(service.store).execute("UPDATE checks SET at = ?", [to_text(env.now - timedelta(hours=13))])
    code, text = status(env)
    assert code == 2
    assert f"{SOURCE} is overdue: not checked since" in text
