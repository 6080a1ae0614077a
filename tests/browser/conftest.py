"""Chromium for the browser tests: Debian's, or the one Playwright fetched where Debian's is not to be had."""

import os
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from browsing import Browsing

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
    """new_page(javascript=False, width=320, …). Whatever a test does, no page may complain or ask another origin."""
    browsing = Browsing(chromium)
    yield browsing.new_page
    browsing.close()
    assert [fault for watch in browsing.watches for fault in watch.faults()] == []


@pytest.fixture
def page(new_page):
    return new_page()
