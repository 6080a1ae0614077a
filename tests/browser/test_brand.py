"""The pages under the State's brand (VR_BRAND=state), for .gouv.fr sites."""

import os
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from support.editor import Editor
from support.stack import Stack
from support.walk import Walk
from validating import Validator

LICENCE = "licence Etalab 2.0"


@pytest.fixture(scope="module")
def state_stack(tmp_path_factory):
    one = Stack(tmp_path_factory.mktemp("stack"), VR_BRAND="state")
    one.start()
    yield one
    one.stop()


@pytest.mark.parametrize("step", ["setup", "summary"])
def test_the_states_logo_stands_in_header_and_footer(state_stack, new_page, step):
    page = new_page()
    walk = Walk(page, Editor(state_stack).create_market(market_type_codes=["supplies"])["configuration_url"])
    walk.go_to(step)
    expect(page.locator("header .fr-logo")).to_be_visible()
    expect(page.locator("footer .fr-logo")).to_be_visible()
    expect(page.get_by_text(LICENCE)).to_be_visible()
    for width in (1280, 375, 320):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        if os.environ.get("VR_SCREENSHOTS"):
            page.screenshot(path=Path(os.environ["VR_SCREENSHOTS"]) / f"state_{step}.{width}.png", full_page=True)
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    validator = Validator()
    assert validator.faults(step, page.watch.document.text()) == []
    validator.close()


def test_the_neutral_brand_has_none(stack, editor, new_page):
    page = new_page()
    Walk(page, editor.create_market()["configuration_url"]).open()
    assert page.locator(".fr-logo").count() == 0 and page.get_by_text(LICENCE).count() == 0
