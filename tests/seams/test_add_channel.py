"""To add a channel: one module in alerts/channels/, one line in its catalog, its settings. Everything else follows."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.extended_package import ExtendedPackage

# Appends every message to a file, as one line of JSON.
MODULE = """
import json
from dataclasses import dataclass
from pathlib import Path

from watcher.config.channel_settings import JournalSettings


@dataclass(frozen=True)
class JournalChannel:
    settings: JournalSettings
    folder: Path
    max_digest_bytes = 1_000_000

    @property
    def name(self):
        return self.settings.name

    def recipients(self):
        return ("",)

    def render_release(self, comparison, *, delivery_id, created):
        return json.dumps({"kind": "release", "events": [event.summary for event in comparison.events]})

    def render_notice(self, notice, *, delivery_id):
        return json.dumps({"kind": "notice", "notice": notice.id})

    def render_digest(self, bodies, *, delivery_id, created):
        return json.dumps({"kind": "digest", "messages": [json.loads(body) for body in bodies]})

    def render_test(self, *, delivery_id, created):
        return json.dumps({"kind": "test"})

    def secrets(self):
        return {f"channel {self.name}": self.settings.token}

    def server(self):
        return None

    def find_problems(self):
        return ()

    def send(self, delivery, now):
        with (self.folder / self.settings.path).open("a") as file:
            file.write(delivery.body + chr(10))


def create_channel(settings, config):
    return JournalChannel(settings, config.folder)
"""
SETTINGS = '''class JournalSettings(ChannelSettings):
    """[[channel]] of type journal: appends every message to a file."""

    type: Literal["journal"]
    path: str
    token: Secret


'''
CONFIG = """
[fetch]
allow_files = true

[[source]]
name = "services"
registry = "iana"
url = "file://{folder}/services.csv"
format = "csv"
key = ["name"]

[[channel]]
name = "log"
type = "journal"
path = "messages.jsonl"
token = "credential:log-token"
operator = true
"""


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ExtendedPackage]:
    with ExtendedPackage(tmp_path_factory.mktemp("extended")) as package:
        package.add_module("alerts/channels/journal.py", MODULE)
        package.add_line(
            "alerts/channels/__init__.py", '"journal": "watcher.alerts.channels.journal",', before='"webhook": '
        )
        settings = "# The settings of every channel type"
        union = "AnyChannel = EmailSettings | WebhookSettings | FileSettings | CommandSettings | AppriseSettings"
        package.replace("config/channel_settings.py", settings, SETTINGS + settings)
        package.replace("config/channel_settings.py", union, union + " | JournalSettings")
        yield package


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    (folder / "services.csv").write_text("name,use\nhttp,web\nsmtp,mail\n")
    # A file's validator is its time in seconds: a change within the same second would count as not modified.
    os.utime(folder / "services.csv", (1_600_000_000, 1_600_000_000))
    (folder / "config.toml").write_text(CONFIG.format(folder=folder))
    (folder / "config.toml").chmod(0o600)
    return folder


def messages(home: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (home / "messages.jsonl").read_text().splitlines()]


def test_the_changes_that_a_check_finds_are_sent_over_the_new_channel(package: ExtendedPackage, home: Path) -> None:
    first = package.run("check", folder=home)
    assert first.returncode == 0, first.stderr
    (home / "services.csv").write_text("name,use\nhttp,web\nsmtp,post\n")
    second = package.run("check", folder=home)
    assert second.returncode == 0, second.stderr
    assert "1 modified" in second.stdout, second.stdout + second.stderr
    (message,) = messages(home)
    assert message["kind"] == "release"
    assert "post" in str(message["events"])
    assert package.run("status", folder=home).returncode == 0


def test_a_digest_and_a_notice_are_rendered_by_the_new_channel(package: ExtendedPackage, home: Path) -> None:
    (home / "config.toml").write_text((home / "config.toml").read_text() + 'digest = "1s"\n[health]\nfailures = 1\n')
    package.run("check", folder=home)
    (home / "services.csv").write_text("name,use\nhttp,web\nsmtp,post\n")
    package.run("check", folder=home)
    (home / "services.csv").unlink()
    failed = package.run("check", folder=home)  # gathers the notice that the source fails
    assert "failed" in failed.stdout + failed.stderr
    # The digest of the change can be due before that of the notice: wait for both.
    deadline = time.monotonic() + 60
    while (kinds := digested(home)) != ["notice", "release"] and time.monotonic() < deadline:
        package.run("check", folder=home)
    assert kinds == ["notice", "release"]


def digested(home: Path) -> list[object]:
    """Return the kinds of all messages that were sent, alone or in digests."""
    bodies = messages(home) if (home / "messages.jsonl").exists() else []
    members = [member for body in bodies for member in body.get("messages", [body])]  # type: ignore[attr-defined]
    return sorted(member["kind"] for member in members)


def test_channel_list_and_channel_test_know_it(package: ExtendedPackage, home: Path) -> None:
    tested = package.run("channel", "test", "log", folder=home)
    assert (tested.returncode, "log: sent" in tested.stdout) == (0, True), tested.stdout + tested.stderr
    assert messages(home) == [{"kind": "test"}]
    listed = json.loads(package.run("channel", "list", "--format", "json", folder=home).stdout)
    assert [(channel["channel"], channel["type"], channel["state"]) for channel in listed["channels"]] == [
        ("log", "journal", "ok")
    ]


def test_the_doctor_knows_its_secrets_and_that_it_needs_no_server(package: ExtendedPackage, home: Path) -> None:
    report = package.run("doctor", "--network", folder=home).stdout
    assert "credential:log-token" in report
    assert "log: journal needs no server" in report


def test_the_configuration_knows_its_settings(package: ExtendedPackage, home: Path) -> None:
    schema = json.loads(package.run("config", "schema", folder=home).stdout)
    assert schema["$defs"]["JournalSettings"]["properties"]["type"]["const"] == "journal"
    assert package.run("config", "check", folder=home).returncode == 0
    text = (home / "config.toml").read_text()
    (home / "config.toml").write_text(text.replace('path = "messages.jsonl"', 'pahts = "messages.jsonl"'))
    refused = package.run("config", "check", folder=home).stderr
    assert "channel[0].path: is missing" in refused
    assert "channel[0].pahts: unknown; did you mean 'path'?" in refused
    (home / "config.toml").write_text(text.replace('type = "journal"', 'type = "jurnal"'))
    assert (
        'channel[0].type: must be "email" or "webhook" or "file" or "command" or "apprise" or "journal"'
        in package.run("config", "check", folder=home).stderr
    )
