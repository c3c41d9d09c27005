"""The tutorial is typed as it stands, into one shell in an empty folder, and prints what it says."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[1]
PORTS = ("8001", "8002", "8025")  # of the three servers that the tutorial starts
_MARK = "===== end of block"
# The tutorial waits a second for its servers. A loaded machine needs longer: wait until they accept connections.
_WAIT = """python3 -c '
import socket, sys, time
for port in sys.argv[1:]:
    for _ in range(600):
        try:
            socket.create_connection(("127.0.0.1", int(port))).close()
            break
        except OSError:
            time.sleep(0.05)
' {ports}"""


class Block(NamedTuple):
    """What is typed, and the lines that it says are printed; `…` stands for any text."""

    typed: str
    printed: tuple[str, ...]


def read_blocks(text: str) -> Iterator[Block]:
    for typed, printed in re.findall(r"```sh\n(.*?)```\n(?:\n```text\n(.*?)```)?", text, re.DOTALL):
        yield Block(typed, tuple(printed.splitlines()))


def free_ports() -> list[str]:
    sockets = [socket.socket() for _ in PORTS]
    for opened in sockets:
        opened.bind(("127.0.0.1", 0))
    ports = [str(opened.getsockname()[1]) for opened in sockets]
    for opened in sockets:
        opened.close()
    return ports


def find_missing(expected: tuple[str, ...], output: str) -> list[str]:
    """Return the expected lines that no line of an output after the last one fits."""
    lines = iter(output.splitlines())
    missing = []
    for line in expected:
        pattern = ".*".join(map(re.escape, line.split("…")))
        if not any(re.fullmatch(pattern, shown.strip()) for shown in lines):
            missing.append(line)
    return missing


def test_the_tutorial_leads_from_an_empty_folder_to_a_verified_webhook_and_a_mail(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "tutorial.md").read_text("utf-8")
    blocks = list(read_blocks(text))
    assert len(blocks) == 9
    ports = free_ports()
    script = "set -m\n" + f"echo '{_MARK}'\n".join(block.typed for block in blocks)
    for port, free in zip(PORTS, ports, strict=True):
        assert port in script
        script = script.replace(port, free)
    script = script.replace("sleep 1\n", _WAIT.format(ports=" ".join(ports)) + "\n")
    environment = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "HOME": str(tmp_path), "LANG": "C.UTF-8"}
    typed = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    outputs = typed.stdout.split(_MARK + "\n")
    assert len(outputs) == len(blocks), typed.stdout + typed.stderr
    for block, output in zip(blocks, outputs, strict=True):
        assert find_missing(block.printed, output) == [], f"{block.typed}\nprinted:\n{output}\n{typed.stderr}"


@pytest.mark.parametrize("line", ["no such line", "…no such…"])
def test_a_line_that_is_not_printed_is_missed(line: str) -> None:
    assert find_missing(("a…", line), "ab\nsome line\n") == [line]
