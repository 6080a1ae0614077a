"""The page at the root: what this is, and where to go."""


def test_it_leads_to_the_demonstration(stack, page):
    page.goto(stack.url)

    assert page.get_by_role("heading", level=1).inner_text() == "Voie Rapide"
    assert page.get_by_role("link", name="Ouvrir la démonstration").get_attribute("href") == stack.demo_url
