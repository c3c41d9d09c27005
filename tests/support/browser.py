"""Debian's chromium, driven by selenium: for the tests of pages and for tools/screenshots.py.

It starts with an empty profile, resolves no name but localhost, and asks nobody but the server under test.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.chrome.webdriver import WebDriver

_FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    "--disable-default-apps",
    "--hide-scrollbars",
    "--lang=en-US",
    # No name is looked up, so nothing that chromium does by itself finds another machine.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
)
DESKTOP, PHONE = (1280, 900), (360, 740)  # CSS pixels


def missing_programs() -> str:
    """Return why there is no browser here, "" if there is one."""
    missing = [name for name in ("chromium", "chromedriver") if shutil.which(name) is None]
    return f"{' and '.join(missing)} not installed (Debian packages chromium and chromium-driver)" if missing else ""


@contextmanager
def open_browser(folder: Path) -> Iterator[WebDriver]:
    """Start a browser with an empty profile in a folder; it downloads to `folder / "downloads"`."""
    options = webdriver.ChromeOptions()
    options.binary_location = str(shutil.which("chromium"))
    for flag in (*_FLAGS, f"--user-data-dir={folder / 'profile'}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    # With a path, selenium asks no server which driver it needs.
    driver = webdriver.Chrome(options, Service(str(shutil.which("chromedriver"))))
    try:
        (folder / "downloads").mkdir()
        settings = {"behavior": "allow", "downloadPath": str(folder / "downloads")}
        driver.execute_cdp_cmd("Browser.setDownloadBehavior", settings)
        yield driver
    finally:
        driver.quit()


def set_size(driver: WebDriver, size: tuple[int, int], scale: float = 1) -> None:
    """Show pages at a width and height in CSS pixels; a narrow one is a phone."""
    width, height = size
    metrics: dict[str, Any] = {"width": width, "height": height, "deviceScaleFactor": scale, "mobile": width < 600}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)


def set_dark(driver: WebDriver, dark: bool) -> None:
    features = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})


def set_scripts(driver: WebDriver, on: bool) -> None:
    """Allow or forbid the scripts of pages. What a test runs in them still runs."""
    driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": not on})
