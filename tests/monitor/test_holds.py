"""A release that cannot be believed yet changes nothing and is told to the operator, until it is settled."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from email.message import Message
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from tests.monitor.test_collection import Place
from tests.support.alerts import email_channel, webhook_channel
from tests.support.environment import World, content_of, world
from tests.support.index_server import INDEX, Tree, document, page, path, served
from tests.support.port_releases import Row, release, tcp, udp, unassigned
from watcher.alerts import messages, notices
from watcher.cli.demo_servers import SOURCE
from watcher.core.errors import UsageError
from watcher.core.operations import Hold, HoldState, Reason
from watcher.core.times import to_text
from watcher.monitor import importer
from watcher.monitor.candidate import Candidate
from watcher.monitor.deliver import deliver_all
from watcher.monitor.result import CheckResult, Outcome
from watcher.monitor.second_format import SecondFormatResult
from watcher.store.snapshot_archive import SnapshotArchive
from watcher.store.snapshot_file import SnapshotInfo

ROWS = [tcp("a", "1"), udp("b", "2"), unassigned("3-9"), Row(name="rdp"), Row(name="rdp")]
MANY = [tcp(f"s{number}", str(1000 + number)) for number in range(60)]
NOW, SLIP, LATER = "2021-01-18", "2020-01-18", "2021-02-01"
NEWS = [tcp("new", "3"), *ROWS]
TOLD = "org.registry-watcher.notice"


@pytest.fixture
def here(tmp_path: Path) -> Iterator[World]:
    """A world whose webhook is the operator's channel, and whose newest release has 65 entries."""
    with world(tmp_path) as made:
        made.configure('type = "webhook"', 'type = "webhook"\noperator = true')
        assert made.check(release([*ROWS, *MANY], NOW)).outcome is Outcome.BASELINE
        yield made


def slip(rows: Sequence[Row] = (), *, date: str = SLIP) -> bytes:
    """A release that bears an older date and brings a content never seen before."""
    return release([*NEWS, *MANY, *rows], date)


def notices_of(here: World) -> list[dict[str, Any]]:
    return [hook["data"] for hook in here.stage.webhooks if hook["type"] == TOLD]


def alerts(here: World) -> int:
    return len([hook for hook in here.stage.webhooks if hook["type"] != TOLD])


def holds(here: World) -> list[Hold]:
    with here.service() as service:
        return service.store.holds.list_holds(SOURCE)


def receipt(here: World, sha256: str) -> SnapshotInfo:
    return next(
        each
        for each in SnapshotArchive(here.stage.folder / "snapshots").list_snapshots(SOURCE)
        if each.sha256 == sha256
    )


def decide(here: World, word: str, what: str) -> Any:
    with here.service() as service:
        done = getattr(service, word)(service.source(SOURCE), what)
        deliver_all(service)
    return done


def rebuilt(here: World) -> dict[str, list[dict[str, Any]]]:
    with here.service() as service:
        service.ingest(service.source(SOURCE)).rebuild()
    return here.rows()


def set_bounds(here: World, line: str) -> None:
    here.configure('[[channel]]\nname = "mail"', f'[source.hold]\n{line}\n\n[[channel]]\nname = "mail"')


def test_a_held_release_is_kept_and_changes_nothing(here: World) -> None:
    before = here.rows()
    taken = here.check(slip())
    assert (taken.outcome, taken.reason) == (Outcome.HELD, "goes_back")
    assert here.rows() == before
    assert SnapshotArchive(here.stage.folder / "snapshots").read_snapshot(SOURCE, taken.sha256) == slip()
    assert not receipt(here, taken.sha256).believed
    assert here.rows("checks")["checks"][-1]["outcome"] == "held"


def test_the_operator_is_told_why_and_no_subscriber_hears_of_it(here: World) -> None:
    here.check(slip())
    (notice,) = notices_of(here)
    assert (notice["id"], notice["severity"], notice["source"]) == ("release-held", "warning", SOURCE)
    (reason,) = notice["details"]["reasons"]
    assert (reason["code"], reason["numbers"]) == ("goes_back", {"published": SLIP, "newest": NOW})
    assert reason["sentence"] in notice["summary"]
    assert notice["details"]["accept"] == f"watcher accept {SOURCE} {notice['details']['release']}"
    assert (alerts(here), here.stage.mails) == (0, [])


def test_the_operator_is_told_by_mail_too(here: World) -> None:
    here.configure('to = ["noc@example.org"]', 'to = ["noc@example.org"]\noperator = true')
    here.check(slip())
    (mail,) = here.stage.mails
    assert "2020-01-18 is held: its date is" in " ".join(mail["Subject"].split())
    text, html = (_text(part) for part in mail.get_payload())  # type: ignore[arg-type,union-attr]
    for said in (text, html):
        assert "watcher accept ports" in said
        assert SLIP in said


def _text(part: Message) -> str:
    return part.get_payload(decode=True).decode()  # type: ignore[union-attr]


def test_who_has_no_operators_channel_is_told_by_the_record_alone(tmp_path: Path) -> None:
    with world(tmp_path) as here:
        here.check(release(ROWS, NOW))
        assert here.check(slip()).outcome is Outcome.HELD
        assert here.rows("outbox")["outbox"] == []
        assert len(holds(here)) == 1


def test_a_release_that_is_served_again_is_taken_and_told_like_any_other(here: World) -> None:
    first = here.check(slip())
    seen = to_text(here.now)
    taken = here.check()
    assert here.stage.requests == [200, 200, 200], "the validators of a held release are not kept"
    assert taken.outcome is Outcome.CHANGED
    assert taken.comparison is not None
    assert [event.service for event in taken.comparison.events] == ["new"]
    assert taken.release is not None
    assert taken.release.release.observed == seen, "it was seen when it was served first"
    assert receipt(here, first.sha256).believed
    assert (alerts(here), len(here.stage.mails)) == (1, 1)
    assert [notice["id"] for notice in notices_of(here)] == ["release-held", "release-accepted"]
    (hold,) = holds(here)
    assert (hold.state, hold.by, hold.times) == (HoldState.ACCEPTED, "confirmed", 2)
    assert here.check().outcome is Outcome.UNCHANGED
    assert here.stage.requests[-1] == 304


def test_other_bytes_of_the_same_content_confirm_it_and_all_are_kept(here: World) -> None:
    here.check(slip())
    taken = here.check(b"\xef\xbb\xbf" + slip())
    assert taken.outcome is Outcome.CHANGED
    found = here.rows()
    assert len(found["snapshots"]) == 3
    assert len(here.files()) == 3
    assert all(receipt(here, row["sha256"]).believed for row in found["snapshots"])
    assert content_of(rebuilt(here)) == content_of(found)


def test_how_often_it_must_be_served_is_configured(here: World) -> None:
    set_bounds(here, "confirm_after = 4")
    assert [here.check(slip()).outcome for _ in range(4)] == [*[Outcome.HELD] * 3, Outcome.CHANGED]


def test_a_server_that_flaps_is_told_of_once_and_takes_nothing(here: World) -> None:
    current, other = release([*ROWS, *MANY], NOW), slip()
    for _ in range(4):
        assert here.check(other).outcome is Outcome.HELD
        assert here.check(current).outcome is Outcome.UNCHANGED
    assert len(here.rows("releases")["releases"]) == 1
    assert [notice["id"] for notice in notices_of(here)] == ["release-held"]
    assert (holds(here)[0].state, holds(here)[0].times) == (HoldState.HELD, 4)
    assert [here.check(other).outcome for _ in range(2)] == [Outcome.HELD, Outcome.CHANGED]
    assert alerts(here) == 1


def test_two_doubtful_releases_that_take_turns_confirm_nothing(here: World) -> None:
    for _ in range(3):
        assert here.check(slip()).outcome is Outcome.HELD
        assert here.check(slip([tcp("c", "7")])).outcome is Outcome.HELD
    assert [hold.times for hold in holds(here)] == [3, 3]


def test_not_modified_is_the_newest_served_again(here: World) -> None:
    current, other = release([*ROWS, *MANY], NOW), slip()
    here.check(other)
    here.check(current)
    here.check()
    assert here.stage.requests[-2:] == [304, 304], "the newest release's validators stayed"
    assert here.check(other).outcome is Outcome.HELD


def test_a_failed_check_is_no_serving_of_anything(here: World) -> None:
    here.check(slip())
    assert here.check(b"<html/>").outcome is Outcome.FAILED
    assert here.check(slip()).outcome is Outcome.CHANGED


def test_a_newer_release_supersedes_what_was_held(here: World) -> None:
    here.check(slip())
    assert here.check(release([*NEWS, *MANY], LATER)).outcome is Outcome.CHANGED
    (hold,) = holds(here)
    assert (hold.state, hold.by) == (HoldState.SUPERSEDED, "newer")
    assert here.check(slip()).outcome is Outcome.HELD
    assert (holds(here)[0].state, holds(here)[0].times) == (HoldState.HELD, 2)
    assert [notice["id"] for notice in notices_of(here)] == ["release-held"], "told of once"


def test_many_entries_gone_under_the_same_date_are_held_and_under_a_later_one_believed(here: World) -> None:
    taken = here.check(release([*ROWS, *MANY[:30]], NOW))
    assert (taken.outcome, taken.reason) == (Outcome.HELD, "mass_removal")
    assert taken.hold is not None
    assert taken.hold.reasons[0].numbers == {"gone": 30, "entries": 65}
    assert here.check(release([*ROWS, *MANY[:30]], LATER)).outcome is Outcome.CHANGED


def test_a_bound_of_the_operator_is_kept_however_often_it_is_broken(here: World) -> None:
    set_bounds(here, "min_entries = 50\nmax_entries = 70")
    more = [tcp(f"m{number}", str(number)) for number in range(100, 120)]
    for rows, code in (([*ROWS, *MANY, *more], "too_many_entries"), ([*ROWS, *MANY[:40]], "too_few_entries")):
        for _ in range(4):
            taken = here.check(release(rows, LATER))
            assert (taken.outcome, taken.reason) == (Outcome.HELD, code)
    here.configure("min_entries = 50\nmax_entries = 70", "min_entries = 5")
    assert here.check().outcome is Outcome.CHANGED
    assert [hold.by for hold in holds(here) if hold.state is HoldState.ACCEPTED] == ["undoubted"]


def test_a_first_release_out_of_bounds_is_held_too(tmp_path: Path) -> None:
    with world(tmp_path) as here:
        set_bounds(here, "min_entries = 50")
        assert here.check(release(ROWS)).outcome is Outcome.HELD
        assert here.rows()["releases"] == []
        taken = decide(here, "accept", holds(here)[0].id)
        assert taken.outcome is Outcome.BASELINE
        assert here.check().outcome is Outcome.UNCHANGED


def test_accepting_by_hand_takes_it_at_once_and_tells_everybody(here: World) -> None:
    held = here.check(slip())
    taken: CheckResult = decide(here, "accept", held.sha256[:8])
    assert taken.outcome is Outcome.CHANGED
    assert (alerts(here), len(here.stage.mails)) == (1, 1)
    assert notices_of(here)[-1]["summary"].endswith("was accepted: by the operator")
    assert here.check().outcome is Outcome.UNCHANGED
    with pytest.raises(UsageError, match="it is part of the history"):
        decide(here, "accept", held.sha256[:8])
    with pytest.raises(UsageError, match="it is part of the history"):
        decide(here, "reject", held.sha256[:8])


def test_what_was_rejected_is_never_believed_unless_it_is_accepted(here: World) -> None:
    here.check(slip())
    identifier = holds(here)[0].id
    before = here.rows()
    rejected: Hold = decide(here, "reject", identifier)
    assert (rejected.state, rejected.by) == (HoldState.REJECTED, "operator")
    for _ in range(4):
        taken = here.check()
        assert (taken.outcome, taken.reason) == (Outcome.HELD, "rejected")
    assert here.rows() == before
    assert [notice["id"] for notice in notices_of(here)] == ["release-held", "release-rejected"]
    assert decide(here, "reject", identifier).times == 5
    assert decide(here, "accept", identifier).outcome is Outcome.CHANGED


def test_what_is_not_held_can_be_neither_accepted_nor_rejected(here: World) -> None:
    here.check(slip())
    for word in ("accept", "reject"):
        for what in ("000000", "", "x"):
            with pytest.raises(UsageError, match=f"no held release .* are: {holds(here)[0].id}"):
                decide(here, word, what)


def test_what_was_superseded_and_is_accepted_by_hand_goes_where_it_belongs(here: World) -> None:
    here.check(slip())
    here.check(release([*NEWS, *MANY], LATER))
    assert alerts(here) == 1
    assert decide(here, "accept", holds(here)[0].id).outcome is Outcome.INSERTED
    found = here.rows()
    assert [row["published"] for row in sorted(found["releases"], key=lambda row: row["place"])] == [NOW, SLIP, LATER]
    assert alerts(here) == 1
    assert content_of(rebuilt(here)) == content_of(found)


def test_importing_what_is_held_believes_it(here: World) -> None:
    here.check(slip())
    path = here.stage.folder / "held.xml"
    path.write_bytes(slip())
    with here.service() as service:
        importer.import_items(service.ingest(service.source(SOURCE)), importer.find_items([str(path)], ".xml"))
    (hold,) = holds(here)
    assert (hold.state, hold.by) == (HoldState.ACCEPTED, "import")
    found = here.rows()
    assert len(found["releases"]) == 2
    assert content_of(rebuilt(here)) == content_of(found)


def test_a_rebuild_knows_what_was_believed(here: World) -> None:
    here.check(slip())
    here.check(slip())
    here.check(release([*ROWS, *MANY[:20]], SLIP))  # held
    rejected = here.check(release([*ROWS, *MANY[:21]], SLIP))
    decide(here, "reject", rejected.sha256)
    before = here.rows()
    assert len(before["releases"]) == 2
    assert len(here.files()) == 4
    assert content_of(rebuilt(here)) == content_of(before)
    assert [hold.state for hold in holds(here)].count(HoldState.HELD) == 1


def test_what_breaks_while_it_is_taken_leaves_it_held(here: World) -> None:
    here.check(slip())
    before = here.rows("held", "releases", "outbox", "changes")

    def broken(deliveries: object, *, now: str) -> None:
        raise RuntimeError("the plug was pulled")

    with (
        here.service() as service,
        mock.patch.object(service.store.outbox, "add_deliveries", broken),
        pytest.raises(RuntimeError, match="plug"),
    ):
        service.accept(service.source(SOURCE), holds(here)[0].id)
    assert here.rows("held", "releases", "outbox", "changes") == before
    assert here.check().outcome is Outcome.CHANGED
    assert alerts(here) == 1


def test_a_future_date_is_believed_and_so_is_what_comes_after_it(here: World) -> None:
    assert here.check(release([*NEWS, *MANY], "2090-09-26")).outcome is Outcome.CHANGED
    today = to_text(here.now)[:10]
    assert here.check(release([*NEWS, *MANY, tcp("c", "7")], today)).outcome is Outcome.CHANGED


def test_a_second_opinion_is_asked_of_what_is_new_and_holds_it_until_it_agrees(here: World) -> None:
    asked: list[bytes] = []
    disagreement = [Reason(code="formats_disagree", sentence="the CSV has 66 entries, the XML 65")]

    class Second:
        def compare(self, data: bytes) -> SecondFormatResult:
            asked.append(data)
            return SecondFormatResult(reasons=tuple(disagreement))

    def take(data: bytes) -> CheckResult:
        here.now = here.now.replace(microsecond=0)
        with here.service() as service:
            ingest = service.ingest(service.source(SOURCE))
            ingest._second_format = Second()  # type: ignore[assignment]
            return ingest.ingest(Candidate(data=data, origin="x", observed=to_text(here.now), live=True))

    assert take(release([*ROWS, *MANY], NOW)).outcome is Outcome.UNCHANGED
    assert asked == []
    for _ in range(3):
        assert take(release([*NEWS, *MANY], LATER)).reason == "formats_disagree"
    assert asked == [release([*NEWS, *MANY], LATER)] * 3
    disagreement.clear()
    assert take(release([*NEWS, *MANY], LATER)).outcome is Outcome.CHANGED
    assert holds(here)[0].by == "undoubted"


# --- a server that lags -----------------------------------------------------------------------------------------------


@pytest.fixture
def lagging(here: World) -> World:
    """A world with two releases."""
    assert here.check(release([*NEWS, *MANY], LATER)).outcome is Outcome.CHANGED
    here.stage.webhooks.clear()
    here.stage.mails.clear()
    return here


OLD, CURRENT = release([*ROWS, *MANY], NOW), release([*NEWS, *MANY], LATER)


def test_a_server_that_lags_is_told_of_when_it_goes_on(lagging: World) -> None:
    assert lagging.check(OLD).outcome is Outcome.STALE
    assert notices_of(lagging) == []
    assert lagging.check(OLD).outcome is Outcome.STALE
    (notice,) = notices_of(lagging)
    assert notice["details"]["reasons"][0]["code"] == "stale_server"
    assert lagging.check(CURRENT).outcome is Outcome.UNCHANGED
    assert holds(lagging)[0].state is HoldState.SUPERSEDED


def test_a_server_that_flaps_between_two_releases_tells_nobody(lagging: World) -> None:
    before = lagging.rows()
    for _ in range(4):
        assert lagging.check(OLD).outcome is Outcome.STALE
        assert lagging.check(CURRENT).outcome is Outcome.UNCHANGED
    assert lagging.rows() == before
    assert lagging.stage.webhooks == []


def test_a_release_that_stays_back_stands_in_the_history_again(lagging: World) -> None:
    outcomes = [lagging.check(OLD).outcome for _ in range(3)]
    assert outcomes == [Outcome.STALE, Outcome.STALE, Outcome.CHANGED]
    found = lagging.rows()
    first, second, third = sorted(found["releases"], key=lambda row: row["place"])
    assert (third["published"], third["sha256"], third["returns"]) == (NOW, first["sha256"], first["content"])
    assert third["dated"] == second["dated"] == LATER
    assert [problem["code"] for problem in json.loads(third["problems"])] == ["duplicate_key", "rollback"]
    assert [row["event"] for row in found["events"] if row["release_id"] == third["id"]] == ["port-released"]
    assert alerts(lagging) == 1
    assert [lagging.check().outcome, lagging.check().outcome] == [Outcome.UNCHANGED] * 2
    assert lagging.stage.requests[-1] == 304
    assert content_of(rebuilt(lagging)) == content_of(found)


def test_other_bytes_of_a_release_that_came_back_are_a_snapshot_of_it(lagging: World) -> None:
    for _ in range(3):
        lagging.check(OLD)
    assert lagging.check(b"\xef\xbb\xbf" + OLD).outcome is Outcome.COSMETIC
    found = lagging.rows()
    assert len(found["snapshots"]) == 3
    assert content_of(rebuilt(lagging)) == content_of(found)


def test_what_was_imported_can_come_back_too(tmp_path: Path) -> None:
    with world(tmp_path) as here:
        path = tmp_path / "old.xml"
        path.write_bytes(OLD)
        with here.service() as service:
            importer.import_items(service.ingest(service.source(SOURCE)), importer.find_items([str(path)], ".xml"))
        assert here.check(CURRENT).outcome is Outcome.CHANGED
        assert [here.check(OLD).outcome for _ in range(3)] == [Outcome.STALE, Outcome.STALE, Outcome.CHANGED]
        assert here.check(b"\xef\xbb\xbf" + OLD).outcome is Outcome.COSMETIC
        found = here.rows()
        assert [row["live"] for row in sorted(found["releases"], key=lambda row: row["place"])] == [0, 1, 1]
        assert content_of(rebuilt(here)) == content_of(found)


def test_what_came_back_can_go_again(lagging: World) -> None:
    for data in (OLD, CURRENT, OLD):
        assert [lagging.check(data).outcome for _ in range(3)] == [Outcome.STALE, Outcome.STALE, Outcome.CHANGED]
    assert alerts(lagging) == 3
    found = lagging.rows()
    assert len(found["releases"]) == 5
    assert content_of(rebuilt(lagging)) == content_of(found)
    assert lagging.check(release([*NEWS, *MANY, tcp("c", "7")], "2021-03-01")).outcome is Outcome.CHANGED


def test_a_release_that_came_back_is_taken_by_hand(lagging: World) -> None:
    lagging.check(OLD)
    taken: CheckResult = decide(lagging, "accept", holds(lagging)[0].id)
    assert taken.outcome is Outcome.CHANGED
    assert alerts(lagging) == 1
    assert lagging.check(OLD).outcome is Outcome.UNCHANGED


def test_a_lagging_server_that_was_rejected_stays_one(lagging: World) -> None:
    lagging.check(OLD)
    decide(lagging, "reject", holds(lagging)[0].id)
    assert {lagging.check(OLD).outcome for _ in range(5)} == {Outcome.STALE}


# --- a collection -----------------------------------------------------------------------------------------------------


def test_a_group_of_a_collection_is_held_and_accepted_like_any_source(tmp_path: Path) -> None:
    with served(Tree()) as tree:
        tree.publish("one", "two")
        here = Place(tree, tmp_path, "hold = { confirm_after = 3 }\n")
        here.look()
        tree.pages[path("one")] = document("one", "Reserved", "Another", updated="2019-01-01")
        assert here.outcomes() == {"iana": Outcome.UNCHANGED, "iana.one": Outcome.HELD, "iana.two": Outcome.UNCHANGED}
        assert here.outcomes()["iana.one"] is Outcome.HELD
        with here.service() as service:
            (found,) = service.store.holds.list_holds()
            assert (found.source, found.in_a_row) == ("iana.one", 2)
            assert service.accept(service.source("iana.one"), found.id).outcome is Outcome.CHANGED
        assert here.outcomes()["iana.one"] is Outcome.UNCHANGED


def test_an_index_that_lost_most_groups_is_doubted_by_one_rule_not_by_two(tmp_path: Path) -> None:
    with served(Tree()) as tree:
        tree.publish(*(f"group-{number}" for number in range(30)))
        here = Place(tree, tmp_path)
        here.look()
        tree.pages[INDEX] = page(["group-0", "group-1"])
        assert [here.look()["iana"].outcome for _ in range(3)] == [Outcome.HELD, Outcome.HELD, Outcome.CHANGED]
        assert here.look()["iana"].outcome is Outcome.UNCHANGED


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
    mail = messages.render_notice(email_channel(), "a@example.org", notices.held(hold()))
    body = json.loads(mail.body)
    assert not any(character in body["subject"] for character in "\r\n\x1b\u202e")
    assert "=?" not in body["subject"]
    assert "\x1b" not in body["text"]
    assert "<script>" not in body["html"]
    hook = messages.render_notice(webhook_channel(), "", notices.held(hold()))
    assert json.loads(hook.body)["data"]["details"]["reasons"][0]["sentence"] == HOSTILE


def test_a_notice_of_one_subject_always_has_the_same_id() -> None:
    def identifier(found: Hold) -> str:
        return messages.render_notice(webhook_channel(), "", notices.held(found)).id

    again = hold(last_seen="2026-01-09T00:00:00Z", times=7)
    assert identifier(hold()) == identifier(again)
    assert identifier(hold()) != identifier(hold(digest="c" * 64))
    assert identifier(hold()) != identifier(hold(reasons=(Reason(code="goes_back", sentence=""),)))
