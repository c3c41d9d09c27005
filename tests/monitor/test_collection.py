"""A collection with real servers: a tree of groups is served over loopback and checked by a real monitor."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.fetch.test_folder import lay
from tests.fetch.test_rsync import daemon, needs_rsync
from tests.support.collection_environment import GROUPS, CollectionEnvironment
from tests.support.index_server import INDEX, IndexServer, group_path, group_xml, index_page, serve_index
from watcher.core.errors import UsageError
from watcher.monitor.index_ingest import CONFIRMING_CHECKS
from watcher.monitor.result import CheckResult, Outcome


@pytest.fixture
def env(tmp_path: Path) -> Iterator[CollectionEnvironment]:
    with serve_index(IndexServer()) as tree:
        tree.publish(*GROUPS)
        yield CollectionEnvironment(tree, tmp_path)


def named(*groups: str) -> set[str]:
    return {f"iana.{group}" for group in groups}


def test_every_group_of_the_index_is_a_source_of_its_own(env: CollectionEnvironment) -> None:
    by_source = env.outcomes()
    assert set(by_source) == {"iana", *named(*GROUPS)}
    assert set(by_source.values()) == {Outcome.BASELINE}
    releases = {row["name"] for row in env.rows("sources")["sources"]}
    assert releases == set(by_source)
    assert sorted(path.name for path in (env.folder / "snapshots").iterdir()) == sorted(by_source)
    assert env.stored_events() == []


def test_a_check_of_an_unchanged_tree_is_one_conditional_request_a_group_and_a_row_of_checks(
    env: CollectionEnvironment,
) -> None:
    many = tuple(f"many-{number}" for number in range(40))
    env.tree.publish(*many)
    env.check_all()
    env.tree.take_requests()
    tables = ("sources", "snapshots", "releases", "versions", "changes", "events", "outbox")
    before, files = env.rows(*tables), sorted((env.folder / "snapshots").rglob("*"))
    assert set(env.outcomes().values()) == {Outcome.UNCHANGED}
    requests = env.tree.take_requests()
    assert sorted(request.path for request in requests) == sorted([INDEX, *map(group_path, many)])
    assert all(request.conditional and request.status == 304 for request in requests)
    assert {request.connection for request in requests} == {requests[0].connection}
    assert env.rows(*tables) == before
    assert sorted((env.folder / "snapshots").rglob("*")) == files
    checks = env.rows("checks")["checks"][-len(requests) :]
    assert [check["outcome"] for check in checks] == ["unchanged"] * (len(many) + 1)


def test_a_change_in_a_group_is_an_event_of_that_group(env: CollectionEnvironment) -> None:
    env.check_all()
    env.tree.pages[group_path("group-07")] = group_xml(
        "group-07", "Reserved", "First of group-07", "Second", updated="2024-01-02"
    )
    by_source = env.outcomes()
    assert {name for name, outcome in by_source.items() if outcome is Outcome.CHANGED} == {"iana.group-07"}
    assert env.stored_events() == [("iana.group-07", "entry-added")]
    (delivery,) = env.rows("outbox")["outbox"]
    assert (delivery["channel"], delivery["source"]) == ("hook", "iana.group-07")


def test_a_new_group_is_news_once_and_is_watched_from_then_on(env: CollectionEnvironment) -> None:
    env.check_all()
    env.tree.publish(*GROUPS, "newcomer")
    outcomes = env.check_all()
    assert outcomes["iana"].outcome is Outcome.CHANGED
    assert outcomes["iana.newcomer"].outcome is Outcome.BASELINE
    env.check_all()
    assert env.stored_events() == [("iana", "group-added")]
    assert [row["source"] for row in env.rows("outbox")["outbox"]] == ["iana"]


def test_a_vanished_group_is_news_once_after_three_reads_and_keeps_its_history(env: CollectionEnvironment) -> None:
    env.check_all()
    env.tree.publish(*GROUPS[1:])
    for _ in range(CONFIRMING_CHECKS - 1):
        outcomes = env.check_all()
        assert (outcomes["iana"].outcome, outcomes["iana"].reason) == (Outcome.HELD, "groups_absent")
        assert outcomes["iana"].message == "not in the index: group-00"
        assert "iana.group-00" in outcomes
    assert env.stored_events() == []
    env.tree.take_requests()
    outcomes = env.check_all()
    assert outcomes["iana"].outcome is Outcome.CHANGED
    assert "iana.group-00" not in outcomes
    assert group_path("group-00") not in {request.path for request in env.tree.take_requests()}
    for _ in range(CONFIRMING_CHECKS):
        env.check_all()
    assert env.stored_events() == [("iana", "group-removed")]
    with env.service() as service:
        assert len(service.store.history.list_releases("iana.group-00")) == 1
        assert service.source("iana.group-00").name == "iana.group-00"


def test_a_group_missing_from_one_index_and_back_in_the_next_was_never_removed(env: CollectionEnvironment) -> None:
    env.check_all()
    for _ in range(3):
        env.tree.publish(*GROUPS[1:])
        assert env.check_all()["iana"].outcome is Outcome.HELD
        assert env.check_all()["iana"].outcome is Outcome.HELD
        env.tree.publish(*GROUPS)
        assert env.check_all()["iana"].outcome is Outcome.UNCHANGED
    assert env.stored_events() == []


def test_only_groups_missing_from_every_check_are_removed(env: CollectionEnvironment) -> None:
    env.check_all()
    for absent in (("group-00", "group-01"), ("group-00", "group-02")):
        env.tree.publish(*(group for group in GROUPS if group not in absent))
        assert env.check_all()["iana"].outcome is Outcome.HELD
    env.tree.publish(*(group for group in GROUPS if group not in ("group-00", "group-01")))
    assert env.check_all()["iana"].outcome is Outcome.HELD  # group-01 was there in the read before
    env.tree.publish(*GROUPS[1:])
    assert env.check_all()["iana"].outcome is Outcome.CHANGED
    assert env.stored_events() == [("iana", "group-removed")]


def page_of(*groups: str) -> bytes:
    return index_page([*GROUPS, *groups])


def check_index(env: CollectionEnvironment, page: bytes) -> CheckResult:
    env.tree.pages[INDEX] = page
    env.clock.advance(timedelta(seconds=1))
    with env.service() as service:
        result = service.check_index(env.settings)
    assert result is not None
    return result


@pytest.mark.fault(79)
@pytest.mark.parametrize("odd", [("x, y",), ("a b", "], [", "\u3164", "not in the index: group-00")])
def test_groups_that_once_had_odd_names_are_removed_after_three_reads(
    env: CollectionEnvironment, odd: tuple[str, ...]
) -> None:
    env.tree.pages[INDEX] = page_of(*odd)
    env.check_all()
    env.tree.publish(*GROUPS)
    assert [env.check_all()["iana"].outcome for _ in range(3)] == [Outcome.HELD, Outcome.HELD, Outcome.CHANGED]
    env.tree.publish(*GROUPS, "newcomer")
    assert env.check_all()["iana.newcomer"].outcome is Outcome.BASELINE


@pytest.mark.fault(79)
def test_an_index_that_once_named_hundreds_is_settled_and_its_message_is_short(env: CollectionEnvironment) -> None:
    assert check_index(env, page_of(*(f"made-{number}" for number in range(500)))).outcome is Outcome.BASELINE
    results = [check_index(env, page_of()) for _ in range(3)]
    assert [result.outcome for result in results] == [Outcome.HELD, Outcome.HELD, Outcome.CHANGED]
    assert str(results[0].message).endswith(", made-114, made-115 and 480 more")


@pytest.mark.fault(79)
def test_the_operator_can_accept_an_index_without_groups_at_once(env: CollectionEnvironment) -> None:
    env.check_all()
    env.tree.publish(*GROUPS[1:], "newcomer")
    held = env.check_all()["iana"]
    assert held.hold is not None
    with env.service() as service:
        source = service.source("iana")
        assert service.ingest(source).decisions.accept(held.hold.id).outcome is Outcome.CHANGED
    outcomes = env.check_all()
    assert (outcomes["iana"].outcome, outcomes["iana.newcomer"].outcome) == (Outcome.UNCHANGED, Outcome.BASELINE)


@pytest.mark.fault(79)
def test_an_older_index_is_accepted_after_three_reads_too(env: CollectionEnvironment) -> None:
    env.check_all()
    env.tree.publish(*GROUPS, "passing")
    env.check_all()
    env.tree.publish(*GROUPS)
    assert [env.check_all()["iana"].outcome for _ in range(3)] == [Outcome.STALE, Outcome.STALE, Outcome.CHANGED]


def test_a_failed_read_of_the_index_is_no_read_and_stops_no_group(env: CollectionEnvironment) -> None:
    env.check_all()
    env.tree.publish(*GROUPS[1:])
    env.check_all()
    env.tree.answers[INDEX] = (404, {})
    by_source = env.outcomes()
    assert by_source.pop("iana") is Outcome.FAILED
    assert by_source == dict.fromkeys(named(*GROUPS), Outcome.UNCHANGED)
    del env.tree.answers[INDEX]
    assert env.check_all()["iana"].outcome is Outcome.HELD
    assert env.check_all()["iana"].outcome is Outcome.CHANGED


def test_a_page_that_names_no_group_takes_none_away(env: CollectionEnvironment) -> None:
    env.check_all()
    env.tree.pages[INDEX] = b"<!DOCTYPE html><html><h1>Maintenance</h1></html>"
    outcomes = env.check_all()
    assert (outcomes["iana"].outcome, outcomes["iana"].reason) == (Outcome.FAILED, "not_expected_format")
    assert len(outcomes) == len(GROUPS) + 1


def test_a_failing_group_stops_no_other(env: CollectionEnvironment) -> None:
    env.check_all()
    env.tree.pages[group_path("group-03")] = b"<html>502</html>"
    env.tree.answers[group_path("group-04")] = (404, {})
    env.tree.pages[group_path("group-05")] = group_xml("group-06")
    outcomes = env.check_all()
    failed = {name: result.reason for name, result in outcomes.items() if result.outcome is Outcome.FAILED}
    assert failed == {
        "iana.group-03": "not_expected_format",
        "iana.group-04": "not_found",
        "iana.group-05": "wrong_registry",
    }
    assert len(outcomes) == len(GROUPS) + 1


def test_a_document_may_spell_the_id_of_its_group_in_capitals(env: CollectionEnvironment) -> None:
    env.tree.pages[group_path("group-05")] = group_xml("GROUP-05")  # IANA's uuid bears the id UUID
    assert env.check_all()["iana.group-05"].outcome is Outcome.BASELINE


def test_a_group_that_moved_says_so_and_is_no_failure(env: CollectionEnvironment) -> None:
    env.check_all()
    env.tree.pages[group_path("group-05")] = b'<redirect xmlns="http://www.iana.org/assignments" registry="group-06"/>'
    assert env.check_all()["iana.group-05"].outcome is Outcome.CHANGED


def test_a_server_that_asks_for_time_ends_the_sweep_and_the_rest_comes_first_in_the_next(
    env: CollectionEnvironment,
) -> None:
    env.check_all()
    env.tree.answers[group_path("group-05")] = (429, {"Retry-After": "3600"})
    env.tree.take_requests()
    outcomes = env.check_all()
    assert outcomes["iana.group-05"].reason == "retry_later"
    requests = [request.path for request in env.tree.take_requests()]
    assert requests[-1] == group_path("group-05")
    assert len(requests) == len(outcomes) < len(GROUPS)
    env.tree.answers.clear()
    rest = named(*GROUPS) - set(outcomes)
    looked = list(env.check_all())[1:]
    assert set(looked[: len(rest)]) == rest


def test_recently_changed_groups_are_due_more_often(env: CollectionEnvironment) -> None:
    env.tree.pages[group_path("group-01")] = group_xml("group-01", updated="2023-12-20")
    env.tree.pages[group_path("group-02")] = group_xml("group-02", updated="2023-06-01")
    env.check_all()
    seen: dict[str, list[int]] = {}
    for day in range(1, 9):
        env.clock.advance(timedelta(days=1))
        for name in env.check_all(due=True):
            seen.setdefault(name, []).append(day)
    assert seen.pop("iana") == seen.pop("iana.group-01") == list(range(1, 9))
    assert seen.pop("iana.group-02") == [2, 4, 6, 8]
    assert seen == {name: [4, 8] for name in named(*GROUPS) - named("group-01", "group-02")}


def test_a_group_that_a_check_saw_change_is_due_in_the_next_sweep_whatever_its_date(env: CollectionEnvironment) -> None:
    env.check_all()
    env.tree.pages[group_path("group-03")] = group_xml("group-03", "Something else")  # the date of 2020 stays
    env.check_all()
    env.clock.advance(timedelta(days=1))
    assert set(env.check_all(due=True)) == {"iana", "iana.group-03"}


@pytest.mark.fault(37)
def test_ids_that_could_do_harm_are_left_out_and_reported(env: CollectionEnvironment) -> None:
    env.tree.publish("good", "ip-over-IEEE1394", "_6lo", index=False)
    env.tree.pages[INDEX] = index_page(["good", "..", "%2e%2e", "a b", "GOOD", "ip-over-IEEE1394", "_6lo", "x" * 65])
    env.tree.take_requests()
    outcomes = env.check_all()
    # Two ids differ only in case: the first by name is watched.
    assert set(outcomes) == {"iana", "iana.good", "iana.ip-over-ieee1394", "iana._6lo"}
    assert group_path("ip-over-IEEE1394") in {request.path for request in env.tree.take_requests()}
    with env.service() as service:
        state = service.collection(env.settings).state()
    assert sorted(state.refused) == ["%2e%2e", "..", "a b", "good", "x" * 65]


def test_globs_say_which_groups_are_watched(env: CollectionEnvironment) -> None:
    made = CollectionEnvironment(env.tree, env.folder, 'include = ["group-0?"]\nexclude = ["*-05"]')
    assert set(made.check_all()) == {"iana", *(named(*GROUPS[:10]) - named("group-05"))}


def test_a_group_is_found_by_name_and_a_slip_is_answered(env: CollectionEnvironment) -> None:
    with env.service() as service:
        assert service.source("iana.anything").name == "iana.anything"  # nothing is known yet
    env.check_all()
    with env.service() as service:
        group = service.source("iana.Group-03")
        assert (group.name, group.registry) == ("iana.group-03", "iana")
        with pytest.raises(UsageError, match=r"no group 'group-3'; did you mean 'iana\.group-"):
            service.source("iana.group-3")
        assert service.source("iana.group-3", new=True).name == "iana.group-3"
        with pytest.raises(UsageError, match="cannot be a group's id"):
            service.source("iana...", new=True)


def test_the_group_of_the_ports_has_the_rules_of_the_ports(env: CollectionEnvironment) -> None:
    with env.service() as service:
        assert service.source("iana.service-names-port-numbers").registry == "ports"


def test_a_collection_as_a_list_needs_no_index(env: CollectionEnvironment) -> None:
    made = CollectionEnvironment(env.tree, env.folder)
    text = made.config.read_text()
    made.config.write_text(text.replace(f'index = "{env.tree.url}{INDEX}"', 'groups = ["group-01", "group-02"]'))
    assert made.outcomes() == dict.fromkeys(named("group-01", "group-02"), Outcome.BASELINE)
    assert INDEX not in {request.path for request in env.tree.take_requests()}
    made.clock.advance(timedelta(days=1))
    with made.service() as service:
        assert service.collection(made.settings).next_due(made.clock.now()) > made.clock.now()


def test_a_folder_is_a_collection(tmp_path: Path) -> None:
    with serve_index(IndexServer()) as tree:
        made = CollectionEnvironment(tree, tmp_path)
        text = made.config.read_text().replace("min_interval = 0", "allow_files = true")
        text = text.replace(f'index = "{tree.url}{INDEX}"', 'folder = "mirror"')
        made.config.write_text(
            "\n".join(line for line in text.splitlines() if not line.startswith('url = "http') or "hook" in line)
        )
        made.config.chmod(0o600)
        for group in ("a", "b"):
            (tmp_path / "mirror" / group).mkdir(parents=True)
            (tmp_path / "mirror" / group / f"{group}.xml").write_bytes(group_xml(group))
        assert set(made.outcomes().values()) == {Outcome.BASELINE}
        before = made.rows("sources", "releases")
        assert made.outcomes() == dict.fromkeys(["iana", "iana.a", "iana.b"], Outcome.UNCHANGED)
        assert made.rows("sources", "releases") == before
        (tmp_path / "mirror" / "c.xml").write_bytes(group_xml("c"))
        made.clock.advance(timedelta(days=1))
        assert made.outcomes(due=True) == {
            "iana": Outcome.CHANGED,
            "iana.a": Outcome.UNCHANGED,
            "iana.b": Outcome.UNCHANGED,
            "iana.c": Outcome.BASELINE,
        }
        assert made.stored_events() == [("iana", "group-added")]


@needs_rsync
def test_an_rsync_module_is_a_collection(tmp_path: Path) -> None:
    with daemon(tmp_path) as module, serve_index(IndexServer()) as tree:
        lay(module.path, "a", "b")
        made = CollectionEnvironment(tree, tmp_path)
        text = made.config.read_text().replace(f'index = "{tree.url}{INDEX}"', f'rsync = "{module.url}"')
        made.config.write_text("\n".join(line for line in text.splitlines() if "{group}" not in line))
        assert made.outcomes() == dict.fromkeys(["iana", "iana.a", "iana.b"], Outcome.BASELINE)
        before = made.rows("sources", "releases")
        assert set(made.outcomes().values()) == {Outcome.UNCHANGED}
        assert made.rows("sources", "releases") == before
        (module.path / "a" / "a.xml").write_bytes(group_xml("a", "Something else"))
        lay(module.path, "c")
        assert made.outcomes() == {
            "iana": Outcome.CHANGED,
            "iana.a": Outcome.CHANGED,
            "iana.b": Outcome.UNCHANGED,
            "iana.c": Outcome.BASELINE,
        }
        assert tree.take_requests() == []
    assert made.check_all()["iana"].reason == "rsync"


def test_the_history_of_a_collection_is_derived_from_its_snapshots_again(env: CollectionEnvironment) -> None:
    env.check_all()
    env.tree.publish(*GROUPS, "newcomer")
    env.check_all()
    before = env.stored_events()
    with env.service() as service:
        for name in ("iana", "iana.group-00"):
            service.ingest(service.source(name)).rebuild()
    assert env.stored_events() == before == [("iana", "group-added")]
