"""The process of the apprise channel: reads an order as JSON on standard input, sends it, and exits.

`python -m watcher.alerts.channels.apprise_sender send|urls`. It is the only module that imports apprise.
"""

from __future__ import annotations

import json
import os
import ssl
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import apprise
import certifi

from watcher.core.patterns import regex
from watcher.core.redaction import hide_secrets

_SHORTEST_SECRET = 5  # characters of a part of a URL; shorter ones are words such as `json`
_NO_URL = "the secret has no URL"
_PART = regex(r"[^/:@?&=#,+]+")


def main() -> int:
    """Send one message to all URLs (`send`), or only read them (`urls`). Exit code 0: done; 1: not with every URL."""
    order = json.load(sys.stdin)
    with trusted(order["ca_file"]):
        if sys.argv[1:] == ["urls"]:
            problems = find_unknown(order["urls"])
        else:
            problems = send(order["urls"], title=order["title"], text=order["text"])
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


@contextmanager
def trusted(ca_file: str) -> Iterator[None]:
    """Trust the authorities of a file, if one is named, besides those of this machine."""
    if not ca_file:
        yield
        return
    usual = [certifi.where(), os.environ.get("SSL_CERT_FILE") or ssl.get_default_verify_paths().cafile]
    with tempfile.TemporaryFile() as bundle:  # without a name, so that nothing is left if this process is killed
        for path in (*usual, ca_file):
            if path and Path(path).is_file():
                bundle.write(Path(path).read_bytes() + b"\n")
        bundle.flush()
        name = f"/dev/fd/{bundle.fileno()}"
        os.environ |= {"REQUESTS_CA_BUNDLE": name, "SSL_CERT_FILE": name}  # of HTTP; of mail and other services
        yield


def find_unknown(urls: Sequence[str]) -> list[str]:
    """Return a line for each URL that names no service."""
    problems = [] if urls else [_NO_URL]
    return problems + [_unknown(number) for number, url in enumerate(urls, 1) if not _sender().add(url)]


def send(urls: Sequence[str], *, title: str, text: str) -> list[str]:
    """Send a message to each URL and return a line for each that did not accept it, without the secrets in URLs."""
    problems = [] if urls else [_NO_URL]
    for number, url in enumerate(urls, 1):
        sender = _sender()
        with apprise.LogCapture(level=apprise.logging.WARNING, fmt="%(message)s") as log:  # type: ignore[no-untyped-call]
            if not sender.add(url):
                problems.append(_unknown(number))
                continue
            is_sent = sender.notify(title=title, body=text, body_format=apprise.NotifyFormat.TEXT)
            reason = " ".join(log.getvalue().split())
        if not is_sent:
            problems.append(hide_secrets(f"URL {number} failed: {reason or 'it gave no reason'}", _secrets_in(url)))
    return problems


def _sender() -> apprise.Apprise:
    asset = apprise.AppriseAsset(app_id="registry-watcher", app_url="", async_mode=False, plugin_paths=[])
    return apprise.Apprise(asset=asset)


def _unknown(number: int) -> str:
    return f"URL {number} names no service that apprise knows"


def _secrets_in(url: str) -> list[str]:
    """Return the parts of a URL that may be secret: user, password, host and every token."""
    return [part for part in _PART.findall(url.partition("://")[2]) if len(part) >= _SHORTEST_SECRET]


if __name__ == "__main__":
    sys.exit(main())
