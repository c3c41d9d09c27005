"""axe-core, which judges whether people with disabilities can use a page. `.ci/run` installs it with npm."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from selenium.webdriver.chrome.webdriver import WebDriver

SCRIPT = Path(__file__).parents[2] / ".axe" / "node_modules" / "axe-core" / "axe.min.js"
_GRAVE = ("serious", "critical")
_RUN = """
const [rules, done] = arguments;
const options = rules.length ? {runOnly: {type: 'rule', values: rules}} : {};
axe.run(document, {...options, resultTypes: ['violations']}).then(results => done(results.violations.map(
    violation => ({...violation, nodes: violation.nodes.map(node => node.html + ': ' + node.failureSummary)}))));
"""


def is_axe_installed() -> bool:
    return SCRIPT.exists()


def find_grave_faults(driver: WebDriver, rules: Sequence[str] = ()) -> list[str]:
    """Return what axe calls serious or critical on the page that is shown; of some rules only if there are any."""
    driver.execute_script(SCRIPT.read_text("utf-8"))
    violations = driver.execute_async_script(_RUN, list(rules))
    return [
        f"{violation['id']} ({violation['impact']}): {node}"
        for violation in violations
        if violation["impact"] in _GRAVE
        for node in violation["nodes"]
    ]
