"""The whole flow, once, as the seed tells it."""

import requests

from support.waiting import until


def test_an_editor_gets_its_signed_webhook(editor, receiver, buy):
    market = editor.create_market()

    buy(market).complete()

    request = receiver.wait(1, identifier=market["identifier"])[0]
    assert request.is_signed_by(editor.webhook_secret)
    assert request.json()["event"] == "market.completed"
    assert request.json()["market"]["field_keys"]
    until(lambda: editor.market(market["identifier"])["sync_status"] == "sync_completed", 10, "sync_completed")


def test_the_front_door_explains_itself(stack):
    page = requests.get(stack.url, timeout=5)
    assert page.status_code == 200 and "Voie Rapide" in page.text and stack.demo_url in page.text
    lost = requests.get(f"{stack.url}/internal/markets", timeout=5)
    assert lost.status_code == 404 and lost.json() == {"error": "Resource not found"}
    assert lost.headers["X-Request-Id"] and lost.headers["X-Content-Type-Options"] == "nosniff"
