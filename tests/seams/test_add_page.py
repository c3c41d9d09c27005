"""To add a page: one module in web/, one line in ROUTES. A real server of the daemon then answers it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.support.extended_package import ExtendedPackage

MODULE = """
from watcher.web.page import PageResponse


def render(context, request):
    with context.open_monitor() as monitor:
        names = " ".join(source.name for source in monitor.settings.source)
    return PageResponse(body=f"{names} {request.query.get('q', [])}\\n".encode())
"""
CONFIG = """
[metrics]
listen = "127.0.0.1:0"

[[source]]
name = "ports"
url = "https://registry.example/ports.xml"
"""
# Serves as the daemon does, asks, and prints (method, status, body) of each answer.
ASK = """
import http.client, pathlib, sys
from watcher.cli.context import load_settings
from watcher.core.clock import SystemClock
from watcher.daemon.self_check import SelfCheck
from watcher.monitor.monitor import Monitor

settings = load_settings(pathlib.Path("config.toml"))
with SelfCheck(lambda: settings, lambda: Monitor(settings), SystemClock()).serve_pages() as port:
    for method, path in (("GET", "/toy?q=a"), ("HEAD", "/toy"), ("GET", "/none"), ("HEAD", "/metrics")):
        connection = http.client.HTTPConnection("127.0.0.1", port)
        connection.request(method, path)
        answer = connection.getresponse()
        print(method, answer.status, answer.headers["Content-Length"] != "0", answer.read().decode().strip())
"""


def test_a_page_added_as_documented_is_served(tmp_path: Path) -> None:
    package = ExtendedPackage(tmp_path / "extended")
    package.add_module("web/toy.py", MODULE)
    package.add_line("web/routes.py", "from watcher.web import toy", before="from watcher.web import healthz")
    package.add_line("web/routes.py", '"/toy": toy.render,', before='"/metrics": metrics.render')
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
        "GET 200 True ports ['a']",
        "HEAD 200 True",
        "GET 404 True no such page; the pages are /toy, /metrics, /healthz",
        "HEAD 200 True",
    ], asked.stderr
