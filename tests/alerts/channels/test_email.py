"""The e-mail channel against a real SMTP server: what arrives, and what each reply means."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import smtplib
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from typing import Any, TypeVar

import pytest
import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.support.alerts import KnownSecret, comparison_of, email_channel
from tests.support.fault_server import Answer, FaultServer, drip, hang, raw
from watcher.alerts import messages
from watcher.alerts.channels import email_message
from watcher.alerts.channels.email import EmailChannel
from watcher.cli.demo_servers import free_port
from watcher.config.value_types import SecretRef
from watcher.core.errors import ConfigError, DeliveryError
from watcher.core.model import Comparison, Event
from watcher.core.operations import Delivery

NOW = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)
HEADERS = [
    "auto-submitted",
    "content-type",
    "date",
    "from",
    "list-id",
    "message-id",
    "mime-version",
    "precedence",
    "subject",
    "to",
    "x-registry-watcher-release",
    "x-registry-watcher-source",
]
HOSTILE = [
    "ssh\r\nBcc: x@example.org",
    "ssh\nBcc: x@example.org",
    "ssh\rBcc: x@example.org",
    "ssh\r\n\r\n<h1>a body of my own</h1>",
    "ssh\x00Bcc: x@example.org",
    "ssh\u2028Bcc: x@example.org",
    "ssh\u2029Bcc: x@example.org",
    "ssh\x85Bcc: x@example.org",
    "ssh\x0b\x0c\x1cBcc: x@example.org",
    "=?utf-8?q?=0ABcc:_x@example.org?=",
    "=?utf-8?q?=0D=0ABcc:_x@example.org?=",
    "=?utf-8?b?CkJjYzogeEBleGFtcGxlLm9yZw==?=",
    "=\u200b?utf-8?q?=0ABcc:_x@example.org?\u200b=",
    "=\n?utf-8?q?=0ABcc:_x@example.org?\n=",
    "==??utf-8?q?=0ABcc:_x@example.org??==",
    "ssh\ud800Bcc: x@example.org",
    "x" * 140 + "\r\nBcc: x@example.org",
]
PIECES = [
    "\r",
    "\n",
    "\0",
    "\t",
    "\u2028",
    "\x85",
    "\u202e",
    "\ud800",
    "=?",
    "?=",
    "=",
    "?",
    "=?utf-8?q?",
    "=?utf-8?b?",
    "=0A",
    "=0D=0A",
    "CkJjYzogeA==",
    "Bcc: x@example.org",
    "\r\nBcc: x@example.org",
    " ",
    "é",
    "字" * 30,
    "😀",
    ";",
    '"',
    "<",
    ",",
    ":",
    "\\",
]
hostile_texts = st.one_of(st.text(), st.lists(st.one_of(st.sampled_from(PIECES), st.text())).map("".join))


@pytest.fixture(autouse=True, scope="module")
def _this_machine_has_a_name() -> Iterator[None]:
    """Answer smtplib's question for the name of this machine, which tests must not ask the resolver."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "gethostname", lambda: "localhost")
        yield


@dataclass
class Mailbox:
    """The handlers of an SMTP server: its reply to each command ("": the usual one), and what it received."""

    mail: str = ""
    rcpt: str = ""
    data: str = ""
    quit: str = ""
    taken: list[tuple[str, list[str], bytes]] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    secure: list[bool] = field(default_factory=list)

    async def handle_MAIL(self, server: Any, session: Any, envelope: Any, address: str, options: list[str]) -> str:  # noqa: ARG002, N802 - aiosmtpd's
        if self.mail:
            return self.mail
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: list[str]) -> str:  # noqa: ARG002, N802 - aiosmtpd's
        self.recipients.append(address)
        if self.rcpt:
            return self.rcpt
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: ARG002, N802 - aiosmtpd's
        self.secure.append(session.ssl is not None)
        if self.data:
            return self.data
        self.taken.append((envelope.mail_from, list(envelope.rcpt_tos), envelope.content))
        return "250 OK"

    async def handle_QUIT(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: ARG002, N802 - aiosmtpd's
        return self.quit or "221 Bye"

    @property
    def messages(self) -> list[EmailMessage]:
        return [message_from_bytes(content, policy=SMTP) for _, _, content in self.taken]  # type: ignore[misc]


@contextmanager
def served(mailbox: Mailbox, **options: Any) -> Iterator[int]:
    """A real SMTP server on a free port of this machine."""
    controller = Controller(mailbox, hostname="127.0.0.1", port=free_port(), **options)
    controller.start()
    try:
        yield controller.port
    finally:
        asyncio.run_coroutine_threadsafe(_end_connections(), controller.loop).result()
        controller.stop()


async def _end_connections() -> None:
    """Let the server notice that its clients hung up: a connection that is open when its loop stops is a leak."""
    connections = asyncio.all_tasks() - {asyncio.current_task()}
    if connections:
        await asyncio.wait(connections, timeout=5)
    await asyncio.sleep(0)


def channel(port: int, **settings: Any) -> EmailChannel:
    return email_channel(**{"host": "127.0.0.1", "port": port, "timeout": 10.0, **settings})


def deliveries(*recipients: str, names: tuple[str, ...] = ("asa-gateways",)) -> list[Delivery]:
    return [
        messages.render_release(email_channel(), to, comparison_of(*names)) for to in recipients or ("ann@example.org",)
    ]


def comparison_with(summary: str) -> Comparison:
    """A comparison with one event of this summary."""
    comparison = comparison_of("ssh")
    event: Event = replace(comparison.events[0], summary=summary)
    return replace(comparison, events=(event,))


Given = TypeVar("Given")


def outcome(work: Callable[[], Given]) -> Given | DeliveryError:
    """Return the result, or the DeliveryError that was raised."""
    try:
        return work()
    except DeliveryError as error:
        return error


def headers_of(content: bytes) -> list[str]:
    """Return the header names of a message as the simplest mailer sees them: each line that begins without a space."""
    block = content.split(b"\r\n\r\n", 1)[0]
    lines = block.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
    return sorted(line.split(b":")[0].decode("ascii").lower() for line in lines if line[:1] not in b" \t")


def test_a_mail_arrives_as_text_and_as_html() -> None:
    box = Mailbox()
    with served(box) as port:
        channel(port).send(deliveries()[0], NOW)
    ((sender, recipients, _),) = box.taken
    assert (sender, recipients) == ("watcher@example.net", ["ann@example.org"])
    (message,) = box.messages
    assert message.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
    text, page = message.get_body(("plain",)), message.get_body(("html",))
    assert text is not None
    assert page is not None
    for part in (text, page):
        assert "2000/tcp assigned to asa-gateways" in part.get_content()
    assert "watcher diff ports aaaaaaaaaaaa bbbbbbbbbbbb --all" in text.get_content()
    assert page.get_content().startswith("<!DOCTYPE html>")


def test_the_headers_name_sender_and_list_and_mark_the_mail_as_automatic() -> None:
    delivery = deliveries()[0]
    content = channel(1).write_message(delivery)
    assert headers_of(content) == HEADERS
    message = message_from_bytes(content, policy=SMTP)
    assert {name: str(message[name]) for name in HEADERS if not name.startswith(("content", "mime"))} == {
        "auto-submitted": "auto-generated",
        "date": "Thu, 02 Jan 2020 06:00:00 +0000",
        "from": "watcher@example.net",
        "list-id": "<noc.registry-watcher.example.net>",
        "message-id": f"<{delivery.id}@example.net>",
        "precedence": "list",
        "subject": "ports: 2000/tcp assigned to asa-gateways (was absent)",
        "to": "ann@example.org",
        "x-registry-watcher-release": "b" * 12,
        "x-registry-watcher-source": "ports",
    }


@pytest.mark.parametrize(
    ("name", "domain", "expected"),
    [
        (
            "network-operations",
            "ip-10-20-30-40.eu-central-1.compute.internal",
            "<network-operations.registry-watcher.ip-10-20-30-40.eu-central-1.compute.internal>",
        ),
        ("a..b.", "example.org", "<a.b.registry-watcher.example.org>"),
        ("a_b-c.", "example.org", "<a_b-c.registry-watcher.example.org>"),
        ("noc", "x" * 63 + ".x" * 95, "<noc.registry-watcher.localhost>"),
    ],
)
def test_identifiers_are_written_in_one_line_however_long_they_are(name: str, domain: str, expected: str) -> None:
    """RFC 2919 allows no encoded words in a List-Id; `email` makes them of what has no space (gh-85725)."""
    group = "service-names-port-numbers-and-more-of-it" * 3
    delivery = replace(deliveries()[0], source=group, recipient="a" * 64 + "@" + "example." * 8 + "org")
    content = email_channel(name, sender=f"registry-watcher@{domain}").write_message(delivery)
    lines = content.partition(b"\r\n\r\n")[0].decode("ascii").split("\r\n")
    for header, value in {
        "List-Id": expected,
        "From": f"registry-watcher@{domain}",
        "To": delivery.recipient,
        "Message-ID": f"<{delivery.id}@{domain}>",
        "X-Registry-Watcher-Source": group,
    }.items():
        assert f"{header}: {value}" in lines


def test_a_retry_carries_the_same_message_id_and_date() -> None:
    delivery = deliveries()[0]
    box = Mailbox()
    with served(box) as port:
        channel(port).send(delivery, NOW)
        channel(port).send(replace(delivery, attempts=4), NOW.replace(year=2027))
    first, second = box.messages
    assert first["Message-ID"] == second["Message-ID"] == f"<{delivery.id}@example.net>"
    assert first["Date"] == second["Date"]


def test_every_recipient_gets_a_separate_mail_and_sees_no_other_address() -> None:
    box = Mailbox()
    with served(box) as port:
        for delivery in deliveries("ann@example.org", "bob@example.org"):
            channel(port).send(delivery, NOW)
    assert [recipients for _, recipients, _ in box.taken] == [["ann@example.org"], ["bob@example.org"]]
    assert [str(message["To"]) for message in box.messages] == ["ann@example.org", "bob@example.org"]
    assert b"bob" not in box.taken[0][2]
    assert len({str(message["Message-ID"]) for message in box.messages}) == 2


def test_the_subject_is_the_most_severe_event_and_the_number_of_others() -> None:
    delivery = deliveries(names=("one", "two", "three"))[0]
    assert json.loads(delivery.body)["subject"] == "ports: 2000/tcp assigned to one (was absent) (+2 more)"


def test_a_long_subject_is_cut_and_keeps_its_count() -> None:
    subject = email_message.subject_line("word " * 100, " (+7 more)")
    assert 90 < len(subject) <= 100
    assert subject.endswith("word… (+7 more)")


def test_a_line_that_begins_with_a_dot_arrives_whole() -> None:
    body = json.dumps({"subject": "s", "text": "a\n.\n.b\nFrom c\n", "html": "<p>"})
    box = Mailbox()
    with served(box) as port:
        channel(port).send(replace(deliveries()[0], body=body), NOW)
    text = box.messages[0].get_body(("plain",))
    assert text is not None
    assert text.get_content().replace("\r\n", "\n") == "a\n.\n.b\nFrom c\n"


@pytest.mark.fault(38)
def test_a_mail_of_very_many_events_lists_the_first_and_counts_the_rest() -> None:
    message = email_message.release_mail(comparison_of(*(f"name-{number}" for number in range(250))), list_name="noc")
    for part in (message.text, message.html):
        assert "name-199" in part
        assert "name-200" not in part
        assert "50 more events are not listed here." in part


@pytest.mark.fault(38)
def test_the_text_of_a_mail_is_bounded() -> None:
    message = email_message.release_mail(comparison_with("long " * 200_000), list_name="noc")
    assert len(message.text) < 81_000
    assert "more lines are not shown here." in message.text


@pytest.mark.fault(31)
def test_registry_text_is_escaped_in_the_html_part() -> None:
    page = email_message.release_mail(comparison_with("<script>alert(1)</script>&"), list_name="noc").html
    assert "<script>" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;&amp;" in page


@pytest.mark.fault(32)
@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_registry_text_adds_no_header_to_what_a_server_receives(text: str) -> None:
    delivery = messages.render_release(email_channel(), "ann@example.org", comparison_with(text))
    box = Mailbox()
    with served(box) as port:
        channel(port).send(delivery, NOW)
    ((_, recipients, content),) = box.taken
    assert recipients == ["ann@example.org"]
    assert headers_of(content) == HEADERS
    subject = str(box.messages[0]["Subject"])
    assert subject.startswith("ports: ")
    assert not set(subject) & set("\r\n\0\u2028\u2029\x85")


@pytest.mark.fault(32)
@given(hostile_texts)
def test_no_registry_text_ever_adds_a_header(text: str) -> None:
    delivery = messages.render_release(email_channel(), "ann@example.org", comparison_with(text))
    content = channel(1).write_message(delivery)
    assert headers_of(content) == HEADERS
    assert sorted(name.lower() for name in message_from_bytes(content, policy=SMTP).keys()) == HEADERS  # noqa: SIM118 - repeated names count


@pytest.mark.fault(32)
@given(hostile_texts)
def test_an_unsafe_subject_is_sent_harmless_or_not_at_all(text: str) -> None:
    body = json.dumps({"subject": text, "text": text, "html": text})
    written = outcome(lambda: channel(1).write_message(replace(deliveries()[0], body=body)))
    if isinstance(written, DeliveryError):
        assert written.permanent
    else:
        assert headers_of(written) == HEADERS


@pytest.mark.fault(32)
@pytest.mark.parametrize(
    "subject", ["a\r\nBcc: x@example.org", "a\nb", "=?utf-8?q?=0ABcc:_x@example.org?=", "=?utf-8?q?=0D=0ABcc:_x?="]
)
def test_a_subject_that_would_become_a_header_fails_and_nothing_is_sent(subject: str) -> None:
    body = json.dumps({"subject": subject, "text": "t", "html": "h"})
    box = Mailbox()
    with served(box) as port, pytest.raises(DeliveryError) as caught:
        channel(port).send(replace(deliveries()[0], body=body), NOW)
    assert caught.value.permanent
    assert box.taken == []


@pytest.mark.parametrize(
    ("answers", "permanent"),
    [
        ({"rcpt": "450 4.2.1 mailbox busy"}, False),
        ({"rcpt": "451 4.7.1 greylisted"}, False),
        ({"rcpt": "550 5.1.1 no such user"}, True),
        ({"mail": "451 4.3.0 later"}, False),
        ({"mail": "553 5.1.8 not you"}, False),
        ({"data": "452 4.3.1 full"}, False),
        ({"data": "421 4.3.2 going down"}, False),
        ({"data": "554 5.7.1 spam"}, True),
    ],
    ids=str,
)
@pytest.mark.fault(42)
def test_a_5xx_about_recipient_or_message_is_permanent_and_no_other(answers: dict[str, str], permanent: bool) -> None:
    box = Mailbox(**answers)  # type: ignore[arg-type]
    with served(box) as port, pytest.raises(DeliveryError) as caught:
        channel(port).send(deliveries()[0], NOW)
    assert caught.value.permanent is permanent
    assert str(caught.value) == f"the mail server replied {next(iter(answers.values()))}"
    assert box.taken == []


@pytest.mark.parametrize("farewell", ["421 4.3.2 going down", "500 what"])
def test_an_accepted_mail_is_sent_whatever_the_server_replies_to_quit(farewell: str) -> None:
    box = Mailbox(quit=farewell)
    with served(box) as port:
        channel(port).send(deliveries()[0], NOW)
    assert len(box.taken) == 1


@pytest.mark.parametrize("farewell", ["421 4.3.2 going down", "500 what"])
def test_a_refusal_is_final_whatever_the_server_replies_to_quit(farewell: str) -> None:
    box = Mailbox(rcpt="550 5.1.1 no such user", quit=farewell)
    with served(box) as port, pytest.raises(DeliveryError, match=r"550 5[.]1[.]1 no such user") as caught:
        channel(port).send(deliveries()[0], NOW)
    assert caught.value.permanent


def test_a_connection_that_is_refused_is_retried() -> None:
    port = free_port()
    with pytest.raises(DeliveryError, match=f"127.0.0.1:{port}: .*refused") as caught:
        channel(port).send(deliveries()[0], NOW)
    assert not caught.value.permanent


def test_a_host_name_that_does_not_resolve_is_retried() -> None:
    with pytest.raises(DeliveryError, match=r"mail\.invalid:25: ") as caught:
        channel(25, host="mail.invalid").send(deliveries()[0], NOW)
    assert not caught.value.permanent


@pytest.mark.parametrize("host", ["mail..invalid", "m" * 70])
def test_a_host_that_is_no_host_name_is_called_one(host: str) -> None:
    with pytest.raises(DeliveryError, match=r":25: not a host name; correct host in \[smtp\]") as caught:
        channel(25, host=host).send(deliveries()[0], NOW)
    assert not caught.value.permanent


@pytest.mark.parametrize(
    "start",
    [
        hang(),
        raw(b""),
        raw(b"220 hello\r\n"),
        raw(b"HTTP/1.1 400 Bad Request\r\n\r\n"),
        raw(b"\xff\xfe\x00\r\n"),
        raw(b"220 " + b"x" * 100_000),
    ],
    ids=["silent", "closes at once", "closes after its greeting", "speaks HTTP", "speaks noise", "has no line end"],
)
def test_a_server_that_does_not_speak_smtp_is_retried(start: Answer) -> None:
    with FaultServer(raw_start=start) as server, pytest.raises(DeliveryError) as caught:
        channel(server.port, timeout=0.3).send(deliveries()[0], NOW)
    assert not caught.value.permanent


@pytest.mark.fault(42)
def test_a_server_that_drips_is_cut_at_the_deadline_of_a_try() -> None:
    with FaultServer(raw_start=drip(b"220-", every=0.02)) as server, pytest.raises(DeliveryError) as caught:
        channel(server.port, timeout=60.0, deadline=0.3).send(deliveries()[0], NOW)
    assert not caught.value.permanent


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> trustme.CA:
    """A certificate authority that this process trusts."""
    ca = trustme.CA()
    ca.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    return ca


def tls_of(ca: trustme.CA, name: str = "127.0.0.1") -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    ca.issue_cert(name).configure_cert(context)
    return context


def test_starttls_is_used_if_it_is_configured(authority: trustme.CA) -> None:
    box = Mailbox()
    with served(box, tls_context=tls_of(authority)) as port:
        channel(port, security="starttls").send(deliveries()[0], NOW)
    assert box.secure == [True]


@pytest.mark.fault(42)
def test_a_server_without_starttls_gets_nothing_in_plain_text(monkeypatch: pytest.MonkeyPatch) -> None:
    box = Mailbox()
    logins: list[object] = []
    monkeypatch.setattr(smtplib.SMTP, "login", lambda *arguments: logins.append(arguments))
    monkeypatch.setenv("X", "hunter2")
    with served(box) as port, pytest.raises(DeliveryError, match="STARTTLS") as caught:
        channel(port, security="starttls", username="w", password=SecretRef("env:X")).send(deliveries()[0], NOW)
    assert not caught.value.permanent
    assert (box.recipients, box.taken, logins) == ([], [], [])


@pytest.mark.parametrize("name", ["127.0.0.2", "mail.example.org"])
def test_a_certificate_for_another_host_gets_nothing(authority: trustme.CA, name: str) -> None:
    box = Mailbox()
    with (
        served(box, tls_context=tls_of(authority, name)) as port,
        pytest.raises(DeliveryError, match="certificate") as caught,
    ):
        channel(port, security="starttls").send(deliveries()[0], NOW)
    assert not caught.value.permanent
    assert (box.recipients, box.taken) == ([], [])


@pytest.mark.fault(83)
@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_private_authority_is_trusted_if_it_is_configured(tmp_path: Path, security: str) -> None:
    ca = trustme.CA()
    ca.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    box = Mailbox()
    options = {"ssl_context" if security == "tls" else "tls_context": tls_of(ca)}
    with served(box, **options) as port:
        dataclasses.replace(channel(port, security=security), ca_file=tmp_path / "ca.pem").send(deliveries()[0], NOW)
    assert len(box.taken) == 1


@pytest.mark.fault(83)
def test_a_certificate_of_an_unknown_authority_gets_nothing() -> None:
    box = Mailbox()
    with (
        served(box, tls_context=tls_of(trustme.CA())) as port,
        pytest.raises(DeliveryError, match="signed by an unknown authority; set ca_file in") as caught,
    ):
        channel(port, security="starttls").send(deliveries()[0], NOW)
    assert not caught.value.permanent
    assert (box.recipients, box.taken) == ([], [])


def test_tls_to_a_server_without_it_sends_nothing() -> None:
    box = Mailbox()
    with served(box) as port, pytest.raises(DeliveryError) as caught:
        channel(port, security="tls").send(deliveries()[0], NOW)
    assert not caught.value.permanent
    assert (box.recipients, box.taken) == ([], [])


without_tls = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")


class Authenticator:
    """Accepts one user with one password."""

    def __init__(self, user: str, password: str) -> None:
        self._login, self._password = user.encode(), password.encode()

    def __call__(self, server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:  # noqa: ARG002 - aiosmtpd's
        return AuthResult(success=(data.login, data.password) == (self._login, self._password), handled=False)


def locked(password: str) -> dict[str, Any]:
    return {"authenticator": Authenticator("watcher", password), "auth_required": True, "auth_require_tls": False}


@without_tls
def test_user_and_password_are_sent_if_they_are_configured() -> None:
    box = Mailbox()
    with served(box, **locked("right")) as port:
        channel(port, username="watcher", password=KnownSecret("right")).send(deliveries()[0], NOW)
    assert len(box.taken) == 1


@pytest.mark.fault(63)
@without_tls
@pytest.mark.fault(42)
def test_a_refused_password_is_retried_and_not_shown() -> None:
    box = Mailbox()
    with (
        served(box, **locked("right")) as port,
        pytest.raises(DeliveryError, match="refused user and password") as caught,
    ):
        channel(port, username="watcher", password=KnownSecret("hunter2")).send(deliveries()[0], NOW)
    assert not caught.value.permanent
    assert "hunter2" not in str(caught.value)
    assert box.taken == []


@without_tls
def test_a_password_beyond_ascii_is_a_delivery_error_and_no_crash() -> None:
    box = Mailbox()
    with served(box, **locked("pässword")) as port:
        sender = channel(port, username="watcher", password=KnownSecret("pässword"))
        sent = outcome(lambda: sender.send(deliveries()[0], NOW))
    if isinstance(sent, DeliveryError):
        assert not sent.permanent
        assert "pässword" not in str(sent)
        assert box.taken == []
    else:
        assert len(box.taken) == 1


@without_tls
def test_a_secret_that_cannot_be_read_is_a_configuration_error() -> None:
    box = Mailbox()
    with served(box, **locked("right")) as port, pytest.raises(ConfigError, match="No such file"):
        channel(port, username="watcher", password=SecretRef("file:smtp-password")).send(deliveries()[0], NOW)
    assert box.taken == []


def test_a_test_message_says_that_it_is_one() -> None:
    delivery = messages.render_test(email_channel(), "ann@example.org", NOW)
    content = channel(1).write_message(delivery)
    assert headers_of(content) == HEADERS
    message = message_from_bytes(content, policy=SMTP)
    assert message["Subject"] == "[registry-watcher] test of channel noc"
    assert (message["X-Registry-Watcher-Source"], message["X-Registry-Watcher-Release"]) == ("-", "-")
