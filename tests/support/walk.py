"""
A buyer in a browser: the wizard's pages by what a person sees on them.

    walk = Walk(page, market["configuration_url"])
    walk.open(); walk.go_on()                       # setup → required_fields
    walk.choose("certifications_iso"); walk.go_on()
    walk.confirm()
"""

import re

from playwright.sync_api import expect


class Walk:
    def __init__(self, page, configuration_url):
        self.page = page
        self.configuration_url = configuration_url
        self.base = configuration_url.rpartition("/")[0]

    def open(self, step="setup"):
        return self.page.goto(f"{self.base}/{step}")

    @property
    def step(self):
        """The last part of its path: setup, required_fields…"""
        return self.page.url.partition("?")[0].rpartition("/")[2]

    def is_at(self, step):
        expect(self.page).to_have_url(re.compile(rf"/{step}(\?.*)?$"))

    def press(self, name):
        """A button that sends a form; until the answer is there."""
        with self.page.expect_navigation():
            self.page.get_by_role("button", name=name).click()

    def follow(self, name):
        with self.page.expect_navigation():
            self.page.get_by_role("link", name=name).click()

    def go_on(self):
        self.press("Continuer")

    def answer(self, yes):
        # The DSFR draws the radio on its label: that is what a person presses.
        self.page.locator(f"label[for=answer-{'yes' if yes else 'no'}]").click()

    def tick(self, *keys):
        for key in keys:
            self.page.locator(f"label[for=field-{key}]").click()

    def find(self, words):
        """Until it is told what was found."""
        self.page.get_by_label("Trouver un champ").fill(words)
        expect(self.page.locator("#found")).not_to_be_empty()

    def choose(self, *keys):
        """The whole of step 3 but its button."""
        self.answer(bool(keys))
        self.tick(*keys)

    def go_to(self, step, defense=False, choices=()):
        """From the configuration URL to a later step."""
        self.open()
        if step == "setup":
            return self
        if defense:
            self.page.locator("label[for=defense]").click()
        self.go_on()
        if step == "required_fields":
            return self
        self.go_on()
        if step == "additional_fields":
            return self
        self.choose(*choices)
        self.go_on()
        self.is_at("summary")
        return self

    def confirm(self):
        self.press("Valider la configuration")
        self.is_at("sync_status")

    # --- what a page shows ---

    def texts(self, selector):
        """Of each such element, as written (not as a style shouts it)."""
        return self.page.locator(selector).evaluate_all(
            "all => all.map(e => e.textContent.trim().replace(/\\s+/g, ' '))")

    def own_texts(self, selector):
        """The same without that of its children (counts, sources)."""
        return self.page.locator(selector).evaluate_all(
            "all => all.map(e => [...e.childNodes].filter(n => n.nodeType === 3).map(n => n.data).join(' ').trim())")

    def stepper(self):
        return self.texts(".fr-stepper__state")[0]

    def facts(self):
        """Of the page's lists of facts: term → value."""
        return dict(zip(self.texts(".vr-facts dt"), self.texts(".vr-facts dd")))

    def groups(self):
        """[(category, [sub-categories])], counts left out."""
        found, titles = [], iter(self.own_texts(".vr-category__title"))
        for kind, text in self.page.locator(".vr-category__title, .vr-subcategory").evaluate_all(
                "all => all.map(e => [e.className, e.textContent.trim()])"):
            if "vr-category__title" in kind:
                found.append((next(titles), []))
            else:
                found[-1][1].append(text)
        return found

    def values(self, selector):
        return self.page.locator(selector).evaluate_all("all => all.map(e => e.value)")

    def shown(self, selector="input[name=choices]"):
        """The values of the boxes that can be seen (the DSFR draws them on their labels)."""
        return self.page.locator(selector).evaluate_all(
            "all => all.filter(e => e.parentElement.checkVisibility()).map(e => e.value)")

    def summary(self, part):
        """Labels of the fields that the summary lists; part: required, additional."""
        return self.own_texts(f"#{part} .vr-review__list > li")
