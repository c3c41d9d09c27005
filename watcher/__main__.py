"""`watcher …` and `python -m watcher …`."""

from __future__ import annotations

import sys

import click

from watcher.cli import watcher
from watcher.core.errors import WatcherError
from watcher.render.safe_text import visible

USAGE_ERROR = 2
INTERRUPTED = 130


def main() -> None:
    """Run the command line. A WatcherError is printed in one line, without traceback; the exit code is 2."""
    try:
        code = watcher.main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("watcher: interrupted", err=True)
        code = INTERRUPTED
    except WatcherError as error:
        for line in str(error).splitlines():
            click.echo(f"watcher: error: {visible(line)}", err=True)
        code = USAGE_ERROR
    sys.exit(code if isinstance(code, int) else 0)


if __name__ == "__main__":
    main()
