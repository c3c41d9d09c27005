"""No test talks to anything but this machine, and no property test fails because the machine is busy.

Network: three locks. pytest-socket (options in pyproject.toml) refuses `connect` by name or address and names the
address, but only while a test runs. The audit hook below holds for the whole session, session fixtures and threads
included, and sees `connect_ex`, datagrams and the resolver too. Neither covers a program that a test starts: give it
loopback addresses only.
"""

from __future__ import annotations

import gc
import ipaddress
import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from tests.support import history_template
from watcher.core import runtime

pytest_plugins = ["tests.support.cli_fixtures", "tests.support.store_fixtures"]


class NetworkRefused(RuntimeError):  # noqa: N818 - it says what happened
    """Not an OSError: code under test that survives a broken network must not survive this."""


def is_here(host: object) -> bool:
    """Whether an address is of this machine; a name is only where it is `localhost`."""
    text = host.decode("ascii", "replace") if isinstance(host, bytes) else host
    if text in (None, "", "localhost"):
        return True
    try:
        address = ipaddress.ip_address(str(text).partition("%")[0])
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback or address.is_unspecified


def _is_address(host: object) -> bool:
    text = str(host).partition("%")[0]
    try:
        # Reads 127.1 and 0x7f.1 too, as the C library does.
        socket.inet_aton(text)
    except OSError:
        return ":" in text
    return True


def guard(event: str, arguments: tuple[Any, ...]) -> None:
    """Refuse what would leave this machine, before it does.

    A look-up fails as on a machine without a resolver, so that a test of an unknown name needs no network either.
    """
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        address = arguments[1]
        if isinstance(address, tuple) and not is_here(address[0]):
            raise NetworkRefused(f"a test tried {event} to {address[0]}: only loopback is allowed")
    elif event == "socket.getaddrinfo":
        # Turning an address into its own numbers asks nobody.
        if not (is_here(arguments[0]) or _is_address(arguments[0])):
            raise socket.gaierror(socket.EAI_NONAME, f"tests look up no names: {arguments[0]}")
    elif event == "socket.gethostbyname" and not is_here(arguments[0]):
        raise socket.gaierror(socket.EAI_NONAME, f"tests look up no names: {arguments[0]}")
    elif event == "socket.gethostbyaddr" and not is_here(arguments[0]):
        raise socket.herror(1, f"tests look up no names: {arguments[0]}")


sys.addaudithook(guard)

# Most tests sync files, and waiting for a disk takes longer than all else they do; a TMPDIR that is set is used.
_MEMORY_DISK = Path("/dev/shm")  # noqa: S108 - pytest makes a folder in it that is its user's alone
if "TMPDIR" not in os.environ and os.access(_MEMORY_DISK, os.W_OK) and shutil.disk_usage(_MEMORY_DISK).free > 4 << 30:
    os.environ["TMPDIR"] = tempfile.tempdir = str(_MEMORY_DISK)

# The default deadline of 200 ms per example measures the machine's other work too.
hypothesis.settings.register_profile("tests", deadline=None)
hypothesis.settings.load_profile("tests")


history_template.install()


def pytest_xdist_auto_num_workers() -> int:
    """Return two workers more than there are cores: some tests wait for a service or a timeout."""
    return (os.cpu_count() or 1) + 2


_SERVERS = {"postgresql_server", "driver"}  # fixtures that start PostgreSQL, a browser


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of `make test-servers` that a fixture or a parameter shows; the others mark themselves."""
    for item in items:
        parameters = (
            item.callspec.params.values() if isinstance(item, pytest.Function) and hasattr(item, "callspec") else ()
        )
        if _SERVERS & set(getattr(item, "fixturenames", ())) or "postgresql" in parameters:
            item.add_marker(pytest.mark.server)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Pause the garbage collector: modules and 7,000 tests live until the end. It saves a quarter of the time."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()


# A full garbage collection goes through every object: those of 5,000 collected tests, and the real releases that tests
# share, are set aside for it. They live until the end anyway.
def pytest_collection_finish() -> None:
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="module", autouse=True)
def _freeze_what_a_module_leaves() -> Iterator[None]:
    yield
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def _keep_the_heap() -> Iterator[None]:
    """Let no daemon in this process change how it allocates: the time of large blocks, measured later, would jump."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runtime, "return_large_blocks_at_once", lambda: None)
        yield
