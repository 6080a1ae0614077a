"""Whole journeys, as a person makes them: with and without JavaScript."""

import re

import pytest
from playwright.sync_api import expect

from support import catalogue
from support.receiver import Answer
from support.scenes import Stage
from support.waiting import until
from support.walk import Walk

SUCCESS = "Succès : configuration validée et transmise"
RESUMED = "Vous reprenez la configuration là où vous l’aviez laissée"
CHOICES = ["bank_statement", "certifications_iso"]

with_and_without_javascript = pytest.mark.parametrize("javascript", [True, False], ids=["javascript", "no javascript"])


@pytest.fixture
def walk_of(new_page, editor):
    """walk_of("supplies", "defense", javascript=False): a new market, and its buyer's browser."""
    def make(*types, javascript=True):
        market = editor.create_market(market_type_codes=list(types))
        walk = Walk(new_page(javascript=javascript), market["configuration_url"])
        walk.market = market
        return walk

    return make


# --- the four pages ---

def look_at_setup(walk, types):
    assert walk.stepper() == "Étape 1 sur 4"
    facts = walk.facts()
    assert facts["Nom du marché"] == "Fourniture de matériel informatique"
    assert facts["Lot"] == "Lot 1 - Ordinateurs portables"
    assert facts["Date limite de candidature"] == "16/06/2030 01:59 (heure de Paris)"
    assert facts["Identifiant du marché"] == walk.market["identifier"]
    names = {"supplies": "Fournitures", "services": "Services", "works": "Travaux"}
    assert sorted(walk.texts(".vr-tags li")) == sorted(names[one] for one in types)


def look_at_required(walk, keys):
    assert walk.stepper() == "Étape 2 sur 4"
    assert walk.groups() == catalogue.groups(keys)
    assert walk.texts(".vr-field__label") == catalogue.labels(keys)
    assert walk.texts(".vr-field .fr-badge") == catalogue.badges(keys)


def look_at_additional(walk, keys):
    assert walk.stepper() == "Étape 3 sur 4"
    assert walk.groups() == catalogue.groups(keys)
    assert walk.values("input[name=choices]") == keys
    assert walk.texts(".vr-choice .fr-badge") == catalogue.badges(keys)


def choose_with_preview(walk, keys, javascript):
    walk.choose(*keys)
    if not javascript:
        walk.press("Enregistrer et mettre à jour l’aperçu")
    expect(walk.page.locator("#preview li")).to_have_text(catalogue.labels(keys))
    expect(walk.page.locator(".vr-saved")).to_contain_text(re.compile(r"Enregistré à \d\d:\d\d"))


def wait_for_success(walk, javascript):
    """With JavaScript the page does it alone."""
    shown = walk.page.get_by_role("heading", name=SUCCESS)
    if javascript:
        expect(shown).to_be_visible(timeout=15000)
        return

    def refreshed():
        walk.follow("Actualiser")
        return shown.is_visible()

    until(refreshed, 15, SUCCESS)


@with_and_without_javascript
@pytest.mark.parametrize("types, defense, chosen", [
    (["supplies"], False, CHOICES),
    (["works", "services"], False, ["bank_statement", "works_references_five_years", "certifications_iso"]),
    (["supplies"], True, [*CHOICES, "security_clearance"]),
], ids=["supplies", "works and services", "defence ticked"])
def test_four_pages_lead_to_a_webhook_with_just_the_fields_chosen(walk_of, receiver, javascript, types, defense, chosen):
    walk = walk_of(*types, javascript=javascript)
    receiver.answer(Answer(200, delay=0.7))  # long enough for the status page to come before
    all_types = [*types, "defense"] if defense else types
    required = catalogue.required(all_types)

    walk.open()
    look_at_setup(walk, types)
    if defense:
        walk.page.locator("label[for=defense]").click()
    walk.go_on()
    look_at_required(walk, required)
    walk.go_on()
    look_at_additional(walk, catalogue.choosable(all_types))
    choose_with_preview(walk, chosen, javascript)
    walk.go_on()

    assert walk.stepper() == "Étape 4 sur 4"
    assert walk.facts()["Défense ou sécurité"] == ("Oui" if defense else "Non")
    assert walk.summary("required") == catalogue.labels(required)
    assert walk.summary("additional") == catalogue.labels(chosen)
    walk.confirm()

    assert not walk.page.get_by_role("heading", name=SUCCESS).is_visible()
    wait_for_success(walk, javascript)
    facts = walk.facts()
    assert facts["Identifiant du marché"] == walk.market["identifier"]
    assert re.fullmatch(r"\d\d/\d\d/\d{4} \d\d:\d\d \(heure de Paris\)", facts["Validée le"])
    assert facts["Champs demandés aux candidats"] == f"{len(required) + len(chosen)} champs"
    sent = receiver.wait(1, identifier=walk.market["identifier"])[0].json()["market"]["field_keys"]
    assert sent == catalogue.configured(all_types, chosen)
    assert walk.page.get_by_role("link", name="Retourner sur ma plateforme").get_attribute("href") == (
        f"http://localhost:1/retour?marche={walk.market['identifier']}")


@with_and_without_javascript
def test_no_additional_field_is_an_answer_too(walk_of, receiver, javascript):
    walk = walk_of("supplies", javascript=javascript)
    walk.go_to("additional_fields")
    walk.answer(False)
    walk.go_on()

    assert walk.summary("additional") == []
    assert "Vous ne demandez aucune information complémentaire." in walk.texts("#additional p")
    walk.confirm()
    sent = receiver.wait(1, identifier=walk.market["identifier"])[0].json()["market"]["field_keys"]
    assert sent == catalogue.required(["supplies"])


# --- to and fro ---

@with_and_without_javascript
def test_each_step_leads_back_to_the_one_before_with_what_was_chosen(walk_of, javascript):
    walk = walk_of("supplies", javascript=javascript)
    walk.go_to("summary", defense=True, choices=CHOICES)

    walk.follow("Revenir à l’étape précédente")
    walk.is_at("additional_fields")
    assert walk.page.locator("#answer-yes").is_checked()
    assert walk.values("input[name=choices]:checked") == CHOICES
    walk.follow("Revenir à l’étape précédente")
    walk.is_at("required_fields")
    walk.follow("Revenir à l’étape précédente")
    walk.is_at("setup")
    assert walk.page.locator("#defense").is_checked()


@with_and_without_javascript
def test_a_part_changed_from_the_summary_returns_to_it(walk_of, javascript):
    walk = walk_of("supplies", javascript=javascript)
    walk.go_to("summary", choices=CHOICES)

    walk.follow("Modifier les champs complémentaires")
    walk.is_at("additional_fields")
    walk.tick("employee_count_three_years")
    walk.go_on()
    walk.is_at("summary")
    assert len(walk.summary("additional")) == len(CHOICES) + 1

    walk.follow("Consulter les champs obligatoires")
    walk.follow("Revenir au résumé sans modifier")
    walk.is_at("summary")

    walk.follow("Modifier les informations du marché")
    walk.page.locator("label[for=defense]").click()
    for step in ("required_fields", "additional_fields", "summary"):  # the types changed: all of it is to be read again
        walk.go_on()
        walk.is_at(step)
    assert walk.facts()["Défense ou sécurité"] == "Oui"
    assert len(walk.summary("additional")) == len(CHOICES) + 1


def test_defence_undone_takes_its_choices_with_it(walk_of):
    walk = walk_of("supplies")
    walk.go_to("summary", defense=True, choices=[*CHOICES, "security_clearance"])

    walk.follow("Modifier les informations du marché")
    walk.page.locator("label[for=defense]").click()
    walk.go_on()

    expect(walk.page.get_by_role("status").first).to_contain_text("1 champ propre à la défense a été retiré")
    walk.go_on()
    walk.go_on()
    walk.is_at("summary")
    assert len(walk.summary("additional")) == len(CHOICES)


def test_the_browsers_back_button_is_safe(walk_of):
    walk = walk_of("supplies")
    walk.go_to("summary", choices=CHOICES)

    walk.page.go_back()
    walk.is_at("additional_fields")
    walk.go_on()
    walk.is_at("summary")
    walk.confirm()
    walk.page.go_back()
    walk.is_at("sync_status")


@with_and_without_javascript
def test_an_error_is_told_first_leads_to_its_field_and_keeps_what_was_entered(walk_of, javascript):
    walk = walk_of("supplies", javascript=javascript)
    walk.go_to("additional_fields")
    walk.tick(*CHOICES)
    walk.go_on()

    walk.is_at("additional_fields")
    told = "Indiquez si vous souhaitez demander des informations complémentaires"
    assert walk.texts("main > :first-child li") == [told]
    assert walk.texts("#answer-messages") == [told]
    assert walk.values("input[name=choices]:checked") == CHOICES
    walk.page.get_by_role("link", name=told).click()
    expect(walk.page.locator("#answer-yes")).to_be_focused()
    walk.answer(True)
    walk.go_on()
    walk.is_at("summary")
    assert walk.summary("additional") == catalogue.labels(CHOICES)


# --- resuming ---

@with_and_without_javascript
def test_another_browser_resumes_at_the_interrupted_step(walk_of, new_page, javascript):
    first = walk_of("supplies", javascript=javascript)
    first.go_to("additional_fields")
    choose_with_preview(first, CHOICES, javascript)

    second = Walk(new_page(javascript=javascript), first.configuration_url)
    second.open()
    second.is_at("additional_fields")
    expect(second.page.get_by_role("status").first).to_contain_text(RESUMED)
    assert second.values("input[name=choices]:checked") == CHOICES

    first.open()
    first.is_at("setup")


@with_and_without_javascript
@pytest.mark.parametrize("step", ["required_fields", "additional_fields", "summary"])
def test_a_closed_browser_resumes_at_each_step(walk_of, new_page, javascript, step):
    first = walk_of("supplies", javascript=javascript)
    first.go_to(step, defense=True, choices=CHOICES)
    first.page.context.close()

    second = Walk(new_page(javascript=javascript), first.configuration_url)
    second.open()
    second.is_at(step)
    expect(second.page.get_by_role("status").first).to_contain_text(RESUMED)
    if step == "summary":
        assert second.facts()["Défense ou sécurité"] == "Oui"
        assert second.summary("additional") == catalogue.labels(CHOICES)
    second.open("setup")
    assert second.page.locator("#defense").is_checked()


@with_and_without_javascript
def test_lost_progress_starts_again_and_says_so(walk_of, stack, javascript):
    walk = walk_of("supplies", javascript=javascript)
    walk.go_to("additional_fields")
    walk.choose(*CHOICES)
    if javascript:
        expect(walk.page.locator("#preview li")).to_have_count(len(CHOICES))
    Stage(stack, walk.page).forget(walk)

    if javascript:  # the save meets it, before more is ticked in vain
        walk.tick("employee_count_three_years")
        walk.is_at("setup")
    else:
        walk.go_on()
        walk.is_at("setup")

    expect(walk.page.get_by_role("status").first).to_contain_text("vos choix précédents ont expiré")
    walk.go_on()
    walk.is_at("required_fields")


def test_what_could_not_be_saved_is_told_and_sent_later(walk_of):
    walk = walk_of("supplies")
    walk.go_to("additional_fields")
    walk.page.route("**/additional_fields", lambda route: route.fulfill(status=503) if route.request.resource_type == "fetch"
                    else route.continue_())
    walk.choose(*CHOICES)
    expect(walk.page.locator(".vr-saved")).to_contain_text("ne sont pas encore enregistrés")
    walk.go_on()
    walk.is_at("summary")
    assert walk.summary("additional") == catalogue.labels(CHOICES)


def test_a_step_is_closed_until_those_before_it_are_done(walk_of):
    walk = walk_of("supplies")
    walk.open("summary")
    walk.is_at("setup")


# --- the keyboard alone ---

def tab_to(page, locator):
    """Key by key, as a person who sees where the focus is."""
    for _ in range(200):
        page.keyboard.press("Tab")
        if locator.evaluate("e => e === document.activeElement"):
            return
    raise AssertionError(f"no way to {locator} by the Tab key")


def test_a_keyboard_walks_through_it(walk_of):
    walk = walk_of("supplies")
    page, keys = walk.page, walk.page.keyboard
    walk.open()

    keys.press("Tab")
    expect(page.get_by_role("link", name="Contenu")).to_be_focused()
    expect(page.get_by_role("link", name="Contenu")).to_be_in_viewport()
    keys.press("Enter")
    keys.press("Tab")
    expect(page.locator("#defense")).to_be_focused()
    keys.press("Space")
    keys.press("Tab")
    with page.expect_navigation():
        keys.press("Enter")
    walk.is_at("required_fields")
    tab_to(page, page.locator("summary").first)
    keys.press("Enter")
    expect(page.locator(".vr-legal p").first).to_be_visible()
    tab_to(page, page.get_by_role("button", name="Continuer"))
    with page.expect_navigation():
        keys.press("Enter")
    tab_to(page, page.locator("#answer-yes"))
    keys.press("Space")
    tab_to(page, page.get_by_label("Trouver un champ"))
    keys.type("certifications iso")
    expect(page.locator("#found")).to_have_text(re.compile("correspond"))
    tab_to(page, page.locator("#field-certifications_iso"))
    keys.press("Space")
    with page.expect_navigation():
        keys.press("Enter")
    walk.is_at("summary")
    assert walk.facts()["Défense ou sécurité"] == "Oui"
    tab_to(page, page.get_by_role("button", name="Valider la configuration"))
    with page.expect_navigation():
        keys.press("Enter")
    walk.is_at("sync_status")


# --- when the webhook fails ---

@with_and_without_javascript
def test_a_failed_notification_can_be_sent_again(walk_of, receiver, editor, javascript):
    editor.command("update", "--retry-schedule", "1h")
    receiver.answer(503)
    walk = walk_of("supplies", javascript=javascript)
    walk.go_to("summary")
    walk.confirm()
    failed = walk.page.get_by_role("heading", name="Attention : configuration validée, mais pas encore transmise")
    if javascript:
        expect(failed).to_be_visible()
    else:
        until(lambda: walk.follow("Actualiser") or failed.is_visible(), 15, "failed")

    walk.press("Relancer la transmission")

    expect(walk.page.get_by_role("status")).to_contain_text("une nouvelle transmission est demandée")
    wait_for_success(walk, javascript)
    assert len(receiver.of(walk.market["identifier"])) == 2


# --- the demonstration editor ---

@with_and_without_javascript
def test_the_demonstration_shows_the_whole_flow(stack, new_page, javascript):
    page = new_page(javascript=javascript)
    page.goto(stack.url)
    page.get_by_role("link", name="Ouvrir la démonstration").click()
    page.get_by_label("Nom du marché").fill("Réfection de l’école")
    page.get_by_role("button", name="Créer le marché").click()
    page.get_by_role("link", name="Ouvrir la configuration").click()
    walk = Walk(page, page.url)
    walk.go_to("summary", choices=CHOICES)
    walk.confirm()
    wait_for_success(walk, javascript)

    walk.follow("Retourner sur ma plateforme")

    page.wait_for_url(f"{stack.demo_url}/**")
    assert page.get_by_role("heading", level=1).inner_text() == "Réfection de l’école"
    assert page.locator(".badge.ok").all_inner_texts() == ["Vérifiée", "Vérifiée"]
    assert '"event": "market.completed"' in re.sub(r'":\s*', '": ', page.locator("pre").inner_text())
    assert "certifications_iso" in page.locator("pre").inner_text()
