"""An option that is given twice means any of its values, or is refused: no value is lost in silence."""

from __future__ import annotations

import json
from collections.abc import Iterator

import click
import pytest

from tests.support.cli_fixtures import RunCli
from watcher.cli import watcher


def _list_options(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Option]]:
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            yield path, parameter
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from _list_options(inner, (*path, name))


OPTIONS = list(_list_options(watcher))
SINGLE = [
    (path, option) for path, option in OPTIONS if not (option.multiple or option.is_flag) or option.secondary_opts
]


@pytest.mark.parametrize(
    ("path", "option"), SINGLE, ids=[" ".join((*path, max(option.opts, key=len))) for path, option in SINGLE]
)
def test_an_option_with_one_value_is_refused_when_it_is_repeated(
    run: RunCli, path: tuple[str, ...], option: click.Option
) -> None:
    name = max(option.opts, key=len)
    repeated = [name, option.secondary_opts[0]] if option.secondary_opts else [name, "1", f"{name}=2"]
    result = run(*path, *repeated)
    assert (result.code, result.out) == (2, "")
    assert f"Option '{name}' is given 2 times and takes one value." in result.err
    assert result.err.startswith(f"Usage: {' '.join(('watcher', *path))} ")


@pytest.mark.parametrize(
    ("command", "options"),
    {
        "history": {"--source", "--port", "--service", "--protocol", "--event", "--kind"},
        "show": {"--port", "--service", "--protocol"},
        "outbox": {"--channel", "--source", "--state"},
        "resend": {"--channel", "--state"},
    }.items(),
)
def test_options_that_name_subjects_can_be_repeated(command: str, options: set[str]) -> None:
    repeatable = {option.opts[0] for path, option in OPTIONS if path == (command,) and option.multiple}
    assert options <= repeatable


def test_a_switch_may_be_repeated_and_help_is_still_printed(run: RunCli) -> None:
    assert run("-v", "-v", "config", "example").code == 0
    assert run("history", "--help", "--help").out.startswith("Usage: watcher history ")


def test_repeated_filters_of_the_history_accept_any_of_their_values(run_in_demo: RunCli) -> None:
    def list_events(*arguments: str) -> list[dict[str, object]]:
        events = json.loads(run_in_demo("history", *arguments, "--format", "json").out)["events"]
        assert isinstance(events, list)
        return events

    everything = list_events()
    for option, values in {
        "--port": ("3070", "3060-3065", "1"),
        "--service": ("lamplight", "tidepool"),
        "--protocol": ("TCP", "udp"),
        "--event": ("port-*", "service-renamed"),
        "--kind": ("added", "deprecated"),
        "--source": ("ports", "p*"),
    }.items():
        single = [event for value in values for event in list_events(option, value)]
        repeated = list_events(*(word for value in values for word in (option, value)))
        assert repeated == [event for event in everything if event in single] != []
    assert list_events("--port", "3070", "--port", "3063", "--kind", "added") == [
        event
        for event in list_events("--kind", "added")
        if {"3070", "3063"} & {*event["ports"]}  # type: ignore[misc]
    ]
    shown = json.loads(run_in_demo("show", "ports", "--port", "3070", "--port", "3063", "--format", "json").out)
    assert {row["key"]["port"] for row in shown["current"]} == {"3063", "3070"}
    assert shown["what"] == "3070, 3063"


def test_an_unknown_name_beside_known_ones_is_refused_with_a_suggestion(run_in_demo: RunCli) -> None:
    for arguments, message in (
        (("history", "--event", "port-*", "--event", "port-asigned"), "event 'port-asigned'; did you mean"),
        (("history", "--protocol", "tcp", "--protocol", "utp"), "protocol 'utp'; did you mean 'udp'?"),
        (
            ("history", "--service", "tidepool", "--service", "lamplihgt"),
            "no entry 'lamplihgt' in the history; did you",
        ),
        (("history", "ports", "--service", "tideopol"), "no entry 'tideopol' in the history; did you mean 'tidepool'?"),
        (("history", "--service", "qqq"), "no entry 'qqq' in the history; try watcher history --search qqq"),
        (("show", "ports", "tideopol"), "no entry 'tideopol' in ports; did you mean 'tidepool'?"),
        (("show", "ports", "64999"), "no entry '64999' in ports; try watcher history --search 64999"),
        (("history", "ports", "--source", "prots"), "source named 'prots'; did you mean 'ports'?"),
        (("outbox", "--channel", "mail", "--channel", "mial"), "channel 'mial'; did you mean 'mail'?"),
        (("outbox", "--source", "prots"), "source 'prots'; did you mean 'ports'?"),
        (("resend", "--dry-run", "--channel", "mail", "--channel", "mial"), "no channel named 'mial' is configured"),
        (("show", "ports", "3070", "--protocol", "tcp", "--protocol", "utp"), "protocol 'utp'; did you mean 'udp'?"),
        (("sources", "prots"), "source 'prots'; did you mean 'ports'?"),
        (("events", "port-asigned"), "event 'port-asigned'; did you mean 'port-assigned'?"),
    ):
        result = run_in_demo(*arguments)
        assert (result.code, result.out) == (2, ""), arguments
        assert message in result.err
    result = run_in_demo("history", "--kind", "aded")
    assert (result.code, "'aded' is not one of 'added', 'modified'" in result.err) == (2, True)
