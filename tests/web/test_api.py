"""The API says what the command line says, and its OpenAPI document is true."""

from __future__ import annotations

import json

import jsonschema
import pytest
from lxml import etree

from tests.web.site import Site
from watcher.web.endpoints import ENDPOINTS
from watcher.web.openapi import PREFIX, openapi_document

EXAMPLES = {
    "/sources": ["/sources"],
    "/sources/{source}/releases": ["/sources/ports/releases", "/sources/ports/releases?limit=1&start=1"],
    "/sources/{source}/diff": [
        "/sources/ports/diff",
        "/sources/ports/diff?from=2020-01-01&to=2021-03-01",
        "/sources/ports/diff?to=2020-02-01",
        "/sources/ports/diff?from=2020-01-01&to=2021-03-01&limit=2&start=2",
    ],
    "/sources/{source}/entries/{what}": [
        "/sources/ports/entries/20?protocol=tcp",
        "/sources/ports/entries/alpha?at=2020-01-05",
    ],
    "/events": ["/events", "/events?source=ports&port=20&kind=modified&severity=info&since=2020-01-01&search=beta"],
    "/deadlines": ["/deadlines"],
    "/documents/{name}": ["/documents/rfc9147"],
    "/holds": ["/holds"],
}
WRONG = {
    "/nothing": 404,
    "/sources/none/releases": 404,
    "/sources/ports/releases?limit=0": 400,
    "/sources/ports/releases?limit=9999999999": 400,
    "/sources/ports/releases?start=-1": 400,
    "/sources/ports/diff?to=2020-01-01": 404,
    "/sources/ports/diff?from=1999-01-01&to=2020-01-01": 404,
    "/sources/ports/entries/none": 404,
    "/events?port=443x": 400,
    "/events?since=2024-02-30": 400,
    "/events?severity=loud": 400,
    "/events?severty=info": 400,
    "/documents/none": 404,
    "/events?document=none": 400,
    "/events?port=65536": 400,
    "/events?port=9-3": 404,
    "/events?start=5": 400,
    "/sources/ports/entries/0-65535": 400,
}


def test_every_endpoint_answers_as_its_schema_says(site: Site) -> None:
    assert EXAMPLES.keys() == {endpoint.path for endpoint in ENDPOINTS}
    document = json.loads(site.get(f"{PREFIX}/openapi.json").text)
    assert document == json.loads(json.dumps(openapi_document()))
    for path, examples in EXAMPLES.items():
        responses = document["paths"][path]["get"]["responses"]
        for example in examples:
            answer = site.get(PREFIX + example)
            assert answer.status == 200, answer.text
            assert answer.headers["content-type"] == "application/json"
            assert "access-control-allow-origin" not in answer.headers
            jsonschema.validate(json.loads(answer.text), responses["200"]["content"]["application/json"]["schema"])


@pytest.mark.parametrize("path", WRONG)
def test_a_wrong_question_is_an_error_in_json(site: Site, path: str) -> None:
    answer = site.get(PREFIX + path)
    assert answer.status == WRONG[path]
    assert list(json.loads(answer.text)) == ["error"]


def test_pages_of_an_answer_add_up(site: Site) -> None:
    whole = json.loads(site.get(f"{PREFIX}/sources/ports/diff?from=2020-01-01&to=2021-03-01").text)
    parts, start = [], 0
    while start is not None:
        path = f"{PREFIX}/sources/ports/diff?from=2020-01-01&to=2021-03-01&limit=2&start={start}"
        part = json.loads(site.get(path).text)
        parts += part["changes"]
        start = part["next"]
    assert parts == whole["changes"]
    assert len(parts) > 2


def test_a_feed_is_well_formed_and_its_ids_stay(site: Site) -> None:
    first, second = site.get("/-/feed.atom?source=ports"), site.get("/-/feed.atom?source=ports")
    assert first.body == second.body
    assert first.headers["content-type"].startswith("application/atom+xml")
    feed = etree.fromstring(first.body)
    spaces = {"a": "http://www.w3.org/2005/Atom"}
    titles = feed.xpath("a:entry/a:title/text()", namespaces=spaces)
    assert any("beta renamed to gamma" in title or "gamma" in title for title in titles)
    assert feed.xpath("a:entry/a:link/@href", namespaces=spaces)[0].startswith(
        "https://watch.example.org/ports/release/"
    )
    ids = feed.xpath("//a:id/text()", namespaces=spaces)
    assert len(set(ids)) == len(ids) > 3
    port = etree.fromstring(site.get("/-/feed.atom?source=ports&port=10").body)
    assert 0 < len(port.xpath("a:entry", namespaces=spaces)) < len(titles)
