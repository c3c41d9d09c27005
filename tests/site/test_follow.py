"""`watcher follow`: copies that are brought to the newest version, and what a server cannot do to them."""

from __future__ import annotations

import base64
import json
import random
import re
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.site.histories import SERIES, GrowingHistory, check_deltas, serve_files
from tests.support.process_killer import ProcessKiller

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def growing(tmp_path: Path) -> GrowingHistory:
    history = GrowingHistory(tmp_path)
    history.add("ports", 2)
    history.add("toy", 1)
    return history


def make_key(folder: Path, name: str) -> tuple[Path, Path]:
    """Return a new private key and its public key, made as documented."""
    private, public = folder / f"{name}.pem", folder / f"{name}.pub"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", private], check=True, capture_output=True)
    private.chmod(0o600)
    subprocess.run(["openssl", "pkey", "-in", private, "-pubout", "-out", public], check=True, capture_output=True)
    return private, public


def follow(history: GrowingHistory, place: str, *arguments: str, code: int = 0) -> str:
    return history.command("follow", place, "--into", str(history.folder / "copy.jsonl"), *arguments, code=code)


def snapshot(site: Path, source: str = "ports") -> bytes:
    notification = check_deltas(site / source / "deltas")
    assert notification is not None
    return (site / source / "deltas" / notification.snapshot.file).read_bytes()


def test_a_copy_is_brought_to_the_newest_version_by_snapshot_and_by_deltas(growing: GrowingHistory) -> None:
    site = growing.write()
    copy = growing.folder / "copy.jsonl"
    with serve_files(site) as address:
        place = f"{address}/ports/deltas/"
        assert "ports version 2, published 2020-02-01: by its snapshot" in follow(growing, place)
        assert copy.read_bytes() == snapshot(site)
        assert "it was the newest already" in follow(growing, place)
        growing.add("ports", 2)
        growing.write()
        answer = json.loads(follow(growing, place, "--format", "json"))
        assert (answer["step"], answer["deltas"], answer["version"], answer["signed"]) == ("deltas", 2, 4, False)
        assert copy.read_bytes() == snapshot(site)
    assert "it was the newest already" in follow(growing, str(site / "ports" / "deltas"))
    names = {json.loads(line)["key"].get("name") for line in copy.read_text().splitlines()[1:]}
    assert {"alpha", "gamma"} <= names
    assert "beta" not in names


def test_a_copy_that_is_behind_damaged_or_of_another_session_takes_the_snapshot(growing: GrowingHistory) -> None:
    site = growing.write()
    place, copy = str(site / "ports" / "deltas"), growing.folder / "copy.jsonl"
    follow(growing, place)
    first = copy.read_bytes()
    growing.add("ports")
    growing.write()
    follow(growing, place)
    newest = copy.read_bytes()
    for damaged in (
        first.replace(b'"alpha"', b'"omega"', 1),
        newest.replace(b'"alpha"', b'"omega"', 1),
        first.split(b"\n", 1)[0] + b"\n",
        re.sub(rb'"session":"[^"]*"', b'"session":"other"', newest),
        first.replace(b'"version":2', b'"version":1', 1).replace(b"}\n", b"}\n{}\n", 1),
    ):
        assert damaged not in (first, newest)
        copy.write_bytes(damaged)
        assert "by its snapshot" in follow(growing, place)
        assert copy.read_bytes() == newest


def test_a_file_that_is_no_copy_of_this_source_is_left_alone(growing: GrowingHistory) -> None:
    site = growing.write()
    copy = growing.folder / "copy.jsonl"
    copy.write_text("mine\n")
    assert "is not a copy that watcher follow wrote" in follow(growing, str(site / "ports/deltas"), code=2)
    assert copy.read_text() == "mine\n"
    copy.unlink()
    follow(growing, str(site / "toy/deltas"))
    assert "is a copy of toy, not of ports" in follow(growing, str(site / "ports/deltas"), code=2)
    assert "is neither a URL nor a folder" in follow(growing, "nowhere", code=2)


def test_other_bytes_than_announced_and_an_older_list_are_refused(growing: GrowingHistory) -> None:
    site = growing.write()
    place, copy = site / "ports/deltas", growing.folder / "copy.jsonl"
    (growing.folder / "old").mkdir()
    shutil.copy(place / "notification.json", growing.folder / "old")
    growing.add("ports")
    growing.write()
    follow(growing, str(place))
    before = copy.read_bytes()
    shutil.copy(growing.folder / "old" / "notification.json", place)
    assert "serves version 2, and the copy has 3 already" in follow(growing, str(place), code=2)
    copy.unlink()
    notification = check_deltas(place)
    assert notification is not None
    file = place / notification.snapshot.file
    file.write_bytes(file.read_bytes().replace(b"alpha", b"omega"))
    assert "not the bytes that were announced" in follow(growing, str(place), code=2)
    (place / "notification.json").write_text("{}")
    assert "not a notification" in follow(growing, str(place), code=2)
    assert not copy.exists()
    assert before


def test_a_signed_list_is_followed_only_with_its_key(growing: GrowingHistory) -> None:
    private, public = make_key(growing.folder, "site")
    _, other = make_key(growing.folder, "other")
    site = growing.write("site", "--key", str(private))
    place = str(site / "ports/deltas")
    assert "version 2" in follow(growing, place, "--key", str(public))
    assert "version 2" in follow(growing, place, "--key", str(other), "--key", str(public))
    assert "not signed by a key that is trusted" in follow(growing, place, "--key", str(other), code=2)
    signed = site / "ports/deltas/notification.jws"
    head, payload, signature = signed.read_bytes().strip().split(b".")
    changed = base64.urlsafe_b64encode(
        base64.urlsafe_b64decode(payload + b"==").replace(b'"ports"', b'"sport"')
    ).rstrip(b"=")
    none = base64.urlsafe_b64encode(b'{"alg":"none"}').rstrip(b"=")
    for text, words in (
        (b".".join((head, changed, signature)), "not signed by a key that is trusted"),
        (b".".join((none, payload, b"")), "another algorithm"),
        (b"nothing", "not a signed file"),
        (b"a.b.c", "not a signed file"),
    ):
        signed.write_bytes(text)
        assert words in follow(growing, place, "--key", str(public), code=2)
    plain = growing.write("plain")
    assert not (plain / "ports/deltas/notification.jws").exists()
    assert "notification.jws" in follow(growing, str(plain / "ports/deltas"), "--key", str(public), code=2)


def test_keys_that_cannot_be_used_are_errors(growing: GrowingHistory) -> None:
    private, public = make_key(growing.folder, "site")
    wrong = growing.folder / "wrong.pem"
    subprocess.run(["openssl", "genpkey", "-algorithm", "x25519", "-out", wrong], check=True, capture_output=True)
    wrong.chmod(0o600)
    site = growing.folder / "site"
    assert "not an Ed25519 key" in growing.command("site", str(site), "--key", str(wrong), code=2)
    public.chmod(0o600)
    assert "not a private key in PEM format" in growing.command("site", str(site), "--key", str(public), code=2)
    private.chmod(0o644)
    assert "chmod 600" in growing.command("site", str(site), "--key", str(private), code=2)
    assert not site.exists()
    growing.write()
    assert "not a public key" in follow(growing, str(site / "ports/deltas"), "--key", str(wrong), code=2)


def test_the_signature_is_verified_by_hand_as_documented(growing: GrowingHistory) -> None:
    private, public = make_key(growing.folder, "site")
    site = growing.write("site", "--key", str(private))
    commands = re.search(r"## Verifying by hand.*?```sh\n(.*?)```", (ROOT / "docs" / "site.md").read_text(), re.DOTALL)
    assert commands
    place = growing.folder / "hand"
    shutil.copytree(site / "ports/deltas", place)
    shutil.copy(public, place / "site.pub")
    done = subprocess.run(["bash", "-euc", commands[1]], cwd=place, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Signature Verified Successfully" in done.stdout
    notification = check_deltas(place)
    assert notification is not None
    assert f"{notification.snapshot.file}: OK" in done.stdout
    (place / notification.snapshot.file).write_text("other")
    done = subprocess.run(["bash", "-euc", commands[1]], cwd=place, capture_output=True, text=True, check=False)
    assert done.returncode != 0


@pytest.mark.fault(50)
def test_followers_killed_at_random_while_the_site_grows_have_the_same_bytes(
    growing: GrowingHistory, killing: ProcessKiller
) -> None:
    chance = random.Random(15)  # noqa: S311 - no secret
    copies = [growing.folder / "copies" / f"{number}.jsonl" for number in range(4)]
    copies[0].parent.mkdir()
    site = growing.write()
    kills = 0
    with serve_files(site) as address:
        for turn in range(6):
            if turn in (2, 4):
                growing.add("ports")
                while killing.run(growing.config, "site", str(site), at=chance.randrange(20, 200)).killed:
                    kills += 1
            for copy in copies:
                arguments = ("follow", f"{address}/ports/deltas", "--into", str(copy))
                kills += killing.run(growing.config, *arguments, at=chance.randrange(1, 30)).killed
        growing.write()
        for copy in copies:
            ended = killing.run(growing.config, "follow", f"{address}/ports/deltas", "--into", str(copy))
            assert ended.code == 0, ended.output
    assert kills > 5
    assert {copy.read_bytes() for copy in copies} == {snapshot(site)}


class RestlessFollower(threading.Thread):
    """Runs the command again and again, and kills most runs at a random moment, until it is stopped."""

    def __init__(self, address: str, copy: Path, seed: int) -> None:
        super().__init__()
        self.command = [sys.executable, "-m", "watcher", "follow", f"{address}/ports/deltas", "--into", str(copy)]
        self.chance = random.Random(seed)  # noqa: S311 - no secret
        self.stopped = threading.Event()
        self.kills = self.ends = 0

    def run(self) -> None:
        while not self.stopped.is_set():
            process = subprocess.Popen(self.command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            try:
                self.ends += process.wait(self.chance.uniform(0.2, 12)) == 0
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                self.kills += 1


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.fault(50)
def test_twenty_followers_killed_at_random_have_the_same_bytes(growing: GrowingHistory, killing: ProcessKiller) -> None:
    copies = [growing.folder / "copies" / f"{number}.jsonl" for number in range(20)]
    copies[0].parent.mkdir()
    site = growing.write()
    with serve_files(site) as address:
        followers = [RestlessFollower(address, copy, seed) for seed, copy in enumerate(copies)]
        for follower in followers:
            follower.start()
        chance = random.Random(16)  # noqa: S311 - no secret
        for _ in range(len(SERIES["ports"]) - growing.number["ports"]):
            growing.add("ports")
            while killing.run(growing.config, "site", str(site), at=chance.randrange(20, 250)).killed:
                time.sleep(1)
            time.sleep(20)  # the followers go on meanwhile
        for follower in followers:
            follower.stopped.set()
        for follower in followers:
            follower.join()
        growing.write()
        for follower in followers:
            assert subprocess.run(follower.command, capture_output=True, check=False).returncode == 0
    assert sum(follower.kills for follower in followers) > 20
    assert sum(follower.ends for follower in followers) > 20
    assert {copy.read_bytes() for copy in copies} == {snapshot(site)}
