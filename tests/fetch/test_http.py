"""Fetching, against real sockets on loopback that do everything a server should not."""

from __future__ import annotations

import gzip
import lzma
import os
import socket
import ssl
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
import trustme
from msgspec.structs import replace

from tests.support.fake_clock import FakeClock
from tests.support.fault_server import Answer, FaultServer, drip, flood, hang, head, not_modified, raw, reply, reset
from watcher.core.clock import SystemClock
from watcher.core.errors import ConfigError, FetchError
from watcher.fetch.base import NotModified, Policy, Response, Validators
from watcher.fetch.http import HttpFetcher
from watcher.fetch.responses import RETRY_AFTER_MIN, parse_retry_after

BODY = b"<registry/>" * 1000
POLICY = Policy(contact="noc@example.org", allow_private=True, attempts=1, backoff=0)
SMALL = replace(POLICY, max_bytes=len(BODY), attempts=3)
V1 = Validators(etag='"v1"', last_modified="Tue, 19 Nov 2024 00:00:00 GMT")


class _SleeplessClock(SystemClock):
    """The machine's clock, with pauses that take no time."""

    def sleep(self, seconds: float) -> None:
        pass


def get(url: str, policy: Policy = POLICY, validators: Validators | None = None) -> Response | NotModified:
    with HttpFetcher(policy, clock=_SleeplessClock()) as fetcher:
        return fetcher.fetch(url, validators)


def body_of(url: str, policy: Policy = POLICY, validators: Validators | None = None) -> bytes:
    answer = get(url, policy, validators)
    assert isinstance(answer, Response)
    return answer.body


def failure(url: str, policy: Policy = POLICY, validators: Validators | None = None) -> FetchError:
    with pytest.raises(FetchError) as caught:
        get(url, policy, validators)
    return caught.value


def failure_of(answer: Answer, policy: Policy = POLICY, validators: Validators | None = None) -> FetchError:
    with FaultServer(answer) as server:
        return failure(server.url(), policy, validators)


# Requests and responses


def test_a_response_is_returned_whole_with_its_validators() -> None:
    answer = reply(BODY, ETag='"v1"', Last_Modified=V1.last_modified or "", Content_Type="text/xml; charset=UTF-8")
    with FaultServer(answer) as server:
        response = get(server.url("/ports.xml"))
        assert response == Response(body=BODY, url=server.url("/ports.xml"), validators=V1)


def test_the_request_says_who_asks_and_asks_for_gzip_only() -> None:
    with FaultServer(reply(BODY)) as server:
        get(server.url())
    headers = server.requests[0].headers
    assert headers["user-agent"] == "registry-watcher/0.1.0 (+noc@example.org)"
    assert headers["accept-encoding"] == "gzip"
    assert not {"cookie", "authorization", "if-none-match", "if-modified-since"} & headers.keys()


def test_a_contact_that_would_break_the_header_is_the_operators_error() -> None:
    with pytest.raises(ConfigError):
        HttpFetcher(Policy(contact="noc@example.org\r\nX-Evil: 1"))


def test_neither_netrc_nor_proxies_are_taken_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login a password b\n")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    with FaultServer(reply(b"proxied")) as proxy, FaultServer(reply(BODY)) as server:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url())
        monkeypatch.setenv("no_proxy", "")
        assert body_of(server.url()) == BODY
    assert proxy.requests == []
    assert "authorization" not in server.requests[0].headers


def test_a_configured_proxy_is_used() -> None:
    with FaultServer(reply(BODY)) as proxy:
        policy = replace(POLICY, proxy=proxy.url(), allow_private=False)
        assert body_of("http://registry.example/ports.xml", policy) == BODY
        assert proxy.requests[0].target == "http://registry.example/ports.xml"
        assert failure("http://169.254.169.254/latest", policy).reason == "address_refused"
        assert len(proxy.requests) == 1


def test_a_proxy_that_refuses_is_reported_as_the_proxy() -> None:
    with FaultServer(raw(head(403))) as proxy:
        error = failure("https://registry.example/", replace(POLICY, proxy=proxy.url()))
    assert (error.reason, error.transient) == ("proxy", True)


@pytest.mark.fault(83)
def test_a_proxy_that_wants_a_password_says_what_to_do() -> None:
    with FaultServer(raw(head(407))) as proxy:
        error = failure("https://registry.example/", replace(POLICY, proxy=proxy.url()))
    assert str(error) == (
        "the proxy refused the connection with HTTP status 407; "
        'put its URL with user and password into a file and set proxy = "file:PATH"'
    )


@pytest.mark.fault(63, 83)
def test_user_and_password_of_a_proxy_are_sent_to_it_and_shown_nowhere() -> None:
    with FaultServer(reply(BODY)) as proxy:
        url = proxy.url().replace("http://", "http://ann:hunter2@")
        assert body_of("http://registry.example/ports.xml", replace(POLICY, proxy=url)) == BODY
    assert proxy.requests[0].headers["proxy-authorization"] == "Basic YW5uOmh1bnRlcjI="
    error = failure("https://registry.example/", replace(POLICY, proxy=url))
    assert error.reason == "proxy"
    assert "hunter2" not in str(error)


@pytest.mark.fault(83)
def test_a_proxy_that_cannot_be_reached_is_reported_as_the_proxy() -> None:
    with FaultServer() as closed:
        pass
    error = failure("http://registry.example/", replace(POLICY, proxy=closed.url()))
    assert (error.reason, error.transient) == ("proxy", True)
    assert str(error).startswith(f"the proxy cannot be reached: no connection to 127.0.0.1 port {closed.port}")


def test_one_connection_serves_several_fetches_redirects_and_304s() -> None:
    moved = reply(b"moved", 302, Location="/there")
    with FaultServer(moved, reply(BODY), not_modified(), reply(BODY)) as server, HttpFetcher(POLICY) as fetcher:
        fetcher.fetch(server.url())
        assert isinstance(fetcher.fetch(server.url(), V1), NotModified)
        fetcher.fetch(server.url())
    assert len(server.requests) == 4
    assert server.connections == 1


def test_cookies_are_not_kept() -> None:
    with FaultServer(reply(BODY, Set_Cookie="node=7; Path=/")) as server, HttpFetcher(POLICY) as fetcher:
        fetcher.fetch(server.url())
        fetcher.fetch(server.url())
    assert "cookie" not in server.requests[1].headers


# Not modified


def test_validators_are_sent_back_and_304_is_a_value() -> None:
    with FaultServer(not_modified(ETag='"v1"')) as server:
        assert get(server.url(), validators=V1) == NotModified(validators=V1)
    assert server.requests[0].headers["if-none-match"] == V1.etag
    assert server.requests[0].headers["if-modified-since"] == V1.last_modified


@pytest.mark.parametrize("etag", ['W/"v1"', '"v1-gzip"'])
def test_a_304_may_call_the_same_state_weak_or_compressed(etag: str) -> None:
    with FaultServer(not_modified(ETag=etag)) as server:
        assert isinstance(get(server.url(), validators=V1), NotModified)
    assert len(server.requests) == 1


@pytest.mark.fault(12)
def test_a_304_to_a_request_without_validators_is_requested_again_without_a_condition() -> None:
    with FaultServer(not_modified(), reply(BODY)) as server:
        assert body_of(server.url()) == BODY
    assert server.requests[1].headers["cache-control"] == "no-cache"


@pytest.mark.fault(12)
def test_a_304_for_another_state_is_requested_again_without_a_condition() -> None:
    with FaultServer(not_modified(ETag='"v2"'), reply(BODY)) as server:
        assert body_of(server.url(), validators=V1) == BODY
    assert "if-none-match" not in server.requests[1].headers
    assert "if-modified-since" not in server.requests[1].headers


@pytest.mark.fault(12)
def test_a_304_for_another_date_is_requested_again_without_a_condition() -> None:
    answer = not_modified(Last_Modified="Wed, 20 Nov 2024 00:00:00 GMT")
    with FaultServer(answer, reply(BODY)) as server:
        assert body_of(server.url(), validators=replace(V1, etag=None)) == BODY


@pytest.mark.fault(12)
def test_a_second_304_without_a_condition_fails() -> None:
    with FaultServer(not_modified()) as server:
        assert failure(server.url()).reason == "not_modified_unasked"
    assert len(server.requests) == 2


def test_validators_that_no_header_can_carry_are_neither_kept_nor_sent() -> None:
    with FaultServer(raw(head(200, Content_Length=2, ETag='"\xe4"') + b"ok")) as server:
        response = get(server.url(), validators=Validators(etag='"\r\nX: 1"', last_modified="\N{SNOWMAN}"))
    assert isinstance(response, Response)
    assert response.validators == Validators()
    assert not {"x", "if-none-match", "if-modified-since"} & server.requests[0].headers.keys()


# Rows 1 and 2 of the faults: no connection, no trust


@pytest.mark.fault(1)
def test_a_host_that_does_not_resolve_is_retried(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []

    def resolver(host: object, *_: object, **__: object) -> list[object]:
        asked.append(host)
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", resolver)
    error = failure("http://registry.example/", replace(POLICY, attempts=3))
    assert (error.reason, error.transient) == ("dns", True)
    assert asked == ["registry.example"] * 3


@pytest.mark.fault(1)
def test_a_refused_connection_says_so() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    error = failure(f"http://127.0.0.1:{port}/")
    assert (error.reason, error.transient) == ("connect", True)


@pytest.mark.fault(1)
def test_a_reset_before_the_answer_is_retried_after_a_growing_jittered_pause() -> None:
    clock = FakeClock(jitter=0.25)
    with FaultServer(reset(), reset(), reply(BODY)) as server:
        policy = replace(POLICY, attempts=3, backoff=1.0)
        with HttpFetcher(policy, clock=clock) as fetcher:
            assert isinstance(fetcher.fetch(server.url()), Response)
    assert clock.slept == [0.75, 1.5]


@pytest.mark.fault(1)
def test_there_are_no_more_attempts_than_the_policy_says() -> None:
    with FaultServer(reset()) as server:
        assert failure(server.url(), replace(POLICY, attempts=3)).reason == "reset"
    assert len(server.requests) == 3


@pytest.mark.fault(1)
def test_nothing_is_retried_when_the_pause_would_outlast_the_deadline() -> None:
    with FaultServer(reset()) as server:
        assert failure(server.url(), replace(POLICY, attempts=3, backoff=500)).reason == "reset"
    assert len(server.requests) == 1


def test_a_connection_closed_without_an_answer_is_a_reset() -> None:
    assert failure_of(raw(b"")).reason == "reset"


@pytest.fixture
def authority(tmp_path: Path) -> tuple[trustme.CA, Policy]:
    authority = trustme.CA()
    bundle = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(str(bundle))
    return authority, replace(POLICY, ca_file=str(bundle), attempts=3)


def serving(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


def test_a_certificate_of_a_trusted_authority_is_accepted(authority: tuple[trustme.CA, Policy]) -> None:
    trusted, policy = authority
    with FaultServer(reply(BODY), tls=serving(trusted.issue_cert("127.0.0.1"))) as server:
        assert body_of(server.url(), policy) == BODY


@pytest.mark.fault(83)
def test_the_authorities_of_this_machine_are_trusted(
    authority: tuple[trustme.CA, Policy], monkeypatch: pytest.MonkeyPatch
) -> None:
    trusted, policy = authority
    monkeypatch.setenv("SSL_CERT_FILE", str(policy.ca_file))
    with FaultServer(reply(BODY), tls=serving(trusted.issue_cert("127.0.0.1"))) as server:
        assert body_of(server.url()) == BODY


@pytest.mark.fault(83)
def test_a_file_of_authorities_that_cannot_be_used_is_a_failed_fetch(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")
    for name, why in (("ca.pem", "not a file of certificates in PEM format"), ("none.pem", "No such file")):
        error = failure("https://127.0.0.1:9/", replace(POLICY, ca_file=tmp_path / name))
        assert error.reason == "certificate"
        assert why in str(error)


@pytest.mark.fault(2)
def test_a_certificate_for_another_host_is_refused_and_not_retried(authority: tuple[trustme.CA, Policy]) -> None:
    trusted, policy = authority
    with FaultServer(reply(BODY), tls=serving(trusted.issue_cert("other.example"))) as server:
        error = failure(server.url(), policy)
    assert (error.reason, error.transient) == ("certificate", False)
    assert (server.connections, server.requests) == (1, [])


@pytest.mark.fault(2)
def test_an_expired_certificate_is_refused_and_not_retried(authority: tuple[trustme.CA, Policy]) -> None:
    trusted, policy = authority
    expired = trusted.issue_cert("127.0.0.1", not_after=datetime.now(UTC) - timedelta(days=1))
    with FaultServer(reply(BODY), tls=serving(expired)) as server:
        error = failure(server.url(), policy)
    assert (error.reason, str(error), error.transient) == ("certificate", "the certificate has expired", False)
    assert (server.connections, server.requests) == (1, [])


@pytest.mark.fault(2, 83)
def test_a_certificate_nobody_vouches_for_is_refused_and_not_retried() -> None:
    with FaultServer(reply(BODY), tls=serving(trustme.CA().issue_cert("127.0.0.1"))) as server:
        error = failure(server.url(), replace(POLICY, attempts=3))
    assert (error.reason, error.transient) == ("certificate", False)
    assert str(error) == (
        "the certificate is signed by an unknown authority; set ca_file in [fetch] to the file of that authority"
    )
    assert (server.connections, server.requests) == (1, [])


@pytest.mark.fault(1)
def test_a_broken_handshake_is_retried() -> None:
    with FaultServer(raw_start=raw(b"HTTP/1.0 400 this is not TLS\r\n\r\n")) as server:
        error = failure(f"https://127.0.0.1:{server.port}/", replace(POLICY, attempts=2))
    assert (error.reason, error.transient) == ("tls", True)
    assert str(error) == "the server does not speak TLS on this port"
    assert server.connections == 2


# Rows 3 and 4: no data arrives, or very slowly


@pytest.mark.fault(3)
def test_a_server_that_says_nothing_is_left_after_the_read_timeout() -> None:
    error = failure_of(hang(), replace(POLICY, read_timeout=0.1))
    assert (error.reason, error.transient) == ("timeout", True)


@pytest.mark.fault(3)
def test_a_server_that_stops_in_the_body_is_left_after_the_read_timeout() -> None:
    assert (
        failure_of(hang(head(200, Content_Length=10) + b"abc"), replace(POLICY, read_timeout=0.1)).reason == "timeout"
    )


SLOW = replace(POLICY, deadline=0.5, read_timeout=30, connect_timeout=30, attempts=3)


@pytest.mark.fault(4)
@pytest.mark.parametrize(
    "start",
    [
        pytest.param(b"HTTP/1.1 200 OK\r\nX-Slow: ", id="in a header"),
        pytest.param(b"", id="in the status line"),
        pytest.param(head(200, Content_Length=10**6), id="in the body"),
        pytest.param(head(200), id="in a body without a length"),
        pytest.param(head(200, Transfer_Encoding="chunked") + b"fffff\r\n", id="in a chunk"),
        pytest.param(head(200, Content_Encoding="gzip") + gzip.compress(BODY)[:8], id="in a gzip stream"),
        pytest.param(head(302, Location="/x", Content_Length=60000), id="in the body of a redirect"),
    ],
)
def test_a_drip_ends_at_the_deadline_wherever_it_drips(start: bytes) -> None:
    with FaultServer(drip(start)) as server:
        error = failure(server.url(), SLOW)
    assert error.reason == "deadline"
    assert len(server.requests) == 1


@pytest.mark.fault(4)
def test_a_drip_in_the_handshake_ends_at_the_deadline() -> None:
    with FaultServer(raw_start=drip(b"\x16\x03\x03\x20\x00")) as server:
        error = failure(f"https://127.0.0.1:{server.port}/", replace(SLOW, attempts=1))
    assert error.reason == "deadline"
    assert server.connections == 1


def test_a_drip_in_a_proxys_answer_ends_at_the_deadline() -> None:
    with FaultServer(drip(b"HTTP/1.1 200 ")) as server:
        assert failure("https://registry.example/", replace(SLOW, proxy=server.url())).reason == "deadline"


class _FiveSecondSteps(FakeClock):
    """Each reading is five seconds after the one before."""

    def monotonic(self) -> float:
        self.advance(timedelta(seconds=5))
        return super().monotonic()


@pytest.mark.fault(4)
def test_redirects_and_retries_share_one_deadline_and_the_next_fetch_has_its_own() -> None:
    moved, failed = reply(b"", 302, Location="/there"), reply(b"", 500)
    policy = replace(POLICY, attempts=100, deadline=60)
    with (
        FaultServer(moved, failed, moved, failed) as server,
        HttpFetcher(policy, clock=_FiveSecondSteps()) as fetcher,
    ):
        with pytest.raises(FetchError) as first:
            fetcher.fetch(server.url())
        so_far = len(server.requests)
        with pytest.raises(FetchError) as second:
            fetcher.fetch(server.url())
    assert (first.value.reason, second.value.reason) == ("deadline", "deadline")
    assert 2 < so_far < len(server.requests) < 24


# Rows 5 to 9: incomplete, too large, or not HTTP


@pytest.mark.fault(5)
@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(raw(head(200, Content_Length=len(BODY)) + BODY[:-1]), id="short body"),
        pytest.param(raw(head(200, Content_Length=len(BODY))), id="no body"),
        pytest.param(raw(head(200, Transfer_Encoding="chunked") + b"b\r\n<registry/>\r\n"), id="chunks without an end"),
        pytest.param(raw(head(200, Transfer_Encoding="chunked") + b"ff\r\n<registry/>"), id="cut chunk"),
        pytest.param(raw(head(200, Transfer_Encoding="chunked")), id="no chunk"),
        pytest.param(reply(gzip.compress(BODY)[:-9], Content_Encoding="gzip"), id="cut gzip of matching length"),
        pytest.param(reply(gzip.compress(BODY)[:-1], Content_Encoding="gzip"), id="gzip cut in its checksum"),
        pytest.param(reply(b"", Content_Encoding="gzip"), id="empty gzip"),
    ],
)
def test_a_cut_body_is_noticed_and_fetched_again_whole(answer: Answer) -> None:
    assert failure_of(answer).reason == "cut"
    with FaultServer(answer, reply(BODY)) as server:
        assert body_of(server.url(), replace(POLICY, attempts=2)) == BODY


@pytest.mark.fault(5)
def test_a_reset_in_the_body_is_retried() -> None:
    with FaultServer(reset(head(200, Content_Length=len(BODY)) + BODY[:100]), reply(BODY)) as server:
        assert body_of(server.url(), replace(POLICY, attempts=2)) == BODY
    assert len(server.requests) == 2


@pytest.mark.fault(7)
def test_a_body_that_only_the_closed_connection_ends_is_returned_for_its_format_to_judge() -> None:
    with FaultServer(raw(head(200) + BODY)) as server:
        assert body_of(server.url()) == BODY


def test_chunks_are_joined() -> None:
    chunks = b"5;x=y\r\n<regi\r\n6\r\nstry/>\r\n0\r\nTrailer: x\r\n\r\n"
    with FaultServer(raw(head(200, Transfer_Encoding="chunked") + chunks, keep=True)) as server:
        assert body_of(server.url()) == b"<registry/>"


@pytest.mark.parametrize("name", ["gzip", "x-gzip", "GZIP"])
def test_gzip_is_inflated(name: str) -> None:
    with FaultServer(reply(gzip.compress(BODY), Content_Encoding=name)) as server:
        assert body_of(server.url()) == BODY


def test_a_gzip_stream_larger_than_a_piece_is_inflated_whole() -> None:
    large = os.urandom(2**16) * 40 + bytes(5 * 2**20)
    with FaultServer(reply(gzip.compress(large, 1), Content_Encoding="gzip")) as server:
        assert body_of(server.url()) == large


@pytest.mark.parametrize("header", ["utf-8", "none", "identity", "", "aws-chunked", "UTF-8, None", "x"])
def test_a_content_encoding_that_names_no_coding_changes_nothing(header: str) -> None:
    with FaultServer(reply(BODY, Content_Encoding=header)) as server:
        assert body_of(server.url(), SMALL) == BODY
    error = failure_of(reply(BODY + b"x", Content_Encoding=header), SMALL)
    assert error.reason == "too_large"


@pytest.mark.parametrize("header", ["identity, gzip", "gzip, utf-8", "X-GZIP"])
def test_gzip_beside_a_name_of_no_coding_is_inflated(header: str) -> None:
    with FaultServer(reply(gzip.compress(BODY), Content_Encoding=header)) as server:
        assert body_of(server.url()) == BODY


@pytest.mark.parametrize("sizes", [(100, 5000), (0, 11_000), (11_000, 0), (1,) * 50])
def test_all_members_of_a_gzip_are_read(sizes: tuple[int, ...]) -> None:
    """RFC 1952 section 2.2: bgzip, and servers that join packed files, send several."""
    parts, rest = [], BODY
    for size in sizes:
        parts, rest = [*parts, gzip.compress(rest[:size])], rest[size:]
    with FaultServer(reply(b"".join([*parts, gzip.compress(rest)]), Content_Encoding="gzip")) as server:
        assert body_of(server.url(), replace(POLICY, max_bytes=len(BODY))) == BODY


def test_the_members_of_a_gzip_are_limited_together() -> None:
    error = failure_of(reply(gzip.compress(BODY) * 2, Content_Encoding="gzip"), SMALL)
    assert (error.reason, error.transient) == ("too_large", False)


@pytest.mark.fault(8)
@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (gzip.compress(BODY, mtime=0), "gzip"),
        (lzma.compress(BODY), "xz"),
        (b"\x28\xb5\x2f\xfd" + BODY, "zstd"),
        (b"PK\x03\x04" + BODY, "zip"),
    ],
)
def test_a_packed_file_that_no_header_announces_is_called_one(body: bytes, kind: str, tmp_path: Path) -> None:
    (tmp_path / "packed").write_bytes(body)
    errors = [
        failure_of(reply(body)),
        failure((tmp_path / "packed").as_uri(), replace(POLICY, allow_files=True)),
    ]
    for error in errors:
        assert (error.reason, error.transient) == ("bad_encoding", False)
        assert str(error).startswith(f"the body is a {kind} file")


@pytest.mark.parametrize(
    "interim",
    [
        b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nContent-Length: 3\r\n\r\n",
        b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 199 X\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n",
    ],
)
def test_informational_responses_are_read_past(interim: bytes) -> None:
    with FaultServer(raw(interim + head(200, Content_Length=len(BODY)) + BODY, keep=True), reply(b"two")) as server:
        with HttpFetcher(POLICY) as fetcher:
            bodies = [fetcher.fetch(server.url()) for _ in range(2)]
        assert [answer.body for answer in bodies if isinstance(answer, Response)] == [BODY, b"two"]
        assert server.connections == 1


@pytest.mark.fault(9)
@pytest.mark.parametrize("line", ["preload", "X-FRAME-OPTIONS : SAMEORIGIN", " X: y", ": nameless"])
def test_a_line_that_is_no_header_is_called_one_and_not_waited_for(line: str) -> None:
    answer = raw(f"HTTP/1.1 200 OK\r\n{line}\r\nContent-Length: {len(BODY)}\r\n\r\n".encode() + BODY, keep=True)
    error = failure_of(answer, replace(POLICY, read_timeout=60))
    assert (error.reason, error.transient) == ("bad_response", False)
    assert "a line that is no header" in str(error)
    assert line.startswith(":") or line.strip() in str(error)


@pytest.mark.fault(6)
@pytest.mark.parametrize(
    "body",
    [
        pytest.param(gzip.compress(BODY)[:-8] + bytes(8), id="wrong checksum"),
        pytest.param(gzip.compress(BODY) + b"garbage", id="garbage at the end"),
        pytest.param(gzip.compress(BODY) + bytes(200_000), id="much garbage at the end"),
        pytest.param(gzip.compress(BODY) + gzip.compress(BODY)[:-8] + bytes(8), id="wrong checksum of a second member"),
        pytest.param(BODY, id="not gzip at all"),
    ],
)
def test_damaged_gzip_is_noticed_and_retried(body: bytes) -> None:
    with FaultServer(reply(body, Content_Encoding="gzip")) as server:
        assert failure(server.url(), replace(POLICY, attempts=2)).reason == "bad_gzip"
    assert len(server.requests) == 2


@pytest.mark.fault(8)
@pytest.mark.parametrize("encoding", ["br", "zstd", "deflate", "gzip, gzip", "gzip, br", "br, none"])
def test_unknown_and_stacked_encodings_are_refused(encoding: str) -> None:
    error = failure_of(reply(gzip.compress(BODY), Content_Encoding=encoding))
    assert (error.reason, error.transient) == ("bad_encoding", False)


CHUNKED = head(200, Transfer_Encoding="chunked")


def test_a_body_of_exactly_the_limit_is_taken() -> None:
    with FaultServer(reply(BODY)) as server:
        assert body_of(server.url(), SMALL) == BODY


@pytest.mark.fault(8)
@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(raw(head(200, Content_Length=10**12)), id="by its stated length"),
        pytest.param(raw(head(200) + BODY + b"x"), id="by one byte"),
        pytest.param(flood(head(200), BODY), id="without an end"),
        pytest.param(flood(CHUNKED, b"1000\r\n" + b"x" * 4096 + b"\r\n"), id="in chunks"),
        pytest.param(flood(CHUNKED + b"-1\r\n", BODY), id="in a chunk of negative size"),
        pytest.param(flood(CHUNKED + b"0\r\n", b"X: y\r\n"), id="in trailers"),
        pytest.param(reply(gzip.compress(BODY + b"x"), Content_Encoding="gzip"), id="once inflated"),
        pytest.param(reply(gzip.compress(bytes(50 * 2**20)), Content_Encoding="gzip"), id="as a bomb"),
    ],
)
def test_too_much_is_refused_and_not_retried(answer: Answer) -> None:
    with FaultServer(answer) as server:
        error = failure(server.url(), SMALL)
    assert (error.reason, error.transient) == ("too_large", False)
    assert len(server.requests) == 1


@pytest.mark.fault(9)
@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 101 + b"\r\n", id="too many headers"),
        pytest.param(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000 + b"\r\n\r\n", id="a header too long"),
        pytest.param(b"HTTP/1.1 103 Early Hints\r\n\r\n" * 30 + head(200) + BODY, id="too many interim answers"),
        pytest.param(b"SSH-2.0-OpenSSH_9.6\r\n", id="another protocol"),
        pytest.param(b"HTTP/1.1 abc OK\r\n\r\n", id="no status"),
        pytest.param(head(200, Content_Length="-5") + BODY, id="negative length"),
        pytest.param(head(200, Content_Length="ten") + BODY, id="no length"),
        pytest.param(head(200, Content_Length="5, 6") + BODY, id="two lengths"),
        pytest.param(head(200, Content_Length="9" * 5000) + BODY, id="absurd length"),
        pytest.param(head(200, Transfer_Encoding="gzip, chunked") + BODY, id="unknown transfer coding"),
        pytest.param(head(200, Transfer_Encoding="chunked") + b"-5\r\n" + BODY, id="negative chunk"),
    ],
)
def test_what_is_not_http_is_refused(data: bytes) -> None:
    error = failure_of(raw(data))
    assert (error.reason, error.transient) == ("bad_response", False)


# Row 10: redirects


@pytest.mark.fault(10)
def test_a_redirect_is_followed_and_the_response_has_the_final_url() -> None:
    with FaultServer(reply(b"", 301, Location="/b?x=1"), reply(BODY)) as server:
        response = get(server.url("/a"))
        assert isinstance(response, Response)
        assert (response.body, response.url) == (BODY, server.url("/b?x=1"))
    assert [request.target for request in server.requests] == ["/a", "/b?x=1"]


@pytest.mark.fault(10)
def test_five_redirects_are_followed_and_not_one_more() -> None:
    moved = reply(b"", 302, Location="/again")
    with FaultServer(*[moved] * 5, reply(BODY)) as server:
        assert body_of(server.url()) == BODY
    with FaultServer(moved) as server:
        error = failure(server.url(), replace(POLICY, attempts=3))
    assert (error.reason, error.transient) == ("too_many_redirects", False)
    assert len(server.requests) == 6


@pytest.mark.parametrize(
    ("location", "target"),
    [
        ("/my file.csv", "/my%20file.csv"),
        ("/caf\u00c3\u00a9.csv", "/caf%C3%A9.csv"),  # UTF-8, as its bytes are in Latin-1
        ("/caf\u00e9.csv?a b=%20", "/caf%E9.csv?a%20b=%20"),
    ],
)
def test_spaces_and_bytes_beyond_ascii_in_a_redirect_are_encoded(location: str, target: str) -> None:
    with FaultServer(reply(b"", 302, Location=location), reply(BODY)) as server:
        response = get(server.url())
    assert isinstance(response, Response)
    assert response.url == server.url(target)
    assert server.requests[1].target == target


@pytest.mark.fault(10)
@pytest.mark.parametrize(
    "location",
    [
        "file:///etc/passwd",
        "ftp://127.0.0.1/",
        "data:text/plain,x",
        "gopher://127.0.0.1/",
        "//other.example/",
        "http://other.example/",
        "http://user:secret@127.0.0.1/",
        "http://other.example\\@127.0.0.1/",
        "http://127.0.0.1\\@other.example/",
        "http://127.0.0.1 .other.example/",
        "http://[::1/",
        "http://127.0.0.1:99999/",
        "/a\tb",
        "http://\xe4.example/",
    ],
)
def test_a_redirect_to_where_it_may_not_lead_is_refused(location: str) -> None:
    with FaultServer(reply(b"", 302, Location=location)) as server:
        error = failure(server.url(), replace(POLICY, attempts=3))
    assert (error.reason, error.transient) == ("redirect_refused", False)
    assert "secret" not in str(error)
    assert len(server.requests) == 1


@pytest.mark.fault(10)
def test_a_redirect_may_lead_to_an_allowed_host() -> None:
    with (
        FaultServer(reply(BODY)) as target,
        FaultServer(reply(b"", 307, Location=target.url(host="localhost"))) as redirecting,
    ):
        assert failure(redirecting.url()).reason == "redirect_refused"
        assert body_of(redirecting.url(), replace(POLICY, allow_hosts=("Localhost.",))) == BODY


@pytest.mark.fault(10)
def test_a_redirect_from_https_to_http_is_refused(authority: tuple[trustme.CA, Policy]) -> None:
    trusted, policy = authority
    with (
        FaultServer(reply(BODY)) as plain,
        FaultServer(reply(b"", 302, Location=plain.url()), tls=serving(trusted.issue_cert("127.0.0.1"))) as server,
    ):
        assert failure(server.url(), policy).reason == "redirect_refused"
    assert plain.requests == []


def test_a_redirect_from_http_to_https_is_followed(authority: tuple[trustme.CA, Policy]) -> None:
    trusted, policy = authority
    with (
        FaultServer(reply(BODY), tls=serving(trusted.issue_cert("127.0.0.1"))) as safe,
        FaultServer(reply(b"", 302, Location=safe.url())) as server,
    ):
        assert body_of(server.url(), policy) == BODY


def test_the_body_of_a_redirect_is_not_read_when_it_is_large() -> None:
    with FaultServer(flood(head(302, Location="/there"), bytes(2**16)), reply(BODY)) as server:
        assert body_of(server.url(), SMALL) == BODY


# Row 11: addresses


@pytest.mark.fault(11)
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.1", "0x7f.1", "2130706433", "017700000001"])
def test_a_private_peer_is_refused_before_a_connection_however_it_is_written(host: str) -> None:
    with FaultServer(reply(BODY)) as server:
        error = failure(server.url(host=host), replace(POLICY, allow_private=False, attempts=3))
    assert (error.reason, error.transient) == ("address_refused", False)
    assert (server.connections, server.requests) == (0, [])


@pytest.mark.fault(11)
def test_the_address_of_the_connected_peer_is_checked_whatever_was_resolved(monkeypatch: pytest.MonkeyPatch) -> None:
    """The resolver names a public address and the packets go elsewhere: what a translating network does."""
    with FaultServer(reply(BODY)) as server:
        loopback = ("127.0.0.1", server.port)
        truly = socket.socket.connect
        row = (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", ("8.8.8.8", server.port))
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [row])
        monkeypatch.setattr(socket.socket, "connect", lambda self, _: truly(self, loopback))
        error = failure("http://registry.example/", replace(POLICY, allow_private=False))
    assert error.reason == "address_refused"
    assert server.requests == []


@pytest.mark.fault(11, 63)
@pytest.mark.parametrize(
    "url",
    [
        "http://a\\@127.0.0.1/",
        "http://user:secret@127.0.0.1/",
        "http://secret@127.0.0.1/",
        "ftp://127.0.0.1/",
        "ports.xml",
        "http://[::1/",
        "http:///ports.xml",
        "http://127.0.0.1/a b",
        "http://127.0.0.1/\r\nX: y",
        "http://exämple.org/",
        "http://" + "a" * 64 + ".example/",
        "",
    ],
)
def test_an_unusual_url_is_refused_without_showing_its_secrets(url: str) -> None:
    error = failure(url)
    assert (error.reason, error.transient) == ("bad_url", False)
    assert "secret" not in str(error)


# Rows 17 and 18: the server refuses


@pytest.mark.parametrize(
    ("status", "reason", "transient", "requests"),
    [
        (404, "not_found", False, 1),
        (410, "not_found", False, 1),
        (403, "denied", False, 1),
        (451, "denied", False, 1),
        (400, "http_status", False, 1),
        (204, "http_status", False, 1),
        (206, "http_status", False, 1),
        (300, "http_status", False, 1),
        (302, "http_status", False, 1),
        (408, "http_status", True, 2),
        (500, "http_status", True, 2),
        (503, "http_status", True, 2),
    ],
)
def test_a_status_that_is_no_release_is_an_error_and_retried_where_that_can_help(
    status: int, reason: str, transient: bool, requests: int
) -> None:
    with FaultServer(reply(b"", status)) as server:
        error = failure(server.url(), replace(POLICY, attempts=2))
    assert (error.reason, error.transient, error.retry_after) == (reason, transient, None)
    assert str(status) in str(error)
    assert len(server.requests) == requests


@pytest.mark.parametrize("status", [429, 503])
def test_a_server_that_asks_for_a_pause_gets_no_more_requests_in_this_run(status: int) -> None:
    with FaultServer(reply(b"", status, Retry_After="600")) as server:
        error = failure(server.url(), replace(POLICY, attempts=3))
    assert (error.reason, error.transient, error.retry_after) == ("retry_later", True, 600)
    assert len(server.requests) == 1


def test_too_many_requests_without_a_time_means_the_shortest_wait() -> None:
    assert failure_of(reply(b"", 429), replace(POLICY, attempts=3)).retry_after == 60


NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("600", 600),
        ("0", 60),
        ("-5", 60),
        ("9" * 400, 86400),
        ("soon", 60),
        ("", 60),
        ("\N{SUPERSCRIPT TWO}", 60),
        (format_datetime(NOW + timedelta(hours=1), usegmt=True), 3600),
        (format_datetime(NOW - timedelta(days=400), usegmt=True), 60),
        (format_datetime(NOW + timedelta(days=400), usegmt=True), 86400),
    ],
)
def test_the_wait_is_between_a_minute_and_a_day(said: str, seconds: float) -> None:
    assert (parse_retry_after(said, now=NOW) or RETRY_AFTER_MIN) == seconds


# file: URLs


FILES = replace(POLICY, allow_files=True)


def test_a_file_is_not_modified_until_it_is(tmp_path: Path) -> None:
    path = tmp_path / "ports file.xml"
    path.write_bytes(BODY)
    first = get(path.as_uri(), FILES)
    assert isinstance(first, Response)
    assert (first.body, first.url) == (BODY, path.as_uri())
    assert get(path.as_uri(), FILES, first.validators) == NotModified(validators=first.validators)
    path.write_bytes(BODY + b"\n")
    assert body_of(path.as_uri(), FILES, first.validators) == BODY + b"\n"


def test_files_are_read_only_where_the_configuration_says_so(tmp_path: Path) -> None:
    path = tmp_path / "ports.xml"
    path.write_bytes(BODY)
    assert failure(path.as_uri()).reason == "file_refused"


def test_an_unreadable_file_is_a_failed_fetch(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert failure((tmp_path / "pipe").as_uri(), FILES).reason == "file_unreadable"
    assert failure(tmp_path.as_uri(), FILES).reason == "file_unreadable"
    assert failure((tmp_path / "missing").as_uri(), FILES).reason == "file_missing"
    assert failure("file:ports.xml", FILES).reason == "bad_url"
    assert failure("file://elsewhere/ports.xml", FILES).reason == "bad_url"
    assert failure("file:///a%00b", FILES).reason == "bad_url"


def test_a_file_over_the_limit_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ports.xml"
    path.write_bytes(BODY + b"x")
    assert failure(path.as_uri(), replace(FILES, max_bytes=len(BODY))).reason == "too_large"
