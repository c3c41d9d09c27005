"""A release that some later step cannot take never counts as accepted, and nothing after it suffers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from tests.support import group_releases
from tests.support.environment import rows
from tests.support.port_releases import release, tcp
from tests.support.raw_sql import connection
from tests.support.run_cli import run_command
from tests.support.table_source import NAME, TableSource
from watcher.monitor import release_reader
from watcher.monitor.candidate import Candidate
from watcher.monitor.result import Outcome

DAYS = ("2024-01-01", "2024-02-01", "2024-03-01")
DIGITS = "9" * 5000


def ports(day: str, *services: tuple[str, str]) -> bytes:
    return release([tcp("kept", "1"), *(tcp(name, port) for name, port in services)], day)


def codes(day: str, *values: str) -> bytes:
    records = [group_releases.record("rfc1", value=value, description=f"code {number}")
               for number, value in enumerate(("1", *values))]  # fmt: skip
    return group_releases.group(group_releases.registry("r", *records), updated=day)


@pytest.mark.fault(69)
@pytest.mark.parametrize("number", ["9" * 20, DIGITS, f"{DIGITS}-{DIGITS}", f"1-{'9' * 20}", "-1", f"{DIGITS} to -1"])
@pytest.mark.parametrize("registry", ["ports", "iana"])
def test_a_number_of_any_length_is_a_text(tmp_path: Path, registry: str, number: str) -> None:
    source = TableSource(folder=tmp_path / "watched", settings={"registry": registry, "format": "xml"})
    first, second, third = (
        [ports(DAYS[0]), ports(DAYS[1], ("b", number)), ports(DAYS[2], ("c", "3"))]
        if registry == "ports"
        else [codes(DAYS[0]), codes(DAYS[1], number), codes(DAYS[2], "3")]
    )
    outcomes = [source.check(data).outcome for data in (first, second, third)]
    assert outcomes == [Outcome.BASELINE, Outcome.CHANGED, Outcome.CHANGED]
    before = source.history()
    assert run_command(source.config, "rebuild").returncode == 0
    assert run_command(source.config, "verify", "--history").returncode == 0
    assert source.history() == before
    files = [tmp_path / f"{day}.xml" for day in DAYS]
    for file, data in zip(files, (first, second, third), strict=True):
        file.write_bytes(data)
    imported = TableSource(folder=tmp_path / "imported", settings=source.settings)
    assert run_command(imported.config, "import", NAME, *map(str, files)).returncode == 0
    assert len(rows(imported.folder / "history.db", "releases")["releases"]) == 3


@contextmanager
def unable_to_judge(word: str) -> Iterator[None]:
    """Make the rules raise an unforeseen error for a release that has a word."""
    explain = release_reader.explain

    def explain_or_raise(registry: Any, old: Any, new: Any, *more: Any) -> Any:
        if any(word in item.fields.values() for item in new.items.values()):
            raise ZeroDivisionError(word)
        return explain(registry, old, new, *more)

    with mock.patch.object(release_reader, "explain", explain_or_raise):
        yield


@pytest.fixture
def source(tmp_path: Path) -> TableSource:
    made = TableSource(folder=tmp_path / "source", settings={"registry": "ports", "format": "xml"})
    made.check(ports(DAYS[0]))
    return made


@pytest.mark.fault(69)
def test_a_release_that_cannot_be_judged_is_a_failed_check_and_in_no_table(source: TableSource) -> None:
    before, files = source.history(), list(source.folder.rglob("*.zst"))
    with unable_to_judge("poison"):
        for _ in range(3):
            result = source.check(ports(DAYS[1], ("poison", "2")))
            assert (result.outcome, result.reason) == (Outcome.FAILED, "internal")
            assert "ZeroDivisionError: poison" in (result.message or "")
            assert len(source.subjects()) == 1, "at once, and once"
        assert source.history() == before
        assert list(source.folder.rglob("*.zst")) == files
        assert len(source.subjects()) == 1
        assert "ZeroDivisionError" in run_command(source.config, "status").stdout
        assert "the checks of all sources fail" in run_command(source.config, "status", "--check").stdout
        assert source.check(ports(DAYS[2], ("c", "3"))).outcome is Outcome.CHANGED
        assert len(source.subjects()) == 3, "the alert, and one notice that checks succeed again"
        refused = run_command(source.config, "import", NAME, str(write(source, ports(DAYS[1], ("poison", "2")))))
        assert refused.returncode == 1
        assert "ZeroDivisionError: poison" in refused.stderr
        assert run_command(source.config, "rebuild").stdout == "t: 2 releases\n"
    assert source.check(ports("2024-04-01", ("poison", "2"))).outcome is Outcome.CHANGED


def write(source: TableSource, data: bytes) -> Path:
    path = source.folder / "import.xml"
    path.write_bytes(data)
    return path


@pytest.mark.fault(69)
@pytest.mark.parametrize("fixed", [False, True])
def test_a_snapshot_that_a_killed_check_left_and_that_cannot_be_judged_is_named_and_left_out(
    source: TableSource, fixed: bool
) -> None:
    with source.monitor() as monitor:
        candidate = Candidate(
            data=ports(DAYS[1], ("poison", "2")), origin="x", observed="2026-01-05T11:00:00Z", live=True
        )
        monitor.ingest(monitor.settings.registries[0])._recorder.store_bytes(candidate, near=None)
        sha256 = candidate.sha256
    with unable_to_judge("poison"):
        assert source.check(ports(DAYS[2], ("c", "3"))).outcome is Outcome.CHANGED
        assert len(rows(source.folder / "history.db", "releases")["releases"]) == 2
        verified = run_command(source.config, "verify", "--history")
        assert verified.returncode == 1
        assert f"t/{sha256}.zst: is no release: unforeseen error: ZeroDivisionError: poison" in verified.stderr
        assert f"snapshot {sha256[:12]} is no release" in run_command(source.config, "doctor").stdout
        rebuilt = run_command(source.config, "rebuild")
        assert (rebuilt.returncode, rebuilt.stdout) == (1, "t: 2 releases\n")
        assert f"t: snapshot {sha256[:12]} is left out: " in rebuilt.stderr
        assert source.check().outcome is Outcome.UNCHANGED
    if fixed:
        assert re.sub("[0-9a-f]{12}", "ID", run_command(source.config, "rebuild").stdout) == (
            f"t: 3 releases\nt: the release ID of {DAYS[1]} is in the history now, inserted without alerts: "
            "a later release was alerted, or it was imported\n"
        )
        assert len(source.subjects()) == 1
    else:
        assert run_command(source.config, "reject", NAME, sha256[:12]).returncode == 0
        assert run_command(source.config, "rebuild").stdout == "t: 2 releases\n"
    assert run_command(source.config, "verify", "--history").returncode == 0


def leave_in_archive(source: TableSource, data: bytes, observed: str) -> str:
    """Store a snapshot as a check does that is killed before it records the release; return its SHA-256."""
    with source.monitor() as monitor:
        candidate = Candidate(data=data, origin="x", observed=observed, live=True)
        monitor.ingest(monitor.settings.registries[0])._recorder.store_bytes(candidate, near=None)
    return candidate.sha256


@pytest.mark.fault(69)
@pytest.mark.parametrize("options", [(), ("--events",)])
def test_releases_that_a_newer_version_can_judge_are_alerted_once_in_order_by_a_rebuild(
    source: TableSource, options: tuple[str, ...]
) -> None:
    with unable_to_judge("poison"):
        leave_in_archive(source, ports(DAYS[1], ("poison", "2")), "2026-01-05T11:00:00Z")
        leave_in_archive(source, ports(DAYS[2], ("poison", "2"), ("c", "3")), "2026-01-05T12:00:00Z")
        assert source.check(ports(DAYS[0])).outcome is Outcome.UNCHANGED
        refused = run_command(source.config, "rebuild", *options)
        assert refused.returncode == 1
        assert refused.stderr.count("is left out: unforeseen error: ZeroDivisionError: poison") == 2
        assert source.subjects() == []
    rebuilt = run_command(source.config, "rebuild", *options)
    assert rebuilt.returncode == 0
    assert re.findall(r"of (\S+) is in the history now; its alerts are queued", rebuilt.stdout) == [*DAYS[1:]]
    alerts = source.subjects()
    assert alerts == ["t: 2/tcp assigned to poison (was absent)", "t: 3/tcp assigned to c (was absent)"]
    for command in (("rebuild",), ("rebuild", "--events")):
        assert "history now" not in run_command(source.config, *command).stdout
    assert source.check(ports(DAYS[2], ("poison", "2"), ("c", "3"))).outcome is Outcome.UNCHANGED
    assert source.subjects() == alerts


@pytest.mark.fault(69)
def test_a_release_that_one_version_left_out_of_the_history_is_not_alerted_again_by_the_next(
    source: TableSource,
) -> None:
    assert source.check(ports(DAYS[1], ("poison", "2"))).outcome is Outcome.CHANGED
    before, alerts = source.history(), source.subjects()
    assert len(alerts) == 1
    with unable_to_judge("poison"):
        assert run_command(source.config, "rebuild").returncode == 1
        assert source.history() != before
    with source.monitor() as monitor:
        connection(monitor.store).execute("DELETE FROM outbox")
    rebuilt = run_command(source.config, "rebuild").stdout
    assert "in the history now, without alerts: it was imported, or was in the history before" in rebuilt
    assert source.history() == before
    assert source.subjects() == []
