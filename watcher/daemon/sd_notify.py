"""Messages to the service manager (sd_notify(3)). Without one, nothing is sent."""

from __future__ import annotations

import os
import socket
import time


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


def status(text: str) -> str:
    return "STATUS=" + text.replace("\n", "; ")


def reloading() -> str:
    """Return the message that begins a reload; READY=1 ends it. systemd requires the time of the reload."""
    return f"RELOADING=1\nMONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}"


def watchdog_seconds() -> float | None:
    """Return the watchdog timeout of the service manager; None without one."""
    microseconds = os.environ.get("WATCHDOG_USEC", "")
    if not microseconds.isdecimal() or os.environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    return int(microseconds) / 1_000_000
