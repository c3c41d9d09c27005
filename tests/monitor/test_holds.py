"""A release that is not plausible changes nothing and is reported to the operators until its hold ends."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from email.message import Message
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from msgspec.structs import replace

from tests.support.alerts import email_channel, webhook_channel
from tests.support.collection_environment import CollectionEnvironment
from tests.support.environment import Environment, content_of, open_environment
from tests.support.imports import import_files
from tests.support.index_server import INDEX, IndexServer, group_path, group_xml, index_page, serve_index
from tests.support.port_releases import Row, release, tcp, udp, unassigned
from watcher.alerts import messages, notices
from watcher.cli.demo_servers import SOURCE
from watcher.core.errors import UsageError
from watcher.core.operations import Hold, HoldState, Reason
from watcher.core.times import to_text
from watcher.monitor.candidate import Candidate
from watcher.monitor.deliver import deliver_all
from watcher.monitor.result import CheckResult, Outcome
from watcher.monitor.second_format import SecondFormatResult
from watcher.monitor.timeline import Timeline
from watcher.store.snapshot_archive import SnapshotArchive
from watcher.store.snapshot_file import SnapshotInfo

ROWS = [tcp("a", "1"), udp("b", "2"), unassigned("3-9"), Row(name="rdp"), Row(name="rdp")]
MANY = [tcp(f"s{number}", str(1000 + number)) for number in range(60)]
NOW, SLIP, LATER = "2021-01-18", "2020-01-18", "2021-02-01"
NEWS = [tcp("new", "3"), *ROWS]


@pytest.fixture
def env(tmp_path: Path) -> Iterator[Environment]:
    """A world whose webhook is the operator's channel, and whose newest release has 65 entries."""
    with open_environment(tmp_path) as made:
        made.configure('type = "webhook"', 'type = "webhook"\noperator = true')
        assert made.check(release([*ROWS, *MANY], NOW)).outcome is Outcome.BASELINE
        yield made


def slip(rows: Sequence[Row] = (), *, date: str = SLIP) -> bytes:
    """A release that bears an older date and brings a content never seen before."""
    return release([*NEWS, *MANY, *rows], date)


def holds(env: Environment) -> list[Hold]:
    with env.service() as service:
        return service.store.holds.list_holds(SOURCE)


def receipt(env: Environment, sha256: str) -> SnapshotInfo:
    return next(
        snapshot
        for snapshot in SnapshotArchive(env.servers.folder / "snapshots").list_snapshots(SOURCE)
        if snapshot.sha256 == sha256
    )


def decide(env: Environment, word: str, what: str) -> Any:
    with env.service() as service:
        ingest = service.ingest(service.source(SOURCE))
        result = ingest.decisions.accept(what) if word == "accept" else ingest.decisions.reject(what)
        deliver_all(service)
    return result


def rebuilt(env: Environment) -> dict[str, list[dict[str, Any]]]:
    with env.service() as service:
        service.ingest(service.source(SOURCE)).rebuild()
    return env.rows()


def set_bounds(env: Environment, line: str) -> None:
    env.configure('[[channel]]\nname = "mail"', f'[source.hold]\n{line}\n\n[[channel]]\nname = "mail"')


def test_a_held_release_is_kept_and_changes_nothing(env: Environment) -> None:
    before = env.rows()
    result = env.check(slip())
    assert (result.outcome, result.reason) == (Outcome.HELD, "goes_back")
    assert env.rows() == before
    assert SnapshotArchive(env.servers.folder / "snapshots").read_snapshot(SOURCE, result.sha256) == slip()
    assert not receipt(env, result.sha256).accepted
    assert env.rows("checks")["checks"][-1]["outcome"] == "held"


def test_a_hold_notifies_the_operators_with_its_reasons_and_no_subscriber(env: Environment) -> None:
    env.check(slip())
    (notice,) = env.notices
    assert (notice["id"], notice["severity"], notice["source"]) == ("release-held", "warning", SOURCE)
    (reason,) = notice["details"]["reasons"]
    assert (reason["code"], reason["numbers"]) == ("goes_back", {"published": SLIP, "newest": NOW})
    assert reason["sentence"] in notice["summary"]
    assert notice["details"]["accept"] == f"watcher accept {SOURCE} {notice['details']['release']}"
    assert (len(env.alerts), env.servers.mails) == (0, [])


def test_a_hold_notifies_the_operators_by_mail_too(env: Environment) -> None:
    env.configure('to = ["noc@example.org"]', 'to = ["noc@example.org"]\noperator = true')
    env.check(slip())
    (mail,) = env.servers.mails
    assert "2020-01-18 is held: its date is" in " ".join(mail["Subject"].split())
    text, html = (_text(part) for part in mail.get_payload())  # type: ignore[arg-type,union-attr]
    for body in (text, html):
        assert "watcher accept ports" in body
        assert SLIP in body


def _text(part: Message) -> str:
    return part.get_payload(decode=True).decode()  # type: ignore[union-attr]


def test_without_an_operators_channel_a_hold_is_only_recorded(tmp_path: Path) -> None:
    with open_environment(tmp_path) as env:
        env.check(release(ROWS, NOW))
        assert env.check(slip()).outcome is Outcome.HELD
        assert env.rows("outbox")["outbox"] == []
        assert len(holds(env)) == 1


def test_a_held_release_that_is_served_again_is_accepted_and_alerted_like_any_other(env: Environment) -> None:
    first = env.check(slip())
    seen = to_text(env.now)
    result = env.check()
    assert env.servers.requests == [200, 200, 200], "the validators of a held release are not kept"
    assert result.outcome is Outcome.CHANGED
    assert result.comparison is not None
    assert [event.service for event in result.comparison.events] == ["new"]
    assert result.release is not None
    assert result.release.release.observed == seen, "it was seen when it was served first"
    assert receipt(env, first.sha256).accepted
    assert (len(env.alerts), len(env.servers.mails)) == (1, 1)
    assert [notice["id"] for notice in env.notices] == ["release-held", "release-accepted"]
    (hold,) = holds(env)
    assert (hold.state, hold.by, hold.times) == (HoldState.ACCEPTED, "confirmed", 2)
    assert env.check().outcome is Outcome.UNCHANGED
    assert env.servers.requests[-1] == 304


def test_other_bytes_of_the_same_content_confirm_it_and_all_are_kept(env: Environment) -> None:
    env.check(slip())
    result = env.check(b"\xef\xbb\xbf" + slip())
    assert result.outcome is Outcome.CHANGED
    tables = env.rows()
    assert len(tables["snapshots"]) == 3
    assert len(env.files()) == 3
    assert all(receipt(env, row["sha256"]).accepted for row in tables["snapshots"])
    assert content_of(rebuilt(env)) == content_of(tables)


def test_how_often_it_must_be_served_is_configured(env: Environment) -> None:
    set_bounds(env, "confirm_after = 4")
    assert [env.check(slip()).outcome for _ in range(4)] == [*[Outcome.HELD] * 3, Outcome.CHANGED]


def test_a_server_that_flaps_causes_one_notice_and_no_release(env: Environment) -> None:
    current, other = release([*ROWS, *MANY], NOW), slip()
    for _ in range(4):
        assert env.check(other).outcome is Outcome.HELD
        assert env.check(current).outcome is Outcome.UNCHANGED
    assert len(env.rows("releases")["releases"]) == 1
    assert [notice["id"] for notice in env.notices] == ["release-held"]
    assert (holds(env)[0].state, holds(env)[0].times) == (HoldState.HELD, 4)
    assert [env.check(other).outcome for _ in range(2)] == [Outcome.HELD, Outcome.CHANGED]
    assert len(env.alerts) == 1


def test_two_held_releases_served_in_turn_confirm_neither(env: Environment) -> None:
    for _ in range(3):
        assert env.check(slip()).outcome is Outcome.HELD
        assert env.check(slip([tcp("c", "7")])).outcome is Outcome.HELD
    assert [hold.times for hold in holds(env)] == [3, 3]


def test_not_modified_is_the_newest_served_again(env: Environment) -> None:
    current, other = release([*ROWS, *MANY], NOW), slip()
    env.check(other)
    env.check(current)
    env.check()
    assert env.servers.requests[-2:] == [304, 304], "the newest release's validators stayed"
    assert env.check(other).outcome is Outcome.HELD


def test_a_failed_check_is_no_serving_of_anything(env: Environment) -> None:
    env.check(slip())
    assert env.check(b"<html/>").outcome is Outcome.FAILED
    assert env.check(slip()).outcome is Outcome.CHANGED


def test_a_newer_release_supersedes_what_was_held(env: Environment) -> None:
    env.check(slip())
    assert env.check(release([*NEWS, *MANY], LATER)).outcome is Outcome.CHANGED
    (hold,) = holds(env)
    assert (hold.state, hold.by) == (HoldState.SUPERSEDED, "newer")
    assert env.check(slip()).outcome is Outcome.HELD
    assert (holds(env)[0].state, holds(env)[0].times) == (HoldState.HELD, 2)
    assert [notice["id"] for notice in env.notices] == ["release-held"], "notified once"


def test_many_removed_entries_are_held_under_the_same_date_and_accepted_under_a_later_one(env: Environment) -> None:
    result = env.check(release([*ROWS, *MANY[:30]], NOW))
    assert (result.outcome, result.reason) == (Outcome.HELD, "mass_removal")
    assert result.hold is not None
    assert result.hold.reasons[0].numbers == {"gone": 30, "entries": 65}
    assert env.check(release([*ROWS, *MANY[:30]], LATER)).outcome is Outcome.CHANGED


def test_a_bound_of_the_operator_is_kept_however_often_it_is_broken(env: Environment) -> None:
    set_bounds(env, "min_entries = 50\nmax_entries = 70")
    more = [tcp(f"m{number}", str(number)) for number in range(100, 120)]
    for rows, code in (([*ROWS, *MANY, *more], "too_many_entries"), ([*ROWS, *MANY[:40]], "too_few_entries")):
        for _ in range(4):
            result = env.check(release(rows, LATER))
            assert (result.outcome, result.reason) == (Outcome.HELD, code)
    env.configure("min_entries = 50\nmax_entries = 70", "min_entries = 5")
    assert env.check().outcome is Outcome.CHANGED
    assert [hold.by for hold in holds(env) if hold.state is HoldState.ACCEPTED] == ["undoubted"]


def test_a_first_release_out_of_bounds_is_held_too(tmp_path: Path) -> None:
    with open_environment(tmp_path) as env:
        set_bounds(env, "min_entries = 50")
        assert env.check(release(ROWS)).outcome is Outcome.HELD
        assert env.rows()["releases"] == []
        result = decide(env, "accept", holds(env)[0].id)
        assert result.outcome is Outcome.BASELINE
        assert env.check().outcome is Outcome.UNCHANGED


def test_accepting_by_hand_takes_it_at_once_and_alerts_everybody(env: Environment) -> None:
    held = env.check(slip())
    result: CheckResult = decide(env, "accept", held.sha256[:8])
    assert result.outcome is Outcome.CHANGED
    assert (len(env.alerts), len(env.servers.mails)) == (1, 1)
    assert env.notices[-1]["summary"].endswith("was accepted: by the operator")
    assert env.check().outcome is Outcome.UNCHANGED
    with pytest.raises(UsageError, match="it is part of the history"):
        decide(env, "accept", held.sha256[:8])
    with pytest.raises(UsageError, match="it is part of the history"):
        decide(env, "reject", held.sha256[:8])


def test_a_rejected_release_is_only_accepted_by_hand(env: Environment) -> None:
    env.check(slip())
    identifier = holds(env)[0].id
    before = env.rows()
    rejected: Hold = decide(env, "reject", identifier)
    assert (rejected.state, rejected.by) == (HoldState.REJECTED, "operator")
    for _ in range(4):
        result = env.check()
        assert (result.outcome, result.reason) == (Outcome.HELD, "rejected")
    assert env.rows() == before
    assert [notice["id"] for notice in env.notices] == ["release-held", "release-rejected"]
    assert decide(env, "reject", identifier).times == 5
    assert decide(env, "accept", identifier).outcome is Outcome.CHANGED


def test_what_is_not_held_can_be_neither_accepted_nor_rejected(env: Environment) -> None:
    env.check(slip())
    for word in ("accept", "reject"):
        for what in ("000000", "", "x"):
            with pytest.raises(UsageError, match=f"no held release .* are: {holds(env)[0].id}"):
                decide(env, word, what)


def test_what_was_superseded_and_is_accepted_by_hand_goes_where_it_belongs(env: Environment) -> None:
    env.check(slip())
    env.check(release([*NEWS, *MANY], LATER))
    assert len(env.alerts) == 1
    assert decide(env, "accept", holds(env)[0].id).outcome is Outcome.INSERTED
    tables = env.rows()
    assert [row["published"] for row in sorted(tables["releases"], key=lambda row: row["place"])] == [NOW, SLIP, LATER]
    assert len(env.alerts) == 1
    assert content_of(rebuilt(env)) == content_of(tables)


def test_importing_a_held_release_accepts_it(env: Environment) -> None:
    env.check(slip())
    path = env.servers.folder / "held.xml"
    path.write_bytes(slip())
    with env.service() as service:
        import_files(service.ingest(service.source(SOURCE)), [path], "xml")
    (hold,) = holds(env)
    assert (hold.state, hold.by) == (HoldState.ACCEPTED, "import")
    tables = env.rows()
    assert len(tables["releases"]) == 2
    assert content_of(rebuilt(env)) == content_of(tables)


def test_a_rebuild_uses_only_accepted_snapshots(env: Environment) -> None:
    env.check(slip())
    env.check(slip())
    env.check(release([*ROWS, *MANY[:20]], SLIP))  # held
    rejected = env.check(release([*ROWS, *MANY[:21]], SLIP))
    decide(env, "reject", rejected.sha256)
    before = env.rows()
    assert len(before["releases"]) == 2
    assert len(env.files()) == 4
    assert content_of(rebuilt(env)) == content_of(before)
    assert [hold.state for hold in holds(env)].count(HoldState.HELD) == 1


def test_an_error_while_a_held_release_is_accepted_leaves_it_held(env: Environment) -> None:
    env.check(slip())
    before = env.rows("held", "releases", "outbox", "changes")

    def broken(deliveries: object, *, now: str) -> None:
        raise RuntimeError("the plug was pulled")

    with (
        env.service() as service,
        mock.patch.object(service.store.outbox, "add_deliveries", broken),
        pytest.raises(RuntimeError, match="plug"),
    ):
        service.ingest(service.source(SOURCE)).decisions.accept(holds(env)[0].id)
    assert env.rows("held", "releases", "outbox", "changes") == before
    assert env.check().outcome is Outcome.CHANGED
    assert len(env.alerts) == 1


def test_a_future_date_is_accepted_and_so_is_the_release_after_it(env: Environment) -> None:
    assert env.check(release([*NEWS, *MANY], "2090-09-26")).outcome is Outcome.CHANGED
    today = to_text(env.now)[:10]
    assert env.check(release([*NEWS, *MANY, tcp("c", "7")], today)).outcome is Outcome.CHANGED


def test_the_second_format_is_compared_for_new_releases_and_holds_them_until_it_agrees(env: Environment) -> None:
    asked: list[bytes] = []
    disagreement = [Reason(code="formats_disagree", sentence="the CSV has 66 entries, the XML 65")]

    class Second:
        def compare(self, data: bytes) -> SecondFormatResult:
            asked.append(data)
            return SecondFormatResult(reasons=tuple(disagreement))

    def take(data: bytes) -> CheckResult:
        env.now = env.now.replace(microsecond=0)
        with env.service() as service:
            ingest = service.ingest(service.source(SOURCE))
            ingest._second_format = Second()  # type: ignore[assignment]
            return ingest.ingest(Candidate(data=data, origin="x", observed=to_text(env.now), live=True))

    assert take(release([*ROWS, *MANY], NOW)).outcome is Outcome.UNCHANGED
    assert asked == []
    for _ in range(3):
        assert take(release([*NEWS, *MANY], LATER)).reason == "formats_disagree"
    assert asked == [release([*NEWS, *MANY], LATER)] * 3
    disagreement.clear()
    assert take(release([*NEWS, *MANY], LATER)).outcome is Outcome.CHANGED
    assert holds(env)[0].by == "undoubted"


# --- a server that lags -----------------------------------------------------------------------------------------------


@pytest.fixture
def lagging(env: Environment) -> Environment:
    """A world with two releases."""
    assert env.check(release([*NEWS, *MANY], LATER)).outcome is Outcome.CHANGED
    env.servers.webhooks.clear()
    env.servers.mails.clear()
    return env


OLD, CURRENT = release([*ROWS, *MANY], NOW), release([*NEWS, *MANY], LATER)


def test_a_server_that_lags_is_reported_when_it_goes_on(lagging: Environment) -> None:
    assert lagging.check(OLD).outcome is Outcome.STALE
    assert lagging.notices == []
    assert lagging.check(OLD).outcome is Outcome.STALE
    (notice,) = lagging.notices
    assert notice["details"]["reasons"][0]["code"] == "stale_server"
    assert lagging.check(CURRENT).outcome is Outcome.UNCHANGED
    assert holds(lagging)[0].state is HoldState.SUPERSEDED


def test_a_server_that_flaps_between_two_releases_alerts_nobody(lagging: Environment) -> None:
    before = lagging.rows()
    for _ in range(4):
        assert lagging.check(OLD).outcome is Outcome.STALE
        assert lagging.check(CURRENT).outcome is Outcome.UNCHANGED
    assert lagging.rows() == before
    assert lagging.servers.webhooks == []


def test_an_old_release_that_is_served_long_enough_is_in_the_history_again(lagging: Environment) -> None:
    outcomes = [lagging.check(OLD).outcome for _ in range(3)]
    assert outcomes == [Outcome.STALE, Outcome.STALE, Outcome.CHANGED]
    tables = lagging.rows()
    first, second, third = sorted(tables["releases"], key=lambda row: row["place"])
    assert (third["published"], third["sha256"], third["returns"]) == (NOW, first["sha256"], first["content"])
    assert third["dated"] == second["dated"] == LATER
    assert [problem["code"] for problem in json.loads(third["problems"])] == ["duplicate_key", "rollback"]
    assert [row["event"] for row in tables["events"] if row["release_id"] == third["id"]] == ["port-released"]
    assert len(lagging.alerts) == 1
    assert [lagging.check().outcome, lagging.check().outcome] == [Outcome.UNCHANGED] * 2
    assert lagging.servers.requests[-1] == 304
    assert content_of(rebuilt(lagging)) == content_of(tables)


def test_other_bytes_of_a_release_that_came_back_are_another_snapshot_of_it(lagging: Environment) -> None:
    for _ in range(3):
        lagging.check(OLD)
    assert lagging.check(b"\xef\xbb\xbf" + OLD).outcome is Outcome.COSMETIC
    tables = lagging.rows()
    assert len(tables["snapshots"]) == 3
    assert content_of(rebuilt(lagging)) == content_of(tables)


def test_what_was_imported_can_come_back_too(tmp_path: Path) -> None:
    with open_environment(tmp_path) as env:
        path = tmp_path / "old.xml"
        path.write_bytes(OLD)
        with env.service() as service:
            import_files(service.ingest(service.source(SOURCE)), [path], "xml")
        assert env.check(CURRENT).outcome is Outcome.CHANGED
        assert [env.check(OLD).outcome for _ in range(3)] == [Outcome.STALE, Outcome.STALE, Outcome.CHANGED]
        assert env.check(b"\xef\xbb\xbf" + OLD).outcome is Outcome.COSMETIC
        tables = env.rows()
        assert [row["live"] for row in sorted(tables["releases"], key=lambda row: row["place"])] == [0, 1, 1]
        assert content_of(rebuilt(env)) == content_of(tables)


def test_a_release_that_came_back_can_be_replaced_again(lagging: Environment) -> None:
    for data in (OLD, CURRENT, OLD):
        assert [lagging.check(data).outcome for _ in range(3)] == [Outcome.STALE, Outcome.STALE, Outcome.CHANGED]
    assert len(lagging.alerts) == 3
    tables = lagging.rows()
    assert len(tables["releases"]) == 5
    assert content_of(rebuilt(lagging)) == content_of(tables)
    assert lagging.check(release([*NEWS, *MANY, tcp("c", "7")], "2021-03-01")).outcome is Outcome.CHANGED


def test_a_release_that_came_back_is_accepted_by_hand(lagging: Environment) -> None:
    lagging.check(OLD)
    result: CheckResult = decide(lagging, "accept", holds(lagging)[0].id)
    assert result.outcome is Outcome.CHANGED
    assert len(lagging.alerts) == 1
    assert lagging.check(OLD).outcome is Outcome.UNCHANGED


def test_a_lagging_server_that_was_rejected_stays_one(lagging: Environment) -> None:
    lagging.check(OLD)
    decide(lagging, "reject", holds(lagging)[0].id)
    assert {lagging.check(OLD).outcome for _ in range(5)} == {Outcome.STALE}


# --- a release with a later date that was imported --------------------------------------------------------------------


def import_release(env: Environment, data: bytes) -> None:
    path = env.servers.folder / "imported.xml"
    path.write_bytes(data)
    with env.service() as service:
        import_files(service.ingest(service.source(SOURCE)), [path], "xml")


@pytest.mark.fault(17)
def test_a_release_before_an_imported_one_is_alerted_once_when_a_check_sees_it(env: Environment) -> None:
    """It is held first, because it goes back behind the newest release, and then compared with the one before it."""
    import_release(env, release([*NEWS, *MANY, tcp("later", "4")], "2021-03-01"))
    seen = release([*NEWS, *MANY], LATER)
    assert env.check(seen).outcome is Outcome.HELD
    result = env.check(seen)
    assert (result.outcome, result.is_alerted) == (Outcome.INSERTED, True)
    (alert,) = env.alerts
    assert [event["summary"] for event in alert["events"]] == ["3/tcp assigned to new (was unassigned)"]
    assert [env.check(seen).outcome for _ in range(5)] == [Outcome.UNCHANGED] * 5
    assert len(env.alerts) == 1
    tables = env.rows()
    assert content_of(rebuilt(env)) == content_of(tables)
    assert len(env.alerts) == 1


@pytest.mark.fault(17)
def test_a_release_that_shows_the_order_of_imported_ones_is_alerted_too(env: Environment) -> None:
    """A check that sees an imported release again moves others: the whole history is derived again with it."""
    with env.service() as service, mock.patch.object(Timeline, "_find_slot", return_value=None):
        candidate = Candidate(data=release([*NEWS, *MANY], LATER), origin="x", observed=to_text(env.now), live=True)
        result = service.ingest(service.source(SOURCE)).ingest(candidate)
        deliver_all(service)
    assert (result.outcome, result.is_alerted) == (Outcome.INSERTED, True)
    assert len(env.alerts) == 1


def test_a_server_is_not_stale_that_never_served_a_later_release(env: Environment) -> None:
    import_release(env, release([*NEWS, *MANY], LATER))
    assert [env.check(OLD + b"\n" * number).outcome for number in range(1, 6)] == [Outcome.COSMETIC] * 5
    assert env.check(CURRENT).outcome is Outcome.UNCHANGED
    assert len(env.alerts) == 0
    assert env.check(OLD).outcome is Outcome.STALE


# --- a collection -----------------------------------------------------------------------------------------------------


def test_a_group_of_a_collection_is_held_and_accepted_like_any_source(tmp_path: Path) -> None:
    with serve_index(IndexServer()) as tree:
        tree.publish("one", "two")
        env = CollectionEnvironment(tree, tmp_path, "hold = { confirm_after = 3 }\n")
        env.check_all()
        tree.pages[group_path("one")] = group_xml("one", "Reserved", "Another", updated="2019-01-01")
        assert env.outcomes() == {"iana": Outcome.UNCHANGED, "iana.one": Outcome.HELD, "iana.two": Outcome.UNCHANGED}
        assert env.outcomes()["iana.one"] is Outcome.HELD
        with env.service() as service:
            (tables,) = service.store.holds.list_holds()
            assert (tables.source, tables.in_a_row) == ("iana.one", 2)
            assert service.ingest(service.source("iana.one")).decisions.accept(tables.id).outcome is Outcome.CHANGED
        assert env.outcomes()["iana.one"] is Outcome.UNCHANGED


def test_an_index_that_lost_most_groups_is_held_by_one_rule_not_by_two(tmp_path: Path) -> None:
    with serve_index(IndexServer()) as tree:
        tree.publish(*(f"group-{number}" for number in range(30)))
        env = CollectionEnvironment(tree, tmp_path)
        env.check_all()
        tree.pages[INDEX] = index_page(["group-0", "group-1"])
        assert [env.check_all()["iana"].outcome for _ in range(3)] == [Outcome.HELD, Outcome.HELD, Outcome.CHANGED]
        assert env.check_all()["iana"].outcome is Outcome.UNCHANGED


# --- the notice -------------------------------------------------------------------------------------------------------

HOSTILE = "x\r\nBcc: a@example.org\x1b[31m <script>alert(1)</script> \u202e =?utf-8?q?=0ABcc:_x?="


def hold(**more: Any) -> Hold:
    made = Hold(
        source="ports",
        digest="a" * 64,
        sha256="b" * 64,
        published="2020-01-01",
        entries=3,
        reasons=(Reason(code="other_registry", sentence=HOSTILE, numbers={"registry": HOSTILE}),),
        first_seen="2026-01-01T00:00:00Z",
        last_seen="2026-01-02T00:00:00Z",
    )
    return replace(made, **more)


@pytest.mark.fault(31, 32, 34)
def test_nothing_that_the_registry_says_breaks_out_of_a_notice() -> None:
    mail = messages.render_notice(email_channel(), "a@example.org", notices.describe_hold(hold()))
    body = json.loads(mail.body)
    assert not any(character in body["subject"] for character in "\r\n\x1b\u202e")
    assert "=?" not in body["subject"]
    assert "\x1b" not in body["text"]
    assert "<script>" not in body["html"]
    hook = messages.render_notice(webhook_channel(), "", notices.describe_hold(hold()))
    assert json.loads(hook.body)["data"]["details"]["reasons"][0]["sentence"] == HOSTILE


def test_a_notice_of_one_subject_always_has_the_same_id() -> None:
    def identifier(tables: Hold) -> str:
        return messages.render_notice(webhook_channel(), "", notices.describe_hold(tables)).id

    again = hold(last_seen="2026-01-09T00:00:00Z", times=7)
    assert identifier(hold()) == identifier(again)
    assert identifier(hold()) != identifier(hold(digest="c" * 64))
    assert identifier(hold()) != identifier(hold(reasons=(Reason(code="goes_back", sentence=""),)))
