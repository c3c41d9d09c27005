"""Kill the watcher with SIGKILL at random moments, and count: `kill.py [--kills N] [--seed S]`.

One store is killed all the time, in checks and in the daemon; after each kill the database passes its integrity check
and every snapshot is read back. In the end a clean run must leave the history of a store that was never disturbed, and
every subscriber with every event. What is printed is what came of it; a difference ends it.
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
    with tempfile.TemporaryDirectory() as folder, ProcessKiller() as killing, two_environments(Path(folder)) as worlds:
        found = kill_at_random_moments(*worlds, killing, kills=chosen.kills, seed=chosen.seed)
    print(f"{found.kills} kills in {time.monotonic() - started:.0f} s, seed {chosen.seed}: {found.releases} releases")
    print("histories equal, integrity checks passed, every subscriber has every event")
    print(f"{found.repeats} messages came twice or more, each under its one id")
    print("the last step begun:", ", ".join(f"{step} {number}" for step, number in found.died_at.most_common()))


if __name__ == "__main__":
    main()
