"""A collection, the whole way: a tree of groups served over loopback, looked at by the real service."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.fetch.test_folder import lay
from tests.fetch.test_rsync import daemon, needs_rsync
from tests.support.environment import rows
from tests.support.fake_clock import FakeClock
from tests.support.index_server import INDEX, Tree, document, page, path, served
from watcher.cli.context import load_settings
from watcher.config.settings import CollectionSettings
from watcher.core.errors import UsageError
from watcher.monitor.index_ingest import CONFIRMING_CHECKS
from watcher.monitor.monitor import Monitor
from watcher.monitor.result import CheckResult, Outcome
from watcher.monitor.sweep import sweep

GROUPS = tuple(f"group-{number:02}" for number in range(12))
CONFIG = """
[fetch]
allow_private = true
min_interval = 0
[[source]]
name = "iana"
type = "collection"
index = "{url}{index}"
url = "{url}/assignments/{{group}}/{{group}}.xml"
every = "24h"
{more}
[[channel]]
name = "hook"
type = "webhook"
url = "{url}/hook"
secret = "env:NONE"
sources = ["iana*"]
"""


class Place:
    """A configured collection beside the tree it watches. Time moves a second with each look."""

    def __init__(self, tree: Tree, folder: Path, more: str = "") -> None:
        self.tree = tree
        self.folder = folder
        self.clock = FakeClock(datetime(2024, 1, 1, tzinfo=UTC))
        self.config = folder / "config.toml"
        self.config.write_text(CONFIG.format(url=tree.url, index=INDEX, more=more))
        self.config.chmod(0o600)

    @property
    def now(self) -> datetime:
        return self.clock.now()

    @now.setter
    def now(self, now: datetime) -> None:
        self.clock.set(now)

    @contextmanager
    def service(self) -> Iterator[Monitor]:
        with Monitor(load_settings(self.config), clock=self.clock) as made:
            yield made

    @property
    def settings(self) -> CollectionSettings:
        (found,) = load_settings(self.config).collections
        return found

    def look(self, *, due: bool = False) -> dict[str, CheckResult]:
        """Look at the index and at every group, or at those that are due."""
        self.clock.advance(timedelta(seconds=1))
        found = {}
        with self.service() as service:
            if (index := service.check_index(self.settings)) is not None:
                found["iana"] = index
            collection = service.collection(self.settings)
            chosen = collection.groups_due(self.clock.now()) if due else collection.groups()
            with sweep(service, self.settings, chosen) as checks:
                found |= {group.name: checks.check(group) for group in checks}
        return found

    def outcomes(self, *, due: bool = False) -> dict[str, Outcome]:
        return {name: taken.outcome for name, taken in self.look(due=due).items()}

    def rows(self, *tables: str) -> dict[str, list[dict[str, Any]]]:
        return rows(self.folder / "history.db", *tables)

    def told(self) -> list[tuple[str, str]]:
        """The events there are, by source."""
        database = self.rows("events", "releases", "sources")
        names = {source["id"]: source["name"] for source in database["sources"]}
        source = {release["id"]: names[release["source_id"]] for release in database["releases"]}
        return [(source[event["release_id"]], event["event"]) for event in database["events"]]


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Place]:
    with served(Tree()) as tree:
        tree.publish(*GROUPS)
        yield Place(tree, tmp_path)


def named(*groups: str) -> set[str]:
    return {f"iana.{group}" for group in groups}


def test_every_group_of_the_index_is_a_source_of_its_own(here: Place) -> None:
    found = here.outcomes()
    assert set(found) == {"iana", *named(*GROUPS)}
    assert set(found.values()) == {Outcome.BASELINE}
    releases = {row["name"] for row in here.rows("sources")["sources"]}
    assert releases == set(found)
    assert sorted(path.name for path in (here.folder / "snapshots").iterdir()) == sorted(found)
    assert here.told() == []


def test_a_look_at_an_unchanged_tree_is_one_conditional_request_a_group_and_a_row_of_checks(here: Place) -> None:
    many = tuple(f"many-{number}" for number in range(40))
    here.tree.publish(*many)
    here.look()
    here.tree.take()
    tables = ("sources", "snapshots", "releases", "versions", "changes", "events", "outbox")
    before, files = here.rows(*tables), sorted((here.folder / "snapshots").rglob("*"))
    assert set(here.outcomes().values()) == {Outcome.UNCHANGED}
    asked = here.tree.take()
    assert sorted(each.path for each in asked) == sorted([INDEX, *map(path, many)])
    assert all(each.conditional and each.status == 304 for each in asked)
    assert {each.connection for each in asked} == {asked[0].connection}
    assert here.rows(*tables) == before
    assert sorted((here.folder / "snapshots").rglob("*")) == files
    checks = here.rows("checks")["checks"][-len(asked) :]
    assert [check["outcome"] for check in checks] == ["unchanged"] * (len(many) + 1)


def test_what_changed_in_a_group_is_told_of_that_group(here: Place) -> None:
    here.look()
    here.tree.pages[path("group-07")] = document(
        "group-07", "Reserved", "First of group-07", "Second", updated="2024-01-02"
    )
    found = here.outcomes()
    assert {name for name, outcome in found.items() if outcome is Outcome.CHANGED} == {"iana.group-07"}
    assert here.told() == [("iana.group-07", "entry-added")]
    (delivery,) = here.rows("outbox")["outbox"]
    assert (delivery["channel"], delivery["source"]) == ("hook", "iana.group-07")


def test_a_new_group_is_news_once_and_is_watched_from_then_on(here: Place) -> None:
    here.look()
    here.tree.publish(*GROUPS, "newcomer")
    found = here.look()
    assert found["iana"].outcome is Outcome.CHANGED
    assert found["iana.newcomer"].outcome is Outcome.BASELINE
    here.look()
    assert here.told() == [("iana", "group-added")]
    assert [row["source"] for row in here.rows("outbox")["outbox"]] == ["iana"]


def test_a_vanished_group_is_news_once_after_three_reads_and_keeps_its_history(here: Place) -> None:
    here.look()
    here.tree.publish(*GROUPS[1:])
    for _ in range(CONFIRMING_CHECKS - 1):
        found = here.look()
        assert (found["iana"].outcome, found["iana"].reason) == (Outcome.HELD, "groups_absent")
        assert found["iana"].message == "not in the index: group-00"
        assert "iana.group-00" in found
    assert here.told() == []
    here.tree.take()
    found = here.look()
    assert found["iana"].outcome is Outcome.CHANGED
    assert "iana.group-00" not in found
    assert path("group-00") not in {each.path for each in here.tree.take()}
    for _ in range(CONFIRMING_CHECKS):
        here.look()
    assert here.told() == [("iana", "group-removed")]
    with here.service() as service:
        assert len(service.store.history.list_releases("iana.group-00")) == 1
        assert service.source("iana.group-00").name == "iana.group-00"


def test_a_group_that_comes_back_was_never_gone(here: Place) -> None:
    here.look()
    for _ in range(3):
        here.tree.publish(*GROUPS[1:])
        assert here.look()["iana"].outcome is Outcome.HELD
        assert here.look()["iana"].outcome is Outcome.HELD
        here.tree.publish(*GROUPS)
        assert here.look()["iana"].outcome is Outcome.UNCHANGED
    assert here.told() == []


def test_only_groups_absent_from_every_read_are_believed_to_be_gone(here: Place) -> None:
    here.look()
    for absent in (("group-00", "group-01"), ("group-00", "group-02")):
        here.tree.publish(*(group for group in GROUPS if group not in absent))
        assert here.look()["iana"].outcome is Outcome.HELD
    here.tree.publish(*(group for group in GROUPS if group not in ("group-00", "group-01")))
    assert here.look()["iana"].outcome is Outcome.HELD  # group-01 was there in the read before
    here.tree.publish(*GROUPS[1:])
    assert here.look()["iana"].outcome is Outcome.CHANGED
    assert here.told() == [("iana", "group-removed")]


def test_a_failed_read_of_the_index_is_no_read_and_stops_no_group(here: Place) -> None:
    here.look()
    here.tree.publish(*GROUPS[1:])
    here.look()
    here.tree.answers[INDEX] = (404, {})
    found = here.outcomes()
    assert found.pop("iana") is Outcome.FAILED
    assert found == dict.fromkeys(named(*GROUPS), Outcome.UNCHANGED)
    del here.tree.answers[INDEX]
    assert here.look()["iana"].outcome is Outcome.HELD
    assert here.look()["iana"].outcome is Outcome.CHANGED


def test_a_page_that_names_no_group_takes_none_away(here: Place) -> None:
    here.look()
    here.tree.pages[INDEX] = b"<!DOCTYPE html><html><h1>Maintenance</h1></html>"
    found = here.look()
    assert (found["iana"].outcome, found["iana"].reason) == (Outcome.FAILED, "not_expected_format")
    assert len(found) == len(GROUPS) + 1


def test_a_failing_group_stops_no_other(here: Place) -> None:
    here.look()
    here.tree.pages[path("group-03")] = b"<html>502</html>"
    here.tree.answers[path("group-04")] = (404, {})
    here.tree.pages[path("group-05")] = document("group-06")
    found = here.look()
    failed = {name: taken.reason for name, taken in found.items() if taken.outcome is Outcome.FAILED}
    assert failed == {
        "iana.group-03": "not_expected_format",
        "iana.group-04": "not_found",
        "iana.group-05": "wrong_registry",
    }
    assert len(found) == len(GROUPS) + 1


def test_a_group_that_moved_says_so_and_is_no_failure(here: Place) -> None:
    here.look()
    here.tree.pages[path("group-05")] = b'<redirect xmlns="http://www.iana.org/assignments" registry="group-06"/>'
    assert here.look()["iana.group-05"].outcome is Outcome.CHANGED


def test_a_server_that_asks_for_time_ends_the_sweep_and_the_rest_comes_first_in_the_next(here: Place) -> None:
    here.look()
    here.tree.answers[path("group-05")] = (429, {"Retry-After": "3600"})
    here.tree.take()
    found = here.look()
    assert found["iana.group-05"].reason == "retry_later"
    asked = [each.path for each in here.tree.take()]
    assert asked[-1] == path("group-05")
    assert len(asked) == len(found) < len(GROUPS)
    here.tree.answers.clear()
    rest = named(*GROUPS) - set(found)
    looked = list(here.look())[1:]
    assert set(looked[: len(rest)]) == rest


def test_recently_changed_groups_are_due_more_often(here: Place) -> None:
    here.tree.pages[path("group-01")] = document("group-01", updated="2023-12-20")
    here.tree.pages[path("group-02")] = document("group-02", updated="2023-06-01")
    here.look()
    seen: dict[str, list[int]] = {}
    for day in range(1, 9):
        here.clock.advance(timedelta(days=1))
        for name in here.look(due=True):
            seen.setdefault(name, []).append(day)
    assert seen.pop("iana") == seen.pop("iana.group-01") == list(range(1, 9))
    assert seen.pop("iana.group-02") == [2, 4, 6, 8]
    assert seen == {name: [4, 8] for name in named(*GROUPS) - named("group-01", "group-02")}


def test_a_group_that_we_saw_change_is_due_in_the_next_turn_whatever_its_date(here: Place) -> None:
    here.look()
    here.tree.pages[path("group-03")] = document("group-03", "Something else")  # the date of 2020 stays
    here.look()
    here.clock.advance(timedelta(days=1))
    assert set(here.look(due=True)) == {"iana", "iana.group-03"}


@pytest.mark.fault(37)
def test_ids_that_could_do_harm_are_left_out_and_reported(here: Place) -> None:
    here.tree.publish("good", "ip-over-IEEE1394", "_6lo", index=False)
    here.tree.pages[INDEX] = page(["good", "..", "%2e%2e", "a b", "GOOD", "ip-over-IEEE1394", "_6lo", "x" * 65])
    here.tree.take()
    found = here.look()
    # Of two that differ in case only, the first by name.
    assert set(found) == {"iana", "iana.good", "iana.ip-over-ieee1394", "iana._6lo"}
    assert path("ip-over-IEEE1394") in {each.path for each in here.tree.take()}
    with here.service() as service:
        state = service.collection(here.settings).state()
    assert sorted(state.refused) == ["%2e%2e", "..", "a b", "good", "x" * 65]


def test_globs_say_which_groups_are_watched(here: Place) -> None:
    made = Place(here.tree, here.folder, 'include = ["group-0?"]\nexclude = ["*-05"]')
    assert set(made.look()) == {"iana", *(named(*GROUPS[:10]) - named("group-05"))}


def test_a_group_is_found_by_name_and_a_slip_is_answered(here: Place) -> None:
    with here.service() as service:
        assert service.source("iana.anything").name == "iana.anything"  # nothing is known yet
    here.look()
    with here.service() as service:
        found = service.source("iana.Group-03")
        assert (found.name, found.registry) == ("iana.group-03", "iana")
        with pytest.raises(UsageError, match=r"no group 'group-3'; did you mean iana\.group-"):
            service.source("iana.group-3")
        assert service.source("iana.group-3", new=True).name == "iana.group-3"
        with pytest.raises(UsageError, match="cannot be a group's id"):
            service.source("iana...", new=True)


def test_the_group_of_the_ports_has_the_rules_of_the_ports(here: Place) -> None:
    with here.service() as service:
        assert service.source("iana.service-names-port-numbers").registry == "ports"


def test_a_collection_as_a_list_needs_no_index(here: Place) -> None:
    made = Place(here.tree, here.folder)
    text = made.config.read_text()
    made.config.write_text(text.replace(f'index = "{here.tree.url}{INDEX}"', 'groups = ["group-01", "group-02"]'))
    assert made.outcomes() == dict.fromkeys(named("group-01", "group-02"), Outcome.BASELINE)
    assert INDEX not in {each.path for each in here.tree.take()}
    made.clock.advance(timedelta(days=1))
    with made.service() as service:
        assert service.collection(made.settings).next_due(made.clock.now()) > made.clock.now()


def test_a_folder_is_a_collection(tmp_path: Path) -> None:
    with served(Tree()) as tree:
        made = Place(tree, tmp_path)
        text = made.config.read_text().replace("min_interval = 0", "allow_files = true")
        text = text.replace(f'index = "{tree.url}{INDEX}"', 'folder = "mirror"')
        made.config.write_text(
            "\n".join(line for line in text.splitlines() if not line.startswith('url = "http') or "hook" in line)
        )
        made.config.chmod(0o600)
        for group in ("a", "b"):
            (tmp_path / "mirror" / group).mkdir(parents=True)
            (tmp_path / "mirror" / group / f"{group}.xml").write_bytes(document(group))
        assert set(made.outcomes().values()) == {Outcome.BASELINE}
        before = made.rows("sources", "releases")
        assert made.outcomes() == dict.fromkeys(["iana", "iana.a", "iana.b"], Outcome.UNCHANGED)
        assert made.rows("sources", "releases") == before
        (tmp_path / "mirror" / "c.xml").write_bytes(document("c"))
        made.clock.advance(timedelta(days=1))
        assert made.outcomes(due=True) == {
            "iana": Outcome.CHANGED,
            "iana.a": Outcome.UNCHANGED,
            "iana.b": Outcome.UNCHANGED,
            "iana.c": Outcome.BASELINE,
        }
        assert made.told() == [("iana", "group-added")]


@needs_rsync
def test_an_rsync_module_is_a_collection(tmp_path: Path) -> None:
    with daemon(tmp_path) as module, served(Tree()) as tree:
        lay(module.path, "a", "b")
        made = Place(tree, tmp_path)
        text = made.config.read_text().replace(f'index = "{tree.url}{INDEX}"', f'rsync = "{module.url}"')
        made.config.write_text("\n".join(line for line in text.splitlines() if "{group}" not in line))
        assert made.outcomes() == dict.fromkeys(["iana", "iana.a", "iana.b"], Outcome.BASELINE)
        before = made.rows("sources", "releases")
        assert set(made.outcomes().values()) == {Outcome.UNCHANGED}
        assert made.rows("sources", "releases") == before
        (module.path / "a" / "a.xml").write_bytes(document("a", "Something else"))
        lay(module.path, "c")
        assert made.outcomes() == {
            "iana": Outcome.CHANGED,
            "iana.a": Outcome.CHANGED,
            "iana.b": Outcome.UNCHANGED,
            "iana.c": Outcome.BASELINE,
        }
        assert tree.take() == []
    assert made.look()["iana"].reason == "rsync"


def test_the_history_of_a_collection_is_derived_from_its_snapshots_again(here: Place) -> None:
    here.look()
    here.tree.publish(*GROUPS, "newcomer")
    here.look()
    before = here.told()
    with here.service() as service:
        for name in ("iana", "iana.group-00"):
            service.ingest(service.source(name)).rebuild()
    assert here.told() == before == [("iana", "group-added")]
