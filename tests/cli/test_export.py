"""`watcher export` and `watcher cat` on an imported history."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import jsonschema
import pytest

from tests.support.cli_fixtures import RunCli
from tests.support.group_releases import group, record, registry
from tests.support.port_releases import Row, release, reserved, tcp, udp
from watcher import render
from watcher.render.exports import EXPORTS

CONFIG = """
[[source]]
name = "ports"
url = "https://example.org/ports.xml"

[[source]]
name = "toy"
registry = "iana"
url = "https://example.org/toy.xml"
"""
BOTH = dict.fromkeys(("contact", "assignee"), "A_Person")
FIRST = release([tcp("one", "1"), udp("one", "1"), tcp("old", "4420", date="2016-01-01", **BOTH)], "2020-01-01")
SECOND = release(
    [tcp("one", "1"), udp("one", "1"), tcp("middle", "4420", date="2016-01-01", **BOTH), tcp("x", "7-9")], "2020-02-01"
)
THIRD = release(
    [
        udp("one", "1"),
        tcp("one", "1", description="One, again"),
        tcp("new", "4420", date="2016-01-01", **BOTH),
        tcp("x", "7-9"),
        Row(name="no-port", description="=1+1"),
        reserved("5", "tcp"),
    ],
    "2020-03-01",
)
RELEASES = (("2020-01-01", FIRST), ("2020-02-01", SECOND), ("2020-03-01", THIRD))
TOYS = (
    registry("colours", record(value="1", name="red"), record(value="2", name="blue"), title="Colours"),
    registry("sizes", record(value="1", name="small"), title="Sizes"),
)


@pytest.fixture
def exported(run: RunCli, tmp_path: Path) -> RunCli:
    """Return `run` in a folder with three port releases and a group of two registries."""
    fill(run, tmp_path, RELEASES)
    return run


def fill(run: RunCli, folder: Path, releases: tuple[tuple[str, bytes], ...]) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "config.toml").write_text(CONFIG)
    for name, data in (*((f"ports {day}", data) for day, data in releases), ("toy 2020-01-01", group(*TOYS))):
        path = folder / f"{name.replace(' ', '-')}.xml"
        path.write_bytes(data)
        config = ("--config", str(folder / "config.toml"))
        assert run(*config, "import", name.split()[0], str(path)).code == 0


def spawn(*arguments: str, folder: Path) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "watcher", *arguments], cwd=folder, capture_output=True, timeout=60, check=False
    )


def test_a_release_is_written_exactly_as_it_was_served(exported: RunCli, tmp_path: Path) -> None:
    sha256 = hashlib.sha256(SECOND).hexdigest()
    for reference in ("2020-02-01", "2020-02-29", "2020-02", sha256[:6]):
        assert exported("cat", "ports", reference, "--out", "out.xml").code == 0
        assert (tmp_path / "out.xml").read_bytes() == SECOND
    assert spawn("cat", "ports", folder=tmp_path).stdout == THIRD


def test_bytes_that_are_no_text_are_written_as_they_are(run: RunCli, tmp_path: Path) -> None:
    served = release([tcp("caf", "1", description="caf\u00e9\r\n")], "2020-01-01").decode()
    latin = served.replace("encoding='UTF-8'", "encoding='iso-8859-1'").encode("latin-1")
    fill(run, tmp_path, (("2020-01-01", latin),))
    done = spawn("cat", "ports", folder=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, latin, b"")


def test_of_two_snapshots_of_one_release_a_sha256_chooses_one(run: RunCli, tmp_path: Path) -> None:
    other = FIRST.replace(b"<?xml-stylesheet", b"<?xml-model href='x'?>\n<?xml-stylesheet")
    fill(run, tmp_path, (("2020-01-01", FIRST), ("2020-01-02", other)))
    for data in (FIRST, other):
        assert run("cat", "ports", hashlib.sha256(data).hexdigest()[:12], "--out", "out.xml").code == 0
        assert (tmp_path / "out.xml").read_bytes() == data
    assert run("cat", "ports", "--out", "out.xml").code == 0
    assert (tmp_path / "out.xml").read_bytes() == FIRST


def test_of_a_damaged_snapshot_not_a_byte_is_written(exported: RunCli, tmp_path: Path) -> None:
    (tmp_path / "out.xml").write_text("before")
    for path in (tmp_path / "snapshots" / "ports").iterdir():
        data = bytearray(path.read_bytes())
        data[-3] ^= 0xFF
        path.write_bytes(data)
    code, out, err = exported("cat", "ports", "--out", "out.xml")
    assert (code, out) == (2, "")
    assert "damaged" in err
    assert (tmp_path / "out.xml").read_text() == "before"
    assert spawn("cat", "ports", folder=tmp_path).stdout == b""


def test_a_missing_snapshot_says_what_to_do(exported: RunCli, tmp_path: Path) -> None:
    for path in (tmp_path / "snapshots" / "ports").iterdir():
        path.unlink()
    code, _, err = exported("cat", "ports")
    assert code == 2
    assert "this snapshot is missing; restore it from a backup" in err
    # The history has all that an export needs.
    assert exported("export", "ports", "--to", "json").code == 0


def test_an_unknown_release_or_source_is_one_line(exported: RunCli) -> None:
    for command in (
        ("cat", "ports", "2019"),
        ("cat", "port"),
        ("export", "ports", "--at", "2019-01-01", "--to", "csv"),
    ):
        code, out, err = exported(*command)
        assert (code, out, err.count("\n")) == (2, "", 1), command


@pytest.mark.fault(72)
def test_a_closed_pipe_is_no_error(exported: RunCli, tmp_path: Path) -> None:
    for command in ("cat ports", "export ports --to json"):
        pipe = f"{sys.executable} -m watcher {command} 2>errors | true; exit ${{PIPESTATUS[0]}}"
        assert subprocess.run(["bash", "-c", pipe], cwd=tmp_path, check=False).returncode == 0
        assert (tmp_path / "errors").read_text() == ""


def test_out_is_a_file_that_is_replaced_in_one_step_and_nothing_else(exported: RunCli, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    for out in ("pipe", "folder"):
        code, _, err = exported("cat", "ports", "--out", out)
        assert code == 2
        assert err.startswith(f"watcher: error: {out}: is not a file")
    assert "cannot be written: No such file" in exported("cat", "ports", "--out", "none/out.xml").err
    (tmp_path / "real.xml").write_text("x")
    (tmp_path / "link.xml").symlink_to("real.xml")
    assert exported("cat", "ports", "--out", "link.xml").code == 0
    assert (tmp_path / "link.xml").is_symlink()
    assert (tmp_path / "real.xml").read_bytes() == THIRD
    assert [path.name for path in tmp_path.glob("*.tmp")] == []


@pytest.mark.fault(34)
def test_a_terminal_gets_no_bytes_that_act_on_it(run: RunCli, tmp_path: Path) -> None:
    fill(run, tmp_path, (("2020-01-01", release([tcp("a", "1", description="\u202ered")], "2020-01-01")),))
    controller, terminal = os.openpty()
    call = [sys.executable, "-m", "watcher", "cat", "ports"]
    done = subprocess.run(call, cwd=tmp_path, stdout=terminal, stderr=subprocess.PIPE, check=False)
    os.close(terminal)
    os.close(controller)
    assert done.returncode == 2
    assert b"characters that act on a terminal; redirect it, or give --out FILE" in done.stderr


def test_json_is_a_whole_release_and_valid(exported: RunCli) -> None:
    code, out, err = exported("export", "ports", "--to", "json", "--aliases-since", "2019-01-01")
    assert (code, err) == (0, "")
    document = json.loads(out)
    schema = json.loads((Path(render.__file__).parent / "schema" / "export.schema.json").read_text())
    jsonschema.Draft202012Validator(schema).validate(document)
    assert [tuple(entry["key"].values()) for entry in document["entries"]] == [
        ("one", "1", "tcp", 1),
        ("one", "1", "udp", 1),
        ("", "5", "tcp", 1),
        ("x", "7-9", "tcp", 1),
        ("new", "4420", "tcp", 1),
        ("no-port", "", "", 1),
    ]
    assert document["entries"][4]["old_names"] == [
        {"name": "middle", "renamed": "2020-03-01"},
        {"name": "old", "renamed": "2020-02-01"},
    ]
    assert document["release"]["sha256"] == hashlib.sha256(THIRD).hexdigest()
    assert document["headers"][""]["updated"] == "2020-03-01"


def test_an_older_release_is_exported_as_it_was(exported: RunCli) -> None:
    rows = list(csv.DictReader(io.StringIO(exported("export", "ports", "--at", "2020-02-20", "--to", "csv").out)))
    assert [row["key"] for row in rows] == ["one|1|tcp", "one|1|udp", "x|7-9|tcp", "middle|4420|tcp"]
    header, *lines = map(
        json.loads, exported("export", "ports", "--at", "2020-01-01", "--to", "jsonl").out.splitlines()
    )
    assert header["release"]["published"] == "2020-01-01"
    assert [line["key"]["name"] for line in lines] == ["one", "one", "old"]


@pytest.mark.parametrize("free", ["Unassigned", "Reserved", "Reserved for Private Use", "Experimental"])
def test_the_row_of_a_free_value_is_no_old_name(run: RunCli, tmp_path: Path, free: str) -> None:
    (tmp_path / "config.toml").write_text(CONFIG)
    for day, name in (("2020-01-01", "red"), ("2020-02-01", free), ("2020-03-01", "green"), ("2020-04-01", "lime")):
        path = tmp_path / f"{day}.xml"
        last = free if day < "2020-04" else "Private Use"
        rows = (
            record(value="1", description=name, references="rfc1"),
            record(value="2", description="blue"),
            record(value="3", description=last, references="rfc2"),
        )
        path.write_bytes(group(registry("colours", *rows), updated=day))
        assert run("import", "toy", str(path)).code == 0
    document = json.loads(run("export", "toy", "--to", "json", "--aliases-since", "2019-01-01").out)
    assert [old["name"] for entry in document["entries"] for old in entry.get("old_names", ())] == ["green"]


def test_old_names_are_those_since_a_day(exported: RunCli) -> None:
    for since, aliases in (("2019-01-01", ["middle", "old"]), ("2020-02-01", ["middle"]), ("2020-03-01", [])):
        out = exported("export", "ports", "--to", "services", "--aliases-since", since).out
        (line,) = (line for line in out.splitlines() if line.startswith("new"))
        assert line.partition("#")[0].split() == ["new", "4420/tcp", *aliases]
    out = exported("export", "ports", "--to", "services", "--at", "2020-02-01", "--aliases-since", "2019-01-01").out
    assert "middle         \t4420/tcp\told\t# The middle service\n" in out


def test_what_is_left_out_is_counted_on_standard_error_and_listed_when_asked(exported: RunCli) -> None:
    code, out, err = exported("export", "ports", "--to", "services")
    reasons = "1 with a range of ports, 1 without a port, 1 without a service name"
    assert (code, err) == (
        0,
        f"watcher: services: 3 entries written, 3 left out: {reasons}; --omitted lists them\n",
    )
    assert "Left out" not in out
    assert "# x 7-9 tcp: with a range of ports\n" in exported("export", "ports", "--to", "services", "--omitted").out


@pytest.mark.fault(33)
def test_raw_cells_are_asked_for(exported: RunCli) -> None:
    assert '"\'=1+1"' in exported("export", "ports", "--to", "csv").out
    assert '"=1+1"' in exported("export", "ports", "--to", "csv", "--raw").out
    between = ("export", "ports", "--from", "2020-02-01", "--to", "daff")
    assert '"\'=1+1"' in exported(*between).out
    assert '"=1+1"' in exported(*between, "--raw").out


def test_one_registry_of_a_group_can_be_exported(exported: RunCli) -> None:
    whole, part = (
        json.loads(exported("export", "toy", "--to", "json", *more).out) for more in ((), ("--registry", "colours"))
    )
    assert [entry["fields"]["name"] for entry in whole["entries"]] == ["red", "blue", "small"]
    assert [entry["fields"]["name"] for entry in part["entries"]] == ["red", "blue"]
    code, _, err = exported("export", "toy", "--to", "json", "--registry", "colour")
    assert (code, err) == (2, "watcher: error: toy has no registry 'colour'; did you mean 'colours'?\n")


def test_a_format_of_another_registry_is_refused(exported: RunCli) -> None:
    for name, source in (("services", "toy"), ("protocols", "ports")):
        code, out, err = exported("export", source, "--to", name)
        assert (code, out) == (2, "")
        assert f"{name} is a format of the registry group {EXPORTS[name].document}, and {source} has another" in err


def test_two_releases_are_for_a_difference_and_one_for_the_rest(exported: RunCli) -> None:
    assert exported("export", "ports", "--to", "daff").err == "watcher: error: daff: give --from RELEASE\n"
    code, _, err = exported("export", "ports", "--to", "csv", "--from", "2020-01-01")
    assert (code, err) == (2, "watcher: error: csv: has no --from RELEASE\n")


def test_many_files_are_a_folder_or_an_archive(exported: RunCli, tmp_path: Path) -> None:
    (tmp_path / "services").mkdir()
    (tmp_path / "services" / "mine.xml").write_text("<service/>")
    code, _, err = exported("export", "ports", "--to", "firewalld", "--out", "services")
    assert code == 0
    assert "watcher: services: 1 other file in the folder is no part of this export\n" in err
    files = {path.name: path.read_bytes() for path in (tmp_path / "services").iterdir() if path.name != "mine.xml"}
    assert {*files} == {"new.xml", "one.xml", "x.xml"}
    assert exported("export", "ports", "--to", "firewalld", "--out", "services.tar").code == 0
    data = (tmp_path / "services.tar").read_bytes()
    assert spawn("export", "ports", "--to", "firewalld", folder=tmp_path).stdout == data
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        members = archive.getmembers()
        assert {member.name: archive.extractfile(member).read() for member in members} == files  # type: ignore[union-attr]
        assert {(member.mtime, member.uid, member.uname, member.mode) for member in members} == {(0, 0, "", 0o644)}


def test_the_order_of_import_and_a_rebuild_change_no_byte(run: RunCli, tmp_path: Path) -> None:
    texts = []
    for name, releases in (("forward", RELEASES), ("backward", RELEASES[::-1])):
        fill(run, tmp_path / name, releases)
        config = ("--config", str(tmp_path / name / "config.toml"))
        for rebuild in (False, True):
            if rebuild:
                assert run(*config, "rebuild").code == 0
            texts.append([export_all(run, *config, name=format_name) for format_name in sorted(EXPORTS)])
    assert texts[1:] == texts[:1] * 3


def export_all(run: RunCli, *config: str, name: str) -> str:
    source = "toy" if name == "protocols" else "ports"
    between = ("--from", "2020-01-01") if EXPORTS[name].between else ()
    result = run(*config, "export", source, "--to", name, "--omitted", "--aliases-since", "2019-01-01", *between)
    assert result.code == (2 if name == "protocols" else 0), result.err
    return result.out
