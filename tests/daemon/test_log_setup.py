"""A log line holds its values and no secret."""

from __future__ import annotations

import io
import json
import logging
import re
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from watcher.daemon import log_setup

SECRET = "whsec_c2VjcmV0/+c2VjcmV0="
URL = "https://watcher:hunter2@mirror.example.org/ports.xml"
FORMATS = ["text", "json", "auto"]
ANSI = re.compile("\x1b\\[[0-9;]*m")


@pytest.fixture(autouse=True, scope="module")
def _logging_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    others = {name: logging.getLogger(name).level for name in ("apscheduler", "urllib3")}
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, was in others.items():
        logging.getLogger(name).setLevel(was)
    structlog.reset_defaults()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def logged(format: str, event: str, *, stream: io.StringIO | None = None, **values: object) -> str:  # noqa: A002
    """Return the line of one record."""
    stream = stream or io.StringIO()
    log_setup.configure("info", format, stream)
    structlog.get_logger("watcher.test").warning(event, **values)
    return stream.getvalue()


def foreign(format: str, message: str, *arguments: object) -> str:  # noqa: A002
    """Return the line of a record of a library."""
    stream = io.StringIO()
    log_setup.configure("info", format, stream)
    logging.getLogger("somebody.else").warning(message, *arguments)
    return stream.getvalue()


@pytest.mark.parametrize("format", FORMATS)
def test_a_record_has_its_time_its_level_its_words_and_its_values(format: str) -> None:  # noqa: A002
    line = logged(format, "checked", source="ports")
    for part in ("checked", "warning", "source", "ports"):
        assert part in line
    assert re.search(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", line)


def test_json_is_one_object_a_line() -> None:
    text = json.loads(logged("json", "checked\nagain", source="ports", number=3, events=["a", "b"]))
    assert {name: text[name] for name in ("event", "level", "source", "number", "events")} == {
        "event": "checked again",
        "level": "warning",
        "source": "ports",
        "number": 3,
        "events": ["a", "b"],
    }


@pytest.mark.fault(63)
@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize(
    "value",
    [
        SECRET,
        URL,
        f"GET {URL} and {SECRET}: no",
        [URL, SECRET],
        (URL, [SECRET]),
        {"url": URL, "secret": SECRET},
        {"deep": [{"url": URL}]},
        ValueError(URL, SECRET),
    ],
    ids=lambda value: f"{type(value).__name__} {value}"[:30],
)
def test_no_secret_is_in_a_value_of_whatever_kind(format: str, value: object) -> None:  # noqa: A002
    line = logged(format, "fetching", value=value)
    assert "fetching" in line
    assert "hunter2" not in line
    assert "c2VjcmV0" not in line


@pytest.mark.fault(63)
@pytest.mark.parametrize("format", FORMATS)
def test_no_secret_is_in_the_words(format: str) -> None:  # noqa: A002
    line = logged(format, f"fetching {URL} with {SECRET}")
    assert "hunter2" not in line
    assert "c2VjcmV0" not in line
    assert "https://***@mirror.example.org/ports.xml with whsec_***" in line


@pytest.mark.fault(63)
@pytest.mark.parametrize("format", FORMATS)
def test_no_secret_is_in_what_a_library_logs(format: str) -> None:  # noqa: A002
    line = foreign(format, "fetching %s with %s", URL, SECRET)
    assert "https://***@mirror.example.org/ports.xml with whsec_***" in line
    assert "hunter2" not in line


def _break() -> None:
    raise ValueError(f"{URL} {SECRET}\x1b[2J")


@pytest.mark.fault(63)
@pytest.mark.parametrize("format", FORMATS)
def test_a_traceback_is_logged_without_secrets(format: str) -> None:  # noqa: A002
    stream = io.StringIO()
    log_setup.configure("info", format, stream)
    try:
        _break()
    except ValueError:
        structlog.get_logger("watcher.test").exception("broken")
        logging.getLogger("somebody.else").exception("broken too")
    output = stream.getvalue()
    assert output.count("ValueError: https://***@") == 2
    assert "hunter2" not in output
    assert "c2VjcmV0" not in output
    assert "\x1b" not in output


def test_redaction_leaves_what_is_no_secret() -> None:
    text = "mail ann@example.org about https://example.org/@ann?x=a:b@c and ssh://host"
    assert log_setup.redact(text) == text


@pytest.mark.fault(63)
@given(st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=8), st.text(), st.text())
def test_a_password_in_a_url_is_redacted_wherever_it_stands(password: str, before: str, after: str) -> None:
    redacted = log_setup.redact(f"{before} https://watcher:~{password}~@example.org/ {after}")
    assert f"~{password}~@" not in redacted
    assert "https://***@example.org/" in redacted


@pytest.mark.fault(34)
@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("hidden", ["\x1b[2J", "\r", "\0", "\x07", "\x9b", "\u202e", "\u2028", "\u200b"], ids=ascii)
def test_what_would_hide_or_move_text_is_shown(format: str, hidden: str) -> None:  # noqa: A002
    line = logged(format, f"a{hidden}b", value=f"c{hidden}d", several=[f"e{hidden}f"], deep={"g": f"h{hidden}i"})
    assert hidden not in line
    shown = f"<U+{ord(hidden[0]):04X}>{hidden[1:]}"
    for letters in ("ab", "cd", "ef"):
        assert f"{letters[0]}{shown}{letters[1]}" in line


@pytest.mark.fault(34)
@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize(
    "text", ["a\nb", "a\r\nb", "a\n2026-11-23T20:00:00Z [error    ] forged", "\n\n\n", "a\x85b\x0bc"]
)
def test_a_record_is_one_line_whatever_is_in_it(format: str, text: str) -> None:  # noqa: A002
    for line in (
        logged(format, text),
        logged(format, "checked", value=text),
        logged(format, "checked", several=[text]),
        foreign(format, "checked %s", text),
    ):
        assert len(line.splitlines()) == 1
        assert line.endswith("\n")


def test_colours_are_for_terminals_only() -> None:
    assert ANSI.search(logged("auto", "checked", stream=Terminal()))
    for format in ("text", "json"):  # noqa: A001
        assert not ANSI.search(logged(format, "checked", stream=Terminal()))
    assert not ANSI.search(logged("auto", "checked"))


@pytest.mark.parametrize("level", ["debug", "info", "warning", "error"])
def test_only_records_of_the_level_and_above_are_written(level: str) -> None:
    stream = io.StringIO()
    log_setup.configure(level, "json", stream)
    levels = ["debug", "info", "warning", "error"]
    for name in levels:
        getattr(structlog.get_logger("watcher.test"), name)("said")
    assert [json.loads(line)["level"] for line in stream.getvalue().splitlines()] == levels[levels.index(level) :]


def test_routine_messages_of_the_scheduler_and_of_connection_pools_are_not_logged() -> None:
    stream = io.StringIO()
    log_setup.configure("info", "json", stream)
    for name in ("apscheduler.executors.default", "urllib3.connectionpool"):
        logging.getLogger(name).info("job done")
        logging.getLogger(name).warning("trouble")
    assert [json.loads(line)["event"] for line in stream.getvalue().splitlines()] == ["trouble", "trouble"]


def test_configuring_twice_writes_a_record_once() -> None:
    first = io.StringIO()
    log_setup.configure("info", "json", first)
    assert len(logged("json", "checked").splitlines()) == 1
    assert first.getvalue() == ""
