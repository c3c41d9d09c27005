"""A new release is compared with its second format, fetched from a real server on loopback."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.environment import Environment, open_environment
from tests.support.fault_server import Answer, FaultServer, reply
from tests.support.port_releases import Row, release, tcp, udp
from tests.support.run_cli import run_command
from watcher.cli.demo_servers import SOURCE
from watcher.config.load import second_format
from watcher.config.settings import SourceSettings
from watcher.formats.catalog import FORMATS
from watcher.monitor.result import Outcome

BEFORE = [tcp("a", "1"), udp("b", "2")]
AFTER = [*BEFORE, tcp("c", "3"), tcp("d", "4")]
TITLES = (
    "Service Name,Port Number,Transport Protocol,Description,Assignee,Contact,Registration Date,Modification Date,"
    "Reference,Service Code,Unauthorized Use Reported,Assignment Notes"
)


def csv(rows: Sequence[Row]) -> bytes:
    """The table that IANA prints of these rows."""
    lines = [f"{row.name},{row.port},{row.protocol},{row.description},,,,,,,," for row in rows]
    return "\r\n".join([TITLES, *lines, ""]).encode()


@contextmanager
def beside(
    folder: Path, *answers: Answer, path: str = "/ports.csv", registry: str = "ports"
) -> Iterator[tuple[Environment, FaultServer]]:
    """An environment whose source has a second format at `path` of another server."""
    with FaultServer(*answers) as server, open_environment(folder) as env:
        env.configure('registry = "ports"', f'registry = "{registry}"\nalso = "{server.url(path)}"')
        env.configure('type = "webhook"', 'type = "webhook"\noperator = true')
        yield env, server


def test_a_release_whose_formats_agree_is_accepted(tmp_path: Path) -> None:
    with beside(tmp_path, reply(csv(BEFORE)), reply(csv(AFTER))) as (env, server):
        assert env.check(release(BEFORE)).outcome is Outcome.BASELINE
        result = env.check(release(AFTER, "2020-02-01"))
        assert (result.outcome, result.message) == (Outcome.CHANGED, None)
        env.check()
        assert len(server.requests) == 2, "it is fetched for new releases only"


def test_a_release_whose_formats_disagree_is_held_until_they_agree(tmp_path: Path) -> None:
    lost = release(AFTER[1:], "2020-02-01")  # whole, well formed, and short of a row
    answers = [reply(csv(BEFORE)), *[reply(csv(AFTER))] * 4, reply(csv(AFTER[1:]))]
    with beside(tmp_path, *answers) as (env, _):
        env.check(release(BEFORE))
        for _ in range(4):
            result = env.check(lost)
            assert (result.outcome, result.reason) == (Outcome.HELD, "formats_disagree")
        (notice,) = [hook["data"] for hook in env.servers.webhooks]
        (reason,) = notice["details"]["reasons"]
        assert reason["numbers"]["total"] == 1
        assert reason["where"] == ["a 1 tcp is only in the other format"]
        assert "its CSV differs in one place: a 1 tcp is only in the other format" in notice["summary"]
        assert env.check(lost).outcome is Outcome.CHANGED
        with env.service() as service:
            assert [hold.by for hold in service.store.holds.list_holds(SOURCE)] == ["undoubted"]


def test_the_reason_quotes_both_texts_of_a_field_that_differs(tmp_path: Path) -> None:
    other = [tcp("a", "1", description="Another"), *BEFORE[1:]]
    with beside(tmp_path, reply(csv(other))) as (env, _):
        result = env.check(release(BEFORE))
        assert result.outcome is Outcome.HELD, "a first release too"
        assert result.hold is not None
        sentence = "a 1 tcp: description is 'The a service' in the XML and 'Another' in the other format"
        assert sentence in result.hold.reasons[0].where[0]


def test_a_second_format_that_lags_holds_nothing_and_that_is_recorded(tmp_path: Path) -> None:
    with beside(tmp_path, reply(csv(BEFORE))) as (env, _):
        env.check(release(BEFORE))
        result = env.check(release(AFTER, "2020-02-01"))
        assert result.outcome is Outcome.CHANGED
        message = env.rows("checks")["checks"][-1]["message"]
        assert message.startswith("second format is still of 2020-01-01")


@pytest.mark.parametrize("answer", [reply(b"", 404), reply(b"<html>sorry</html>"), reply(b"")])
def test_a_second_format_that_cannot_be_read_holds_nothing_and_that_is_recorded(tmp_path: Path, answer: Answer) -> None:
    with beside(tmp_path, answer) as (env, _):
        result = env.check(release(BEFORE))
        assert result.outcome is Outcome.BASELINE
        assert env.rows("checks")["checks"][-1]["message"].startswith("second format not compared: http")


def test_the_suffix_of_its_url_names_its_format_unless_that_is_configured() -> None:
    def format_of(**values: str) -> str:
        return second_format(SourceSettings.model_validate({"name": "x", "url": "https://x/x.xml", **values}), FORMATS)

    assert format_of(also="https://x/x.csv") == "csv"
    assert format_of(also="https://x/X.TXT") == "txt"
    assert format_of(also="https://x/x.html") == "xhtml"
    assert format_of(also="https://x/x", also_format="xhtml") == "xhtml"
    assert format_of(also="https://x/x.json") == ""
    assert format_of() == ""


GROUP = (
    '<registry xmlns="http://www.iana.org/assignments" id="g"><title>G</title><updated>2020-01-0{day}</updated>'
    '<registry id="one"><title>One</title>{one}</registry>'
    '<registry id="two"><title>Two</title><record><value>1</value><name>b</name></record></registry></registry>'
)


def group(*names: str, day: int = 1) -> bytes:
    records = "".join(f"<record><value>{n}</value><name>{name}</name></record>" for n, name in enumerate(names))
    return GROUP.format(one=records, day=day).encode()


def test_a_csv_is_compared_with_the_registry_it_is_named_after(tmp_path: Path) -> None:
    answers = [reply(b"Value,Name\r\n0,a\r\n"), reply(b"Value,Name\r\n0,a\r\n1,x\r\n")]
    with beside(tmp_path, *answers, path="/one.csv", registry="iana") as (env, _):
        assert env.check(group("a")).outcome is Outcome.BASELINE
        assert env.check(group("a", "c", day=2)).reason == "formats_disagree"


def test_a_table_beside_the_xml_is_read_with_the_layout_that_is_configured(tmp_path: Path) -> None:
    table = "# of today\nValue;Name\n0;\u00e4\n"
    answers = [reply(text.encode("latin-1")) for text in (table, table, f"{table}1;x\n")]
    with beside(tmp_path, *answers, path="/one.csv", registry="iana") as (env, server):
        env.check(group("\u00e4"))
        assert "not UTF-8" in env.rows("checks")["checks"][-1]["message"]
        also = f'also = "{server.url("/one.csv")}"'
        env.configure(also, f'{also}\ndelimiter = ";"\ncomment = "#"\nencoding = "latin-1"')
        result = env.check(group("\u00e4", day=2))
        assert (result.outcome, result.message) == (Outcome.CHANGED, None)
        assert result.rederivation is None, "the history does not depend on it"
        assert run_command(env.servers.config, "status", "--format", "json").stdout.count('"pending_settings": []') == 1
        assert env.check(group("\u00e4", "c", day=3)).reason == "formats_disagree"


def test_a_csv_named_after_no_registry_holds_nothing_and_that_is_recorded(tmp_path: Path) -> None:
    with beside(tmp_path, reply(b"Value,Name\r\n0,a\r\n"), path="/export.csv", registry="iana") as (env, _):
        assert env.check(group("a")).outcome is Outcome.BASELINE
        message = env.rows("checks")["checks"][-1]["message"]
        assert message.endswith("/export.csv is named after no registry of 'g'")
