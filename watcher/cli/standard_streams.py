"""Standard output and error that end no command: a closed pipe, a full disk, an encoding without some characters.

A command goes on when its output cannot be written, because a check must reach its other sources and send its alerts.
`main` asks at the end whether something was lost.
"""

from __future__ import annotations

import codecs
import errno
import io
import os
import select
import sys
from typing import TextIO

# Characters of our own sentences that have a common spelling in ASCII.
_SPELLINGS = {"→": "->", "…": "...", "“": '"', "”": '"', "—": "-", "─": "-"}


class GuardedFile(io.RawIOBase):
    """A file descriptor for writing. After the first error nothing is written any more; `error` is that error."""

    def __init__(self, descriptor: int) -> None:
        self.error: OSError | None = None
        self._descriptor = descriptor

    def write(self, data: bytes | bytearray | memoryview) -> int:  # type: ignore[override]
        while self.error is None:
            try:
                return os.write(self._descriptor, data)
            except BlockingIOError:  # another program made the terminal or pipe non-blocking
                select.select((), (self._descriptor,), ())
            except OSError as error:
                self.error = error
        return len(data)

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._descriptor

    def isatty(self) -> bool:
        return os.isatty(self._descriptor)


class _AsciiText(io.TextIOWrapper):
    """Text in ASCII. click would write UTF-8 to a stream that calls itself ASCII."""

    encoding = "ASCII with escapes"


def guard_streams() -> tuple[GuardedFile, ...]:
    """Replace the standard output and error of this process, and return what writes them; nothing if others did."""
    codecs.register_error("visible", _spell)
    files = []
    for name in ("stdout", "stderr"):
        stream: TextIO | None = getattr(sys, name)
        if stream is None:  # the descriptor was closed: the next file opened must not get its number
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115, PTH123 - for the process
        elif stream is getattr(sys, f"__{name}__") and isinstance(stream, io.TextIOWrapper):
            file = GuardedFile(stream.fileno())
            is_ascii = codecs.lookup(stream.encoding).name == "ascii"
            guarded = (_AsciiText if is_ascii else io.TextIOWrapper)(
                io.BufferedWriter(file),  # type: ignore[type-var]  # typeshed wants more than a RawIOBase
                encoding="ascii" if is_ascii else stream.encoding,
                errors="visible",
                line_buffering=stream.line_buffering,
            )
            setattr(sys, name, guarded)
            files.append(file)
    return tuple(files)


def describe_loss(files: tuple[GuardedFile, ...]) -> str | None:
    """Return why the standard output was not written in full; None also if its reader closed a pipe."""
    for file in files:
        if file.fileno() == 1 and file.error is not None and file.error.errno != errno.EPIPE:
            return file.error.strerror
    return None


def _spell(error: UnicodeError) -> tuple[str, int]:
    """Return characters that an encoding does not have in a visible spelling: `->`, `<U+202E>`."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    characters = error.object[error.start : error.end]
    return "".join(_SPELLINGS.get(character, f"<U+{ord(character):04X}>") for character in characters), error.end
