"""Subscriptions from a release to the message: who gets what, when, once; what is ignored and acknowledged."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.environment import Environment, content_of, open_environment, rows
from tests.support.fake_clock import FakeClock
from tests.support.port_releases import release, tcp
from tests.support.run_cli import run_command
from watcher.core.times import to_text
from watcher.monitor.deliver import deliver_all
from watcher.store.backup import make_backup, restore_backup
from watcher.store.store import Store

OLD = [tcp("a", "1"), tcp("b", "2", contact="x")]
NEW = [tcp("a", "1", description="Other words"), tcp("b", "2"), tcp("c", "3")]
FILES = """
[[channel]]
name = "one"
type = "file"
path = "one.jsonl"
{own}

"""


@pytest.fixture
def env(tmp_path: Path) -> Iterator[Environment]:
    with open_environment(tmp_path) as made:
        made.configure('name = "mail"\n', 'name = "mail"\nevents = []\n')  # the two channels of the demo are quiet
        made.configure('name = "hook"\n', 'name = "hook"\nevents = []\n')
        made.check(release(OLD))
        yield made


def add(env: Environment, text: str, own: str = "") -> None:
    env.configure('[[channel]]\nname = "mail"', f'{FILES.format(own=own)}{text}\n[[channel]]\nname = "mail"')


def lines(env: Environment, name: str = "one") -> list[dict[str, Any]]:
    path = env.servers.folder / f"{name}.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def summaries(message: dict[str, Any]) -> list[str]:
    return sorted(event["id"] for event in message["data"]["events"])


def test_several_subscriptions_of_one_recipient_give_one_message_that_names_them(env: Environment) -> None:
    add(
        env,
        '[[subscription]]\nname = "port-three"\nchannels = ["one"]\nports = ["3"]\n'
        '[[subscription]]\nname = "all-new"\nchannels = ["one"]\nkinds = ["added"]\n'
        '[[subscription]]\nname = "never"\nchannels = ["one"]\nentries = ["zzz"]\n',
    )
    env.check(release(NEW, "2020-01-02"))
    (message,) = lines(env)
    assert summaries(message) == ["port-assigned"]
    assert message["data"]["subscriptions"] == ["port-three", "all-new"]


def test_a_channel_without_filters_sends_everything_until_a_subscription_names_it(env: Environment) -> None:
    add(env, "")
    env.check(release(NEW, "2020-01-02"))
    assert len(summaries(lines(env)[0])) == 3
    assert "subscriptions" not in lines(env)[0]["data"]


def test_the_filters_of_a_channel_stay_beside_its_subscriptions(env: Environment) -> None:
    add(
        env,
        '[[subscription]]\nname = "names"\nchannels = ["one"]\nentries = ["C"]\n',
        own='events = ["contact-*"]',
    )
    env.check(release(NEW, "2020-01-02"))
    (message,) = lines(env)
    assert summaries(message) == ["contact-changed", "port-assigned"]
    assert message["data"]["subscriptions"] == ["names"]


def test_recipients_get_mail_that_the_channel_does_not_list(env: Environment) -> None:
    add(
        env,
        '[[subscription]]\nname = "ann"\nrecipients = ["Ann@example.org", "noc@example.org"]\nports = ["3"]\n',
    )
    env.check(release(NEW, "2020-01-02"))
    assert sorted(str(mail["To"]) for mail in env.servers.mails) == ["Ann@example.org", "noc@example.org"]
    text = next(iter(env.servers.mails)).get_payload(0).get_payload(decode=True).decode()  # type: ignore[union-attr]
    assert "Subscriptions: ann." in text


def test_an_event_goes_with_the_soonest_subscription_and_others_wait_for_their_digest(env: Environment) -> None:
    add(
        env,
        '[[subscription]]\nname = "now"\nchannels = ["one"]\nkinds = ["added"]\n'
        '[[subscription]]\nname = "later"\nchannels = ["one"]\ndigest = "daily"\nat = "07:00"\n'
        'timezone = "Europe/Berlin"\n',
    )
    env.now = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
    env.check(release(NEW, "2020-01-02"))
    (message,) = lines(env)
    assert (summaries(message), message["data"]["subscriptions"]) == (["port-assigned"], ["now", "later"])
    (waiting,) = (row for row in env.rows("outbox")["outbox"] if row["state"] == "gathering")
    assert (waiting["next_attempt"], waiting["schedule"]) == ("2026-11-25T06:00:00Z", "daily 07:00 Europe/Berlin")
    env.now = datetime(2026, 11, 25, 6, 0, tzinfo=UTC)
    env.check()
    assert summaries(lines(env)[1]) == ["contact-changed", "description-changed"]
    assert lines(env)[1]["data"]["subscriptions"] == ["later"]


def test_a_digest_that_was_due_while_nothing_ran_is_sent_once_when_it_runs_again(env: Environment) -> None:
    add(
        env,
        '[[subscription]]\nname = "weekly"\nchannels = ["one"]\ndigest = "weekly"\nweekday = "monday"\nat = "08:00"\n',
    )
    env.now = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)  # a Tuesday
    env.check(release([*OLD, tcp("c", "3")], "2020-01-02"))
    env.check(release([*OLD, tcp("c", "3"), tcp("d", "4")], "2020-01-03"))
    assert lines(env) == []
    env.now = datetime(2026, 12, 16, 9, 0, tzinfo=UTC)  # two Mondays were missed
    with env.service() as service:
        deliver_all(service)
        deliver_all(service)
    (digest,) = lines(env)
    assert digest["type"] == "org.registry-watcher.digest"
    assert [summaries(message) for message in digest["data"]["messages"]] == [["port-assigned"], ["port-assigned"]]
    env.check(release([*OLD, tcp("c", "3"), tcp("d", "4"), tcp("e", "5")], "2020-01-04"))
    (waiting,) = (row for row in env.rows("outbox")["outbox"] if row["state"] == "gathering")
    assert waiting["next_attempt"] == "2026-12-21T08:00:00Z"


def test_digests_of_different_schedules_for_one_recipient_are_different_messages(env: Environment) -> None:
    add(
        env,
        '[[subscription]]\nname = "hourly"\nchannels = ["one"]\ndigest = "hourly"\nkinds = ["added"]\n'
        '[[subscription]]\nname = "daily"\nchannels = ["one"]\ndigest = "daily"\nkinds = ["modified"]\n',
    )
    env.now = datetime(2026, 11, 24, 10, 30, tzinfo=UTC)
    env.check(release(NEW, "2020-01-02"))
    env.now = datetime(2026, 11, 24, 11, 0, tzinfo=UTC)
    env.check()
    assert [summaries(message) for message in lines(env)] == [["port-assigned"]]
    env.now = datetime(2026, 11, 25, 8, 0, tzinfo=UTC)
    env.check()
    assert summaries(lines(env)[1]) == ["contact-changed", "description-changed"]


def test_an_inventory_that_changes_counts_for_the_next_release(env: Environment) -> None:
    (env.servers.folder / "mine").write_text("3/tcp\n")
    add(
        env,
        '[[inventory]]\nname = "mine"\nfile = "mine"\n'
        '[[subscription]]\nname = "mine"\nchannels = ["one"]\ninventory = "mine"\n',
    )
    env.check(release(NEW, "2020-01-02"))
    assert [summaries(message) for message in lines(env)] == [["port-assigned"]]
    (env.servers.folder / "mine").write_text("4/tcp\n9000\n")
    env.check(release([*NEW, tcp("d", "4"), tcp("e", "5")], "2020-01-03"))
    assert lines(env)[1]["data"]["events"][0]["ports"] == ["4"]


IGNORE = '[[ignore]]\nreason = "descriptions do not matter"\nevents = ["description-*"]\n'


def test_an_ignored_event_is_not_sent_and_shown_with_the_reason(env: Environment) -> None:
    add(env, IGNORE)
    env.check(release(NEW, "2020-01-02"))
    assert summaries(lines(env)[0]) == ["contact-changed", "port-assigned"]
    config = env.servers.config
    events = json.loads(run_command(config, "history", "--format", "json").stdout)["events"]
    assert {event["id"]: event.get("ignored") for event in events} == {
        "contact-changed": None,
        "port-assigned": None,
        "description-changed": "descriptions do not matter",
    }
    assert "(ignored: descriptions do not matter)" in run_command(config, "history").stdout
    assert "(ignored: descriptions do not matter)" in run_command(config, "show", "ports", "1").stdout
    assert "events are ignored: descriptions do not matter" in run_command(config, "status").stdout
    tested = json.loads(run_command(config, "subscriptions", "test", "--format", "json").stdout)["subscriptions"]
    own = next(row for row in tested if row["subscription"] == "channel:one")
    assert (own["count"], [event["id"] for event in own["ignored"]]) == (2, ["description-changed"])


def test_a_rule_can_ignore_what_is_not_in_a_list_of_mine_by_its_entries(env: Environment) -> None:
    (env.servers.folder / "theirs").write_text("3/tcp\n")
    add(env, '[[inventory]]\nname = "theirs"\nfile = "theirs"\n[[ignore]]\nreason = "not ours"\ninventory = "theirs"\n')
    env.check(release(NEW, "2020-01-02"))
    assert summaries(lines(env)[0]) == ["contact-changed", "description-changed"]
    shown = run_command(env.servers.config, "history").stdout
    assert [line.split()[2] for line in shown.splitlines() if "(ignored: not ours)" in line] == ["port-assigned"]


@pytest.mark.parametrize(("hours", "number"), [(-1, 3), (1, 2)])
def test_a_rule_ignores_events_up_to_its_end(env: Environment, hours: int, number: int) -> None:
    add(env, f"{IGNORE}until = {to_text(env.now + timedelta(hours=hours))}\n")
    env.check(release(NEW, "2020-01-02"))
    assert len(summaries(lines(env)[0])) == number
    events = json.loads(run_command(env.servers.config, "history", "--format", "json").stdout)["events"]
    assert sum("ignored" in event for event in events) == 3 - number


def acknowledge(env: Environment, *arguments: str) -> str:
    events = json.loads(run_command(env.servers.config, "history", "--format", "json").stdout)["events"]
    fingerprint = next(event["fingerprint"] for event in events if event["id"] == "port-assigned")
    done = run_command(env.servers.config, "ack", fingerprint[:12], *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def acknowledged(env: Environment) -> list[str]:
    events = json.loads(run_command(env.servers.config, "history", "--format", "json").stdout)["events"]
    return [event["acknowledged"]["note"] for event in events if "acknowledged" in event]


def test_an_acknowledged_event_is_shown_with_its_note_everywhere(env: Environment) -> None:
    env.check(release(NEW, "2020-01-02"))
    said = acknowledge(env, "--note", "rule 1201 was changed")
    assert "acknowledged: ports 2020-01-02  port-assigned  3/tcp assigned to c" in said
    config = env.servers.config
    assert acknowledged(env) == ["rule 1201 was changed"]
    for command in (["history"], ["history", "--port", "3", "--format", "md"], ["show", "ports", "3"]):
        assert ": rule 1201 was changed" in run_command(config, *command).stdout
    assert "rule 1201 was changed" in run_command(config, "history", "--format", "csv").stdout
    assert "1 event is acknowledged" in run_command(config, "status").stdout
    assert json.loads(run_command(config, "status", "--format", "json").stdout)["acknowledged"] == 1
    acknowledge(env, "--note", "and again")
    assert acknowledged(env) == ["and again"]
    acknowledge(env, "--remove")
    assert acknowledged(env) == []


@pytest.mark.parametrize("command", [["rebuild"], ["rebuild", "--events"]])
def test_acknowledgements_survive_a_rebuild(env: Environment, command: list[str]) -> None:
    env.check(release(NEW, "2020-01-02"))
    acknowledge(env, "--note", "seen")
    before = content_of(env.rows())
    assert run_command(env.servers.config, *command).returncode == 0
    assert content_of(env.rows()) == before
    assert acknowledged(env) == ["seen"]


def test_acknowledgements_are_in_a_backup(env: Environment, tmp_path: Path) -> None:
    env.check(release(NEW, "2020-01-02"))
    acknowledge(env, "--note", "seen")
    folder = env.servers.folder
    with Store(folder / "history.db") as store:
        make_backup(store, folder / "snapshots", tmp_path / "backup", now=to_text(FakeClock().now()))
    restore_backup(tmp_path / "backup", tmp_path / "restored.db", tmp_path / "restored")
    assert [row["note"] for row in rows(tmp_path / "restored.db", "acknowledgements")["acknowledgements"]] == ["seen"]


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["ffffffffffff", "--note", "x"], "no event has the id 'ffffffffffff'; `watcher history --ids` shows them"),
        (["fff", "--note", "x"], "'fff' is too short for the id of an event"),
        (["ffffffffffff"], "give --note TEXT, or --remove"),
        (["ffffffffffff", "--note", "x", "--remove"], "give --note TEXT, or --remove"),
        (["ffffffffffff", "--note", " "], "give --note TEXT, or --remove"),
    ],
)
def test_what_cannot_be_acknowledged_is_refused(env: Environment, arguments: list[str], why: str) -> None:
    refused = run_command(env.servers.config, "ack", *arguments)
    assert refused.returncode == 2
    assert why in refused.stderr


def test_ids_of_events_are_shown_for_acknowledging(env: Environment) -> None:
    env.check(release(NEW, "2020-01-02"))
    shown = run_command(env.servers.config, "history", "--ids", "--port", "3").stdout.splitlines()
    identifier = shown[1].split()[0]
    assert (shown[0].split()[0], len(identifier)) == ("ID", 12)
    assert run_command(env.servers.config, "ack", identifier, "--note", "x").returncode == 0


def test_subscriptions_are_listed_with_their_times_and_recipients(env: Environment) -> None:
    add(
        env,
        '[[subscription]]\nname = "week"\nchannels = ["one"]\ndigest = "weekly"\nweekday = "friday"\n'
        '[[subscription]]\nname = "off"\nchannels = ["one"]\nenabled = false\n',
    )
    listed = run_command(env.servers.config, "subscriptions", "list").stdout.splitlines()
    assert [line.split()[0] for line in listed[1:]] == ["week", "channel:mail", "channel:hook"]
    assert listed[1].split("  ")[-1].strip() == "one"
    assert "weekly friday 08:00 UTC" in listed[1]
    refused = run_command(env.servers.config, "subscriptions", "test", "wek")
    assert (refused.returncode, "did you mean 'week'?" in refused.stderr) == (2, True)


def test_the_test_of_subscriptions_counts_and_lists_what_each_would_have_received(env: Environment) -> None:
    env.check(release(NEW, "2020-01-02"))
    env.check(release([*NEW, tcp("d", "4")], "2020-02-01"))
    add(
        env,
        '[[subscription]]\nname = "new"\nchannels = ["one"]\nkinds = ["added"]\n'
        '[[subscription]]\nname = "words"\nchannels = ["one"]\ntext = ["other words"]\n',
    )
    shown = run_command(env.servers.config, "subscriptions", "test", "new", "words").stdout
    assert [line.split()[:3] for line in shown.splitlines()[1:3]] == [["new", "2", "0"], ["words", "1", "0"]]
    assert "3/tcp assigned to c" in shown
    since = run_command(env.servers.config, "subscriptions", "test", "new", "--since", "2020-02-01", "--format", "csv")
    assert [line.split(",")[:3] for line in since.stdout.splitlines()[1:]] == [["new", "ports", "2020-02-01"]]
    assert env.servers.webhooks == []
