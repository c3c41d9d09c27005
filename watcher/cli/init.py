"""`watcher init`"""

from __future__ import annotations

import base64
import os
import secrets
from pathlib import Path

import click

from watcher.cli.config_discovery import HERE, used_place
from watcher.cli.context import load_settings
from watcher.config.starter import SECRET_FILE, Answers, render_configuration
from watcher.core.errors import ConfigError, UsageError

_DEFAULTS = Answers()
_SECRET_BYTES = 32
_QUESTIONS = {
    "contact": "Your mail address or URL, so that the registry can reach you (empty: none)",
    "watch": "What to watch: ports, iana (all its registry groups), or ids of groups: tls-parameters,dns-parameters",
    "alerts": "Where alerts go: a mail address, the URL of a webhook, a file, or none",
}


@click.command("init")
@click.option("--contact", metavar="TEXT", help="A mail address or URL for the User-Agent.")
@click.option("--watch", metavar="WHAT", help="ports, iana, or ids of registry groups with commas between them.")
@click.option("--alerts", metavar="WHERE", help="A mail address, the URL of a webhook, the path of a file, or none.")
@click.option("--yes", is_flag=True, help="Ask nothing: what no option says has its default.")
@click.pass_obj
def command(config: Path, contact: str | None, watch: str | None, alerts: str | None, yes: bool) -> None:
    """Write a working configuration: answer three questions, or none with --yes.

    The file is ./config.toml, or the one that --config or $WATCHER_CONFIG names; its folder is created if it is
    missing. An existing file is never overwritten. By default the port registry is watched, and alerts are appended to
    the file alerts.jsonl. For a webhook, its secret is written to a file beside the configuration.

    \b
    Examples:
      watcher init
      watcher init --yes
      watcher init --yes --watch tls-parameters,dns-parameters --alerts noc@example.org
      watcher --config ~/.config/registry-watcher/config.toml init
    """
    path = config if used_place().is_named else HERE
    _require_absent(path)
    given = {"contact": contact, "watch": watch, "alerts": alerts}
    answers = Answers(**{name: _read_answer(name, value, ask=not yes) for name, value in given.items()})
    _write_configuration(path, answers)
    click.echo(f"wrote {path}")
    if answers.has_webhook:
        click.echo(f"the secret of the webhook is in {path.with_name(SECRET_FILE)}; give it to the receiver")
    option = "" if path == HERE else f" --config {path}"
    click.echo(
        f"\nthen:\n  watcher{option} check    check once: records a baseline and sends no alerts"
        f"\n  watcher{option} run      check every few hours and send alerts"
    )


def _require_absent(path: Path) -> None:
    if os.path.lexists(path):
        raise UsageError(f"{path}: is there already; edit it, or move it away first")


def _read_answer(name: str, value: str | None, *, ask: bool) -> str:
    default: str = getattr(_DEFAULTS, name)
    if value is not None:
        return value.strip()
    if not ask:
        return default
    answer: str = click.prompt(_QUESTIONS[name], default=default, show_default=bool(default))
    return answer.strip() or default


def _write_configuration(path: Path, answers: Answers) -> None:
    """Write a configuration and the secret that it names. Raises ConfigError and leaves nothing if it is not valid."""
    secret = path.with_name(SECRET_FILE)
    created: list[Path] = []
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if answers.has_webhook and not secret.exists():
            key = base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()
            _create_file(secret, f"whsec_{key}\n", 0o600)
            created.append(secret)
        _create_file(path, render_configuration(answers), 0o644)
        created.append(path)
        load_settings(path)
    except OSError as error:
        _remove_files(created)
        raise UsageError(f"{error.filename or path}: cannot be written: {error.strerror}") from None
    except ConfigError as error:
        _remove_files(created)
        raise ConfigError(*error.problems, f"{path}: not written; give other answers") from None


def _create_file(path: Path, text: str, mode: int) -> None:
    """Write a file that is not there yet, whatever the umask allows others."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with open(descriptor, "w", encoding="utf-8") as file:  # noqa: PTH123 - a descriptor
        file.write(text)
    path.chmod(mode)


def _remove_files(paths: list[Path]) -> None:
    for path in paths:
        path.unlink()
