"""Mistakes in subscriptions, rules to ignore and the new channels: each with its place and what was meant."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, time
from pathlib import Path

import pytest

from watcher.config.load import load
from watcher.config.settings import Settings
from watcher.core.errors import ConfigError
from watcher.core.model import Kind
from watcher.formats.catalog import FORMATS
from watcher.registries.catalog import EVENT_IDS, REGISTRIES

BASE = """
[[source]]
name = "ports"
url = "https://example.org/ports.xml"
[[source]]
name = "tls"
url = "https://example.org/tls.xml"
registry = "iana"
[[source]]
name = "iana"
type = "collection"
index = "https://example.org/protocols/"
[[channel]]
name = "noc"
type = "email"
to = ["noc@example.org"]
[[channel]]
name = "log"
type = "file"
path = "log.jsonl"
"""
SUBSCRIPTION = '[[subscription]]\nname = "mine"\n'

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def written(text: str) -> Path:
        path = tmp_path / "config.toml"
        path.write_text(BASE + text, encoding="utf-8")
        path.chmod(0o600)
        return path

    return written


def loaded(path: Path) -> Settings:
    return load(path, registries=REGISTRIES, formats=FORMATS, events=EVENT_IDS)


def problems(path: Path) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        loaded(path)
    return [problem.removeprefix(f"{path}: ") for problem in caught.value.problems]


def test_every_filter_and_time_is_read(write: Write) -> None:
    (table,) = loaded(
        write(
            SUBSCRIPTION + 'channels = ["noc", "log"]\nsources = ["ports", "iana.*"]\nevents = ["port-*"]\n'
            'kinds = ["added", "removed"]\nseverity = "notice"\nports = ["443", "8000-8100"]\nprotocols = ["TCP"]\n'
            'entries = ["http*"]\ncontacts = ["Example"]\nreferences = ["RFC9350", "9110", "draft-ietf-x-y-03"]\n'
            'text = ["two words"]\ndigest = "weekly"\nweekday = "friday"\nat = "17:30"\ntimezone = "Europe/Berlin"\n'
        )
    ).subscription
    wanted = table.filter
    assert (wanted.kinds, wanted.ports) == ((Kind.ADDED, Kind.REMOVED), ((443, 443), (8000, 8100)))
    assert (wanted.protocols, wanted.references) == (("tcp",), ("rfc9350", "rfc9110", "draft-ietf-x-y"))
    assert table.schedule is not None
    assert (str(table.schedule), table.schedule.at) == ("weekly friday 17:30 Europe/Berlin", time(17, 30))


def test_a_rule_to_ignore_has_a_reason_a_filter_and_an_end(write: Write) -> None:
    (table,) = loaded(
        write('[[ignore]]\nreason = "known"\nevents = ["contact-*"]\nuntil = 2027-01-01T01:00:00+01:00\n')
    ).ignore
    assert (table.rule.reason, table.rule.until) == ("known", "2027-01-01T00:00:00Z")
    assert table.until == datetime(2027, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('channels = ["nox"]', ".channels: unknown 'nox'; did you mean 'noc'?"),
        ("", ": must name channels or recipients"),
        ('channels = ["noc"]\nsources = ["prots"]', ".sources: 'prots' matches no source; did you mean 'ports'?"),
        ('channels = ["noc"]\nsources = ["x*"]', ".sources: 'x*' matches no source"),
        ('channels = ["noc"]\nsources = []', ".sources: is an empty list, so that it can match nothing"),
        (
            'channels = ["noc"]\nevents = ["port-asigned"]',
            ".events: 'port-asigned' matches no event; did you mean 'port-assigned'?",
        ),
        ('channels = ["noc"]\nevents = []', ".events: is an empty list, so that it can match nothing"),
        ('channels = ["noc"]\nprotocols = ["tpc"]', ".protocols: unknown 'tpc'; did you mean 'tcp'?"),
        (
            'channels = ["noc"]\nsources = ["tls"]\nports = ["443"]',
            '.ports: can match nothing: only a source with registry = "ports" has ports and protocols',
        ),
        (
            'channels = ["noc"]\nsources = ["iana.dns*"]\nprotocols = ["tcp"]',
            '.protocols: can match nothing: only a source with registry = "ports" has ports and protocols',
        ),
        ('channels = ["noc"]\ntext = ["--"]', ".text: '--' has no word, so that it can match nothing"),
        ('channels = ["noc"]\nentries = [""]', ".entries: an empty text can match nothing"),
        ('channels = ["noc"]\ninventory = "mine"', ".inventory: unknown 'mine'; there are none"),
        (
            'channels = ["noc"]\nreferences = ["RFC"]',
            ".references[0]: 'RFC' is not the name of a draft; write draft-ietf-lsr-flex-algo",
        ),
        ('channels = ["noc"]\nat = "08:00"', ": at has no meaning with digest = 'channel'"),
        ('channels = ["noc"]\ndigest = "daily"\nweekday = "monday"', ": weekday has no meaning with digest = 'daily'"),
        ('channels = ["noc"]\ndigest = "daily"\nat = "8:00"', ".at: must be a time, HH:MM, such as 08:00"),
        (
            'channels = ["noc"]\ndigest = "daily"\ntimezone = "Europe/Berlim"',
            ".timezone: 'Europe/Berlim' is not a time zone of this machine; write Europe/Berlin or UTC",
        ),
        ('channels = ["log"]\nrecipients = ["a@example.org"]', ".recipients: needs an e-mail channel in channels"),
    ],
)
def test_what_a_subscription_cannot_be_is_said_with_its_place(text: str, said: str, write: Write) -> None:
    assert f"subscription[0]{said}" in problems(write(SUBSCRIPTION + text + "\n"))


@pytest.mark.parametrize(
    "text",
    [
        'channels = ["noc"]\nsources = ["iana.service-names-port-numbers"]\nports = ["443"]',
        'channels = ["noc"]\nsources = ["*"]\nports = ["443"]',
        'channels = ["noc"]\nsources = ["ia*"]',
        'recipients = ["new@example.org"]',
        'channels = ["noc", "log"]\nrecipients = ["new@example.org"]',
    ],
)
def test_what_can_match_is_accepted(text: str, write: Write) -> None:
    assert len(loaded(write(SUBSCRIPTION + text + "\n")).subscription) == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "ignore[0]: must have a filter: without one it would ignore every event"),
        ('events = ["nothing-*"]', "ignore[0].events: 'nothing-*' matches no event"),
        ('kinds = ["gone"]', "ignore[0].kinds[0]: must be 'added', 'modified', 'deprecated' or 'removed'"),
        ('kinds = ["added"]\nuntil = 2027-01-01T00:00:00', "ignore[0].until: must have timezone info"),
    ],
)
def test_what_a_rule_to_ignore_cannot_be_is_said_with_its_place(text: str, said: str, write: Write) -> None:
    (problem,) = problems(write(f'[[ignore]]\nreason = "x"\n{text}\n'))
    assert problem.startswith(said)


@pytest.mark.parametrize(
    ("sources", "events", "said"),
    [
        (["tls"], ["port-assigned"], "'port-assigned' can match nothing: no event of tls (registry = \"iana\")"),
        (["ports"], ["entry-added"], "'entry-added' can match nothing: no event of ports (registry = \"ports\")"),
        (["ports", "tls"], ["port-assigned", "entry-added", "*"], ""),
        (["t?s"], ["port-*", "*"], "'port-*' can match nothing: no event of tls (registry = \"iana\")"),
        (["*"], ["port-assigned", "entry-*"], ""),
        (["iana.service-names-port-numbers"], ["port-assigned"], ""),
    ],
)
def test_an_event_that_no_named_source_has_is_found(
    sources: list[str], events: list[str], said: str, write: Write
) -> None:
    path = write(f"{SUBSCRIPTION}channels = ['noc']\nsources = {sources}\nevents = {events}\n")
    if said:
        assert problems(path) == [f"subscription[0].events: {said}"]
    else:
        assert loaded(path).subscription[0].events == tuple(events)


def test_an_address_needs_one_e_mail_channel(write: Write) -> None:
    second = '[[channel]]\nname = "two"\ntype = "email"\nto = ["two@example.org"]\n'
    text = f'{second}{SUBSCRIPTION}recipients = ["new@example.org", "TWO@example.org"]\n'
    assert problems(write(text)) == [
        "subscription[0].recipients: no channel lists 'new@example.org'; name one of noc, two in channels"
    ]
    text = text.replace("recipients", 'channels = ["noc", "two"]\nrecipients')
    assert problems(write(text)) == [
        "subscription[0].recipients: channels names several e-mail channels (noc, two); name one"
    ]


def test_two_subscriptions_cannot_share_a_name(write: Write) -> None:
    assert problems(write(2 * f'{SUBSCRIPTION}channels = ["noc"]\n')) == ["subscription: the name 'mine' is used twice"]


@pytest.mark.parametrize(
    ("channel", "said"),
    [
        ('type = "file"\npath = "x"\nmode = "rw"', 'channel[2].mode: must be permissions in octal, such as "0640"'),
        ('type = "file"', "channel[2].path: is missing"),
        ('type = "command"\ncommand = []', "channel[2].command: must be a list that begins with the path of a program"),
        ('type = "command"\ncommand = ["notify"]', "channel[2].command: must be a list that begins with the path"),
        ('type = "apprise"\nurl = "json://host/token"', "channel[2].url: must say where the secret is"),
    ],
)
def test_mistakes_in_the_new_channels_have_their_place(channel: str, said: str, write: Write) -> None:
    (problem,) = problems(write(f'[[channel]]\nname = "new"\n{channel}\n'))
    assert problem.startswith(said)
