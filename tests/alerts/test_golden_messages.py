"""What people and programs read about each kind of change, word for word: mail, page, webhook and digest.

The texts are in tests/alerts/golden/. After a wanted change, look at every difference and copy the new text there.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import lxml.html
import pytest

from tests.support.comparison_schema import validate_comparison
from tests.support.message_cases import CASES
from watcher.alerts.channels.email_message import Mail, digest_mail, release_mail
from watcher.alerts.channels.webhook_message import MAX_BYTES, digest_body, release_body

GOLDEN = Path(__file__).parent / "golden"
ADDRESS = "https://watcher.example.org"


def mail(case: str) -> Mail:
    return release_mail(CASES[case](), list_name="noc", address=ADDRESS)


def webhook(case: str) -> dict[str, Any]:
    body = release_body(CASES[case](), delivery_id="msg_1", occurred="2020-01-02T06:00:00Z", address=ADDRESS)
    assert len(body) <= MAX_BYTES
    envelope: dict[str, Any] = json.loads(body)
    validate_comparison(envelope["data"])
    return envelope


def list_lines(page: str) -> list[str]:
    """Return what a page says, one line for each heading, row, link and command, as a reader meets them."""
    lines = []
    for element in lxml.html.document_fromstring(page).find(".//body").iter():
        text = " ".join(str(element.text_content()).split())
        if element.tag in ("h1", "h2", "h3", "li", "footer"):
            lines.append(f"{element.tag}: {text}")
        elif element.tag == "span" and element.get("class") == "tag":
            lines.append(f"severity: {text}")
        elif element.tag == "tr":
            label, cell = (" ".join(part.text_content().split()) for part in element)
            marks = "".join(f" [{mark.tag} {mark.text_content()}]" for mark in element.iter("del", "ins"))
            lines.append(f"row: {label} | {cell}{marks}")
        elif element.tag == "a":
            lines.append(f"link: {text} {element.get('href')}")
        elif element.tag == "code":
            lines.append(f"command: {text}")
    return lines


@pytest.mark.parametrize("case", CASES)
def test_the_text_of_a_mail(case: str) -> None:
    message = mail(case)
    assert f"Subject: {message.subject}\n\n{message.text}" == (GOLDEN / f"{case}.txt").read_text("utf-8")


@pytest.mark.parametrize("case", CASES)
def test_the_page_of_a_mail(case: str) -> None:
    assert list_lines(mail(case).html) == (GOLDEN / f"{case}.html.txt").read_text("utf-8").splitlines()


@pytest.mark.parametrize("case", CASES)
def test_the_body_of_a_webhook(case: str) -> None:
    assert webhook(case) == json.loads((GOLDEN / f"{case}.json").read_text("utf-8"))


def test_a_digest_begins_with_the_most_important_message() -> None:
    message = digest_mail([mail("contact-updated"), mail("service-moved")], list_name="noc")
    assert f"Subject: {message.subject}\n\n{message.text}" == (GOLDEN / "digest.txt").read_text("utf-8")
    assert list_lines(message.html) == (GOLDEN / "digest.html.txt").read_text("utf-8").splitlines()


def test_a_digest_of_webhooks_has_each_body_whole() -> None:
    bodies = [webhook(case) for case in CASES]
    digest = json.loads(digest_body(bodies, delivery_id="msg_2", occurred="2020-01-03T06:00:00Z"))
    assert digest["data"] == {"schema": 1, "messages": bodies}


def test_the_text_of_a_registry_is_sent_only_where_it_changed() -> None:
    (header,) = [change for change in webhook("port-assigned")["data"]["changes"] if change["section"] == "registry"]
    assert header["before"] == {"id": "service-names-port-numbers", "updated": "2020-01-01"}
    assert header["after"] == {"id": "service-names-port-numbers", "updated": "2020-01-02"}
    assert [field["name"] for field in header["fields"]] == ["updated"]
