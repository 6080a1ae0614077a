"""What the buyer's pages allow, in which order, and from whom."""

import html
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from support.buyer import Buyer, Page
from support.catalogue import choosable, configured, required
from support.events import Events
from support.waiting import until

STEPS = ["setup", "required_fields", "additional_fields", "summary"]
UNKNOWN = "VR-2024-A1B2C3D4E5F6"
TYPES = ["supplies", "services"]


@pytest.fixture
def market(editor):
    return editor.create_market(market_type_codes=TYPES)


@pytest.fixture
def buyer(buy, market):
    return buy(market)


def walk_to(buyer, step):
    """Through the steps before it; its page."""
    page = buyer.open()
    answers = {"setup": {}, "required_fields": {}, "additional_fields": {"answer": "no"}}
    while page.step != step:
        page = buyer.submit(page, **answers[page.step])
    return page


def refused_page(response, status):
    """A page of the service's own, in French, that says what to do and quotes the request."""
    assert response.status_code == status, response.text[:500]
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    page = Page(response)
    assert response.headers["X-Request-Id"] in page.text and 'lang="fr"' in response.text
    return page


# --- order ---


@pytest.mark.parametrize("done", range(4))
def test_a_step_opens_once_those_before_it_are_done(buyer, done):
    walk_to(buyer, STEPS[done])
    for number, step in enumerate(STEPS):
        answer = buyer.http.get(f"{buyer.base}/{step}", allow_redirects=False, timeout=15)
        if number <= done:
            assert answer.status_code == 200, step
        else:
            assert answer.status_code == 303 and answer.headers["Location"].endswith("/" + STEPS[done]), step


def test_the_status_page_leads_to_the_open_step(buyer):
    walk_to(buyer, "additional_fields")
    assert buyer.open("sync_status").step == "additional_fields"


def test_a_post_to_a_step_that_is_not_open_changes_nothing(buyer):
    page = walk_to(buyer, "required_fields")
    page.form.action = f"{buyer.base}/summary"
    answer = buyer.post(page, allow_redirects=False)
    assert answer.status_code == 303 and answer.headers["Location"].endswith("/required_fields")
    assert buyer.sync_status() is None


def test_the_first_post_of_a_session_without_progress_starts_at_setup(buyer):
    page = buyer.open()
    buyer_without = Buyer(buyer.configuration_url)
    buyer_without.http.cookies.update(buyer.http.cookies)
    answer = buyer_without.post(page, allow_redirects=False)
    assert answer.status_code == 303


def test_every_step_after_the_first_links_to_the_one_before(buyer):
    for before, step in zip(STEPS, STEPS[1:]):
        assert f"{buyer.base}/{before}" in [link.partition("?")[0] for link in walk_to(buyer, step).links], step


def test_a_step_is_one_of_four(buyer):
    for number, step in enumerate(STEPS, 1):
        page = walk_to(buyer, step)
        assert f"Étape {number} sur 4" in page.text and f"Étape {number} sur 4" in page.title


# --- sessions ---


def test_a_new_session_resumes_with_a_notice(buyer, market):
    walk_to(buyer, "additional_fields")
    other = Buyer(market["configuration_url"])
    first = other.http.get(market["configuration_url"], allow_redirects=False, timeout=15)
    assert first.status_code == 303 and "/additional_fields" in first.headers["Location"]
    third = Buyer(market["configuration_url"]).open()
    assert third.step == "additional_fields" and "notice=resumed" in third.url


def test_within_a_session_setup_stays_open(buyer):
    walk_to(buyer, "additional_fields")
    assert buyer.open("setup").step == "setup"


def test_the_session_cookie_is_the_markets_own(buyer):
    answer = buyer.http.get(buyer.configuration_url, timeout=15)
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie and "SameSite=Lax" in cookie
    assert f"Path=/buyer/public_markets/{buyer.base.rpartition('/')[2]}" in cookie


def test_no_session_is_forced_upon_a_buyer(market):
    """A cookie that somebody else could have set to a value he knows is replaced when it can't be ours."""
    answer = requests.get(market["configuration_url"], headers={"Cookie": "vr_session=known"}, timeout=15)
    assert "vr_session=" in answer.headers["Set-Cookie"]


# --- forms that are not ours ---


def forged(buyer, page, headers=None, **values):
    return buyer.post(page, allow_redirects=False, headers=headers, **values)


@pytest.mark.parametrize("token", [None, "", "x", "A" * 43, "é"])
def test_a_form_without_the_right_token(buyer, token):
    page = buyer.open()
    refused_page(forged(buyer, page, csrf_token=token, defense="yes"), 403)
    assert buyer.open("required_fields").step == "setup"


def test_another_markets_token(buyer, editor, buy):
    other = buy(editor.create_market()).open()
    refused_page(forged(buyer, buyer.open(), csrf_token=other.form.values_of("csrf_token")[0]), 403)


def test_another_sessions_token(buyer, market):
    token = Buyer(market["configuration_url"]).open().form.values_of("csrf_token")[0]
    refused_page(forged(buyer, buyer.open(), csrf_token=token), 403)


def test_a_token_without_its_session(buyer):
    page = buyer.open()
    buyer.http.cookies.clear()
    refused_page(forged(buyer, page), 403)


@pytest.mark.parametrize("headers", [
    {"Origin": "https://evil.example"},
    {"Origin": "http://localhost"},
    {"Origin": "http://localhost:1"},
    {"Origin": ""},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "null"},
])
def test_a_form_from_elsewhere(buyer, headers):
    refused_page(forged(buyer, buyer.open(), headers=headers), 403)


@pytest.mark.parametrize("headers", [{"Origin": None}, {"Origin": "null"}, {"Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "none"}])
def test_our_own_form(buyer, headers):
    assert forged(buyer, buyer.open(), headers=headers).status_code == 303


def test_the_other_spelling_of_the_address_is_ours_too(stack, market):
    buyer = Buyer(market["configuration_url"].replace("localhost", "127.0.0.1"))
    assert forged(buyer, buyer.open(), headers={"Origin": stack.url.replace("localhost", "127.0.0.1")}).status_code == 303


def test_a_retry_needs_the_token_too(buyer):
    buyer.complete()
    answer = buyer.http.post(f"{buyer.base}/retry_sync", data={"a": "b"}, allow_redirects=False, timeout=15)
    page = refused_page(answer, 403)
    for link in [link for link in page.links if not link.startswith(page.url + "#")]:
        assert buyer.http.get(link, timeout=15).status_code == 200, link


def test_a_form_of_another_media_type(buyer):
    page = buyer.open()
    answer = buyer.http.post(page.form.action, json=dict(page.form.sent({})), allow_redirects=False, timeout=15)
    refused_page(answer, 415)


# --- answers ---


def test_the_required_fields_are_those_of_the_types(buyer):
    page = walk_to(buyer, "required_fields")
    assert f"{len(required(TYPES))} champs sont demandés" in page.text


def test_defence_adds_its_fields(buyer):
    page = buyer.submit(buyer.open(), defense="yes")
    assert f"{len(required(TYPES + ['defense']))} champs sont demandés" in page.text


def test_only_what_can_be_chosen_is_offered(buyer):
    page = walk_to(buyer, "additional_fields")
    assert page.form.values_of("choices") == choosable(TYPES)
    assert page.form.values_of("answer") == ["yes", "no"]


@pytest.mark.parametrize("key", ["no_such_field", "", "company_name ", "../x", "<script>"])
def test_an_unknown_choice_is_refused(buyer, key):
    page = walk_to(buyer, "additional_fields")
    kept = choosable(TYPES)[0]
    answer = buyer.submit(page, answer="yes", choices=[kept, key])
    assert answer.status == 422 and answer.title.startswith("Erreur\xa0: ")
    assert "errors" in answer.ids and "<script>" not in answer.response.text.partition("<main")[2]
    assert buyer.open("summary").step == "additional_fields"
    assert not any(control.checked for control in buyer.open("additional_fields").form.controls)


def test_a_choice_of_another_type_is_refused(buyer):
    foreign = sorted(set(choosable(["works"])) - set(choosable(TYPES)) - set(required(TYPES)))[0]
    answer = buyer.submit(walk_to(buyer, "additional_fields"), answer="yes", choices=[foreign])
    assert answer.status == 422
    assert buyer.open("summary").step == "additional_fields"


def test_an_invalid_choice_keeps_the_input(buyer):
    good = choosable(TYPES)[:2]
    answer = buyer.submit(walk_to(buyer, "additional_fields"), answer="yes", choices=good + ["no_such_field"])
    ticked = [control.value for control in answer.form.controls if control.checked]
    assert answer.status == 422 and ticked == ["yes"] + good


def test_an_unknown_save_is_refused_too(buyer):
    page = walk_to(buyer, "additional_fields")
    assert buyer.submit(page, answer="yes", choices=["no_such_field"], action="save").status == 422


def test_yes_with_nothing_chosen(buyer):
    answer = buyer.submit(walk_to(buyer, "additional_fields"), answer="yes")
    assert answer.status == 422 and "Choisissez au moins un champ" in answer.text
    assert f"{answer.url}#choices" in answer.links and "choices" in answer.ids


@pytest.mark.parametrize("value", [None, "", "maybe", "YES"])
def test_no_answer(buyer, value):
    answer = buyer.submit(walk_to(buyer, "additional_fields"), answer=value)
    assert answer.status == 422 and "Indiquez si vous souhaitez" in answer.text
    assert f"{answer.url}#answer-yes" in answer.links and "answer-yes" in answer.ids


def test_repeated_and_required_choices_are_dropped(buyer, market, receiver):
    key, needed = choosable(TYPES)[0], required(TYPES)[0]
    buyer.complete(choices=[key, key, needed])
    body = receiver.wait(1, identifier=market["identifier"])[0].json()
    assert body["market"]["field_keys"] == configured(TYPES, [key])


def test_no_drops_what_was_ticked(buyer, market, receiver):
    page = walk_to(buyer, "additional_fields")
    page = buyer.submit(page, answer="no", choices=choosable(TYPES)[:3])
    buyer.submit(page)
    assert receiver.wait(1, identifier=market["identifier"])[0].json()["market"]["field_keys"] == required(TYPES)


def test_undoing_defence_drops_its_choices(buyer, market, receiver):
    with_defense = TYPES + ["defense"]
    extra = sorted(set(choosable(with_defense)) - set(choosable(TYPES)))[0]
    kept = choosable(TYPES)[0]
    buyer.go_to_summary(defense=True, choices=[extra, kept])
    page = buyer.submit(buyer.open("setup"), defense=None)
    assert page.step == "required_fields"
    page = buyer.submit(page)
    ticked = [control.value for control in page.form.controls if control.checked]
    assert ticked == ["yes", kept]
    page = buyer.submit(buyer.submit(page))
    assert page.step == "sync_status"
    assert receiver.wait(1, identifier=market["identifier"])[0].json()["market"]["field_keys"] == configured(TYPES, [kept])


def test_defence_set_by_the_editor_is_locked(editor, buy):
    market = editor.create_market(market_type_codes=["works", "defense"])
    buyer = buy(market)
    page = buyer.open()
    page = buyer.submit(page, defense=None)
    assert f"{len(required(['works', 'defense']))} champs" in page.text


@pytest.mark.parametrize("value", ["no", "1", "<b>"])
def test_a_defence_that_is_no_answer(buyer, value):
    answer = buyer.submit(buyer.open(), defense=value)
    assert answer.status == 422 and "errors" in answer.ids
    assert buyer.open("required_fields").step == "setup"


def test_a_change_from_the_summary_leads_back_to_it(buyer):
    page = buyer.go_to_summary(choices=choosable(TYPES)[:1])
    change = next(link for link in page.links if "/required_fields?from=summary" in link)
    assert buyer.submit(buyer.open(change)).step == "summary"


# --- the end ---


def test_a_completed_market_leads_to_its_status(buyer, market, editor):
    pages = {step: walk_to(buyer, step) for step in STEPS}
    buyer.submit(pages["summary"])
    until(lambda: editor.market(market["identifier"])["status"] == "completed", 15, "completed")
    for step, page in pages.items():
        for answer in (buyer.http.get(f"{buyer.base}/{step}", allow_redirects=False, timeout=15),
                       buyer.post(page, allow_redirects=False, answer="no")):
            assert answer.status_code == 303 and answer.headers["Location"].endswith("/sync_status"), step
    assert Buyer(market["configuration_url"]).open().step == "sync_status"


def test_pressing_twice_is_one_completion(stack, buyer, market, receiver, editor):
    page = buyer.go_to_summary()
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: buyer.post(page, allow_redirects=False), range(8)))
    assert {answer.status_code for answer in answers} == {303}
    assert all(answer.headers["Location"].endswith("/sync_status") for answer in answers)
    until(lambda: editor.market(market["identifier"])["sync_status"] == "sync_completed", 15, "sync_completed")
    events = Events(stack)
    assert len({event.id for event in events.of("market.completed", market["identifier"])}) == 1
    assert len({event.id for event in events.of("configuration.submitted", market["identifier"])}) == 1
    assert len(receiver.of(market["identifier"])) == 1


def test_two_people_at_once_are_one_completion(buyer, market, receiver, editor):
    first = buyer.go_to_summary()
    other = Buyer(market["configuration_url"])
    second = other.open()
    assert second.step == "summary"
    with ThreadPoolExecutor(2) as threads:
        told = [threads.submit(buyer.post, first), threads.submit(other.post, second)]
    assert [one.result().status_code for one in told] == [200, 200]
    until(lambda: editor.market(market["identifier"])["sync_status"] == "sync_completed", 15, "sync_completed")
    assert len(receiver.of(market["identifier"])) == 1


# --- pages ---


@pytest.mark.parametrize("identifier", [UNKNOWN, "VR-2024", "x", "%3Cscript%3E", "VR-2024-a1b2c3d4e5f6"])
@pytest.mark.parametrize("step", ["setup", "summary", "sync_status"])
def test_an_unknown_market_is_a_page(stack, identifier, step):
    page = refused_page(requests.get(f"{stack.url}/buyer/public_markets/{identifier}/{step}", timeout=15), 404)
    assert "Marché introuvable" in page.text and "<script>" not in page.response.text.partition("<main")[2]


def test_an_unknown_market_is_json_for_programs(stack):
    answer = requests.get(f"{stack.url}/buyer/public_markets/{UNKNOWN}/sync_status.json", timeout=15)
    assert (answer.status_code, answer.json()) == (404, {"error": "Resource not found"})


def test_an_unknown_page_is_a_page(stack):
    refused_page(requests.get(f"{stack.url}/buyer/nothing", timeout=15), 404)


def test_another_method_is_a_page(buyer):
    answer = buyer.http.delete(buyer.configuration_url, timeout=15)
    refused_page(answer, 405)
    assert set(answer.headers["Allow"].split(", ")) == {"GET", "HEAD", "POST"}


NASTY = "<script>alert(1)</script>\"'&{{name}}</title><b>"


def test_the_markets_name_is_text(editor, buy):
    buyer = buy(editor.create_market(name=NASTY, lot_name="<img src=x onerror=alert(2)>"))
    for step in STEPS:
        page = walk_to(buyer, step)
        assert "<script>alert" not in page.response.text and "<img src=x" not in page.response.text, step
        assert html.unescape(NASTY) in html.unescape(page.response.text), step
        assert page.title.count("–") == 2, step
    page = buyer.submit(page)
    assert "<script>alert" not in page.response.text


@pytest.mark.parametrize("query", ["notice=<script>", "dropped=1e9", "dropped=<b>", "from=<b>", "lang=xx", "a=%zz", "lang=fr&lang=en"])
def test_hostile_queries_do_no_harm(buyer, query):
    walk_to(buyer, "required_fields")
    answer = buyer.http.get(f"{buyer.base}/required_fields?{query}", allow_redirects=False, timeout=15)
    assert answer.status_code in (200, 400) and "<script>" not in answer.text.partition("<main")[2] and "<b>" not in answer.text


def test_the_language_is_chosen_and_kept(buyer):
    page = buyer.open("setup?lang=en")
    assert 'lang="en"' in page.response.text and "?" not in page.url
    assert 'lang="en"' in buyer.open("setup").response.text


@pytest.mark.parametrize("path", ["setup", "nothing", "sync_status.json"])
def test_every_answer_has_the_security_headers(buyer, path):
    answer = buyer.http.get(f"{buyer.base}/{path}", timeout=15)
    policy = answer.headers["Content-Security-Policy"]
    for directive in ("default-src 'none'", "script-src 'self'", "form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'"):
        assert directive in policy
    assert "unsafe" not in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "same-origin"
    assert answer.headers["Cache-Control"] == "no-store"
    assert not any(name.lower().startswith("access-control") for name in answer.headers)


def test_assets_are_kept_for_ever(buyer, stack):
    page = buyer.open().response.text
    names = {part.split('"')[0] for part in page.split('"/buyer/assets/')[1:]}
    assert names
    for name in names:
        answer = requests.get(f"{stack.url}/buyer/assets/{name}", timeout=15)
        assert answer.status_code == 200 and "immutable" in answer.headers["Cache-Control"]
    assert requests.get(f"{stack.url}/buyer/assets/../setup", timeout=15).status_code == 404
