"""`watcher config`"""

from __future__ import annotations

import json
from pathlib import Path

import click

from watcher.alerts.delivery_problems import find_delivery_problems
from watcher.cli.config_discovery import ConfigPlace, list_places, used_place
from watcher.cli.context import load_settings
from watcher.cli.output import columns, format_option, print_json, print_rows
from watcher.config import load as configuration
from watcher.config.settings import Settings, SourceSettings
from watcher.core.errors import ConfigError, StoreError
from watcher.formats.catalog import FORMATS
from watcher.render.safe_text import visible
from watcher.store.location import history_exists
from watcher.store.store import Store


@click.group("config")
def command() -> None:
    """Check the configuration; say which is used; print its schema or an example."""


@command.command("check")
@click.pass_obj
def check(config: Path) -> None:
    """List every mistake in the configuration, and what channels need that is not on this machine.

    Exit code 0: valid; 2: not valid.
    """
    settings = load_settings(config)
    if problems := [f"{config}: {problem}" for problem in find_delivery_problems(settings)]:
        raise ConfigError(*problems)
    counts = [_count(len(settings.source), "source"), _count(len(settings.channel), "channel")]
    click.echo(f"{config}: valid; {', '.join(counts)}")
    for source in settings.source:
        if isinstance(source, SourceSettings) and "key" in FORMATS[source.format].options:
            key = f"{', '.join(source.key)} (declared)" if source.key else "chosen from the rows of each release"
            click.echo(f"{source.name}: key: {key}")
    _print_pending(settings)


def _count(number: int, thing: str) -> str:
    return f"{number:,} {thing}{'s' * (number != 1)}"


def _print_pending(settings: Settings) -> None:
    """Print which histories the next check derives again, and which were derived again."""
    try:
        if not history_exists(settings.store.location):
            return
        with Store(settings.store.location, read_only=True) as store:
            records = store.history.read_records([source.name for source in settings.registries])
            for source, record in zip(settings.registries, records, strict=True):
                if changes := source.read_settings.changes_from_text(record.read_settings):
                    changed = visible("; ".join(changes))
                    click.echo(f"{source.name}: settings changed ({changed}); the next check derives its history again")
                elif at := record.derived_again:
                    click.echo(f"{source.name}: its history was derived again at {at} for changed settings")
    except StoreError as error:
        click.echo(f"the history is not examined: {visible(str(error))}", err=True)


@command.command("where")
@format_option("json")
@click.pass_context
def where(context: click.Context, format: str) -> None:
    """Show which configuration is used and why: the first of these places that names a file or has one.

    A file that --config or $WATCHER_CONFIG names is used even if it is missing. Exit code 0: there is one; 2: not.

    \b
    Examples:
      watcher config where
      watcher config where --format json
    """
    used = used_place()
    rows = [
        {
            "place": place.name,
            "file": str(place.path) if place.path else None,
            "state": _describe_place(place, is_used=place.name == used.name),
        }
        for place in list_places(context.find_root().params["config"])
    ]
    if format == "json":
        print_json({"file": str(used.path), "place": used.name, "exists": used.has_file, "places": rows})
    else:
        print_rows(rows, columns("place", "file", "state"), format)
    if not used.has_file:
        raise click.exceptions.Exit(2)


def _describe_place(place: ConfigPlace, *, is_used: bool) -> str:
    if is_used:
        return "used" if place.has_file else "missing; `watcher init` writes one"
    if place.path is None:
        return "not set"
    return "not used: an earlier place has one" if place.has_file else "no such file"


@command.command("schema")
def schema() -> None:
    """Print the JSON Schema of the configuration, for editors."""
    click.echo(json.dumps(configuration.json_schema(FORMATS), indent=2))


@command.command("example")
def example() -> None:
    """Print a working, commented configuration."""
    click.echo(configuration.example(), nl=False)
