"""Mistakes about the machine that settings name: files of a wrong kind or used twice, programs, secrets, addresses.

A file that is missing is a mistake only where nothing can work without it: a document may come later.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from watcher.config.channel_settings import CommandSettings, FileSettings, WebhookSettings
from watcher.config.settings import CollectionSettings, Settings, SourceSettings
from watcher.config.value_types import split_webhook_secrets
from watcher.core.errors import ConfigError, FetchError
from watcher.core.texts import cut_text
from watcher.fetch.tls import create_tls_context
from watcher.fetch.urls import parse_file_url

_LONGEST_PATH = 100  # characters that are shown
_ANY_ADDRESS = ("0.0.0.0", "[::]")  # noqa: S104 - compared, not bound


def find_resource_problems(settings: Settings, path: Path) -> Iterator[str]:
    """Yield a line for each mistake in the configuration at a path, with its place."""
    yield from _find_path_problems(settings, path)
    yield from _find_certificate_problems(settings)
    yield from _find_program_problems(settings)
    yield from _find_secret_problems(settings)
    yield from _find_address_problems(settings)


def _find_path_problems(settings: Settings, path: Path) -> Iterator[str]:
    """Yield what is no file or folder, and files that would be written although something else is in them."""
    written, documents = _written_files(settings), _documents(settings)
    snapshots = settings.folder / settings.store.snapshots
    folders = {"store.snapshots": snapshots, **_folders(settings)}
    for place, file in {**written, **documents, **folders}.items():
        kind = "folder" if place in folders else "file"
        try:
            is_there, is_right = file.exists(), file.is_dir() if kind == "folder" else file.is_file()
        except OSError as error:  # a name that is too long
            yield f"{place}: {cut_text(str(file), _LONGEST_PATH)}: {error.strerror}"
            return
        if is_there and not is_right:
            yield f"{place}: {file}: is not a {kind}"
    others = {"the configuration": path, "store.snapshots": snapshots, **documents, **_read_files(settings)}
    users = {os.path.realpath(file): place for place, file in others.items()}
    for place, file in written.items():
        user = users.setdefault(os.path.realpath(file), place)
        # Several channels may append to one file: each locks it.
        if user != place and not (user.startswith("channel[") and place.startswith("channel[")):
            yield f"{place}: {file}: is {user} too, and would be overwritten"


def _written_files(settings: Settings) -> Mapping[str, Path]:
    channels = {
        f"channel[{number}].path": settings.folder / channel.path
        for number, channel in enumerate(settings.channel)
        if isinstance(channel, FileSettings)
    }
    history = {} if settings.store.url else {"store.path": settings.folder / settings.store.path}
    return {**history, **channels}


def _documents(settings: Settings) -> Mapping[str, Path]:
    """Return the files that sources are fetched from, by the place that names them."""
    documents = {}
    for number, source in enumerate(settings.source):
        if isinstance(source, SourceSettings) and source.url.startswith("file:"):
            with suppress(FetchError):  # reported as a mistake of the URL
                documents[f"source[{number}].url"] = parse_file_url(source.url)
    return documents


def _folders(settings: Settings) -> Mapping[str, Path]:
    """Return the folders of collections, by the place that names them."""
    return {
        f"source[{number}].folder": settings.folder / source.folder
        for number, source in enumerate(settings.source)
        if isinstance(source, CollectionSettings) and source.folder is not None
    }


def _read_files(settings: Settings) -> Mapping[str, Path]:
    files = {f"inventory[{number}].file": table.file for number, table in enumerate(settings.inventory)}
    return {**{place: settings.folder / file for place, file in files.items()}, **_certificate_files(settings)}


def _certificate_files(settings: Settings) -> Mapping[str, Path]:
    roots = {"evidence.roots": settings.folder / settings.evidence.roots} if settings.evidence else {}
    return {**settings.ca_files(), **roots}


def _find_certificate_problems(settings: Settings) -> Iterator[str]:
    for place, path in _certificate_files(settings).items():
        try:
            create_tls_context(path)
        except ConfigError as error:
            yield f"{place}: {error}"


def _find_program_problems(settings: Settings) -> Iterator[str]:
    for number, channel in enumerate(settings.channel):
        if isinstance(channel, CommandSettings):
            try:
                channel.require_safe_program(settings.folder)
            except ConfigError as error:
                yield f"channel[{number}].command: {error}"
            except OSError:
                continue  # it can come back while the daemon runs; `config check` and `doctor` say that it is missing


def _find_secret_problems(settings: Settings) -> Iterator[str]:
    """Yield what is wrong with the webhooks' secrets that this user can read."""
    for number, channel in enumerate(settings.channel):
        if isinstance(channel, WebhookSettings):
            try:
                split_webhook_secrets(channel.secret.read(settings.folder))
            except ConfigError:
                continue  # of a service, or of another user: `watcher doctor` says what cannot be read
            except ValueError as error:
                yield f"channel[{number}].secret: {channel.secret}: {error}"


def _find_address_problems(settings: Settings) -> Iterator[str]:
    """Yield that the pages and the metrics would listen at one address: the daemon could not start."""
    if settings.web.listen is None or settings.metrics is None:
        return
    (host, _, port), (other_host, _, other_port) = (
        listen.rpartition(":") for listen in (settings.web.listen, settings.metrics.listen)
    )
    if int(port) == int(other_port) != 0 and (host == other_host or {host, other_host} & {*_ANY_ADDRESS}):
        yield f"web.listen: {settings.web.listen}: metrics.listen has this port already"
