"""Kill the watcher with SIGKILL at random moments, and count: `kill.py [--kills N] [--seed S]`.

Checks and daemons on one store are killed. After each kill the database must pass its integrity check, and every
snapshot must be readable. In the end the history must equal that of a store that was never disturbed, and every
subscriber must have every event. The program prints the counts and fails if there is a difference.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.faults.test_50_kill import kill_at_random_moments, two_environments  # noqa: E402
from tests.support.process_killer import ProcessKiller  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1000)
    chosen = parser.parse_args()
    started = time.monotonic()
    with (
        tempfile.TemporaryDirectory() as folder,
        ProcessKiller() as killer,
        two_environments(Path(folder)) as environments,
    ):
        counts = kill_at_random_moments(*environments, killer, kills=chosen.kills, seed=chosen.seed)
    print(f"{counts.kills} kills in {time.monotonic() - started:.0f} s, seed {chosen.seed}: {counts.releases} releases")
    print("histories equal, integrity checks passed, every subscriber has every event")
    print(f"{counts.repeats} messages were received more than once, each with the same id")
    print("the last step that began:", ", ".join(f"{step} {number}" for step, number in counts.died_at.most_common()))


if __name__ == "__main__":
    main()
