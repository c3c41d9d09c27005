"""Requests that schemathesis makes from the OpenAPI document: no answer is a 5xx or differs from its schema."""

from __future__ import annotations

import json

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings

from tests.web.site import Site
from watcher.web.openapi import PREFIX, openapi_document

pytestmark = [pytest.mark.fault(65)]


# A stream does not end: test_stream.py has its tests.
schema = schemathesis.openapi.from_dict(json.loads(json.dumps(openapi_document()))).exclude(path="/stream")


@schema.parametrize()
@settings(
    max_examples=12,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_every_answer_is_one_that_the_document_describes(case: schemathesis.Case, site: Site) -> None:
    case.call_and_validate(base_url=f"http://127.0.0.1:{site.port}{PREFIX}", timeout=30)
