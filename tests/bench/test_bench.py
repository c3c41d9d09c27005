"""The bench on a tiny series: generated releases, the reading of answers, and the page. No time is asserted."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
import time
from collections import Counter
from itertools import chain, repeat
from pathlib import Path

import pytest

from bench import archiving, exactness, growth, ingest, other_files, series
from bench.answers import (
    Counts,
    Pair,
    change_duplicate,
    choose_pair,
    compare_rows,
    read_csv_diff,
    read_daff,
    read_three_numbers,
    read_watcher,
    truth,
)
from bench.environment import Environment
from bench.layouts import COLUMNS, as_csv, rows, write_csv, write_json
from bench.measuring import Part, Target, cost, table
from bench.merging import merge_page
from bench.pairs import PEERS, our_commands, write_pair
from bench.run import page
from bench.series import Registry, generate, make_next, make_repository, write_release
from tests.support.port_releases import Row, release, tcp, udp
from tests.support.run_cli import run_command
from watcher.diff.content import read_content
from watcher.registries.catalog import REGISTRIES

TWICE = [Row(name="rdp", description="One of two"), Row(name="rdp", description="The other")]


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Five generated releases of forty records."""
    folder = tmp_path / "releases"
    folder.mkdir()
    paths = []
    for date, data in generate(records=40, releases=5):
        paths.append(folder / f"{date}.xml")
        paths[-1].write_bytes(data)
    return paths


def test_the_bytes_of_generated_releases_depend_on_the_seed_alone() -> None:
    one, again, other = (list(generate(records=30, releases=4, seed=seed)) for seed in (1, 1, 2))
    assert one == again
    assert one != other
    assert len({date for date, _ in one}) == len({data for _, data in one}) == 4


def test_a_generated_release_has_the_records_asked_for_in_xml_and_in_csv(tmp_path: Path) -> None:
    registry = Registry(1234)
    registry.step(100)
    data = write_release(tmp_path / "made.xml", registry).read_bytes()
    assert read_content(data, REGISTRIES["ports"]).entries == 1234
    table = write_release(tmp_path / "made.csv", registry, "csv").read_text(encoding="utf-8")
    assert list(csv.reader(table.splitlines()))[1:] == list(rows(data))


def test_the_requested_number_of_rows_differs_from_release_to_release() -> None:
    (_, old), (_, new) = generate(records=500, releases=2, changed=50)
    counts = compare_rows(rows(old), rows(new))
    assert (counts.added, counts.removed) == (5, 5)
    assert 35 <= counts.changed <= 40  # a changed row may be removed as well


def test_a_release_is_written_as_the_csv_that_iana_publishes() -> None:
    row = Row(
        name="echo", port="7", protocol="tcp", description="Echo", contact="Jon_Postel", assignee="IESG Chair",
        references="rfc862", notes="Old", date="1983-05", updated="2020-01-01",
    )  # fmt: skip
    assert as_csv(release([row], people=[])) == (
        ",".join(COLUMNS) + "\r\n"
        "echo,7,tcp,Echo,[IESG][Chair],[Jon_Postel],1983-05,2020-01-01,[RFC862],,,Old\r\n"
    )  # fmt: skip


def test_the_contact_is_the_assignee_of_a_record_without_one() -> None:
    (cells,) = rows(release([tcp("echo", "7", contact="Jon_Postel")]))
    assert cells[4:6] == ["[Jon_Postel]", "[Jon_Postel]"]


def test_the_truth_counts_each_of_two_rows_with_the_same_key() -> None:
    old = release([*TWICE, tcp("echo", "7"), udp("old", "8")])
    new = release(
        [TWICE[0], Row(name="rdp", description="Revised"), tcp("echo", "7", notes="New"), udp("new", "9")],
        "2020-01-02",
    )
    assert truth(old, new) == Counts(added=1, removed=1, changed=2)


def test_one_of_two_rows_with_the_same_key_is_changed_in_a_copy(tmp_path: Path) -> None:
    files = [tmp_path / "2020-01-01.xml", tmp_path / "2020-01-02.xml"]
    files[0].write_bytes(release([*TWICE, tcp("echo", "7")]))
    files[1].write_bytes(release([*TWICE, tcp("echo", "7", notes="New")], "2020-01-02"))
    made = change_duplicate(Pair(label="two", old=files[0], new=files[1]), tmp_path / "made")
    assert made is not None
    assert truth(made.old.read_bytes(), made.new.read_bytes()) == Counts(added=0, removed=0, changed=2)


def test_there_is_no_such_copy_of_a_pair_without_duplicate_keys(files: list[Path], tmp_path: Path) -> None:
    assert change_duplicate(choose_pair(files), tmp_path / "made") is None


def test_the_output_of_the_other_programs_is_read() -> None:
    assert read_three_numbers("1 2 3\n") == Counts(1, 2, 3)
    assert read_three_numbers("nothing") is None
    assert read_csv_diff('{"added": [{}], "removed": [], "changed": [{}, {}]}') == Counts(1, 0, 2)
    assert read_daff("@@,a\r\n+++,1\r\n---,2\r\n->,3\r\n:,4\r\n") == Counts(1, 1, 1)


def test_the_answer_of_the_watcher_is_the_truth(files: list[Path], tmp_path: Path) -> None:
    pair = choose_pair(files)
    true = truth(pair.old.read_bytes(), pair.new.read_bytes())
    assert all(true)
    done = run_command(tmp_path / "config.toml", "diff", str(pair.old), str(pair.new), "--format", "json")
    assert read_watcher(done.stdout) == true


def test_the_command_of_every_peer_names_two_existing_files(files: list[Path], tmp_path: Path) -> None:
    pair_files = write_pair(choose_pair(files), tmp_path / "laid")
    environment = FakeEnvironment()
    for peer in PEERS:
        words = [str(word).removesuffix(":csv") for word in peer.command(environment, pair_files)]  # type: ignore[arg-type]
        paths = [word for word in words if word.startswith(str(tmp_path))]
        assert len(paths) == 2, peer.name
        assert all(Path(word).is_file() for word in paths), peer.name
    assert our_commands(pair_files, "store")


class FakeEnvironment:
    """The part of the environment that builds commands."""

    def program(self, name: str, *arguments: object) -> list[str]:
        return [name, *map(str, arguments)]

    command = program


def test_a_series_is_written_in_every_form(files: list[Path], tmp_path: Path) -> None:
    names = [path.stem for path in files]
    assert [path.stem for path in write_csv(files, tmp_path / "csv", one_key=True)] == names
    assert [path.stem for path in write_json(files, tmp_path / "json")] == names
    place = make_repository(files, "made.xml", tmp_path / "made")
    log = subprocess.run(["git", "-C", place, "log", "--reverse", "--format=%as"], capture_output=True, check=True)
    assert log.stdout.decode().split() == names


def test_the_made_next_release_differs_in_its_date_and_one_row(files: list[Path]) -> None:
    data = files[-1].read_bytes()
    new = make_next(data, "2030-01-01")
    assert read_content(new, REGISTRIES["ports"]).published == "2030-01-01"
    assert compare_rows(rows(data), rows(new)) == Counts(0, 0, 1)


def test_the_parts_that_need_no_peers_measure_a_tiny_series(files: list[Path], tmp_path: Path) -> None:
    assert ingest.measure(files, tmp_path).targets[0].measured
    archived = archiving.measure(files, tmp_path)
    assert all(target.measured for target in archived.targets)
    assert "all exact" in exactness.differences(files).text
    assert "All 6 imports" in exactness.one_history(files, tmp_path, turns=1).text


def test_files_of_other_kinds_are_compared_with_the_scripts_that_need_no_package(tmp_path: Path) -> None:
    part = other_files.measure(tmp_path / "other", Environment(folder=Path(sys.prefix), versions={}), 1, scale=0.01)
    assert len(part.targets) == 2
    assert all(target.measured for target in part.targets)
    assert "csv-diff is not installed" in part.text


def test_growth_is_measured_by_records_and_by_releases(files: list[Path], tmp_path: Path) -> None:
    costs = growth.two_ingests("xml", tmp_path / "records", files[0], files[1])
    assert set(costs) == {"first", "next", "history", "versions", "peak"}
    assert growth.many_releases(tmp_path / "history", 4, records=20)["warm"] > 0


def test_a_size_that_fails_is_a_line_and_the_next_size_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    costs = {"first": 1, "next": 1, "history": 1, "versions": 1, "peak": 1}
    answers = chain(["too_large"] * len(series.FORMATS), repeat(costs))
    monkeypatch.setattr(growth, "run_module", lambda *_, **__: next(answers))
    part, measured = growth.by_records(tmp_path, (20, 30))
    assert "failed: too_large" in part.text
    assert Counter(size["records"] for size in measured) == {30: 2}
    assert not list(tmp_path.glob("growth-*"))


def test_a_large_registry_is_compared_with_the_median_of_small_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(growth, "_USUAL", 20)
    monkeypatch.setattr(growth, "_MOST", 200)
    first = iter([3, 1, 2, 9, 2, 12])  # five small ones and a large one
    rest = {"next": 1, "history": 1, "versions": 1, "peak": 1}
    monkeypatch.setattr(growth, "FORMATS", ("xml",))
    monkeypatch.setattr(growth, "_two_releases", lambda *_: {"xml": [], "csv": []})
    monkeypatch.setattr(growth, "run_module", lambda *_, **__: {"first": next(first), **rest})
    part, measured = growth.by_records(tmp_path, (20, 200))
    assert [size["first"] for size in measured] == [2, 12]
    assert part.targets[-1].measured == pytest.approx((12 + 1) / 200 / ((2 + 1) / 20))
    assert "relative to 20: 0.60 for the first ingest, 0.10 for the next" in part.text


def test_the_output_or_the_error_of_a_program_is_returned(tmp_path: Path) -> None:
    run = cost(["sh", "-c", "echo output; echo error >&2"], tmp_path)
    assert (run.output, run.failed) == ("output\n", "")
    assert cost(["sh", "-c", "echo why >&2; exit 3"], tmp_path, strict=False).failed == "why"
    with pytest.raises(subprocess.CalledProcessError):
        cost(["false"], tmp_path)


def test_a_program_that_takes_too_long_is_killed_with_its_children(tmp_path: Path) -> None:
    program = "sleep 60 & echo $! >child; wait"
    assert "gave up" in cost(["sh", "-c", program], tmp_path, patience=0.5, strict=False).failed
    child = int((tmp_path / "child").read_text())
    until = time.monotonic() + 10
    while is_alive(child) and time.monotonic() < until:
        os.sched_yield()
    assert not is_alive(child)


def is_alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().split()[2] != "Z"
    except OSError:
        return False


def test_a_target_is_met_at_its_limit_and_never_without_a_measurement() -> None:
    assert Target(what="", measured=1.5, limit=1.5).met
    assert not Target(what="", measured=1.6, limit=1.5).met
    assert Target(what="", measured=25, limit=25, least=True).met
    assert not Target(what="", measured=24, limit=25, least=True).met
    assert not Target(what="", measured=None, limit=1).met


def test_the_page_lists_every_target_and_whether_it_is_met() -> None:
    parts = [
        ("One", Part(text="Text of one.", targets=[Target(what="fast", measured=2, limit=1)])),
        ("Two", Part(text="Text of two.", targets=[Target(what="small", measured=2, limit=3, unit="MB")])),
    ]
    text = page(parts, ["Introduction."])
    assert "1 of 2 targets are met." in text
    assert "| fast | at most 1 times | 2.00 times | **not met** |" in text
    assert "| small | at most 3 MB | 2.00 MB | met |" in text
    assert text.index("Introduction.") < text.index("## One") < text.index("Text of one.") < text.index("## Two")


def test_a_cell_cannot_break_a_table() -> None:
    assert table(["a|b"], [["1\n2"], [None], [0.5]]) == "| a\\|b |\n|---|\n| 1 2 |\n| - |\n| 0.50 |"


def test_a_part_that_was_measured_alone_leaves_the_others_as_they_are() -> None:
    first = Part(text="One.", targets=[Target(what="a", measured=1, limit=2), Target(what="b", measured=3, limit=2)])
    second = Part(text="Two.", targets=[Target(what="c", measured=1, limit=2)])
    earlier = page([("First", first), ("Second", second)], ["Introduction."])
    assert merge_page(earlier, [], "now") == earlier
    again = Part(text="Three.\n\n### Of it", targets=[Target(what="c", measured=5, limit=2)])
    merged = merge_page(earlier, [("Second", again), ("Third", Part(text="New."))], "now")
    assert "1 of 3 targets are met." in merged
    assert "| c | at most 2 times | 5.00 times | **not met** |" in merged
    for line in earlier.splitlines():
        assert line in merged or line.startswith(("2 of 3", "| c |", "Two."))
    assert merged.endswith(
        "## Second\n\nMeasured in a run of its own: now\n\nThree.\n\n### Of it\n\n"
        "## Third\n\nMeasured in a run of its own: now\n\nNew.\n"
    )
