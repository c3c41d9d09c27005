"""A check over real servers on loopback: what is a release, what is stored, who is alerted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import pytest

from tests.support.comparison_schema import validate_comparison
from tests.support.environment import Environment, content_of, open_environment
from tests.support.port_releases import Row, release, reserved, tcp, udp, unassigned
from watcher.cli.demo_servers import SOURCE
from watcher.core.times import to_text
from watcher.monitor.candidate import Candidate
from watcher.monitor.result import Outcome
from watcher.store.event_query import EventQuery
from watcher.store.snapshot_archive import SnapshotArchive

FIRST = [tcp("a", "1"), udp("b", "2"), unassigned("3-9"), Row(name="rdp"), Row(name="rdp")]
SECOND = [tcp("a", "1"), udp("b", "2"), tcp("new", "3"), reserved("3", "udp"), unassigned("4-9"), *FIRST[3:]]


@pytest.fixture
def env(tmp_path: Path) -> Iterator[Environment]:
    with open_environment(tmp_path) as made:
        yield made


def test_the_first_check_is_the_baseline_and_alerts_nobody(env: Environment) -> None:
    result = env.check(release(FIRST))
    assert result.outcome is Outcome.BASELINE
    assert (env.servers.webhooks, env.servers.mails) == ([], [])
    tables = env.rows("releases", "versions", "changes", "events", "outbox")
    assert len(tables["releases"]) == 1
    assert len(tables["versions"]) == len(FIRST) + 1
    assert tables["changes"] == tables["events"] == tables["outbox"] == []


def test_a_new_release_is_compared_classified_stored_and_alerted(env: Environment) -> None:
    env.check(release(FIRST))
    data = release(SECOND, "2020-06-02")
    result = env.check(data)
    assert result.outcome is Outcome.CHANGED
    assert result.comparison is not None
    assert [event.summary for event in result.comparison.events] == ["3/tcp assigned to new (was unassigned)"]
    assert SnapshotArchive(env.servers.folder / "snapshots").read_snapshot(SOURCE, result.sha256) == data
    (hook,) = env.servers.webhooks
    validate_comparison(hook["data"])
    assert hook["data"]["counts"] == {
        "added": 1,
        "modified": 0,
        "deprecated": 0,
        "removed": 0,
        "contacts": 0,
        "quiet": 3,
    }
    assert hook["data"]["new"]["published"] == "2020-06-02"
    (mail,) = env.servers.mails
    assert mail["To"] == "noc@example.org"
    assert "3/tcp assigned to new" in mail["Subject"]
    assert env.servers.forged == 0
    assert [row["state"] for row in env.rows("outbox")["outbox"]] == ["sent", "sent"]


def test_a_release_is_alerted_once(env: Environment) -> None:
    env.check(release(FIRST))
    env.check(release(SECOND, "2020-06-02"))
    env.check()
    env.check(b"\xef\xbb\xbf" + release(SECOND, "2020-06-02"))
    assert (len(env.servers.webhooks), len(env.servers.mails)) == (1, 1)


def test_what_was_not_modified_is_not_downloaded(env: Environment) -> None:
    env.check(release(FIRST))
    before = env.rows()
    result = env.check()
    assert result.outcome is Outcome.UNCHANGED
    assert env.servers.requests == [200, 304]
    assert env.rows() == before
    assert [row["outcome"] for row in env.rows("checks")["checks"]] == ["baseline", "unchanged"]


@pytest.mark.fault(27)
def test_other_bytes_with_the_same_content_are_a_snapshot_and_no_release(env: Environment) -> None:
    env.check(release(FIRST))
    result = env.check(release(FIRST).replace(b"<?xml-stylesheet", b"<?xml-model a='b'?><?xml-stylesheet"))
    assert result.outcome is Outcome.COSMETIC
    tables = env.rows("releases", "snapshots")
    assert len(tables["releases"]) == 1
    assert {row["sha256"] + ".zst" for row in tables["snapshots"]} == env.files()
    assert len(env.files()) == 2


def test_a_new_date_alone_is_a_release_and_alerts_nobody(env: Environment) -> None:
    env.check(release(FIRST))
    result = env.check(release(FIRST, "2020-06-02"))
    assert result.outcome is Outcome.CHANGED
    tables = env.rows("releases", "changes", "events", "outbox")
    assert len(tables["releases"]) == 2
    assert len(tables["changes"]) == 1
    assert tables["events"] == tables["outbox"] == []


def test_two_contents_under_one_date_are_two_releases(env: Environment) -> None:
    env.check(release(FIRST))
    result = env.check(release(SECOND))
    assert result.outcome is Outcome.CHANGED
    assert [row["published"] for row in env.rows("releases")["releases"]] == ["2020-01-01", "2020-01-01"]
    assert len(env.servers.webhooks) == 1


def test_an_older_release_served_again_changes_nothing(env: Environment) -> None:
    old = release(FIRST)
    env.check(old)
    env.check(release(SECOND, "2020-06-02"))
    before = env.rows("releases", "versions", "changes", "events")
    result = env.check(old)
    assert (result.outcome, result.reason) == (Outcome.STALE, "stale_server")
    assert env.rows("releases", "versions", "changes", "events") == before
    assert len(env.servers.webhooks) == 1
    assert env.check().outcome is Outcome.STALE, "the validators of a stale answer are not kept"
    assert env.check(release(SECOND, "2020-06-02")).outcome is Outcome.UNCHANGED


@pytest.mark.fault(19, 20)
@pytest.mark.parametrize(
    ("served", "reason"),
    [
        (b"", "empty"),
        (b"<html><title>502 Bad Gateway</title></html>", "not_expected_format"),
        (release(FIRST)[:-300], "not_well_formed"),
        (release([]), "empty"),
        (release(FIRST).replace(b'id="service-names', b'id="other-names'), "wrong_registry"),
        (b"<!DOCTYPE registry><registry/>", "doctype"),
    ],
)
def test_a_failed_check_changes_nothing_and_says_why(env: Environment, served: bytes, reason: str) -> None:
    env.check(release(FIRST))
    before, files = env.rows(), env.files()
    result = env.check(served)
    assert (result.outcome, result.reason) == (Outcome.FAILED, reason)
    assert (env.rows(), env.files()) == (before, files)
    assert env.servers.webhooks == []
    assert env.record().failures == 1
    assert env.rows("checks")["checks"][-1]["message"]
    assert env.check(release(FIRST)).outcome is Outcome.UNCHANGED
    assert env.record().failures == 0


@pytest.mark.fault(1)
def test_a_server_that_is_gone_is_a_failed_check(tmp_path: Path) -> None:
    with open_environment(tmp_path) as env:
        env.check(release(FIRST))
    env.configure("enabled = false", "enabled = true")
    env.configure("[fetch]", "[fetch]\nattempts = 1")
    before = env.rows()
    result = env.check()
    assert (result.outcome, result.reason) == (Outcome.FAILED, "connect")
    assert env.rows() == before


def test_an_error_while_a_release_is_recorded_leaves_nothing(env: Environment) -> None:
    env.check(release(FIRST))
    before = env.rows("releases", "versions", "changes", "events", "outbox", "snapshots")

    def broken(deliveries: object, *, now: str) -> None:
        raise RuntimeError("the plug was pulled")

    data = release(SECOND, "2020-06-02")
    candidate = Candidate(data=data, origin="http://x", observed=to_text(env.now), live=True)
    with (
        env.service() as service,
        mock.patch.object(service.store.outbox, "add_deliveries", broken),
        pytest.raises(RuntimeError, match="plug"),
    ):
        service.ingest(service.source(SOURCE)).ingest(candidate)
    assert env.rows("releases", "versions", "changes", "events", "outbox", "snapshots") == before
    assert env.check(data).outcome is Outcome.CHANGED
    assert len(env.servers.webhooks) == 1


def test_a_channel_gets_the_events_it_subscribes_to(env: Environment) -> None:
    env.configure('to = ["noc@example.org"]', 'to = ["a@example.org", "b@example.org"]\nevents = ["service-*"]')
    env.configure('secret = "file:webhook-secret"', 'secret = "file:webhook-secret"\nports = ["100-200"]')
    env.check(release(FIRST))
    env.check(release(SECOND, "2020-06-02"))
    assert (env.servers.webhooks, env.servers.mails) == ([], [])
    env.check(
        release([*SECOND[:-2], tcp("moved", "150"), Row(name="fresh", protocol="tcp"), *SECOND[-2:]], "2020-06-03")
    )
    (hook,) = env.servers.webhooks
    assert [event["service"] for event in hook["data"]["events"]] == ["moved"]
    assert sorted(str(mail["To"]) for mail in env.servers.mails) == ["a@example.org", "b@example.org"]
    assert all("fresh" in mail["Subject"] and "moved" not in mail["Subject"] for mail in env.servers.mails)


def test_the_configuration_overrides_a_severity(env: Environment) -> None:
    env.configure("[[source]]", '[severity]\n"port-assigned" = "warning"\n\n[[source]]')
    env.check(release(FIRST))
    env.check(release(SECOND, "2020-06-02"))
    assert env.servers.webhooks[0]["data"]["events"][0]["severity"] == "warning"


def test_questions_are_answered_without_the_snapshots(env: Environment) -> None:
    env.check(release(FIRST))
    env.check(release(SECOND, "2020-06-02"))
    for path in (env.servers.folder / "snapshots").rglob("*.zst"):
        path.unlink()
    with env.service() as service:
        queries = service.store.history
        day = queries.find_release(SOURCE, "2020-03-01")
        versions = queries.versions.find(SOURCE, ports=[(3, 3)], at=day)
        events = queries.events.find(EventQuery(sources=(SOURCE,), ports=((3, 3),)))
        entries = [queries.read_content(SOURCE, stored).entries for stored in queries.list_releases(SOURCE)]
    assert [version.item.key.part("port") for version in versions] == ["3-9"]
    assert [event.event.id for event in events] == ["port-assigned"]
    assert entries == [len(FIRST), len(SECOND)]


def test_a_rebuilt_history_is_the_same(env: Environment) -> None:
    series = [FIRST, SECOND, [*SECOND, tcp("c", "500")], [tcp("a2", "1"), *SECOND[1:]]]
    for number, rows in enumerate(series, 1):
        env.check(release(rows, f"2020-06-0{number}"))
    env.check(b"\xef\xbb\xbf" + release(series[-1], "2020-06-04"))
    before = env.rows()
    with env.service() as service:
        assert service.ingest(service.source(SOURCE)).rebuild().releases == 4
    after = env.rows()
    assert content_of(after) == content_of(before)
    assert len(env.servers.webhooks) == 3
