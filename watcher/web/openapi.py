"""The OpenAPI 3.1 document of the API, made from the table of its endpoints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from watcher import __version__
from watcher.web.endpoints import ENDPOINTS
from watcher.web.parameters import STREAM_PARAMETERS, TEXT, Parameter, Schema

PREFIX = "/api/v1"
_ERROR: Schema = {"type": "object", "properties": {"error": TEXT}, "required": ["error"]}


def openapi_document() -> Mapping[str, Any]:
    """Return the document of all endpoints."""
    paths: dict[str, Any] = {}
    for endpoint in ENDPOINTS:
        required = list(endpoint.properties)
        answer = {"type": "object", "properties": endpoint.properties, "required": required}
        paths[endpoint.path] = {"get": _operation(endpoint.about, endpoint.parameters, "application/json", answer)}
    about = "Send events as checks see them: server-sent events whose data is an event of /events."
    paths["/stream"] = {"get": _operation(about, STREAM_PARAMETERS, "text/event-stream", TEXT)}
    return {
        "openapi": "3.1.0",
        "info": {"title": "registry-watcher", "version": __version__},
        "servers": [{"url": PREFIX}],
        "paths": paths,
    }


def _operation(about: str, parameters: Sequence[Parameter], content_type: str, answer: Schema) -> Mapping[str, Any]:
    return {
        "summary": about,
        "parameters": [
            {
                "name": parameter.name,
                "in": parameter.place,
                "required": parameter.place == "path",
                "description": parameter.about,
                "schema": parameter.schema,
            }
            for parameter in parameters
        ],
        "responses": {
            "200": {"description": "the answer", "content": {content_type: {"schema": answer}}},
            "4XX": {"description": "the question is wrong", "content": {"application/json": {"schema": _ERROR}}},
            "503": {"description": "the history cannot be read", "content": {"application/json": {"schema": _ERROR}}},
        },
    }
