"""Commands of an extended package in forks of one process that has imported what its own tables list."""

from __future__ import annotations

from typing import Any

from tests.support.fork_server import serve
from watcher.cli import COMMANDS
from watcher.core.lazy import LAZY


def _refuse(order: dict[str, Any]) -> None:
    raise ValueError(f"only scripts are run, not {order}")


if __name__ == "__main__":
    serve([*LAZY.values(), *(module for module, _ in COMMANDS.values())], _refuse)
