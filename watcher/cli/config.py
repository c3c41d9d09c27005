"""`watcher config`"""

from __future__ import annotations

import json

import click

from watcher.cli.context import settings
from watcher.cli.output import App, pass_app
from watcher.config import load as configuration
from watcher.formats.catalog import FORMATS


@click.group("config")
def command() -> None:
    """Check the configuration; print its schema or an example."""


@command.command("check")
@pass_app
def check(app: App) -> None:
    """Say everything that is wrong with the configuration. Exit code 0: nothing; 2: something."""
    found = settings(app)
    click.echo(f"{app.config}: good; {len(found.source)} sources, {len(found.channel)} channels")


@command.command("schema")
def schema() -> None:
    """Print the JSON Schema of the configuration, for editors."""
    click.echo(json.dumps(configuration.json_schema(FORMATS), indent=2))


@command.command("example")
def example() -> None:
    """Print a working, commented configuration."""
    click.echo(configuration.example(), nl=False)
