"""The command channel: a program of the operator gets each message as JSON on its standard input."""

from __future__ import annotations

import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from watcher.alerts.channels.child_process import SAFE_PATH, ProgramResult, run_program
from watcher.alerts.channels.json_bodies import LocalChannel
from watcher.config.channel_settings import CommandSettings
from watcher.config.settings import Settings
from watcher.core.errors import DeliveryError
from watcher.core.operations import Delivery

_LONGEST_ERRORS = 400  # characters of standard error in the record of a delivery, the last


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandChannel(LocalChannel[CommandSettings]):
    """A channel that runs a program for each message."""

    def find_problems(self) -> Sequence[str]:
        problem = self.settings.find_program_problem(self.folder)
        return () if problem is None else (f"command: {problem}",)

    def send(self, delivery: Delivery, now: datetime) -> None:  # noqa: ARG002 - as Channel
        """Run the program. Exit code 0 is success; after anything else a retry can help."""
        program = self.folder / self.settings.command[0]
        try:
            # Each time, because the program can be replaced while the daemon runs.
            self.settings.require_safe_program(self.folder)
            result = run_program(
                [str(program), *self.settings.command[1:]],
                text=delivery.body,
                folder=self.folder,
                environment=self._environment(delivery),
                seconds=self.settings.timeout,
            )
        except OSError as error:
            raise DeliveryError(f"{program}: cannot be run: {error.strerror}", permanent=False) from error
        if result.code != 0:
            raise DeliveryError(self._describe(program, result), permanent=False)

    def _environment(self, delivery: Delivery) -> Mapping[str, str]:
        """Return all variables of the program: none of this process, which may hold secrets."""
        return {
            "PATH": SAFE_PATH,
            "LANG": "C.UTF-8",
            "WATCHER_CHANNEL": self.name,
            "WATCHER_DELIVERY": delivery.id,
            "WATCHER_SOURCE": delivery.source,
        }

    def _describe(self, program: Path, result: ProgramResult) -> str:
        if result.code is None:
            ending = f"was killed after {self.settings.timeout:g} s"
        elif result.code < 0:
            ending = f"was ended by {_signal_name(-result.code)}"
        else:
            ending = f"exit code {result.code}"
        words = " ".join(result.errors.split())
        last = f"…{words[-_LONGEST_ERRORS:]}" if len(words) > _LONGEST_ERRORS else words
        return f"{program}: {ending}" + (f": {last}" if last else "")


def create_channel(settings: CommandSettings, config: Settings) -> CommandChannel:
    return CommandChannel(settings=settings, folder=config.folder, address=config.web.address or "")


def _signal_name(number: int) -> str:
    return next((member.name for member in signal.Signals if member == number), f"signal {number}")
