"""`watcher diff` of stored releases and of files, in every format."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import jsonschema
import lxml.html
import pytest

from tests.support.cli_fixtures import RunCli
from tests.support.comparison_schema import validate_comparison
from tests.support.group_releases import group, record, registry
from tests.support.port_releases import release, tcp
from watcher.cli.demo_servers import list_sample_releases

OLD, NEW = map(str, list_sample_releases()[:2])
FIRST, LAST = "2024-11-19", "2025-04-22"


def test_two_files_are_compared_without_configuration(run: RunCli) -> None:
    result = run("diff", OLD, NEW)
    assert result.code == 0
    assert "3062/tcp,udp assigned to tidepool (was absent)" in result.out
    assert "\x1b" not in result.out, "colours are for terminals"
    assert run("diff", "--exit-code", OLD, NEW).code == 1
    same = run("diff", "--exit-code", OLD, OLD)
    assert (same.code, "nothing changed" in same.out) == (0, True)


def test_json_follows_the_schema(run: RunCli, run_in_demo: RunCli) -> None:
    for result in (
        run("diff", OLD, NEW, "--format", "json"),
        run_in_demo("diff", "ports", FIRST, "2024-12-03", "--format", "json"),
    ):
        document = json.loads(result.out)
        validate_comparison(document)
        assert document["counts"]["added"] == 3
        assert {index for event in document["events"] for index in event["changes"]} <= set(
            range(len(document["changes"]))
        )
    fields = document["changes"][-1]["after"] or document["changes"][-1]["before"]
    assert document["old"]["published"] == FIRST
    assert fields is not None


def test_the_schema_refuses_damaged_documents(run: RunCli) -> None:
    document = json.loads(run("diff", OLD, NEW, "--format", "json").out)
    for damage in (
        lambda d: d.pop("counts"),
        lambda d: d["events"][0].update(severity="grave"),
        lambda d: d["changes"][0].update(more=1),
        lambda d: d["changes"][0]["key"].update(ordinal=0),
    ):
        damaged = json.loads(json.dumps(document))
        damage(damaged)
        with pytest.raises(jsonschema.ValidationError):
            validate_comparison(damaged)


def test_a_comparison_can_be_printed_in_every_format(run_in_demo: RunCli) -> None:
    rows = list(csv.DictReader(io.StringIO(run_in_demo("diff", "ports", FIRST, LAST, "--format", "csv").out)))
    document = json.loads(run_in_demo("diff", "ports", FIRST, LAST, "--format", "json").out)
    assert len(rows) >= len(document["changes"])
    page = lxml.html.fromstring(run_in_demo("diff", "ports", FIRST, LAST, "--format", "html").out)
    assert "3070/tcp assigned to harbor-link" in page.text_content()
    assert "| notice |" in run_in_demo("diff", "ports", FIRST, LAST, "--format", "md").out
    whole = run_in_demo("diff", "ports", FIRST, LAST, "--all").out
    assert len(whole) > len(run_in_demo("diff", "ports", FIRST, LAST).out)


def test_a_date_names_the_last_release_on_or_before_it(run_in_demo: RunCli) -> None:
    assert (
        run_in_demo("diff", "ports", "2024-11-20", "2024-12-31").out
        == run_in_demo("diff", "ports", FIRST, "2024-12-03").out
    )
    release_id = json.loads(run_in_demo("releases", "ports", "--format", "json").out)["releases"][1]["release"]
    sha256 = json.loads(run_in_demo("releases", "ports", "--format", "json").out)["releases"][0]["sha256"]
    assert (
        run_in_demo("diff", "ports", sha256[:10], release_id).out
        == run_in_demo("diff", "ports", FIRST, "2024-12-03").out
    )
    assert run_in_demo("diff", "ports", release_id).out == run_in_demo("diff", "ports", FIRST, "2024-12-03").out


def test_a_file_that_is_not_a_release_is_one_clear_line(run: RunCli, tmp_path: Path) -> None:
    (tmp_path / "page.xml").write_text("<html>502</html>")
    (tmp_path / "cut.xml").write_bytes(release([tcp("a", "1")])[:-20])
    for name, reason in (("page.xml", "a web page"), ("cut.xml", "not well-formed")):
        result = run("diff", name, OLD)
        assert (result.code, result.err.count("\n")) == (2, 1)
        assert f"{name}: line" in result.err
        assert reason in result.err


def test_files_of_any_registry_are_read_by_the_id_in_them(run: RunCli, tmp_path: Path) -> None:
    rows = [record("rfc1", value=str(number), description=f"n{number}") for number in range(3)]
    (tmp_path / "old.xml").write_bytes(group(registry("r", *rows[:2])))
    (tmp_path / "new.xml").write_bytes(group(registry("r", *rows), updated="2020-02-01"))
    result = run("diff", str(tmp_path / "old.xml"), str(tmp_path / "new.xml"))
    assert result.out.startswith("toy-parameters  2020-01-01 → 2020-02-01    1 added")
    assert "entry-added" in result.out
    (tmp_path / "old.csv").write_text("code,name\n1,one\n")
    (tmp_path / "new.csv").write_text("code,name\n1,one\n2,two\n")
    result = run("diff", "--key", "code", str(tmp_path / "old.csv"), str(tmp_path / "new.csv"))
    assert "2 two added" in result.out
    assert run("diff", "--key", "x", str(tmp_path / "old.csv"), str(tmp_path / "new.csv")).code == 2
