"""
Every page in every state a person can meet it in, and how to get there in a browser.

    for scene in SCENES: scene.title; scene.play(Stage(stack, new_page))   # the page is then stage.page
"""

import contextlib
import dataclasses
import functools
import json
from collections.abc import Callable

from playwright.sync_api import expect

from support.buyer import Buyer
from support.editor import Editor
from support.receiver import Answer, Receiver
from support.waiting import until
from support.walk import Walk

CHOICES = ["bank_statement", "certifications_iso"]
SCENES = []


@dataclasses.dataclass
class Scene:
    name: str
    title: str  # of the page
    play: Callable
    language: str = "fr"
    errors: bool = False  # shows an error summary


def scene(title, **more):
    def add(play):
        SCENES.append(Scene(play.__name__, title, play, **more))
        return play

    return add


class Stage(contextlib.ExitStack):
    """What a scene may use; closed when it has been looked at, faults mended."""

    def __init__(self, stack, page):
        super().__init__()
        self.stack = stack
        self.page = page

    @functools.cached_property
    def receiver(self):
        return self.enter_context(Receiver())

    @functools.cached_property
    def editor(self):
        return Editor(self.stack, webhook_url=self.receiver.url, return_url="http://localhost:1/retour")

    def walk(self, *types):
        """A buyer's, of a new market."""
        market = self.editor.create_market(market_type_codes=list(types or ["supplies"]))
        return Walk(self.page, market["configuration_url"])

    def to(self, step, *types, defense=False, choices=()):
        """A later step's page. Those before it are walked without the browser: quicker."""
        walk = self.walk(*types)
        buyer = Buyer(walk.configuration_url)
        answers = {
            "setup": {"defense": "yes"} if defense else {},
            "required_fields": {},
            "additional_fields": {"answer": "yes" if choices else "no", "choices": list(choices)},
        }
        at = buyer.open()
        while at.step != step:
            at = buyer.submit(at, **answers[at.step])
        walk.open(step)
        return walk

    def pause(self, service):
        self.stack.pause(service)
        self.callback(self.stack.resume, service)

    def confirmed(self, heading, *answers):
        """The status page of a confirmed market, once it says so."""
        self.receiver.answer(*answers)
        self.editor.command("update", "--retry-schedule", "1h")
        walk = self.to("summary", choices=CHOICES)
        walk.confirm()
        shown = self.page.get_by_role("heading", name=heading)
        until(lambda: shown.is_visible() or (walk.open("sync_status") and False), 15, heading)
        return walk

    def use_up_retries(self, walk):
        """The editor takes them all, while the page still shows the button."""
        identifier = walk.base.rpartition("/")[2]
        self.hold_status()
        for number in range(2, 5):
            assert self.editor.call("POST", f"/public_markets/{identifier}/retry_sync").ok
            self.receiver.wait(number)
            until(lambda: self.editor.market(identifier)["sync_status"] == "sync_failed", 15, "failed again")

    def hold_status(self):
        """The page stays as it is, whatever becomes of the market."""
        self.page.route("**/sync_status.json", lambda route: route.fulfill(status=503))

    def choose_behind(self, walk, *keys):
        """As if saved under another version's catalogue."""
        key = "vr:progress:" + walk.base.rpartition("/")[2]
        progress = json.loads(self.stack.redis().get(key))
        self.stack.redis().set(key, json.dumps(progress | {"chosen": keys}), keepttl=True)

    def forget(self, walk):
        """As after Redis came back empty, for this market alone."""
        identifier = walk.base.rpartition("/")[2]
        self.stack.redis().delete(*(f"vr:{kind}:{identifier}" for kind in ("progress", "started", "market")))

    def in_english(self):
        self.page.get_by_role("link", name="English").click()
        expect(self.page.locator("html")).to_have_attribute("lang", "en")

    def spoil(self, selector, value):
        """What no honest browser would send."""
        self.page.locator(selector).evaluate("(element, value) => { element.value = value }", value)


# --- setup ---

SETUP = "Vérifier le marché – Étape 1 sur 4 – Voie Rapide"


@scene(SETUP)
def setup(stage):
    stage.to("setup")


@scene(SETUP)
def setup_with_defence_set_by_the_editor(stage):
    stage.to("setup", "supplies", "defense")


@scene(f"Erreur : {SETUP}", errors=True)
def setup_refused(stage):
    walk = stage.to("setup")
    stage.page.locator("label[for=defense]").click()
    stage.spoil("#defense", "maybe")
    walk.go_on()


@scene(SETUP)
def setup_after_progress_expired(stage):
    walk = stage.to("additional_fields", choices=CHOICES)
    stage.forget(walk)
    walk.open("additional_fields")
    expect(stage.page.locator(".vr-notice")).to_contain_text("ont expiré")


@scene("Check the contract – Step 1 of 4 – Voie Rapide", language="en")
def setup_in_english(stage):
    stage.to("setup")
    stage.in_english()


# --- required fields ---

REQUIRED = "Champs obligatoires – Étape 2 sur 4 – Voie Rapide"


@scene(REQUIRED)
def required_fields(stage):
    stage.to("required_fields", "works", "services")


@scene(REQUIRED)
def required_fields_after_defence_was_undone(stage):
    walk = stage.to("summary", defense=True, choices=[*CHOICES, "security_clearance"])
    walk.follow("Modifier les informations du marché")
    stage.page.locator("label[for=defense]").click()
    walk.go_on()
    expect(stage.page.locator(".vr-notice")).to_be_visible()


@scene("Required fields – Step 2 of 4 – Voie Rapide", language="en")
def required_fields_in_english(stage):
    stage.to("required_fields", defense=True)
    stage.in_english()


# --- additional fields ---

ADDITIONAL = "Champs complémentaires – Étape 3 sur 4 – Voie Rapide"


@scene(ADDITIONAL)
def additional_fields(stage):
    stage.to("additional_fields", "works", "services")


@scene(ADDITIONAL)
def additional_fields_saved(stage):
    walk = stage.to("additional_fields")
    walk.choose(*CHOICES)
    walk.press("Enregistrer et mettre à jour l’aperçu")
    expect(stage.page.locator("#preview li")).to_have_count(2)


@scene(ADDITIONAL)
def additional_fields_found(stage):
    walk = stage.to("additional_fields", "works", "services")
    walk.answer(True)
    walk.find("chiffre affaires")
    stage.page.get_by_role("button", name="Tout cocher").first.click()
    stage.page.locator("summary:visible").first.click()
    expect(stage.page.locator("#preview li")).to_have_count(4)


@scene(ADDITIONAL)
def additional_fields_resumed(stage):
    walk = stage.to("additional_fields")
    stage.page.context.clear_cookies()
    walk.open()
    walk.is_at("additional_fields")


@scene(f"Erreur : {ADDITIONAL}", errors=True)
def additional_fields_without_an_answer(stage):
    stage.to("additional_fields").go_on()


@scene(f"Erreur : {ADDITIONAL}", errors=True)
def additional_fields_without_a_choice(stage):
    walk = stage.to("additional_fields")
    walk.answer(True)
    walk.go_on()


@scene(f"Erreur : {ADDITIONAL}", errors=True)
def additional_fields_with_an_unknown_one(stage):
    walk = stage.to("additional_fields")
    walk.choose("bank_statement")
    stage.spoil("#field-bank_statement", "no_such_field")
    walk.go_on()


@scene("Additional fields – Step 3 of 4 – Voie Rapide", language="en")
def additional_fields_in_english(stage):
    stage.to("additional_fields")
    stage.in_english()


# --- summary ---

SUMMARY = "Résumé et validation – Étape 4 sur 4 – Voie Rapide"


@scene(SUMMARY)
def summary(stage):
    stage.to("summary", "works", "services", defense=True, choices=[*CHOICES, "security_clearance"])


@scene(SUMMARY)
def summary_without_additional_fields(stage):
    stage.to("summary")


@scene(f"Erreur : {SUMMARY}", errors=True)
def summary_not_sent(stage):
    walk = stage.to("summary")
    stage.pause("kafka")
    walk.press("Valider la configuration")


@scene(f"Erreur : {SUMMARY}", errors=True)
def summary_changed(stage):
    walk = stage.to("summary", choices=CHOICES)
    stage.choose_behind(walk, *CHOICES, "no_such_field")
    walk.press("Valider la configuration")


@scene(ADDITIONAL)
def additional_fields_after_all_choices_went(stage):
    walk = stage.to("summary", choices=CHOICES)
    stage.choose_behind(walk, "no_such_field")
    walk.press("Valider la configuration")
    expect(stage.page.locator(".vr-notice")).to_contain_text("ont été retirés")


@scene("Summary and confirmation – Step 4 of 4 – Voie Rapide", language="en")
def summary_in_english(stage):
    stage.to("summary", choices=CHOICES)
    stage.in_english()


# --- status ---

STATUS = "Suivi de la configuration – Voie Rapide"
FAILED = "Attention : configuration validée, mais pas encore transmise"


@scene(STATUS)
def status_submitted(stage):
    walk = stage.to("summary")
    stage.pause("market")
    walk.confirm()
    expect(stage.page.get_by_role("heading", name="enregistrement en cours")).to_be_visible()


@scene(STATUS)
def status_pending(stage):
    stage.pause("webhook")
    stage.confirmed("transmission en attente")


@scene(STATUS)
def status_processing(stage):
    stage.confirmed("transmission en cours", Answer(200, delay=60))


@scene(STATUS)
def status_completed(stage):
    stage.confirmed("Succès : configuration validée et transmise")


@scene(STATUS)
def status_failed(stage):
    stage.confirmed(FAILED, 503)


@scene(STATUS)
def status_retry_requested(stage):
    walk = stage.confirmed(FAILED, 503)
    stage.hold_status()
    stage.pause("webhook")
    walk.press("Relancer la transmission")
    expect(stage.page.locator(".vr-notice")).to_be_visible()


@scene(f"Erreur : {STATUS}", errors=True)
def status_retry_of_what_has_not_failed(stage):
    walk = stage.confirmed(FAILED, 503)
    stage.hold_status()
    identifier = walk.base.rpartition("/")[2]
    assert stage.editor.call("POST", f"/public_markets/{identifier}/retry_sync").ok
    until(lambda: stage.editor.market(identifier)["sync_status"] == "sync_completed", 15, "sync_completed")
    walk.press("Relancer la transmission")


@scene(f"Erreur : {STATUS}", errors=True)
def status_retry_forbidden(stage):
    walk = stage.confirmed(FAILED, 503)
    stage.editor.command("deauthorize")
    walk.press("Relancer la transmission")


@scene(f"Erreur : {STATUS}", errors=True)
def status_retry_limited(stage):
    walk = stage.confirmed(FAILED, 503, 503, 503, 503)
    stage.use_up_retries(walk)
    walk.press("Relancer la transmission")


@scene(STATUS)
def status_retries_used_up(stage):
    walk = stage.confirmed(FAILED, 503, 503, 503, 503)
    stage.use_up_retries(walk)
    walk.open("sync_status")
    assert stage.page.get_by_role("button", name="Relancer la transmission").count() == 0
    expect(stage.page.get_by_text("Réessayez dans 60 minutes.")).to_be_visible()


@scene("Set-up status – Voie Rapide", language="en")
def status_in_english(stage):
    stage.confirmed(FAILED, 503)
    stage.in_english()


# --- refusals ---

LOST = "/buyer/public_markets/VR-2024-A1B2C3D4E5F6"


@scene("Marché introuvable – Voie Rapide")
def unknown_market(stage):
    stage.page.goto(f"{stage.stack.url}{LOST}/setup")


@scene("Page introuvable – Voie Rapide")
def unknown_page(stage):
    stage.page.goto(f"{stage.stack.url}/buyer/rien")


@scene("Page not found – Voie Rapide", language="en")
def unknown_page_in_english(stage):
    stage.page.goto(f"{stage.stack.url}/buyer/rien")
    stage.in_english()


@scene("Action impossible – Voie Rapide")
def method_not_allowed(stage):
    stage.page.goto(f"{stage.stack.url}{LOST}/retry_sync")


@scene("Le formulaire n’est plus valable – Voie Rapide")
def form_of_another_session(stage):
    walk = stage.to("setup")
    stage.spoil("[name=csrf_token]", "x" * 43)
    walk.go_on()


@scene("Service momentanément indisponible – Voie Rapide")
def wizard_away(stage):
    stage.stack.hold_down("wizard")
    stage.callback(stage.stack.wait_ready, "wizard")
    stage.callback(stage.stack.let_up, "wizard")
    stage.page.goto(f"{stage.stack.url}{LOST}/setup")


@scene("Service momentanément indisponible – Voie Rapide")
def wizard_without_redis(stage):
    walk = stage.to("additional_fields")
    stage.pause("redis")
    walk.open("additional_fields")


# --- pages without a market ---

@scene("Voie Rapide")
def front_door(stage):
    stage.page.goto(stage.stack.url)


@scene("Configurer un marché public en quatre étapes – Voie Rapide")
def home_of_the_wizard(stage):
    stage.page.goto(f"http://localhost:{stage.stack.env['VR_WIZARD_HTTP_PORT']}/")


@scene("Déclaration d’accessibilité : non conforme – Voie Rapide")
def accessibility(stage):
    stage.page.goto(f"{stage.stack.url}/buyer/accessibilite")


@scene("Mentions légales – Voie Rapide")
def legal_notice(stage):
    stage.page.goto(f"{stage.stack.url}/buyer/mentions-legales")


@scene("Données personnelles – Voie Rapide")
def privacy(stage):
    stage.page.goto(f"{stage.stack.url}/buyer/donnees-personnelles")


@scene("Gestion des cookies – Voie Rapide")
def cookies(stage):
    stage.page.goto(f"{stage.stack.url}/buyer/cookies")


# --- the demonstration editor ---

DEMO = "Éditeur de démonstration"


def demo_market(stage):
    stage.page.goto(stage.stack.demo_url)
    stage.page.get_by_role("button", name="Créer le marché").click()
    stage.page.wait_for_url("**/markets/VR-*")


@scene(DEMO)
def demo(stage):
    demo_market(stage)
    stage.page.goto(stage.stack.demo_url)


@scene(f"Erreur : {DEMO}", errors=True)
def demo_refused(stage):
    stage.page.goto(stage.stack.demo_url)
    stage.page.get_by_label("Nom du marché").fill("")
    stage.page.get_by_role("button", name="Créer le marché").click()
    stage.page.locator("#errors").wait_for()


@scene(f"VR-… – {DEMO}")
def demo_waiting(stage):
    demo_market(stage)


@scene(f"VR-… – {DEMO}")
def demo_received(stage):
    demo_market(stage)
    url = stage.page.url
    stage.page.get_by_role("link", name="Ouvrir la configuration").click()
    walk = Walk(stage.page, stage.page.url)
    walk.go_to("summary", choices=CHOICES)
    walk.confirm()
    stage.page.goto(url)
    expect(stage.page.locator(".badge.ok")).to_have_count(2)
