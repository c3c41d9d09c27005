"""`watcher deadlines` and the life of an entry in `watcher show`, from imported files."""

from __future__ import annotations

import json
from pathlib import Path

import icalendar
import pytest

from tests.support.cli_fixtures import RunCli
from tests.support.group_releases import group, record, registry

CONFIG = '[[source]]\nname = "toy"\nregistry = "iana"\nurl = "https://example.org/toy.xml"\n'
SINCE = "TEMPORARY - registered 2022-03-23"
RELEASES = (
    ("2022-04-01", record("draft-toy", value="7", name=f"foo ({SINCE}, expires 2023-03-23)")),
    (
        "2023-03-01",
        record("draft-toy", value="7", name=f"foo ({SINCE}, extension registered 2023-02-13, expires 2024-03-23)"),
    ),
    ("2023-12-01", record("RFC-toy-03", value="7", name="foo")),
    ("2024-06-01", record("rfc9999", value="7", name="foo")),
    ("2025-06-01", record("rfc9999", value="7", name="foo (deprecated)")),
    ("2026-06-01", record("rfc1", value="8", name="bar")),
)


@pytest.fixture
def run_toy(run: RunCli, tmp_path: Path) -> RunCli:
    (tmp_path / "config.toml").write_text(CONFIG)

    def publish_and_run(number: int, *arguments: str) -> tuple[int, str, str]:
        for day, row in RELEASES[:number]:
            path = tmp_path / f"{day}.xml"
            path.write_bytes(group(registry("toys", row, record("rfc2", value="9", name="other")), updated=day))
            assert run("import", "toy", str(path)).code == 0
        return run(*arguments)

    return publish_and_run


def test_the_list_marks_what_has_expired(run_toy: RunCli) -> None:
    code, out, _ = run_toy(2, "deadlines")
    lines = out.splitlines()
    assert code == 0
    assert lines[0].split() == ["UNTIL", "STATE", "SINCE", "SOURCE", "REGISTRY", "VALUE", "NAME"]
    assert lines[1].split() == ["2024-03-23", "expired", "2022-03-23", "toy", "toys", "7", "foo"]
    assert lines[-1] == "1 early allocation, 1 expired"


def test_the_calendar_is_read_by_another_implementation(run_toy: RunCli) -> None:
    _, out, _ = run_toy(2, "deadlines", "toy", "--format", "ics")
    calendar = icalendar.Calendar.from_ical(out)
    (event,) = calendar.walk("VEVENT")
    assert str(event["summary"]) == "7 foo (toy): temporary registration expires"
    assert event["dtstart"].dt.isoformat() == "2024-03-23"


def test_the_uid_stays_over_an_extension(run_toy: RunCli) -> None:
    _, first, _ = run_toy(1, "deadlines", "--format", "ics")
    _, second, _ = run_toy(2, "deadlines", "--format", "ics")
    uids = [[line for line in text.splitlines() if line.startswith("UID:")] for text in (first, second)]
    assert uids[0] == uids[1]
    assert "20230323" in first
    assert "20240323" in second


def test_a_history_without_early_allocations_says_so(run_toy: RunCli) -> None:
    assert run_toy(3, "deadlines", "--within", "90d")[1] == "no early allocations that expire within 90 days\n"
    code, _, err = run_toy(3, "deadlines", "--within", "soon")
    assert code == 2
    assert "write a duration as" in err


def test_show_has_the_life_of_an_entry_by_its_bare_name(run_toy: RunCli) -> None:
    life = "temporary 2022-04-01 or before → extended 2023-03-01 → approved 2023-12-01 → published 2024-06-01"
    _, out, _ = run_toy(2, "show", "toy", "foo")
    assert "      temporary since: 2022-03-23\n      extended: 2023-02-13\n      temporary until: 2024-03-23\n" in out
    _, out, _ = run_toy(6, "show", "toy", "7")
    assert f"  life: {life} → deprecated 2025-06-01 → removed 2026-06-01\n" in out


def test_show_has_facts_and_lives_in_json(run_toy: RunCli) -> None:
    document = json.loads(run_toy(4, "show", "toy", "7", "--format", "json")[1])
    assert [version["facts"] for version in document["versions"]] == [
        {"temporary": "yes", "temporary_since": "2022-03-23", "temporary_until": "2023-03-23"},
        {
            "temporary": "yes",
            "temporary_since": "2022-03-23",
            "extended": "2023-02-13",
            "temporary_until": "2024-03-23",
        },
        {},
        {},
    ]
    (life,) = document["lives"]
    assert [step["stage"] for step in life["stages"]] == ["temporary", "extended", "approved", "published"]
    events = {event["id"]: event for event in document["events"]}
    assert events["temporary-extended"]["summary"] == (
        "Toys: 7 foo: temporary registration extended, expires 2023-03-23 → 2024-03-23"
    )
    assert events["temporary-extended"]["facts"]["temporary_until_before"] == "2023-03-23"
    assert events["temporary-made-permanent"]["summary"] == (
        "Toys: 7 foo: made permanent (temporary since 2022-03-23), references [draft-toy] → [RFC-toy-03]"
    )


def test_each_extension_is_a_stage(run_toy: RunCli, tmp_path: Path) -> None:
    again = record("draft-toy", value="7", name=f"foo ({SINCE}, extension registered 2024-02-01, expires 2025-03-23)")
    path = tmp_path / "2024-02-05.xml"
    path.write_bytes(group(registry("toys", again, record("rfc2", value="9", name="other")), updated="2024-02-05"))
    assert run_toy(2, "import", "toy", str(path))[0] == 0
    _, out, _ = run_toy(0, "show", "toy", "7")
    assert "life: temporary 2022-04-01 or before → extended 2023-03-01 → extended 2024-02-05\n" in out
