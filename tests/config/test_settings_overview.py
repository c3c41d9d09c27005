"""What reads the history gets one overview, whether the whole configuration was loaded or only the part it needs."""

from __future__ import annotations

from pathlib import Path

import pytest

from watcher.cli.context import load_settings
from watcher.config.load import example
from watcher.config.overview import load_overview

WHOLE = """
[store]
path = "elsewhere/history.db"

[web]
address = "https://watch.example.org/"

[severity]
"contact-updated" = "notice"

[canary]
channels = ["log"]
every = "2d"

[[channel]]
name = "log"
type = "file"
path = "alerts.jsonl"

[[ignore]]
sources = ["ports"]
events = ["contact-*"]
ports = ["443", "8000-8100"]
reason = "not ours"
until = 2027-01-01T00:00:00Z

[[source]]
name = "table"
url = "https://registry.example/table.csv"
registry = "iana"
format = "csv"
key = ["code"]
title = ["name"]
every = "3h"
enabled = false

[[source]]
name = "ports"
url = "https://registry.example/ports.xml"
also = "https://registry.example/ports.csv"
delimiter = ";"

[[source]]
name = "iana"
type = "collection"
groups = ["tls-parameters"]
"""


@pytest.mark.parametrize("text", [WHOLE, example()], ids=["whole", "example"])
def test_both_ways_give_the_same_overview(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.toml").write_text(text)
    (tmp_path / "config.toml").chmod(0o600)
    assert load_settings(tmp_path / "config.toml").overview == load_overview(tmp_path / "config.toml")


def test_changed_settings_have_an_overview_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text('[[source]]\nname = "ports"\nurl = "https://registry.example/ports.xml"\n')
    settings = load_settings(tmp_path / "config.toml")
    assert settings.overview is settings.overview
    assert [source.name for source in settings.overview.sources] == ["ports"]
    assert settings.model_copy(update={"source": ()}).overview.sources == ()
    assert settings == load_settings(tmp_path / "config.toml")
