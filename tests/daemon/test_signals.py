"""Signals as values."""

from __future__ import annotations

import os
import signal

from watcher.daemon.signals import Signals


def test_signals_are_read_in_order_and_change_nothing_else() -> None:
    before = signal.getsignal(signal.SIGHUP)
    with Signals(signal.SIGHUP, signal.SIGUSR1) as signals:
        assert signals.wait(0) == []
        for number in (signal.SIGHUP, signal.SIGUSR1):
            os.kill(os.getpid(), number)
        assert signals.wait(30) == [signal.SIGHUP, signal.SIGUSR1]
        assert signals.wait(0) == []
    assert signal.getsignal(signal.SIGHUP) == before
