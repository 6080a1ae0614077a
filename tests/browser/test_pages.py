"""
What holds for every page in every state (support/scenes.py).

With VR_SCREENSHOTS=folder each is also photographed there: on a desktop, a phone, and in the dark.
"""

import os
import re
from collections import Counter
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from browsing import Browsing
from support.scenes import SCENES, Stage
from validating import Validator

PAGE_BYTES_MAX = 150_000
WIDTHS = [320, 375, 1280]
DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 375, "height": 800}
AXE = Axe()


@pytest.fixture(scope="module", params=SCENES, ids=lambda scene: scene.name)
def shown(request, chromium, stack):
    """A page in a state; `shown.faults`: what it complained of until then."""
    browsing = Browsing(chromium)
    page = browsing.new_page()
    with Stage(stack, page) as stage:
        request.param.play(stage)
        page.wait_for_load_state()
        page.scene = request.param
        page.faults = page.watch.faults()
        if os.environ.get("VR_SCREENSHOTS"):
            photograph(page, Path(os.environ["VR_SCREENSHOTS"]))
        yield page
    browsing.close()


@pytest.fixture(scope="module")
def validator():
    one = Validator()
    yield one
    one.close()


def plain(text):
    """Without what differs from run to run, and from one kind of space to another."""
    return re.sub(r"VR-\d{4}-\w{12}", "VR-…", text).replace("\N{NO-BREAK SPACE}", " ")


def set_theme(page, theme):
    """As the server would from its cookie; the pages that follow the system follow it."""
    page.emulate_media(color_scheme=theme)
    page.evaluate("theme => { if (document.documentElement.dataset.frTheme) document.documentElement.dataset.frTheme = theme }",
                  theme)


def photograph(page, folder):
    folder.mkdir(parents=True, exist_ok=True)
    for kind, size, theme in [("desktop", DESKTOP, "light"), ("phone", PHONE, "light"), ("dark", DESKTOP, "dark")]:
        page.set_viewport_size(size)
        set_theme(page, theme)
        page.screenshot(path=folder / f"{page.scene.name}.{kind}.png", full_page=True)
    page.set_viewport_size(DESKTOP)
    set_theme(page, "light")


def test_it_complains_of_nothing_and_asks_nobody_else(shown):
    assert shown.faults == []


def test_it_says_its_language_and_its_title(shown):
    assert shown.locator("html").get_attribute("lang") == shown.scene.language
    assert plain(shown.title()) == shown.scene.title
    assert shown.get_by_role("heading", level=1).count() == 1


def test_errors_are_told_first_and_get_the_focus(shown):
    assert (shown.locator("#errors").count() == 1) == shown.scene.errors
    if shown.scene.errors:
        expect(shown.locator("#errors")).to_be_focused()
        assert plain(shown.locator("#errors").inner_text()).startswith("Erreur : ")
        assert plain(shown.title()).startswith("Erreur : ")
    for message in shown.locator(".fr-message--error").all():
        group = message.locator("xpath=..").get_attribute("id")
        assert shown.locator(f"[aria-describedby~='{group}']").count() > 0, f"nothing is described by #{group}"


def test_links_within_it_lead_somewhere(shown):
    lost = shown.locator("a[href^='#']").evaluate_all(
        "links => links.map(a => a.hash.slice(1)).filter(id => !document.getElementById(id))")
    assert lost == []
    repeated = shown.locator("[id]").evaluate_all("all => all.map(e => e.id)")
    assert [name for name, count in Counter(repeated).items() if count > 1] == []


def test_it_fits_its_window(shown):
    for width in WIDTHS:
        shown.set_viewport_size({"width": width, "height": 800})
        assert shown.evaluate("document.documentElement.scrollWidth") <= width
    shown.set_viewport_size(DESKTOP)


def test_it_is_light(shown):
    assert 0 < shown.watch.weight(shown.url.partition("#")[0]) <= PAGE_BYTES_MAX


def test_it_is_valid_html(shown, validator):
    html = shown.watch.document.text()
    assert "<!doctype html>" in html.lower()
    assert validator.faults(shown.scene.name, html) == []


def test_axe_finds_nothing(shown):
    found = AXE.run(shown)
    assert found.violations_count == 0, found.generate_report()


def test_it_can_be_read_in_the_dark(shown):
    set_theme(shown, "dark")
    found = AXE.run(shown, options={"runOnly": ["color-contrast"], "resultTypes": ["violations"]})
    assert found.violations_count == 0, found.generate_report()


def test_different_pages_have_different_titles():
    """States of one page share its title; an error's says so; a language is another page."""
    pages = {(scene.name.split("_")[0], scene.title) for scene in SCENES}
    titles = Counter(title for _, title in pages)
    assert [title for title, count in titles.items() if count > 1] == []
