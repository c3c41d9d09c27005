"""`watcher config`"""

from __future__ import annotations

import json
from pathlib import Path

import click

from watcher.cli.context import load_settings
from watcher.config import load as configuration
from watcher.config.settings import SourceSettings
from watcher.formats.catalog import FORMATS


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


@command.command("schema")
def schema() -> None:
    """Print the JSON Schema of the configuration, for editors."""
    click.echo(json.dumps(configuration.json_schema(FORMATS), indent=2))


@command.command("example")
def example() -> None:
    """Print a working, commented configuration."""
    click.echo(configuration.example(), nl=False)
