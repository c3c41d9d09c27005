"""Commands and permanent links in messages: correct for a shell and a browser, whatever the names say."""

from __future__ import annotations

import shlex
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.render import HOSTILE, TEXT, comparison, hidden, item, release
from watcher.core.model import Comparison, Item, Key, Section
from watcher.registries.lookups import lookup_of, permalink, show_command

CHANGED = comparison(())


def command(name: str, changed: Comparison = CHANGED) -> str:
    return show_command(changed, (name,))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("cfg-cloud", "watcher show ports --service cfg-cloud --at 2020-01-02"),
        ("two words", "watcher show ports --service 'two words' --at 2020-01-02"),
        ("x'; rm -rf ~ #", """watcher show ports --service 'x'"'"'; rm -rf ~ #' --at 2020-01-02"""),
        ("$(reboot)`reboot`", "watcher show ports --service '$(reboot)`reboot`' --at 2020-01-02"),
        ("--help", "watcher show ports --service=--help --at 2020-01-02"),
        ("\u202egnp", "watcher diff ports aaaaaaaaaaaa bbbbbbbbbbbb --all"),
        ("a\nreboot", "watcher diff ports aaaaaaaaaaaa bbbbbbbbbbbb --all"),
        ("n" * 121, "watcher diff ports aaaaaaaaaaaa bbbbbbbbbbbb --all"),
        ("", "watcher diff ports aaaaaaaaaaaa bbbbbbbbbbbb --all"),
    ],
)
def test_a_command_is_quoted_for_a_shell_or_names_only_releases(name: str, expected: str) -> None:
    assert (command(name) if name else show_command(CHANGED, ())) == expected


@given(st.sampled_from(HOSTILE) | TEXT)
def test_a_shell_reads_a_command_as_one_argument_for_each_value(name: str) -> None:
    words = shlex.split(command(name))
    assert words[:3] in (["watcher", "show", "ports"], ["watcher", "diff", "ports"])
    assert len(words) in (7, 6)
    assert hidden(command(name)) == set()
    if words[1] == "show":
        assert name in (words[4], words[3].removeprefix("--service="))


def test_a_release_is_named_by_its_date_where_that_tells_it_from_the_one_before() -> None:
    same_day = replace(CHANGED, new=release("2020-01-01", "b"))
    earlier = replace(CHANGED, new=release("2019-12-31", "b"))
    undated = replace(CHANGED, new=release(None, "b"))
    dates = [command("x", release).split("--at ")[1] for release in (CHANGED, same_day, earlier, undated)]
    assert dates == ["2020-01-02", "b" * 12, "b" * 12, "b" * 12]


def test_what_was_removed_is_shown_at_all_times() -> None:
    assert show_command(CHANGED, ("gone",), is_removed=True) == "watcher show ports --service gone"


def test_a_port_is_looked_up_by_its_number_and_a_removed_service_by_its_name() -> None:
    entry = item(443, "https", "")
    assert lookup_of(entry) == ("443", "tcp")
    assert lookup_of(entry, is_removed=True) == ("https",)
    assert show_command(CHANGED, lookup_of(entry)) == "watcher show ports --port 443 --at 2020-01-02"


@pytest.mark.parametrize(
    ("value", "name", "expected"),
    [("0x13", "TOY", ("TOY",)), ("toy", "A toy", ("toy",)), ("0x13", "", ("0x13",))],
)
def test_an_entry_is_looked_up_by_the_word_that_few_others_have(
    value: str, name: str, expected: tuple[str, ...]
) -> None:
    key = Key(("registry", "value"), ("suites", value))
    assert lookup_of(Item(section=Section.ENTRY, key=key, fields={"value": value, "name": name})) == expected


def test_a_permanent_link_names_source_entry_and_release() -> None:
    address = "https://w.example.org/watch/"
    assert permalink(address, "ports", "b" * 12, ("443", "tcp")) == (
        "https://w.example.org/watch/ports/entry/443/tcp?at=bbbbbbbbbbbb"
    )
    assert permalink(address, "iana.toy", "b" * 12, ("a/b c",), registry="x/y") == (
        "https://w.example.org/watch/iana.toy/entry/a%2Fb%20c?registry=x%2Fy&at=bbbbbbbbbbbb"
    )
    assert permalink(address, "ports", "b" * 12) == "https://w.example.org/watch/ports/release/bbbbbbbbbbbb"
    assert permalink("", "ports", "b" * 12, ("443",)) == ""


@pytest.mark.fault(31, 37)
@given(st.sampled_from((*HOSTILE, "..", ".", "%2e%2e", "../..", "?at=x", "#x")) | TEXT)
def test_no_name_leads_out_of_its_place_in_a_link(name: str) -> None:
    link = urlsplit(permalink("https://w.example.org", "ports", "b" * 12, (name,), registry=name))
    assert (link.scheme, link.netloc, link.fragment) == ("https", "w.example.org", "")
    assert link.query in ("", *[link.query] * link.query.endswith("&at=bbbbbbbbbbbb"))
    if name in ("", ".", ".."):
        assert link.path == "/ports/release/bbbbbbbbbbbb"
    elif any("\ud800" <= letter <= "\udfff" for letter in name):
        return
    else:
        start, _, last = link.path.rpartition("/")
        assert (start, unquote(last)) == ("/ports/entry", name)
    assert link.geturl().isascii()
