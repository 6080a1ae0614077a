"""The page at the root: what this is, and where to go."""


def test_it_leads_to_the_demonstration_and_asks_nobody_else(stack, page):
    asked, complaints = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: complaints.append(message.text))

    page.goto(stack.url)

    assert page.get_by_role("heading", level=1).inner_text() == "Voie Rapide"
    assert page.get_by_role("link", name="Ouvrir la démonstration").get_attribute("href") == stack.demo_url
    assert all(url.startswith(stack.url) or url == "data:," for url in asked), asked
    assert complaints == []


def test_it_fits_a_narrow_screen(stack, new_page):
    page = new_page(width=320)
    page.goto(stack.url)
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
