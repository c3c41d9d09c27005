"""The schema of a comparison, checked once: `jsonschema.validate` checks it each time, most of a test's work."""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from typing import Any

import jsonschema


@cache
def _validator() -> jsonschema.Draft202012Validator:
    schema = json.loads(resources.files("watcher.render").joinpath("schema/comparison.schema.json").read_text("utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def validate_comparison(document: Any) -> None:
    """Raise jsonschema's ValidationError for a document that is no comparison."""
    _validator().validate(document)
