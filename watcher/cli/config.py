"""`watcher config`"""

from __future__ import annotations

import json
from pathlib import Path

import click

from watcher.cli.context import load_settings
from watcher.config import load as configuration
from watcher.config.settings import Settings, SourceSettings
from watcher.core.errors import StoreError
from watcher.formats.catalog import FORMATS
from watcher.render.safe_text import visible
from watcher.store.store import Store


@click.group("config")
def command() -> None:
    """Check the configuration; print its schema or an example."""


@command.command("check")
@click.pass_obj
def check(config: Path) -> None:
    """List every mistake in the configuration. Exit code 0: valid; 2: not valid."""
    settings = load_settings(config)
    click.echo(f"{config}: valid; {len(settings.source)} sources, {len(settings.channel)} channels")
    for source in settings.source:
        if isinstance(source, SourceSettings) and "key" in FORMATS[source.format].options:
            key = f"{', '.join(source.key)} (declared)" if source.key else "chosen from the rows of each release"
            click.echo(f"{source.name}: key: {key}")
    _print_pending(settings)


def _print_pending(settings: Settings) -> None:
    """Print which histories the next check derives again, and which were derived again."""
    if not settings.store.path.exists():
        return
    try:
        with Store(settings.store.path, read_only=True) as store:
            for source in settings.registries:
                if changes := store.history.find_pending_settings(source.name, source.read_settings):
                    changed = visible("; ".join(changes))
                    click.echo(f"{source.name}: settings changed ({changed}); the next check derives its history again")
                elif at := store.history.read_derived_again(source.name):
                    click.echo(f"{source.name}: its history was derived again at {at} for changed settings")
    except StoreError as error:
        click.echo(f"the history is not examined: {visible(str(error))}", err=True)


@command.command("schema")
def schema() -> None:
    """Print the JSON Schema of the configuration, for editors."""
    click.echo(json.dumps(configuration.json_schema(FORMATS), indent=2))


@command.command("example")
def example() -> None:
    """Print a working, commented configuration."""
    click.echo(configuration.example(), nl=False)
