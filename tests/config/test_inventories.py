"""[[inventory]]: lists that the configuration names, read again when they change."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from watcher.config.inventory_files import InventoryFiles
from watcher.config.inventory_settings import InventorySettings
from watcher.config.load import load
from watcher.core.errors import ConfigError, UsageError
from watcher.formats.catalog import FORMATS
from watcher.registries.catalog import EVENT_IDS, REGISTRIES

SOURCE = '[[source]]\nname = "my-ports"\nurl = "https://example.org/ports.xml"\n'


def problems(folder: Path, text: str) -> list[str]:
    path = folder / "config.toml"
    path.write_text(SOURCE + text)
    path.chmod(0o600)
    with pytest.raises(ConfigError) as caught:
        load(path, registries=frozenset(REGISTRIES), formats=FORMATS, events=EVENT_IDS)
    return [problem.removeprefix(f"{path}: ").replace(f"{folder}/", "") for problem in caught.value.problems]


def files(folder: Path, **options: str) -> InventoryFiles:
    settings = InventorySettings(name="web", file=Path("web.txt"), **options)
    return InventoryFiles([settings], folder, ["my-ports"])


def test_a_configuration_with_lists_is_loaded(tmp_path: Path) -> None:
    (tmp_path / "web.txt").write_text("443/tcp\n")
    path = tmp_path / "config.toml"
    path.write_text(SOURCE + '[[inventory]]\nname = "web"\nfile = "web.txt"\nsource = "my-ports"\n')
    path.chmod(0o600)
    settings = load(path, registries=frozenset(REGISTRIES), formats=FORMATS, events=EVENT_IDS)
    inventory = InventoryFiles(settings.inventory, settings.folder, settings.port_sources).get("web")
    assert inventory.concerns_source("my-ports")
    assert [entry.where for entry in inventory.entries] == [f"{tmp_path}/web.txt:1"]


def test_every_mistake_of_a_list_is_reported_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "bad.txt").write_text("443/tcp\n70000\n")
    text = (
        '[[inventory]]\nname = "none"\nfile = "none.txt"\n[[inventory]]\nname = "bad"\nfile = "bad.txt"\n'
        '[[inventory]]\nname = "bad"\nfile = "bad.txt"\nsource = "ports"\n'
    )
    assert problems(tmp_path, text) == [
        "inventory: the name 'bad' is used twice",
        "inventory none: none.txt: No such file or directory",
        "inventory bad: bad.txt: line 2: '70000' is not a port or a range of ports",
        "inventory[2].source: 'ports' is no source; did you mean 'my-ports'?",
    ]


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        ('format = "servces"', "inventory[0]: format must be one of "),
        ('source = "my-ports"\nregistry = "cose"', "inventory[0]: give source or registry, not both"),
        ('fiel = "x"', "inventory[0].fiel: unknown; did you mean 'file'?"),
    ],
)
def test_settings_that_cannot_be_used_are_refused(tmp_path: Path, keys: str, problem: str) -> None:
    (tmp_path / "web.txt").write_text("443/tcp\n")
    (first, *_) = problems(tmp_path, f'[[inventory]]\nname = "web"\nfile = "web.txt"\n{keys}\n')
    assert first.startswith(problem)


def test_a_list_is_read_again_when_its_file_changed(tmp_path: Path) -> None:
    path = tmp_path / "web.txt"
    path.write_text("443/tcp\n")
    inventories = files(tmp_path)
    first = inventories.get("web")
    assert inventories.get("web") is first
    path.write_text("443/tcp\n8443/tcp\n")
    assert [entry.title for entry in inventories.get("web").entries] == ["443/tcp", "8443/tcp"]


def test_a_list_that_cannot_be_read_any_more_keeps_the_last_good_one(tmp_path: Path) -> None:
    path = tmp_path / "web.txt"
    path.write_text("443/tcp\n")
    inventories = files(tmp_path)
    first = inventories.get("web")
    path.write_text("443/tcp\n70000\n")
    assert inventories.get("web") is first
    assert dict(inventories.problems) == {
        "web": f"inventory web: {path}: line 2: '70000' is not a port or a range of ports"
    }
    path.unlink()
    assert inventories.get("web") is first
    assert inventories.problems["web"] == f"inventory web: {path}: No such file or directory"
    path.write_text("8443/tcp\n")
    assert [entry.title for entry in inventories.get("web").entries] == ["8443/tcp"]
    assert inventories.problems == {}


def test_a_list_that_could_never_be_read_and_an_unknown_name_are_errors(tmp_path: Path) -> None:
    inventories = files(tmp_path)
    with pytest.raises(ConfigError, match="No such file"):
        inventories.get("web")
    with pytest.raises(UsageError, match="unknown inventory 'wbe'; did you mean 'web'"):
        inventories.get("wbe")


def test_a_list_is_never_a_pipe_that_waits(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "web.txt")
    with pytest.raises(ConfigError, match="is not a file"):
        files(tmp_path).get("web")
