"""Chromium for the browser tests: Debian's, or the one Playwright fetched where Debian's is not to be had."""

import os
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

CHROMIUM = Path("/usr/bin/chromium")


@pytest.fixture(scope="session")
def chromium():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM if CHROMIUM.exists() else None,
            args=["--no-sandbox"] if os.geteuid() == 0 else [])
        yield browser
        browser.close()


@pytest.fixture
def new_page(chromium):
    """new_page(javascript=False, width=320, …): a page in a browser session of its own, in French."""
    contexts = []

    def make(javascript=True, width=1280, height=900, **options):
        contexts.append(chromium.new_context(locale="fr-FR", java_script_enabled=javascript,
                                             viewport={"width": width, "height": height}, **options))
        return contexts[-1].new_page()

    yield make
    for context in contexts:
        context.close()


@pytest.fixture
def page(new_page):
    return new_page()
