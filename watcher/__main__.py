"""`watcher …` and `python -m watcher …`."""

from __future__ import annotations

import gc
import sys
from typing import TYPE_CHECKING

import click

from watcher.cli import watcher
from watcher.cli.standard_streams import describe_loss, guard_streams
from watcher.core.errors import NO_THREAD, WatcherError, is_without_thread
from watcher.core.lazy import load
from watcher.render.safe_text import visible

if TYPE_CHECKING:
    import traceback

    from watcher.monitor import failures
else:
    failures, traceback = load("failures"), load("traceback")

ERROR = 2  # in the call, the configuration, the history or the machine
INTERNAL_ERROR = 70  # sysexits.h: never a code that a command documents
INTERRUPTED = 130


def main() -> None:
    """Run the command line. An error is printed in one line; only one of the program itself may have a traceback."""
    files = guard_streams()
    code = _run()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    if (loss := describe_loss(files)) is not None:
        _print_error(f"standard output cannot be written: {loss}; the command did its work, its output is lost")
        code = max(code, ERROR)
    gc.freeze()  # else Python would search all modules for garbage as it ends: a fifteenth of a short command
    sys.exit(code)


def _run() -> int:
    """Run the command line and return its exit code."""
    try:
        code = watcher.main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("watcher: interrupted", err=True)
        return INTERRUPTED
    except WatcherError as error:
        for line in str(error).splitlines():
            _print_error(line)
        return ERROR
    except OSError as error:
        _print_error(f"{error.filename}: {error.strerror}" if error.filename is not None else str(error))
        return ERROR
    except MemoryError:
        _print_error("out of memory")
        return ERROR
    except Exception as error:  # noqa: BLE001 - a traceback would exit with 1, which means something else
        if is_without_thread(error):
            _print_error(NO_THREAD)
            return ERROR
        return _report_internal(error)
    return code if isinstance(code, int) else 0


def _report_internal(error: Exception) -> int:
    """Print an error of this program, with the traceback if the call asks for it, and return its exit code."""
    if isinstance(error, UnicodeEncodeError) and any(not argument.isprintable() for argument in sys.argv):
        _print_error("an argument is not valid text in the encoding of this machine")
        return ERROR
    if {"-v", "--verbose"} & {*sys.argv[1:]}:
        click.echo(visible(traceback.format_exc(), lines=True), err=True)
    hint = "to the issues of registry-watcher, with the traceback that `watcher -v` prints"
    _print_error(f"{failures.describe_error(error)} {hint}")
    return INTERNAL_ERROR


def _print_error(line: str) -> None:
    click.echo(f"watcher: error: {visible(line)}", err=True)


if __name__ == "__main__":
    main()
