"""What a browser page asked for and complained of: everything that a page of ours must not do shows here."""

import re
from urllib.parse import urlsplit

REFUSED = re.compile(r"Failed to load resource: the server responded with a status of (\d+)")


def origin(url):
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


class Watch:
    def __init__(self, page):
        self.strays = []  # requests that leave the page's origin
        self.complaints = []  # console warnings and errors (CSP violations among them), uncaught exceptions
        self.weights = {}  # URL → bytes transferred, fonts left out
        self.document = None  # the answer that is shown
        page.on("request", self._asked)
        page.on("response", self._began)
        page.on("requestfinished", self._answered)
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.complaints.append(f"uncaught: {error}"))

    def _asked(self, request):
        if request.url.startswith("data:") or request.is_navigation_request():
            return
        if origin(request.url) != origin(request.frame.url):
            self.strays.append(f"{request.frame.url} asked for {request.url}")

    def _began(self, response):
        if response.request.is_navigation_request():
            self.document = response

    def _answered(self, request):
        # What is asked for again comes from the cache: the first time counts.
        if request.resource_type not in ("font", "fetch") and not request.url.startswith("data:"):
            sizes = request.sizes()
            weight = sizes["responseBodySize"] + sizes["responseHeadersSize"]
            self.weights[request.url] = max(weight, self.weights.get(request.url, 0))

    def _said(self, message):
        # A status that a test provokes is for that test to check.
        if message.type in ("warning", "error") and not REFUSED.match(message.text):
            self.complaints.append(f"{message.type}: {message.text}")

    def faults(self):
        return self.strays + self.complaints

    def weight(self, page_url):
        """Bytes of a first view of that page: itself and everything it links to."""
        files = [size for url, size in self.weights.items() if re.search(r"\.(css|js|svg)$", url.partition("?")[0])]
        return self.weights.get(page_url, 0) + sum(files)
