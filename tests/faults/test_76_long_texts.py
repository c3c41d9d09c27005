"""What is stored, logged, shown or sent has a limit, and says how much more there was."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from msgspec.structs import asdict, replace

from tests.support.environment import rows
from tests.support.group_releases import explained, group, record, registry
from tests.support.table_source import NAME, TableSource
from watcher.alerts import notices
from watcher.alerts.channels import email_message, webhook_message
from watcher.alerts.channels.mime_message import write_message
from watcher.core.errors import ConfigError, DeliveryError, FetchError, ParseError, StoreError, UsageError
from watcher.core.model import Comparison, Content, Event, Kind, Release, Severity
from watcher.core.operations import Hold, Reason
from watcher.diff.content import read_content
from watcher.monitor.failures import failed_result
from watcher.monitor.result import Outcome
from watcher.registries.catalog import REGISTRIES

pytestmark = pytest.mark.fault(76)
MEGABYTE = "ü<" * 500_000
ERROR, NOTICE, MAIL = 2_000, 20_000, 500_000
NOW = "2024-01-01T00:00:00Z"


@pytest.mark.parametrize(
    "error",
    [
        UsageError(MEGABYTE),
        StoreError(MEGABYTE),
        ParseError("x", MEGABYTE, line=1),
        FetchError("x", MEGABYTE, transient=True),
        DeliveryError(MEGABYTE, permanent=True),
        ConfigError(MEGABYTE),
        ValueError(MEGABYTE),
        OSError(MEGABYTE),
    ],
)
def test_an_error_has_two_thousand_characters(error: Exception) -> None:
    result = failed_result(error, Path("history.db"))
    assert len(result.message or "") <= ERROR + 100
    assert len(result.details) <= 2 * NOTICE


def test_an_error_says_how_much_was_cut() -> None:
    assert str(UsageError("x" * 12_345 + "y" * 2_000)).endswith("… and 12,373 more characters")
    assert ConfigError(*["a mistake"] * 1_000).problems == ("a mistake",) * 1_000
    assert str(ConfigError(*["a mistake"] * 1_000)).count("\n") == 999


def huge_hold(number: int) -> Hold:
    reason = Reason(code="x", sentence=MEGABYTE, numbers={"registry": MEGABYTE}, where=(MEGABYTE,) * number)
    return Hold(source="s", digest="a" * 64, sha256="b" * 64, published=MEGABYTE, entries=1, reasons=(reason,) * 20,
                first_seen=NOW, last_seen=NOW)  # fmt: skip


def test_a_notice_has_twenty_thousand_bytes_in_every_form() -> None:
    notice = notices.describe_hold(huge_hold(12_345))
    assert len(webhook_message.notice_body(notice, delivery_id="i")) <= NOTICE
    mail = email_message.notice_mail(notice, list_name="l")
    assert len(mail.text) <= NOTICE
    assert "more characters" in notice.summary
    assert huge_hold(12_345).reasons[0].where[-1] == "and 12,325 more"


def comparison_of(number: int, summary: str) -> Comparison:
    event = Event(id="entry-added", kind=Kind.ADDED, severity=Severity.INFO, summary=summary, fingerprint="f",
                  changes=(0,), service="ü<" * 300, registry="ü<" * 300, values=("ü<",) * 100)  # fmt: skip
    changes, _ = explained(
        read_content(group(registry("a", record(value="1"))), REGISTRIES["iana"]),
        read_content(group(registry("a", record(value="1"), record(value="2", name=MEGABYTE))), REGISTRIES["iana"]),
    )
    label = Release(id="r", source="s", published=None, observed=None, sha256="0", entries=1)
    return Comparison(source="s", old=label, new=label, changes=changes, events=(event,) * number)


@pytest.mark.parametrize("summary", ["short", "ü<&" * 330, "\u202e" * 1_000])
def test_a_mail_has_five_hundred_thousand_bytes_as_it_is_sent(summary: str) -> None:
    mail = email_message.release_mail(comparison_of(1_200, summary), list_name="l")
    assert len(write_message({"Subject": mail.subject}, text=mail.text, html=mail.html)) <= MAIL
    assert "events are not listed here" in mail.html
    assert (
        "1,000 more events" in mail.text or "more lines are not shown" in mail.text or "1000 more events" in mail.text
    )
    digest = email_message.digest_mail([mail] * 20, list_name="l")
    assert len(write_message({"Subject": digest.subject}, text=digest.text, html=digest.html)) <= MAIL


def test_a_webhook_has_twenty_thousand_bytes_and_true_counts() -> None:
    comparison = comparison_of(1_200, "short")
    body = webhook_message.release_body(comparison, delivery_id="i", occurred=NOW)
    data = json.loads(body)["data"]
    assert len(body) <= NOTICE
    assert len(data["events"]) + data["left_out"]["events"] == 1_200
    assert data["events"]


def test_a_sentence_of_a_registry_that_writes_megabytes_is_cut() -> None:
    old = read_content(group(registry("a", record(value="1"))), REGISTRIES["iana"])
    new = read_content(group(registry("a", record(value="1"), record(value="2 " + MEGABYTE))), REGISTRIES["iana"])
    assert all(len(event.summary) <= 1_000 for event in explained(old, new)[1])


def test_an_event_of_an_entry_with_names_of_megabytes_is_stored_cut(tmp_path: Path) -> None:
    source = TableSource(folder=tmp_path, settings={"registry": "iana", "format": "xml"})
    source.check(group(registry("a", *(record(value=str(number), name=f"n{number}") for number in range(9)))))
    hostile = [
        record(value="x" * 1_000_000, name="y" * 1_000_000),
        *(record(value=str(number), name="z, " * 300_000 if number == 3 else f"n{number}") for number in range(9)),
    ]
    assert source.check(group(registry("a", *hostile), updated="2024-02-01")).outcome is Outcome.CHANGED
    tables = ("events", "event_services", "event_documents", "leftovers", "checks", "outbox")
    longest = {
        (table, column): max(len(str(row[column])) for row in kept)
        for table, kept in rows(tmp_path / "history.db", *tables).items()
        if kept
        for column in kept[0]
    }
    assert longest["events", "service"] <= NOTICE
    assert 900 < longest["events", "values"] <= 1_100
    assert max(longest.values()) <= 3 * NOTICE, longest


@pytest.mark.parametrize("rules", ["ports", "iana"])
def test_texts_of_megabytes_are_cut_in_every_field_of_an_event(rules: str) -> None:
    def content(*records: str) -> Content:
        return read_content(group(registry("a", *records), name="service-names-port-numbers"), REGISTRIES[rules])

    entry = {
        "name": MEGABYTE,
        "protocol": "tcp",
        "number": "1",
        "value": MEGABYTE,
        "description": "deprecated " * 99_999,
    }
    before, after = content(record(value="1", name="a")), content(record(value="1", name="a"), record(**entry))
    for old, new in ((before, after), (after, before)):
        events = explained(old, new)[1]
        assert events
        for event in events:
            texts = asdict(event)
            del texts["registry"], texts["registries"]
            assert len(json.dumps(texts, ensure_ascii=False)) < 4 * NOTICE


def test_problems_of_a_release_are_the_first_of_each_kind_and_their_number() -> None:
    rows = b"id,x\n" + b"".join(b"%d,1\n%d,2\n%d,3\n" % (n, n, n) for n in range(250))
    content = read_content(rows, replace(REGISTRIES["iana"], identify=lambda *_: ("id",)), "csv")
    assert len(content.problems) == 101
    assert content.problems[-1].message == "and 150 more"


def test_a_refused_document_with_an_id_of_megabytes_is_stored_and_sent_cut(tmp_path: Path) -> None:
    source = TableSource(folder=tmp_path, settings={"registry": "ports", "format": "xml"})
    for _ in range(3):
        result = source.check(group(registry("a", record(value="1")), name="x" * 2_000_000))
        assert result.outcome is Outcome.FAILED
    with closing(sqlite3.connect(tmp_path / "history.db")) as history:
        assert history.execute("SELECT max(length(message)) FROM checks").fetchone()[0] <= ERROR
        bodies = history.execute("SELECT max(length(body)) FROM outbox").fetchone()[0]
    assert 0 < bodies <= 2 * NOTICE
    assert (tmp_path / "history.db").stat().st_size < 1_000_000


def test_a_body_is_stored_once_for_all_recipients(tmp_path: Path) -> None:
    source = TableSource(folder=tmp_path)
    text = source.config.read_text()
    to = json.dumps([f"p{number}@example.org" for number in range(20)])
    source.config.write_text(text.replace('to = ["noc@example.org"]', f"to = {to}"))
    source.check(b"id,x\n1,a\n")
    source.check(b"id,x\n1,b\n")
    with closing(sqlite3.connect(tmp_path / "history.db")) as history:
        query = "SELECT count(*), count(body_of), count(nullif(body, '')) FROM outbox WHERE source = ?"
        assert history.execute(query, [NAME]).fetchone() == (20, 19, 1)
    with source.monitor() as monitor:
        bodies = {delivery.body for delivery in monitor.store.outbox.list_due("9999", limit=100)}
    assert len(bodies) == 1
    assert "1 added, 1 removed" in json.loads(bodies.pop())["text"]
