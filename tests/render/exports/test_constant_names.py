"""The names of constants are those that the style guides of the languages ask for, and that libraries have."""

from __future__ import annotations

import pytest

from watcher.render.exports.constants import c, go, python, rust
from watcher.render.exports.constants.words import Words, find_singular, find_spellings, name_registry, split_words


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("TLS_AES_128_GCM_SHA256", "TLS_AES_128_GCM_SHA256"),
        ("ChaCha20/Poly1305", "CHACHA20_POLY1305"),
        ("TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256"),
        ("NXDomain", "NXDOMAIN"),
        ("ServFail", "SERVFAIL"),
        ("signedCertificateTimestamp", "SIGNED_CERTIFICATE_TIMESTAMP"),
        ("server_name", "SERVER_NAME"),
        ("IPv6-ICMP", "IPV6_ICMP"),
        ("sourceIPv4Address", "SOURCE_IPV4_ADDRESS"),
        ("X.509 certificate chain", "X509_CERTIFICATE_CHAIN"),
        ("RSAES-OAEP w/ SHA-512", "RSAES_OAEP_WITH_SHA_512"),
        ("I'm a teapot", "IM_A_TEAPOT"),
        ("2nd-thing", "N2ND_THING"),
        ("Crédit", "CREDIT"),
        ("<=", "U003C_U003D"),
    ],
)
def test_python_rust_and_c_write_a_name_in_capitals(name: str, written: str) -> None:
    for style in (python.STYLE, rust.STYLE, c.STYLE):
        assert style.name_constant((), split_words(name)) == written


@pytest.mark.parametrize(
    ("registry", "name", "written"),
    [
        ("TLS Cipher Suites", "TLS_AES_128_GCM_SHA256", "TLSCipherSuiteTLS_AES_128_GCM_SHA256"),
        ("TLS Alerts", "close_notify", "TLSAlertCloseNotify"),
        ("HTTP Status Codes", "Not Found", "HTTPStatusCodeNotFound"),
        ("HTTP/2 Error Code", "PROTOCOL_ERROR", "HTTP2ErrorCodePROTOCOL_ERROR"),
        ("Resource Record (RR) TYPEs", "AAAA", "ResourceRecordTypeAAAA"),
        ("DNS RCODEs", "NXDomain", "DNSRCODENXDomain"),
        ("DNS CLASSes", "Internet", "DNSClassInternet"),
        ("COSE Algorithms", "AES-CCM-16-64-128", "COSEAlgorithmAES_CCM_16_64_128"),
    ],
)
def test_go_has_the_type_before_a_name_in_mixed_capitals(registry: str, name: str, written: str) -> None:
    assert go.STYLE.name_constant(name_registry(registry, "toy-parameters"), split_words(name)) == "Toy" + written
    assert go.STYLE.name_constant(name_registry(registry, "parameters"), split_words(name)) == written


@pytest.mark.parametrize(
    ("title", "group", "words"),
    [
        ("TLS Cipher Suites", "tls-parameters", ("TLS", "Cipher", "Suite")),
        ("Message Types", "bgp-parameters", ("BGP", "Message", "Type")),
        ("TLS ExtensionType Values", "tls-extensiontype-values", ("TLS", "Extension", "Type")),
        ("Result-Code AVP Values (code 268)", "aaa-parameters", ("AAA", "Result", "Code", "AVP")),
        ("ACME Identifier Types Registry", "acme", ("ACME", "Identifier", "Type")),
        ("ALTO Address Types", "alto-protocol", ("ALTO", "Address", "Type")),
        ("Registry", "toy", ("toy", "Registry")),
    ],
)
def test_a_registry_is_named_in_the_singular_with_the_subject_of_its_group(
    title: str, group: str, words: Words
) -> None:
    titles = ["Border Gateway Protocol (BGP) Parameters", "Accounting (AAA) Parameters", title]
    assert name_registry(title, group, find_spellings(titles)) == words


@pytest.mark.parametrize(
    ("plural", "singular"),
    [
        *[("Suites", "Suite"), ("Types", "Type"), ("Policies", "Policy"), ("Addresses", "Address")],
        *[("Prefixes", "Prefix"), ("Aliases", "Alias"), ("Statuses", "Status"), ("TLVs", "TLV"), ("TYPEs", "Type")],
        *[("CLASSes", "Class"), ("Cookies", "Cookie"), ("Causes", "Cause"), ("Metrics", "Metric")],
        *[(word, word) for word in ("Status", "Access", "Semantics", "Series", "DNS", "QoS", "Basis", "Kerberos")],
    ],
)
def test_the_singular_of_a_noun(plural: str, singular: str) -> None:
    assert find_singular(plural) == singular
