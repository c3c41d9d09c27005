"""SARIF 2.1.0 (OASIS): the results of a check of files, for code scanning."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from string import ascii_letters, digits
from typing import Any

from msgspec import Struct

SCHEMA_URI = "https://json.schemastore.org/sarif-2.1.0.json"
_VERSION = "2.1.0"
_UNESCAPED = frozenset(f"{ascii_letters}{digits}-._~/")


class SarifRule(Struct, frozen=True, kw_only=True):
    """A kind of result. `level` is error, warning or note."""

    id: str
    title: str
    advice: str
    level: str


class SarifResult(Struct, frozen=True, kw_only=True):
    """One result at a line of a file. `subject` is what it is about; `ignored` the reason of a suppression, or ""."""

    rule: str
    level: str
    message: str
    subject: str
    file: str
    line: int
    ignored: str = ""


def sarif_document(
    rules: Sequence[SarifRule], results: Sequence[SarifResult], *, tool: str, version: str
) -> dict[str, Any]:
    """Return one run as the SARIF schema has it. Rules without a result are listed too."""
    places = {rule.id: place for place, rule in enumerate(rules)}
    return {
        "$schema": SCHEMA_URI,
        "version": _VERSION,
        "runs": [
            {
                "tool": {"driver": {"name": tool, "version": version, "rules": [*map(_rule, rules)]}},
                "columnKind": "unicodeCodePoints",
                "results": [_result(result, places[result.rule]) for result in results],
            }
        ],
    }


def _uri(path: str) -> str:
    """Return a path as a relative or absolute reference of a URI (RFC 3986)."""
    return "".join(
        chr(byte) if chr(byte) in _UNESCAPED else f"%{byte:02X}" for byte in path.encode("utf-8", "surrogateescape")
    )


def _rule(rule: SarifRule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "name": "".join(word.capitalize() for word in rule.id.split("-")),
        "shortDescription": {"text": rule.title},
        "help": {"text": rule.advice},
        "defaultConfiguration": {"level": rule.level},
    }


def _result(result: SarifResult, place: int) -> dict[str, Any]:
    identity = f"{result.rule}\n{result.subject}\n{result.file}"
    suppressions = [{"kind": "external", "status": "accepted", "justification": result.ignored}]
    return {
        "ruleId": result.rule,
        "ruleIndex": place,
        "level": result.level,
        "message": {"text": result.message},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": _uri(result.file)},
                    "region": {"startLine": result.line},
                }
            }
        ],
        # The same result in the next run, even if its line moved.
        "partialFingerprints": {"entry/v1": hashlib.sha256(identity.encode("utf-8", "replace")).hexdigest()[:32]},
        "suppressions": suppressions if result.ignored else [],
    }
