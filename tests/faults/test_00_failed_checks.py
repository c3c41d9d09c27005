"""R0: a failed check changes nothing that is derived, tells no subscriber, and alarms the operators once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.support.environment import DERIVED, Environment, open_environment
from tests.support.fault_server import Answer, FaultServer, hang, head, raw, reply, reset
from tests.support.port_releases import release, tcp
from watcher.cli.demo_servers import SOURCE
from watcher.monitor.health import Limits
from watcher.monitor.result import Outcome

GOOD = release([tcp("a", "1"), tcp("b", "2")])
HELD = ("held", "held_snapshots")

FAILURES: dict[str, tuple[Answer, str]] = {
    "reset": (reset(), "reset"),
    "hang": (hang(), "timeout"),
    "cut": (raw(head(200, Content_Length=9999) + GOOD[:100]), "cut"),
    "gzip": (reply(b"no gzip", Content_Encoding="gzip"), "bad_gzip"),
    "500": (reply(status=500), "http_status"),
    "503": (reply(status=503, Retry_After="120"), "retry_later"),
    "429": (reply(status=429), "retry_later"),
    "404": (reply(status=404), "not_found"),
    "410": (reply(status=410), "not_found"),
    "403": (reply(status=403), "denied"),
    "451": (reply(status=451), "denied"),
    "redirect": (reply(status=302, Location="http://localhost/"), "redirect_refused"),
    "page": (reply(b"<html><body>maintenance</body></html>"), "not_expected_format"),
    "empty": (reply(), "empty"),
    "unclosed": (reply(GOOD[:-20]), "not_well_formed"),
    "no records": (reply(release([])), "empty"),
    "entity": (reply(GOOD.replace(b"<registry", b"<!DOCTYPE x><registry", 1)), "doctype"),
}


@pytest.fixture
def env(tmp_path: Path) -> Iterator[Environment]:
    """A world whose webhook is the operators' channel, and which has one release."""
    with open_environment(tmp_path) as made:
        made.configure('type = "webhook"', 'type = "webhook"\noperator = true')
        made.configure(
            "allow_private = true", "allow_private = true\nattempts = 1\nread_timeout = 0.2\nmin_interval = 0"
        )
        assert made.check(GOOD).outcome is Outcome.BASELINE
        yield made


def stored(env: Environment) -> str:
    """A hash of everything that is derived from releases, of what is held, and of the archive's files."""
    return hashlib.sha256(
        json.dumps([env.rows(*DERIVED, *HELD), sorted(env.files())], default=str).encode()
    ).hexdigest()


@pytest.mark.fault(1, 3, 5, 6, 10, 17, 18, 19, 20, 21, 23)
@pytest.mark.parametrize("kind", FAILURES)
def test_a_failed_check_changes_nothing_and_is_reported_once(env: Environment, kind: str) -> None:
    answer, reason = FAILURES[kind]
    before = stored(env)
    with FaultServer(answer) as server:
        good = next(line for line in env.servers.config.read_text().splitlines() if "/assignments/" in line)
        env.fetch_from(server.url("/assignments/x.xml"))
        for _ in range(5):
            assert env.check().outcome is Outcome.FAILED
        checks = env.rows("checks")["checks"][1:]
        assert {(row["outcome"], row["reason"]) for row in checks} == {("failed", reason)}
        assert stored(env) == before
        (notice,) = env.notices
        says_gone = kind in ("404", "410", "403", "451")
        assert (notice["id"], notice["source"]) == ("source-gone" if says_gone else "source-unhealthy", SOURCE)
        assert (notice["details"]["reason"], notice["details"]["failures"]) == (reason, Limits().failures)
        assert notice["details"]["message"] in notice["summary"]
        env.configure(
            next(line for line in env.servers.config.read_text().splitlines() if "/assignments/" in line), good
        )
    for _ in range(2):
        assert env.check().outcome is Outcome.UNCHANGED
    assert stored(env) == before
    assert [alert["id"] for alert in env.notices[1:]] == ["source-recovered"]
    assert len(env.servers.webhooks) == 2
    assert env.servers.mails == []


@pytest.mark.fault(18)
def test_two_failures_are_not_reported_and_the_count_begins_anew(env: Environment) -> None:
    for _ in range(3):
        env.publish(b"<html></html>")
        env.check()
        env.check()
        env.check(GOOD)
    assert env.notices == []


@pytest.mark.fault(18)
def test_a_source_that_fails_for_long_is_reported_however_few_checks_there_were(env: Environment) -> None:
    env.now -= timedelta(hours=25)  # so that the receiver accepts the time of the message sent at the end
    env.check(b"<html></html>")
    env.now += timedelta(hours=25)
    env.check()
    assert [notice["id"] for notice in env.notices] == ["source-unhealthy"]


@pytest.mark.fault(18)
def test_the_limits_are_configured_for_all_and_for_one_source(env: Environment) -> None:
    env.configure("[store]", "[health]\nfailures = 1\n\n[store]")
    env.check(b"<html></html>")
    assert len(env.notices) == 1
    env.check(GOOD)
    env.configure('[[channel]]\nname = "mail"', '[source.health]\nfailures = 4\n\n[[channel]]\nname = "mail"')
    env.publish(b"<html></html>")
    for _ in range(3):
        env.check()
    assert len(env.notices) == 2
    env.check()
    assert [notice["id"] for notice in env.notices][2:] == ["source-unhealthy"]
