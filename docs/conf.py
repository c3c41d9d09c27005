"""The site of the documents: `make docs` builds it with Sphinx from the Markdown files of this folder."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from sphinx.application import Sphinx

_DOCS = Path(__file__).resolve().parent
_REFERENCE = _DOCS / "reference"

project = "registry-watcher"
copyright = "the authors of registry-watcher"  # noqa: A001 - Sphinx's name
extensions = ["myst_parser"]
html_theme = "furo"
html_title = "registry-watcher"
html_static_path: list[str] = []
exclude_patterns = ["_build"]
myst_heading_anchors = 4
myst_linkify_fuzzy_links = False
suppress_warnings = ["misc.highlighting_failure"]  # JSON with … for what varies


def _link_to_project(app: Sphinx, name: str, source: list[str]) -> None:
    """Let links to the documents of the top folder lead to their pages in the site."""
    if not name.startswith("reference/"):
        source[0] = re.sub(r"\]\(\.\./([A-Z]+\.md)", r"](reference/project/\1", source[0])


def setup(app: Sphinx) -> None:
    subprocess.run([sys.executable, _DOCS.parent / "tools" / "reference_pages.py", _REFERENCE], check=True)  # noqa: S603
    app.connect("source-read", _link_to_project)
