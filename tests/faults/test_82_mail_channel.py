"""Faults of a mail server that concern the channel: retried, reported as the channel's, and without any password."""

from __future__ import annotations

import base64
import hmac
import resource
import socket
import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.alerts.channels.test_email import channel, deliveries
from tests.faults.test_42_mail_servers import START, Sending, open_sending
from tests.support.alerts import FakeChannel, KnownSecret, router_without_channels
from tests.support.fault_server import FaultServer, flood
from tests.support.scripted_smtp import ScriptedSmtp, serve_script
from watcher.alerts.channels.email import EmailChannel
from watcher.alerts.delivery import RETRY_WAITS, DeliveryReport, deliver_due
from watcher.core.errors import DeliveryError
from watcher.store.outbox import DeliveryQuery

pytestmark = pytest.mark.fault(82)

USER, PASSWORD = "watcher", "hunter2!"


@pytest.fixture(autouse=True)
def _this_machine_has_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getfqdn", lambda *_: "watcher.example.net")


@pytest.fixture
def sending(tmp_path: Path) -> Iterator[Sending]:
    with open_sending(tmp_path) as sending:
        yield sending


def failure_of(script: ScriptedSmtp, **settings: Any) -> DeliveryError:
    with serve_script(script) as port, pytest.raises(DeliveryError) as caught:
        channel(port, **settings).send(deliveries()[0], START)
    assert script.accepted == []
    return caught.value


def with_login(port: int) -> EmailChannel:
    return channel(port, username=USER, password=KnownSecret(PASSWORD))


CHANNELS = [
    ({"GREETING": b"554 5.7.1 no service for you"}, "refused the connection: 554 5.7.1 no service for you"),
    (
        {"EHLO": b"550 5.7.1 need FQDN", "HELO": b"550 need FQDN"},
        "refused the greeting: 550 need FQDN; set ehlo_name in [smtp] to the full host name of this machine",
    ),
    ({"EHLO": b"no smtp", "HELO": b"no smtp"}, "refused the greeting: what is no SMTP reply: mtp"),
    (
        {"MAIL": b"530 5.7.0 Must issue a STARTTLS command first"},
        'STARTTLS command first; set security = "starttls" in [smtp]',
    ),
    ({"MAIL": b"530 5.7.0 log in"}, "replied 530 5.7.0 log in; set username and password in [smtp]"),
    ({"RCPT": b"530 5.7.1 Authentication required"}, "530 5.7.1 Authentication required; set username"),
    ({"MAIL": b"554 5.7.1 sender refused"}, "replied 554 5.7.1 sender refused"),
    ({"MAIL": b"550 no such domain"}, "replied 550 no such domain"),
    ({"MAIL": b"garbage"}, "what is no SMTP reply: age"),
    ({"RCPT": b"550 5.1.8 Sender address rejected: Domain not found"}, "Domain not found"),
    ({"RCPT": b"504 5.5.2 <x>: Helo command rejected: need fully-qualified hostname"}, "Helo command rejected"),
    ({"RCPT": b"421 4.3.2 closing"}, "421 4.3.2 closing"),
    ({"DATA": b"503 5.5.1 no valid recipients"}, "503 5.5.1"),
    ({".": b"550 5.7.26 this mail is unauthenticated"}, "550 5.7.26 this mail is unauthenticated"),
    ({".": b"535 5.7.8 credentials expired"}, "535 5.7.8"),
    ({"RCPT": b"999 what"}, "replied 999 what"),
    ({".": b"600 what"}, "replied 600 what"),
]
RECIPIENTS = [
    ({"RCPT": b"554 5.7.1 Relay access denied"}, False),
    ({"RCPT": b"550 relay not permitted"}, False),
    ({"RCPT": b"550 5.7.1 Client host blocked using a list"}, False),
    ({"RCPT": b"450 4.1.8 Sender address rejected"}, False),
    ({"RCPT": b"550 5.1.1 no such user"}, True),
    ({"RCPT": b"550 user unknown"}, True),
    ({"RCPT": b"550 5.4.1 Recipient address rejected: Access denied"}, True),
    ({"RCPT": b"550 5.5.1 user unknown"}, True),
    ({"MAIL": b"552 5.3.4 message too large"}, True),
    ({".": b"554 5.7.1 spam"}, True),
]


@pytest.mark.parametrize(("replies", "words"), CHANNELS, ids=str)
def test_a_refusal_of_the_channel_is_never_final_nor_the_recipients(replies: dict[str, bytes], words: str) -> None:
    error = failure_of(ScriptedSmtp(replies))
    assert (error.permanent, error.personal) == (False, False)
    assert words in str(error)


@pytest.mark.parametrize(("replies", "final"), RECIPIENTS, ids=str)
def test_a_refusal_of_a_recipient_is_final_only_where_no_retry_can_help(replies: dict[str, bytes], final: bool) -> None:
    error = failure_of(ScriptedSmtp(replies))
    assert (error.permanent, error.personal) == (final, True)


def test_a_server_that_refuses_ehlo_is_greeted_with_helo() -> None:
    """RFC 5321 section 3.2: an old server answers EHLO with 500 or 502."""
    script = ScriptedSmtp({"EHLO": b"502 5.5.1 not implemented"})
    with serve_script(script) as port:
        channel(port).send(deliveries()[0], START)
    assert script.lines[:3] == [
        "ehlo watcher.example.net",
        "helo watcher.example.net",
        "mail FROM:<watcher@example.net>",
    ]
    assert len(script.accepted) == 1


@pytest.mark.fault(83)
@pytest.mark.parametrize(
    ("fqdn", "configured", "sender", "name"),
    [
        ("host.example.org", None, "w@example.net", "host.example.org"),
        ("host", None, "w@example.net", "example.net"),
        ("localhost.localdomain", None, "w@example.net", "example.net"),
        ("host", None, "w@localhost", "[127.0.0.1]"),
        ("host.example.org", "mail.example.com", "w@example.net", "mail.example.com"),
    ],
)
def test_the_name_in_ehlo_is_the_configured_one_or_a_full_one(
    monkeypatch: pytest.MonkeyPatch, fqdn: str, configured: str | None, sender: str, name: str
) -> None:
    monkeypatch.setattr(socket, "getfqdn", lambda *_: fqdn)
    script = ScriptedSmtp()
    with serve_script(script) as port:
        channel(port, ehlo_name=configured, sender=sender).send(deliveries()[0], START)
    assert script.lines[0] == f"ehlo {name}"


@pytest.mark.parametrize("challenge", [b"334 !!!not-base64", b"334 a", b"334"])
def test_a_malformed_challenge_is_a_refusal_and_the_next_mechanism_is_tried(challenge: bytes) -> None:
    """https://github.com/python/cpython/issues/136134 is the same way out of smtplib."""
    offers = b"250-x\r\n250 AUTH CRAM-MD5 PLAIN"
    script = ScriptedSmtp({"EHLO": offers, "AUTH CRAM-MD5": challenge, "*": b"501 cancelled", "AUTH": b"235 welcome"})
    if challenge == b"334":
        script.replies = {**script.replies, "AUTH CRAM-MD5": b"535 no"}
    with serve_script(script) as port:
        with_login(port).send(deliveries()[0], START)
    assert len(script.accepted) == 1


def test_a_machine_without_md5_logs_in_by_another_mechanism(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise ValueError("[digital envelope routines] unsupported")  # what OpenSSL says under FIPS

    monkeypatch.setattr(hmac, "HMAC", refuse)
    offers = b"250-x\r\n250 AUTH CRAM-MD5 PLAIN"
    script = ScriptedSmtp(
        {"EHLO": offers, "AUTH CRAM-MD5": b"334 PDEuMkB4Pg==", "*": b"501 no", "AUTH": b"235 welcome"}
    )
    with serve_script(script) as port:
        with_login(port).send(deliveries()[0], START)
    assert len(script.accepted) == 1


def test_a_login_that_only_gets_malformed_challenges_is_retried_and_reported(sending: Sending) -> None:
    script = ScriptedSmtp({"EHLO": b"250-x\r\n250 AUTH CRAM-MD5", "AUTH": b"334 !!!not-base64", "*": b"501 no"})
    with serve_script(script) as port:
        while sending.store.outbox.list_pending():
            sending.round(port, username=USER, password=KnownSecret(PASSWORD))
            sending.clock.advance(timedelta(days=2))
    failed = list(sending.store.outbox.find_deliveries(DeliveryQuery(states=("failed",))))
    assert [row["attempts"] for row in failed] == [len(RETRY_WAITS) + 1] * 2
    assert "refused user and password: 501 CRAM-MD5: bad challenge" in failed[0]["last_error"]
    (failure,) = sending.store.channel_failures.list_failures_of("noc")
    assert (failure.recipient, failure.alerted is not None) == ("", True)


SHOWN = [
    PASSWORD,
    PASSWORD.upper(),
    base64.b64encode(PASSWORD.encode()).decode(),
    base64.b64encode(USER.encode()).decode(),
    base64.b64encode(f"\0{USER}\0{PASSWORD}".encode()).decode(),
]


@pytest.mark.fault(63)
@pytest.mark.parametrize("shown", SHOWN)
@pytest.mark.parametrize("step", ["GREETING", "AUTH", "MAIL", "RCPT", "."])
def test_a_password_that_a_server_repeats_is_stored_and_shown_nowhere(
    sending: Sending, shown: str, step: str, tmp_path: Path
) -> None:
    replies = {"EHLO": b"250-x\r\n250 AUTH PLAIN", "AUTH": b"235 welcome"}
    script = ScriptedSmtp({**replies, step: f"550 5.7.1 bad {shown} of you".encode()})
    with serve_script(script) as port:
        with pytest.raises(DeliveryError, match=r"bad \*\*\* of you") as caught:
            with_login(port).send(deliveries()[0], START)
        sending.round(port, username=USER, password=KnownSecret(PASSWORD))
    assert caught.value.__cause__ is None
    dump = "\n".join(sqlite3.connect(tmp_path / "history.db").iterdump())
    assert "*** of you" in dump
    assert not any(secret.lower() in dump.lower() for secret in SHOWN)


@pytest.mark.fault(63)
@pytest.mark.parametrize("reply", ["535 no {}", "no reply {}", "334 {}"])
def test_a_password_with_blanks_and_escapes_is_hidden_too(reply: str) -> None:
    password = "hun  ter\\2'!\""
    script = ScriptedSmtp({"EHLO": b"250-x\r\n250 AUTH PLAIN", "AUTH": reply.format(password).encode()})
    error = failure_of(script, username=USER, password=KnownSecret(password))
    assert "ter" not in str(error).replace("characters", "").replace("server", "")


@pytest.mark.fault(76)
def test_a_reply_of_any_length_costs_little_memory() -> None:
    with FaultServer(raw_start=flood(b"", b"250-" + b"x" * 1000 + b"\r\n")) as server:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        with pytest.raises(DeliveryError, match="a reply of more than 65536 bytes") as caught:
            channel(server.port, timeout=10.0, deadline=20.0).send(deliveries()[0], START)
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert not caught.value.permanent
    assert grown < 20_000  # KiB


@pytest.mark.fault(76)
def test_a_long_reply_is_stored_cut() -> None:
    error = failure_of(ScriptedSmtp({"RCPT": b"\r\n".join([b"550-5.1.1 " + b"x" * 900] * 50 + [b"550 end"])}))
    assert len(str(error)) == 500
    assert error.permanent


@pytest.mark.parametrize(
    "error", [RuntimeError("s3cret"), MemoryError(), KeyError("s3cret"), UnicodeDecodeError("x", b"", 0, 1, "y")]
)
def test_whatever_a_channel_raises_is_a_failed_try_that_is_recorded(sending: Sending, error: Exception) -> None:
    fake = FakeChannel(errors=[error], name="noc")
    report = deliver_due(sending.store, {"noc": fake}, sending.clock, router_without_channels())
    assert report == DeliveryReport(sent=1, retried=1)
    (row,) = sending.store.outbox.list_pending()
    assert row["last_error"].startswith(f"unexpected {type(error).__name__} in alerts.py, line ")
    assert "s3cret" not in row["last_error"]
    sending.clock.advance(timedelta(minutes=1))
    assert deliver_due(sending.store, {"noc": fake}, sending.clock, router_without_channels()).sent == 1
