"""A buyer's progress: resumed, shared, lost, lapsed."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from support.buyer import Buyer
from support.catalogue import choosable, configured, required
from support.editor import Editor
from support.events import Events
from support.stack import Stack
from support.waiting import until

STEPS = ["setup", "required_fields", "additional_fields", "summary"]
TYPES = ["supplies", "services"]
DEFENCE = [*TYPES, "defense"]
CHOSEN = choosable(DEFENCE)[:2]
EXPIRED = "vos choix précédents ont expiré"
RESUMED = "Vous reprenez la configuration là où vous l’aviez laissée"


@pytest.fixture
def market(editor):
    return editor.create_market(market_type_codes=TYPES)


def walk_to(buyer, step):
    """Defence ticked, two fields chosen."""
    page = buyer.open()
    answers = {"setup": {"defense": "yes"}, "required_fields": {}, "additional_fields": {"answer": "yes", "choices": CHOSEN}}
    while page.step != step:
        page = buyer.submit(page, **answers[page.step])
    return page


def ticked(page):
    return [control.value for control in page.form.controls if control.checked]


# --- resuming ---


@pytest.mark.parametrize("step", STEPS)
def test_a_closed_browser_resumes_at_its_step_with_its_answers(buy, market, receiver, step):
    done = STEPS.index(step)
    walk_to(buy(market), step)

    buyer = buy(market)  # a session of its own, as after closing the browser
    page = buyer.open()

    assert page.step == step
    assert (RESUMED in page.text) == (done > 0)
    assert EXPIRED not in page.text
    assert ticked(buyer.open("setup")) == (["yes"] if done > 0 else [])
    if done == 1:
        assert f"{len(required(DEFENCE))} champs sont demandés" in page.text
    if done == 3:
        assert ticked(buyer.open("additional_fields")) == ["yes", *CHOSEN]
        buyer.submit(page)
        sent = receiver.wait(1, identifier=market["identifier"])[0].json()
        assert sent["market"]["field_keys"] == configured(DEFENCE, CHOSEN)


def test_what_was_saved_without_going_on_is_there_again(buy, market):
    first = buy(market)
    first.submit(walk_to(first, "additional_fields"), answer="yes", choices=CHOSEN, action="save")

    page = buy(market).open()

    assert page.step == "additional_fields" and ticked(page) == ["yes", *CHOSEN]


# --- two tabs, two people ---


def test_an_older_tab_counts_when_it_is_sent(buy, market):
    buyer = buy(market)
    old = walk_to(buyer, "additional_fields")
    buyer.submit(buyer.open("additional_fields"), answer="yes", choices=CHOSEN[:1])
    page = buyer.submit(old, answer="yes", choices=CHOSEN[1:])
    assert page.step == "summary" and ticked(buyer.open("additional_fields")) == ["yes", *CHOSEN[1:]]


def test_an_older_tab_of_an_earlier_step_takes_nothing_away(buy, market):
    buyer = buy(market)
    old = walk_to(buyer, "required_fields")
    walk_to(buyer, "summary")
    buyer.submit(old)
    assert buyer.open("summary").step == "summary"
    assert ticked(buyer.open("additional_fields")) == ["yes", *CHOSEN]


def test_two_people_at_once_leave_the_choices_of_one_of_them(buy, market):
    keys = choosable(DEFENCE)
    sets = [keys[:5], keys[5:12]]
    first, second = buy(market), buy(market)
    pages = [walk_to(first, "additional_fields"), second.open()]
    assert pages[1].step == "additional_fields"
    with ThreadPoolExecutor(2) as threads:
        told = [threads.submit(buyer.submit, page, answer="yes", choices=chosen, action="save")
                for _ in range(5) for buyer, page, chosen in zip((first, second), pages, sets)]
    assert {one.result().status for one in told} <= {200, 409}
    assert ticked(first.open("additional_fields")) in [["yes", *chosen] for chosen in sets]


def test_one_undoes_defence_while_the_other_chooses_its_fields(buy, market):
    extra = sorted(set(choosable(DEFENCE)) - set(choosable(TYPES)))[0]
    first, second = buy(market), buy(market)
    page = walk_to(first, "additional_fields")
    second.open()
    second.submit(second.open("setup"), defense=None)

    refused = first.submit(page, answer="yes", choices=[extra])

    assert refused.step == "required_fields" or (refused.status == 422 and "errors" in refused.ids)
    assert f"{len(required(TYPES))} champs sont demandés" in first.open("required_fields").text


# --- Redis forgets ---


@pytest.fixture(scope="module")
def forgetful(tmp_path_factory):
    one = Stack(tmp_path_factory.mktemp("forgetful"))
    one.start()
    yield one
    one.stop()


@pytest.fixture
def forgotten(forgetful):
    """forgotten("summary"): a buyer at that step, his page, and Redis emptied behind him."""
    def make(step):
        buyer = Buyer(Editor(forgetful).create_market(market_type_codes=TYPES)["configuration_url"])
        page = walk_to(buyer, step)
        forgetful.redis().flushall()
        return buyer, page

    return make


@pytest.mark.parametrize("step", STEPS)
def test_a_form_on_its_way_when_redis_forgets_starts_again(forgotten, step):
    buyer, page = forgotten(step)
    again = buyer.submit(page, answer="yes", choices=CHOSEN)
    assert (again.status, again.step) == (200, "setup") and EXPIRED in again.text
    assert ticked(again) == []
    assert buyer.complete(choices=choosable(TYPES)[:1]).step == "sync_status"


@pytest.mark.parametrize("step", STEPS[1:])
def test_a_page_asked_for_when_redis_forgot_starts_again(forgotten, step):
    buyer, _ = forgotten(step)
    again = buyer.open(step)
    assert (again.status, again.step) == (200, "setup") and EXPIRED in again.text
    assert EXPIRED not in buyer.open().text, "told once"


def test_a_first_visit_to_a_later_step_has_lost_nothing(buy, market):
    page = buy(market).open("summary")
    assert page.step == "setup" and EXPIRED not in page.text


def test_redis_forgets_while_eight_forms_are_sent(forgetful):
    """Each is answered by a page: no 5xx, whatever falls between its reading and its saving."""
    editor = Editor(forgetful)
    buyers = [Buyer(editor.create_market(market_type_codes=TYPES)["configuration_url"]) for _ in range(8)]
    pages = [walk_to(buyer, "additional_fields") for buyer in buyers]
    with ThreadPoolExecutor(9) as threads:
        told = [threads.submit(buyer.submit, page, answer="yes", choices=CHOSEN) for buyer, page in zip(buyers, pages)]
        threads.submit(forgetful.redis().flushall)
    steps = {(one.result().status, one.result().step) for one in told}
    assert steps <= {(200, "setup"), (200, "summary"), (200, "additional_fields")}, steps


# --- Redis is away ---


def test_without_redis_each_page_says_so_and_leads_back(forgetful):
    buyer = Buyer(Editor(forgetful).create_market(market_type_codes=TYPES)["configuration_url"])
    page = walk_to(buyer, "additional_fields")
    forgetful.hold_down("redis")
    try:
        shown = [buyer.open(step) for step in [*STEPS, "sync_status"]] + [buyer.submit(page, answer="yes", choices=CHOSEN)]
    finally:
        forgetful.let_up("redis")
        forgetful.wait_ready("redis", "wizard")
    for one in shown:
        assert one.status == 503 and one.response.headers["Retry-After"], one.url
        assert "Service momentanément indisponible" in one.title and "Les choix déjà enregistrés sont conservés" in one.text
    until(lambda: buyer.open("additional_fields").status == 200, 10, "Redis is back")


# --- a lapse ---

LAPSE_S = 3


@pytest.fixture(scope="module")
def hasty(tmp_path_factory):
    """Progress lives three seconds there."""
    one = Stack(tmp_path_factory.mktemp("hasty"), VR_PROGRESS_TTL_S=str(LAPSE_S))
    one.start()
    yield one
    one.stop()


@pytest.mark.parametrize("step", STEPS)
def test_a_lapse_is_told_counted_once_and_starts_afresh(hasty, step):
    market = Editor(hasty).create_market(market_type_codes=TYPES)
    identifier = market["identifier"]
    before = hasty.metric("wizard", "vr_wizard_step_abandoned_total", step=step)
    buyer = Buyer(market["configuration_url"])
    page = walk_to(buyer, step)

    events = Events(hasty)
    abandoned = events.wait("configuration.abandoned", identifier, seconds=LAPSE_S + 10)
    again = buyer.submit(page, answer="yes", choices=CHOSEN)
    new_session = Buyer(market["configuration_url"]).open()

    assert [event.json()["step"] for event in abandoned] == [step]
    assert hasty.metric("wizard", "vr_wizard_step_abandoned_total", step=step) == before + 1
    assert (again.status, again.step) == (200, "setup") and EXPIRED in again.text and ticked(again) == []
    assert new_session.step == "setup" and RESUMED not in new_session.text
    events.wait("configuration.abandoned", identifier, count=2, seconds=LAPSE_S + 10)
    last = events.of("configuration.abandoned", identifier)
    assert [event.json()["step"] for event in last] == [step, "setup"], "the second start lapsed too, once"
    assert len({event.id for event in last}) == 2


def test_a_new_session_after_a_lapse_is_told_too(hasty):
    market = Editor(hasty).create_market(market_type_codes=TYPES)
    walk_to(Buyer(market["configuration_url"]), "additional_fields")
    Events(hasty).wait("configuration.abandoned", market["identifier"], seconds=LAPSE_S + 10)
    page = Buyer(market["configuration_url"]).open()
    assert (page.status, page.step) == (200, "setup") and EXPIRED in page.text
