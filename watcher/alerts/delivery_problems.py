"""What on this machine would keep every message of a channel from being sent, found before the first message.

`config check` refuses it. It is no mistake for the daemon: what is missing can come back while it runs, and meanwhile
messages are retried and the operators notified over another channel.
"""

from __future__ import annotations

from collections.abc import Iterator

from watcher.alerts.channels import create_channel
from watcher.config.settings import Settings
from watcher.config.value_types import HiddenUrl, SecretRef


def find_delivery_problems(settings: Settings) -> Iterator[str]:
    """Yield a line for each thing that an enabled channel lacks, and for each secret whose file is missing."""
    refs: dict[str, SecretRef | HiddenUrl] = dict(settings.secret_urls())
    for number, table in enumerate(settings.channel):
        if table.enabled:
            channel = create_channel(table, settings)
            refs.update(channel.secrets())
            yield from (f"channel[{number}].{problem}" for problem in channel.find_problems())
    for name, ref in refs.items():
        kind, _, path = ref.partition(":")
        # Variables and credentials are those of the service. A file that this user cannot see may be there.
        if kind == "file" and _is_missing(settings, path):
            yield f"{name}: {ref:s}: {settings.folder / path}: No such file or directory"


def _is_missing(settings: Settings, path: str) -> bool:
    try:
        (settings.folder / path).stat()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return False
