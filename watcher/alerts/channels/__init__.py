"""Channels: how a message leaves. One module a kind; `watcher.service` makes them from the configuration."""
