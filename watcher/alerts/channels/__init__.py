"""The catalog of channels: which there are, and the enabled ones of a configuration."""

from __future__ import annotations

from collections.abc import Mapping

from watcher.alerts.channels.base import Channel
from watcher.config.channel_settings import AnyChannel
from watcher.config.settings import Settings
from watcher.core.lazy import import_listed

# `type` in the configuration → module. Its `create_channel(settings, config)` returns the channel. The module is
# imported when the first channel of the type is used, because it brings an HTTP or SMTP client with it.
CHANNELS: Mapping[str, str] = {
    "email": "watcher.alerts.channels.email",
    "apprise": "watcher.alerts.channels.apprise",
    "command": "watcher.alerts.channels.command",
    "file": "watcher.alerts.channels.file",
    "webhook": "watcher.alerts.channels.webhook",
}


def create_channel(settings: AnyChannel, config: Settings) -> Channel:
    """Return the channel that a `[[channel]]` table of `config` describes."""
    channel: Channel = import_listed(CHANNELS[settings.type]).create_channel(settings, config)
    return channel


def enabled_channels(config: Settings) -> dict[str, Channel]:
    """Return the enabled channels of a configuration, by name. For one thread."""
    return {settings.name: create_channel(settings, config) for settings in config.channel if settings.enabled}
