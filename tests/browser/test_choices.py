"""Step 3 with its many fields: finding one, whole groups, counts, legal bases."""

import re

import pytest
from playwright.sync_api import expect

from support import catalogue
from support.walk import Walk

TYPES = ["works", "services"]
ALL = catalogue.choosable(TYPES)
GROUP = next(category for category, _ in catalogue.groups(ALL))
IN_GROUP = [field["key"] for field in catalogue.rows(ALL) if catalogue.CATEGORIES[field["category"]] == GROUP]


@pytest.fixture
def step_of(new_page, editor):
    """step_of(javascript=False): the step's page of a new market."""
    def make(**options):
        walk = Walk(new_page(**options), editor.create_market(market_type_codes=TYPES)["configuration_url"])
        walk.go_to("additional_fields")
        return walk

    return make


@pytest.fixture
def step(step_of):
    return step_of()


def count(step, group=GROUP):
    return step.page.get_by_role("group", name=group).locator("legend .vr-count")


def test_typing_finds_fields_whatever_their_accents(step):
    step.find("CHIFFRE d'affaires")
    words = re.compile(r"chiffre d['’]affaires", re.I)
    wanted = [field["key"] for field in catalogue.rows(ALL)
              if words.search(field["label_fr"] + " " + field["description_fr"] + " " + catalogue.CATEGORIES[field["subcategory"]])]

    assert 0 < len(wanted) < len(ALL) and step.shown() == wanted
    expect(step.page.locator("#found")).to_have_text(
        f"{len(wanted)} champs correspondent à votre recherche." if len(wanted) > 1 else "1 champ correspond à votre recherche.")
    for title in step.page.locator(".vr-subcategory:visible, .vr-category__title:visible").all():
        assert title.locator("xpath=..").locator(".vr-choice:visible").count() > 0, title.inner_text()

    step.page.get_by_label("Trouver un champ").fill("")
    expect(step.page.locator("#found")).to_be_empty()
    assert step.shown() == ALL


def test_finding_nothing_is_told_and_enter_sends_nothing(step):
    step.find("zzzz")
    expect(step.page.locator("#found")).to_have_text(re.compile("^Aucun champ ne correspond"))
    assert step.shown() == []
    step.page.get_by_label("Trouver un champ").press("Enter")
    step.is_at("additional_fields")
    assert not step.page.locator("#errors").is_visible()


def test_what_is_ticked_but_not_shown_counts(step):
    step.choose("certifications_iso")
    step.find("zzzz")
    step.go_on()
    step.is_at("summary")
    assert step.summary("additional") == catalogue.labels(["certifications_iso"])


def test_a_link_to_a_field_that_is_not_shown_shows_it(step):
    step.choose("certifications_iso")
    expect(step.page.locator("#preview li")).to_have_count(1)
    step.find("chiffre")
    step.page.locator("#preview li a").click()
    expect(step.page.locator("label[for=field-certifications_iso]")).to_be_in_viewport()


def test_counts_follow_the_boxes(step):
    total = len(IN_GROUP)
    expect(count(step)).to_have_text(f"0 sélectionné sur {total}")
    step.choose(*IN_GROUP[:2])
    expect(count(step)).to_have_text(f"2 sélectionnés sur {total}")
    step.tick(IN_GROUP[0])
    expect(count(step)).to_have_text(f"1 sélectionné sur {total}")


def test_a_group_is_ticked_and_cleared_at_once_and_saved(step):
    step.answer(True)
    step.page.get_by_role("button", name=f"Tout cocher dans le groupe {GROUP}").click()
    expect(count(step)).to_have_text(f"{len(IN_GROUP)} sélectionnés sur {len(IN_GROUP)}")
    expect(step.page.locator("#told")).to_have_text(f"{len(IN_GROUP)} sélectionnés sur {len(IN_GROUP)}")
    expect(step.page.locator("#preview li")).to_have_text(catalogue.labels(IN_GROUP))

    step.page.get_by_role("button", name=f"Tout décocher dans le groupe {GROUP}").click()
    expect(count(step)).to_have_text(f"0 sélectionné sur {len(IN_GROUP)}")
    expect(step.page.locator("#preview li")).to_have_count(0)
    step.open("additional_fields")
    assert step.values("input[name=choices]:checked") == []


def test_a_group_is_ticked_as_far_as_it_is_shown(step):
    step.find("chiffre")
    found = step.shown()
    step.answer(True)
    step.page.get_by_role("button", name="Tout cocher").first.click()
    assert 0 < len(step.values("input[name=choices]:checked")) <= len(found)
    assert set(step.values("input[name=choices]:checked")) <= set(found)


def test_the_legal_basis_is_on_demand(step):
    field = catalogue.rows(ALL)[0]
    choice = step.page.locator(".vr-choice", has=step.page.locator(f"#field-{field['key']}"))
    expect(choice.get_by_text(field["legal_basis"])).to_be_hidden()
    choice.locator("summary").press("Enter")
    expect(choice.get_by_text(field["legal_basis"])).to_be_visible()


def test_without_javascript_nothing_promises_what_does_not_work(step_of):
    step = step_of(javascript=False)
    assert step.page.locator("[data-script]:visible").count() == 0
    assert step.page.get_by_label("Trouver un champ").is_hidden()
    expect(count(step)).to_have_text(f"0 sélectionné sur {len(IN_GROUP)}")
    assert step.shown() == ALL
    basis = step.page.locator(".vr-legal").first
    assert basis.locator("p").is_hidden()
    basis.locator("summary").click()
    assert basis.locator("p").is_visible()
