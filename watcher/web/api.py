"""The API: what the command line prints as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from watcher.core.errors import UsageError
from watcher.web.endpoints import ENDPOINTS, Endpoint
from watcher.web.openapi import openapi_document
from watcher.web.page import PageContext, PageRequest, PageResponse
from watcher.web.parameters import read_values


def render(context: PageContext, request: PageRequest) -> PageResponse:
    """Return the answer of an endpoint as JSON. Raises UsageError, or BadRequestError for a wrong parameter."""
    if list(request.parts) == ["openapi.json"]:
        return _json(openapi_document())
    endpoint, values = _find_endpoint(request)
    with context.open_store() as store:
        return _json(endpoint.answer(context, store, values), endpoint.headers(store, request, values))


def _json(document: Any, headers: Mapping[str, str] | None = None) -> PageResponse:
    body = json.dumps(document, ensure_ascii=False).encode("utf-8", "replace")
    return PageResponse(body=body, content_type="application/json", headers=headers or {})


def _find_endpoint(request: PageRequest) -> tuple[Endpoint, Mapping[str, str]]:
    """Return the endpoint of a path, and the values of its parameters. Raises UsageError."""
    for endpoint in ENDPOINTS:
        wanted = endpoint.path.strip("/").split("/")
        if len(wanted) == len(request.parts):
            pairs = list(zip(wanted, request.parts, strict=True))
            if all(part.startswith("{") or part == given for part, given in pairs):
                values = {part.strip("{}"): given for part, given in pairs if part.startswith("{")}
                return endpoint, {**values, **read_values(endpoint.parameters, request)}
    raise UsageError("no such endpoint; see /api/v1/openapi.json")
