"""Forms that no honest browser would send: each is refused by the right page, and changes nothing."""

import pytest
import requests
from support.buyer import Page
from support.catalogue import choosable, required
from support.events import Events
from support.waiting import until

STEPS = ["setup", "required_fields", "additional_fields", "summary"]
TYPES = ["supplies", "services"]
GOOD = choosable(TYPES)[0]


@pytest.fixture
def market(editor):
    return editor.create_market(market_type_codes=TYPES)


@pytest.fixture
def buyer(buy, market):
    return buy(market)


def walk_to(buyer, step):
    page = buyer.open()
    answers = {"setup": {}, "required_fields": {}, "additional_fields": {"answer": "yes", "choices": [GOOD]}}
    while page.step != step:
        page = buyer.submit(page, **answers[page.step])
    return page


@pytest.fixture
def kept(stack, market):
    """kept(): what Redis knows of this market's buyer; times left out, which a look at a page may move."""
    def look():
        keys = (f"vr:{kind}:{market['identifier']}" for kind in ("progress", "submission"))
        return [stack.redis().get(key) for key in keys]

    return look


def send(buyer, page, pairs, action=None):
    """Exactly these pairs and the token, as text."""
    token = page.form.values_of("csrf_token")[0]
    body = "&".join([f"csrf_token={token}", *pairs])
    return buyer.http.post(action or page.form.action, data=body.encode(), allow_redirects=False, timeout=15, headers={
        "Content-Type": "application/x-www-form-urlencoded", "Origin": "/".join(page.form.action.split("/")[:3])})


# --- keys ---


@pytest.mark.parametrize("key", [
    GOOD.upper(), f"%20{GOOD}", f"{GOOD}%20", f"{GOOD}%00", f"{GOOD}%0A", "%00", "%C0%AE%C0%AE", "%ED%A0%80", "%FF", "x" * 4096, "..%2F..%2Fetc%2Fpasswd",
    f"{GOOD},{GOOD}", f"{GOOD}[]", "%7B%7Bname%7D%7D", "%27%20OR%201=1--", "__proto__",
])
def test_a_forged_key(buyer, kept, key):
    page = walk_to(buyer, "additional_fields")
    before = kept()
    answer = send(buyer, page, ["answer=yes", f"choices={GOOD}", f"choices={key}"])
    assert answer.status_code in (400, 422), answer.text[:300]
    assert answer.headers["Content-Type"].startswith("text/html") and 'lang="fr"' in answer.text
    assert kept() == before
    if answer.status_code == 422:
        told = Page(answer)
        assert "errors" in told.ids and told.title.startswith("Erreur\xa0: ")
        assert [control.value for control in told.form.controls if control.checked] == ["yes", GOOD], "input kept"


@pytest.mark.parametrize("foreign", [["works"], ["defense"]])
@pytest.mark.parametrize("action", ["continue", "save"])
def test_every_key_of_another_type(buyer, kept, foreign, action):
    page = walk_to(buyer, "additional_fields")
    before = kept()
    own = set(choosable(TYPES)) | set(required(TYPES))
    keys = sorted((set(choosable(foreign)) | set(required(foreign))) - own)
    assert keys
    for key in keys:
        answer = send(buyer, page, ["answer=yes", f"choices={key}", f"action={action}"])
        assert answer.status_code == 422 and "ne peut pas être choisi" in answer.text, key
    assert kept() == before


@pytest.mark.parametrize("count, statuses", [(400, {422}), (600, {400, 413}), (10_000, {413})])
@pytest.mark.parametrize("port", ["VR_HTTP_PORT", "VR_WIZARD_HTTP_PORT"])
def test_many_keys(stack, buyer, kept, count, statuses, port):
    """Ten thousand are more than a body may hold; at the front door and at the wizard's own."""
    page = walk_to(buyer, "additional_fields")
    before = kept()
    action = f"http://localhost:{stack.env[port]}/" + page.form.action.split("/", 3)[3]
    answer = send(buyer, page, ["answer=yes", *(f"choices=field_{number}" for number in range(count))], action)
    assert answer.status_code in statuses, answer.text[:300]
    assert answer.headers["Content-Type"].startswith("text/html") and "<h1" in answer.text
    assert kept() == before
    assert buyer.open("additional_fields").status == 200


@pytest.mark.parametrize("pairs", [["answer=yes", "answer=no", f"choices={GOOD}"], ["answer=no", "answer=yes"]])
def test_yes_and_no_is_no_answer(buyer, kept, pairs):
    page = walk_to(buyer, "additional_fields")
    before = kept()
    answer = send(buyer, page, pairs)
    assert answer.status_code == 422 and "Indiquez si vous souhaitez" in answer.text
    assert kept() == before


# --- steps out of order ---


@pytest.mark.parametrize("done", range(4))
def test_a_later_step_is_not_open_to_forms_either(buyer, kept, done):
    page = walk_to(buyer, STEPS[done])
    before = kept()
    for step in STEPS[done + 1:]:
        answer = send(buyer, page, ["answer=yes", f"choices={GOOD}"], f"{buyer.base}/{step}")
        assert answer.status_code == 303 and answer.headers["Location"].endswith("/" + STEPS[done]), step
    assert kept() == before and buyer.sync_status() is None


def test_a_retry_before_any_confirmation(buyer, kept):
    page = walk_to(buyer, "summary")
    before = kept()
    answer = send(buyer, page, [], f"{buyer.base}/retry_sync")
    assert answer.status_code == 303 and answer.headers["Location"].endswith("/summary")
    assert kept() == before


# --- a completed market ---


def test_a_completed_market_takes_nothing_more(stack, buyer, buy, market, kept, editor, receiver):
    pages = {step: walk_to(buyer, step) for step in STEPS}
    buyer.submit(pages["summary"])
    identifier = market["identifier"]
    until(lambda: editor.market(identifier)["sync_status"] == "sync_completed", 15, "sync_completed")
    until(lambda: not stack.redis().hlen("vr:wizard:outbox"), 15, "all events sent")
    before, fields = kept(), editor.market(identifier)["field_keys"]
    told = {one.id for one in Events(stack).topic("voie-rapide.configuration.v1") if one.key == identifier}

    for step, page in pages.items():
        for pairs in (["defense=yes"], ["answer=yes", "choices=no_such_field"], ["answer=no"], []):
            answer = send(buyer, page, pairs)
            assert answer.status_code == 303 and answer.headers["Location"].endswith("/sync_status"), (step, pairs)
    answer = send(buyer, pages["summary"], [], f"{buyer.base}/retry_sync")
    assert answer.status_code == 409 and "il n’y a rien à relancer" in answer.text
    assert requests.post(f"{buyer.base}/summary", data={"csrf_token": "x"}, allow_redirects=False, timeout=15).status_code in (303, 403)
    assert buy(market).open().step == "sync_status"

    assert kept() == before and editor.market(identifier)["field_keys"] == fields
    assert {one.id for one in Events(stack).topic("voie-rapide.configuration.v1") if one.key == identifier} == told
    assert len(receiver.of(identifier)) == 1
