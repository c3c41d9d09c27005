"""The configuration that `watcher init` writes: the few lines that answer three questions."""

from __future__ import annotations

import json
from collections.abc import Iterator

from msgspec import Struct

PORTS, IANA, NOWHERE = "ports", "iana", "none"
SECRET_FILE = "webhook-secret"  # noqa: S105 - the name of a file
_PORTS_URL = "https://www.iana.org/assignments/service-names-port-numbers/service-names-port-numbers.xml"
_INDEX_URL = "https://www.iana.org/protocols/"


class Answers(Struct, frozen=True, kw_only=True):
    """The answers to the questions.

    `contact` is a mail address or a URL, "" for none. `watch` is `ports`, `iana` or the ids of registry groups.
    `alerts` is a mail address, the URL of a webhook, `none`, or else the path of a file.
    """

    contact: str = ""
    watch: str = PORTS
    alerts: str = "alerts.jsonl"

    @property
    def has_webhook(self) -> bool:
        return "://" in self.alerts


def render_configuration(answers: Answers) -> str:
    """Return the text of a configuration in TOML. It is not checked."""
    return "\n".join(_list_lines(answers)) + "\n"


def _list_lines(answers: Answers) -> Iterator[str]:
    yield "# Written by `watcher init`. Paths are relative to this file."
    yield "# `watcher config example` prints every setting, `watcher config check` reports mistakes."
    if answers.contact:
        yield ""
        yield "[fetch]"
        yield f"contact = {_quote(answers.contact)}"
    yield ""
    yield from _list_source_lines(answers.watch)
    if answers.alerts != NOWHERE:
        yield ""
        yield "[[channel]]"
        yield 'name = "alerts"'
        yield from _list_channel_lines(answers)
        yield "operator = true                # also notices about the watcher itself"


def _list_source_lines(watch: str) -> Iterator[str]:
    yield "[[source]]"
    if watch == PORTS:
        yield 'name = "ports"'
        yield f"url = {_quote(_PORTS_URL)}"
        yield 'registry = "ports"'
        yield 'every = "6h"'
        return
    yield 'name = "iana"'
    yield 'type = "collection"            # each registry group is a source named iana.GROUP: docs/collections.md'
    if watch == IANA:
        yield f"index = {_quote(_INDEX_URL)}"
    else:
        groups = [group.strip() for group in watch.split(",") if group.strip()]
        yield f"groups = [{', '.join(map(_quote, groups))}]"
    yield 'every = "24h"'


def _list_channel_lines(answers: Answers) -> Iterator[str]:
    if answers.has_webhook:
        yield 'type = "webhook"               # signed: docs/json.md'
        yield f"url = {_quote(answers.alerts)}"
        yield f'secret = "file:{SECRET_FILE}"'
    elif "@" in answers.alerts:
        yield 'type = "email"                 # through the mail server of this machine, unless [smtp] names another'
        yield f"to = [{_quote(answers.alerts)}]"
    else:
        yield 'type = "file"                  # one line of JSON for each message'
        yield f"path = {_quote(answers.alerts)}"


def _quote(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007F")
