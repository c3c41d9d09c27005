"""Tell the service manager how we are (sd_notify(3)). Nothing happens where there is none."""

from __future__ import annotations

import os
import socket


def notify(state: str) -> None:
    """Send one datagram such as `READY=1`; a service manager that does not listen is not an error."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
        try:
            channel.sendto(state.encode(), "\0" + address[1:] if address.startswith("@") else address)
        except OSError:
            return


def watchdog_seconds() -> float | None:
    """Return how often the service manager wants to hear of us, None where it does not."""
    microseconds = os.environ.get("WATCHDOG_USEC", "")
    if not microseconds.isdecimal() or os.environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    return int(microseconds) / 1_000_000
