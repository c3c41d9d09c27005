"""Collections on the command line: one line in the status, one summary of a check, every group by its name."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.cli_fixtures import RunCli
from tests.support.index_server import INDEX, IndexServer, group_path, group_xml, index_page, serve_index

GROUPS = ("alpha", "beta", "gamma")
CONFIG = """
[fetch]
allow_private = true
min_interval = 0
[[source]]
name = "iana"
type = "collection"
index = "{url}{index}"
url = "{url}/assignments/{{group}}/{{group}}.xml"
"""


@pytest.fixture
def tree(tmp_path: Path) -> Iterator[IndexServer]:
    with serve_index(IndexServer()) as made:
        made.publish(*GROUPS)
        config = tmp_path / "config.toml"
        config.write_text(CONFIG.format(url=made.url, index=INDEX))
        config.chmod(0o600)
        yield made


def test_a_check_of_a_collection_prints_changes_and_a_summary(run: RunCli, tree: IndexServer) -> None:
    first = run("check", "iana")
    assert (first.code, first.err) == (0, "")
    assert re.fullmatch(
        r"iana: baseline recorded: release of \d{4}-\d\d-\d\d \(seen\), 3 entries; key: group \(declared\)\n"
        r"iana: 3 groups: 3 baseline\n",
        first.out,
    )
    tree.pages[group_path("beta")] = group_xml("beta", "Reserved", "First of beta", "Second", updated="2020-02-02")
    tree.answers[group_path("gamma")] = (404, {})
    second = run("check")
    assert second.code == 1
    assert "iana.beta  2020-01-01 → 2020-02-02    1 added" in second.out
    assert second.out.splitlines()[-1] == "iana: 3 groups: 1 changed, 1 failed, 1 unchanged"
    assert "iana.alpha" not in second.out
    assert second.err == "iana.gamma: check failed (not_found): HTTP status 404\n"


def test_a_check_in_json_has_the_index_and_every_group(run: RunCli, tree: IndexServer) -> None:
    rows = json.loads(run("check", "--format", "json").out)["checks"]
    assert [(row["source"], row["outcome"]) for row in rows] == [
        ("iana", "baseline"),
        *((f"iana.{group}", "baseline") for group in GROUPS),
    ]


def test_one_group_can_be_checked_by_its_name(run: RunCli, tree: IndexServer) -> None:
    run("check")
    tree.take_requests()
    result = run("check", "iana.beta")
    assert (result.code, result.out) == (0, "iana.beta: unchanged\n")
    assert [request.path for request in tree.take_requests()] == [group_path("beta")]
    slip = run("check", "iana.betta")
    assert slip.code == 2
    assert "did you mean 'iana.beta'?" in slip.err
    assert tree.take_requests() == []


def test_groups_whose_server_asked_to_wait_are_counted(run: RunCli, tree: IndexServer) -> None:
    tree.answers[group_path("alpha")] = (503, {"Retry-After": "600"})
    result = run("check")
    assert result.code == 1
    assert result.out.splitlines()[-1] == ("iana: 3 groups: 1 failed; 2 not checked: their server asked to wait")


@pytest.mark.fault(34)
def test_invalid_group_ids_are_reported_with_visible_characters(run: RunCli, tree: IndexServer) -> None:
    tree.pages[INDEX] = index_page([*GROUPS, "a b", "\x1b[31mred"])
    result = run("check")
    assert "iana: 'a b' is not a valid group id and is left out" in result.err
    assert "\x1b" not in result.err + result.out


def test_a_collection_is_one_line_of_the_status_with_its_failing_groups(run: RunCli, tree: IndexServer) -> None:
    assert run("status").out.splitlines()[1].split()[:2] == ["iana", "0"]
    run("check")
    tree.answers[group_path("gamma")] = (404, {})
    run("check")
    result = run("status").out
    lines = [line.split()[0] for line in result.split("\n\n", 1)[0].splitlines()[1:]]
    assert lines == ["iana", "iana.gamma"]
    assert "iana.gamma: not_found: HTTP status 404" in result
    assert "iana: 3 groups, 1 failing, all checked since " in result
    everything = run("status", "--all").out.split("\n\n", 1)[0].splitlines()[1:]
    assert [line.split()[0] for line in everything] == ["iana", *(f"iana.{group}" for group in GROUPS)]


def test_the_status_in_json_has_a_summary_of_a_collection(run: RunCli, tree: IndexServer) -> None:
    tree.answers[group_path("alpha")] = (503, {"Retry-After": "600"})
    run("check")
    report = json.loads(run("status", "--format", "json").out)
    (collection,) = report["collections"]
    assert collection == {
        "source": "iana",
        "groups": 3,
        "failing": ["iana.alpha"],
        "never_checked": 2,
        "left_out": [],
        "last_full_sweep": None,
    }
    assert [row["source"] for row in report["sources"]] == ["iana", "iana.alpha"]


def test_a_collection_with_listed_groups_has_no_index(run: RunCli, tree: IndexServer, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text(config.read_text().replace(f'index = "{tree.url}{INDEX}"', 'groups = ["alpha", "beta"]'))
    assert "never checked" in run("status").out
    assert run("check").out == "iana: 2 groups: 2 baseline\n"
    (row,) = json.loads(run("status", "--format", "json").out)["sources"]
    assert (row["entries"], row["outcome"], row["failures"]) == (2, "a list", 0)
    assert row["last_check"]


def test_a_missing_folder_is_one_failed_check(run: RunCli, tree: IndexServer, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    text = config.read_text().replace(f'index = "{tree.url}{INDEX}"', 'folder = "gone"')
    text = text.replace("min_interval = 0", "allow_files = true")
    config.write_text("\n".join(line for line in text.splitlines() if "{group}" not in line))
    result = run("check")
    assert (result.code, result.out) == (1, "")
    assert result.err == f"iana: check failed (file_missing): {tmp_path}/gone: no such folder\n"


def test_commands_accept_a_group_as_a_source(run: RunCli, tree: IndexServer) -> None:
    run("check")
    tree.pages[group_path("beta")] = group_xml("beta", "Reserved", "First of beta", "Second", updated="2020-02-02")
    run("check")
    assert "entry-added" in run("diff", "iana.beta", "2020-01-01", "2020-02-02").out
    assert len(run("releases", "iana.beta").out.splitlines()) == 3
    assert "entry-added" in run("history", "iana.beta").out
    assert run("verify", "iana.beta").code == 0


def _lay(folder: Path, *documents: tuple[str, bytes]) -> Path:
    for name, data in documents:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def test_a_folder_of_documents_is_imported_into_their_groups(
    run: RunCli,
    tree: IndexServer,
    tmp_path: Path,
) -> None:
    old = _lay(
        tmp_path / "old",
        ("2016-01/beta.xml", group_xml("beta", "early", updated="2016-01-01")),
        ("2016-02/beta.xml", group_xml("beta", "early", "later", updated="2016-02-01")),
        ("2016-02/IEEE-x.xml", group_xml("IEEE-x", "one", updated="2016-02-01")),
        ("2016-02/gamma.xml", group_xml("beta", "under another name", updated="2016-02-02")),
        ("2016-02/a b.xml", b"no id of a group"),
        ("index/2016.html", index_page(["beta", "IEEE-x"])),
    )
    result = run("import", "iana", str(old), "--format", "json")
    report = json.loads(result.out)
    assert (result.code, sum(report["taken"].values())) == (1, 4)
    assert [refusal["origin"] for refusal in report["refused"]] == [str(old / "2016-02" / "gamma.xml")]
    assert "2016-02-01" in run("releases", "iana.ieee-x").out
    assert "2016-01-01" in run("releases", "iana.beta").out
    assert (
        run("import", "iana", str(old / "2016-01"), str(old / "2016-02" / "IEEE-x.xml")).out
        == "iana: 2 already present\n"
    )


def test_a_folder_without_a_document_of_a_group_is_an_error(run: RunCli, tree: IndexServer, tmp_path: Path) -> None:
    old = _lay(tmp_path / "old", ("a b.xml", b"no id of a group"))
    result = run("import", "iana", str(old))
    assert (result.code, "GROUP.xml" in result.err) == (2, True)


def test_a_folder_of_a_repository_is_imported_commit_by_commit(run: RunCli, tree: IndexServer, tmp_path: Path) -> None:
    place = tmp_path / "mirror"

    def git(*arguments: str) -> None:
        named = ("-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "commit.gpgsign=false")
        subprocess.run(["git", "-C", str(place), *named, *arguments], check=True, capture_output=True)

    place.mkdir()
    git("init", "--quiet")
    for number, values in enumerate((("one",), ("one", "two"))):
        day = f"2016-0{number + 1}-01"
        _lay(
            place,
            ("assignments/beta.xml", group_xml("beta", *values, updated=day)),
            ("assignments/deep/delta.xml", group_xml("delta", *values, updated=day)),
            ("elsewhere/beta.xml", group_xml("beta", *values, "never", updated=day)),
            ("assignments/readme.txt", day.encode()),
        )
        git("add", "-A")
        git("commit", "--quiet", "-m", day)
    assert run("import", "iana", f"git:{place}:assignments/").out.startswith("iana: ")
    for group in ("beta", "delta"):
        rows = json.loads(run("releases", f"iana.{group}", "--format", "json").out)["releases"]
        assert [row["published"] for row in rows][:2] == ["2016-01-01", "2016-02-01"]
    assert run("import", "iana", f"git:{place}:/").code == 0
    result = run("import", "iana", f"git:{place}:nowhere/")
    assert (result.code, "no commit of this repository has a file in nowhere/" in result.err) == (2, True)


def test_an_old_release_of_a_group_can_be_imported(run: RunCli, tree: IndexServer, tmp_path: Path) -> None:
    run("check")
    old = tmp_path / "old.xml"
    old.write_bytes(group_xml("beta", "Reserved", updated="2019-01-01"))
    assert run("import", "iana.beta", str(old)).out == "iana.beta: 1 inserted in date order\n"
    assert run("import", "iana.never-listed", str(old)).code == 1  # it is another group's
    assert "entry-added" in run("history", "iana.beta").out


def test_a_rebuild_includes_the_index_and_every_group(run: RunCli, tree: IndexServer) -> None:
    run("check")
    assert run("rebuild").out.splitlines() == [
        "iana: 1 releases",
        *(f"iana.{group}: 1 releases" for group in GROUPS),
    ]


def test_an_unknown_name_is_answered_with_the_similar_one_or_a_few_known_ones(run: RunCli, tree: IndexServer) -> None:
    tree.publish(*(f"group-{number}" for number in range(20)))
    run("check")
    error = "watcher: error: there is no history of a source named"
    assert run("releases", "iana.grup-7").err == f"{error} 'iana.grup-7'; did you mean 'iana.group-7'?\n"
    assert run("history", "--source", "iana.grup-7", "iana").err == run("releases", "iana.grup-7").err
    result = run("releases", "xyz").err
    assert result.startswith(f"{error} 'xyz'; known: iana, iana.group-0, ")
    assert result.count("iana.") < 15
    assert result.endswith(" more\n")


def test_sources_of_a_question_are_names_and_globs(run: RunCli, tree: IndexServer) -> None:
    tree.publish("alpha", "beta")
    run("check")
    tree.publish("alpha", "beta", "gamma")
    for name in ("alpha", "beta"):
        tree.pages[group_path(name)] = group_xml(name, "Reserved", f"First of {name}", "Second", updated="2020-02-01")
    run("check")
    sources = [row["source"] for row in json.loads(run("history", "iana*", "--format", "json").out)["events"]]
    assert sources
    single = [json.loads(run("history", name, "--format", "json").out)["events"] for name in ("iana", "iana.alpha")]
    both = json.loads(run("history", "iana", "--source", "iana.alph?", "--format", "json").out)["events"]
    assert sorted(map(str, both)) == sorted(str(event) for events in single for event in events)
    assert "no matching" not in run("history", "iana.b*", "iana").out
    result = run("history", "iana.x*")
    assert (result.code, result.out) == (2, "")
    assert "no history of a source named 'iana.x*'" in result.err
