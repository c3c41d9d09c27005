"""To add a page: one module in web/pages/, one line in ROUTES. A real server then answers it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.support.extended_package import ExtendedPackage

MODULE = """
from watcher.web.page import PageResponse


def render(context, request):
    names = " ".join(source.name for source in context.settings().source)
    return PageResponse(body=f"{names} {request.parts} {request.query.get('q', [])}\\n".encode())
"""
CONFIG = """
[metrics]
listen = "127.0.0.1:0"

[[source]]
name = "ports"
url = "https://registry.example/ports.xml"
"""
# Serves as `watcher serve` does, asks, and prints (method, status, body) of each answer.
ASK = """
import http.client, pathlib
from watcher.cli.context import load_settings
from watcher.core.clock import SystemClock
from watcher.monitor.monitor import Monitor
from watcher.web.app import create_app
from watcher.web.page import PageContext
from watcher.web.server import serve

settings = load_settings(pathlib.Path("config.toml"))
clock = SystemClock()
context = PageContext(
    settings=lambda: settings, open_monitor=lambda: Monitor(settings), clock=clock, started=clock.now()
)
with serve("127.0.0.1:0", create_app(context)) as port:
    for method, path in (("GET", "/-/toy/b?q=a"), ("HEAD", "/-/toy/b"), ("HEAD", "/metrics")):
        connection = http.client.HTTPConnection("127.0.0.1", port)
        connection.request(method, path)
        answer = connection.getresponse()
        print(method, answer.status, answer.headers["Content-Length"] != "0", answer.read().decode().strip())
"""


def test_a_page_added_as_documented_is_served(tmp_path: Path) -> None:
    package = ExtendedPackage(tmp_path / "extended")
    package.add_module("web/pages/toy.py", MODULE)
    package.add_line("web/routes.py", "from watcher.web.pages import toy", before="from watcher.web.pages import (")
    package.add_line("web/routes.py", 'Route("/-/toy/{}", toy.render),', before='Route("/", overview.render)')
    home = tmp_path / "home"
    home.mkdir()
    (home / "config.toml").write_text(CONFIG)
    (home / "config.toml").chmod(0o600)
    asked = subprocess.run(
        [sys.executable, "-c", ASK],
        cwd=home,
        env={"PYTHONPATH": str(tmp_path / "extended")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    answers = [line.strip() for line in asked.stdout.splitlines() if line.startswith(("GET", "HEAD"))]
    assert answers == [
        "GET 200 True ports ['b'] ['a']",
        "HEAD 200 True",
        "HEAD 200 True",
    ], asked.stderr
