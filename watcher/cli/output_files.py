"""Write what a command exports: bytes to standard output, a file in one step, a folder, or an archive."""

from __future__ import annotations

import io
import sys
import tarfile
from collections.abc import Mapping
from pathlib import Path

import click

from watcher.core.durable_files import replace_file
from watcher.core.errors import UsageError
from watcher.render.safe_text import HIDDEN

_FILE_MODE = 0o644
_DATABASE = b"SQLite format 3\0"


def write_output(data: bytes, out: Path | None) -> None:
    """Write bytes to a file, or to standard output. A reader sees the whole file or the one that was there before.

    Raises UsageError where the bytes would act on a terminal, or the path is a folder, a device, a pipe, a history or
    the configuration.
    """
    if out is None:
        if sys.stdout.isatty() and acts_on_terminal(data):
            raise UsageError("the output has characters that act on a terminal; redirect it, or give --out FILE")
        click.echo(data, nl=False)
        return
    try:
        target = out.resolve()  # a symbolic link stays one
        if target.exists() and not target.is_file():
            raise UsageError(f"{out}: is not a file; leave out --out to write to standard output")
        if _is_database(target) or _is_configuration(target):
            kind = "an SQLite database" if _is_database(target) else "the configuration"
            raise UsageError(f"{out}: is {kind}, which is not replaced; give --out another name")
        with replace_file(target) as temporary:
            temporary.write_bytes(data)
    except OSError as error:
        raise UsageError(f"{out}: cannot be written: {error.strerror}") from None
    except RuntimeError:
        raise UsageError(f"{out}: is a symbolic link to itself") from None


def _is_database(path: Path) -> bool:
    """Return whether a path is a file of SQLite, such as the history."""
    if not path.exists():
        return False
    with path.open("rb") as file:
        return file.read(len(_DATABASE)) == _DATABASE


def _is_configuration(path: Path) -> bool:
    context = click.get_current_context(silent=True)
    return context is not None and isinstance(context.obj, Path) and context.obj.resolve() == path


def acts_on_terminal(data: bytes) -> bool:
    """Return whether bytes are no UTF-8 text, or have characters that move a cursor or hide text."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return True
    return HIDDEN.search(text.replace("\t", " ").replace("\r\n", "\n")) is not None


def write_folder(files: Mapping[str, bytes], folder: Path) -> int:
    """Write files into a folder, each in one step, and return how many others are in it. Raises UsageError."""
    try:
        folder.mkdir(exist_ok=True)
        others = {path.name for path in folder.iterdir()} - {*files}
        for name, data in files.items():
            write_output(data, folder / name)
    except OSError as error:
        raise UsageError(f"{folder}: cannot be written: {error.strerror}") from None
    return len(others)


def make_archive(files: Mapping[str, bytes]) -> bytes:
    """Return a tar archive of files (POSIX ustar) that has no time, user or order of this machine."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, data in sorted(files.items()):
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(data), _FILE_MODE
            archive.addfile(member, io.BytesIO(data))
    return out.getvalue()
