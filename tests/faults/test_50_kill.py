"""Killed with SIGKILL before every step of every journey of a release, and at random moments: nothing is lost.

Each time: the database passes its integrity check, every snapshot is whole, and after a clean run the history is that
of an undisturbed run and every subscriber has every event; a message that arrived twice has the same id.
"""

from __future__ import annotations

import hashlib
import json
import random
import re
import shutil
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.environment import Environment, content_of, open_environment, rows
from tests.support.port_releases import Row, release, tcp
from tests.support.process_killer import LONG_AGO, Ended, ProcessKiller
from watcher.store.snapshot_archive import SnapshotArchive

pytestmark = pytest.mark.fault(50)

CHECK = ("check",)
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z")
ROWS = [tcp("a", "1"), *(tcp(f"base-{number}", str(100 + number)) for number in range(15))]


def dated(day: int, *more: Row) -> bytes:
    return release([*ROWS, *more], f"2020-01-{day:02d}")


FIRST, SECOND = dated(1), dated(2, tcp("b", "2"))
THIRD = dated(3, tcp("b", "2"), tcp("c", "3"))
GUTTED = release(ROWS[:3], "2020-01-02")  # bears the same date as SECOND, and most of it is gone


@dataclass(frozen=True, slots=True)
class Step:
    """Something is published, where anything is, and a command is typed."""

    command: tuple[str, ...]
    data: bytes | None = None


@dataclass(frozen=True, slots=True)
class Journey:
    """A start, the command that is killed, and what is done after it, killed or not."""

    before: tuple[Step, ...]
    killed: Step
    after: tuple[Step, ...]


CHANGED = Journey((Step(CHECK, FIRST),), Step(CHECK, SECOND), (Step(CHECK),))
JOURNEYS = {
    "the first release": Journey((), Step(CHECK, FIRST), (Step(CHECK), Step(CHECK, SECOND))),
    "a release that is held": Journey(
        (Step(CHECK, SECOND),), Step(CHECK, GUTTED), (Step(CHECK), Step(CHECK), Step(CHECK))
    ),
    "a release that is confirmed": Journey(
        (Step(CHECK, SECOND), Step(CHECK, GUTTED)), Step(CHECK), (Step(CHECK), Step(CHECK))
    ),
    "a release that comes back": Journey(
        (Step(CHECK, FIRST), Step(CHECK, SECOND), Step(CHECK, FIRST), Step(CHECK)), Step(CHECK), (Step(CHECK),)
    ),
    "other bytes of a release": Journey(
        (Step(CHECK, FIRST), Step(CHECK, SECOND)), Step(CHECK, b"\xef\xbb\xbf" + SECOND), (Step(CHECK),)
    ),
    "a change, then a rebuild": Journey(
        (Step(CHECK, FIRST),), Step(CHECK, SECOND), (Step(("rebuild",)), Step(CHECK))
    ),
    "a rebuild": Journey((Step(CHECK, FIRST), Step(CHECK, SECOND)), Step(("rebuild",)), (Step(CHECK),)),
    "the daemon": Journey(
        (Step(CHECK, FIRST), Step(("check", "--no-deliver"), SECOND)), Step(("run",), THIRD), (Step(CHECK),)
    ),
}  # fmt: skip


@dataclass
class Found:
    """The traces of a journey: the history, the outbox, and what subscribers received."""

    history: list[object]
    outbox: list[tuple[str, str]]
    webhooks: dict[str, Any] = field(default_factory=dict)
    mails: dict[str, str] = field(default_factory=dict)


class Travel:
    """Goes on a journey as often as it takes, each time from a copy of its start."""

    def __init__(self, env: Environment, killing: ProcessKiller, journey: Journey) -> None:
        self.env, self.killing, self.journey = env, killing, journey
        self.now = datetime.now(UTC)
        self.folder = env.servers.folder.with_name("case")
        for step in journey.before:
            self._take(env.servers.folder, step)
        self._received = self._take_received()
        undisturbed, self.whole = self.go(None)
        self.steps = undisturbed.steps

    def _take(self, folder: Path, step: Step, at: int | None = None, after: float | None = None) -> Ended:
        if step.data is not None:
            self.env.publish(step.data)
        daemon = step.command == ("run",)
        if daemon:
            _time_passes(folder)
        ended = self.killing.run(
            folder / "config.toml",
            *step.command,
            at=at,
            after=after,
            now=None if daemon else self.now,
            until_idle=daemon,
        )
        if daemon:
            self.now = datetime.now(UTC)  # what the daemon recorded is not in the future of the next command
        return ended

    def go(self, at: int | None) -> tuple[Ended, Found]:
        """Go on the journey, killed before a step or not at all; what must hold right after it does."""
        self._prepare()
        ended = self._take(self.folder, self.journey.killed, at)
        # A run may have a step or two less than the one they were counted in: an answer can come in one piece.
        assert ended.killed or at is None or len(ended.steps) < at, ended.output
        intact(self.folder)
        for step in self.journey.after:
            _time_passes(self.folder)
            done = self._take(self.folder, step)
            assert done.code == 0, done.output
        intact(self.folder)
        return ended, self._found()

    def _prepare(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.copytree(self.env.servers.folder, self.folder)
        for step in self.journey.before:
            if step.data is not None:
                self.env.publish(step.data)
        self._take_received()

    def _take_received(self) -> tuple[dict[str, Any], dict[str, str]]:
        stage = self.env.servers
        webhooks: dict[str, Any] = {}
        for body in stage.webhooks:
            assert webhooks.setdefault(body["id"], body) == body
        mails: dict[str, str] = {}
        for mail in stage.mails:
            text = mail.get_payload(0).get_payload()  # type: ignore[union-attr]
            assert mails.setdefault(str(mail["Message-ID"]), str(text)) == str(text)
        stage.webhooks.clear()
        stage.mails.clear()
        return webhooks, mails

    def _found(self) -> Found:
        store = self.folder / "history.db"
        outbox = [(row["id"], row["state"]) for row in rows(store, "outbox")["outbox"]]
        history = content_of(rows(store))
        webhooks, mails = self._take_received()
        if self.journey.killed.command == ("run",):
            history = [[_timeless(line) for line in table] for table in history]  # type: ignore[attr-defined]
            webhooks = {name: _timeless(json.dumps(body)) for name, body in webhooks.items()}
        return Found(history, sorted(outbox), webhooks, mails)


def _timeless(line: str) -> str:
    """A row without the times of a clock that went on."""
    return _TIME.sub("then", line)


def intact(folder: Path) -> None:
    """The database is whole and so is every snapshot."""
    if not (folder / "history.db").exists():
        return
    with closing(sqlite3.connect(folder / "history.db")) as plain:
        assert plain.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert plain.execute("PRAGMA foreign_key_check").fetchall() == []
    assert list(SnapshotArchive(folder / "snapshots").find_damage()) == []


def _time_passes(folder: Path) -> None:
    """Ten minutes pass, in which nobody renews a lease; a source is due again."""
    if not (folder / "history.db").exists():
        return
    with closing(sqlite3.connect(folder / "history.db")) as plain, plain:
        if plain.execute("SELECT 1 FROM sqlite_schema WHERE name = 'outbox'").fetchone():
            plain.execute("UPDATE outbox SET next_attempt = ? WHERE state = 'pending'", [LONG_AGO])
            plain.execute("UPDATE checks SET at = ?", [LONG_AGO])


@pytest.fixture
def env(tmp_path: Path) -> Iterator[Environment]:
    (tmp_path / "before").mkdir()
    with open_environment(tmp_path / "before") as made:
        config = made.servers.config
        config.write_text(f'{config.read_text("utf-8")}\n[daemon]\njitter = "0s"\n', "utf-8")
        yield made


def compare(travel: Travel, at: int) -> None:
    _, outcome = travel.go(at)
    where = f"killed before step {at} of {len(travel.steps)}, {travel.steps[at - 1]}"
    assert outcome.history == travel.whole.history, where
    assert outcome.outbox == travel.whole.outbox, where
    assert outcome.webhooks == travel.whole.webhooks, where
    assert outcome.mails == travel.whole.mails, where


def distinct(steps: Sequence[str]) -> list[int]:
    """The steps of a run of equal ones that make a difference: the first (the others are rolled back as it is)."""
    return [at for at in range(1, len(steps) + 1) if at == 1 or steps[at - 1] != steps[at - 2]]


def test_a_change_survives_a_kill_before_every_step_of_it(env: Environment, killing: ProcessKiller) -> None:
    travel = Travel(env, killing, CHANGED)
    assert {"connect", "sendall", "fsync", "rename", "BEGIN", "INSERT", "COMMIT", "recv_into"} <= set(travel.steps)
    assert (len(travel.whole.webhooks), len(travel.whole.mails)) == (1, 1)
    for at in distinct(travel.steps):
        compare(travel, at)


# A program that writes down the id of each message and the message itself.
PROGRAM = """#!/bin/sh
{ printf '%s ' "$WATCHER_DELIVERY"; cat; echo; } >> ran.log
"""
CHANNELS = """
[[channel]]
name = "log"
type = "file"
path = "log.jsonl"

[[channel]]
name = "run"
type = "command"
command = ["./notify"]
"""


def appended(folder: Path) -> dict[str, set[str]]:
    """Return what the file and the program received, by id; a message that came twice is the same."""
    log, ran = ((folder / name).read_text("utf-8").splitlines() for name in ("log.jsonl", "ran.log"))
    received: dict[str, set[str]] = {}
    for identifier, body in [*((json.loads(line)["id"], line) for line in log), *(line.split(" ", 1) for line in ran)]:
        assert json.loads(body)["id"] == identifier
        received.setdefault(identifier, set()).add(body)
    assert all(len(bodies) == 1 for bodies in received.values())
    return received


def test_a_file_and_a_program_receive_a_change_whatever_step_the_process_was_killed_at(
    env: Environment, killing: ProcessKiller
) -> None:
    folder = env.servers.folder
    (folder / "notify").write_text(PROGRAM)
    (folder / "notify").chmod(0o700)
    env.servers.config.write_text(env.servers.config.read_text("utf-8") + CHANNELS, "utf-8")
    travel = Travel(env, killing, CHANGED)
    whole = appended(travel.folder)
    assert len(whole) == 2
    sending = [at for at, step in enumerate(travel.steps, 1) if step in ("write", "Popen", "killpg")]
    assert {travel.steps[at - 1] for at in sending} == {"write", "Popen", "killpg"}
    # The step itself, and those that follow it: the sync of the file and the mark in the outbox.
    for at in sorted({at + more for at in sending for more in range(4) if at + more <= len(travel.steps)}):
        compare(travel, at)
        assert appended(travel.folder) == whole, travel.steps[at - 1]


@pytest.mark.parametrize("name", JOURNEYS)
def test_every_journey_survives_a_kill_before_some_of_its_steps(
    name: str, env: Environment, killing: ProcessKiller
) -> None:
    travel = Travel(env, killing, JOURNEYS[name])
    chance = random.Random(name)  # noqa: S311 - the same steps each time
    for at in sorted(chance.sample(range(1, len(travel.steps) + 1), min(5, len(travel.steps)))):
        compare(travel, at)


def import_travel(env: Environment, killing: ProcessKiller, folder: Path) -> Travel:
    """Go on a journey of a first import of three releases, which are one transaction, then a check."""
    folder.mkdir()
    for number, body in enumerate((FIRST, SECOND, THIRD)):
        (folder / f"{number}.xml").write_bytes(body)
    step = Step(("import", "ports", str(folder)))
    travel = Travel(env, killing, Journey((), step, (step, Step(CHECK, dated(4, tcp("d", "4"))))))
    assert travel.steps.count("rename") == len([*folder.iterdir()])
    assert len(travel.whole.webhooks) == 1
    return travel


def test_an_import_is_whole_or_not_there_whatever_step_of_its_end_it_was_killed_at(
    env: Environment, killing: ProcessKiller, tmp_path: Path
) -> None:
    travel = import_travel(env, killing, tmp_path / "old")
    renames = [at for at, step in enumerate(travel.steps, 1) if step == "rename"]
    commit = travel.steps.index("COMMIT", renames[-1]) + 1
    # Nothing has its name, one snapshot has, all have and the history none of them, all is done.
    for at, names in ((renames[0], 0), (renames[1], 1), (commit, 3), (commit + 1, 3)):
        travel._prepare()
        assert travel._take(travel.folder, travel.journey.killed, at).killed or at > len(travel.steps)
        assert len([*(travel.folder / "snapshots").rglob("*.zst")]) == names
        assert len(rows(travel.folder / "history.db", "releases")["releases"]) == (3 if at > commit else 0)
        compare(travel, at)


@pytest.mark.slow  # 11 s of CPU
def test_an_import_survives_a_kill_before_every_step_of_it(
    env: Environment, killing: ProcessKiller, tmp_path: Path
) -> None:
    travel = import_travel(env, killing, tmp_path / "old")
    for at in distinct(travel.steps):
        compare(travel, at)


@pytest.mark.parametrize("then", ["the next check", "a newer release", "a rebuild", "an import"])
def test_what_was_kept_and_not_committed_reaches_its_subscribers(
    then: str, env: Environment, killing: ProcessKiller
) -> None:
    travel = Travel(env, killing, CHANGED)
    commit = travel.steps.index("BEGIN", travel.steps.index("rename")) + 1
    travel._prepare()
    assert travel._take(travel.folder, CHANGED.killed, commit).killed
    left = [
        receipt
        for receipt in SnapshotArchive(travel.folder / "snapshots").list_snapshots("ports")
        if receipt.number == 1
    ]
    assert [receipt.accepted for receipt in left] == [True]
    assert len(rows(travel.folder / "history.db", "releases")["releases"]) == 1
    old = travel.folder / "old.xml"
    old.write_bytes(release(ROWS[:9], "2019-01-01"))
    steps = {
        "the next check": [],
        "a newer release": [Step(CHECK, THIRD)],
        "a rebuild": [Step(("rebuild",))],
        "an import": [Step(("import", "ports", str(old)))],
    }
    for step in [*steps[then], Step(CHECK)]:
        assert (done := travel._take(travel.folder, step)).code == 0, done.output
    outcome = travel._found()
    assert set(outcome.outbox) >= set(travel.whole.outbox)
    assert outcome.webhooks.keys() >= travel.whole.webhooks.keys()
    assert outcome.mails.keys() >= travel.whole.mails.keys()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["a change", *JOURNEYS])
def test_every_journey_survives_a_kill_before_every_step_of_it(
    name: str, env: Environment, killing: ProcessKiller
) -> None:
    travel = Travel(env, killing, {"a change": CHANGED, **JOURNEYS}[name])
    for at in range(1, len(travel.steps) + 1):
        compare(travel, at)


@dataclass(slots=True, kw_only=True)
class RandomKills:
    """The state of one store after many kills, and what its subscribers received in the end."""

    kills: int = 0
    died_at: Counter[str] = field(default_factory=Counter)
    releases: int = 0
    repeats: int = 0


_COMMANDS = [("check",), ("check",), ("check", "--no-deliver"), ("run",)]


def kill_at_random_moments(
    killed: Environment, undisturbed: Environment, killing: ProcessKiller, *, kills: int, seed: int
) -> RandomKills:
    """Kill checks and daemons at random moments until so many died; the store is the same all the time.

    A release is followed by the next one when the history has it, as if a registry waited for us.
    """
    chance, tally, published = random.Random(seed), RandomKills(), []  # noqa: S311 - the same moments each time
    folder = killed.servers.folder
    longest = dict.fromkeys(_COMMANDS, 0.4)  # seconds; soon those that a command takes, so that few end unharmed
    while tally.kills < kills:
        if not published or _has(folder, published[-1]):
            published.append(_next_release(published, chance))
            killed.publish(published[-1])
        if chance.random() < 0.5:
            _time_passes(folder)
        command, begin = chance.choice(_COMMANDS), time.monotonic()
        ended = killing.run(killed.servers.config, *command, after=chance.uniform(0.0, longest[command]))
        if ended.killed:
            tally.kills += 1
            tally.died_at[ended.steps[-1] if ended.steps else "nothing yet"] += 1
        else:
            longest[command] = min(longest[command], 1.1 * (time.monotonic() - begin))
        intact(folder)
    _settle(killed, killing, checks=2)
    for data in published:
        undisturbed.publish(data)
        _settle(undisturbed, killing)
    tally.releases = len(published)
    tally.repeats = len(killed.servers.webhooks) + len(killed.servers.mails)
    env, expected = (_told(environment) for environment in (killed, undisturbed))
    tally.repeats -= len(env[0]) + len(env[1])
    assert env == expected
    histories = [content_of(rows(environment.servers.folder / "history.db")) for environment in (killed, undisturbed)]
    first, second = ([[_timeless(str(line)) for line in table] for table in history] for history in histories)  # type: ignore[attr-defined]
    assert first == second
    return tally


def _has(folder: Path, data: bytes) -> bool:
    if not (folder / "history.db").exists():
        return False
    with closing(sqlite3.connect(folder / "history.db")) as plain:
        if not plain.execute("SELECT 1 FROM sqlite_schema WHERE name = 'snapshots'").fetchone():
            return False
        sha256 = hashlib.sha256(data).hexdigest()
        return plain.execute("SELECT 1 FROM snapshots WHERE sha256 = ?", [sha256]).fetchone() is not None


def _next_release(before: Sequence[bytes], chance: random.Random) -> bytes:
    """A release a day later, in which a few entries came, went and changed."""
    number = len(before)
    day = (date(2020, 1, 1) + timedelta(days=number)).isoformat()
    some = [
        tcp(f"e{n}", str(1000 + n), description=f"At {number // (n + 1)}") for n in range(12) if chance.random() < 0.9
    ]
    return release([*ROWS, *some, tcp(f"n{number}", str(5000 + number))], day)


def _settle(env: Environment, killing: ProcessKiller, *, checks: int = 1) -> None:
    for _ in range(checks):
        _time_passes(env.servers.folder)
        done = killing.run(env.servers.config, "check")
        assert done.code == 0, done.output
    intact(env.servers.folder)
    states = {row["state"] for row in env.rows("outbox")["outbox"]}
    assert states <= {"sent"}


def _told(env: Environment) -> tuple[dict[str, list[str]], dict[str, str]]:
    """Return what subscribers received, by id; messages with one id must be equal."""
    webhooks: dict[str, list[str]] = {}
    for body in env.servers.webhooks:
        events = [event["summary"] for event in body["data"]["events"]]
        assert webhooks.setdefault(body["id"], events) == events
    mails: dict[str, str] = {}
    for mail in env.servers.mails:
        assert mails.setdefault(str(mail["Message-ID"]), str(mail["Subject"])) == str(mail["Subject"])
    return webhooks, mails


@contextmanager
def two_environments(folder: Path) -> Iterator[tuple[Environment, Environment]]:
    """One to be killed in and one to be left alone."""
    for name in ("killed", "undisturbed"):
        (folder / name).mkdir()
    with open_environment(folder / "killed") as one, open_environment(folder / "undisturbed") as other:
        yield one, other


def test_fifteen_kills_at_random_moments_lose_nothing(tmp_path: Path, killing: ProcessKiller) -> None:
    with two_environments(tmp_path) as worlds:
        tally = kill_at_random_moments(*worlds, killing, kills=15, seed=50)
    assert (tally.kills, tally.died_at.total()) == (15, 15)


@pytest.mark.slow
def test_a_thousand_kills_at_random_moments_lose_nothing(tmp_path: Path, killing: ProcessKiller) -> None:
    with two_environments(tmp_path) as worlds:
        assert kill_at_random_moments(*worlds, killing, kills=1000, seed=1000).releases > 100
