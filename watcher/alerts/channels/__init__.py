"""The catalog of channels: which there are, and the enabled ones of a configuration."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from watcher.alerts.channels.base import Channel
from watcher.config.settings import AnyChannel, Settings
from watcher.core.lazy import import_listed

# `type` in the configuration → module. Its `create_channel(settings, config)` returns the channel. The module is
# imported when the first channel of the type is used, because it brings an HTTP or SMTP client with it.
CHANNELS: Mapping[str, str] = {
    "email": "watcher.alerts.channels.email",
    "webhook": "watcher.alerts.channels.webhook",
}


def create_channel(settings: AnyChannel, config: Settings) -> Channel:
    """Return the channel that a `[[channel]]` table of `config` describes."""
    channel: Channel = import_listed(CHANNELS[settings.type]).create_channel(settings, config)
    return channel


class EnabledChannels(Mapping[str, Channel]):
    """The enabled channels of a configuration, by name. For one thread; a channel is created at its first use."""

    def __init__(self, config: Settings) -> None:
        self._config = config
        self._settings = {settings.name: settings for settings in config.channel if settings.enabled}
        self._created: dict[str, Channel] = {}

    def __getitem__(self, name: str) -> Channel:
        if name not in self._created:
            self._created[name] = create_channel(self._settings[name], self._config)
        return self._created[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._settings)

    def __len__(self) -> int:
        return len(self._settings)
