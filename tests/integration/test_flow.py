"""From a token to the signed webhook, for markets of several kinds; and what happens when the editor does not take it."""

import base64
import hashlib
import hmac
import json
import re
import subprocess
import time

import pytest
from support.catalogue import choosable, configured, required
from support.receiver import Answer
from support.waiting import until

TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z")
SECOND_TRY_S = 3
RETRY_FORM = "/retry_sync"


def with_schedule(editor, schedule):
    """The same, once webhook has heard of it."""
    editor.command("update", "--retry-schedule", schedule)
    endpoint_of(editor, lambda endpoint: endpoint["retry_schedule"])
    return editor


def endpoint_of(editor, condition):
    """What webhook knows of the editor, once it is so."""
    def known():
        rows = editor.stack.query("webhook", "SELECT * FROM endpoints WHERE editor_id = ?", editor.id)
        return rows and condition(rows[0]) and rows[0]

    return until(known, 10, f"webhook knows {editor.id}")


@pytest.fixture
def patient_editor(make_editor, receiver):
    """Its failed webhooks are not tried again by themselves while a test lasts."""
    return with_schedule(make_editor(webhook_url=receiver.url), "1h")


def synced(editor, identifier, status="sync_completed"):
    until(lambda: editor.market(identifier)["sync_status"] == status, 15, f"{identifier} {status}")
    return editor.market(identifier)


def retry_forms(page):
    return [form for form in page.forms if form.action.endswith(RETRY_FORM)]


# --- what arrives ---

KINDS = {
    "supplies": (["supplies"], False, 0),
    "works and services, fields added": (["works", "services"], False, 3),
    "supplies, defence added by the buyer": (["supplies"], True, 2),
    "services, defence set by the editor": (["services", "defense"], False, 1),
    "all types, all fields": (["supplies", "services", "works"], True, 500),
}


@pytest.mark.parametrize("types, add_defense, extra", KINDS.values(), ids=KINDS.keys())
def test_a_market_from_creation_to_webhook(editor, receiver, buy, types, add_defense, extra):
    every_type = types + (["defense"] if add_defense else [])
    chosen = choosable(every_type)[-extra:] if extra else []
    created = editor.create_market(market_type_codes=types)
    buyer = buy(created)

    page = buyer.complete(defense=add_defense, choices=list(reversed(chosen)))

    identifier = created["identifier"]
    body = receiver.wait(1, identifier=identifier)[0].json()
    assert body["market"]["field_keys"] == configured(every_type, chosen)
    assert sorted(body["market"]["market_type_codes"]) == sorted(every_type)
    market = synced(editor, identifier)
    assert (market["status"], market["field_keys"]) == ("completed", configured(every_type, chosen))
    assert market["completed_at"] == body["market"]["completed_at"]
    assert sorted(market["market_type_codes"]) == sorted(every_type)
    assert buyer.sync_status() == "sync_completed"
    page = buyer.open("sync_status")
    assert identifier in page.text and f"{len(market['field_keys'])} champs" in page.text
    assert "Succès : configuration validée et transmise" in page.text
    assert f"http://localhost:1/retour?marche={identifier}" in page.links
    assert not retry_forms(page)
    assert len(receiver.of(identifier)) == 1


def test_the_body_is_the_seeds(editor, receiver, buy):
    name, lot = "Fourniture de matériel \"informatique\" & <autres> €", "Lot 1 - Ordinateurs / stations"
    created = editor.create_market(name=name, lot_name=lot, deadline="2024-06-15T23:59:59Z")
    before = time.time()
    buy(created).complete()

    body = receiver.wait(1)[0].json()

    assert list(body) == ["event", "timestamp", "market"]
    assert body["event"] == "market.completed" and TIME.fullmatch(body["timestamp"])
    market = body["market"]
    assert list(market) == ["identifier", "name", "lot_name", "deadline", "market_type_codes", "completed_at", "field_keys"]
    assert (market["identifier"], market["name"], market["lot_name"]) == (created["identifier"], name, lot)
    assert (market["deadline"], market["market_type_codes"]) == ("2024-06-15T23:59:59Z", ["supplies", "services"])
    assert TIME.fullmatch(market["completed_at"])
    assert market["completed_at"] >= time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(before))


def test_without_a_lot_its_name_is_null(editor, receiver, buy):
    buy(editor.create_market(lot_name=None)).complete()
    market = receiver.wait(1)[0].json()["market"]
    assert "lot_name" in market and market["lot_name"] is None


def test_the_request_and_its_signatures(editor, receiver, buy, tmp_path):
    buy(editor.create_market()).complete()
    request = receiver.wait(1)[0]

    assert (request.method, request.path) == ("POST", "/webhook")
    assert request.header("Content-Type") == "application/json"
    assert re.fullmatch(r"VoieRapide-Webhook/\S+", request.header("User-Agent"))
    assert request.header("Content-Length") == str(len(request.body))
    (tmp_path / "body").write_bytes(request.body)
    told = subprocess.run(["openssl", "dgst", "-sha256", "-hmac", editor.webhook_secret, tmp_path / "body"],
                          stdout=subprocess.PIPE, text=True, check=True)
    assert request.header("X-Webhook-Signature-SHA256") == "sha256=" + told.stdout.split()[-1]
    # Standard Webhooks, as its specification says it
    assert editor.webhook_secret.startswith("whsec_")
    key = base64.b64decode(editor.webhook_secret[len("whsec_"):], validate=True)
    text = b".".join([request.header("webhook-id").encode(), request.header("webhook-timestamp").encode(), request.body])
    wanted = base64.b64encode(hmac.new(key, text, hashlib.sha256).digest()).decode()
    assert request.header("webhook-signature") == f"v1,{wanted}"
    assert abs(int(request.header("webhook-timestamp")) - request.at) < 5


def test_a_secret_of_the_editors_own(make_editor, receiver, buy, tmp_path):
    (tmp_path / "secret").write_text("un secret rien qu'a nous, 2024")
    editor = make_editor(webhook_url=receiver.url, webhook_secret_file=tmp_path / "secret")
    buy(editor.create_market()).complete()
    assert receiver.wait(1)[0].is_signed_by("un secret rien qu'a nous, 2024")


def test_both_secrets_during_a_rotation(editor, receiver, buy):
    old = editor.webhook_secret
    new = editor.command("rotate-webhook-secret", "--overlap", "1h")["webhook_secret"]
    endpoint_of(editor, lambda endpoint: endpoint["old_secret"])
    buy(editor.create_market()).complete()
    request = receiver.wait(1)[0]
    sent = request.header("webhook-signature").split(" ")
    assert sorted(sent) == sorted([request.standard_signature(old), request.standard_signature(new)])
    digest = hmac.new(old.encode(), request.body, hashlib.sha256).hexdigest()
    assert request.header("X-Webhook-Signature-SHA256") == f"sha256={digest}"


def test_the_old_secret_ends_at_once_without_overlap(editor, receiver, buy):
    rotated = editor.command("rotate-webhook-secret", "--overlap", "0")
    new = rotated["webhook_secret"]
    endpoint_of(editor, lambda endpoint: endpoint["version"] >= rotated["version"])
    buy(editor.create_market()).complete()
    request = receiver.wait(1)[0]
    assert request.is_signed_by(new) and " " not in request.header("webhook-signature")


# --- when the editor does not take it ---


def test_failed_shown_tried_again_delivered(make_editor, receiver, buy):
    editor = with_schedule(make_editor(webhook_url=receiver.url), f"{SECOND_TRY_S}s")
    receiver.answer(Answer(503, body="occupé <b>".encode()))
    created = editor.create_market()
    buyer = buy(created)
    buyer.complete()

    synced(editor, created["identifier"], "sync_failed")
    page = buyer.open("sync_status")
    assert "pas encore transmise" in page.text and "Une nouvelle tentative est prévue le" in page.text
    assert retry_forms(page)
    synced(editor, created["identifier"])
    first, second = receiver.wait(2, identifier=created["identifier"])
    assert SECOND_TRY_S * 0.75 < second.at - first.at < SECOND_TRY_S * 1.25 + 2
    assert (second.body, second.header("webhook-id")) == (first.body, first.header("webhook-id"))
    assert first.is_signed_by(editor.webhook_secret) and second.is_signed_by(editor.webhook_secret)
    assert int(second.header("webhook-timestamp")) > int(first.header("webhook-timestamp"))


def test_the_retry_button_delivers(patient_editor, receiver, buy):
    receiver.answer(503)
    created = patient_editor.create_market()
    buyer = buy(created)
    buyer.complete()
    synced(patient_editor, created["identifier"], "sync_failed")

    page = buyer.open("sync_status")
    after = buyer.http.post(retry_forms(page)[0].action, data=retry_forms(page)[0].sent({}), timeout=15)

    assert after.status_code == 200 and after.url.partition("?")[0].endswith("/sync_status")
    synced(patient_editor, created["identifier"])
    first, second = receiver.of(created["identifier"])
    assert (second.body, second.header("webhook-id")) == (first.body, first.header("webhook-id"))


def press_retry(buyer, form):
    return buyer.http.post(form.action, data=form.sent({}), allow_redirects=False, timeout=15)


def test_the_retry_button_is_only_for_failures(patient_editor, receiver, buy):
    receiver.answer(503)
    created = patient_editor.create_market()
    buyer = buy(created)
    buyer.complete()
    synced(patient_editor, created["identifier"], "sync_failed")
    form = retry_forms(buyer.open("sync_status"))[0]
    assert press_retry(buyer, form).status_code == 303
    synced(patient_editor, created["identifier"])

    late = press_retry(buyer, form)

    assert late.status_code == 409 and "il n’y a rien à relancer" in late.text
    assert len(receiver.of(created["identifier"])) == 2


def test_three_retries_an_hour(patient_editor, receiver, buy):
    receiver.default = Answer(503)
    created = patient_editor.create_market()
    buyer = buy(created)
    buyer.complete()
    for tries in range(2, 5):
        synced(patient_editor, created["identifier"], "sync_failed")
        form = retry_forms(buyer.open("sync_status"))[0]
        assert press_retry(buyer, form).status_code == 303
        receiver.wait(tries, identifier=created["identifier"])
        synced(patient_editor, created["identifier"], "sync_failed")

    refused = press_retry(buyer, form)

    assert refused.status_code == 429 and int(refused.headers["Retry-After"]) <= 3600
    assert "Réessayez dans" in refused.text
    assert len(receiver.of(created["identifier"])) == 4


def test_no_retry_for_an_editor_who_is_off(patient_editor, receiver, buy):
    receiver.answer(503)
    created = patient_editor.create_market()
    buyer = buy(created)
    buyer.complete()
    synced(patient_editor, created["identifier"], "sync_failed")
    form = retry_forms(buyer.open("sync_status"))[0]
    patient_editor.command("deauthorize")
    refused = press_retry(buyer, form)
    assert refused.status_code == 403 and "n’est plus autorisée" in refused.text
    assert len(receiver.of(created["identifier"])) == 1


@pytest.mark.parametrize("status", [301, 302, 307])
def test_redirects_are_never_followed(patient_editor, receiver, buy, status):
    receiver.answer(Answer(status, headers={"Location": receiver.url + "/elsewhere"}))
    created = patient_editor.create_market()
    buy(created).complete()
    synced(patient_editor, created["identifier"], "sync_failed")
    assert [request.path for request in receiver.requests] == ["/webhook"]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 422])
def test_refusals_are_not_tried_again_by_themselves(make_editor, receiver, buy, status):
    editor = with_schedule(make_editor(webhook_url=receiver.url), "1s,1s")
    receiver.answer(status)
    created = editor.create_market()
    buyer = buy(created)
    buyer.complete()
    synced(editor, created["identifier"], "sync_failed")
    page = buyer.open("sync_status")
    assert "nouvelle tentative est prévue" not in page.text and retry_forms(page)
    [delivery] = editor.stack.run("vr-webhook", "deliveries", "list", created["identifier"])["deliveries"]
    assert delivery["next_attempt_at"] is None and len(delivery["attempts"]) == 1


def test_one_dead_editor_delays_no_other(make_editor, receiver, buy):
    dead = make_editor(webhook_url="http://127.0.0.1:9/webhook")
    alive = make_editor(webhook_url=receiver.url)
    for _ in range(3):
        buy(dead.create_market()).complete()
    created = alive.create_market()
    buy(created).complete()
    receiver.wait(1, seconds=5, identifier=created["identifier"])


def test_an_editor_without_an_endpoint(make_editor, buy):
    editor = make_editor()
    created = editor.create_market()
    buyer = buy(created)
    buyer.complete()
    market = synced(editor, created["identifier"], "sync_failed")
    assert market["status"] == "completed" and market["field_keys"] == required(["supplies", "services"])
    assert retry_forms(buyer.open("sync_status"))


def test_the_snapshot_keeps_no_stale_state(editor, buy, receiver):
    """The JSON that the page's script asks for, and the page, agree with the API at once."""
    created = editor.create_market()
    buyer = buy(created)
    assert buyer.sync_status() is None
    buyer.complete()
    synced(editor, created["identifier"])
    assert buyer.sync_status() == "sync_completed"
    accepted = buyer.http.get(f"{buyer.base}/sync_status", headers={"Accept": "application/json"}, timeout=15)
    assert json.loads(accepted.content) == {"sync_status": "sync_completed"}
