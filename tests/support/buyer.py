"""
A public buyer without JavaScript: opens pages, fills forms, follows redirects, as a browser would.

    buyer = Buyer(market["configuration_url"])
    page = buyer.open()
    page = buyer.submit(page, defense="yes")
    Buyer(market["configuration_url"]).complete(choices=["certifications_iso"])
"""

import dataclasses
from html.parser import HTMLParser
from urllib.parse import urljoin

import requests


@dataclasses.dataclass
class Control:
    name: str
    value: str
    kind: str  # "hidden", "checkbox", "radio", "submit", "text"…
    checked: bool


@dataclasses.dataclass
class Form:
    action: str
    method: str
    controls: list

    def sent(self, values):
        """What a browser sends: hidden and text values, what is ticked, and `values` in their place (lists repeat, None
        leaves out). No button."""
        pairs = [(control.name, control.value) for control in self.controls
                 if control.name not in values and control.kind != "submit"
                 and (control.kind not in ("checkbox", "radio") or control.checked)]
        for name, value in values.items():
            for one in value if isinstance(value, (list, tuple)) else [value]:
                if one is not None:
                    pairs.append((name, one))
        return pairs

    def values_of(self, name):
        """Those a person can choose from."""
        return [control.value for control in self.controls if control.name == name]


class Page(HTMLParser):
    """One answer, parsed: forms, links, title, visible text, ids."""

    def __init__(self, response):
        super().__init__(convert_charrefs=True)
        self.response = response
        self.status = response.status_code
        self.url = response.url
        self.forms, self.links, self.ids = [], [], []
        self.title = self.text = ""
        self._inside = []
        self.feed(response.text)
        self.text = " ".join(self.text.split())

    def handle_starttag(self, tag, attributes):
        have = dict(attributes)
        if "id" in have:
            self.ids.append(have["id"])
        if tag in ("title", "script", "style"):
            self._inside.append(tag)
        if tag == "form":
            action = urljoin(self.url, have.get("action") or self.url)
            self.forms.append(Form(action, have.get("method", "get").lower(), []))
        elif tag in ("input", "button", "textarea") and self.forms and have.get("name"):
            kind = have.get("type", "submit" if tag == "button" else "text")
            self.forms[-1].controls.append(Control(have["name"], have.get("value", "on" if kind == "checkbox" else ""), kind,
                                                   "checked" in have))
        elif tag == "a" and have.get("href"):
            self.links.append(urljoin(self.url, have["href"]))

    def handle_endtag(self, tag):
        if self._inside and self._inside[-1] == tag:
            self._inside.pop()

    def handle_data(self, data):
        if self._inside[-1:] == ["title"]:
            self.title += data
        elif not self._inside:
            self.text += " " + data

    @property
    def step(self):
        """The last part of its path: setup, required_fields…"""
        return self.url.partition("?")[0].rstrip("/").rpartition("/")[2]

    @property
    def form(self):
        """The form of the step: the only one with a CSRF token."""
        forms = [form for form in self.forms if form.values_of("csrf_token")]
        assert len(forms) == 1, f"{len(forms)} forms on {self.url}: {self.text[:500]}"
        return forms[0]


class Buyer:
    def __init__(self, configuration_url):
        self.configuration_url = configuration_url
        self.base = configuration_url.rpartition("/")[0]
        self.http = requests.Session()

    def open(self, step="setup", **options):
        """A GET, redirects followed; `step` may be a whole URL."""
        url = step if step.startswith("http") else f"{self.base}/{step}"
        return Page(self.http.get(url, timeout=15, **options))

    def submit(self, page, **values):
        """Sends the page's form; the page after the redirects. `values` as Form.sent()."""
        return Page(self.post(page, **values))

    def post(self, page, allow_redirects=True, headers=None, **values):
        """The same, as the plain response."""
        form = page.form
        return self.http.post(form.action, data=form.sent(values), allow_redirects=allow_redirects, timeout=15,
                              headers={"Origin": "/".join(form.action.split("/")[:3])} | (headers or {}))

    def go_to_summary(self, defense=False, choices=()):
        """Through the steps; the summary page. `choices`: catalogue keys."""
        page = self.open()
        if page.step == "setup":
            page = self.submit(page, **({"defense": "yes"} if defense else {}))
        if page.step == "required_fields":
            page = self.submit(page)
        if page.step == "additional_fields":
            page = self.submit(page, answer="yes" if choices else "no", choices=list(choices))
        assert page.step == "summary", f"{page.status} {page.url}: {page.text[:500]}"
        return page

    def complete(self, defense=False, choices=()):
        """All of it; the status page."""
        page = self.submit(self.go_to_summary(defense, choices))
        assert page.step == "sync_status" and page.status == 200, f"{page.status} {page.url}: {page.text[:500]}"
        return page

    def sync_status(self):
        """null, "sync_pending"…: what the status page's script asks for."""
        answer = self.http.get(f"{self.base}/sync_status.json", timeout=15)
        assert answer.status_code == 200, answer.text
        return answer.json()["sync_status"]
