"""Fuzz the readers with atheris (libFuzzer): `fuzz.py [--seconds N] [--format NAME]…`.

Coverage-guided bytes are handled like a release: read in their format, keyed by a registry, compared with a whole
document and classified. Only a ParseError may be raised, within seconds and in bounded memory. Each format runs in a
separate process. An input that fails is written beside the corpus and becomes a test in tests/formats. Without atheris
the program prints that and ends.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT)]

ONE_INPUT_SECONDS = 20
MEMORY_MB = 2048
MOST_BYTES = 65536


def fuzz(format: str, seconds: int, corpus: Path) -> None:  # noqa: A002 - the config's word
    """Fuzz one format in this process; libFuzzer ends the process when the time is up."""
    atheris = importlib.import_module("atheris")
    with atheris.instrument_imports(include=["watcher"]):
        pipeline_fuzz = importlib.import_module("tests.support.pipeline_fuzz")
    for name, data in pipeline_fuzz.documents(format).items():
        (corpus / name).write_bytes(data)
    atheris.Setup(
        [
            *(sys.argv[0], str(corpus), f"-max_total_time={seconds}", f"-timeout={ONE_INPUT_SECONDS}"),
            *(f"-rss_limit_mb={MEMORY_MB}", f"-max_len={MOST_BYTES}", f"-artifact_prefix={corpus}/found-"),
            "-print_final_stats=1",
        ],
        lambda data: pipeline_fuzz.run_pipeline(format, data),
    )
    atheris.Fuzz()


def formats() -> list[str]:
    return sorted(importlib.import_module("watcher.formats.catalog").FORMATS)


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--seconds", type=int, default=60, help="for each format")
    arguments.add_argument("--format", action="append", help="only this format")
    arguments.add_argument("--corpus", type=Path, help="a folder to keep; without it a temporary one")
    arguments.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    options = arguments.parse_args()
    if importlib.util.find_spec("atheris") is None:
        print("SKIPPED: atheris is not installed here (pip install atheris); nothing was fuzzed", file=sys.stderr)
        return 0
    if options.here:
        fuzz(options.format[0], options.seconds, options.corpus)
        return 0
    failed = []
    with tempfile.TemporaryDirectory() as folder:
        for format in options.format or formats():  # noqa: A001
            corpus = (options.corpus or Path(folder)) / format
            corpus.mkdir(parents=True, exist_ok=True)
            command = [sys.executable, __file__, "--here", "--format", format, "--corpus", str(corpus)]
            done = subprocess.run(
                [*command, "--seconds", str(options.seconds)], capture_output=True, text=True, check=False
            )
            statistics = [line for line in done.stderr.splitlines() if line.startswith("stat::")]
            print(f"{format}: {'ok' if done.returncode == 0 else 'FAILED'}  {'; '.join(statistics[:3])}", flush=True)
            if done.returncode:
                failed.append(format)
                print(done.stderr[-6000:], file=sys.stderr)
                for path in sorted(corpus.glob("found-*")):
                    print(f"{path.name}: {path.read_bytes()[:2000]!r}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
