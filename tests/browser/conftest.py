"""Chromium for the browser tests: Debian's, or the one Playwright fetched where Debian's is not to be had."""

import os
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from support.watch import Watch

CHROMIUM = Path("/usr/bin/chromium")


@pytest.fixture(scope="session")
def chromium():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM if CHROMIUM.exists() else None,
            args=["--no-sandbox"] if os.geteuid() == 0 else [])
        yield browser
        browser.close()


class Browsing:
    """Pages in browser sessions of their own, in French, each watched (page.watch)."""

    def __init__(self, chromium):
        self.chromium = chromium
        self.contexts, self.watches = [], []

    def new_page(self, javascript=True, width=1280, height=900, **options):
        context = self.chromium.new_context(locale="fr-FR", java_script_enabled=javascript,
                                            viewport={"width": width, "height": height}, **options)
        context.set_default_timeout(15000)
        self.contexts.append(context)
        page = context.new_page()
        page.watch = Watch(page)
        self.watches.append(page.watch)
        return page

    def close(self):
        for context in self.contexts:
            context.close()


@pytest.fixture
def new_page(chromium):
    """new_page(javascript=False, width=320, …). Whatever a test does, no page may complain or ask another origin."""
    browsing = Browsing(chromium)
    yield browsing.new_page
    browsing.close()
    assert [fault for watch in browsing.watches for fault in watch.faults()] == []


@pytest.fixture
def page(new_page):
    return new_page()
