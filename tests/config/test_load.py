"""The configuration: what is valid, and all mistakes reported at once, each with its place."""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import trustme

from watcher.config.channel_settings import EmailSettings, WebhookSettings
from watcher.config.load import EXAMPLE_FILE, example, json_schema, load
from watcher.config.settings import Settings
from watcher.config.value_types import ProxyUrl, SecretRef
from watcher.core.errors import ConfigError
from watcher.core.model import Severity
from watcher.core.tables import Layout
from watcher.formats.catalog import FORMATS
from watcher.registries.catalog import EVENT_IDS, REGISTRIES

ROOT = Path(__file__).resolve().parents[2]
HOOK = '[[channel]]\nname = "hook"\ntype = "webhook"\nurl = "https://example.org/"\nsecret = "file:hook"\n'
MAIL = '[[channel]]\nname = "noc"\ntype = "email"\nto = ["noc@example.org"]\n'
SECRET = "whsec_" + "abcd" * 8
PORTS = '[[source]]\nname = "ports"\nurl = "https://example.org/ports.xml"\n'

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a configuration as its owner would keep it."""

    def written(text: str) -> Path:
        path = tmp_path / "config.toml"
        path.write_text(text, encoding="utf-8")
        path.chmod(0o600)
        return path

    return written


def loaded(path: Path) -> Settings:
    return load(path, registries=frozenset(REGISTRIES), formats=FORMATS, events=EVENT_IDS)


def problems(path: Path) -> list[str]:
    """Return the mistakes, each without the name of the file."""
    with pytest.raises(ConfigError) as caught:
        loaded(path)
    assert str(caught.value) == "\n".join(caught.value.problems)
    assert all(problem.startswith(f"{path}: ") for problem in caught.value.problems)
    return [problem.removeprefix(f"{path}: ") for problem in caught.value.problems]


def test_an_empty_file_is_a_configuration(write: Write, tmp_path: Path) -> None:
    settings = loaded(write(""))
    assert (settings.source, settings.channel) == ((), ())
    assert (settings.store.path, settings.store.snapshots) == (tmp_path / "history.db", tmp_path / "snapshots")
    assert (settings.log.level, settings.log.format, settings.daemon.jitter) == ("info", "auto", timedelta(seconds=30))


def test_every_setting_is_read(write: Write) -> None:
    settings = loaded(
        write(
            PORTS
            + 'every = "1h30m"\nenabled = false\n'
            + MAIL
            + 'sources = ["ports"]\nevents = ["port-*"]\nseverity = "notice"\nports = ["443", "8000-8100"]\n'
            + HOOK
            + '[severity]\n"contact-updated" = "warning"\n'
            + '[smtp]\nhost = "mail.example.org"\nfrom = "w@example.org"\n[log]\nlevel = "debug"\n'
        )
    )
    (source,) = settings.source
    assert (source.name, source.registry, source.every, source.enabled) == (
        "ports",
        "ports",
        timedelta(hours=1, minutes=30),
        False,
    )
    noc, hook = settings.channel
    assert isinstance(noc, EmailSettings)
    assert isinstance(hook, WebhookSettings)
    assert (noc.to, noc.sources, noc.events, noc.severity, noc.ports) == (
        ("noc@example.org",),
        ("ports",),
        ("port-*",),
        Severity.NOTICE,
        ("443", "8000-8100"),
    )
    assert (hook.url, hook.secret, hook.severity, hook.events) == (
        "https://example.org/",
        "file:hook",
        Severity.INFO,
        ("*",),
    )
    assert settings.severity == {"contact-updated": Severity.WARNING}
    assert (settings.smtp.sender, settings.smtp.security, settings.log.level) == ("w@example.org", "starttls", "debug")


@pytest.mark.fault(61)
def test_all_mistakes_are_reported_at_once_each_with_its_place(write: Write) -> None:
    path = write(
        "[fetch]\nattempts = 0\ndeadlin = 3\n[smtp]\nport = 70000\nsecurity = 'ssl'\n[log]\nlevel = 'loud'\n"
        '[[source]]\nname = "Ports"\nurl = "ftp://example.org/"\nevery = "5s"\n[[source]]\n'
        '[[channel]]\nname = "a"\ntype = "email"\nto = ["nobody"]\nports = ["9-1"]\n'
        '[[channel]]\nname = "b"\ntype = "pager"\n'
        '[[channel]]\nname = "c"\ntype = "webhook"\nurl = "https://example.org/"\nsecret = "hunter2"\n'
        '[severity]\n"port-assigned" = "grave"\n'
    )
    mistakes = problems(path)
    assert sorted(problem.split(": ")[0] for problem in mistakes) == [
        "channel[0].ports[0]",
        "channel[0].to[0]",
        "channel[1].type",
        "channel[2].secret",
        "fetch.attempts",
        "fetch.deadlin",
        "log.level",
        "severity.port-assigned",
        "smtp.port",
        "smtp.security",
        "source[0].every",
        "source[0].name",
        "source[0].url",
        "source[1].name",
        "source[1].url",
    ]
    assert not any("hunter2" in problem for problem in mistakes)


@pytest.mark.fault(61)
def test_conflicts_between_tables_are_reported_at_once(write: Write) -> None:
    path = write(
        PORTS
        + PORTS
        + 'registry = "prots"\n'
        + '[[source]]\nname = "local"\nurl = "file:///srv/ports.xml"\n'
        + MAIL
        + 'events = ["prot-*", "port-*"]\n'
        + MAIL
        + '[severity]\n"port-asigned" = "info"\n'
    )
    assert problems(path) == [
        "source: the name 'ports' is used twice",
        "channel: the name 'noc' is used twice",
        "source[1].registry: unknown 'prots'; did you mean 'ports'?",
        "source[2].url: file: URLs need allow_files = true in [fetch]",
        "channel[0].events: 'prot-*' matches no event",
        "severity.port-asigned: unknown event; did you mean 'port-assigned'?",
    ]


@pytest.mark.fault(61)
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[stoer]\n", "stoer: unknown; did you mean 'store'?"),
        ("[store]\npaht = 'x'\n", "store.paht: unknown; did you mean 'path'?"),
        ("folder = '/tmp'\n", "folder: unknown"),
        ("[smtp]\nsender = 'a@b.org'\n", "smtp.sender: unknown"),
        (MAIL + "url = 'https://example.org/'\n", "channel[0].url: unknown in this table"),
        ("zzzzzzzz = 1\n", "zzzzzzzz: unknown"),
        ("[email]\nto = 'a@b.org'\n", "email: unknown"),
        ("[webhook]\nurl = 'https://example.org/'\n", "webhook: unknown"),
        (PORTS + "email = 'a@b.org'\n", "source[0].email: unknown"),
    ],
)
def test_an_unknown_key_is_named_with_its_place(write: Write, text: str, message: str) -> None:
    (problem,) = problems(write(text))
    assert problem.partition(";")[0] == message.partition(";")[0]


def test_a_misspelled_key_is_answered_with_the_right_one(write: Write) -> None:
    assert problems(write("[fetch]\ndeadlin = 3\n")) == ["fetch.deadlin: unknown; did you mean 'deadline'?"]


OLD_NAME = "believe"


def test_the_old_name_of_a_table_is_answered_with_the_new_one(write: Write) -> None:
    assert problems(write(f"{PORTS}[source.{OLD_NAME}]\nmin_entries = 1\n")) == [
        f"source[0].{OLD_NAME}: unknown; did you mean 'hold'?"
    ]


@pytest.mark.fault(61)
@pytest.mark.parametrize("text", ["[store\n", "a = \n", "a = 1\na = 2\n", "\x00", "= 1"])
def test_invalid_toml_is_reported_in_one_line(write: Write, text: str) -> None:
    (problem,) = problems(write(text))
    assert problem.startswith("not TOML: ")


def test_bytes_that_are_not_text_are_not_toml(write: Write) -> None:
    path = write("")
    path.write_bytes(b"\xff\xfe\x00")
    (problem,) = problems(path)
    assert problem.startswith("not TOML: ")


def test_a_missing_file_is_answered_with_the_command_that_writes_one(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path / "config.toml")
    assert problem == "no such file; `watcher init` writes one"


def test_a_folder_in_place_of_the_file_is_an_error(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    assert problems(tmp_path) == ["is not a file"]


@pytest.mark.parametrize(
    "text", ["source = 3\n", "source = ['x']\n", "store = 'x'\n", "channel = [1]\n", "severity = []\n"]
)
def test_a_value_in_place_of_a_table_is_an_error_with_its_place(write: Write, text: str) -> None:
    (problem,) = problems(write(text))
    assert problem.startswith(text.partition(" ")[0])


@pytest.mark.parametrize(
    "text", ["", "6", "h", "6 h", "1h1d", "-1h", "1.5h", "PT6H", "6H", "1h,", "9" * 30 + "w", "9999999999w", "\u0661h"]
)
def test_an_invalid_duration_is_an_error_with_its_place(write: Write, text: str) -> None:
    (problem,) = problems(write(f'{PORTS}every = "{text}"\n'))
    assert problem.startswith("source[0].every: ")


@pytest.mark.parametrize(
    ("text", "seconds"), [("1m", 60), ("90s", 90), ("6h", 21600), ("2d", 172800), ("1w", 604800), ("1d2h3m4s", 93784)]
)
def test_a_duration_is_written_in_units(write: Write, text: str, seconds: int) -> None:
    assert loaded(write(f'{PORTS}every = "{text}"\n')).source[0].every == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["59s", "0s", "1s"])
def test_no_source_is_checked_more_often_than_once_a_minute(write: Write, text: str) -> None:
    (problem,) = problems(write(f'{PORTS}every = "{text}"\n'))
    assert problem.startswith("source[0].every: must be at least one minute")


BAD_URLS = [
    "",
    "example.org",
    "//example.org/",
    "ftp://example.org/",
    "javascript:alert(1)",
    "https://",
    "https:///x",
    "http://[::1/",
    "https://user:hunter2@example.org/",
    "https://user@example.org/",
    "https://:hunter2@example.org/",
    "https://example.org:port/",
    "https://example.org:99999/",
]


@pytest.mark.fault(61, 63)
@pytest.mark.parametrize("url", BAD_URLS)
def test_a_bad_url_is_an_error_with_its_place_and_shows_no_password(write: Write, url: str) -> None:
    mistakes = problems(
        write(
            f'[[source]]\nname = "ports"\nurl = "{url}"\n'
            f'[[channel]]\nname = "hook"\ntype = "webhook"\nurl = "{url}"\nsecret = "env:HOOK"\n'
        )
    )
    assert [problem.split(": ")[0] for problem in mistakes] == ["source[0].url", "channel[0].url"]
    assert not any("hunter2" in problem for problem in mistakes)


@pytest.mark.fault(61)
@pytest.mark.parametrize("url", ["https://bücher.example/x", "https://a.example/a b", "https://a.example/ä"])
def test_a_url_that_every_check_would_refuse_is_refused(write: Write, url: str) -> None:
    (problem,) = problems(write(PORTS.replace("https://example.org/ports.xml", url)))
    assert problem.startswith("source[0].url: the URL has spaces, backslashes or characters beyond ASCII")


@pytest.mark.fault(61)
@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://10.0.0.1/x.xml", "10.0.0.1 is not public (private)"),
        ("http://[::ffff:127.0.0.1]/x.xml", "::ffff:127.0.0.1 is not public (loopback)"),
        ("http://localhost:8000/x.xml", "localhost is this machine"),
        ("https://example..org/x.xml", "the host name has a label that is empty or longer than 63 characters"),
        (f"https://{'a' * 64}.org/x.xml", "the host name has a label that is empty or longer than 63 characters"),
        ("https://exa%6Dple.org/x.xml", "the host is missing or ambiguous"),
        ("file://server/x.xml", "a file: URL must name a file of this machine by its absolute path"),
        ("file:x.xml", "a file: URL must name a file of this machine by its absolute path"),
    ],
)
def test_what_every_fetch_would_refuse_is_a_mistake_of_the_configuration(write: Write, url: str, why: str) -> None:
    text = "[fetch]\nallow_files = true\n" + PORTS.replace("https://example.org/ports.xml", url)
    (problem,) = problems(write(text))
    assert problem.startswith(f"source[0].url: {why}")
    if "allow_private" in problem:
        assert loaded(write(text.replace("[fetch]", "[fetch]\nallow_private = true"))).source[0].name == "ports"


@pytest.mark.fault(61)
@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ('columns = ["a", "a"]', "columns: each column has a name, and is named once"),
        ('columns = ["a", ""]', "columns: each column has a name, and is named once"),
        ('key = [""]', "key: each column has a name, and is named once"),
        ('columns = ["a", "b"]\nkey = ["c"]', "key: 'c' is no column of the table; its columns are a, b"),
        ('columns = ["a", "b"]\ntitle = ["c"]', "title: 'c' is no column of the table; its columns are a, b"),
        ('columns = ["a", "b"]\nignore = ["c"]', "ignore: 'c' is no column of the table; its columns are a, b"),
        ("delimiter = '\"'", "delimiter: '\"' is the delimiter and the quote"),
        ('quote = ","', "quote: ',' is the delimiter and the quote"),
        ('format = "lines"\ncolumns = ["a", "b"]', "columns: a list has one column; 2 are named"),
        ('format = "lines"\nkey = ["a"]', "key: 'a' is no column of the table; its columns are value"),
        ('registry = "index"', "registry: unknown 'index'"),
        ('registry = "canary"', "registry: unknown 'canary'"),
    ],
)
def test_columns_that_no_table_could_have_are_mistakes(write: Write, settings: str, problem: str) -> None:
    given = {line.partition(" ")[0] for line in settings.splitlines()}
    more = [line for line in ('format = "csv"', 'registry = "iana"') if line.partition(" ")[0] not in given]
    text = "\n".join(['[[source]]\nname = "t"\nurl = "https://example.org/t"', *more, settings])
    assert any(found.startswith(f"source[0].{problem}") for found in problems(write(text)))


def test_a_json_table_may_have_columns_that_its_settings_do_not_name(write: Write) -> None:
    table = '[[source]]\nname = "t"\nurl = "https://example.org/t"\nformat = "json"\nregistry = "iana"\n'
    assert loaded(write(f'{table}columns = ["id"]\nkey = ["id", "name"]\n')).source[0].name == "t"


def test_a_byte_order_mark_before_the_configuration_is_no_mistake(write: Write) -> None:
    assert loaded(write("\ufeff" + PORTS)).source[0].name == "ports"


def test_an_international_mail_address_is_refused_with_what_to_write(write: Write) -> None:
    (problem,) = problems(write('[[channel]]\nname = "m"\ntype = "email"\nto = ["noc@bücher.example"]\n'))
    assert problem.endswith("is not a mail address; only ASCII is sent: write an international domain as xn--…")


def test_a_webhook_is_never_a_file(write: Write) -> None:
    path = write("[fetch]\nallow_files = true\n" + HOOK.replace("https://example.org/", "file:///tmp/x"))
    assert problems(path) == ["channel[0].url: must begin with http:, https:"]


@pytest.mark.parametrize("pattern", ["port-assinged", "zzz*", "Port-*", "port-", "", "port-[xyz]*", "[z]*"])
def test_a_glob_that_matches_no_event_is_an_error(write: Write, pattern: str) -> None:
    (problem,) = problems(write(f'{MAIL}events = ["{pattern}"]\n'))
    assert problem.startswith(f"channel[0].events: {pattern!r} matches no event")


@pytest.mark.parametrize("pattern", ["*", "port-*", "port-assigne?", "port-[ar]*", "[!z]*", *sorted(EVENT_IDS)])
def test_a_glob_that_matches_an_event_is_good(write: Write, pattern: str) -> None:
    (channel,) = loaded(write(f'{MAIL}events = ["{pattern}"]\n')).channel
    assert channel.events == (pattern,)


@pytest.mark.fault(63)
@pytest.mark.parametrize(
    "secret", ["hunter2", "whsec_c2VjcmV0", "", "file:", "env:", "credential:", "http:x", "FILE:x", " file:x"]
)
@pytest.mark.parametrize("place", ["channel[0].secret", "smtp.password"])
def test_a_secret_in_the_file_is_refused_and_never_repeated(write: Write, place: str, secret: str) -> None:
    text = HOOK.replace("file:hook", secret) if place.startswith("channel") else f'[smtp]\npassword = "{secret}"\n'
    (problem,) = problems(write(text))
    assert problem.startswith(f"{place}: must say where the secret is")
    assert not secret or secret in ("file:", "env:", "credential:") or secret not in problem


@pytest.mark.parametrize("value", ["3", "true", '["file:x"]', '{ file = "x" }'])
def test_a_secret_that_is_not_text_is_an_error(write: Write, value: str) -> None:
    (problem,) = problems(write(f"[smtp]\npassword = {value}\n"))
    assert problem.startswith("smtp.password: must say where the secret is")


def test_a_secret_that_this_user_cannot_read_is_no_mistake_of_the_configuration(write: Write) -> None:
    (hook,) = loaded(write(HOOK)).channel
    assert isinstance(hook, WebhookSettings)
    assert hook.secret == "file:hook"


@pytest.mark.fault(63)
@pytest.mark.parametrize(
    ("secret", "why"),
    [
        ("whsec_my-very secret", "line 1 is not base64;"),
        ("whsec_!!!!abcd!!!!", "line 1 is not base64;"),
        ("whsec_" + "ab-d" * 11, "line 1 is URL-safe base64, which receivers decode into another key;"),
        ("whsec_deadbeef", "line 1 is the base64 of 6 bytes;"),
        ("whsec_" + "abcd" * 22, "line 1 is the base64 of 66 bytes;"),
        ("whsec_" + "abcd" * 8 + "a", "line 1 is base64 that is cut off;"),
        (f"{SECRET}\nwhsec_", "line 2 is the base64 of 0 bytes;"),
        ("\n", "has no secret;"),
    ],
)
def test_a_webhook_secret_that_signs_with_another_key_is_refused(write: Write, secret: str, why: str) -> None:
    """standardwebhooks drops what is not base64: its signatures would verify nowhere."""
    path = write(HOOK)
    (path.parent / "hook").write_text(secret + "\n")
    (path.parent / "hook").chmod(0o600)
    (problem,) = problems(path)
    assert problem == (
        f"channel[0].secret: file:hook: {why} a secret is whsec_ and the base64 of 24 to 64 bytes; "
        'make one: echo "whsec_$(openssl rand -base64 32)"'
    )


@pytest.mark.parametrize("secret", [SECRET, SECRET.removeprefix("whsec_"), f"{SECRET}\n\n{SECRET}\n"])
def test_a_webhook_secret_of_standard_webhooks_is_accepted(write: Write, secret: str) -> None:
    path = write(HOOK)
    (path.parent / "hook").write_text(secret)
    (path.parent / "hook").chmod(0o600)
    loaded(path)


@pytest.mark.fault(61, 83)
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[fetch]\nproxy = "socks5://127.0.0.1:1"', "fetch.proxy: must begin with http:, https:"),
        ('[fetch]\nproxy = "127.0.0.1:3128"', "fetch.proxy: must begin with http:, https:"),
        ('[fetch]\nproxy = "http://u:p@127.0.0.1/"', "fetch.proxy: a URL must not contain user and password"),
        ('[heartbeat]\nurl = "http://x/"\nproxy = "http:///"', "heartbeat.proxy: the URL has no host"),
        ('[fetch]\nca_file = "none.pem"', "/none.pem: No such file or directory"),
        ('[smtp]\nca_file = "config.toml"', "/config.toml: not a file of certificates in PEM format"),
        ('[heartbeat]\nurl = "http://x/"\nca_file = "none.pem"', "heartbeat.ca_file: "),
        (HOOK + 'ca_file = "none.pem"', "channel[0].ca_file: "),
        ('[smtp]\nehlo_name = "two words"', "smtp.ehlo_name: must be a host name"),
        ('[fetch]\ncontact = "Zo\u00eb"', "fetch.contact: goes into a header; use printable ASCII only"),
    ],
)
def test_what_no_request_could_use_is_a_mistake_of_the_configuration(write: Write, text: str, message: str) -> None:
    (problem,) = problems(write(text + "\n"))
    assert message in problem


FILE_CHANNEL = '[[channel]]\nname = "log"\ntype = "file"\n'
TABLE = '[fetch]\nallow_files = true\n[[source]]\nname = "t"\nregistry = "iana"\nformat = "csv"\n'
INVENTORY = '[[inventory]]\nname = "own"\nfile = "list"\n'
LISTEN = '[web]\nlisten = "127.0.0.1:{0}"\n[metrics]\nlisten = "{1}:{0}"\n'


@pytest.mark.fault(61)
@pytest.mark.parametrize(
    ("text", "message"),
    [
        (FILE_CHANNEL + 'path = "history.db"', "channel[0].path: {folder}/history.db: is store.path too, and would be"),
        (FILE_CHANNEL + 'path = "./config.toml"', "is the configuration too, and would be overwritten"),
        (FILE_CHANNEL + f'path = "list"\n{INVENTORY}', "is inventory[0].file too"),
        (FILE_CHANNEL + f'path = "table"\n{TABLE}url = "file://{{folder}}/table"', "is source[0].url too"),
        ('[store]\npath = "config.toml"', "store.path: {folder}/config.toml: is the configuration too"),
        ('[store]\nsnapshots = "history.db"', "is store.snapshots too"),
        (FILE_CHANNEL + 'path = "folder"', "channel[0].path: {folder}/folder: is not a file"),
        (FILE_CHANNEL + 'path = "pipe"', "channel[0].path: {folder}/pipe: is not a file"),
        (FILE_CHANNEL + f'path = "{"a" * 300}"', " more characters: File name too long"),
        ('[store]\npath = "folder"', "store.path: {folder}/folder: is not a file"),
        ('[store]\nsnapshots = "list"', "store.snapshots: {folder}/list: is not a folder"),
        (TABLE + 'url = "file://{folder}/folder"', "source[0].url: {folder}/folder: is not a file"),
        (TABLE + 'url = "file://{folder}/pipe"', "source[0].url: {folder}/pipe: is not a file"),
        (
            '[fetch]\nallow_files = true\n[[source]]\nname = "i"\ntype = "collection"\nfolder = "list"',
            "source[0].folder: {folder}/list: is not a folder",
        ),
        ('[evidence]\ntsa = "http://x/"\nroots = "none.pem"', "evidence.roots: {folder}/none.pem: No such file"),
        ('[evidence]\ntsa = "http://x/"\nroots = "list"', "evidence.roots: {folder}/list: not a file of certificates"),
        (LISTEN.format(9876, "127.0.0.1"), "web.listen: 127.0.0.1:9876: metrics.listen has this port already"),
        (LISTEN.format(9876, "[::]"), "metrics.listen has this port already"),
        (
            '[web]\nhosts = ["https://x.example/"]',
            "web.hosts[0]: must be the name or address of a host",
        ),
        ('[fetch]\nallow_hosts = ["x.example:80"]', "fetch.allow_hosts[0]: must be the name or address of a host"),
        ('[smtp]\nhost = "mail.example:587"', "smtp.host: must be the name or address of a host, without scheme, port"),
    ],
)
def test_files_and_addresses_that_nothing_could_use_are_mistakes(write: Write, text: str, message: str) -> None:
    folder = write("").parent
    (folder / "folder").mkdir()
    (folder / "list").write_text("80/tcp\n")
    os.mkfifo(folder / "pipe")
    (problem,) = problems(write(text.replace("{folder}", str(folder)) + "\n"))
    assert message.format(folder=folder) in problem


def test_two_channels_may_append_to_one_file_and_the_ports_may_be_any_two(write: Write) -> None:
    two = "".join(FILE_CHANNEL.replace("log", name) + 'path = "log"\n' for name in ("a", "b"))
    for listen in (LISTEN.format(0, "127.0.0.1"), LISTEN.format(9876, "127.0.0.2"), '[smtp]\nhost = "::1"\n'):
        loaded(write(two + listen))


@pytest.mark.fault(84)
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[daemon]\njitter = "999999999d"', "daemon.jitter: a duration of more than a hundred years"),
        (f'[daemon]\ngrace = "{"9" * 5000}s"', "daemon.grace: a duration of more than a hundred years"),
        ("[daemon]\ngrace = 5", "daemon.grace: write a duration as 30s, 15m"),
        (
            "[[silence]]\nfrom = 2026-01-01T00:00:00Z\nuntil = 9999-12-31T23:59:59-12:00",
            "silence[0].until: must be a time in the years 1970 to 9998",
        ),
        (
            '[[ignore]]\nreason = "x"\nevents = ["editorial"]\nuntil = 0001-01-01T00:00:00+12:00',
            "ignore[0].until: must be a time in the years 1970 to 9998",
        ),
        ('[store]\npath = "a\\u0000b"', "store.path: a text cannot have a NUL character"),
        (FILE_CHANNEL + 'path = "a\\u0000"', "channel[0].path: a text cannot have a NUL character"),
        (f'[[source]]\nname = "{"A" * 5000}"', "source[0].name: must be lower-case letters"),
        (f'[log]\nlevel = "{"A" * 5000}"', "log.level: must be 'debug'"),
        ('[source]\nname = "t"', "source: must be a list of tables: write [[source]] above each"),
        ('source = ["t"]', "source[0]: must be a table"),
        (
            FILE_CHANNEL + f'path = "o"\nmost_per_hour = {"9" * 400}',
            "channel[0].most_per_hour: must be less than or equal to 1000000",
        ),
        (FILE_CHANNEL + 'path = "o"\nformat = "jsonl"', "channel[0].format: unknown in this table"),
        ("[fetch]\nmax_bytes = true", "fetch.max_bytes: must be a valid integer"),
        ('[smtp]\nport = "25"', "smtp.port: must be a valid integer"),
        ("[fetch]\nbackoff = false", "fetch.backoff: must be a valid number"),
        ('[fetch]\nallow_files = "no"', "fetch.allow_files: must be true or false"),
        (f"{PORTS}enabled = 0", "source[0].enabled: must be true or false"),
        (f"{PORTS}hold = {{ confirm_after = true }}", "source[0].hold.confirm_after: must be a valid integer"),
    ],
)
def test_values_that_no_time_path_or_table_can_be_are_mistakes(write: Write, text: str, message: str) -> None:
    found = problems(write(text + "\n"))
    assert any(message in problem for problem in found)
    assert all(len(problem) <= 2000 for problem in found)


@pytest.mark.fault(84)
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ('encoding = "punycode"', "source[0].encoding: unknown 'punycode'"),
        ('encoding = "unicode_escape"', "source[0].encoding: unknown 'unicode_escape'"),
        ("skip = -1", "source[0].skip: must be a number from 0 to 1000000"),
        (f"skip = {'9' * 400}", "source[0].skip: must be a number from 0 to 1000000"),
        (
            f"[source.hold]\nmin_entries = {'9' * 400}",
            "source[0].hold.min_entries: must be less than or equal to 1000000000",
        ),
        (
            f"[source.hold]\nmax_gone_entries = {'9' * 400}",
            "hold.max_gone_entries: must be less than or equal to 1000000000",
        ),
        (f"columns = {[f'c{number}' for number in range(1001)]}", "more than the 1000 that a table may have"),
        ("[source.hold]\nmin_entries = 2\nmax_entries = 1", "source[0].hold: min_entries 2 is more than max_entries 1"),
    ],
)
def test_settings_under_which_no_release_could_be_read_are_mistakes(write: Write, settings: str, message: str) -> None:
    (problem,) = problems(write(f'{TABLE}url = "file:///x"\n{settings}\n'))
    assert message in problem


def test_a_collection_without_a_group_that_is_wanted_is_a_mistake(write: Write) -> None:
    (problem,) = problems(
        write('[[source]]\nname = "i"\ntype = "collection"\ngroups = ["tls-parameters"]\ninclude = ["dns*"]\n')
    )
    assert "source[0].groups: include and exclude leave none of them" in problem


@pytest.mark.fault(63, 83)
def test_a_proxy_with_user_and_password_is_kept_in_a_file_and_shown_nowhere(write: Write) -> None:
    path = write('[fetch]\nproxy = "file:proxy"\n')
    (path.parent / "proxy").write_text("http://ann:hunter2@127.0.0.1:3128\n")
    (path.parent / "proxy").chmod(0o600)
    settings = loaded(path)
    assert settings.proxy() == "http://ann:hunter2@127.0.0.1:3128"
    assert settings.proxy(ProxyUrl("")) is None
    assert settings.proxy(ProxyUrl("http://127.0.0.1:1/")) == "http://127.0.0.1:1/"
    assert "3128" not in repr(settings)


def test_a_secret_file_is_read_beside_the_configuration_without_its_line_end(tmp_path: Path) -> None:
    (tmp_path / "hook").write_text("whsec_c2VjcmV0\n")
    (tmp_path / "hook").chmod(0o600)
    assert SecretRef("file:hook").read(tmp_path) == "whsec_c2VjcmV0"
    assert SecretRef(f"file:{tmp_path / 'hook'}").read(Path("/nowhere")) == "whsec_c2VjcmV0"


@pytest.mark.fault(62)
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o602, 0o610, 0o644, 0o777], ids=oct)
def test_a_secret_file_that_others_can_use_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "hook"
    path.write_text("whsec_c2VjcmV0")
    path.chmod(mode)
    with pytest.raises(ConfigError, match=f"chmod 600 {path}") as caught:
        SecretRef("file:hook").read(tmp_path)
    assert "c2VjcmV0" not in str(caught.value)


def test_a_missing_secret_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^file:hook: .*/hook: No such file"):
        SecretRef("file:hook").read(tmp_path)


def test_a_secret_file_that_is_not_text_is_a_configuration_error(tmp_path: Path) -> None:
    (tmp_path / "hook").write_bytes(b"\xff\xfe")
    (tmp_path / "hook").chmod(0o600)
    with pytest.raises(ConfigError, match="file:hook"):
        SecretRef("file:hook").read(tmp_path)


def test_a_secret_in_the_environment_is_read_when_it_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK_SECRET", "first")
    reference = SecretRef("env:HOOK_SECRET")
    assert reference.read(Path()) == "first"
    monkeypatch.setenv("HOOK_SECRET", "second")
    assert reference.read(Path()) == "second"
    monkeypatch.delenv("HOOK_SECRET")
    with pytest.raises(ConfigError, match="no variable HOOK_SECRET"):
        reference.read(Path())


@pytest.mark.fault(63)
def test_a_systemd_credential_is_read_from_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "hook").write_text("whsec_c2VjcmV0\n")
    (tmp_path / "hook").chmod(0o440)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert SecretRef("credential:hook").read(Path("/nowhere")) == "whsec_c2VjcmV0"
    monkeypatch.delenv("CREDENTIALS_DIRECTORY")
    with pytest.raises(ConfigError, match="LoadCredential=hook"):
        SecretRef("credential:hook").read(tmp_path)


@pytest.mark.fault(62)
@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666, 0o664], ids=oct)
def test_a_configuration_that_others_can_write_is_refused(write: Write, mode: int) -> None:
    path = write(PORTS)
    path.chmod(mode)
    assert problems(path) == [f"can be written by others; chmod go-w {path}"]


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o644, 0o444], ids=oct)
def test_a_configuration_that_others_can_read_is_accepted(write: Write, mode: int) -> None:
    path = write(PORTS)
    path.chmod(mode)
    assert loaded(path).source[0].name == "ports"


def test_paths_are_relative_to_the_file_and_not_to_the_current_folder(
    write: Write, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write('[store]\npath = "data/history.db"\nsnapshots = "../snapshots"\n')
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    settings = loaded(Path(os.path.relpath(path)))
    assert settings.folder == tmp_path
    assert settings.store.path == tmp_path / "data" / "history.db"
    assert settings.store.snapshots == tmp_path / ".." / "snapshots"


def test_an_absolute_path_stays(write: Write) -> None:
    settings = loaded(write('[store]\npath = "/var/lib/watcher/history.db"\n'))
    assert settings.store.path == Path("/var/lib/watcher/history.db")


@pytest.mark.parametrize(
    ("host", "security"),
    [
        ("localhost", "none"),
        ("127.0.0.1", "none"),
        ("::1", "none"),
        ("mail.example.org", "starttls"),
        ("10.0.0.1", "starttls"),
    ],
)
def test_mail_to_another_machine_is_encrypted_by_default(write: Write, host: str, security: str) -> None:
    assert loaded(write(f'[smtp]\nhost = "{host}"\n')).smtp.security == security


def test_a_password_is_not_sent_in_the_clear_to_another_machine(write: Write) -> None:
    text = '[smtp]\nhost = "mail.example.org"\nsecurity = "none"\nusername = "w"\n'
    assert loaded(write(text)).smtp.security == "none"
    (problem,) = problems(write(text + 'password = "env:PASSWORD"\n'))
    assert problem.startswith('smtp: security = "none" would send the password in the clear')


@pytest.mark.parametrize(
    "address",
    ["nobody", "a@", "@b.org", "a b@c.org", "a@b.org\\nBcc: x@y.org", "A <a@b.org>", "a@b.org,c@d.org", "é@b.org"],
)
def test_an_invalid_mail_address_is_refused(write: Write, address: str) -> None:
    mistakes = problems(
        write(f'[smtp]\nfrom = "{address}"\n[[channel]]\nname = "n"\ntype = "email"\nto = ["{address}"]\n')
    )
    assert [problem.split(": ")[0] for problem in mistakes] == ["smtp.from", "channel[0].to[0]"]


@pytest.mark.fault(37)
@pytest.mark.parametrize("name", ["", "Ports", "a b", "-a", "a/b", "a\\nb", "a" * 65, "é"])
def test_a_name_is_short_and_plain(write: Write, name: str) -> None:
    (problem,) = problems(write(PORTS.replace('"ports"', f'"{name}"')))
    assert problem == "source[0].name: must be lower-case letters, digits and . _ -, at most 64 characters"


def test_the_configuration_at_the_top_is_the_example_and_loads(write: Write) -> None:
    assert (ROOT / "config.toml").read_text("utf-8") == example()
    assert EXAMPLE_FILE.read_text("utf-8") == example()
    (source,) = loaded(write(example())).source
    assert (source.name, source.every) == ("ports", timedelta(hours=6))


def uncommented(text: str) -> str:
    """Return the example with everything that it only suggests."""
    lines = []
    for line in text.splitlines():
        bare = line.removeprefix("# ")
        suggests = line.startswith("# ") and (bare.startswith("[") or " = " in bare) and "`" not in bare
        lines.append(bare if suggests else line)
    return "\n".join(lines)


def test_every_suggestion_of_the_example_is_valid(write: Write) -> None:
    text = uncommented(example())
    path = write(text)
    for name in ("private-ca.pem", "tsa-roots.pem"):
        trustme.CA().cert_pem.write_to_path(str(path.parent / name))
    settings = loaded(path)
    assert [channel.name for channel in settings.channel] == ["noc", "hook", "log"]
    assert [subscription.name for subscription in settings.subscription] == ["web-team"]
    assert settings.smtp.host == "mail.example.org"
    assert settings.fetch.allow_files
    assert settings.severity == {"contact-updated": Severity.NOTICE}
    assert settings.canary is not None
    assert settings.metrics is not None
    assert settings.web.address == "https://watcher.example.org/"
    assert settings.heartbeat is not None
    assert settings.silence[0].sources == ("iana*",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[metrics]\nlisten = "localhost:9876"', "metrics.listen: must be ADDRESS:PORT"),
        ('[web]\naddress = "https://w.example.org/?a=1"', "web.address: must be the URL of a first page"),
        ('[web]\naddress = "https://w.example.org/#"', "web.address: must be the URL of a first page"),
        ('[web]\naddress = "javascript:alert(1)"', "web.address: must begin with http:, https:"),
        ('[metrics]\nlisten = "127.0.0.1:99999"', "metrics.listen: the port must be a number up to 65535"),
        ('[heartbeat]\nurl = "ftp://example.org/"', "heartbeat.url: must begin with http:, https:"),
        ("[heartbeat]\nurl = 3", "heartbeat.url: must begin with http:, https:"),
        ('[heartbeat]\nurl = "https://u:p@example.org/"', "heartbeat.url: a URL must not contain user and password"),
        ("[health]\nfailures = 0", "health.failures: must be greater than or equal to 1"),
        ('[health]\nfailing_for = "0s"', "health.failing_for: must be at least one second (1s)"),
        ('[canary]\nchannels = ["nobody"]', "canary.channels: unknown channel 'nobody'"),
        ('[[source]]\nname = "canary"\nurl = "https://example.org/"', "are reserved"),
    ],
)
def test_settings_about_the_watcher_itself_are_validated(write: Write, text: str, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        loaded(write(text))
    assert message in str(error.value)


def validator() -> Any:
    schema = json_schema(FORMATS)
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


@pytest.mark.parametrize("whole", [False, True])
def test_the_schema_accepts_the_example(whole: bool) -> None:
    text = uncommented(example()) if whole else example()
    # JSON has no times: editors hand those of TOML to a schema as strings.
    values = json.loads(json.dumps(tomllib.loads(text), default=lambda when: when.isoformat()))
    assert list(validator().iter_errors(values)) == []


@pytest.mark.parametrize(
    "text",
    [
        "[stoer]\n",
        "folder = '/tmp'\n",
        "[fetch]\nattempts = 0\n",
        "[smtp]\nsecurity = 'ssl'\n",
        "[[source]]\nname = 'ports'\n",
        PORTS + "format = 'xlsx'\n",
        PORTS + "also = 'https://example.org/x'\nalso_format = 'json'\n",
        MAIL.replace("email", "pager"),
        MAIL.replace('["noc@example.org"]', "[]"),
        HOOK + "to = ['noc@example.org']\n",
        "[severity]\nx = 'grave'\n",
    ],
)
def test_the_schema_refuses_what_loading_refuses(write: Write, text: str) -> None:
    assert list(validator().iter_errors(tomllib.loads(text))) != []
    assert problems(write(text))


def test_the_schema_does_not_demand_a_duration_format_that_loading_refuses() -> None:
    assert '"format": "duration"' not in json.dumps(json_schema(FORMATS))


def test_a_source_states_the_layout_of_its_table(write: Write) -> None:
    settings = loaded(write(PORTS + 'format = "csv"\nkey = ["column 1"]\nheader = false\n')).source[0]
    assert (settings.key, settings.read_settings.layout) == (("column 1",), Layout(header=False))
    named = loaded(write(PORTS + 'format = "tsv"\ncolumns = ["code", "name"]\n')).source[0]
    assert named.read_settings.layout == Layout(columns=("code", "name"))
    listed = loaded(write(PORTS + 'format = "json"\npath = "data.items"\n')).source[0]
    assert listed.read_settings.layout == Layout(path="data.items")
    assert loaded(write(PORTS)).source[0].read_settings.layout == Layout()


@pytest.mark.parametrize(
    ("sources", "problem"),
    [
        ('["prots"]', "channel[0].sources: 'prots' is no source; did you mean 'ports'?"),
        ('["elsewhere"]', "channel[0].sources: 'elsewhere' is no source"),
        ('["ports", "all.*", "x*", "canary", "watcher"]', ""),
    ],
)
def test_a_channel_names_sources_that_there_are(write: Write, sources: str, problem: str) -> None:
    channel = f'[[channel]]\nname = "c"\ntype = "email"\nto = ["a@example.org"]\nsources = {sources}\n'
    if problem:
        assert problems(write(PORTS + channel)) == [problem]
    else:
        loaded(write(PORTS + channel))


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ('format = "cvs"\n', "source[0].format: unknown 'cvs'; did you mean 'csv'?"),
        (
            'format = "yaml"\n',
            f"source[0].format: unknown 'yaml'; one of {', '.join(name for name in FORMATS if name != 'index')}",
        ),
        ('format = "csv"\npath = "items"\n', "source[0].path: not an option of the format csv, only of: json"),
        ("header = true\n", "source[0].header: not an option of the format xml, only of: csv, tsv, json"),
        (
            'format = "jsonl"\ncomment = "#"\n',
            "source[0].comment: not an option of the format jsonl, only of: csv, tsv, lines",
        ),
        (
            'format = "csv"\nencoding = "klingon"\n',
            "source[0].encoding: unknown 'klingon'; such as latin-1, windows-1252 or utf-16",
        ),
        (
            'format = "csv"\nheader = true\ncolumns = ["a"]\n',
            "source[0].columns: cannot be combined with header = true: they name the columns without titles",
        ),
        (
            'key = ["a"]\n',
            "source[0].key: not an option of the format xml, only of: "
            + ", ".join(name for name in FORMATS if name not in ("xml", "index")),
        ),
        (
            'format = "csv"\nalso = "https://example.org/x.csv"\n',
            "source[0].also: not an option of the format csv, only of: xml",
        ),
        (
            'also = "https://example.org/x"\n',
            "source[0].also: its suffix names no format; set also_format to one of csv, xhtml, txt",
        ),
        (
            'also = "https://example.org/x.html"\ndelimiter = ";"\n',
            "source[0].delimiter: not an option of the format xml, only of: csv, tsv",
        ),
        (
            'also = "https://example.org/x.csv"\nquote = ","\n',
            "source[0].quote: ',' is the delimiter and the quote",
        ),
        (
            'also = "https://example.org/x"\nalso_format = "json"\n',
            "source[0].also_format: unknown 'json'; one of csv, xhtml, txt",
        ),
    ],
)
def test_an_option_of_another_format_is_refused(write: Write, options: str, problem: str) -> None:
    assert problems(write(PORTS + options)) == [problem]
