"""Any two releases of a history, near or far, compare as they do when both are read from their snapshots."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.support import real_data
from watcher.core.read_settings import ReadSettings
from watcher.diff.classify import explain
from watcher.diff.content import read_content
from watcher.monitor.candidate import Candidate
from watcher.monitor.ingest import ReleaseIngest
from watcher.monitor.source_parts import assemble_parts
from watcher.registries.catalog import REGISTRIES
from watcher.store.snapshot_archive import SnapshotArchive
from watcher.store.store import Store

SEED = 20261125
# Groups with nested registries, contacts, ranges, renamed and duplicate rows.
GROUPS = (
    *("registrar-ids", "smi-numbers", "dns-parameters", "multicast-addresses", "isis-tlv-codepoints"),
    *("trip-parameters", "tls-extensiontype-values", "dhcpv6-parameters", "lang-subtags-templates"),
    *("ssh-parameters", "as-numbers"),
)


def compare_pairs(folder: Path, rules: str, series: Sequence[tuple[str, bytes]], *, between: int, pairs: int) -> None:
    """Import a series into a new history and compare some pairs of it, both ways, with a plain reading.

    The pairs are of the first release, the last two and some `between`: of these alone a plain reading is made.
    """
    registry = REGISTRIES[rules]
    chance = random.Random(SEED)  # noqa: S311 - no secret
    with Store(folder / "history.db") as store:
        ingest = ReleaseIngest(
            assemble_parts(
                "some",
                settings=ReadSettings(registry=rules, format="xml"),
                store=store,
                archive=SnapshotArchive(folder / "kept"),
            )
        )
        documents = {}
        for date, data in series:
            if release := ingest.ingest(Candidate(data=data, origin=date)).release:
                documents[release.digest] = data
        queries = store.history
        stored = queries.list_releases("some")
        chosen = [stored[0], *chance.sample(stored[1:-2], between), *stored[-2:]]
        plain = {stored.digest: read_content(documents[stored.digest], registry) for stored in chosen}
        # The ends and two neighbours, both ways, and any others: what is granted one way is withdrawn the other.
        ends, neighbours = (chosen[0], chosen[-1]), (chosen[-2], chosen[-1])
        fixed = [ends, ends[::-1], neighbours, neighbours[::-1]]
        for one, other in [*fixed, *(chance.sample(chosen, 2) for _ in range(pairs))]:
            stored_difference = explain(registry, *queries.read_content_pair("some", one, other))
            plain_difference = explain(registry, plain[one.digest], plain[other.digest])
            assert stored_difference == plain_difference, (one.dated, other.dated)


def test_any_two_releases_of_the_ports(tmp_path: Path) -> None:
    dates = random.Random(SEED).sample(real_data.ports_dates(), 6)  # noqa: S311 - no secret
    compare_pairs(tmp_path, "ports", list(real_data.ports_releases(sorted(dates))), between=1, pairs=2)


@pytest.mark.parametrize("group", GROUPS)
def test_any_two_releases_of_a_registry_group(group: str, tmp_path: Path) -> None:
    compare_pairs(tmp_path, "iana", list(real_data.iana_documents(group))[-12:], between=3, pairs=3)
