"""The summary on paper: all that is configured, black on white, nothing that could be pressed."""

import re

from playwright.sync_api import expect

from support import catalogue
from support.walk import Walk

CHOICES = ["bank_statement", "certifications_iso"]


def test_the_summary_prints_what_is_configured(new_page, editor):
    walk = Walk(new_page(), editor.create_market(market_type_codes=["supplies"])["configuration_url"])
    page = walk.page
    walk.go_to("summary", choices=CHOICES)
    page.get_by_role("link", name="Passer au thème sombre").click()
    walk.is_at("summary")
    dark = page.evaluate("getComputedStyle(document.body).color")

    page.emulate_media(media="print")

    assert page.evaluate("getComputedStyle(document.body).color") != dark, "light text is not for paper"
    lightness = sum(map(int, re.findall(r"\d+", page.evaluate("getComputedStyle(document.body).color"))[:3]))
    assert lightness < 3 * 100
    expect(page.locator(".vr-review__list > li:visible")).to_have_count(len(catalogue.required(["supplies"]) + CHOICES))
    assert page.locator("a:visible, button:visible, input:visible").all_inner_texts() == []
    assert not page.locator("#confirm").is_visible()
