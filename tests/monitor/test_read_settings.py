"""Settings that decide how a release is read are changed after the baseline: the history is derived again."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import structlog

from tests.support.environment import rows
from tests.support.old_history import to_version_1
from tests.support.port_releases import release, tcp
from tests.support.run_cli import run_command
from tests.support.table_source import NAME, TableSource, table
from watcher.cli.context import load_settings
from watcher.config.settings import SourceSettings
from watcher.core.read_settings import ReadSettings
from watcher.daemon.daemon import Daemon
from watcher.monitor.candidate import Candidate
from watcher.monitor.monitor import Monitor
from watcher.monitor.result import CheckResult, Outcome
from watcher.reports.release_diff import compare_releases
from watcher.store.store import Store

OLD = table("project,count,note", "boto3,1000,a", "requests,993,b", "six,965,c", "numpy,986,d")
MID = table("project,count,note", "boto3,1001,a", "requests,993,b", "six,979,c", "numpy,986,e")
NEW = table("project,count,note", "boto3,1001,a", "requests,990,b", "seven,979,c", "numpy,986,e")

CHANGES = {
    "key": {"key": ["count"]},
    "renames": {"renames": True},
    "title": {"title": ["note"]},
    "ignore": {"ignore": ["count"]},
    "header": {"key": None, "header": False},
    "columns": {"key": None, "columns": ["name", "downloads", "remark"]},
}


def make(folder: Path, *releases: bytes, **settings: Any) -> TableSource:
    source = TableSource(folder=folder, settings={"key": ["project"], "hold": None})
    source.configure(**settings)
    for data in releases:
        assert source.check(data).outcome in (Outcome.BASELINE, Outcome.CHANGED)
    return source


def summaries(result: CheckResult) -> list[str]:
    return [event.summary for event in result.comparison.events] if result.comparison else []


@pytest.mark.fault(77)
@pytest.mark.parametrize("setting", ["key", "renames", "title", "ignore", "header", "columns"])
def test_a_changed_setting_gives_the_history_that_it_would_have_given(tmp_path: Path, setting: str) -> None:
    source = make(tmp_path / "changed", OLD, MID, NEW)
    before, sent = source.history(), source.subjects()
    checks = rows(source.folder / "history.db", "checks")["checks"]
    back = {name: source.settings.get(name) for name in CHANGES[setting]}

    source.configure(**CHANGES[setting])
    result = source.check()
    assert result.outcome is Outcome.UNCHANGED
    assert result.rederivation is not None
    assert result.rederivation.releases == 3
    assert result.rederivation.changes[0].startswith(next(iter(CHANGES[setting])))
    assert source.history() == make(tmp_path / "fresh", OLD, MID, NEW, **CHANGES[setting]).history()
    assert source.subjects()[: len(sent)] == sent
    assert [subject for subject in source.subjects() if subject not in sent] == source.subjects()[len(sent) :]
    assert len(source.subjects()) == len(sent) + 1, "one notice, and no alert of the past"
    assert "settings changed" in source.subjects()[-1]
    assert source.check().rederivation is None

    source.configure(**back)
    assert source.check().rederivation is not None
    assert source.history() == before
    assert len(source.subjects()) == len(sent) + 2
    again = rows(source.folder / "history.db", "checks")["checks"]
    assert [row["release_id"] is None for row in again[:3]] == [row["release_id"] is None for row in checks]


@pytest.mark.fault(77)
def test_a_release_served_with_new_settings_is_compared_with_the_one_before_read_with_them(tmp_path: Path) -> None:
    source = make(tmp_path, OLD, key=None)
    source.configure(key=["project"])
    result = source.check(MID)
    assert result.outcome is Outcome.CHANGED
    assert result.rederivation is not None
    assert summaries(result) == [
        "boto3: count 1000 → 1001", "numpy: note d → e", "six: count 965 → 979"
    ]  # fmt: skip


@pytest.mark.fault(77)
def test_a_format_and_rules_that_cannot_read_a_stored_release_are_refused_and_reported_once(tmp_path: Path) -> None:
    source = make(tmp_path, OLD, MID)
    before, sent = source.history(), source.subjects()
    for settings, why in (
        ({"key": ["nope"]}, 'key: ["project"] → ["nope"]'),
        ({"format": "json"}, 'format: "csv" → "json"'),
        ({"columns": ["a", "b"], "key": None}, "columns: unset"),
    ):
        back = {name: source.settings.get(name) for name in settings}
        source.configure(**settings)
        for _ in range(3):
            result = source.check()
            assert (result.outcome, result.reason) == (Outcome.FAILED, "settings")
            assert why in (result.message or "")
            assert "change them back" in (result.message or "")
            assert len(source.subjects()) == len(sent) + 1, "at once, and once"
        assert source.history() == before
        assert len(source.subjects()) == len(sent) + 1, "told once"
        status = run_command(source.config, "status")
        assert "failed" in status.stdout
        assert why in status.stdout
        assert "the checks of all sources fail" in run_command(source.config, "status", "--check").stdout
        rebuild = run_command(source.config, "rebuild")
        assert rebuild.returncode == 2
        assert "cannot be applied" in rebuild.stderr
        source.configure(**back)
        assert source.check().outcome is Outcome.UNCHANGED
        assert source.history() == before
        sent = source.subjects()
        assert "checks succeed again" in sent[-1]


@pytest.mark.fault(77)
def test_other_rules_give_the_history_that_they_would_have_given(tmp_path: Path) -> None:
    series = [release([tcp("a", "1"), tcp("b", port)], day) for port, day in (("2", "2024-01-01"), ("3", "2024-02-01"))]
    settings: dict[str, Any] = {"key": None, "format": "xml", "registry": "ports"}
    source = make(tmp_path / "changed", *series, **settings)
    before = source.history()
    source.configure(registry="iana")
    assert source.check().rederivation is not None
    assert source.history() == make(tmp_path / "fresh", *series, **{**settings, "registry": "iana"}).history()
    source.configure(registry="ports")
    assert source.check().rederivation is not None
    assert source.history() == before


@pytest.mark.fault(77)
def test_another_url_with_another_table_is_held_and_with_the_same_changes_nothing(tmp_path: Path) -> None:
    served = table("project,count,note", *(f"project {number},{number},x" for number in range(60)))
    source = make(tmp_path, served)
    before = source.history()
    other = tmp_path / "other.csv"
    other.write_bytes(served)
    source.configure(url=other.as_uri())
    assert source.check().outcome is Outcome.UNCHANGED
    other.write_bytes(table("project,count,note", *(f"other {number},{number},x" for number in range(9))))
    assert source.check().outcome is Outcome.HELD
    other.write_bytes(table("error,code", "gateway,502"))
    assert source.check().reason == "no_key"
    assert source.history() == before


@pytest.mark.fault(77)
def test_a_daemon_that_was_not_reloaded_does_not_take_back_what_a_command_applied(tmp_path: Path) -> None:
    source = make(tmp_path, OLD, MID)
    stale = load_settings(source.config)
    source.configure(key=["count"])
    source.check()
    applied = source.history()
    daemon = Daemon(
        stale,
        lambda settings: Monitor(settings, clock=source.clock),
        source.clock,
        load=lambda: load_settings(source.config),
    )
    with structlog.testing.capture_logs() as logs:
        for _ in range(2):
            daemon.jobs.check_source(stale.registries[0])
    assert [log["outcome"] for log in logs if log["event"] == "checked"] == ["failed", "failed"]
    assert sum("reload the daemon" in json.dumps(row) for row in rows(tmp_path / "history.db", "outbox")["outbox"]) == 1
    assert source.history() == applied


def test_status_and_config_check_say_what_is_pending_and_what_was_done(tmp_path: Path) -> None:
    source = make(tmp_path, OLD, MID)
    assert "settings changed" not in run_command(source.config, "status").stdout
    source.configure(key=["count"])
    for command in ("status", "config check"):
        assert (
            'settings changed (key: ["project"] → ["count"]); the next check'
            in run_command(source.config, *command.split()).stdout
        )
    assert "verify it after the next check" in run_command(source.config, "verify", "--history").stderr
    checked = run_command(source.config, "check", "--no-deliver")
    assert checked.stdout.startswith('t: settings changed (key: ["project"] → ["count"]); the history of 2 releases')
    assert "history derived again at" in run_command(source.config, "status", "--all").stdout
    assert "was derived again at" in run_command(source.config, "config", "check").stdout
    assert run_command(source.config, "verify", "--history").returncode == 0


def test_a_kill_while_a_history_is_derived_again_leaves_it_as_it_was(tmp_path: Path) -> None:
    source = make(tmp_path, OLD, MID, NEW)
    before = source.history()
    source.configure(key=["count"])
    for steps in (1, 3, 4, 6):
        if (child := os.fork()) == 0:
            with source.monitor() as monitor:
                monitor.check(
                    monitor.settings.registries[0],
                    lambda done, total: os._exit(9) if done == steps else None,  # noqa: ARG005, B023
                )
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
        assert source.history() == before
    assert source.check().rederivation is not None


def test_a_release_that_a_killed_check_left_is_alerted_under_the_new_settings(tmp_path: Path) -> None:
    source = make(tmp_path, OLD)
    with source.monitor() as monitor:
        ingest = monitor.ingest(monitor.settings.registries[0])
        candidate = Candidate(data=MID, origin="x", observed="2026-01-05T11:00:00Z", live=True)
        ingest._recorder.store_bytes(candidate, near=None)
    source.configure(title=["note"])
    source.served.write_bytes(MID)
    result = source.check()
    assert result.outcome is Outcome.CHANGED
    assert "settings changed" in source.subjects()[0]
    assert len(source.subjects()) == 2


def test_a_history_of_a_version_that_recorded_no_settings_is_derived_again_only_if_it_differs(tmp_path: Path) -> None:
    source = make(tmp_path, OLD, MID)
    to_version_1(tmp_path / "history.db")
    assert source.check().rederivation is None
    with Store(tmp_path / "history.db") as store:
        assert store.history.read_settings(NAME)
    to_version_1(tmp_path / "history.db")
    source.configure(key=["count"])
    result = source.check()
    assert result.rederivation is not None
    assert result.rederivation.changes == ()
    fresh = make(tmp_path / "fresh", OLD, MID, key=["count"])
    assert source.history() == fresh.history()


@pytest.mark.parametrize("renames", [False, True])
def test_distant_releases_are_compared_by_the_declared_key_as_neighbours_are(tmp_path: Path, renames: bool) -> None:
    series = [
        table("id,vendor,title", *(f"C-{number},Acme {number},Title {number} {release if number % 3 else 0}"
              for number in range(release, release + 12)))
        for release in range(4)
    ]  # fmt: skip
    series.append(series[-1].replace(b"C-5,", b"D-5,"))
    settings: dict[str, Any] = {"key": ["id"], "renames": renames, "title": ["title"], "ignore": ["vendor"]}
    far = make(tmp_path / "far", *series, **settings)
    for first in range(len(series) - 2):
        near = make(tmp_path / f"near-{first}", series[first], series[-1], **settings)
        with far.monitor() as one, near.monitor() as other:
            releases = one.store.history.list_releases(NAME)
            ours = compare_releases(one.store.history, {}, NAME, releases[first].release.id, releases[-1].release.id)
            theirs = compare_releases(other.store.history, {}, NAME)
        assert ours.changes == theirs.changes
        assert [event.summary for event in ours.events] == [event.summary for event in theirs.events]
        assert any(change.before is not None and change.after is not None and change.before.key != change.after.key
                   for change in ours.changes.changes) is renames  # fmt: skip


def test_a_release_that_new_settings_cannot_read_can_be_taken_out_of_the_history(tmp_path: Path) -> None:
    error_page = table("error,note", "gateway,502", "timeout,504")
    source = make(tmp_path, error_page, key=None)
    assert source.check(OLD).outcome is Outcome.CHANGED
    source.configure(key=["project"])
    assert source.check(MID).reason == "settings"
    page = rows(tmp_path / "history.db", "releases")["releases"][0]["content"][:12]
    assert "no held release" in run_command(source.config, "reject", NAME, page).stderr
    rejected = run_command(source.config, "reject", NAME, page, "--from-history")
    assert rejected.stdout.startswith(f"t: {page} is in no history; its snapshot stays in the archive; `watcher accept")
    result = source.check()
    assert (result.outcome, len(summaries(result))) == (Outcome.CHANGED, 3)
    assert len(rows(tmp_path / "history.db", "releases")["releases"]) == 2
    assert run_command(source.config, "rebuild").stdout == "t: 2 releases\n"
    source.configure(key=None)
    assert source.check(error_page).reason == "rejected"


def test_every_setting_of_a_source_is_one_that_reading_depends_on_or_is_not() -> None:
    names = set(ReadSettings.__struct_fields__)
    independent = {"name", "type", "url", "every", "enabled", "also", "also_format", "hold", "health"}
    assert set(SourceSettings.model_fields) == independent | names, (
        "add the setting to core/read_settings.py if a stored release is read differently with it"
    )
    defaults = {name: SourceSettings.model_fields[name].default for name in names}
    assert ReadSettings(**defaults) == ReadSettings()


@pytest.mark.parametrize(
    ("served", "settings", "guess"),
    [
        (b"Code,Name\n1,a\n2,b\n", {}, "; the first row was taken for titles (header is not set)"),
        (b"alpha\nbeta\n", {}, "; the first row was taken for an entry (header is not set)"),
        (b"Code,Name\n1,a\n2,b\n", {"header": True}, ""),
        (b"1,a\n2,b\n", {"columns": ["n", "t"]}, ""),
        (b"alpha\nbeta\n", {"format": "lines"}, ""),
    ],
)
def test_the_baseline_says_what_its_first_row_was_taken_for(
    tmp_path: Path, served: bytes, settings: dict[str, Any], guess: str
) -> None:
    source = TableSource(folder=tmp_path, settings=settings)
    assert source.check(served).key.partition(" (chosen from the rows)")[2] == guess
    assert source.check(served).key == ""
