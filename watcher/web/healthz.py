"""/healthz: whether the watcher is well, for load balancers and monitoring systems."""

from __future__ import annotations

from watcher.monitor.health import Level
from watcher.web.page import PageContext, PageRequest, PageResponse


def render(context: PageContext, request: PageRequest) -> PageResponse:  # noqa: ARG001 - the shape of every page
    """Return the level and the reasons, one a line; 503 if the level is critical."""
    verdict = context.assess_health()
    status = 503 if verdict.level is Level.CRITICAL else 200
    return PageResponse(status=status, body=("\n".join([verdict.level.name.lower(), *verdict.reasons]) + "\n").encode())
