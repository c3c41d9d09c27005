"""The pages in a real browser: clicked through, with a keyboard alone, without scripts, on a phone, in the dark.

All tests share one browser and one server. What a page loads or breaks in the browser's console fails its test.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.chrome.webdriver import WebDriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

from tests.site.histories import GrowingHistory
from tests.support.axe import find_grave_faults, is_axe_installed
from tests.support.browser import DESKTOP, PHONE, missing_programs, open_browser, set_dark, set_scripts, set_size
from tests.support.port_releases import Row, release, tcp
from tests.web.site import PEOPLE, RELEASES, Site, open_site
from tests.web.test_operator import ODD, TOKEN
from tests.web.test_pages import PAGES
from tools import screenshots
from watcher.cli.context import load_settings
from watcher.cli.serve import serve_pages
from watcher.core.operations import Delivery, HoldState
from watcher.web.access import WebAccess

pytestmark = pytest.mark.skipif(bool(missing_programs()), reason=missing_programs())

# An early allocation that expires soon, by the clock of the server.
EARLY = release(
    [
        tcp("alpha", "11", contact="Ann"),
        tcp("gamma", "20", description="Second service"),
        tcp("early", "32", description="Early (TEMPORARY - registered 2025-02-01, expires 2026-02-01)"),
        Row(description="Unassigned", port="33-40"),
    ],
    "2025-02-01",
    PEOPLE,
)
_PATIENCE = 20.0  # seconds; what a page does is waited for, not the time


@dataclass(frozen=True, slots=True, kw_only=True)
class Browser:
    """A browser at the server under test."""

    driver: WebDriver
    address: str

    def open(self, path: str) -> None:
        self.driver.get(self.address + path)

    @property
    def path(self) -> str:
        parts = urlsplit(self.driver.current_url)
        return parts.path + (f"?{parts.query}" if parts.query else "")

    def find(self, css: str) -> WebElement:
        return self.driver.find_element(By.CSS_SELECTOR, css)

    def text(self, css: str = "main") -> str:
        return self.find(css).text

    def click(self, css: str) -> None:
        """Click an element that leads to another page, and wait until that is shown."""
        self.leave(self.find(css).click)

    def follow(self, words: str) -> None:
        """Click the first link in the page's content with these words."""
        self.leave(self.find("main").find_element(By.LINK_TEXT, words).click)

    def leave(self, act: Callable[[], object]) -> None:
        """Do what leads to another page, and wait until that is shown."""
        self.run("window.isLeft = true")
        act()
        self.wait(lambda: not self.run("return window.isLeft") and self.run("return document.readyState") == "complete")

    def press(self, *keys: str) -> None:
        self.driver.switch_to.active_element.send_keys(*keys)

    @property
    def focused(self) -> WebElement:
        return self.driver.switch_to.active_element

    def type_date(self, name: str, day: str) -> None:
        """Type a day into a field as a person in the United States does, whose browser this is."""
        year, month, date = day.split("-")
        self.find(f"main input[name={name}]").send_keys(month + date + year)

    def wait(self, is_so: Callable[[], object]) -> None:
        WebDriverWait(self.driver, _PATIENCE, 0.02, [StaleElementReferenceException]).until(lambda _: is_so())

    def run(self, script: str, *arguments: Any) -> Any:
        return self.driver.execute_script(script, *arguments)


# Messages to channels with names of several lengths, so that on a phone lines end in different cells.
WAITING = [
    Delivery(
        id=f"m{length}",
        channel="c" * length,
        recipient="",
        source="ports",
        release="",
        body="{}",
        created="2026-01-05T08:00:00Z",
    )
    for length in range(1, 12)
]
# Words of up to 12 letters that continue on the next line.
FIND_BROKEN_WORDS = """
    const walker = document.createTreeWalker(document.querySelector('main'), NodeFilter.SHOW_TEXT), broken = [];
    while (walker.nextNode()) {
        const node = walker.currentNode, range = document.createRange();
        if (node.parentElement.closest('svg, thead, del, ins')) continue;
        for (const match of node.data.matchAll(/(?<![^\\s])\\w{2,12}(?![^\\s])/g)) {
            range.setStart(node, match.index); range.setEnd(node, match.index + match[0].length);
            if (new Set([...range.getClientRects()].map(box => box.top)).size > 1) broken.push(match[0]);
        }
    }
    return broken"""


def judge(browser: Browser) -> None:
    """Fail if the page that is shown is wider than a phone, or if axe (where it is) finds a serious fault."""
    for size in (PHONE, (320, 640)):
        set_size(browser.driver, size)
        wide = browser.run(
            """return [...document.querySelectorAll('main *, header *')].filter(element => {
                const box = element.getBoundingClientRect();
                const isWide = box.right > innerWidth + 1 || box.left < -1;
                return box.width > 1 && isWide && !element.closest('svg, thead');
            }).map(element => element.outerHTML.slice(0, 200))"""
        )
        assert wide == [], browser.path
        assert browser.run(FIND_BROKEN_WORDS) == [], browser.path
        assert browser.run("return document.documentElement.scrollWidth") <= size[0], browser.path
    set_size(browser.driver, DESKTOP)
    if is_axe_installed():
        assert find_grave_faults(browser.driver) == [], browser.path
        set_dark(browser.driver, True)
        assert find_grave_faults(browser.driver) == [], browser.path
        set_dark(browser.driver, False)


@pytest.fixture(scope="module")
def downloads(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("browser")


@pytest.fixture(scope="module")
def driver(downloads: Path) -> Iterator[WebDriver]:
    with open_browser(downloads) as started:
        yield started


@pytest.fixture
def browser(driver: WebDriver, site: Site) -> Iterator[Browser]:
    set_size(driver, DESKTOP)
    set_dark(driver, False)
    set_scripts(driver, True)
    driver.get_log("browser")
    yield Browser(driver=driver, address=f"http://127.0.0.1:{site.port}")
    complaints = [line["message"] for line in driver.get_log("browser") if line["level"] == "SEVERE"]
    assert [line for line in complaints if "404 (Not Found)" not in line] == []


def test_two_dates_are_compared_by_their_fields_and_by_the_sliders(browser: Browser) -> None:
    browser.open("/")
    browser.follow("ports")
    browser.follow("Compare")
    browser.type_date("from", "2020-01-01")
    browser.type_date("to", "2020-02-01")
    browser.leave(browser.find("main .filters button").click)
    assert "2020-01-01 → 2020-02-01" in browser.text("h1")
    text = browser.text()
    assert text.index("service-moved") < text.index("Exact changes")
    assert [element.text for element in browser.driver.find_elements(By.TAG_NAME, "ins")][:1] == ["11"]
    browser.run("window.isSamePage = true")
    browser.find("#b").send_keys(Keys.ARROW_RIGHT)
    browser.wait(lambda: "2020-01-01 → 2021-03-01" in browser.text("h1"))
    assert browser.run("return window.isSamePage")
    assert browser.path == "/ports/compare?a=0&b=2"
    browser.driver.back()
    browser.wait(lambda: "2020-01-01 → 2020-02-01" in browser.text("h1"))


def test_an_entry_is_followed_across_its_rename_and_back_to_a_day(browser: Browser) -> None:
    browser.open("/")
    browser.find("#q").send_keys("beta")
    browser.leave(lambda: browser.press(Keys.ENTER))
    browser.follow("20/tcp beta")
    assert "service-renamed" in browser.text()
    browser.follow("20")
    assert "20/tcp gamma" in browser.text(".entries")
    states = [state.text for state in browser.driver.find_elements(By.CSS_SELECTOR, "article.change h3")]
    assert [re.sub(r" assigned.*", "", state) for state in states] == [
        "2021-03-01 20/tcp gamma",
        "2020-02-01 20/tcp beta",
        "2020-01-01 20/tcp beta",
    ]
    browser.type_date("at", "2020-01-15")
    browser.leave(browser.find("main .filters button").click)
    assert "20/tcp beta" in browser.text(".entries")
    browser.follow("As of today")
    assert "20/tcp gamma" in browser.text(".entries")


def test_the_search_shows_results_as_their_words_are_typed(browser: Browser) -> None:
    browser.open("/-/search")
    browser.run("window.isSamePage = true")
    field = browser.find("#q")
    field.send_keys("gam")
    browser.wait(lambda: "20/tcp gamma" in browser.text("#results"))
    field.send_keys("x")
    browser.wait(lambda: "No entry has all these words" in browser.text("#results"))
    assert browser.run("return window.isSamePage")
    assert browser.focused == field


def test_every_page_shows_what_is_found_while_words_are_typed_and_hides_it_without_words(browser: Browser) -> None:
    browser.open("/ports")
    field = browser.find("#q")
    assert not browser.find("#found").is_displayed()
    field.send_keys("gam")
    browser.wait(lambda: "20/tcp gamma" in browser.text("#found"))
    assert browser.focused == field
    assert browser.path == "/ports"
    field.send_keys(Keys.BACKSPACE * 3)
    browser.wait(lambda: not browser.find("#found").is_displayed())
    field.send_keys("gam")
    browser.wait(lambda: "20/tcp gamma" in browser.text("#found"))
    browser.click("#found li a")
    assert browser.path.startswith("/ports/entry/")


def test_the_map_is_zoomed_in_and_out_and_leads_to_a_port(browser: Browser) -> None:
    browser.open("/ports/map?from=2020-01-01")

    def view() -> list[int]:
        return [int(number) for number in browser.find(".hilbert").get_dom_attribute("viewBox").split()]

    assert view() == [0, 0, 256, 256]
    for side in (128, 64, 32):
        browser.click(".hilbert a:first-of-type")
        assert view() == [0, 0, side, side]
    assert "Ports 0 to 1,023" in browser.text("figcaption")
    browser.follow("Zoom out")
    assert view() == [0, 0, 64, 64]
    browser.follow("35")
    assert "hostile" in browser.text(".entries")


def test_a_snapshot_is_downloaded_byte_for_byte(browser: Browser, downloads: Path) -> None:
    browser.open("/ports/release/2020-02-01")
    browser.find("main a[download]").click()
    release = browser.text("dd code")
    file = downloads / "downloads" / f"ports-{release}"
    browser.wait(file.exists)
    assert file.read_bytes() == RELEASES[1]


def test_an_operator_signs_in_and_accepts_a_held_release(driver: WebDriver, site: Site, tmp_path: Path) -> None:
    access = WebAccess(token=TOKEN, requests_per_minute=10_000_000)
    with open_site(tmp_path, access=lambda: access) as guarded:
        guarded.check(EARLY)
        guarded.check(ODD)
        with guarded.context.open_monitor() as monitor, monitor.store.transaction():
            monitor.store.outbox.add_deliveries(WAITING, now="2026-01-05T08:00:00Z")
        browser = Browser(driver=driver, address=f"http://127.0.0.1:{guarded.port}")
        browser.open("/-/sign-in?next=/-/holds")
        judge(browser)
        browser.find("main input[type=password]").send_keys("a guess")
        browser.leave(lambda: browser.press(Keys.ENTER))
        assert "not the token" in browser.text("[role=alert]")
        browser.find("main input[type=password]").send_keys(TOKEN)
        browser.leave(lambda: browser.press(Keys.ENTER))
        assert browser.path == "/-/holds"
        judge(browser)
        for path in ("/", "/-/deadlines"):
            browser.open(path)
            assert "2026-02-01" in browser.text()
            judge(browser)
        browser.open("/ports")
        browser.click("main .event .badge a")
        judge(browser)
        browser.open("/-/holds")
        browser.click("main button[aria-label^='Accept ports']")
        assert browser.text("h1").startswith("ports: release of")
        assert "Published\n2020-06-01" in browser.run("return document.querySelector('.facts').innerText")
        with guarded.context.open_store() as store:
            assert [hold.state for hold in store.holds.list_holds("ports")] == [HoldState.ACCEPTED]
        browser.open("/-/holds")
        assert "No release is held." in browser.text()
        browser.find("header form button").click()
        browser.wait(lambda: "Sign out" not in browser.text("body"))
        driver.get_log("browser")


def test_the_overview_shows_what_a_check_sees_without_a_reload(driver: WebDriver, tmp_path: Path) -> None:
    with open_site(tmp_path) as site:
        browser = Browser(driver=driver, address=f"http://127.0.0.1:{site.port}")
        set_scripts(driver, True)
        browser.open("/")
        browser.run("window.isSame = true")
        assert "zeta" not in browser.text("#news")
        browser.wait(lambda: site.context.streams.count)  # it begins with what comes after it was opened
        site.check(release([tcp("alpha", "11", contact="Ann"), tcp("zeta", "20", description="Second service"),
                            tcp("hostile", "35"), Row(description="Unassigned", port="36-40")],
                           "2021-04-01", PEOPLE), "2026-01-05T09:00:00Z")  # fmt: skip
        browser.wait(lambda: "zeta" in browser.text("#news"))
        assert browser.run("return window.isSame")
        driver.get("about:blank")


def test_every_page_says_the_same_without_scripts(browser: Browser) -> None:
    shown = []
    for on in (True, False):
        set_scripts(browser.driver, on)
        for path in PAGES:
            browser.open(path)
            shown.append(browser.run("return document.body.innerText"))
    assert shown[: len(PAGES)] == shown[len(PAGES) :]
    assert all("Made by registry-watcher" in text for text in shown)


def test_a_page_is_painted_before_its_script_arrives(browser: Browser) -> None:
    browser.open("/ports")
    waited_for = browser.run(
        """return performance.getEntriesByType('resource').filter(
            entry => entry.renderBlockingStatus === 'blocking').map(entry => new URL(entry.name).pathname)"""
    )
    assert waited_for == ["/-/static/style.css"]
    script = {"urlPattern": "*://*:*/*htmx*", "block": True}
    browser.driver.execute_cdp_cmd("Network.enable", {})
    browser.driver.execute_cdp_cmd("Network.setBlockedURLs", {"urlPatterns": [script]})
    try:
        browser.open("/ports")
        browser.wait(lambda: browser.run("return performance.getEntriesByName('first-contentful-paint').length"))
        assert browser.run("return typeof window.htmx") == "undefined"
        assert "service-renamed" in browser.text()
    finally:
        browser.driver.execute_cdp_cmd("Network.setBlockedURLs", {"urlPatterns": []})
        browser.driver.execute_cdp_cmd("Network.disable", {})


def test_without_scripts_the_forms_and_links_do_the_same(browser: Browser) -> None:
    set_scripts(browser.driver, False)
    browser.open("/-/search")
    browser.find("#q").send_keys("gam")
    browser.find(".search button").click()
    browser.wait(lambda: browser.path == "/-/search?q=gam")
    assert "20/tcp gamma" in browser.text()
    browser.open("/ports/compare?a=0&b=1")
    browser.find("#b").send_keys(Keys.ARROW_RIGHT)
    browser.find(".sliders button").click()
    browser.wait(lambda: browser.path == "/ports/compare?a=0&b=2")
    assert "2020-01-01 → 2021-03-01" in browser.text("h1")


def test_a_keyboard_alone_reaches_and_does_everything(browser: Browser) -> None:
    browser.open("/ports")
    browser.press(Keys.TAB)
    assert browser.focused.text == "Skip to the content"
    assert browser.focused.is_displayed()
    browser.press(Keys.ENTER)
    browser.press(Keys.TAB)
    assert browser.focused.text == "Timeline"
    while browser.focused.text != "Port map":
        browser.press(Keys.TAB)
        assert browser.focused.tag_name == "a", "no tab of the map can be reached"
    browser.leave(lambda: browser.press(Keys.ENTER))
    assert browser.path == "/ports/map"
    while "Zoom to ports 0 to" not in (browser.focused.get_attribute("aria-label") or ""):
        browser.press(Keys.TAB)
        assert browser.focused.tag_name != "body", "no quarter of the map can be reached"
    browser.leave(lambda: browser.press(Keys.ENTER))
    assert browser.path == "/ports/map?zoom=0"
    browser.open("/ports/compare?a=0&b=1")
    browser.find("#b").send_keys(Keys.ARROW_RIGHT)
    browser.wait(lambda: "2021-03-01" in browser.text("h1"))
    # The slider is another element now, and still the one that keys move.
    browser.press(Keys.ARROW_LEFT)
    browser.wait(lambda: "2020-01-01 → 2020-02-01" in browser.text("h1"))


def test_what_has_the_focus_can_be_seen(browser: Browser) -> None:
    for path in ("/", "/ports", "/ports/compare", "/ports/map", "/-/search?q=service"):
        browser.open(path)
        browser.run(
            """window.seen = [];
            document.addEventListener('focusin', ({target}) => {
                const style = getComputedStyle(target), shape = target.querySelector('.quarter');
                const frame = style.outlineStyle === 'none' ? 0 : parseFloat(style.outlineWidth);
                const stroke = shape ? parseFloat(getComputedStyle(shape).strokeWidth) : 0;
                window.seen.push([Math.max(frame, stroke), target.outerHTML.slice(0, 200)]);
            })"""
        )
        browser.press(Keys.TAB * 45)
        seen = browser.run("return window.seen")
        assert len(seen) > 10
        assert [element for width, element in seen if width < 3] == []


def test_dark_mode_is_dark_everywhere(browser: Browser) -> None:
    light = {}
    script = "return getComputedStyle(document.body).backgroundColor"
    for dark in (False, True):
        set_dark(browser.driver, dark)
        browser.open("/ports/compare")
        red, green, blue = map(int, re.findall(r"\d+", browser.run(script))[:3])
        light[dark] = (red + green + blue) / 3
        field = browser.run("return getComputedStyle(document.querySelector('main input')).backgroundColor")
        assert (sum(map(int, re.findall(r"\d+", field)[:3])) / 3 > 128) is not dark
    assert light[False] > 240
    assert light[True] < 40


@pytest.mark.parametrize("path", PAGES)
def test_a_page_fits_a_phone_and_axe_finds_nothing_serious(browser: Browser, path: str) -> None:
    browser.open(path)
    judge(browser)


def test_every_kind_of_page_of_a_static_site_fits_a_phone_and_axe_finds_nothing_serious(
    driver: WebDriver, tmp_path: Path
) -> None:
    """The pages are opened from the disk, where neither a server nor its headers help."""
    history = GrowingHistory(tmp_path)
    for source in ("ports", "toy"):
        history.add(source, 3)
    site = history.write()
    kinds: dict[str, Path] = {}
    for page in sorted(site.rglob("*.html")):
        parts = page.relative_to(site).parts
        kinds.setdefault("/".join([str(len(parts)), *parts[1:-1]]) if parts[0] != "-" else "/".join(parts[:-1]), page)
    assert len(kinds) > 4, kinds
    for page in kinds.values():
        browser = Browser(driver=driver, address=page.as_uri())
        browser.open("")
        assert browser.text("h1")
        judge(browser)


def test_the_screenshots_of_the_readme_are_made_by_the_script_and_are_small(
    browser: Browser, demo_folder: Path, tmp_path: Path
) -> None:
    readme = (screenshots.ROOT / "README.md").read_text()
    with serve_pages(load_settings(demo_folder / "config.toml"), "127.0.0.1:0") as address:
        made = screenshots.take(browser.driver, address, tmp_path)
    assert [file.name for file in made] == re.findall(r"docs/screenshots/([^)]+)", readme)
    for file in made:
        committed = screenshots.FOLDER / file.name
        assert 10_000 < committed.stat().st_size < 150_000
        assert file.read_bytes()[8:12] == committed.read_bytes()[8:12] == b"WEBP"


def test_axe_is_installed() -> None:
    """Without it the tests above judge less: that is to be seen."""
    if not is_axe_installed():
        pytest.skip("axe-core is not installed (npm install --prefix .axe axe-core)")
