"""`watcher archive copy`, and the commands of hosts that share snapshots in object storage."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.cli_fixtures import RunCli
from tests.support.object_server import ObjectServer
from tests.support.port_releases import release, tcp
from watcher.store.object_url import ObjectUrl

pytestmark = pytest.mark.server
RELEASES = [release([tcp("a", "1"), *(tcp(f"b{n}", f"{100 + n}") for n in range(day))], f"2020-01-0{day}")
            for day in range(1, 5)]  # fmt: skip


def make_host(folder: Path, url: ObjectUrl | None) -> str:
    """Return the configuration of a host with folders of its own."""
    folder.mkdir(exist_ok=True)
    objects = "" if url is None else f'objects = "{url}"\n'
    source = '[[source]]\nname = "ports"\nurl = "https://registry.example/ports.xml"\n'
    (folder / "config.toml").write_text(f"[store]\n{objects}{source}")
    return str(folder / "config.toml")


def write_releases(folder: Path) -> list[str]:
    for number, data in enumerate(RELEASES):
        (folder / f"{number}.xml").write_bytes(data)
    return [str(folder / f"{number}.xml") for number in range(len(RELEASES))]


def test_a_second_host_derives_the_same_history_from_the_bucket(
    run: RunCli, tmp_path: Path, object_url: ObjectUrl
) -> None:
    one, other = make_host(tmp_path / "one", object_url), make_host(tmp_path / "other", object_url)
    assert run("--config", one, "import", "ports", *write_releases(tmp_path)).code == 0
    assert "is missing, but the archive has 4 snapshots of it" in run("--config", other, "check").err
    assert run("--config", other, "rebuild").code == 0
    assert run("--config", other, "history").out == run("--config", one, "history").out
    assert run("--config", other, "verify", "--history").out.startswith("4 snapshots, 0 damaged")
    assert run("--config", other, "cat", "ports", "2020-01-03").out.encode() == RELEASES[2]
    assert f"{object_url}: answers, has snapshots of 1 source" in run("--config", other, "doctor").out


def test_a_dry_run_writes_nothing_to_the_bucket(run: RunCli, tmp_path: Path, object_url: ObjectUrl) -> None:
    config, files = make_host(tmp_path / "one", object_url), write_releases(tmp_path)
    assert run("--config", config, "import", "ports", *files[:2]).code == 0
    assert run("--config", config, "import", "ports", *files, "--dry-run").code == 0
    assert run("--config", make_host(tmp_path / "new", object_url), "verify").out.startswith("2 snapshots, 0 damaged")


def test_a_backup_is_restored_to_the_bucket(
    run: RunCli, tmp_path: Path, object_server: ObjectServer, object_url: ObjectUrl
) -> None:
    config = make_host(tmp_path / "one", object_url)
    assert run("--config", config, "import", "ports", *write_releases(tmp_path)).code == 0
    assert run("--config", config, "backup", str(tmp_path / "kept")).code == 0
    assert run("--config", config, "backup", str(tmp_path / "kept"), "--verify").code == 0
    restored = make_host(tmp_path / "restored", object_server.new_url())
    assert run("--config", restored, "backup", str(tmp_path / "kept"), "--restore").code == 0
    assert run("--config", restored, "verify", "--history").out.startswith("4 snapshots, 0 damaged")
    assert run("--config", restored, "history").out == run("--config", config, "history").out


def test_an_archive_is_copied_to_the_bucket_and_used_from_there(
    run: RunCli, tmp_path: Path, object_url: ObjectUrl
) -> None:
    config = make_host(tmp_path / "one", None)
    assert run("--config", config, "import", "ports", *write_releases(tmp_path)).code == 0
    snapshots = str(tmp_path / "one" / "snapshots")
    copied = run("archive", "copy", snapshots, str(object_url))
    assert copied.out == f'{object_url}: 4 of 4 snapshots copied\nto use it, set objects = "{object_url}" in [store]\n'
    again = json.loads(run("archive", "copy", snapshots, str(object_url), "--format", "json").out)
    assert (again["snapshots"], again["copied"]) == (4, 0)
    make_host(tmp_path / "one", object_url)
    assert run("--config", config, "verify", "--history").out.startswith("4 snapshots, 0 damaged")
    back = run("archive", "copy", str(object_url), str(tmp_path / "back"))
    assert f'set snapshots = "{tmp_path / "back"}" in [store]' in back.out
    assert {path.name: path.read_bytes() for path in (tmp_path / "back" / "ports").iterdir()} == {
        path.name: path.read_bytes() for path in (tmp_path / "one" / "snapshots" / "ports").iterdir()
    }


@pytest.mark.parametrize(
    ("source", "target", "reason"),
    [
        ("absent", "s3://bucket", "absent: is no folder"),
        (".", "s3://key:secret@bucket", "the URL must have no key"),
        ("s3:bucket", "folder", "the URL must begin with s3://BUCKET"),
    ],
)
def test_a_place_that_cannot_be_used_is_refused(run: RunCli, source: str, target: str, reason: str) -> None:
    result = run("archive", "copy", source, target)
    assert (result.code, reason in result.err) == (2, True), result.err
