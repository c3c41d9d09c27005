"""The process of the apprise channel: reads an order as JSON on standard input, sends it, and exits.

`python -m watcher.alerts.channels.apprise_sender`. It is the only module that imports apprise.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence

import apprise

from watcher.core.redaction import hide_secrets

_SHORTEST_SECRET = 5  # characters of a part of a URL; shorter ones are words such as `json`
_PART = re.compile(r"[^/:@?&=#,+]+")


def main() -> int:
    """Send one message to all URLs. Exit code 0: every service accepted it; 1: not all did."""
    order = json.load(sys.stdin)
    problems = send(order["urls"], title=order["title"], text=order["text"])
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


def send(urls: Sequence[str], *, title: str, text: str) -> list[str]:
    """Send a message to each URL and return a line for each that did not accept it, without the secrets in URLs."""
    asset = apprise.AppriseAsset(app_id="registry-watcher", app_url="", async_mode=False, plugin_paths=[])
    problems = []
    if not urls:
        problems.append("the secret has no URL")
    for number, url in enumerate(urls, 1):
        sender = apprise.Apprise(asset=asset)
        with apprise.LogCapture(level=apprise.logging.WARNING, fmt="%(message)s") as log:  # type: ignore[no-untyped-call]
            if not sender.add(url):
                problems.append(f"URL {number} names no service that apprise knows")
                continue
            is_sent = sender.notify(title=title, body=text, body_format=apprise.NotifyFormat.TEXT)
            said = " ".join(log.getvalue().split())
        if not is_sent:
            problems.append(hide_secrets(f"URL {number} failed: {said or 'it gave no reason'}", _secrets_in(url)))
    return problems


def _secrets_in(url: str) -> list[str]:
    """Return the parts of a URL that may be secret: user, password, host and every token."""
    return [part for part in _PART.findall(url.partition("://")[2]) if len(part) >= _SHORTEST_SECRET]


if __name__ == "__main__":
    sys.exit(main())
