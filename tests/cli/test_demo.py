"""`watcher demo`: the whole process on sample releases."""

from __future__ import annotations

import os
import re
import signal
import socket
import sys
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from subprocess import PIPE, Popen

import pytest
import requests

from tests.support.cli_fixtures import RunCli

FIRST, LAST = "2024-11-19", "2025-04-22"


def test_the_demo_shows_the_whole_process(demo_folder: Path) -> None:
    result = (demo_folder / "output").read_text()
    assert "6 releases, 4 webhooks with a valid signature, 0 with an invalid one, 4 e-mails" in result
    for event in ("port-assigned", "port-deassigned", "service-renamed", "contact-changed", "marked-historic",
                  "unauthorized-use-reported"):  # fmt: skip
        assert event in result
    assert "(was unassigned)" in result
    assert f"watcher diff ports {FIRST} {LAST}" in result


def test_the_demo_keeps_its_pages_up_at_any_port_until_it_is_interrupted(tmp_path: Path) -> None:
    with ExitStack() as stack:
        with suppress(OSError):  # another program has it: all the better
            stack.enter_context(socket.create_server(("127.0.0.1", 8080)))
        environment = {**os.environ, "PYTHONWARNINGS": "error", "TMPDIR": str(tmp_path)}
        command = [sys.executable, "-u", "-m", "watcher", "demo", "--serve"]
        # A shell starts what runs in the background with SIGINT ignored, and that is inherited.
        heard = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
        process = stack.enter_context(
            Popen(command, stdout=PIPE, text=True, env=environment, preexec_fn=heard)  # noqa: PLW1509 - one thread
        )
        stack.callback(process.kill)
        try:
            (address,) = next(filter(None, (re.findall("In a browser: (http:[^ ]+)", line) for line in process.stdout)))
            assert ":8080/" not in address
            page = requests.get(f"{address}ports/entry/3070/tcp", timeout=60).text
        finally:
            process.send_signal(signal.SIGINT)
        assert "All files were removed" not in process.stdout.read()
        assert process.wait(60) == 130
    assert "harbor-link" in page
    assert list(tmp_path.iterdir()) == []


def test_the_demo_removes_its_files(run: RunCli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    result = run("demo")
    assert result.code == 0
    assert "All files were removed" in result.out
    assert "then http://127.0.0.1:8080/" in result.out.splitlines()[-1]
    assert list(tmp_path.iterdir()) == []


def test_the_demo_does_not_write_into_a_folder_with_files(run: RunCli, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").touch()
    result = run("demo", "--keep", "full")
    assert result.code == 2
    assert "not empty" in result.err
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["mine"]
