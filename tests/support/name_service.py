"""The C library reads a file of services or protocols: in a mount namespace, where /etc has these files."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

# Lists every line with getservent, then answers single questions; None where the library knows no answer.
_SCRIPT = """
import ctypes, json, socket, sys

class Entry(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("aliases", ctypes.POINTER(ctypes.c_char_p)),
                ("number", ctypes.c_int), ("protocol", ctypes.c_char_p)]

def read(entry, has_protocol):
    aliases, place = [], 0
    while entry.aliases[place] is not None:
        aliases.append(entry.aliases[place].decode())
        place += 1
    number = socket.ntohs(entry.number & 0xFFFF) if has_protocol else entry.number
    return [entry.name.decode(), aliases, number, entry.protocol.decode() if has_protocol else ""]

def list_all(name):
    function = getattr(libc, name)
    function.restype = ctypes.POINTER(Entry)
    while entry := function():
        yield read(entry.contents, name == "getservent")

def ask(function, *arguments):
    try:
        return function(*arguments)
    except OSError:
        return None

libc = ctypes.CDLL(None)
libc.getprotobynumber.restype = ctypes.POINTER(Entry)

def name_protocol(number):
    entry = libc.getprotobynumber(number)
    return entry.contents.name.decode() if entry else None

questions = json.load(sys.stdin)
json.dump({
    "services": list(list_all("getservent")),
    "protocols": list(list_all("getprotoent")),
    "ports": [ask(socket.getservbyname, *question) for question in questions["names"]],
    "names": [ask(socket.getservbyport, *question) for question in questions["ports"]],
    "numbers": [ask(socket.getprotobyname, name) for name in questions["protocol_names"]],
    "protocol_names": [name_protocol(number) for number in questions["numbers"]],
}, sys.stdout)
"""
_MOUNT = (
    'for name in services protocols nsswitch.conf; do mount --bind "$0/$name" "/etc/$name" || exit 99; done; exec "$@"'
)


class Answers(NamedTuple):
    """What the C library says. `services` are (name, aliases, port, protocol), `protocols` (name, aliases, number)."""

    services: list[tuple[str, list[str], int, str]]
    protocols: list[tuple[str, list[str], int]]
    ports: list[int | None]
    names: list[str | None]
    numbers: list[int | None]
    protocol_names: list[str | None]


def ask_library(
    folder: Path,
    *,
    services: str = "",
    protocols: str = "",
    names: Iterable[tuple[str, str]] = (),
    ports: Iterable[tuple[int, str]] = (),
    protocol_names: Iterable[str] = (),
    numbers: Iterable[int] = (),
) -> Answers:
    """Ask getservbyname for `names`, getservbyport for `ports`, and so on. Skips where no namespace can be made."""
    _require_namespaces()
    (folder / "services").write_text(services)
    (folder / "protocols").write_text(protocols)
    (folder / "nsswitch.conf").write_text("services: files\nprotocols: files\n")
    questions = {
        "names": list(names),
        "ports": list(ports),
        "protocol_names": list(protocol_names),
        "numbers": list(numbers),
    }
    command = ["unshare", "--mount", "sh", "-c", _MOUNT, str(folder), sys.executable, "-c", _SCRIPT]
    done = subprocess.run(command, input=json.dumps(questions), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    answers = json.loads(done.stdout)
    return Answers(
        services=[(name, aliases, port, protocol) for name, aliases, port, protocol in answers["services"]],
        protocols=[(name, aliases, number) for name, aliases, number, _ in answers["protocols"]],
        **{name: answers[name] for name in ("ports", "names", "numbers", "protocol_names")},
    )


@cache
def _require_namespaces() -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can mount another /etc/services for a process")
    if not Path("/etc/services").exists() or not Path("/etc/protocols").exists():
        pytest.skip("this machine has no /etc/services and /etc/protocols to mount over (Debian package netbase)")
    if shutil.which("unshare") is None or subprocess.run(["unshare", "--mount", "true"], check=False).returncode:
        pytest.skip("no mount namespace can be made here")
    if subprocess.run(["getconf", "GNU_LIBC_VERSION"], capture_output=True, check=False).returncode:
        pytest.skip("the C library is not glibc")
