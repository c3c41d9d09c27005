"""The file channel on a real file: one line for each message, whatever rotates, fills or cuts the file."""

from __future__ import annotations

import fcntl
import json
import os
import stat
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from watcher.alerts import messages
from watcher.alerts.channels import create_channel
from watcher.alerts.channels.base import Channel
from watcher.config.channel_settings import FileSettings
from watcher.config.settings import Settings
from watcher.core.errors import DeliveryError
from watcher.core.operations import Delivery

NOW = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)


def file_channel(path: Path, **settings: object) -> Channel:
    table = FileSettings(name="log", type="file", path=path, **settings)  # type: ignore[arg-type]
    return create_channel(table, Settings(folder=path.parent))


def delivery(number: int = 1) -> Delivery:
    body = json.dumps({"id": f"msg_{number}", "text": "naïve 字"}, ensure_ascii=False)
    return Delivery(id=f"msg_{number}", channel="log", recipient="", source="ports", release="", body=body, created="")


def ids(path: Path) -> list[str]:
    return [json.loads(line)["id"] for line in path.read_text("utf-8").splitlines()]


def test_each_message_is_one_line_of_json_in_the_order_of_sending(tmp_path: Path) -> None:
    channel = file_channel(tmp_path / "log.jsonl")
    for number in (1, 2, 3):
        channel.send(delivery(number), NOW)
    assert ids(tmp_path / "log.jsonl") == ["msg_1", "msg_2", "msg_3"]
    rendered = messages.render_test(channel, "", NOW)
    channel.send(rendered, NOW)
    assert ids(tmp_path / "log.jsonl")[-1] == rendered.id


@pytest.mark.parametrize(("mode", "permissions"), [(None, 0o600), ("0640", 0o640)])
def test_a_new_file_has_the_permissions_of_the_configuration_whatever_the_umask(
    mode: str | None, permissions: int, tmp_path: Path
) -> None:
    before = os.umask(0o077)
    try:
        file_channel(tmp_path / "log.jsonl", **({"mode": mode} if mode else {})).send(delivery(), NOW)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "log.jsonl").stat().st_mode) == permissions


def test_a_file_that_is_moved_away_is_followed_by_a_new_one(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    channel = file_channel(path)
    channel.send(delivery(1), NOW)
    path.rename(tmp_path / "log.jsonl.1")
    channel.send(delivery(2), NOW)
    assert (ids(tmp_path / "log.jsonl.1"), ids(path)) == (["msg_1"], ["msg_2"])


def test_a_file_that_is_replaced_between_opening_and_locking_is_opened_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "log.jsonl"
    path.touch()
    lock = fcntl.flock

    def rotate_first(descriptor: int, operation: int) -> None:
        monkeypatch.setattr(fcntl, "flock", lock)
        path.rename(tmp_path / "log.jsonl.1")
        lock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", rotate_first)
    file_channel(path).send(delivery(), NOW)
    assert ((tmp_path / "log.jsonl.1").read_text(), ids(path)) == ("", ["msg_1"])


def test_a_line_that_a_crash_cut_off_is_ended_before_the_next_message(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text('{"id": "msg_0"}\n{"id": "ms')
    file_channel(path).send(delivery(), NOW)
    assert [line for line in path.read_text().splitlines() if "msg_1" in line] == [delivery().body]


def test_a_line_that_a_full_disk_cuts_off_is_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "log.jsonl"
    channel = file_channel(path)
    channel.send(delivery(1), NOW)
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:7]))
    with pytest.raises(DeliveryError, match="the disk is full") as caught:
        channel.send(delivery(2), NOW)
    assert not caught.value.permanent
    monkeypatch.undo()
    channel.send(delivery(2), NOW)
    assert ids(path) == ["msg_1", "msg_2"]


def test_the_file_and_a_new_name_are_synced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[str] = []
    fsync = os.fsync

    def note(descriptor: int) -> None:
        synced.append(str(Path(f"/proc/self/fd/{descriptor}").readlink()))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", note)
    file_channel(tmp_path / "log.jsonl").send(delivery(), NOW)
    assert synced == [str(tmp_path), str(tmp_path / "log.jsonl")]


def test_a_locked_file_is_tried_again_later_and_keeps_nobody_waiting(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    with path.open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(DeliveryError, match="another process has locked it"):
            file_channel(path).send(delivery(), NOW)
    file_channel(path).send(delivery(), NOW)
    assert ids(path) == ["msg_1"]


def test_many_threads_write_whole_lines(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"

    def send(number: int) -> None:
        channel = file_channel(path)
        while True:
            try:
                return channel.send(delivery(number), NOW)
            except DeliveryError as error:
                assert "locked" in str(error)  # noqa: PT017 - any other error ends the thread without its line

    threads = [threading.Thread(target=send, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(ids(path)) == [f"msg_{number}" for number in range(8)]


def test_what_is_no_file_or_cannot_be_opened_is_a_failed_try(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name, why in (("pipe", "is not a file"), (".", "Is a directory"), ("absent/log", "No such file")):
        with pytest.raises(DeliveryError, match=why) as caught:
            file_channel(tmp_path / name).send(delivery(), NOW)
        assert not caught.value.permanent
