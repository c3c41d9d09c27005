"""Registry text that means harm, out of every door: nothing moves a cursor, hides, computes, or becomes markup.

The renderers have property tests of their own (tests/render); here whole documents go the whole way. JSON brings
what XML cannot: escape sequences and every control character.
"""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from email.message import Message
from itertools import pairwise
from pathlib import Path
from typing import Any

import lxml.html
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.render import HOSTILE, TEXT, hidden
from tests.support.environment import Environment, open_environment
from tests.support.group_releases import group, record, registry
from tests.support.run_cli import run_command
from watcher.alerts.channels import email_message, webhook_message
from watcher.core.model import Comparison, Release
from watcher.diff.classify import explain
from watcher.diff.content import read_content
from watcher.registries.catalog import REGISTRIES
from watcher.render import csv as as_csv
from watcher.render import html, markdown, text
from watcher.render import json as as_json
from watcher.render.document import comparison_document

EVIL = "".join(HOSTILE)
JSON_SOURCE = 'registry = "iana"\nformat = "json"'


def document(*names: str, updated: str = "") -> bytes:
    """A table whose titles, keys and cells are hostile."""
    rows = [{"Value": f"{number}", f"Na{EVIL}me": name, "Description": EVIL} for number, name in enumerate(names)]
    return json.dumps(rows).encode()


@pytest.fixture(scope="module")
def env(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
    """A history of hostile releases: some accepted, one held, a failed check, all sent by mail and webhook."""
    with open_environment(tmp_path_factory.mktemp("hostile")) as made:
        made.configure('registry = "ports"', JSON_SOURCE)
        made.configure('name = "mail"', 'name = "mail"\noperator = true')
        made.configure('name = "hook"', 'name = "hook"\noperator = true')
        made.check(document(*HOSTILE))
        assert str(made.check(document(*HOSTILE[1:], "new" + EVIL)).outcome) == "changed"
        assert str(made.check(document(EVIL)).outcome) in ("held", "changed")
        assert str(made.check(b'[{"a": 1}, "' + json.dumps(EVIL).encode() + b'"]').outcome) == "failed"
        yield made


def shown(output: str) -> set[str]:
    """Return the characters that could do harm on a terminal."""
    return {char for line in output.split("\n") for char in hidden(line)}


@pytest.fixture(scope="module")
def releases(env: Environment) -> list[str]:
    result = json.loads(run_command(env.servers.config, "releases", "ports", "--format", "json").stdout)
    return [release["release"] for release in result["releases"]]


COMMANDS = (
    ["status"],
    ["status", "--format", "md"],
    ["status", "--format", "json"],
    ["releases", "ports"],
    ["releases", "ports", "--format", "json"],
    ["releases", "ports", "--format", "md"],
    ["history"],
    ["history", "--format", "json"],
    ["history", "--format", "md"],
    ["history", "--search", "new"],
    ["show", "ports", "0"],
    ["show", "ports", "1", "--format", "json"],
    ["held", "--all"],
    ["held", "--all", "--format", "json"],
    ["held", "--all", "--format", "md"],
    ["check"],
    ["check", "--format", "json"],
    ["verify"],
    ["doctor"],
    ["doctor", "--format", "json"],
    ["show", "ports", EVIL.replace("\0", "")],
    ["history", "--search", EVIL],
    ["releases", EVIL],
)


@pytest.mark.fault(31, 34, 35)
@pytest.mark.parametrize(
    "arguments", COMMANDS, ids=lambda words: " ".join(words)[:30].encode("ascii", "ignore").decode()
)
def test_no_command_prints_what_a_terminal_would_obey(env: Environment, arguments: list[str]) -> None:
    result = run_command(env.servers.config, *arguments)
    assert shown(result.stdout) == set()
    assert shown(result.stderr) == set()
    if "json" in arguments:
        json.loads(result.stdout)


@pytest.mark.fault(31, 34, 35)
@pytest.mark.parametrize("format", ["text", "json", "md", "html"])
def test_no_difference_prints_what_a_terminal_would_obey(env: Environment, releases: list[str], format: str) -> None:  # noqa: A002
    for old, new in pairwise(releases):
        result = run_command(env.servers.config, "diff", "ports", old, new, "--format", format)
        assert shown(result.stdout) == set()
        if format == "json":
            texts = {
                text for change in json.loads(result.stdout)["changes"] for text in (change["after"] or {}).values()
            }
            assert "\x1b[31mred" in "".join(texts)
        if format == "html":
            page = lxml.html.document_fromstring(result.stdout)
            assert page.xpath("//script | //img | //a[starts-with(@href, 'javascript')] | //@onerror") == []


@pytest.mark.fault(33)
@pytest.mark.parametrize("command", [["status"], ["releases", "ports"], ["history"], ["held", "--all"]])
def test_no_cell_of_any_table_is_computed(env: Environment, command: list[str]) -> None:
    result = run_command(env.servers.config, *command, "--format", "csv").stdout
    cells = [cell for row in csv.reader(io.StringIO(result, newline="")) for cell in row]
    assert cells
    assert [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))] == []


@pytest.mark.fault(32, 34, 35, 38)
def test_no_message_has_a_header_or_an_escape_from_registry_text(env: Environment) -> None:
    assert env.servers.mails
    for message in env.servers.mails:
        assert {"bcc", "cc", "x-evil"} & {name.lower() for name in message.keys()} == set()  # noqa: SIM118 - a Message
        assert shown(str(message["Subject"]).replace("\r\n ", " ")) == set()  # folded
        for part in message.walk():
            if part.get_content_maintype() == "text":
                assert shown(_decoded(part)) <= {"\r"}
    assert env.servers.webhooks
    for hook in env.servers.webhooks:
        body = json.dumps(hook) if not isinstance(hook.get("body"), bytes) else hook["body"].decode()
        assert len(body) < 40_000


def _decoded(part: Message) -> str:
    payload = part.get_payload(decode=True)
    assert isinstance(payload, bytes)
    return payload.decode().replace("\r\n", "\n")


@pytest.mark.fault(34, 63)
@pytest.mark.parametrize("format", ["text", "json"])
def test_no_registry_text_becomes_a_line_of_the_log(env: Environment, tmp_path: Path, format: str) -> None:  # noqa: A002
    script = "\n".join(
        [
            "import sys; from watcher.daemon import log_setup; import structlog",
            f"log_setup.configure('info', {format!r}, sys.stderr)",
            "structlog.get_logger('x').warning('checked', source=sys.argv[1], events=[sys.argv[1]], message=sys.argv[1])",  # noqa: E501 - one line of a script
        ]
    )
    result = subprocess.run(
        [sys.executable, "-c", script, EVIL.replace("\0", "") + " https://me:hunter2@example.org/ whsec_c2VjcmV0"],
        capture_output=True, text=True, timeout=60, check=True, env={**os.environ, "PYTHONUTF8": "1"},
    ).stderr  # fmt: skip
    assert result.count("\n") == 1
    assert shown(result) == set()
    assert "hunter2" not in result
    assert "c2VjcmV0" not in result


def explained(before: tuple[str, ...], after: tuple[str, ...]) -> Comparison:
    """Compare two groups whose titles, columns, notes and values are these texts."""
    sides = []
    for texts in (before, after):
        a, b, c = (text for text in texts)
        data = group(
            registry(
                "one", record(value="1", description=a), record(value=b[:20] or "2", name=c), title=c, note=a, rule=b
            ),
            registry("two", record(value=c[:20] or "3", description=b), title=a),
            updated="2020-01-01",
        )
        sides.append(read_content(data, REGISTRIES["iana"]))
    changes, events = explain(REGISTRIES["iana"], *sides)
    old, new = (
        Release(
            id=side.digest,
            source="toy",
            published=side.published,
            observed=None,
            sha256=side.digest,
            entries=side.entries,
        )
        for side in sides
    )
    return Comparison(source="toy", old=old, new=new, changes=changes, events=events)


# The text that XML can carry: of C0 controls only three, no surrogate, no noncharacter.
XML = TEXT.map(lambda text: "".join(char for char in text if char >= " " and not 0xD800 <= ord(char) < 0xE000))
XML = XML.map(lambda text: text.replace("\ufffe", "").replace("\uffff", ""))


@pytest.mark.fault(31, 32, 33, 34, 35, 36)
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(st.tuples(XML, XML, XML), st.tuples(XML, XML, XML))
def test_any_text_in_any_place_of_a_group_is_harmless_in_every_rendering(
    before: tuple[str, str, str], after: tuple[str, str, str]
) -> None:
    comparison = explained(before, after)
    renderings: Mapping[str, str] = {
        "text": text.render_comparison(comparison, all=True),
        "markdown": markdown.render_comparison(comparison),
        "html": html.render_comparison(comparison),
        "json": as_json.dumps(comparison_document(comparison), indent=2),
        "webhook": webhook_message.release_body(comparison, delivery_id="x", occurred="2020-01-01T00:00:00Z").decode(),
    }
    written: Any = email_message.release_mail(comparison, list_name="noc") if comparison.events else None
    if written is not None:
        renderings = {**renderings, "subject": written.subject, "mail": written.text, "page": written.html}
        assert "\n" not in written.subject
    assert {name: shown(result) for name, result in renderings.items() if shown(result)} == {}
    for name in ("html", "page"):
        if name in renderings:
            page = lxml.html.document_fromstring(renderings[name])
            assert page.xpath("//script | //img | //iframe | //svg | //@onerror | //@onload | //@srcdoc") == []
    assert "49" not in (set(renderings["html"].split()) - set(str((before, after)).split()))
    rows = list(csv.reader(io.StringIO(as_csv.render_comparison(comparison), newline="")))
    assert not [cell for row in rows for cell in row if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
