"""Logs to standard error: text for people (colours only on a terminal), JSON for machines, without secrets."""

from __future__ import annotations

import logging
from collections.abc import Mapping, MutableMapping
from typing import IO, Any

import structlog

from watcher.core.patterns import regex
from watcher.core.texts import cut_text
from watcher.render.safe_text import visible

_USERINFO = regex(r"(?<=://)[^/@\s]+@")
# These keep their lines. Everything else is one line: registry text with a line feed must not look like a log record.
_TRACEBACKS = frozenset({"exception", "stack"})
_LONGEST = 20_000  # characters of one value
_SECRET = regex(r"whsec_[A-Za-z0-9+/=]+")


def configure(level: str, format: str, stream: IO[str]) -> None:  # noqa: A002 - the config's word
    """Set up logging for the process. `format` is `auto`, `text` or `json`."""
    as_json = format == "json"
    renderer: Any = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if as_json
        else structlog.dev.ConsoleRenderer(colors=format == "auto" and stream.isatty(), pad_event_to=0)
    )
    shared: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        clean,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer], foreign_pre_chain=shared
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # Both log every job and connection at info; the daemon logs skipped checks itself.
    for name, lowest in (
        ("apscheduler", logging.WARNING),
        ("apscheduler.scheduler", logging.ERROR),
        ("urllib3", logging.WARNING),
    ):
        logging.getLogger(name).setLevel(lowest)


def clean(
    logger: object,  # noqa: ARG001 - structlog's shape
    method: str,  # noqa: ARG001
    event: MutableMapping[str, Any],
) -> MutableMapping[str, Any]:
    """Remove secrets from every value and make invisible characters visible."""
    return {name: _clean(value, lines=name in _TRACEBACKS) for name, value in event.items()}


def _clean(value: Any, *, lines: bool = False) -> Any:
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, Mapping):
        return {str(_clean(name)): _clean(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_clean(item) for item in value]
    return redact(visible(cut_text(value if isinstance(value, str) else repr(value), _LONGEST), lines=lines))


def redact(text: str) -> str:
    """Return text with users and passwords in URLs, and webhook secrets, replaced by ***."""
    return _SECRET.sub("whsec_***", _USERINFO.sub("***@", text))
