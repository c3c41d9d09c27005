#!/usr/bin/env python3
"""Make the screenshots of the README from the shipped sample: `screenshots.py [FOLDER]` (default: docs/screenshots).

Runs the demo, serves its history on loopback and has Debian's chromium draw three pages, as WebP.
"""

from __future__ import annotations

import base64
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT)]

from selenium.webdriver.chrome.webdriver import WebDriver  # noqa: E402 - the path first

from tests.support.browser import missing_programs, open_browser, set_dark, set_size  # noqa: E402 - the path first
from watcher.cli.context import load_settings  # noqa: E402 - the path first
from watcher.cli.serve import serve_pages  # noqa: E402 - the path first

FOLDER = ROOT / "docs" / "screenshots"
_QUALITY = 80


class Screenshot(NamedTuple):
    """A page to draw, the size of the picture in CSS pixels, and whether it is drawn in dark mode."""

    name: str
    path: str
    size: tuple[int, int]
    dark: bool = False


SCREENSHOTS = (
    Screenshot("timeline", "/ports", (1120, 760)),
    Screenshot("compare", "/ports/compare?from=2025-01-14&to=2025-04-22", (1120, 860), dark=True),
    Screenshot("entry", "/ports/entry/3063/tcp", (1120, 800)),
)


def take(driver: WebDriver, address: str, folder: Path) -> list[Path]:
    """Draw the pages at an address into a folder and return the files."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for screenshot in SCREENSHOTS:
        set_size(driver, screenshot.size, scale=1.5)
        set_dark(driver, screenshot.dark)
        driver.get(address.rstrip("/") + screenshot.path)
        picture = driver.execute_cdp_cmd("Page.captureScreenshot", {"format": "webp", "quality": _QUALITY})
        files.append(folder / f"{screenshot.name}.webp")
        files[-1].write_bytes(base64.b64decode(picture["data"]))
    return files


def main(folder: Path) -> None:
    if missing := missing_programs():
        sys.exit(missing)
    with tempfile.TemporaryDirectory(prefix="watcher-screenshots-") as name:
        place = Path(name)
        demo = [sys.executable, "-m", "watcher", "demo", "--keep", str(place / "demo")]
        subprocess.run(demo, check=True, cwd=ROOT, stdout=subprocess.DEVNULL)  # noqa: S603 - our own command
        settings = load_settings(place / "demo" / "config.toml")
        with serve_pages(settings, "127.0.0.1:0") as address, open_browser(place) as driver:
            for file in take(driver, address, folder):
                print(f"{file}: {file.stat().st_size:,} bytes")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
