"""`watcher sources` and `watcher events` list what there is."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from tests.support.cli_fixtures import RunCli
from tests.support.index_server import INDEX, IndexServer, serve_index
from watcher.registries.catalog import event_ids
from watcher.registries.event_meanings import MEANINGS


def test_every_event_has_a_meaning() -> None:
    assert {*MEANINGS} == event_ids()
    assert all(meaning and meaning[0].islower() and not meaning.endswith(".") for meaning in MEANINGS.values())


def test_events_are_listed_with_severity_meaning_and_number(run_in_demo: RunCli) -> None:
    rows = {row["id"]: row for row in json.loads(run_in_demo("events", "--format", "json").out)["events"]}
    assert {*rows} == event_ids()
    events = json.loads(run_in_demo("history", "--format", "json").out)["events"]
    numbers = {name: sum(event["id"] == name for event in events) for name in rows}
    assert {name: row["events"] for name, row in rows.items()} == numbers
    assert sum(numbers.values()) == len(events) > 0
    assert sum(row["also"] for row in rows.values()) == sum(len(event["also"]) for event in events)
    assert rows["service-moved"]["severity"] == "warning"
    assert rows["reference-published"]["registries"] == ["ports", "iana", "language-subtags"]
    table = run_in_demo("events", "service-m*").out.splitlines()
    assert table[0].split() == ["ID", "SEVERITY", "EVENTS", "ALSO", "REGISTRIES", "MEANING"]
    assert [line.split()[0] for line in table[1:]] == ["service-moved"]
    cells = list(csv.DictReader(io.StringIO(run_in_demo("events", "--format", "csv").out)))
    assert {row["id"]: row["meaning"] for row in cells} == MEANINGS


def test_the_severity_of_the_configuration_is_shown(run: RunCli, tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text('[severity]\n"contact-updated" = "notice"\n')
    (row,) = json.loads(run("events", "contact-updated", "--format", "json").out)["events"]
    assert (row["severity"], row["events"]) == ("notice", 0)
    assert not (tmp_path / "history.db").exists()


def test_sources_are_listed_with_their_url_registry_and_last_release(run_in_demo: RunCli) -> None:
    (row,) = json.loads(run_in_demo("sources", "--format", "json").out)["sources"]
    last = json.loads(run_in_demo("releases", "ports", "--format", "json").out)["releases"][-1]
    assert row["url"].endswith("/service-names-port-numbers.xml")
    assert (row["source"], row["registry"], row["releases"]) == ("ports", "ports", 6)
    assert {name: row[name] for name in ("release", "published", "observed", "entries")} == {
        name: last[name] for name in ("release", "published", "observed", "entries")
    }
    assert run_in_demo("sources").out.splitlines()[1].split()[:4] == ["ports", "ports", "6", "2025-04-22"]
    assert run_in_demo("sources", "--format", "csv").out.startswith("source,registry,releases,published,entries,url\n")


@pytest.mark.parametrize("pattern", ["iana.a*", "*alpha"])
def test_groups_of_a_collection_and_former_sources_are_sources_too(run: RunCli, tmp_path: Path, pattern: str) -> None:
    with serve_index(IndexServer()) as tree:
        tree.publish("alpha", "beta")
        config = tmp_path / "config.toml"
        collection = (
            f'[fetch]\nallow_private = true\nmin_interval = 0\n[[source]]\nname = "iana"\ntype = "collection"\n'
            f'index = "{tree.url}{INDEX}"\nurl = "{tree.url}/assignments/{{group}}/{{group}}.xml"\n'
        )
        config.write_text(collection)
        assert [line.split()[0] for line in run("sources").out.splitlines()[1:]] == ["iana"]
        assert not (tmp_path / "history.db").exists()
        assert run("check").code == 0
    rows = json.loads(run("sources", "--format", "json").out)["sources"]
    assert [(row["source"], row["registry"]) for row in rows] == [
        ("iana", "collection"), ("iana.alpha", "iana"), ("iana.beta", "iana"),
    ]  # fmt: skip
    assert rows[0]["url"] == f"{tree.url}{INDEX}"
    assert rows[1]["url"] == f"{tree.url}/assignments/alpha/alpha.xml"
    (row,) = json.loads(run("sources", pattern, "--format", "json").out)["sources"]
    assert row == rows[1]
    config.write_text('[[source]]\nname = "ports"\nurl = "https://example.org/ports.xml"\n')
    rows = json.loads(run("sources", "--format", "json").out)["sources"]
    assert [(row["source"], row["url"] is None, row["releases"]) for row in rows] == [
        ("iana", True, 1), ("iana.alpha", True, 1), ("iana.beta", True, 1), ("ports", False, 0),
    ]  # fmt: skip
