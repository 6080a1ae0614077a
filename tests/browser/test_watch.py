"""What watches the pages sees what it must: a made-up page that does everything wrong."""

import pytest
from axe_playwright_python.sync_playwright import Axe

from browsing import Browsing
from validating import Validator

URL = "http://localhost:9/"
WRONG = """<!doctype html><html><head><title>Faux</title><link rel="stylesheet" href="/a.css"></head>
<body style="color: red"><img src="http://elsewhere.localhost:9/a.svg"><script>console.error("inline")</script>
<p class="pale">Illisible</p><script src="/a.js"></script></body></html>"""
POLICY = "default-src 'none'; style-src 'self'; script-src 'self'; img-src *"


@pytest.fixture
def wrong(chromium):
    browsing = Browsing(chromium)
    page = browsing.new_page()
    page.route("**/*", lambda route: route.fulfill(status=404))
    page.route("**/*.css", lambda route: route.fulfill(content_type="text/css", body=".pale { color: #ccc }" + " " * 5000))
    page.route("**/*.js", lambda route: route.fulfill(content_type="text/javascript", body="missing()"))
    page.route(URL, lambda route: route.fulfill(content_type="text/html", body=WRONG,
                                                headers={"Content-Security-Policy": POLICY}))
    page.goto(URL)
    yield page
    browsing.close()


def test_requests_that_leave_the_origin(wrong):
    assert [stray for stray in wrong.watch.strays if "elsewhere" in stray]


def test_violations_of_the_policy(wrong):
    complaints = " ".join(wrong.watch.complaints)
    assert "inline style" in complaints and "inline script" in complaints


def test_uncaught_exceptions(wrong):
    assert [complaint for complaint in wrong.watch.complaints if complaint.startswith("uncaught:")]


def test_what_axe_finds(wrong):
    found = {violation["id"] for violation in Axe().run(wrong).response["violations"]}
    assert {"color-contrast", "html-has-lang", "image-alt"} <= found


def test_what_the_validator_finds():
    validator = Validator()
    found = " ".join(validator.faults("wrong", WRONG + "<p id=a><p id=a><ul><p></ul><b></i>"))
    validator.close()
    for rule in ("no-dup-id", "element-permitted-content", "close-order", "element-required-attributes"):
        assert rule in found, found
