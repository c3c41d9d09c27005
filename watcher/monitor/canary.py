"""Serve the canary: a source whose document is made from the time, so that checking it needs no network."""

from __future__ import annotations

from datetime import timedelta

from msgspec import Struct

from watcher.core.clock import Clock
from watcher.fetch.base import Response, Validators
from watcher.registries import canary


class CanaryFetcher(Struct, frozen=True, kw_only=True):
    """Implements `Fetcher` for the canary. Its document changes each time that `every` has passed."""

    every: timedelta
    clock: Clock

    def fetch(self, url: str, validators: Validators | None = None) -> Response:  # noqa: ARG002 - a Fetcher's signature
        """Return the canary's document as of now."""
        return Response(body=canary.make_document(self.clock.now(), self.every), url=url, validators=Validators())
