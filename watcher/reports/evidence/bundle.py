"""The files of a bundle, and the zip file that they make: the same bytes for the same history."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from watcher import __version__
from watcher.render.json import dumps
from watcher.reports.entry import version_document
from watcher.reports.evidence import verify
from watcher.reports.evidence.collect import Evidence, LocatedItem
from watcher.reports.evidence.texts import render_answer, render_readme
from watcher.reports.lineage import standing_document
from watcher.store.history_rows import StoredRelease

SUMS = "SHA256SUMS"
STAMP = f"{SUMS}.tsr"
SCHEMA = 1


def make_files(evidence: Evidence, *, is_stamped: bool) -> dict[str, bytes]:
    """Return the files of a bundle by name, the last one with the digests of the others; without a time stamp."""
    files = {
        "README.txt": render_readme(evidence, is_stamped=is_stamped).encode(),
        "answer.txt": render_answer(evidence).encode(),
        "evidence.json": dumps(evidence_document(evidence), indent=1).encode(),
        evidence.file_name: evidence.data,
        "verify.py": inspect.getsource(verify).encode(),
    }
    sums = "".join(f"{verify.sha256(data)}  {name}\n" for name, data in files.items())
    return files | {SUMS: sums.encode()}


def evidence_document(evidence: Evidence) -> Mapping[str, Any]:
    """Return the facts of a bundle as its `evidence.json` has them (docs/evidence.md)."""
    release = evidence.release.release
    return {
        "schema": SCHEMA,
        "made_by": f"registry-watcher {__version__}",
        "source": evidence.source,
        "what": evidence.what,
        "on": evidence.on,
        "entries": [
            {
                "key": version.item.key.as_dict(),
                "status": str(version.item.status),
                "standing": standing_document(evidence.entry.read_standing(version)),
                "named": list(evidence.named[version.row]),
                **_item_document(located),
            }
            for version, located in zip(evidence.entry.current, evidence.entries, strict=True)
        ],
        "words": list(evidence.words),
        "mentions": len(evidence.mentions),
        "others": [version_document(version) for version in evidence.others],
        "contacts": [{"id": located.item.key.values[0], **_item_document(located)} for located in evidence.contacts],
        "release": {
            "file": evidence.file_name,
            **_release_document(evidence.release),
            "size": len(evidence.data),
            "entries": release.entries,
            "origin": evidence.receipt.origin,
            "format": evidence.receipt.format,
            "live": evidence.receipt.live,
            "observed_between": list(evidence.window),
        },
        "before": _release_document(evidence.before) if evidence.before else None,
        "after": _release_document(evidence.after) if evidence.after else None,
        "last_check": evidence.last_seen,
        "gaps": [gap.as_dict() for gap in evidence.gaps],
        "chain": [list(row) for row in evidence.chain],
    }


def _item_document(located: LocatedItem) -> Mapping[str, Any]:
    return {
        "fields": {name: text for name, text in located.item.fields.items() if text},
        "bytes": [located.begin, located.end],
        "whole_document": located.is_whole,
        "texts": list(located.texts),
        "derived": list(located.derived),
    }


def _release_document(stored: StoredRelease) -> Mapping[str, Any]:
    release = stored.release
    return {
        "id": release.id,
        "dated": stored.dated,
        "published": release.published,
        "observed": release.observed,
        "sha256": release.sha256,
    }
